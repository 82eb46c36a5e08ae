// SPDX-License-Identifier: GPL-2.0
/*
 * Without memory what is garbage is collected all the same (G8; what else is
 * done without memory: sweep.c). Memory pressure brings the collector to look
 * at what it had put off (G3).
 */
#include "fault.h"
#include "graph.h"

#include <linux/err.h>
#include <linux/fs.h>

/* --- a collector whose allocations all fail ----------------------------- */

static void g8_collection_without_memory(struct kunit *test)
{
	struct graph *g = test->priv;

	fault_prepare(g);
	node_put(graph_ring(g, 200));
	node_put(graph_ring_of(g, CUSTOM, 10));
	node_put(graph_hub(g, 100));
	node_put(graph_double_ring(g, 30));
	KUNIT_EXPECT_EQ(test, fault_collect(g), 200 + 10 + 101 + 30);
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
