// SPDX-License-Identifier: GPL-2.0
/* When collections happen, what they cost, and what they say they did. */
#include "graph.h"

#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/rcupdate.h>

/* A period that no test lives to see. */
#define NEVER_MS (1000 * 3600)

/* A graph whose thread collects by itself. */
static struct graph *automatic(struct kunit *test, unsigned int period_ms,
			       unsigned int threshold)
{
	struct refheap_params params = {
		.period_ms = period_ms, .threshold = threshold,
	};

	return graph_create(test, &params);
}

static u64 collections(struct graph *g)
{
	return graph_stats(g).collections;
}

static bool wait_for_collection(struct graph *g, u64 after)
{
	u64 n;

	return !read_poll_timeout(collections, n, n > after, 1000,
				  GRAPH_PATIENCE_US, false, g);
}

/* --- by itself ---------------------------------------------------------- */

static void g3_garbage_goes_within_a_period(struct kunit *test)
{
	struct graph *g = automatic(test, 20, 0);

	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 5));
	graph_destroy(g);
}

/* The thread sleeps, and has nothing left to look at: one put wakes it. */
static void g3_put_wakes_the_thread(struct kunit *test)
{
	struct graph *g = automatic(test, 20, 0);
	struct graph_node *ring = graph_ring(g, 5);

	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	synchronize_rcu();
	/* What has been looked at for the last time is let go. */
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	node_put(ring);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 5));
	graph_collect(g);
	graph_destroy(g);
}

static void g3_threshold_does_not_wait_for_the_period(struct kunit *test)
{
	struct graph *g = automatic(test, NEVER_MS, 10);
	unsigned int i;

	for (i = 0; i < 100; i++)
		node_put(graph_ring(g, 2));
	/* Fewer than a threshold may be left to the period. */
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 20));
	KUNIT_EXPECT_GE(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 200);
	graph_destroy(g);
}

static void g3_kick_does_not_wait_for_the_period(struct kunit *test)
{
	struct graph *g = automatic(test, NEVER_MS, UINT_MAX);

	node_put(graph_ring(g, 5));
	refheap_kick(g->heap);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 5));
	graph_destroy(g);
}

static void g3_shorter_period_counts_at_once(struct kunit *test)
{
	struct graph *g = automatic(test, NEVER_MS, UINT_MAX);

	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, refheap_set_period(g->heap, 20), 0);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 5));
	graph_destroy(g);
}

static void g3_threshold_can_be_changed(struct kunit *test)
{
	struct graph *g = automatic(test, NEVER_MS, UINT_MAX);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, refheap_set_threshold(g->heap, 4), 0);
	for (i = 0; i < 40; i++)
		node_put(graph_ring(g, 2));
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 8));
	/* The last few may be too few. */
	graph_collect(g);
	graph_destroy(g);
}

static void g11_stopped_means_no_collection(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .period_ms = 1, .threshold = 1,
	};
	struct graph *g = graph_create(test, &params);
	unsigned int i;

	for (i = 0; i < 1000; i++)
		node_put(graph_ring(g, 2));
	msleep(100);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 2000);
	refheap_start(g->heap);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 2000));
	graph_destroy(g);
}

/* Zero: however many come, they wait for the period. */
static void g11_threshold_of_zero(struct kunit *test)
{
	struct graph *g = automatic(test, NEVER_MS, 1);
	unsigned int i, n = IS_ENABLED(CONFIG_KASAN) ? 5000 : 50000;

	KUNIT_EXPECT_EQ(test, refheap_set_threshold(g->heap, 0), 0);
	for (i = 0; i < n; i++)
		node_put(graph_ring(g, 1));
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), n);
	graph_destroy(g);
}

static void g11_stop_and_start(struct kunit *test)
{
	struct graph *g = automatic(test, 10, 0);
	u64 n;

	node_put(graph_ring(g, 2));
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 2));
	refheap_stop(g->heap);
	/* One that has begun may still end. */
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	n = collections(g);
	node_put(graph_ring(g, 2));
	msleep(100);
	KUNIT_EXPECT_EQ(test, collections(g), n);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 2);
	refheap_start(g->heap);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 4));
	graph_destroy(g);
}

