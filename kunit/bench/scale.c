// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: structures of ten million objects, dropped and reclaimed. A line
 * is
 *
 *   refheap-bench: <shape> <n> built <ms> ms gone <ms> ms <n>/s stack <bytes>
 *
 * where the stack is how much its depth differed from release to release.
 */
#define pr_fmt(fmt) "refheap-bench: " fmt

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "bench.h"

/*
 * The header, a word of payload, and one to three slots.  In that word a
 * kernel that can be told so (6.12, not 6.1) keeps the slab's free pointer,
 * which otherwise takes eight bytes more.
 */
struct link {
	struct refobj obj;
	u64 id;
	struct refslot slot[];
};

static struct refslot *slot(struct refobj *obj, unsigned int i)
{
	return &container_of(obj, struct link, obj)->slot[i];
}

static struct refobj *follow(struct refobj *obj, unsigned int i)
{
	return slot(obj, i)->target;
}

/* --- the stack ---------------------------------------------------------- */

/* How deep releases ran, in the thread that puts and in the heap's own. */
struct depths {
	unsigned long least, most;
};

static struct depths depths[2];
static struct task_struct *putter;
static unsigned long releases;

static noinline unsigned long stack_depth(void)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	return (unsigned long)task_stack_page(current) + THREAD_SIZE - here;
}

static void link_release(struct refobj *obj)
{
	struct depths *d = &depths[current == putter];
	unsigned long depth = stack_depth();

	releases++;
	d->least = min(d->least, depth);
	d->most = max(d->most, depth);
}

static unsigned long stack_varied(void)
{
	unsigned long varied = 0;
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (depths[i].most > depths[i].least)
			varied = max(varied, depths[i].most - depths[i].least);
	return varied;
}

/* --- shapes; each returns its head, held, and the number of objects ----- */

static struct refobj *append(struct refobj *to, unsigned int i,
			     struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	if (!obj || refslot_give(to, slot(to, i), obj)) {
		bench_failed("no memory for the structure");
		return NULL;
	}
	return obj;
}

static struct refobj *build_row(struct reftype *type, unsigned long *n,
				struct refobj **last, bool doubly)
{
	struct refobj *head = refobj_alloc(type, GFP_KERNEL);
	struct refobj *tail = head, *next = head;
	unsigned long i;

	for (i = 1; next && i < *n; i++) {
		next = append(tail, 0, type);
		if (!next)
			break;
		if (doubly)
			refslot_set(next, slot(next, 1), tail);
		tail = next;
		if (!(i % 1024))
			cond_resched();
	}
	*n = i;
	*last = tail;
	return head;
}

static struct refobj *build_chain(struct reftype *type, unsigned long *n)
{
	struct refobj *last;

	return build_row(type, n, &last, false);
}

static struct refobj *build_ring(struct reftype *type, unsigned long *n)
{
	struct refobj *last, *head = build_row(type, n, &last, false);

	if (head)
		refslot_set(last, slot(last, 0), head);
	return head;
}

static struct refobj *build_double_ring(struct reftype *type, unsigned long *n)
{
	struct refobj *last, *head = build_row(type, n, &last, true);

	if (head) {
		refslot_set(last, slot(last, 0), head);
		refslot_set(head, slot(head, 1), last);
	}
	return head;
}

/* A spine with a tooth on each of its objects, and the teeth lead back. */
static struct refobj *build_comb(struct reftype *type, unsigned long *n)
{
	unsigned long spine = *n / 2 ?: 1, i;
	struct refobj *last, *head, *at, *tooth;

	head = build_row(type, &spine, &last, false);
	*n = spine;
	for (i = 0, at = head; at && i < spine; i++, at = follow(at, 0)) {
		tooth = append(at, 1, type);
		if (!tooth)
			break;
		++*n;
		refslot_set(tooth, slot(tooth, 0), head);
		if (!(i % 1024))
			cond_resched();
	}
	return head;
}

/*
 * A complete binary tree; slot 2 leads to the parent, and so the way back is
 * found without any memory but the tree's.
 */
