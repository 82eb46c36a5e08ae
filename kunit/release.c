// SPDX-License-Identifier: GPL-2.0
/* Releases: at once, in order, once each, and with what they may do inside. */
#include "graph.h"

#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

static void g1_last_put_releases_before_it_returns(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node_get(node);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).freed, 1);
}

static void g1_leaf_too(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_add(g, LEAF));
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, graph_stats(g).freed, 1);
}

static void g1_chain_is_released_from_its_head(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	node_put(graph_chain(g, 10, NULL));
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, g->order[i], i);
}

static void g1_tree_is_released_parents_first(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *root = graph_add(g, NODE);
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		graph_append(graph_append(root, i, NODE), 0, LEAF);
	node_put(root);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1 + 2 * NODE_SLOTS);
	KUNIT_EXPECT_EQ(test, g->order[0], 0);
}

/* Memory that was used before is zeroed; the fixture looks at every node. */
static void g1_payload_is_zeroed_again(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		node = graph_add(g, NODE);
		node->data = node;
		graph_append(node, i % NODE_SLOTS, NODE)->data = node;
		node_put(node);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 400);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->damaged), 0);
}

static void g1_type_without_release(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };
	struct reftype_desc desc = {
		REFTYPE(struct graph_node, obj), .name = "mute",
	};
	struct graph *g = graph_create(test, &params);
	struct reftype *type = refheap_register_type(g->heap, &desc);
	struct refobj *obj;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	obj = refobj_alloc(type, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_EXPECT_PTR_EQ(test, refobj_type(obj), type);
	KUNIT_EXPECT_PTR_EQ(test, refobj_heap(obj), g->heap);
	KUNIT_EXPECT_STREQ(test, reftype_name(type), "mute");
	refobj_put(obj);
	graph_destroy(g);
}

/* --- scope-bound references --------------------------------------------- */

static struct refobj *pass_through(struct graph_node *node)
{
	struct refobj *obj __free(refobj) = refobj_get(&node->obj);

	return_ptr(obj);
}

static void g1_scope_exit_puts(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	{
		struct refobj *obj __free(refobj) = refobj_get(&node->obj);

		KUNIT_EXPECT_EQ(test, refobj_count(obj), 2);
	}
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	{
		struct refobj *obj __free(refobj) = &node->obj;

		KUNIT_EXPECT_EQ(test, refobj_count(obj), 1);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g1_scope_exit_passes_on(struct kunit *test)
{
	struct refobj *none __free(refobj) = NULL;
	struct refobj *error __free(refobj) = ERR_PTR(-ENOMEM);
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct refobj *obj;

	KUNIT_EXPECT_NULL(test, none);
	KUNIT_EXPECT_TRUE(test, IS_ERR(error));
	obj = pass_through(node);
	KUNIT_EXPECT_EQ(test, refobj_count(obj), 2);
	refobj_put(obj);
	node_put(node);
}

/* --- what a release may do ---------------------------------------------- */

static void put_data(struct graph_node *node)
{
	node_put(node->data);
}

static void g1_release_drops_another(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->data = graph_add(g, LEAF);
	node->last_words = put_data;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

static void g1_release_drops_one_of_another_heap(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct graph_node *node = graph_add(g, NODE);

	node->data = graph_add(other, NODE);
	node->last_words = put_data;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(other), 1);
	graph_destroy(other);
}

/* Nested puts are queued, not nested: the stack does not grow with them. */
static void g7_releases_that_drop_one_another(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node, *before = graph_add(g, NODE);
	unsigned int i;

	for (i = 1; i < 2000; i++) {
		node = graph_add(g, i % 2 ? LEAF : NODE);
		node->data = before;
		node->last_words = put_data;
		before = node;
	}
	node_put(before);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2000);
}

/* Where the stack has been in releases: a frame each. */
static unsigned long stack_lowest, stack_highest;

static void put_data_on_the_stack(struct graph_node *node)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	stack_lowest = min(stack_lowest, here);
	stack_highest = max(stack_highest, here);
	node_put(node->data);
}

