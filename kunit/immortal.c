// SPDX-License-Identifier: GPL-2.0
/* Immortal objects: alive as long as their heap, and not a moment longer. */
#include "debugfile.h"
#include "graph.h"

static struct graph *graph_brief(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };

	return graph_create(test, &params);
}

/* Nothing is left, nothing is held, and @n were released. */
static void expect_clean_end(struct graph *g, long n)
{
	KUNIT_EXPECT_EQ(g->test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(g->test, graph_released(g), n);
	KUNIT_EXPECT_EQ(g->test, atomic_long_read(&g->damaged), 0);
	g->heap = NULL;
}

static void outlive_puts(struct kunit *test, enum node_kind kind)
{
	struct graph *g = graph_brief(test);
	struct graph_node *node = graph_add(g, kind);
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, refobj_is_immortal(&node->obj));
	KUNIT_EXPECT_TRUE(test, refobj_make_immortal(&node->obj));
	KUNIT_EXPECT_TRUE(test, refobj_make_immortal(&node->obj));
	KUNIT_EXPECT_TRUE(test, refobj_is_immortal(&node->obj));
	for (i = 0; i < 100; i++)
		node_put(node);
	for (i = 0; i < 1000; i++)
		node_get(node);
	KUNIT_EXPECT_TRUE(test, refobj_is_immortal(&node->obj));
	KUNIT_EXPECT_FALSE(test, refobj_is_unique(&node->obj));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
	expect_clean_end(g, 1);
}

static void g2_immortal_node(struct kunit *test)
{
	outlive_puts(test, NODE);
}

static void g2_immortal_leaf(struct kunit *test)
{
	outlive_puts(test, LEAF);
}

static void g2_immortal_with_a_visit(struct kunit *test)
{
	outlive_puts(test, CUSTOM);
}

static void make_immortal(struct graph_node *node)
{
	struct refobj *obj = refweak_load(node->data);

	if (!obj)
		return;
	refobj_make_immortal(obj);
	refobj_put(obj);
}

/*
 * Dropped by all, it waits for its finalizer behind the release of another
 * object, and meanwhile somebody comes by a weak reference.
 */
static void g2_immortal_while_it_awaits_its_finalizer(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *parent = graph_add(g, NODE);
	struct graph_node *node = graph_append(parent, 0, FINAL);
	struct refweak weak = {};

	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, &node->obj, NULL,
					  GFP_KERNEL), 0);
	parent->data = &weak;
	parent->last_words = make_immortal;
	node_put(parent);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	KUNIT_EXPECT_TRUE(test, refobj_is_immortal(&node->obj));
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
	refweak_clear(&weak);
	expect_clean_end(g, 2);
}

/* At the rim of its zone a count is put back, and to the right zone. */
static void g9_count_far_astray(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *leaf = graph_add(g, LEAF);

	refobj_make_immortal(&node->obj);
	refobj_make_immortal(&leaf->obj);
	node_force_count(node, REFCOUNT_ZONE_RELEASED - 2);
	node_force_count(leaf, REFCOUNT_ZONE_IMMORTALS + 2);
	node_get(node);
	node_put(leaf);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), REFCOUNT_ZONE_IMMORTAL);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), REFCOUNT_ZONE_IMMORTAL);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
	expect_clean_end(g, 2);
}

/* A saturated object is not immortal, and not made so. */
static void g9_saturated_is_not_immortal(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node_force_count(node, REFCOUNT_ZONE_SATURATED);
	KUNIT_EXPECT_FALSE(test, refobj_is_immortal(&node->obj));
	KUNIT_EXPECT_FALSE(test, refobj_make_immortal(&node->obj));
	node_get(node);
	node_put(node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj),
			REFCOUNT_ZONE_SATURATED);
	node_force_count(node, 1);
	node_put(node);
}

static void g2_immortal_keeps_what_it_refers_to(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *ring = graph_ring(g, 5);

	graph_link(node, 0, ring);
	node_put(ring);
	refobj_make_immortal(&node->obj);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 6);
	refslot_clear(&node->obj, &node->slot[0]);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	expect_clean_end(g, 6);
}

/* Garbage that refers to an immortal object is garbage. */
static void g3_cycle_that_refers_to_an_immortal(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *ring = graph_ring(g, 5);

	refobj_make_immortal(&node->obj);
	graph_link(ring, 1, node);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	KUNIT_EXPECT_TRUE(test, refobj_is_immortal(&node->obj));
	expect_clean_end(g, 6);
}

/* Cycles of immortal and other objects, and leaves that many refer to. */
static void g10_immortal_structure_at_destroy(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *ring = graph_ring(g, 5);
	struct graph_node *none = graph_add(g, LEAF);
	struct graph_node *node;
	unsigned int i;

	refobj_make_immortal(&none->obj);
	for (i = 0, node = ring; i < 5; i++) {
		graph_link(node, 1, none);
		graph_link(node, 2, none);
		if (i % 2)
			refobj_make_immortal(&node->obj);
		node = node_of(node->slot[0].target);
	}
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	expect_clean_end(g, 6);
}

static void g10_immortal_that_a_held_object_needs(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUIET,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *held = graph_add(g, NODE);
	struct graph_node *none = graph_append(held, 0, LEAF);

	refobj_make_immortal(&none->obj);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 2);
	KUNIT_EXPECT_TRUE(test, node_is_alive(none));
	KUNIT_EXPECT_EQ(test, refobj_count(&none->obj), 1);
	/* Both go, without a callback, and the heap with them. */
	node_put(held);
	g->heap = NULL;
}

static void g10_immortals_come_last(struct kunit *test)
{
	struct graph *g = graph_brief(test);
	struct graph_node *none = graph_add(g, LEAF);

	refobj_make_immortal(&none->obj);
	node_put(graph_ring(g, 3));
	expect_clean_end(g, 4);
	KUNIT_EXPECT_EQ(test, g->order[3], 0);
}

static struct kunit_case immortal_cases[] = {
	KUNIT_CASE(g2_immortal_node),
	KUNIT_CASE(g2_immortal_leaf),
	KUNIT_CASE(g2_immortal_with_a_visit),
	KUNIT_CASE(g2_immortal_while_it_awaits_its_finalizer),
	KUNIT_CASE(g9_count_far_astray),
	KUNIT_CASE(g9_saturated_is_not_immortal),
	KUNIT_CASE(g2_immortal_keeps_what_it_refers_to),
	KUNIT_CASE(g3_cycle_that_refers_to_an_immortal),
	KUNIT_CASE(g10_immortal_structure_at_destroy),
	KUNIT_CASE(g10_immortal_that_a_held_object_needs),
	KUNIT_CASE(g10_immortals_come_last),
	{}
};

static struct kunit_suite immortal_suite = {
	.name = "refheap_immortal",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = immortal_cases,
};

kunit_test_suite(immortal_suite);
