// SPDX-License-Identifier: GPL-2.0
/*
 * Shapes of garbage: each is reclaimed whole and counted exactly (G3), and
 * what is alive beside, above and below it is left alone (G2). The case names
 * say which guarantee.
 */
#include "crew.h"
#include "graph.h"

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/slab.h>

static unsigned int size;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "Objects of the largest shapes, 0: as many as take no minutes");

/* Checked memory is hundreds of times slower. */
static unsigned int large(void)
{
	if (size)
		return size;
	return IS_ENABLED(CONFIG_KASAN) ? 100000 : 1000000;
}

/* The island held by @node alone: drop it and have all @n reclaimed. */
static void expect_reclaimed(struct graph *g, struct graph_node *node, long n)
{
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), n);
	KUNIT_EXPECT_EQ(g->test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), n);
	node_put(node);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), n);
	KUNIT_EXPECT_EQ(g->test, graph_collect(g), n);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
}

static void g3_self_loop(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	graph_link(node, 0, node);
	expect_reclaimed(g, node, 1);
}

static void g3_two_cycle(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	graph_link(graph_append(a, 0, NODE), 0, a);
	expect_reclaimed(g, a, 2);
}

/* The project's first example: two names, two attributes, two dels. */
static void g3_two_cycle_held_twice(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	graph_link(a, 0, b);
	graph_link(b, 0, a);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_TRUE(test, node_is_alive(a));
	node_put(b);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
}

static const unsigned int ring_sizes[] = { 3, 4, 5, 16, 127, 128, 129, 1000 };

static void describe_size(const unsigned int *n, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%u", *n);
}

KUNIT_ARRAY_PARAM(ring_size, ring_sizes, describe_size);

static void g3_ring(struct kunit *test)
{
	const unsigned int *n = test->param_value;
	struct graph *g = test->priv;

	expect_reclaimed(g, graph_ring(g, *n), *n);
}

static void g3_ring_held_at_every_member(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = graph_add(g, NODE);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		graph_link(node[i], 0, node[(i + 1) % ARRAY_SIZE(node)]);
	for (i = 0; i < ARRAY_SIZE(node); i++) {
		KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
		node_put(node[i]);
	}
	KUNIT_EXPECT_EQ(test, graph_collect(g), ARRAY_SIZE(node));
}

/* The candidates alone lead to it: no full pass is needed (G12). */
static void g12_ring_found_from_its_candidate(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 16));
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 16);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/*
 * A list and a tuple: the tuple's elements are set once, when it is made, so
 * only the list can close the cycle.
 */
static void g3_immutable_member_closed_by_a_mutable_one(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *list = graph_add_vector(g, 2);
	struct graph_node *tuple = graph_add_vector(g, 1);

	KUNIT_ASSERT_EQ(test, refslot_set(&tuple->obj, &tuple->array->slot[0],
					  &list->obj), 0);
	KUNIT_ASSERT_EQ(test, refslot_give(&list->obj, &list->array->slot[1],
					   &tuple->obj), 0);
	expect_reclaimed(g, list, 2);
}

static void g3_cycle_of_every_kind(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *vector = graph_add_vector(g, 3);

	KUNIT_ASSERT_EQ(test, refslot_give(&node->obj, &node->slot[3],
					   &vector->obj), 0);
	KUNIT_ASSERT_EQ(test, refslot_give(&vector->obj,
					   &vector->array->slot[2],
					   &graph_add(g, CUSTOM)->obj), 0);
	graph_link(graph_append(node_of(vector->array->slot[2].target), 1,
				SLEEPER), 2, node);
	expect_reclaimed(g, node, 4);
}

/* Two rings of three; edges between them in the directions of @bits. */
static void two_cycles(struct kunit *test, unsigned int bits)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_ring(g, 3);
	struct graph_node *b = graph_ring(g, 3);

	if (bits & 1)
		graph_link(a, 1, b);
	if (bits & 2)
		graph_link(b, 1, a);
	node_put(b);
	KUNIT_EXPECT_EQ(test, graph_collect(g), bits & 1 ? 0 : 3);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), bits & 1 ? 6 : 3);
}

static void g3_two_cycles_apart(struct kunit *test)
{
	two_cycles(test, 0);
}

static void g3_two_cycles_joined_by_an_edge(struct kunit *test)
{
	two_cycles(test, 1);
}

static void g3_two_cycles_joined_by_an_edge_back(struct kunit *test)
{
	two_cycles(test, 2);
}

static void g3_two_cycles_joined_by_two_edges(struct kunit *test)
{
	two_cycles(test, 3);
}