static struct refobj *build_tree(struct reftype *type, unsigned long *n)
{
	struct refobj *root = refobj_alloc(type, GFP_KERNEL);
	unsigned int depth = 0, most = ilog2(*n + 1) - 1;
	struct refobj *at = root, *child;
	unsigned int side;

	for (*n = 1; at; ) {
		side = !follow(at, 0) ? 0 : 1;
		if (depth == most || follow(at, side)) {
			at = follow(at, 2);
			depth--;
			continue;
		}
		child = append(at, side, type);
		if (!child)
			break;
		refslot_set(child, slot(child, 2), at);
		at = child;
		depth++;
		if (!(++*n % 1024))
			cond_resched();
	}
	return root;
}

/* --- measuring ---------------------------------------------------------- */

struct shape {
	const char *name;
	struct refobj *(*build)(struct reftype *type, unsigned long *n);
	unsigned int slots;
	bool cyclic;
	unsigned int share;	/* built of one in so many objects */
};

/* The first is that whose memory and stack are figures of the benchmark's. */
static const struct shape shapes[] = {
	{ "chain", build_chain, 1, false, 1 },
	{ "ring", build_ring, 1, true, 1 },
	{ "double-ring", build_double_ring, 2, true, 50 },
	{ "comb", build_comb, 2, true, 50 },
	{ "tree", build_tree, 3, true, 50 },
};

static size_t shape_size(const struct shape *shape)
{
	return offsetof(struct link, slot) +
	       shape->slots * sizeof(struct refslot);
}

static u64 bytes_free(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return (u64)info.freeram * info.mem_unit;
}

#define SAMPLES 256

/* The least distance between any two of so many objects, made in a row. */
static unsigned long least_distance(struct refobj *sample[SAMPLES])
{
	unsigned long least = ULONG_MAX;
	unsigned int i, j;

	for (i = 0; i < SAMPLES; i++)
		for (j = 0; j < SAMPLES; j++)
			if (sample[i] < sample[j])
				least = min_t(unsigned long, least,
					      (void *)sample[j] -
					      (void *)sample[i]);
	return least;
}

/* What the slab takes for each object, or 0. */
static unsigned long stride(struct reftype *type)
{
	struct refobj **sample = kvcalloc(SAMPLES, sizeof(*sample), GFP_KERNEL);
	unsigned long least = 0;
	unsigned int n, i;

	if (!sample)
		return 0;
	for (n = 0; n < SAMPLES; n++) {
		sample[n] = refobj_alloc(type, GFP_KERNEL);
		if (!sample[n])
			break;
	}
	if (n == SAMPLES)
		least = least_distance(sample);
	for (i = 0; i < n; i++)
		refobj_put(sample[i]);
	kvfree(sample);
	return least;
}

