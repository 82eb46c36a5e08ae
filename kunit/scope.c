// SPDX-License-Identifier: GPL-2.0
/* Scope: references that end with a variable, on every path. */
#include "debugfile.h"
#include "graph.h"

#include <linux/err.h>

static u32 count(struct graph_node *node)
{
	return refobj_count(&node->obj);
}

static struct refobj *add(struct graph *g)
{
	return &graph_add(g, NODE)->obj;
}

static void g1_reference_ends_with_its_scope(struct kunit *test)
{
	struct graph *g = test->priv;

	{
		struct refobj *obj __free(refobj) = add(g);
		struct refobj *none __free(refobj) = NULL;
		struct refobj *bad __free(refobj) = ERR_PTR(-ENOMEM);

		KUNIT_EXPECT_EQ(test, refobj_count(obj), 1);
		KUNIT_EXPECT_NULL(test, none);
		KUNIT_EXPECT_TRUE(test, IS_ERR(bad));
		KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

/* A constructor: its reference goes to the caller, or nowhere. */
static struct refobj *construct(struct graph *g, struct graph_node *friend,
				bool fail)
{
	struct refobj *obj __free(refobj) = add(g);

	if (refslot_set(obj, &node_of(obj)->slot[0], &friend->obj))
		return NULL;
	if (fail)
		return NULL;
	return_ptr(obj);
}

static void g1_constructor_that_fails(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *friend = graph_add(g, NODE);

	KUNIT_EXPECT_NULL(test, construct(g, friend, true));
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, count(friend), 1);
	node_put(friend);
}

static void g1_constructor_that_succeeds(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *friend = graph_add(g, NODE);

	{
		struct refobj *obj __free(refobj) = construct(g, friend, false);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, graph_released(g), 0);
		KUNIT_EXPECT_EQ(test, refobj_count(obj), 1);
		KUNIT_EXPECT_EQ(test, count(friend), 2);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(friend);
}

/* --- refobj_take() ------------------------------------------------------ */

static struct refobj *global;

static void g1_take_from_a_variable_that_lives_on(struct kunit *test)
{
	struct graph *g = test->priv;

	global = add(g);
	{
		struct refobj *last __free(refobj) = refobj_take(global);

		KUNIT_EXPECT_NULL(test, global);
		KUNIT_EXPECT_NOT_NULL(test, last);
		KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_NULL(test, refobj_take(global));
}

static void g1_take_out_of_the_scope(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refobj *kept;

	{
		struct refobj *obj __free(refobj) = add(g);

		kept = refobj_take(obj);
		KUNIT_EXPECT_NULL(test, obj);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(kept), 1);
	refobj_put(kept);
}

/* --- refobj_assign() ---------------------------------------------------- */

static void g1_assign_drops_the_old(struct kunit *test)
{
	struct graph *g = test->priv;

	{
		struct refobj *obj __free(refobj) = add(g);

		refobj_assign(obj, add(g));
		KUNIT_EXPECT_EQ(test, graph_released(g), 1);
		KUNIT_EXPECT_EQ(test, g->order[0], 0);
		KUNIT_EXPECT_EQ(test, refobj_count(obj), 1);
		/* To itself, by another reference. */
		refobj_assign(obj, refobj_get(obj));
		KUNIT_EXPECT_EQ(test, refobj_count(obj), 1);
		KUNIT_EXPECT_EQ(test, graph_released(g), 1);
		refobj_assign(obj, NULL);
		KUNIT_EXPECT_EQ(test, graph_released(g), 2);
		refobj_assign(obj, ERR_PTR(-ENOMEM));
		refobj_assign(obj, NULL);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void look_at_global(struct graph_node *node)
{
	if (global == &node->obj)
		atomic_long_inc(&node->graph->damaged);
}

/* When the old object is released the variable says so. */
static void g1_assign_puts_last(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = look_at_global;
	global = &node->obj;
	refobj_assign(global, NULL);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g1_assign_walks_a_chain(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_chain(g, 5, NULL);
	unsigned int n = 0;

	{
		struct refobj *at __free(refobj) = &head->obj;

		/* The first reference goes, and each object behind us. */
		for (; at; n++)
			refobj_assign(at, refslot_load(&node_of(at)->slot[0]));
	}
	KUNIT_EXPECT_EQ(test, n, 5);
	KUNIT_EXPECT_EQ(test, graph_released(g), 5);
}

/* --- the example of README.md -------------------------------------------- */

static struct refslot *next(struct refobj *obj)
{
	return &node_of(obj)->slot[0];
}

static int insert(struct refobj *after, struct graph *g)
{
	struct refobj *node __free(refobj) = add(g);
	int err;

	if (!node)
		return -ENOMEM;
	err = refslot_move(node, next(node), after, next(after));
	return err ?: refslot_give_ptr(after, next(after), node);
}

static struct refobj *last(struct refobj *list)
{
	struct refobj *at __free(refobj) = refobj_get(list);

	while (!refslot_empty(next(at)))
		refobj_assign(at, refslot_load(next(at)));
	return_ptr(at);
}

static void g1_list_without_a_put(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	{
		struct refobj *list __free(refobj) = add(g);

		for (i = 0; i < 3; i++)
			KUNIT_EXPECT_EQ(test, insert(list, g), 0);
		refobj_assign(list, last(list));
		KUNIT_EXPECT_EQ(test, node_of(list)->id, 1);
		KUNIT_EXPECT_EQ(test, refobj_count(list), 1);
		KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 4);
}

/* --- refslot_give_ptr() ------------------------------------------------- */

static void g1_give_ptr_empties_the_variable(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE), *b;

	{
		struct refobj *obj __free(refobj) = add(g);

		b = node_of(obj);
		KUNIT_EXPECT_EQ(test, refslot_give_ptr(&a->obj, &a->slot[0],
						       obj), 0);
		KUNIT_EXPECT_NULL(test, obj);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g1_give_ptr_of_nothing_clears(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct refobj *none __free(refobj) = NULL;

	graph_append(a, 0, NODE);
	KUNIT_EXPECT_EQ(test, refslot_give_ptr(&a->obj, &a->slot[0], none), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(a);
}

static void g3_give_ptr_to_ones_own_slot(struct kunit *test)
{
	struct graph *g = test->priv;

	{
		struct refobj *obj __free(refobj) = add(g);

		KUNIT_EXPECT_EQ(test, refslot_give_ptr(obj,
						       &node_of(obj)->slot[0],
						       obj), 0);
	}
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 1);
}

/* Refused, the reference stays with its variable, and ends with it. */
static void g1_give_ptr_that_is_refused(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct graph_node *a = graph_add(g, NODE);

	{
		struct refobj *obj __free(refobj) = add(other);
		struct refobj *given = obj;

		graph_expect(other, NODE, "may not refer to it");
		KUNIT_EXPECT_EQ(test, refslot_give_ptr(&a->obj, &a->slot[0],
						       obj), -EXDEV);
		graph_expect_end();
		KUNIT_EXPECT_PTR_EQ(test, obj, given);
		KUNIT_EXPECT_EQ(test, graph_released(other), 0);
	}
	KUNIT_EXPECT_EQ(test, graph_released(other), 1);
	node_put(a);
	graph_destroy(other);
}

/* --- what returns counted references ------------------------------------ */

static void g1_whatever_returns_a_reference(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);

	KUNIT_EXPECT_EQ(test, refheap_bind(g->heap, "b", &b->obj), 0);
	{
		struct refobj *got __free(refobj) = refobj_get(&b->obj);
		struct refobj *loaded __free(refobj) =
			refslot_load(&a->slot[0]);
		struct refobj *found __free(refobj) =
			refheap_lookup(g->heap, "b");
		struct refobj *taken __free(refobj) =
			refslot_take(&a->obj, &a->slot[0]);

		KUNIT_EXPECT_PTR_EQ(test, got, &b->obj);
		KUNIT_EXPECT_PTR_EQ(test, loaded, &b->obj);
		KUNIT_EXPECT_PTR_EQ(test, found, &b->obj);
		KUNIT_EXPECT_PTR_EQ(test, taken, &b->obj);
		KUNIT_EXPECT_EQ(test, count(b), 5);
	}
	KUNIT_EXPECT_EQ(test, count(b), 1);
	KUNIT_EXPECT_EQ(test, refheap_unbind(g->heap, "b"), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	node_put(a);
}

/* --- heaps -------------------------------------------------------------- */

static struct refheap *create_or_fail(const char *name, bool fail)
{
	struct refheap *heap __free(refheap) = refheap_create(name, NULL);

	if (IS_ERR(heap) || !fail)
		return no_free_ptr(heap);
	return NULL;
}

static void g10_heap_ends_with_its_scope(struct kunit *test)
{
	struct refheap *heap;
	char name[24];

	graph_new_name(name, sizeof(name));
	KUNIT_EXPECT_NULL(test, create_or_fail(name, true));
	/* The name is free again. */
	heap = create_or_fail(name, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	KUNIT_EXPECT_TRUE(test, IS_ERR(create_or_fail(name, false)));
	KUNIT_EXPECT_EQ(test, refheap_destroy(heap), 0);
}

static struct kunit_case scope_cases[] = {
	KUNIT_CASE(g1_reference_ends_with_its_scope),
	KUNIT_CASE(g1_constructor_that_fails),
	KUNIT_CASE(g1_constructor_that_succeeds),
	KUNIT_CASE(g1_take_from_a_variable_that_lives_on),
	KUNIT_CASE(g1_take_out_of_the_scope),
	KUNIT_CASE(g1_assign_drops_the_old),
	KUNIT_CASE(g1_assign_puts_last),
	KUNIT_CASE(g1_assign_walks_a_chain),
	KUNIT_CASE(g1_list_without_a_put),
	KUNIT_CASE(g1_give_ptr_empties_the_variable),
	KUNIT_CASE(g1_give_ptr_of_nothing_clears),
	KUNIT_CASE(g3_give_ptr_to_ones_own_slot),
	KUNIT_CASE(g1_give_ptr_that_is_refused),
	KUNIT_CASE(g1_whatever_returns_a_reference),
	KUNIT_CASE(g10_heap_ends_with_its_scope),
	{}
};

static struct kunit_suite scope_suite = {
	.name = "refheap_scope",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = scope_cases,
};

kunit_test_suite(scope_suite);
