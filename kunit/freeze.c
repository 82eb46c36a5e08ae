// SPDX-License-Identifier: GPL-2.0
/* Freezing: what is taken out of collections, and what that means for others. */
#include "debugfile.h"
#include "graph.h"

static void freeze(struct graph *g)
{
	KUNIT_EXPECT_EQ(g->test, refheap_freeze(g->heap), 0);
}

static void unfreeze(struct graph *g)
{
	KUNIT_EXPECT_EQ(g->test, refheap_unfreeze(g->heap), 0);
}

static void expect_frozen(struct graph *g, u64 n)
{
	KUNIT_EXPECT_EQ(g->test, refheap_frozen(g->heap), n);
}

/* All containers, and no leaf; those that come later are not. */
static void g12_freeze_and_count(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 300);
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *later;

	expect_frozen(g, 0);
	freeze(g);
	expect_frozen(g, 300);
	KUNIT_EXPECT_EQ(test, refobj_age(&ring->obj), REFAGE_FROZEN);
	KUNIT_EXPECT_EQ(test, refobj_age(&leaf->obj), 0);
	later = graph_ring(g, 2);
	KUNIT_EXPECT_EQ(test, refobj_age(&later->obj), 0);
	expect_frozen(g, 300);
	freeze(g);
	expect_frozen(g, 302);
	unfreeze(g);
	expect_frozen(g, 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&ring->obj), 2);
	node_put(ring);
	node_put(leaf);
	node_put(later);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 302);
}

/* Garbage or not, nobody looks; afterwards everyone does. */
static void g3_frozen_garbage_waits(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 10);

	freeze(g);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 10);
	unfreeze(g);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
}

/* The same for what was garbage before it was frozen. */
static void g3_garbage_that_is_frozen(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 10));
	freeze(g);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	unfreeze(g);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
}

/* After an unfreeze a full pass comes by itself. */
static void g3_unfrozen_garbage_is_found(struct kunit *test)
{
	struct refheap_params params = { .period_ms = 10 };
	struct graph *g = graph_create(test, &params);
	struct graph_node *ring = graph_ring(g, 10);

	freeze(g);
	node_put(ring);
	/* Its mark is taken, and it is let be. */
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 10);
	unfreeze(g);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 10));
	graph_destroy(g);
}

static void g3_cycle_that_points_at_the_frozen(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *frozen = graph_ring(g, 10);
	struct graph_node *ring;

	freeze(g);
	ring = graph_ring(g, 5);
	graph_link(ring, 1, frozen);
	KUNIT_EXPECT_EQ(test, refobj_count(&frozen->obj), 3);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 5);
	KUNIT_EXPECT_EQ(test, refobj_count(&frozen->obj), 2);
	unfreeze(g);
	node_put(frozen);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
}

/* A cycle that a frozen object points at lives, though nobody else holds it. */
static void g2_the_frozen_keep_what_they_refer_to(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *frozen = graph_add(g, NODE);
	struct graph_node *ring;

	freeze(g);
	ring = graph_ring(g, 5);
	graph_link(frozen, 0, ring);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 6);
	refslot_clear(&frozen->obj, &frozen->slot[0]);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	node_put(frozen);
}

/* A cycle through frozen and other objects is no island. */
static void g2_cycle_half_frozen(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *frozen = graph_add(g, NODE);
	struct graph_node *other;

	freeze(g);
	other = graph_append(frozen, 0, NODE);
	graph_link(other, 0, frozen);
	node_put(frozen);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 2);
	unfreeze(g);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
}

static void g1_the_frozen_are_released_at_zero(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, 50, NULL);

	freeze(g);
	expect_frozen(g, 50);
	node_put(chain);
	KUNIT_EXPECT_EQ(test, graph_released(g), 50);
	expect_frozen(g, 0);
}

/* Memory of frozen objects that has been used again is not frozen. */
static void g3_reused_memory_is_not_frozen(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	node_put(graph_chain(g, 500, NULL));
	for (i = 0; i < 5; i++) {
		struct graph_node *chain = graph_chain(g, 500, NULL);

		freeze(g);
		node_put(chain);
		node_put(graph_ring(g, 500));
		expect_frozen(g, 0);
		KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 500);
	}
}

/* A full pass over a frozen heap reads nobody's slots. */
static void g12_frozen_objects_cost_nothing(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *tree = graph_tree(g, 1000);
	struct refheap_age_stats before, after;
	u64 traced;

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_GE(test, graph_stats(g).traced, 1000);
	freeze(g);
	traced = graph_stats(g).traced;
	refheap_get_age_stats(g->heap, 2, &before);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	refheap_get_age_stats(g->heap, 2, &after);
	KUNIT_EXPECT_EQ(test, graph_stats(g).traced, traced);
	KUNIT_EXPECT_EQ(test, after.candidates, before.candidates);
	unfreeze(g);
	node_put(tree);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1000);
}

/* An end comes to the frozen as well. */
static void g10_frozen_garbage_at_destroy(struct kunit *test)
{
	struct graph *g = graph_create(test, NULL);

	node_put(graph_ring(g, 10));
	freeze(g);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	g->heap = NULL;
}

static int answer, answer_too;

static void freeze_in_release(struct graph_node *node)
{
	answer = refheap_freeze(node->graph->heap);
	answer_too = refheap_unfreeze(node->graph->heap);
}

static void g10_freeze_in_a_callback(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = freeze_in_release;
	node_put(node);
	KUNIT_EXPECT_EQ(test, answer, -EDEADLK);
	KUNIT_EXPECT_EQ(test, answer_too, -EDEADLK);
}

static void g12_control_freeze(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 10);

	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "freeze=1"),
			-EINVAL);
	expect_frozen(g, 0);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "freeze"), 6);
	expect_frozen(g, 10);
	KUNIT_EXPECT_NOT_NULL(test, strstr(debugfile_read(g, "ages"),
					   "frozen           10"));
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unfreeze="),
			-EINVAL);
	expect_frozen(g, 10);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unfreeze\n"), 9);
	expect_frozen(g, 0);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
}

static struct kunit_case freeze_cases[] = {
	KUNIT_CASE(g12_freeze_and_count),
	KUNIT_CASE(g3_frozen_garbage_waits),
	KUNIT_CASE(g3_garbage_that_is_frozen),
	KUNIT_CASE(g3_unfrozen_garbage_is_found),
	KUNIT_CASE(g3_cycle_that_points_at_the_frozen),
	KUNIT_CASE(g2_the_frozen_keep_what_they_refer_to),
	KUNIT_CASE(g2_cycle_half_frozen),
	KUNIT_CASE(g1_the_frozen_are_released_at_zero),
	KUNIT_CASE(g3_reused_memory_is_not_frozen),
	KUNIT_CASE(g12_frozen_objects_cost_nothing),
	KUNIT_CASE(g10_frozen_garbage_at_destroy),
	KUNIT_CASE(g10_freeze_in_a_callback),
	KUNIT_CASE(g12_control_freeze),
	{}
};

static struct kunit_suite freeze_suite = {
	.name = "refheap_freeze",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = freeze_cases,
};

kunit_test_suite(freeze_suite);