/* The same without slots, of which each is told with preemption off. */
static void g7_leaves_that_drop_one_another(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node, *before = graph_add(g, LEAF);
	unsigned int i;

	for (i = 1; i < 2000; i++) {
		node = graph_add(g, LEAF);
		node->data = before;
		node->last_words = put_data_on_the_stack;
		before = node;
	}
	stack_lowest = ULONG_MAX;
	stack_highest = 0;
	node_put(before);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2000);
	/* From the first put, or from the queue: not one within the other. */
	KUNIT_EXPECT_LT(test, stack_highest - stack_lowest, 4096);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).deferred, 0);
}

/* Who is inside a release, and whether another one began in that. */
static struct task_struct *release_by;
static bool release_nested;

static void put_inside(struct graph_node *node)
{
	WRITE_ONCE(release_by, current);
	node_put(node->data);
	WRITE_ONCE(release_by, NULL);
}

/* It may take a lock that the other one holds. */
static void look_around(struct graph_node *node)
{
	release_nested |= READ_ONCE(release_by) == current;
}

/* What a release puts is released behind it, of whatever kind they are. */
static void g1_release_behind_the_one_that_runs(struct kunit *test)
{
	static const enum node_kind kinds[] = { LEAF, NODE, SLEEPER };
	struct graph *g = test->priv;
	struct graph_node *outer, *inner;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(kinds); i++) {
		outer = graph_add(g, kinds[i % ARRAY_SIZE(kinds)]);
		inner = graph_add(g, kinds[i / ARRAY_SIZE(kinds)]);
		outer->data = inner;
		outer->last_words = put_inside;
		inner->last_words = look_around;
		release_nested = false;
		node_put(outer);
		KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
		KUNIT_EXPECT_FALSE(test, release_nested);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 2 * i);
}

static void add_child(struct graph_node *node)
{
	struct graph_node *child = graph_try_add(node->graph, NODE, GFP_ATOMIC);

	if (child)
		node_put(child);
}

static void g1_release_allocates(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = add_child;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_release_in_an_island_allocates(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_ring(g, 3);

	node->last_words = add_child;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, graph_released(g), 4);
}

/* Results of calls that a release made, in the order of releases. */
static long answers[3];

static void collect_inside(struct graph_node *node)
{
	answers[0] = refheap_collect(node->graph->heap, 0);
	answers[1] = refheap_collect(node->graph->heap, REFHEAP_COLLECT_FULL);
}

static void drain_inside(struct graph_node *node)
{
	answers[0] = refheap_drain(node->graph->heap);
}

static void destroy_inside(struct graph_node *node)
{
	answers[0] = refheap_destroy(node->graph->heap);
}

static void kick_inside(struct graph_node *node)
{
	refheap_kick(node->graph->heap);
}

static void node_put_with(struct graph_node *node,
			  void (*words)(struct graph_node *node))
{
	memset(answers, 0, sizeof(answers));
	node->last_words = words;
	node_put(node);
}

static void g10_collect_in_a_release(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put_with(graph_add(g, SLEEPER), collect_inside);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
	KUNIT_EXPECT_EQ(test, answers[1], -EDEADLK);
}

/* A mistake, which must not end in waiting for itself. */
static void g10_collect_in_the_release_of_a_leaf(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put_with(graph_add(g, LEAF), collect_inside);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
	KUNIT_EXPECT_EQ(test, answers[1], -EDEADLK);
	node_put_with(graph_add(g, LEAF), destroy_inside);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
}

static void g10_collect_in_the_release_of_an_island(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put_with(graph_ring(g, 2), collect_inside);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
	KUNIT_EXPECT_EQ(test, answers[1], -EDEADLK);
}

static void g10_drain_in_a_release(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put_with(graph_add(g, SLEEPER), drain_inside);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
}

static void g10_destroy_in_a_release(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put_with(graph_add(g, SLEEPER), destroy_inside);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, answers[0], -EDEADLK);
	/* And the heap is as it was. */
	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