static void g3_two_cycles_sharing_a_node(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *shared = graph_ring(g, 4);

	graph_link(graph_append(graph_append(shared, 1, NODE), 0, NODE), 0,
		   shared);
	expect_reclaimed(g, shared, 6);
}

static void g3_chain_of_cycles(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *first = graph_ring(g, 2);
	struct graph_node *ring = first;
	struct graph_node *next;
	unsigned int i;

	for (i = 1; i < 20; i++) {
		next = graph_ring(g, 2);
		graph_link(ring, 1, next);
		node_put(next);
		ring = next;
	}
	expect_reclaimed(g, first, 40);
}

static void g3_complete_graph_of_four(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[4];
	unsigned int i, j;

	for (i = 0; i < 4; i++)
		node[i] = graph_add(g, NODE);
	for (i = 0; i < 4; i++)
		for (j = 0; j < 4; j++)
			graph_link(node[i], j, node[j]);
	for (i = 1; i < 4; i++)
		node_put(node[i]);
	expect_reclaimed(g, node[0], 4);
}

static void g3_complete_graph_of_thirty(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[30];
	unsigned int i, j;
	int err = 0;

	for (i = 0; i < 30; i++)
		node[i] = graph_add_vector(g, 30);
	for (i = 0; i < 30; i++)
		for (j = 0; j < 30; j++)
			err |= refslot_set(&node[i]->obj,
					   &node[i]->array->slot[j],
					   &node[j]->obj);
	KUNIT_EXPECT_EQ(test, err, 0);
	for (i = 1; i < 30; i++)
		node_put(node[i]);
	expect_reclaimed(g, node[0], 30);
}

/* The permutation of 0..3 with this number, 0..23. */
static void permute(unsigned int number, unsigned int order[4])
{
	unsigned int left[4] = { 0, 1, 2, 3 };
	unsigned int i, j, n;

	for (i = 0; i < 4; i++) {
		n = number % (4 - i);
		number /= 4 - i;
		order[i] = left[n];
		for (j = n; j < 3; j++)
			left[j] = left[j + 1];
	}
}

/* a to b and c, both to d, d back to a; all held, dropped in each order. */
static void g3_diamond_dropped_in_every_order(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int number, i, order[4];
	struct graph_node *node[4];

	for (number = 0; number < 24; number++) {
		for (i = 0; i < 4; i++)
			node[i] = graph_add(g, NODE);
		graph_link(node[0], 0, node[1]);
		graph_link(node[0], 1, node[2]);
		graph_link(node[1], 0, node[3]);
		graph_link(node[2], 0, node[3]);
		graph_link(node[3], 0, node[0]);
		permute(number, order);
		for (i = 0; i < 4; i++) {
			KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
			node_put(node[order[i]]);
		}
		KUNIT_EXPECT_EQ(test, graph_collect(g), 4);
	}
}

static void g2_cycle_below_a_live_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_add(g, NODE);
	struct graph_node *ring = graph_ring(g, 5);

	graph_link(live, 0, ring);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 6);
	node_put(live);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 5);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
}

static void g2_live_object_below_a_cycle(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_add(g, NODE);
	struct graph_node *ring = graph_ring(g, 5);

	graph_link(ring, 1, live);
	graph_append(live, 0, NODE);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refobj_count(&live->obj), 2);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 2);
	KUNIT_EXPECT_EQ(test, refobj_count(&live->obj), 1);
	KUNIT_EXPECT_TRUE(test, node_is_alive(live));
	node_put(live);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* What only the cycle kept alive dies by its count, and is not counted. */
static void g1_chain_below_a_cycle_dies_with_it(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 5);
	struct graph_node *chain = graph_chain(g, 7, NULL);
	long reclaimed;

	KUNIT_ASSERT_EQ(test, refslot_give(&ring->obj, &ring->slot[1],
					   &chain->obj), 0);
	node_put(ring);
	reclaimed = graph_collect(g);
	KUNIT_EXPECT_GE(test, reclaimed, 5);
	KUNIT_EXPECT_LE(test, reclaimed, 12);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g2_leaf_shared_with_the_living(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *live = graph_add(g, NODE);
	struct graph_node *ring = graph_ring(g, 3);

	graph_link(ring, 1, leaf);
	graph_link(live, 0, leaf);
	node_put(leaf);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_TRUE(test, node_is_alive(leaf));
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 1);
	node_put(live);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g3_leaves_are_not_counted(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);

	graph_append(ring, 1, LEAF);
	graph_append(ring, 2, LEAF);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, graph_released(g), 5);
}

