// SPDX-License-Identifier: GPL-2.0
/*
 * What clients get wrong with the dead, and with what they report: each is
 * answered with one warning that names heap and type, and contained (G9).
 */
#include "debugfile.h"
#include "graph.h"

static void expect_warnings(struct graph *g, s64 n)
{
	KUNIT_EXPECT_EQ(g->test, debugfile_warnings(g), n);
}

/*
 * The last put, and something that should not follow it, while the memory
 * cannot have been reused: within one RCU read section.
 */
static void after_the_last_put(struct kunit *test, enum node_kind kind,
			       void (*act)(struct graph_node *node),
			       const char *warning)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, kind);

	graph_expect(g, kind, warning);
	rcu_read_lock();
	node_put(node);
	act(node);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	expect_warnings(g, 1);
}

static void get(struct graph_node *node)
{
	node_get(node);
}

static void g9_double_put(struct kunit *test)
{
	after_the_last_put(test, NODE, node_put, "put of a dead object");
}

static void g9_double_put_of_a_leaf(struct kunit *test)
{
	after_the_last_put(test, LEAF, node_put, "put of a dead object");
}

static void g9_get_of_the_dead(struct kunit *test)
{
	after_the_last_put(test, NODE, get, "get of a dead object");
}

static void g9_get_of_a_dead_leaf(struct kunit *test)
{
	after_the_last_put(test, LEAF, get, "get of a dead object");
}

/* The memory that was put twice goes on being of use. */
static void g9_nothing_is_corrupted_by_a_double_put(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[64];
	unsigned int i;

	g9_double_put(test);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = graph_ring(g, 2);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 128);
}

/* --- in a release ------------------------------------------------------- */

static int answer;

static void set_own_slot(struct graph_node *node)
{
	answer = refslot_set(&node->obj, &node->slot[0], node->data);
	node->data = NULL;
}

static void g9_slot_of_a_dead_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *live = graph_add(g, NODE);

	node->data = &live->obj;
	node->last_words = set_own_slot;
	graph_expect(g, NODE, "slot of a dead object");
	node_put(node);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, answer, -EINVAL);
	KUNIT_EXPECT_EQ(test, refobj_count(&live->obj), 1);
	expect_warnings(g, 1);
	node_put(live);
}

static void enter_anothers_slot(struct graph_node *node)
{
	struct graph_node *live = node->data;

	answer = refslot_set(&live->obj, &live->slot[0], &node->obj);
}

static void g9_dead_object_into_a_slot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *live = graph_add(g, NODE);

	node->data = live;
	node->last_words = enter_anothers_slot;
	graph_expect(g, NODE, "dead object put into a slot");
	node_put(node);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, answer, -EINVAL);
	KUNIT_EXPECT_NULL(test, live->slot[0].target);
	expect_warnings(g, 1);
	node_put(live);
}

static void get_oneself(struct graph_node *node)
{
	node_get(node);
}

static void g9_release_takes_a_reference(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = get_oneself;
	graph_expect(g, NODE, "get of a dead object");
	node_put(node);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	expect_warnings(g, 1);
}

static void put_oneself(struct graph_node *node)
{
	node_put(node);
}

static void g9_release_puts_once_more(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = put_oneself;
	graph_expect(g, NODE, "put of a dead object");
	node_put(node);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	expect_warnings(g, 1);
}

/* --- wrong counts ------------------------------------------------------- */

/*
 * Fewer references counted than there are edges: somebody put what was not
 * his. The object is named and made to live for ever, before a put of one of
 * the others frees it.
 */
static void g9_count_too_low(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_ring(g, 3);

	graph_link(head, 1, head);
	KUNIT_EXPECT_EQ(test, refobj_count(&head->obj), 3);
	node_put(head);
	node_put(head);
	graph_expect(g, NODE, "count is lower");
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	graph_expect_end();
	expect_warnings(g, 1);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	refslot_clear(&head->obj, &head->slot[1]);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
	KUNIT_EXPECT_TRUE(test, node_is_alive(head));
	expect_warnings(g, 1);
	/* One edge, and the reference that this test gives back. */
	node_force_count(head, 2);
	node_put(head);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

/* The first slot twice, until told otherwise. */
static int report_twice(struct refobj *obj, struct refvisitor *visitor)
{
	struct graph_node *node = node_of(obj);
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		refvisit(visitor, &node->slot[i]);
	if (READ_ONCE(node->data))
		refvisit(visitor, &node->slot[0]);
	return 0;
}

static const struct reftype_desc stutterer = {
	REFTYPE(struct graph_node, obj), .name = "stutterer", .visit = report_twice,
};

static void g9_visit_that_reports_a_slot_twice(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = refheap_register_type(g->heap, &stutterer);
	struct graph_node *a, *b;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	a = node_of(refobj_alloc(type, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, a);
	b = graph_add(g, NODE);
	graph_link(b, 0, a);
	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot[0], &b->obj), 0);
	WRITE_ONCE(a->data, a);
	graph_expect(g, NODE, "count is lower");
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	graph_expect_end();
	expect_warnings(g, 1);
	KUNIT_EXPECT_TRUE(test, node_is_alive(b));
	/* Corrected, and dropped: a's slot counts one reference. */
	WRITE_ONCE(a->data, NULL);
	node_force_count(b, 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(g9_double_put),
	KUNIT_CASE(g9_double_put_of_a_leaf),
	KUNIT_CASE(g9_get_of_the_dead),
	KUNIT_CASE(g9_get_of_a_dead_leaf),
	KUNIT_CASE(g9_nothing_is_corrupted_by_a_double_put),
	KUNIT_CASE(g9_slot_of_a_dead_object),
	KUNIT_CASE(g9_dead_object_into_a_slot),
	KUNIT_CASE(g9_release_takes_a_reference),
	KUNIT_CASE(g9_release_puts_once_more),
	KUNIT_CASE(g9_count_too_low),
	KUNIT_CASE(g9_visit_that_reports_a_slot_twice),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "refheap_misuse",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = misuse_cases,
};

kunit_test_suite(misuse_suite);