static void g1_kick_in_a_release(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 3));
	node_put_with(graph_add(g, NODE), kick_inside);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 4));
}

/* --- islands ------------------------------------------------------------ */

static void count_call(struct graph_node *node)
{
	atomic_inc(node->data);
}

static void g1_each_member_is_released_once(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node, *head;
	atomic_t calls[8] = {};
	unsigned int i;

	head = graph_ring(g, ARRAY_SIZE(calls));
	node = head;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		node->data = &calls[i];
		node->last_words = count_call;
		node = node_of(node->slot[0].target);
	}
	node_put(head);
	KUNIT_EXPECT_EQ(test, graph_collect(g), ARRAY_SIZE(calls));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&calls[i]), 1);
}

/* What the release of a member finds when it looks for its neighbours. */
struct witness {
	struct graph_node *member[3];
	unsigned int acquired;
	unsigned int asked;
};

static void look_for_the_others(struct graph_node *node)
{
	struct witness *witness = node->data;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < 3; i++) {
		witness->asked++;
		witness->acquired +=
			refobj_get_unless_zero(&witness->member[i]->obj);
	}
	rcu_read_unlock();
}

/* The memory of all members stays until the last of them was released. */
static void g4_no_release_sees_another_member_alive(struct kunit *test)
{
	struct graph *g = test->priv;
	struct witness witness = {};
	unsigned int i;

	witness.member[0] = graph_ring(g, 3);
	witness.member[1] = node_of(witness.member[0]->slot[0].target);
	witness.member[2] = node_of(witness.member[1]->slot[0].target);
	for (i = 0; i < 3; i++) {
		witness.member[i]->data = &witness;
		witness.member[i]->last_words = look_for_the_others;
	}
	node_put(witness.member[0]);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, witness.asked, 9);
	KUNIT_EXPECT_EQ(test, witness.acquired, 0);
}

static void look_for_oneself(struct graph_node *node)
{
	struct witness *witness = node->data;

	witness->asked++;
	witness->acquired += refobj_get_unless_zero(&node->obj);
}

static void g13_no_reference_from_a_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct witness witness = {};

	node->data = &witness;
	node->last_words = look_for_oneself;
	node_put(node);
	KUNIT_EXPECT_EQ(test, witness.asked, 1);
	KUNIT_EXPECT_EQ(test, witness.acquired, 0);
}

static void g1_island_of_sleeping_releases(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring_of(g, SLEEPER, 5));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, graph_released(g), 5);
}

static void put_another_ring(struct graph_node *node)
{
	node_put(node->data);
}

/* Garbage that a release makes is garbage of the next collection at most. */
static void g3_release_makes_another_island_garbage(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);

	ring->data = graph_ring(g, 4);
	ring->last_words = put_another_ring;
	node_put(ring);
	KUNIT_EXPECT_GE(test, graph_collect(g), 3);
	graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_released(g), 7);
}

/* --- budgets ------------------------------------------------------------ */

static void g1_cascade_within_the_budget_is_done_at_once(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_chain(g, 1000, NULL));
	KUNIT_EXPECT_EQ(test, graph_released(g), 1000);
	KUNIT_EXPECT_EQ(test, graph_stats(g).deferred, 0);
}

