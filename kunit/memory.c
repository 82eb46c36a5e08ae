// SPDX-License-Identifier: GPL-2.0
/*
 * Without memory: every allocation fails in its turn, and nothing is lost;
 * all of them fail, and what is garbage is collected all the same (G8). Memory
 * pressure brings the collector to look at what it had put off (G3).
 */
#include "crew.h"
#include "debugfile.h"
#include "graph.h"

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <trace/events/refheap.h>

/* --- allocations that fail ---------------------------------------------- */

/* How many of an operation's allocations are tried, others each time. */
#define FAILURES 12

#ifdef CONFIG_FAULT_INJECTION

/* Of this task, the @nth from now on, 0: none. */
static void fail_nth(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Return: how many were left until then. */
static unsigned int fail_none(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	fail_nth(0);
	return left;
}

static void fail_all_of_this_task(void)
{
	WRITE_ONCE(current->make_it_fail, 1);
}

#else

static void fail_nth(unsigned int nth)
{
}

static unsigned int fail_none(void)
{
	return 0;
}

static void fail_all_of_this_task(void)
{
}

#endif

static void faults_write(struct graph *g, const char *key, const char *value)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	unsigned int i;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(name, sizeof(name), "//%s/%s", kinds[i], key);
		KUNIT_EXPECT_EQ(g->test, debugfile_write(g, name, value),
				strlen(value));
	}
}

static void faults_write_address(struct graph *g, const char *key,
				 unsigned long address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%lx", address);
	faults_write(g, key, text);
}

/*
 * Sleeping allocations too, without a word in the log, and those only that
 * somebody of refheap's is close behind: what the kernel does when deep in
 * making a slab cache it runs out of memory is no concern here (6.12 leaks the
 * cache's name).
 */
static void faults_prepare(struct graph *g)
{
	unsigned long modules = (unsigned long)refobj_get_unless_zero;

	if (!IS_ENABLED(CONFIG_FAILSLAB) ||
	    !IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) ||
	    !IS_ENABLED(CONFIG_FAULT_INJECTION_DEBUG_FS))
		kunit_skip(g->test, "the kernel has no fault injection");
	faults_write(g, "ignore-gfp-wait", "N");
	faults_write(g, "verbose", "0");
	faults_write(g, "stacktrace-depth", "8");
	faults_write_address(g, "require-start", modules - SZ_16M);
	faults_write_address(g, "require-end", modules + SZ_16M);
}

/**
 * struct attempt - an operation of which one allocation fails
 * @g: the graph
 * @name: what is new in each run
 * @run: does it; 0 or an error
 * @undo: takes a success back
 * @made: what it has made
 */
struct attempt {
	struct graph *g;
	char name[24];
	int (*run)(struct attempt *attempt);
	void (*undo)(struct attempt *attempt);
	void *made;
};

static int attempt_once(struct attempt *attempt, unsigned int nth)
{
	int err;

	graph_new_name(attempt->name, sizeof(attempt->name));
	fail_nth(nth);
	err = attempt->run(attempt);
	return err;
}

/* One failure, and then the same without. */
static void attempt_failing(struct attempt *attempt, unsigned int nth)
{
	struct kunit *test = attempt->g->test;
	int err = attempt_once(attempt, nth);

	fail_none();
	if (!err) {
		/* It can do without what failed, or found it elsewhere. */
		attempt->undo(attempt);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "allocation %u", nth);
	KUNIT_ASSERT_EQ_MSG(test, attempt->run(attempt), 0, "after %u", nth);
	attempt->undo(attempt);
}

static void attempt_each(struct attempt *attempt, const char *expected)
{
	struct kunit *test = attempt->g->test;
	u64 seed = crew_new_seed();
	unsigned int nr, stride, nth;

	KUNIT_ASSERT_EQ(test, attempt_once(attempt, UINT_MAX), 0);
	nr = UINT_MAX - fail_none();
	attempt->undo(attempt);
	stride = nr / FAILURES + 1;
	kunit_info(test, "seed=%llu, %u allocations, each %uth fails\n", seed,
		   nr, stride);
	KUNIT_EXPECT_GT(test, nr, 0);
	if (expected)
		pr_info("refheap-expect: begin %s\n", expected);
	for (nth = 1 + seed % stride; nth <= nr; nth += stride)
		attempt_failing(attempt, nth);
	if (expected)
		graph_expect_end();
}

static int try_create(struct attempt *attempt)
{
	struct refheap *heap = refheap_create(attempt->name, NULL);

	attempt->made = heap;
	return PTR_ERR_OR_ZERO(heap);
}

static void undo_create(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test, refheap_destroy(attempt->made), 0);
}

static void g8_heap_without_memory(struct kunit *test)
{
	struct attempt attempt = {
		.g = test->priv, .run = try_create, .undo = undo_create,
	};

	faults_prepare(attempt.g);
	attempt_each(&attempt, NULL);
}

struct vector {
	struct refobj obj;
	struct refarray *array;
	struct refslot slot[2];
};

static const struct reffield vector_fields[] = {
	REFFIELD(struct vector, slot),
};

static int try_register(struct attempt *attempt)
{
	const struct reftype_desc desc = {
		REFTYPE(struct vector, obj), .name = attempt->name,
		REFTYPE_FIELDS(vector_fields),
		REFTYPE_ARRAY(struct vector, array),
	};

	attempt->made = refheap_register_type(attempt->g->heap, &desc);
	return PTR_ERR_OR_ZERO(attempt->made);
}