static void g11_stopped_still_collects_on_request(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

/* Nothing marked: however long the period is outlasted, nothing happens. */
static void g11_idle_heap_does_not_collect(struct kunit *test)
{
	struct graph *g = automatic(test, 5, 1);
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	graph_link(a, 0, b);
	graph_link(b, 0, a);
	msleep(150);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).traced, 0);
	node_put(a);
	node_put(b);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 2));
	graph_destroy(g);
}

/* Leaves are never candidates, whatever is done to them. */
static void g11_leaves_cause_no_collections(struct kunit *test)
{
	struct graph *g = automatic(test, 5, 1);
	struct graph_node *leaf = graph_add(g, LEAF);
	unsigned int i;

	for (i = 0; i < 1000; i++)
		node_touch(leaf);
	msleep(100);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	node_put(leaf);
	graph_destroy(g);
}

/* A live structure that was touched once is judged, and then left alone. */
static void g11_survivors_are_left_alone(struct kunit *test)
{
	struct graph *g = automatic(test, 5, 0);
	struct graph_node *live = graph_ring(g, 20);
	u64 n, before;

	node_touch(live);
	KUNIT_EXPECT_TRUE(test, wait_for_collection(g, 0));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	before = collections(g);
	msleep(300);
	n = collections(g) - before;
	/* Candidates that are parked may be looked at, ever less often. */
	KUNIT_EXPECT_LE(test, n, 5);
	node_put(live);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 20));
	graph_destroy(g);
}

/* --- what it costs ------------------------------------------------------ */

static u64 traced(struct graph *g)
{
	return graph_stats(g).traced;
}

static void g12_untouched_objects_are_not_traced(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_ring(g, 2000);
	u64 before;

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	before = traced(g);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, traced(g), before);
	node_put(live);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2000);
}

/*
 * Pairs of garbage that point at a live structure of @n must not cost it each
 * time, neither when they are judged nor when their end has marked it.
 */
static void pairs_beside(struct graph *g, struct graph_node *live,
			 unsigned int n)
{
	struct graph_node *pair;
	unsigned int i;
	u64 before;

	KUNIT_EXPECT_EQ(g->test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(g->test, graph_collect(g), 0);
	before = traced(g);
	for (i = 0; i < 20; i++) {
		pair = graph_ring(g, 2);
		graph_link(pair, 1, live);
		node_put(pair);
		KUNIT_EXPECT_EQ(g->test, refheap_collect(g->heap, 0), 2);
	}
	kunit_info(g->test, "20 pairs beside %u live ones: %llu traced\n", n,
		   traced(g) - before);
	KUNIT_EXPECT_LT(g->test, traced(g) - before, 10 * n);
	node_put(live);
}

static void g12_garbage_beside_a_live_hub(struct kunit *test)
{
	struct graph *g = test->priv;

	pairs_beside(g, graph_hub(g, 2000), 2001);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2001);
}

static void g12_garbage_beside_a_live_tree(struct kunit *test)
{
	struct graph *g = test->priv;

	pairs_beside(g, graph_tree(g, 2047), 2047);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2047);
}

static void g12_garbage_beside_a_live_chain(struct kunit *test)
{
	struct graph *g = test->priv;

	pairs_beside(g, graph_chain(g, 2000, NULL), 2000);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* A garbage island's cost does not depend on who else is alive. */
static void g12_small_garbage_in_a_large_heap(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_double_ring(g, 3000);
	u64 before;

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	before = traced(g);
	node_put(graph_ring(g, 10));
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 10);
	KUNIT_EXPECT_LE(test, traced(g) - before, 100);
	node_put(live);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3000);
}

/* --- what it says ------------------------------------------------------- */

