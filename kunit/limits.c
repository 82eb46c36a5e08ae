// SPDX-License-Identifier: GPL-2.0
/* Limits: never exceeded, and reached. */
#include "crew.h"
#include "graph.h"

#include <linux/slab.h>

static struct graph *limited(struct kunit *test, u64 objects, u64 bytes)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED,
		.max_objects = objects, .max_bytes = bytes,
	};
	struct graph *g = graph_create(test, &params);

	graph_type(g, NODE);
	graph_type(g, LEAF);
	graph_type(g, VECTOR);
	return g;
}

/* Fill the heap with a chain; returns how long it became. */
static unsigned int fill(struct graph *g, struct graph_node **chain)
{
	unsigned int n = 0;
	struct graph_node *node;

	while ((node = graph_try_add(g, NODE, GFP_KERNEL))) {
		if (*chain)
			KUNIT_EXPECT_EQ(g->test,
					refslot_give(&node->obj,
						     &node->slot[0],
						     &(*chain)->obj), 0);
		*chain = node;
		n++;
	}
	return n;
}

static void g1_objects_up_to_the_limit(struct kunit *test)
{
	struct graph *g = limited(test, 100, 0);
	struct graph_node *chain = NULL;

	KUNIT_EXPECT_EQ(test, fill(g, &chain), 100);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 100);
	KUNIT_EXPECT_NULL(test, graph_try_add(g, LEAF, GFP_KERNEL));
	node_put(chain);
	chain = NULL;
	/* What was freed may be used again, and refusals cost nothing. */
	KUNIT_EXPECT_EQ(test, fill(g, &chain), 100);
	node_put(chain);
	graph_destroy(g);
}

static void g1_limit_of_one_object(struct kunit *test)
{
	struct graph *g = limited(test, 1, 0);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct graph_node *node = graph_add(g, NODE);

		KUNIT_EXPECT_NULL(test, graph_try_add(g, NODE, GFP_KERNEL));
		node_put(node);
	}
	graph_destroy(g);
}

static void g1_bytes_up_to_the_limit(struct kunit *test)
{
	struct graph *g = limited(test, 0, 20 * sizeof(struct graph_node) + 7);
	struct graph_node *chain = NULL;

	KUNIT_EXPECT_EQ(test, fill(g, &chain), 20);
	KUNIT_EXPECT_LE(test, graph_stats(g).bytes,
			20 * sizeof(struct graph_node) + 7);
	node_put(chain);
	graph_destroy(g);
}

static void g1_arrays_count_as_bytes(struct kunit *test)
{
	size_t most = 16 * sizeof(struct graph_node);
	struct graph *g = limited(test, 0, most);
	struct graph_node *vector;

	KUNIT_EXPECT_NULL(test, refobj_alloc_array(graph_type(g, VECTOR), most /
						   sizeof(struct refslot),
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, graph_stats(g).bytes, 0);
	vector = graph_add_vector(g, 64);
	KUNIT_EXPECT_GE(test, graph_stats(g).bytes,
			sizeof(struct graph_node) +
			64 * sizeof(struct refslot));
	KUNIT_EXPECT_LE(test, graph_stats(g).bytes, most);
	node_put(vector);
	KUNIT_EXPECT_EQ(test, graph_stats(g).bytes, 0);
	graph_destroy(g);
}

static void g1_arrays_that_cannot_be(struct kunit *test)
{
	static const size_t lengths[] = {
		SIZE_MAX, SIZE_MAX / sizeof(struct refslot),
		SIZE_MAX / sizeof(struct refslot) + 1, SIZE_MAX / 2,
	};
	struct graph *g = test->priv;
	struct reftype *type = graph_type(g, VECTOR);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		KUNIT_EXPECT_NULL(test, refobj_alloc_array(type, lengths[i],
							   GFP_KERNEL |
							   __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).bytes, 0);
}

/* Garbage that has not been collected takes room like anything else. */
static void g1_garbage_counts_until_collected(struct kunit *test)
{
	struct graph *g = limited(test, 10, 0);
	struct graph_node *chain = NULL;

	node_put(graph_ring(g, 6));
	KUNIT_EXPECT_EQ(test, fill(g, &chain), 4);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 6);
	KUNIT_EXPECT_EQ(test, fill(g, &chain), 6);
	node_put(chain);
	graph_destroy(g);
}

/* --- from all CPUs ------------------------------------------------------ */

#define RACE_LIMIT 64

static void press(struct hand *hand)
{
	struct graph_node *held[RACE_LIMIT];
	struct graph *g = hand->crew->g;
	unsigned int i, n = crew_rounds() / 16 + 1;
	unsigned int nr = 0;

	while (n--) {
		while (nr < RACE_LIMIT) {
			held[nr] = graph_try_add(g, LEAF, GFP_KERNEL);
			if (!held[nr])
				break;
			nr++;
		}
		if (graph_alive(g) > RACE_LIMIT)
			atomic_inc(&hand->crew->wrong);
		for (i = hand_random(hand, RACE_LIMIT) % (nr + 1); i; i--)
			node_put(held[--nr]);
		cond_resched();
	}
	while (nr)
		node_put(held[--nr]);
}

static void g1_limit_reached_from_all_cpus(struct kunit *test)
{
	struct graph_node *chain = NULL;
	struct graph *g;

	crew_need_two_cpus(test);
	g = limited(test, RACE_LIMIT, 0);
	crew_finish(crew_start(g, press, NULL));
	/* Nothing of the limit was lost on the way. */
	KUNIT_EXPECT_EQ(test, fill(g, &chain), RACE_LIMIT);
	node_put(chain);
	graph_destroy(g);
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE(g1_objects_up_to_the_limit),
	KUNIT_CASE(g1_limit_of_one_object),
	KUNIT_CASE(g1_bytes_up_to_the_limit),
	KUNIT_CASE(g1_arrays_count_as_bytes),
	KUNIT_CASE(g1_arrays_that_cannot_be),
	KUNIT_CASE(g1_garbage_counts_until_collected),
	KUNIT_CASE(g1_limit_reached_from_all_cpus),
	{}
};

static struct kunit_suite limits_suite = {
	.name = "refheap_limits",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = limits_cases,
};

kunit_test_suite(limits_suite);
