// SPDX-License-Identifier: GPL-2.0
/* Slots: what each operation does to the counts, and to what was there. */
#include "debugfile.h"
#include "graph.h"

static u32 count(struct graph_node *node)
{
	return refobj_count(&node->obj);
}

static struct refobj *target(struct graph_node *node, unsigned int i)
{
	return READ_ONCE(node->slot[i].target);
}

static int set(struct graph_node *node, unsigned int i, struct graph_node *to)
{
	return refslot_set(&node->obj, &node->slot[i], to ? &to->obj : NULL);
}

static void clear(struct graph_node *node, unsigned int i)
{
	refslot_clear(&node->obj, &node->slot[i]);
}

static void g1_set_counts_up_and_clear_counts_down(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, set(a, 0, b), 0);
	KUNIT_EXPECT_EQ(test, count(b), 2);
	KUNIT_EXPECT_EQ(test, count(a), 1);
	KUNIT_EXPECT_PTR_EQ(test, target(a, 0), &b->obj);
	KUNIT_EXPECT_FALSE(test, refslot_empty(&a->slot[0]));
	clear(a, 0);
	KUNIT_EXPECT_TRUE(test, refslot_empty(&a->slot[0]));
	KUNIT_EXPECT_EQ(test, count(b), 1);
	KUNIT_EXPECT_NULL(test, target(a, 0));
	node_put(a);
	node_put(b);
}

static void g1_set_over_another_drops_it(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	graph_append(a, 0, NODE);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, set(a, 0, b), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, g->order[0], 2);
	node_put(b);
	node_put(a);
}

static void g1_set_of_the_same_target(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);

	KUNIT_EXPECT_EQ(test, set(a, 0, b), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	KUNIT_EXPECT_TRUE(test, node_is_alive(b));
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_set_to_nothing_clears(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	graph_append(a, 0, NODE);
	KUNIT_EXPECT_EQ(test, set(a, 0, NULL), 0);
	KUNIT_EXPECT_NULL(test, target(a, 0));
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, set(a, 0, NULL), 0);
	node_put(a);
}

static void g1_clear_of_an_empty_slot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	clear(a, 0);
	clear(a, 0);
	KUNIT_EXPECT_EQ(test, count(a), 1);
	node_put(a);
}

static void g3_reference_to_oneself(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, set(a, 0, a), 0);
	KUNIT_EXPECT_EQ(test, count(a), 2);
	clear(a, 0);
	KUNIT_EXPECT_EQ(test, count(a), 1);
	KUNIT_EXPECT_EQ(test, set(a, 1, a), 0);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

static void g1_give_leaves_the_count(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot[0], &b->obj), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_give_over_another_drops_it(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	graph_append(a, 0, NODE);
	graph_append(a, 0, NODE);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(a);
}

static void g1_give_of_what_the_slot_holds(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);

	node_get(b);
	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot[0], &b->obj), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_give_of_nothing_clears(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	graph_append(a, 0, NODE);
	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot[0], NULL), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(a);
}

/* The one way to make garbage without any put: it must mark a candidate. */
static void g3_last_reference_given_to_ones_own_slot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot[0], &a->obj), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 1);
}

static void g3_last_reference_given_into_the_ring_below(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_add(g, NODE);
	struct graph_node *next = graph_append(head, 0, NODE);
	struct graph_node *tail = graph_append(next, 0, NODE);

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refslot_give(&tail->obj, &tail->slot[0],
					   &head->obj), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 3);
}

static void g1_take_leaves_the_count(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);
	struct refobj *taken = refslot_take(&a->obj, &a->slot[0]);

	KUNIT_EXPECT_PTR_EQ(test, taken, &b->obj);
	KUNIT_EXPECT_NULL(test, target(a, 0));
	KUNIT_EXPECT_EQ(test, count(b), 1);
	KUNIT_EXPECT_NULL(test, refslot_take(&a->obj, &a->slot[0]));
	node_put(a);
	KUNIT_EXPECT_TRUE(test, node_is_alive(b));
	refobj_put(taken);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_move_between_owners(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);
	struct graph_node *c = graph_append(a, 0, NODE);

	KUNIT_EXPECT_EQ(test, refslot_move(&b->obj, &b->slot[3],
					   &a->obj, &a->slot[0]), 0);
	KUNIT_EXPECT_NULL(test, target(a, 0));
	KUNIT_EXPECT_PTR_EQ(test, target(b, 3), &c->obj);
	KUNIT_EXPECT_EQ(test, count(c), 1);
	node_put(a);
	KUNIT_EXPECT_TRUE(test, node_is_alive(c));
	node_put(b);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
}

