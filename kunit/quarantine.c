// SPDX-License-Identifier: GPL-2.0
/*
 * Quarantine: as long as memory is not used again, whoever still uses what was
 * in it is found (G9), at any later time.
 */
#include "debugfile.h"
#include "graph.h"

static int quarantine_init(struct kunit *test)
{
	static const struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUARANTINE,
	};

	test->priv = graph_create(test, &params);
	return 0;
}

static int answer;
static struct graph_node *live;

static void put_it(struct graph_node *node)
{
	node_put(node);
}

static void get_it(struct graph_node *node)
{
	node_get(node);
}

static void set_its_slot(struct graph_node *node)
{
	answer = refslot_set(&node->obj, &node->slot[0], &live->obj);
}

static void put_it_into_a_slot(struct graph_node *node)
{
	answer = refslot_set(&live->obj, &live->slot[0], &node->obj);
}

/*
 * The last put, a thousand other objects, a grace period, and something that
 * should not follow: warned of, twice, without effect on any of the others.
 */
static void long_after(struct kunit *test, enum node_kind kind,
		       void (*act)(struct graph_node *node),
		       const char *warning)
{
	struct graph *g = test->priv;
	struct graph_node *dead = graph_add(g, kind), *chain;
	u32 id = refobj_id(&dead->obj);

	live = graph_add(g, NODE);
	node_put(dead);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	synchronize_rcu();
	chain = graph_chain(g, 1000, NULL);
	graph_append(chain, 1, kind);
	graph_expect(g, kind, warning);
	answer = -EINVAL;
	act(dead);
	act(dead);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, answer, -EINVAL);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 2);
	KUNIT_EXPECT_EQ(test, refobj_id(&dead->obj), id);
	KUNIT_EXPECT_EQ(test, refobj_count(&live->obj), 1);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 1002);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	node_put(chain);
	node_put(live);
}

static void g9_double_put(struct kunit *test)
{
	long_after(test, NODE, put_it, "put of a dead object");
}

static void g9_double_put_of_a_leaf(struct kunit *test)
{
	long_after(test, LEAF, put_it, "put of a dead object");
}

static void g9_double_put_of_a_custom(struct kunit *test)
{
	long_after(test, CUSTOM, put_it, "put of a dead object");
}

static void g9_get_of_the_dead(struct kunit *test)
{
	long_after(test, NODE, get_it, "get of a dead object");
}

static void g9_slot_of_the_dead(struct kunit *test)
{
	long_after(test, NODE, set_its_slot, "slot of a dead object");
}

static void g9_the_dead_into_a_slot(struct kunit *test)
{
	long_after(test, NODE, put_it_into_a_slot,
		   "dead object put into a slot");
}

/* Of an island just the same. */
static void g9_put_of_what_was_collected(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);

	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	synchronize_rcu();
	graph_expect(g, NODE, "put of a dead object");
	node_put(ring);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 1);
}

/* Counted as freed, and not met by anyone. */
static void g1_quarantined_objects_are_gone(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_chain(g, 100, NULL));
	node_put(graph_add_vector(g, 1000));
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).bytes, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).freed, 101);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "quarantined"), 101);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "sites"), "");
}

/* There is an end to it: the oldest go, and may be used again. */
static void g12_quarantine_is_bounded(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	for (i = 0; i < 10; i++)
		node_put(graph_chain(g, 1000, NULL));
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "quarantined"), 8192);
	KUNIT_EXPECT_EQ(test, graph_stats(g).freed, 10000);
}

/* Whose memory is still in quarantine when the last held object goes. */
static void g10_quarantine_of_a_zombie(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_QUIET | REFHEAP_QUARANTINE,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *chain = graph_chain(g, 10, NULL);

	node_put(graph_chain(g, 10, NULL));
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 10);
	node_put(chain);
	g->heap = NULL;
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE(g9_double_put),
	KUNIT_CASE(g9_double_put_of_a_leaf),
	KUNIT_CASE(g9_double_put_of_a_custom),
	KUNIT_CASE(g9_get_of_the_dead),
	KUNIT_CASE(g9_slot_of_the_dead),
	KUNIT_CASE(g9_the_dead_into_a_slot),
	KUNIT_CASE(g9_put_of_what_was_collected),
	KUNIT_CASE(g1_quarantined_objects_are_gone),
	KUNIT_CASE(g12_quarantine_is_bounded),
	KUNIT_CASE(g10_quarantine_of_a_zombie),
	{}
};

static struct kunit_suite quarantine_suite = {
	.name = "refheap_quarantine",
	.init = quarantine_init,
	.exit = graph_exit,
	.test_cases = quarantine_cases,
};

kunit_test_suite(quarantine_suite);
