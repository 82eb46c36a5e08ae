// SPDX-License-Identifier: GPL-2.0
/*
 * RCU as of a kernel without preemptible readers: who has preemption or
 * interrupts off is a reader.  A reader costs an addition to a variable of its
 * own; who waits for readers makes all processors order it (membarrier), or
 * under ThreadSanitizer, which knows of no such thing, readers do.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "user.h"

#ifdef USER_TSAN
int user_fence;

static void user_order(void)
{
	/* Pairs with what readers do to their states. */
	smp_mb();
}
#else
static void user_order(void)
{
	host_barrier_all();
}
#endif

static u64 user_read(const u64 *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

/* Has a thread left the section that it was in, or begun another? */
static bool user_passed(unsigned int cpu, u64 generation, u64 passed)
{
	u64 now;
	struct user_thread *thread = user_threads_lock(cpu, &now);
	bool done = !thread || now != generation || !user_read(&thread->state) ||
		    user_read(&thread->passed) != passed;

	user_threads_unlock();
	return done;
}

static void user_wait_for(unsigned int cpu)
{
	struct user_thread *thread;
	u64 generation, passed = 0;
	unsigned int tries = 0;

	thread = user_threads_lock(cpu, &generation);
	if (thread)
		passed = user_read(&thread->passed);
	user_threads_unlock();
	if (!thread || thread == &user_thread)
		return;
	while (!user_passed(cpu, generation, passed)) {
		if (++tries < 100)
			host_yield();
		else
			host_sleep_until(host_ns(1) + 50000);
	}
}

void synchronize_rcu(void)
{
	unsigned int cpu;

	WARN_ON_ONCE(user_state());
	user_order();
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		user_wait_for(cpu);
	user_order();
}

void synchronize_rcu_expedited(void)
{
	synchronize_rcu();
}

/* --- callbacks ---------------------------------------------------------- */

static LLIST_HEAD(callbacks);	/* struct rcu_head, newest first */
static LLIST_HEAD(frees);	/* the same, for kvfree_rcu() */
static struct user_waker rcu_waker;

/* Grace periods of the thread. */
static arch_spinlock_t grace_lock;
static unsigned long grace_completed, grace_wanted;
static bool grace_running;

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	head->func = func;
	if (llist_add((struct llist_node *)head, &callbacks))
		user_waker_wake(&rcu_waker);
}

void kvfree_call_rcu(struct rcu_head *head, void *ptr)
{
	if (!head) {
		synchronize_rcu();
		kvfree(ptr);
		return;
	}
	head->func = ptr;
	if (llist_add((struct llist_node *)head, &frees))
		user_waker_wake(&rcu_waker);
}

static void user_run_callbacks(struct llist_node *node)
{
	struct rcu_head *head;
	struct llist_node *next;

	for (node = llist_reverse_order(node); node; node = next) {
		next = node->next;
		head = (struct rcu_head *)node;
		local_bh_disable();
		head->func(head);
		local_bh_enable();
	}
}

static void user_run_frees(struct llist_node *node)
{
	struct llist_node *next;

	for (; node; node = next) {
		next = node->next;
		kvfree(((struct rcu_head *)node)->func);
	}
}

static bool user_grace_wanted(void)
{
	bool wanted;

	arch_spin_lock(&grace_lock);
	wanted = grace_wanted > grace_completed;
	grace_running = wanted;
	arch_spin_unlock(&grace_lock);
	return wanted;
}

static void user_grace_done(void)
{
	arch_spin_lock(&grace_lock);
	grace_completed++;
	grace_running = false;
	arch_spin_unlock(&grace_lock);
}

static void user_grace_begin(void)
{
	arch_spin_lock(&grace_lock);
	grace_running = true;
	arch_spin_unlock(&grace_lock);
}

static int user_rcu_thread(void *unused)
{
	for (;;) {
		unsigned int seen = user_waker_read(&rcu_waker);
		struct llist_node *ready = llist_del_all(&callbacks);
		struct llist_node *freed = llist_del_all(&frees);

		if (!ready && !freed && !user_grace_wanted()) {
			host_wait(&rcu_waker.word, seen, HOST_FOREVER);
			continue;
		}
		user_grace_begin();
		synchronize_rcu();
		user_grace_done();
		user_run_callbacks(ready);
		user_slab_give_back();
		user_run_frees(freed);
	}
	return 0;
}

struct user_barrier {
	struct rcu_head rcu;
	struct completion done;
};

static void user_barrier_done(struct rcu_head *rcu)
{
	complete(&container_of(rcu, struct user_barrier, rcu)->done);
}

void rcu_barrier(void)
{
	struct user_barrier barrier;

	init_completion(&barrier.done);
	call_rcu(&barrier.rcu, user_barrier_done);
	wait_for_completion(&barrier.done);
}

unsigned long get_state_synchronize_rcu(void)
{
	unsigned long cookie;

	/* What the caller has done comes before the grace period. */
	smp_mb();
	arch_spin_lock(&grace_lock);
	cookie = grace_completed + 1 + grace_running;
	arch_spin_unlock(&grace_lock);
	return cookie;
}

unsigned long start_poll_synchronize_rcu(void)
{
	unsigned long cookie = get_state_synchronize_rcu();

	arch_spin_lock(&grace_lock);
	grace_wanted = max(grace_wanted, cookie);
	arch_spin_unlock(&grace_lock);
	user_waker_wake(&rcu_waker);
	return cookie;
}

bool poll_state_synchronize_rcu(unsigned long cookie)
{
	bool done;

	arch_spin_lock(&grace_lock);
	done = grace_completed >= cookie;
	arch_spin_unlock(&grace_lock);
	/* And what it will do comes after. */
	smp_mb();
	return done;
}

void cond_synchronize_rcu(unsigned long cookie)
{
	if (!poll_state_synchronize_rcu(cookie))
		synchronize_rcu();
}

/* The readers of trace points have preemption off. */
void call_srcu(struct srcu_struct *ssp, struct rcu_head *head,
	       rcu_callback_t func)
{
	call_rcu(head, func);
}

void synchronize_srcu(struct srcu_struct *ssp)
{
	synchronize_rcu();
}

unsigned long start_poll_synchronize_srcu(struct srcu_struct *ssp)
{
	return start_poll_synchronize_rcu();
}

bool poll_state_synchronize_srcu(struct srcu_struct *ssp, unsigned long cookie)
{
	return poll_state_synchronize_rcu(cookie);
}

void user_rcu_init(void)
{
	wake_up_process(user_thread_new(user_rcu_thread, NULL, "rcu"));
}