/* The beginning of the heap's statistics, as user space has it mounted. */
static ssize_t read_stats(char *text, size_t size)
{
	struct kvec vec = { .iov_base = text, .iov_len = size };
	struct iov_iter iter;
	struct kiocb iocb;
	struct file *file;
	ssize_t n;

	file = filp_open("/sys/kernel/debug/refheap/bench-scale/stats",
			 O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	init_sync_kiocb(&iocb, file);
	iov_iter_kvec(&iter, READ, &vec, 1, size);
	n = seq_read_iter(&iocb, &iter);
	filp_close(file, NULL);
	return n;
}

static u64 bytes_of_table(void)
{
	static const char key[] = "table_bytes ";
	static char text[768];	/* one thread only: not on the stack */
	char *at;
	u64 bytes;
	ssize_t n = read_stats(text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	if (!at || sscanf(at + strlen(key), "%llu ", &bytes) != 1)
		return 0;
	return bytes;
}

/* What an object takes beyond what its author wrote down. */
static void report_memory(const struct shape *shape, unsigned long n,
			  struct reftype *type)
{
	unsigned long payload = shape_size(shape) - sizeof(struct refobj);
	u64 table = bytes_of_table(), each = stride(type);

	if (!table || !each) {
		pr_info("%s: no debugfs, so no figures of memory\n",
			shape->name);
		return;
	}
	each += div64_ul(table + n - 1, n);
	pr_info("%s %llu bytes an object, bookkeeping %llu bound 40 %s\n",
		shape->name, each, each - payload,
		each - payload <= 40 ? "met" : "MISSED");
}

/*
 * The same from all that the machine has less since: what is written down, and
 * all that comes with it, whoever took it.  Only a machine of our own tells.
 */
static void report_bookkeeping(const struct shape *shape, unsigned long n,
			       u64 free_before)
{
	unsigned long payload = shape_size(shape) - sizeof(struct refobj);
	u64 taken = free_before - bytes_free();

	if (IS_ENABLED(CONFIG_UML) && shape == shapes)
		bench_value("memory/bookkeeping",
			    div64_ul(taken * 1000, n) - payload * 1000,
			    "bytes");
}

/* Drop the structure, and have it gone. */
static u64 shape_drop(struct refheap *heap, struct refobj *head,
		      const struct shape *shape, unsigned long n)
{
	u64 begun = ktime_get_ns();
	long reclaimed;

	refobj_put(head);
	if (shape->cyclic) {
		reclaimed = refheap_collect(heap, REFHEAP_COLLECT_FULL);
		if (reclaimed != n)
			bench_failed("not everything was reclaimed");
	} else {
		refheap_drain(heap);
	}
	return ktime_get_ns() - begun;
}

static void shape_measure(struct refheap *heap, struct reftype *type,
			  const struct shape *shape, unsigned long n)
{
	u64 begun = ktime_get_ns(), free_before = bytes_free(), built, gone;
	struct refobj *head;

	head = shape->build(type, &n);
	if (!head)
		return bench_failed("no memory");
	built = ktime_get_ns() - begun;
	report_bookkeeping(shape, n, free_before);
	report_memory(shape, n, type);
	/* Not those of the samples. */
	releases = 0;
	gone = shape_drop(heap, head, shape, n);
	if (releases != n)
		bench_failed("not everything was released");
	/* A cascade and a collection each have a few places that release. */
	if (stack_varied() > 1024)
		bench_failed("the stack grew");
	pr_info("%s %lu built %llu ms gone %llu ms %llu/s stack %lu\n",
		shape->name, n, div_u64(built, NSEC_PER_MSEC),
		div_u64(gone, NSEC_PER_MSEC),
		div64_u64((u64)n * NSEC_PER_SEC, max(gone, 1ULL)),
		stack_varied());
	if (shape == shapes)
		bench_value("chain/stack", stack_varied() * 1000, "bytes");
}

/* As many as there is memory for, if that is less. */
static unsigned long shape_fits(const struct shape *shape, unsigned long n)
{
	u64 most = div64_u64(bytes_free() / 10 * 9, shape_size(shape) + 40);

	if (most >= n)
		return n;
	pr_info("%s of %llu objects only: more would need %llu MB\n",
		shape->name, most,
		((u64)n * (shape_size(shape) + 40)) >> 20);
	return most;
}

static struct reftype *shape_type(struct refheap *heap,
				  const struct shape *shape)
{
	const struct reffield field = {
		.offset = offsetof(struct link, slot), .count = shape->slots,
	};
	struct reftype_desc desc = {
		.name = shape->name, .size = shape_size(shape),
		.fields = &field, .nr_fields = 1, .release = link_release,
	};
	struct reftype *type = refheap_register_type(heap, &desc);

	return IS_ERR(type) ? NULL : type;
}

/* A heap of its own, so that none uses what another left. */
static void shape_run(const struct shape *shape, unsigned long objects)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };
	struct refheap *heap = refheap_create("bench-scale", &params);
	struct reftype *type;

	if (IS_ERR(heap))
		return bench_failed("no heap");
	releases = 0;
	depths[0] = (struct depths){ .least = ULONG_MAX };
	depths[1] = depths[0];
	putter = current;
	type = shape_type(heap, shape);
	/* What was freed before is to be free now. */
	rcu_barrier();
	if (type)
		shape_measure(heap, type, shape,
			      shape_fits(shape, objects / shape->share));
	else
		bench_failed("no type");
	if (refheap_destroy(heap))
		bench_failed("objects were left");
}

void bench_scale(unsigned long objects)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (bench_wanted(shapes[i].name))
			shape_run(&shapes[i], objects);
}