static void g1_move_within_an_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);
	u64 before = atomic64_read(&b->obj.word);

	KUNIT_EXPECT_EQ(test, refslot_move(&a->obj, &a->slot[1],
					   &a->obj, &a->slot[0]), 0);
	KUNIT_EXPECT_NULL(test, target(a, 0));
	KUNIT_EXPECT_PTR_EQ(test, target(a, 1), &b->obj);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	/* The collector sees a move by the version alone (3.2). */
	KUNIT_EXPECT_NE(test, before & ~(REFWORD_VERSION - 1),
			(u64)atomic64_read(&b->obj.word) &
			~(REFWORD_VERSION - 1));
	node_put(a);
}

static void g1_move_over_another_drops_it(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);

	graph_append(a, 1, NODE);
	KUNIT_EXPECT_EQ(test, refslot_move(&a->obj, &a->slot[1],
					   &a->obj, &a->slot[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, target(a, 1), &b->obj);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, g->order[0], 2);
	node_put(a);
}

static void g1_move_of_an_empty_slot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);

	graph_append(a, 1, NODE);
	KUNIT_EXPECT_EQ(test, refslot_move(&a->obj, &a->slot[1],
					   &a->obj, &a->slot[0]), 0);
	KUNIT_EXPECT_NULL(test, target(a, 1));
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(a);
}

static void g1_move_of_a_slot_to_itself(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);

	KUNIT_EXPECT_EQ(test, refslot_move(&a->obj, &a->slot[0],
					   &a->obj, &a->slot[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, target(a, 0), &b->obj);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

/* A move into a slot can close a cycle, so it marks as a give does. */
static void g3_ring_closed_by_a_move(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *held = graph_add(g, NODE);
	struct graph_node *head = graph_append(held, 0, NODE);
	struct graph_node *tail = graph_append(head, 0, NODE);

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refslot_move(&tail->obj, &tail->slot[0],
					   &held->obj, &held->slot[0]), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 2);
	node_put(held);
}

static void g13_load_takes_a_reference(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);
	struct refobj *loaded = refslot_load(&a->slot[0]);

	KUNIT_EXPECT_PTR_EQ(test, loaded, &b->obj);
	KUNIT_EXPECT_EQ(test, count(b), 2);
	KUNIT_EXPECT_NULL(test, refslot_load(&a->slot[1]));
	node_put(a);
	KUNIT_EXPECT_TRUE(test, node_is_alive(b));
	refobj_put(loaded);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_slots_of_an_array(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *vector = graph_add_vector(g, 64);
	struct graph_node *target_node = graph_add(g, LEAF);
	struct refslot *slot = vector->array->slot;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		KUNIT_EXPECT_NULL(test, slot[i].target);
		KUNIT_EXPECT_EQ(test, refslot_set(&vector->obj, &slot[i],
						  &target_node->obj), 0);
	}
	KUNIT_EXPECT_EQ(test, count(target_node), 65);
	for (i = 0; i < 64; i += 2)
		refslot_clear(&vector->obj, &slot[i]);
	KUNIT_EXPECT_EQ(test, count(target_node), 33);
	node_put(vector);
	KUNIT_EXPECT_EQ(test, count(target_node), 1);
	node_put(target_node);
}

static void g1_array_without_slots(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *vector = graph_add_vector(g, 0);

	graph_link(vector, 0, vector);
	node_put(vector);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

/* An array is longer than any page: it is walked in pieces. */
static void g1_long_array(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *vector = graph_add_vector(g, 20000);
	struct graph_node *leaf = graph_add(g, LEAF);
	unsigned int i;
	int err = 0;

	for (i = 0; i < 20000; i++)
		err |= refslot_set(&vector->obj, &vector->array->slot[i],
				   &leaf->obj);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, count(leaf), 20001);
	node_put(vector);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, count(leaf), 1);
	node_put(leaf);
}

static void g1_slots_of_a_visited_type(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *custom = graph_add(g, CUSTOM);
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		graph_append(custom, i, LEAF);
	node_put(custom);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1 + NODE_SLOTS);
}

