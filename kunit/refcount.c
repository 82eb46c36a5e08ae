// SPDX-License-Identifier: GPL-2.0
/* Counts: what they are, where they end, and what is refused at zero. */
#include "debugfile.h"
#include "graph.h"

static void expect_warnings(struct graph *g, s64 n)
{
	KUNIT_EXPECT_EQ(g->test, debugfile_warnings(g), n);
}

static void g1_first_reference_is_the_allocators(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	node_put(node);
}

static void g9_counts_add_up(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, LEAF);
	unsigned int i;

	for (i = 1; i < 1000; i++)
		node_get(node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1000);
	for (i = 1; i < 1000; i++)
		node_put(node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g9_header_is_sixteen_bytes(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, sizeof(struct refobj), 16);
}

static void g13_get_unless_zero_of_the_living(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	bool got;

	rcu_read_lock();
	got = refobj_get_unless_zero(&node->obj);
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, got);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 2);
	node_put(node);
	node_put(node);
}

/* The memory may be looked at until the read section ends. */
static void g13_get_unless_zero_of_the_dead(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	bool got;

	rcu_read_lock();
	node_put(node);
	got = refobj_get_unless_zero(&node->obj);
	rcu_read_unlock();
	KUNIT_EXPECT_FALSE(test, got);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	expect_warnings(g, 0);
}

static void g13_load_from_the_slot_of_a_dead_owner(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct refobj *loaded;

	graph_append(node, 0, LEAF);
	rcu_read_lock();
	node_put(node);
	loaded = refslot_load(&node->slot[0]);
	rcu_read_unlock();
	KUNIT_EXPECT_NULL(test, loaded);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	expect_warnings(g, 0);
}

/* --- the upper end ------------------------------------------------------ */

static void saturate(struct kunit *test, enum node_kind kind)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, kind);
	unsigned int i;

	node_force_count(node, REFCOUNT_ZONE_MAX);
	graph_expect(g, kind, "saturated");
	node_get(node);
	graph_expect_end();
	expect_warnings(g, 1);
	/* From now on nothing moves it, and nobody is told again. */
	for (i = 0; i < 100; i++)
		node_get(node);
	for (i = 0; i < 300; i++)
		node_put(node);
	KUNIT_EXPECT_GE(test, refobj_count(&node->obj), REFCOUNT_ZONE_MAX);
	KUNIT_EXPECT_LT(test, refobj_count(&node->obj), REFCOUNT_ZONE_RELEASED);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	expect_warnings(g, 1);
	node_force_count(node, 1);
	node_put(node);
}

static void g9_leaf_saturates(struct kunit *test)
{
	saturate(test, LEAF);
}

static void g9_container_saturates(struct kunit *test)
{
	saturate(test, NODE);
}

static void g9_last_valid_count(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, LEAF);

	node_force_count(node, REFCOUNT_ZONE_MAX - 1);
	node_get(node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), REFCOUNT_ZONE_MAX);
	expect_warnings(g, 0);
	node_force_count(node, 1);
	node_put(node);
}

static void g13_get_unless_zero_of_the_saturated(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	bool got;

	node_force_count(node, REFCOUNT_ZONE_SATURATED);
	rcu_read_lock();
	got = refobj_get_unless_zero(&node->obj);
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, got);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	node_force_count(node, 1);
	node_put(node);
}

static void g2_island_with_a_saturated_member(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);

	node_touch(ring);
	node_force_count(ring, REFCOUNT_ZONE_SATURATED);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
	/* One edge, and the reference that this test holds. */
	node_force_count(ring, 2);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

/* --- the lower end ------------------------------------------------------ */

static void get_on_zero(struct kunit *test, enum node_kind kind)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, kind);

	node_force_count(node, 0);
	graph_expect(g, kind, "get on zero");
	node_get(node);
	graph_expect_end();
	expect_warnings(g, 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	node_force_count(node, 1);
	node_put(node);
}

static void g9_get_on_zero(struct kunit *test)
{
	get_on_zero(test, NODE);
}

static void g9_get_on_zero_of_a_leaf(struct kunit *test)
{
	get_on_zero(test, LEAF);
}

static void put_on_zero(struct kunit *test, enum node_kind kind, bool marked)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, kind);

	if (marked)
		node_touch(node);
	node_force_count(node, 0);
	graph_expect(g, kind, "put on zero");
	node_put(node);
	graph_expect_end();
	expect_warnings(g, 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	node_force_count(node, 1);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g9_put_on_zero(struct kunit *test)
{
	put_on_zero(test, NODE, false);
}

static void g9_put_on_zero_of_a_candidate(struct kunit *test)
{
	put_on_zero(test, NODE, true);
}

static void g9_put_on_zero_of_a_leaf(struct kunit *test)
{
	put_on_zero(test, LEAF, false);
}

static struct kunit_case refcount_cases[] = {
	KUNIT_CASE(g1_first_reference_is_the_allocators),
	KUNIT_CASE(g9_counts_add_up),
	KUNIT_CASE(g9_header_is_sixteen_bytes),
	KUNIT_CASE(g13_get_unless_zero_of_the_living),
	KUNIT_CASE(g13_get_unless_zero_of_the_dead),
	KUNIT_CASE(g13_load_from_the_slot_of_a_dead_owner),
	KUNIT_CASE(g9_leaf_saturates),
	KUNIT_CASE(g9_container_saturates),
	KUNIT_CASE(g9_last_valid_count),
	KUNIT_CASE(g13_get_unless_zero_of_the_saturated),
	KUNIT_CASE(g2_island_with_a_saturated_member),
	KUNIT_CASE(g9_get_on_zero),
	KUNIT_CASE(g9_get_on_zero_of_a_leaf),
	KUNIT_CASE(g9_put_on_zero),
	KUNIT_CASE(g9_put_on_zero_of_a_candidate),
	KUNIT_CASE(g9_put_on_zero_of_a_leaf),
	{}
};

static struct kunit_suite refcount_suite = {
	.name = "refheap_refcount",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = refcount_cases,
};

kunit_test_suite(refcount_suite);
