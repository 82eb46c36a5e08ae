// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: a peer in the same kernel, net/unix/garbage.c.  The objects are
 * sockets, a reference is a message in the receiver's queue with the other's
 * file in it, and what only such messages refer to is garbage.
 *
 * The time begins when the collection is queued and ends when the last socket
 * is destroyed: as there, it includes freeing messages, files, dentries and
 * sockets, but not what RCU frees afterwards (the inodes, in which struct
 * socket lies).  Only a kernel that has all of it built in can call this.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/sched/user.h>
#include <linux/workqueue.h>
#include <net/af_unix.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "bench.h"

static unsigned long sockets = 100000;
module_param(sockets, ulong, 0444);
MODULE_PARM_DESC(sockets, "Sockets of the graphs of the peer net/unix/garbage.c");

/* The sender waits for a collection when one user has more in flight. */
#define MESSAGES_A_USER 1024

/* Whom the socket @i of so many refers to. */
typedef unsigned long (*shape)(unsigned long i, unsigned long nr);

static atomic_long_t destroyed;
static unsigned long expected;
static DECLARE_COMPLETION(all_destroyed);
static void (*unix_destruct)(struct sock *sk);

static void count_destruct(struct sock *sk)
{
	unix_destruct(sk);
	if (atomic_long_inc_return(&destroyed) == expected)
		complete(&all_destroyed);
}

static struct file *socket_file(struct socket *sock)
{
	unix_destruct = sock->sk->sk_destruct;
	sock->sk->sk_destruct = count_destruct;
	return sock_alloc_file(sock, 0, NULL);
}

/* Two sockets, each sends to the other. */
static bool create_pair(struct file **file)
{
	struct socket *a, *b;

	if (sock_create_kern(&init_net, AF_UNIX, SOCK_DGRAM, 0, &a))
		return false;
	if (sock_create_kern(&init_net, AF_UNIX, SOCK_DGRAM, 0, &b)) {
		sock_release(a);
		return false;
	}
	if (a->ops->socketpair(a, b)) {
		sock_release(a);
		sock_release(b);
		return false;
	}
	file[0] = socket_file(a);
	file[1] = socket_file(b);
	if (!IS_ERR(file[0]) && !IS_ERR(file[1]))
		return true;
	if (!IS_ERR(file[0]))
		__fput_sync(file[0]);
	if (!IS_ERR(file[1]))
		__fput_sync(file[1]);
	return false;
}

static int send_descriptor(struct socket *sock, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] __aligned(sizeof(long)) = {};
	struct cmsghdr *header = (struct cmsghdr *)control;
	struct msghdr message = {
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	char byte = 0;
	struct kvec vec = { .iov_base = &byte, .iov_len = 1 };

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return kernel_sendmsg(sock, &message, &vec, 1, 1);
}

/* From now on @owner's queue refers to @target. */
static bool refer(struct file *owner_partner, struct file *target)
{
	int fd = get_unused_fd_flags(0), sent;

	if (fd < 0)
		return false;
	fd_install(fd, get_file(target));
	sent = send_descriptor(sock_from_file(owner_partner), fd);
	close_fd(fd);
	return sent == 1;
}

static const struct cred *become_user(unsigned int number)
{
	struct cred *cred = prepare_creds();
	struct user_struct *user;

	if (!cred)
		return NULL;
	user = alloc_uid(KUIDT_INIT(number));
	if (user) {
		free_uid(cred->user);
		cred->user = user;
	}
	return cred;
}

/* As many as one user may send. */
static bool refer_some(struct file **file, unsigned long nr, shape next,
		       unsigned long from, unsigned long to)
{
	const struct cred *cred = become_user(1 + from / MESSAGES_A_USER), *old;
	bool done = cred;

	if (!cred)
		return false;
	old = override_creds(cred);
	for (; done && from < to; from++)
		done = refer(file[from ^ 1], file[next(from, nr)]);
	revert_creds(old);
	put_cred(cred);
	return done;
}

/*
 * The last is sent after the kernel has looked at all others, as it does by
 * itself when there are so many: so what it knows of the graph is out of date
 * when the time begins.
 */
static bool refer_all(struct file **file, unsigned long nr, shape next)
{
	unsigned long i;

	for (i = 0; i < nr - 1; i += MESSAGES_A_USER)
		if (!refer_some(file, nr, next, i,
				min(i + MESSAGES_A_USER, nr - 1)))
			return false;
	__flush_workqueue(system_unbound_wq);
	return refer_some(file, nr, next, nr - 1, nr);
}

static unsigned long create_all(struct file **file, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i += 2)
		if (!create_pair(&file[i]))
			break;
	return i;
}

/* Files that nobody refers to are closed by work, and here and now. */
static u64 collect(void)
{
	u64 begun = ktime_get_ns();

	unix_gc();
	__flush_workqueue(system_unbound_wq);
	flush_delayed_fput();
	if (!wait_for_completion_timeout(&all_destroyed, 10 * HZ))
		bench_failed("sockets were left");
	return ktime_get_ns() - begun;
}

static u64 measure_once(struct file **file, unsigned long nr, shape next)
{
	unsigned long i, created;
	bool done;

	rcu_barrier();
	created = create_all(file, nr);
	atomic_long_set(&destroyed, 0);
	expected = created;
	reinit_completion(&all_destroyed);
	done = created == nr && refer_all(file, nr, next);
	if (!done)
		bench_failed("no memory for sockets");
	for (i = 0; i < created; i++)
		__fput_sync(file[i]);
	return collect();
}

static void measure(const char *name, shape next)
{
	unsigned long nr = max(sockets & ~1UL, 2UL);
	u64 figures[BENCH_ROUNDS_MOST];
	struct file **file;
	unsigned int i;

	if (!bench_wanted(name))
		return;
	file = kvcalloc(nr, sizeof(*file), GFP_KERNEL);
	if (!file)
		return bench_failed("no memory for sockets");
	for (i = 0; i < bench_rounds; i++)
		figures[i] = measure_once(file, nr, next);
	kvfree(file);
	bench_peer(name, "unix-gc",
		   div64_ul(bench_median(figures, bench_rounds) * 1000, nr),
		   "ns");
}

static unsigned long next_in_pair(unsigned long i, unsigned long nr)
{
	return i ^ 1;
}

static unsigned long next_in_ring(unsigned long i, unsigned long nr)
{
	return (i + 1) % nr;
}

void bench_unix(void)
{
	measure("reclaim/pairs", next_in_pair);
	measure("reclaim/ring", next_in_ring);
}