static void g3_statistics_add_up(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refheap_stats a = graph_stats(g), b;
	struct graph_node *live;

	KUNIT_EXPECT_EQ(test, a.objects, 0);
	KUNIT_EXPECT_EQ(test, a.allocated, 0);
	node_put(graph_ring(g, 6));
	live = graph_add(g, NODE);
	graph_append(live, 0, LEAF);
	a = graph_stats(g);
	KUNIT_EXPECT_EQ(test, a.objects, 8);
	KUNIT_EXPECT_EQ(test, a.allocated, 8);
	KUNIT_EXPECT_EQ(test, a.freed, 0);
	KUNIT_EXPECT_GE(test, a.bytes, 8 * sizeof(struct graph_node));

	KUNIT_EXPECT_EQ(test, graph_collect(g), 6);
	b = graph_stats(g);
	KUNIT_EXPECT_EQ(test, b.objects, 2);
	KUNIT_EXPECT_EQ(test, b.freed, 6);
	KUNIT_EXPECT_EQ(test, b.collections, a.collections + 1);
	KUNIT_EXPECT_EQ(test, b.full, a.full + 1);
	KUNIT_EXPECT_EQ(test, b.islands, 1);
	KUNIT_EXPECT_EQ(test, b.reclaimed, 6);
	KUNIT_EXPECT_GE(test, b.traced, 6);
	KUNIT_EXPECT_GT(test, b.last_ns, 0);
	KUNIT_EXPECT_GE(test, b.longest_ns, b.last_ns);
	node_put(live);
}

static void g3_collect_that_is_not_full(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refheap_stats stats;

	node_put(graph_ring(g, 6));
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 6);
	stats = graph_stats(g);
	KUNIT_EXPECT_EQ(test, stats.collections, 1);
	KUNIT_EXPECT_EQ(test, stats.full, 0);
}

static void g3_collect_of_an_empty_heap(struct kunit *test)
{
	struct graph *g = test->priv;

	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 2);
}

static void g3_collect_with_unknown_flags(struct kunit *test)
{
	struct graph *g = test->priv;

	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, BIT(17)), -EINVAL);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 0);
}

static void g3_second_collection_finds_nothing(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 6));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 6);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
}

static struct kunit_case collect_cases[] = {
	KUNIT_CASE(g3_garbage_goes_within_a_period),
	KUNIT_CASE(g3_put_wakes_the_thread),
	KUNIT_CASE(g3_threshold_does_not_wait_for_the_period),
	KUNIT_CASE(g3_kick_does_not_wait_for_the_period),
	KUNIT_CASE(g3_shorter_period_counts_at_once),
	KUNIT_CASE(g3_threshold_can_be_changed),
	KUNIT_CASE(g11_stopped_means_no_collection),
	KUNIT_CASE(g11_threshold_of_zero),
	KUNIT_CASE(g11_stop_and_start),
	KUNIT_CASE(g11_stopped_still_collects_on_request),
	KUNIT_CASE(g11_idle_heap_does_not_collect),
	KUNIT_CASE(g11_leaves_cause_no_collections),
	KUNIT_CASE(g11_survivors_are_left_alone),
	KUNIT_CASE(g12_untouched_objects_are_not_traced),
	KUNIT_CASE_SLOW(g12_garbage_beside_a_live_hub),
	KUNIT_CASE_SLOW(g12_garbage_beside_a_live_tree),
	KUNIT_CASE_SLOW(g12_garbage_beside_a_live_chain),
	KUNIT_CASE(g12_small_garbage_in_a_large_heap),
	KUNIT_CASE(g3_statistics_add_up),
	KUNIT_CASE(g3_collect_that_is_not_full),
	KUNIT_CASE(g3_collect_of_an_empty_heap),
	KUNIT_CASE(g3_collect_with_unknown_flags),
	KUNIT_CASE(g3_second_collection_finds_nothing),
	{}
};

static struct kunit_suite collect_suite = {
	.name = "refheap_collect",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = collect_cases,
};

kunit_test_suite(collect_suite);