/* Slots count as well as objects, so 100 * 1000 of them are beyond it. */
static void g1_cascade_beyond_the_budget_is_handed_over(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_add_vector(g, 1000);
	struct graph_node *next;
	unsigned int i;

	for (i = 1; i < 100; i++) {
		next = graph_add_vector(g, 1000);
		KUNIT_ASSERT_EQ(test, refslot_give(&next->obj, &next->slot[0],
						   &head->obj), 0);
		head = next;
	}
	node_put(head);
	KUNIT_EXPECT_GE(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 100);
	KUNIT_EXPECT_GT(test, graph_stats(g).deferred, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

static void destroy_other(struct graph_node *node)
{
	struct refheap *heap = refheap_create(node->data, NULL);

	if (IS_ERR_OR_NULL(heap) || refheap_destroy(heap))
		atomic_long_inc(&node->graph->damaged);
}

/* What is behind one that waits for another heap stays where drain expects it. */
static void g1_drain_behind_releases_that_wait(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[5];
	char name[24];
	unsigned int i;

	graph_new_name(name, sizeof(name));

	for (i = 0; i < ARRAY_SIZE(node); i++) {
		node[i] = graph_add(g, SLEEPER);
		node[i]->data = name;
		node[i]->last_words = destroy_other;
	}
	preempt_disable();
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), ARRAY_SIZE(node));
}

static void g1_atomic_cascade_has_a_smaller_budget(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_chain(g, 2000, NULL);

	preempt_disable();
	node_put(head);
	preempt_enable();
	/* The thread may have done the rest by now; see what was left to it. */
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_GT(test, graph_stats(g).deferred, 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2000);
}

/* By then checked memory is free, and nobody may look at it again. */
static void g1_last_put_long_after_another(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *first = graph_add(g, NODE);
	struct graph_node *second = graph_add(g, NODE);

	node_put(first);
	rcu_barrier();
	node_put(second);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_wide_cascade(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *vector = graph_add_vector(g, 1500);
	unsigned int i;
	int err = 0;

	for (i = 0; i < 1500; i++)
		err |= refslot_give(&vector->obj, &vector->array->slot[i],
				    &graph_add(g, LEAF)->obj);
	KUNIT_EXPECT_EQ(test, err, 0);
	node_put(vector);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1501);
}

static struct kunit_case release_cases[] = {
	KUNIT_CASE(g1_last_put_releases_before_it_returns),
	KUNIT_CASE(g1_last_put_long_after_another),
	KUNIT_CASE(g1_leaf_too),
	KUNIT_CASE(g1_chain_is_released_from_its_head),
	KUNIT_CASE(g1_tree_is_released_parents_first),
	KUNIT_CASE(g1_payload_is_zeroed_again),
	KUNIT_CASE(g1_type_without_release),
	KUNIT_CASE(g1_scope_exit_puts),
	KUNIT_CASE(g1_scope_exit_passes_on),
	KUNIT_CASE(g1_release_drops_another),
	KUNIT_CASE(g1_release_drops_one_of_another_heap),
	KUNIT_CASE(g7_releases_that_drop_one_another),
	KUNIT_CASE(g7_leaves_that_drop_one_another),
	KUNIT_CASE(g1_release_behind_the_one_that_runs),
	KUNIT_CASE(g1_release_allocates),
	KUNIT_CASE(g1_release_in_an_island_allocates),
	KUNIT_CASE(g10_collect_in_a_release),
	KUNIT_CASE(g10_collect_in_the_release_of_a_leaf),
	KUNIT_CASE(g10_collect_in_the_release_of_an_island),
	KUNIT_CASE(g10_drain_in_a_release),
	KUNIT_CASE(g10_destroy_in_a_release),
	KUNIT_CASE(g1_kick_in_a_release),
	KUNIT_CASE(g1_each_member_is_released_once),
	KUNIT_CASE(g4_no_release_sees_another_member_alive),
	KUNIT_CASE(g13_no_reference_from_a_release),
	KUNIT_CASE(g1_island_of_sleeping_releases),
	KUNIT_CASE(g3_release_makes_another_island_garbage),
	KUNIT_CASE(g1_cascade_within_the_budget_is_done_at_once),
	KUNIT_CASE(g1_cascade_beyond_the_budget_is_handed_over),
	KUNIT_CASE(g1_drain_behind_releases_that_wait),
	KUNIT_CASE(g1_atomic_cascade_has_a_smaller_budget),
	KUNIT_CASE(g1_wide_cascade),
	{}
};

static struct kunit_suite release_suite = {
	.name = "refheap_release",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = release_cases,
};

kunit_test_suite(release_suite);