/* --- another heap's objects --------------------------------------------- */

struct foreign {
	struct graph *g, *other;
	struct graph_node *a, *b;		/* of g; a's slot 0 holds b */
	struct graph_node *stranger;		/* of other */
};

static void foreign_init(struct foreign *f, struct kunit *test)
{
	f->g = test->priv;
	f->other = graph_create(test, NULL);
	f->a = graph_add(f->g, NODE);
	f->b = graph_append(f->a, 0, NODE);
	f->stranger = graph_add(f->other, NODE);
}

static void foreign_exit(struct foreign *f)
{
	struct kunit *test = f->g->test;

	KUNIT_EXPECT_PTR_EQ(test, target(f->a, 0), &f->b->obj);
	KUNIT_EXPECT_EQ(test, count(f->b), 1);
	KUNIT_EXPECT_NULL(test, target(f->stranger, 0));
	KUNIT_EXPECT_EQ(test, count(f->stranger), 1);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(f->g) +
			debugfile_warnings(f->other), 1);
	node_put(f->stranger);
	node_put(f->a);
	graph_destroy(f->other);
}

static void g9_set_to_a_foreign_object(struct kunit *test)
{
	struct foreign f;

	foreign_init(&f, test);
	graph_expect(f.other, NODE, "may not refer to it");
	KUNIT_EXPECT_EQ(test, set(f.a, 0, f.stranger), -EXDEV);
	graph_expect_end();
	foreign_exit(&f);
}

static void g9_give_of_a_foreign_object(struct kunit *test)
{
	struct foreign f;

	foreign_init(&f, test);
	graph_expect(f.other, NODE, "may not refer to it");
	KUNIT_EXPECT_EQ(test, refslot_give(&f.a->obj, &f.a->slot[0],
					   &f.stranger->obj), -EXDEV);
	graph_expect_end();
	foreign_exit(&f);
}

static void g9_move_to_another_heap(struct kunit *test)
{
	struct foreign f;

	foreign_init(&f, test);
	graph_expect(f.g, NODE, "may not refer to it");
	KUNIT_EXPECT_EQ(test, refslot_move(&f.stranger->obj,
					   &f.stranger->slot[0],
					   &f.a->obj, &f.a->slot[0]), -EXDEV);
	graph_expect_end();
	foreign_exit(&f);
}

static struct kunit_case slot_cases[] = {
	KUNIT_CASE(g1_set_counts_up_and_clear_counts_down),
	KUNIT_CASE(g1_set_over_another_drops_it),
	KUNIT_CASE(g1_set_of_the_same_target),
	KUNIT_CASE(g1_set_to_nothing_clears),
	KUNIT_CASE(g1_clear_of_an_empty_slot),
	KUNIT_CASE(g3_reference_to_oneself),
	KUNIT_CASE(g1_give_leaves_the_count),
	KUNIT_CASE(g1_give_over_another_drops_it),
	KUNIT_CASE(g1_give_of_what_the_slot_holds),
	KUNIT_CASE(g1_give_of_nothing_clears),
	KUNIT_CASE(g3_last_reference_given_to_ones_own_slot),
	KUNIT_CASE(g3_last_reference_given_into_the_ring_below),
	KUNIT_CASE(g1_take_leaves_the_count),
	KUNIT_CASE(g1_move_between_owners),
	KUNIT_CASE(g1_move_within_an_object),
	KUNIT_CASE(g1_move_over_another_drops_it),
	KUNIT_CASE(g1_move_of_an_empty_slot),
	KUNIT_CASE(g1_move_of_a_slot_to_itself),
	KUNIT_CASE(g3_ring_closed_by_a_move),
	KUNIT_CASE(g13_load_takes_a_reference),
	KUNIT_CASE(g1_slots_of_an_array),
	KUNIT_CASE(g1_array_without_slots),
	KUNIT_CASE(g1_long_array),
	KUNIT_CASE(g1_slots_of_a_visited_type),
	KUNIT_CASE(g9_set_to_a_foreign_object),
	KUNIT_CASE(g9_give_of_a_foreign_object),
	KUNIT_CASE(g9_move_to_another_heap),
	{}
};

static struct kunit_suite slot_suite = {
	.name = "refheap_slot",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = slot_cases,
};

kunit_test_suite(slot_suite);