static void g3_many_slots_to_one_target(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *vector = graph_add_vector(g, 1000);
	struct graph_node *target = graph_add(g, NODE);
	unsigned int i;
	int err = 0;

	graph_link(target, 0, vector);
	for (i = 0; i < 1000; i++)
		err |= refslot_set(&vector->obj, &vector->array->slot[i],
				   &target->obj);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&target->obj), 1001);
	node_put(target);
	expect_reclaimed(g, vector, 2);
}

static void g3_all_slots_to_oneself(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		graph_link(node, i, node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1 + NODE_SLOTS);
	expect_reclaimed(g, node, 1);
}

static void g3_comb(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_reclaimed(g, graph_comb(g, 300), 600);
}

static void g3_tree_with_parent_pointers(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_reclaimed(g, graph_tree(g, 1023), 1023);
}

static void g3_hub_with_many_spokes(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_reclaimed(g, graph_hub(g, 1000), 1001);
}

static void g3_hub_held_by_a_spoke(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *hub = graph_hub(g, 500);
	struct graph_node *spoke;

	spoke = node_of(refslot_load(&hub->array->slot[250]));
	node_put(hub);
	expect_reclaimed(g, spoke, 501);
}

static void g3_double_ring(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_reclaimed(g, graph_double_ring(g, 500), 500);
}

/* Independent islands do not wait for one another. */
static void g3_a_hundred_islands(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *held = graph_ring(g, 4);
	struct refheap_stats stats;
	unsigned int i;

	for (i = 0; i < 100; i++)
		node_put(graph_ring(g, 2));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 200);
	stats = graph_stats(g);
	KUNIT_EXPECT_EQ(test, stats.islands, 100);
	KUNIT_EXPECT_EQ(test, stats.reclaimed, 200);
	node_put(held);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 4);
}

static void g2_what_is_acyclic_is_left_to_its_counts(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_chain(g, 50, NULL);

	node_touch(head);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 50);
	node_put(head);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
}

/* --- random graphs ------------------------------------------------------ */

#define WEB_NODES 40

struct web {
	struct graph_node *node[WEB_NODES];
	int edge[WEB_NODES][NODE_SLOTS];	/* -1: none */
	bool held[WEB_NODES];
	bool reached[WEB_NODES];
};

static void web_weave(struct web *web, struct graph *g, struct rnd_state *rnd)
{
	unsigned int i, j;
	int to;

	for (i = 0; i < WEB_NODES; i++)
		web->node[i] = graph_add(g, NODE);
	for (i = 0; i < WEB_NODES; i++)
		for (j = 0; j < NODE_SLOTS; j++) {
			to = prandom_u32_state(rnd) % (2 * WEB_NODES);
			web->edge[i][j] = to < WEB_NODES ? to : -1;
			if (to < WEB_NODES)
				graph_link(web->node[i], j, web->node[to]);
		}
}

static void web_drop_some(struct web *web, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < WEB_NODES; i++) {
		web->held[i] = prandom_u32_state(rnd) % 16 == 0;
		web->reached[i] = web->held[i];
	}
	for (i = 0; i < WEB_NODES; i++)
		if (!web->held[i])
			node_put(web->node[i]);
}

static unsigned int web_reach(struct web *web)
{
	unsigned int i, j, n = 0;
	bool more;

	do {
		more = false;
		for (i = 0; i < WEB_NODES; i++)
			for (j = 0; j < NODE_SLOTS && web->reached[i]; j++)
				if (web->edge[i][j] >= 0 &&
				    !web->reached[web->edge[i][j]]) {
					web->reached[web->edge[i][j]] = true;
					more = true;
				}
	} while (more);
	for (i = 0; i < WEB_NODES; i++)
		n += web->reached[i];
	return n;
}

static void web_unravel(struct web *web, struct graph *g)
{
	unsigned int i;

	for (i = 0; i < WEB_NODES; i++)
		if (web->reached[i])
			KUNIT_EXPECT_TRUE(g->test, node_is_alive(web->node[i]));
	for (i = 0; i < WEB_NODES; i++)
		if (web->held[i])
			node_put(web->node[i]);
	graph_collect(g);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
}

/* What is left is what can be reached from what is held, no more, no less. */
static void g3_random_graphs(struct kunit *test)
{
	struct web *web = kunit_kzalloc(test, sizeof(*web), GFP_KERNEL);
	u64 seed = crew_new_seed();
	struct graph *g = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, web);
	kunit_info(test, "seed=%llu\n", seed);
	prandom_seed_state(&rnd, seed);
	for (i = 0; i < 40; i++) {
		web_weave(web, g, &rnd);
		web_drop_some(web, &rnd);
		graph_collect(g);
		KUNIT_EXPECT_EQ_MSG(test, graph_alive(g), web_reach(web),
				    "graph %u", i);
		web_unravel(web, g);
	}
}