static void undo_nothing(struct attempt *attempt)
{
}

static void g8_type_without_memory(struct kunit *test)
{
	struct attempt attempt = {
		.g = test->priv, .run = try_register, .undo = undo_nothing,
	};

	faults_prepare(attempt.g);
	/* The slab says so aloud, whoever asked. */
	attempt_each(&attempt, "failed with error -12|Call Trace:");
}

/* The first of its type, so that the table has to grow as well. */
static int try_alloc(struct attempt *attempt)
{
	unsigned int nth = fail_none();
	int err = try_register(attempt);

	if (err)
		return err;
	fail_nth(nth);
	attempt->made = refobj_alloc_array(attempt->made, 5, GFP_KERNEL);
	return attempt->made ? 0 : -ENOMEM;
}

static void undo_alloc(struct attempt *attempt)
{
	refobj_put(attempt->made);
}

/* A type is registered once only: try again with another. */
static int try_alloc_again(struct attempt *attempt)
{
	graph_new_name(attempt->name, sizeof(attempt->name));
	return try_alloc(attempt);
}

/* In a heap that has room for one: a failure must not use it up. */
static void g8_object_without_memory(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .max_objects = 1, .max_bytes = 200,
	};
	struct attempt attempt = {
		.run = try_alloc_again, .undo = undo_alloc,
	};

	faults_prepare(test->priv);
	attempt.g = graph_create(test, &params);
	attempt_each(&attempt, NULL);
	graph_destroy(attempt.g);
}

/* --- a collector whose allocations all fail ----------------------------- */

struct famine {
	struct graph *g;
	bool proven;
};

static void famine_probe(void *data, struct refheap *heap,
			 enum refheap_phase phase, u64 members)
{
	struct famine *famine = data;
	void *memory;

	if (heap != famine->g->heap || phase != REFHEAP_PHASE_CANDIDATES)
		return;
	fail_all_of_this_task();
	memory = kmalloc(64, GFP_NOWAIT | __GFP_NOWARN);
	famine->proven = !memory;
	kfree(memory);
}

static void famine_collect(struct famine *famine, long garbage)
{
	struct kunit *test = famine->g->test;
	long reclaimed;

	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(famine_probe,
							   famine), 0);
	faults_write(famine->g, "task-filter", "Y");
	faults_write(famine->g, "times", "-1");
	faults_write(famine->g, "probability", "100");
	reclaimed = refheap_collect(famine->g->heap, 0);
	faults_write(famine->g, "probability", "0");
	unregister_trace_refheap_phase(famine_probe, famine);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_TRUE(test, famine->proven);
	KUNIT_EXPECT_EQ(test, reclaimed, garbage);
}

static void g8_collection_without_memory(struct kunit *test)
{
	struct graph *g = test->priv;
	struct famine famine = { .g = g };

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	faults_prepare(g);
	node_put(graph_ring(g, 200));
	node_put(graph_ring_of(g, CUSTOM, 10));
	node_put(graph_hub(g, 100));
	node_put(graph_double_ring(g, 30));
	famine_collect(&famine, 200 + 10 + 101 + 30);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- memory pressure ---------------------------------------------------- */

/* Skips the test without it: ask before anything is built. */
static struct file *open_drop_caches(struct kunit *test)
{
	struct file *file = filp_open("/proc/sys/vm/drop_caches", O_WRONLY, 0);

	if (IS_ERR(file))
		kunit_skip(test, "no /proc here");
	return file;
}

/* What "echo 2 >/proc/sys/vm/drop_caches" does. */
static void drop_slab_caches(struct kunit *test, struct file *file)
{
	loff_t pos = 0;

	KUNIT_EXPECT_EQ(test, kernel_write(file, "2\n", 2, &pos), 2);
	filp_close(file, NULL);
}

/* A thread that sees no reason of its own to collect for an hour. */
static struct graph *in_no_hurry(struct kunit *test)
{
	struct refheap_params params = {
		.period_ms = 3600 * MSEC_PER_SEC, .threshold = UINT_MAX,
	};

	return graph_create(test, &params);
}

static void g3_pressure_does_not_wait_for_the_period(struct kunit *test)
{
	struct file *file = open_drop_caches(test);
	struct graph *g = in_no_hurry(test);

	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 0);
	drop_slab_caches(test, file);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 5));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_GE(test, graph_stats(g).full, 1);
	graph_destroy(g);
}

/* Old, and larger than a collection of its candidates may be. */
static void g3_pressure_takes_what_awaits_a_full_pass(struct kunit *test)
{
	struct file *file = open_drop_caches(test);
	struct graph *g = in_no_hurry(test);
	struct graph_node *ring = graph_ring(g, 1000);

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	drop_slab_caches(test, file);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 1000));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_GE(test, graph_stats(g).full, 2);
	graph_destroy(g);
}

static void g11_pressure_leaves_the_stopped_alone(struct kunit *test)
{
	struct file *file = open_drop_caches(test);
	struct graph *g = test->priv;

	node_put(graph_ring(g, 5));
	drop_slab_caches(test, file);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(g8_heap_without_memory),
	KUNIT_CASE(g8_type_without_memory),
	KUNIT_CASE(g8_object_without_memory),
	KUNIT_CASE(g8_collection_without_memory),
	KUNIT_CASE(g3_pressure_does_not_wait_for_the_period),
	KUNIT_CASE(g3_pressure_takes_what_awaits_a_full_pass),
	KUNIT_CASE(g11_pressure_leaves_the_stopped_alone),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "refheap_memory",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