/* --- large ones --------------------------------------------------------- */

#define LARGE_BUILD_MS 500

/*
 * A chain that grows until it has the size wanted, or, unless that was asked
 * for by parameter, until this machine has shown itself too slow for it.
 */
static long grow_large(struct graph *g, struct graph_node **head,
		       struct graph_node **tail, bool doubly)
{
	unsigned long until = jiffies + msecs_to_jiffies(LARGE_BUILD_MS);
	struct graph_node *next;
	long n = 1;

	*head = graph_add(g, NODE);
	*tail = *head;
	while (n < large() && (size || time_before(jiffies, until))) {
		next = graph_append(*tail, 0, NODE);
		if (doubly)
			graph_link(next, 1, *tail);
		*tail = next;
		n++;
	}
	return n;
}

static void expect_large_reclaimed(struct graph *g, struct graph_node *held,
				   long n, long by_collection)
{
	ktime_t begun = ktime_get();

	node_put(held);
	KUNIT_EXPECT_EQ(g->test, graph_collect(g), by_collection);
	kunit_info(g->test, "%ld objects gone in %lld ms\n", n,
		   ktime_ms_delta(ktime_get(), begun));
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(g->test, graph_released(g), n);
}

static void g7_long_chain(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head, *tail;
	long n = grow_large(g, &head, &tail, false);

	expect_large_reclaimed(g, head, n, 0);
}

static void g7_long_ring(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head, *tail;
	long n = grow_large(g, &head, &tail, false);

	graph_link(tail, 0, head);
	expect_large_reclaimed(g, head, n, n);
}

static void g7_long_double_ring(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head, *tail;
	long n = grow_large(g, &head, &tail, true);

	graph_link(tail, 0, head);
	graph_link(head, 1, tail);
	expect_large_reclaimed(g, head, n, n);
}

static struct kunit_case shape_cases[] = {
	KUNIT_CASE(g3_self_loop),
	KUNIT_CASE(g3_two_cycle),
	KUNIT_CASE(g3_two_cycle_held_twice),
	KUNIT_CASE_PARAM(g3_ring, ring_size_gen_params),
	KUNIT_CASE(g3_ring_held_at_every_member),
	KUNIT_CASE(g12_ring_found_from_its_candidate),
	KUNIT_CASE(g3_immutable_member_closed_by_a_mutable_one),
	KUNIT_CASE(g3_cycle_of_every_kind),
	KUNIT_CASE(g3_two_cycles_apart),
	KUNIT_CASE(g3_two_cycles_joined_by_an_edge),
	KUNIT_CASE(g3_two_cycles_joined_by_an_edge_back),
	KUNIT_CASE(g3_two_cycles_joined_by_two_edges),
	KUNIT_CASE(g3_two_cycles_sharing_a_node),
	KUNIT_CASE(g3_chain_of_cycles),
	KUNIT_CASE(g3_complete_graph_of_four),
	KUNIT_CASE(g3_complete_graph_of_thirty),
	KUNIT_CASE(g3_diamond_dropped_in_every_order),
	KUNIT_CASE(g2_cycle_below_a_live_object),
	KUNIT_CASE(g2_live_object_below_a_cycle),
	KUNIT_CASE(g1_chain_below_a_cycle_dies_with_it),
	KUNIT_CASE(g2_leaf_shared_with_the_living),
	KUNIT_CASE(g3_leaves_are_not_counted),
	KUNIT_CASE(g3_many_slots_to_one_target),
	KUNIT_CASE(g3_all_slots_to_oneself),
	KUNIT_CASE(g3_comb),
	KUNIT_CASE(g3_tree_with_parent_pointers),
	KUNIT_CASE(g3_hub_with_many_spokes),
	KUNIT_CASE(g3_hub_held_by_a_spoke),
	KUNIT_CASE(g3_double_ring),
	KUNIT_CASE(g3_a_hundred_islands),
	KUNIT_CASE(g2_what_is_acyclic_is_left_to_its_counts),
	KUNIT_CASE(g3_random_graphs),
	KUNIT_CASE_SLOW(g7_long_chain),
	KUNIT_CASE_SLOW(g7_long_ring),
	KUNIT_CASE_SLOW(g7_long_double_ring),
	{}
};

static struct kunit_suite shape_suite = {
	.name = "refheap_shape",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = shape_cases,
};

kunit_test_suite(shape_suite);
