// SPDX-License-Identifier: GPL-2.0
/* Weak maps: what dies leaves them, and what lives is found. */
#include "crew.h"
#include "debugfile.h"
#include "graph.h"
#include "stepper.h"

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/slab.h>

static struct refmap *map_create(struct graph *g, unsigned int kind)
{
	struct refmap *map = refmap_create(g->heap, kind);

	KUNIT_ASSERT_FALSE(g->test, IS_ERR_OR_NULL(map));
	return map;
}

static struct refmap *values(struct kunit *test)
{
	return map_create(test->priv, REFMAP_WEAK_VALUES);
}

static struct refmap *keys(struct kunit *test)
{
	return map_create(test->priv, REFMAP_WEAK_KEYS);
}

static int set(struct refmap *map, u64 key, struct graph_node *node)
{
	return refmap_set(map, key, &node->obj);
}

static int set_obj(struct refmap *map, struct graph_node *key,
		   struct graph_node *value)
{
	return refmap_set_obj(map, &key->obj, &value->obj);
}

static u32 count(struct graph_node *node)
{
	return refobj_count(&node->obj);
}

/* What a look-up returned, compared and put. */
static void expect_obj(struct kunit *test, struct refobj *found,
		       struct graph_node *node)
{
	KUNIT_EXPECT_PTR_EQ(test, found, node ? &node->obj : NULL);
	if (found)
		refobj_put(found);
}

/* --- the heap's thread, held up in a callback ---------------------------- */

/**
 * struct hold - the heap's thread cannot call other callbacks for a while
 * @weak: to an object that has died for this
 * @there: the thread has come
 * @go: it may go on
 */
struct hold {
	struct refweak weak;
	struct completion there, go;
};

static void hold_called(struct refweak *weak)
{
	struct hold *hold = container_of(weak, struct hold, weak);

	complete(&hold->there);
	wait_for_completion_timeout(&hold->go, 30 * HZ);
}

static void hold_begin(struct hold *hold, struct graph *g)
{
	struct graph_node *node = graph_add(g, NODE);

	*hold = (struct hold){};
	init_completion(&hold->there);
	init_completion(&hold->go);
	KUNIT_ASSERT_EQ(g->test, refweak_set(NULL, &hold->weak, &node->obj,
					     hold_called, GFP_KERNEL), 0);
	node_put(node);
	KUNIT_ASSERT_NE(g->test, wait_for_completion_timeout(&hold->there,
							     30 * HZ), 0);
}

static void hold_end(struct hold *hold, struct graph *g)
{
	complete(&hold->go);
	refweak_clear_sync(&hold->weak);
	KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
}

/* --- weak values --------------------------------------------------------- */

static void g13_value_is_found_while_it_lives(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *node = graph_add(g, NODE);

	expect_obj(test, refmap_lookup(map, 7), NULL);
	KUNIT_EXPECT_EQ(test, set(map, 7, node), 0);
	KUNIT_EXPECT_EQ(test, count(node), 1);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	expect_obj(test, refmap_lookup(map, 7), node);
	expect_obj(test, refmap_lookup(map, 8), NULL);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	expect_obj(test, refmap_lookup(map, 7), NULL);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

static void g13_island_leaves_the_map(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *a = graph_ring(g, 3);
	unsigned int i;

	for (i = 0; i < 3; i++, a = node_of(a->slot[0].target))
		KUNIT_EXPECT_EQ(test, set(map, i, a), 0);
	node_put(a);
	/* A look-up still saves it: nobody has judged it. */
	expect_obj(test, refmap_lookup(map, 1),
		   node_of(a->slot[0].target));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

static void g13_value_is_replaced_and_removed(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, LEAF);

	KUNIT_EXPECT_EQ(test, set(map, 7, a), 0);
	KUNIT_EXPECT_EQ(test, set(map, 7, b), 0);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&a->obj), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	expect_obj(test, refmap_lookup(map, 7), b);
	node_put(a);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	expect_obj(test, refmap_lookup(map, 7), b);
	KUNIT_EXPECT_EQ(test, refmap_remove(map, 7), 0);
	KUNIT_EXPECT_EQ(test, refmap_remove(map, 7), -ENOENT);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&b->obj), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	expect_obj(test, refmap_lookup(map, 7), NULL);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(b);
	refmap_destroy(map);
}

static void g13_insert_only_where_nothing_lives(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct hold hold;

	KUNIT_EXPECT_EQ(test, refmap_insert(map, 7, &a->obj), 0);
	KUNIT_EXPECT_EQ(test, refmap_insert(map, 7, &b->obj), -EEXIST);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&b->obj), 0);
	expect_obj(test, refmap_lookup(map, 7), a);
	/* Dead, though nobody has had the time to remove it. */
	hold_begin(&hold, g);
	node_put(a);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	KUNIT_EXPECT_EQ(test, refmap_insert(map, 7, &b->obj), 0);
	expect_obj(test, refmap_lookup(map, 7), b);
	hold_end(&hold, g);
	expect_obj(test, refmap_lookup(map, 7), b);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	refmap_destroy(map);
	node_put(b);
}

static void g13_dead_entry_is_never_shown(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct hold hold;

	KUNIT_EXPECT_EQ(test, set(map, 1, a), 0);
	KUNIT_EXPECT_EQ(test, set(map, 2, b), 0);
	hold_begin(&hold, g);
	node_put(a);
	node_put(b);
	expect_obj(test, refmap_lookup(map, 1), NULL);
	refmap_for_each(cursor, map)
		KUNIT_FAIL(test, "key %llu", cursor.key);
	KUNIT_EXPECT_EQ(test, refmap_remove(map, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	hold_end(&hold, g);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

/* --- weak keys ----------------------------------------------------------- */

static void g13_value_lives_as_long_as_its_key(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *key = graph_add(g, NODE), *value = graph_add(g, NODE);

	expect_obj(test, refmap_lookup_obj(map, &key->obj), NULL);
	KUNIT_EXPECT_EQ(test, set_obj(map, key, value), 0);
	KUNIT_EXPECT_EQ(test, count(key), 1);
	KUNIT_EXPECT_EQ(test, count(value), 2);
	node_put(value);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	expect_obj(test, refmap_lookup_obj(map, &key->obj), value);
	expect_obj(test, refmap_lookup_obj(map, &value->obj), NULL);
	node_put(key);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

static void g13_island_of_keys_leaves_the_map(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *a = graph_ring(g, 2), *value = graph_add(g, LEAF);

	KUNIT_EXPECT_EQ(test, set_obj(map, a, value), 0);
	KUNIT_EXPECT_EQ(test, set_obj(map, node_of(a->slot[0].target), value),
			0);
	KUNIT_EXPECT_EQ(test, count(value), 3);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, count(value), 1);
	node_put(value);
	refmap_destroy(map);
}

/* As in Python: the map holds the value, and the value its key. */
static void g2_value_that_leads_back_to_its_key(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *key = graph_add(g, NODE), *value = graph_add(g, NODE);

	graph_link(value, 0, key);
	KUNIT_EXPECT_EQ(test, set_obj(map, key, value), 0);
	node_put(value);
	node_touch(key);
	node_put(key);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	expect_obj(test, refmap_lookup_obj(map, &key->obj), value);
	refmap_destroy(map);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g13_value_of_a_key_is_replaced_and_removed(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *key = graph_add(g, NODE);
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, refmap_insert_obj(map, &key->obj, &a->obj), 0);
	KUNIT_EXPECT_EQ(test, refmap_insert_obj(map, &key->obj, &b->obj),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(a);
	KUNIT_EXPECT_EQ(test, set_obj(map, key, b), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&key->obj), 1);
	expect_obj(test, refmap_lookup_obj(map, &key->obj), b);
	KUNIT_EXPECT_EQ(test, refmap_remove_obj(map, &key->obj), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	KUNIT_EXPECT_EQ(test, refmap_remove_obj(map, &key->obj), -ENOENT);
	node_put(b);
	node_put(key);
	refmap_destroy(map);
}

/* A new object where a key died that is still in the map: another one. */
static void g13_address_of_a_dead_key(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *key, *value = graph_add(g, LEAF), *tries[64];
	struct refobj *where;
	struct hold hold;
	unsigned int i, n;

	graph_stay_on_cpu();
	key = graph_add(g, CUSTOM);
	where = &key->obj;
	KUNIT_EXPECT_EQ(test, set_obj(map, key, value), 0);
	hold_begin(&hold, g);
	node_put(key);
	rcu_barrier();
	for (n = 0; n < ARRAY_SIZE(tries); n++) {
		tries[n] = graph_add(g, CUSTOM);
		if (&tries[n]->obj == where)
			break;
	}
	if (n < ARRAY_SIZE(tries)) {
		KUNIT_EXPECT_EQ(test, refmap_count(map), 1);
		expect_obj(test, refmap_lookup_obj(map, where), NULL);
		KUNIT_EXPECT_EQ(test, refmap_insert_obj(map, where,
							&tries[0]->obj), 0);
		expect_obj(test, refmap_lookup_obj(map, where), tries[0]);
		KUNIT_EXPECT_EQ(test, count(value), 1);
		n++;
	} else {
		/* Sanitizers keep dead memory for a while. */
		KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_KASAN));
	}
	hold_end(&hold, g);
	refmap_destroy(map);
	for (i = 0; i < n; i++)
		node_put(tries[i]);
	node_put(value);
}

/* --- misuse -------------------------------------------------------------- */

static void g9_what_a_map_refuses(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct refmap *map = values(test), *map_obj = keys(test);
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(other, NODE);

	KUNIT_EXPECT_EQ(test, PTR_ERR(refmap_create(g->heap, 0)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(refmap_create(g->heap, 3)), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_set(map, 1, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_set_obj(map_obj, &a->obj, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_set_obj(map_obj, NULL, &a->obj), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_set_obj(map, &a->obj, &a->obj), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_set(map_obj, 1, &a->obj), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_remove_obj(map, &a->obj), -EINVAL);
	KUNIT_EXPECT_EQ(test, refmap_remove(map_obj, 1), -EINVAL);
	graph_expect(other, NODE, "may not refer to it");
	KUNIT_EXPECT_EQ(test, refmap_set(map, 1, &b->obj), -EXDEV);
	KUNIT_EXPECT_EQ(test, set_obj(map_obj, a, b), -EXDEV);
	KUNIT_EXPECT_EQ(test, set_obj(map_obj, b, a), -EXDEV);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, debugfile_warnings(other), 3);
	KUNIT_EXPECT_EQ(test, refmap_count(map) + refmap_count(map_obj), 0);
	refmap_destroy(map);
	refmap_destroy(map_obj);
	refmap_destroy(NULL);
	refmap_destroy(ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, count(a), 1);
	node_put(a);
	node_put(b);
	graph_destroy(other);
}

static int answer;

static void enter_map(struct graph_node *node)
{
	answer = refmap_set(node->data, 7, &node->obj);
}

static void g13_dying_object_is_refused(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *node = graph_add(g, SLEEPER);

	node->data = map;
	node->last_words = enter_map;
	node_put(node);
	KUNIT_EXPECT_EQ(test, answer, -ESTALE);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

/* --- the end ------------------------------------------------------------- */

static void g10_destroy_lets_go_of_everything(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct hold hold;

	{
		struct refmap *map __free(refmap) = values(test);
		struct refmap *map_obj __free(refmap) = keys(test);

		KUNIT_EXPECT_EQ(test, set(map, 1, a), 0);
		KUNIT_EXPECT_EQ(test, set(map, 2, b), 0);
		KUNIT_EXPECT_EQ(test, set_obj(map_obj, a, b), 0);
		KUNIT_EXPECT_EQ(test, set_obj(map_obj, b, a), 0);
		/* One has died, and its callbacks are queued. */
		KUNIT_EXPECT_EQ(test, refmap_remove_obj(map_obj, &b->obj), 0);
		hold_begin(&hold, g);
		node_put(a);
	}
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&b->obj), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	hold_end(&hold, g);
	node_put(b);
}

static void destroy_map(struct graph_node *node)
{
	refmap_destroy(node->data);
	node->graph->visit_data = node;
}

/* Of a value that dies because its key has died, in the map's own callback. */
static void g10_release_destroys_the_map(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *key = graph_add(g, NODE), *other = graph_add(g, NODE);
	struct graph_node *value = graph_add(g, SLEEPER);
	struct refmap *map = keys(test);

	value->data = map;
	value->last_words = destroy_map;
	KUNIT_EXPECT_EQ(test, set_obj(map, key, value), 0);
	KUNIT_EXPECT_EQ(test, set_obj(map, other, other), 0);
	node_put(value);
	node_put(other);
	node_put(key);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	KUNIT_EXPECT_PTR_EQ(test, g->visit_data, (void *)value);
}

/* --- walks --------------------------------------------------------------- */

static void walk_is(struct kunit *test, struct refmap *map,
		    const char *expected)
{
	char text[32] = "";
	size_t at = 0;

	refmap_for_each(cursor, map)
		at += scnprintf(text + at, sizeof(text) - at, "%llu=%llu ",
				cursor.key, node_of(cursor.value)->id);
	KUNIT_EXPECT_STREQ(test, text, expected);
}

static void g13_walk_in_order_of_keys(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *node[4];
	unsigned int i;

	walk_is(test, map, "");
	for (i = 0; i < 4; i++) {
		node[i] = graph_add(g, NODE);
		KUNIT_EXPECT_EQ(test, set(map, 9 - i, node[i]), 0);
	}
	walk_is(test, map, "9=0 8=1 7=2 6=3 ");
	KUNIT_EXPECT_EQ(test, set(map, 8, node[3]), 0);
	walk_is(test, map, "9=0 8=3 7=2 6=3 ");
	node_put(node[0]);
	walk_is(test, map, "8=3 7=2 6=3 ");
	KUNIT_EXPECT_EQ(test, refmap_remove(map, 7), 0);
	KUNIT_EXPECT_EQ(test, set(map, 7, node[2]), 0);
	walk_is(test, map, "8=3 6=3 7=2 ");
	for (i = 1; i < 4; i++)
		node_put(node[i]);
	walk_is(test, map, "");
	refmap_destroy(map);
}

/* At the first of 0, 1, 2 something happens to the map. */
static void walk_and(struct kunit *test,
		     void (*strike)(struct refmap *map,
				    struct graph_node **node),
		     const char *expected)
{
	struct graph *g = test->priv;
	struct refmap *map = values(test);
	struct graph_node *node[4];
	char text[32] = "";
	bool struck = false;
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		node[i] = graph_add(g, NODE);
		if (i < 3)
			KUNIT_EXPECT_EQ(test, set(map, i, node[i]), 0);
	}
	refmap_for_each(cursor, map) {
		at += scnprintf(text + at, sizeof(text) - at, "%llu=%llu ",
				cursor.key, node_of(cursor.value)->id);
		if (!cursor.key && !struck)
			strike(map, node);
		struck = true;
		KUNIT_EXPECT_TRUE(test, node_is_alive(node_of(cursor.value)));
	}
	KUNIT_EXPECT_STREQ(test, text, expected);
	for (i = 0; i < 4; i++)
		if (node[i])
			node_put(node[i]);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

static void kill_this_and_next(struct refmap *map, struct graph_node **node)
{
	struct graph *g = node[0]->graph;

	node_put(node[1]);
	/* The walk holds this one. */
	node_put(node[0]);
	node[0] = NULL;
	node[1] = NULL;
	refheap_drain(g->heap);
}

static void remove_this_and_next(struct refmap *map, struct graph_node **node)
{
	refmap_remove(map, 0);
	refmap_remove(map, 1);
}

static void replace_all(struct refmap *map, struct graph_node **node)
{
	set(map, 0, node[3]);
	set(map, 1, node[3]);
	set(map, 2, node[3]);
	/* Twice: it comes once. */
	set(map, 0, node[2]);
	set(map, 2, node[2]);
}

static void add_another(struct refmap *map, struct graph_node **node)
{
	set(map, 3, node[3]);
}

static void g13_walk_while_entries_die(struct kunit *test)
{
	walk_and(test, kill_this_and_next, "0=0 2=2 ");
}

static void g13_walk_while_entries_are_removed(struct kunit *test)
{
	walk_and(test, remove_this_and_next, "0=0 2=2 ");
}

static void g13_walk_while_entries_are_replaced(struct kunit *test)
{
	walk_and(test, replace_all, "0=0 1=3 2=2 ");
}

static void g13_walk_while_entries_come(struct kunit *test)
{
	walk_and(test, add_another, "0=0 1=1 2=2 3=3 ");
}

static struct refobj *key_with(struct refmap *map, struct graph_node *value)
{
	refmap_for_each(cursor, map)
		if (cursor.value == &value->obj)
			return refobj_take(cursor.key_obj);
	return NULL;
}

static void g1_walk_over_keys_left_in_the_midst(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refmap *map = keys(test);
	struct graph_node *key[2], *value[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		key[i] = graph_add(g, NODE);
		value[i] = graph_add(g, LEAF);
		KUNIT_EXPECT_EQ(test, set_obj(map, key[i], value[i]), 0);
	}
	for (i = 0; i < 2; i++)
		expect_obj(test, key_with(map, value[i]), key[i]);
	KUNIT_EXPECT_NULL(test, key_with(map, key[0]));
	KUNIT_EXPECT_EQ(test, count(key[1]), 1);
	KUNIT_EXPECT_EQ(test, count(value[1]), 2);
	for (i = 0; i < 2; i++) {
		node_put(key[i]);
		node_put(value[i]);
	}
	refmap_destroy(map);
	/* The callback of a key that has died may yet have its value to put. */
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 4);
}

/* --- several CPUs -------------------------------------------------------- */

#define NUMBERS	32

static void check_alive(struct hand *hand, struct refobj *obj)
{
	if (obj && !node_is_alive(node_of(obj)))
		atomic_inc(&hand->crew->wrong);
}

/* New objects die here, or in a ring by the collector. */
static void change_values(struct hand *hand, struct refmap *map)
{
	struct graph_node *node = graph_try_add(hand->crew->g, NODE,
						GFP_KERNEL);
	u64 key = hand_random(hand, NUMBERS);
	int err;

	if (!node)
		return;
	if (hand_random(hand, 2) &&
	    refslot_set(&node->obj, &node->slot[0], &node->obj))
		atomic_inc(&hand->crew->wrong);
	err = hand_random(hand, 2) ? set(map, key, node) :
				     refmap_insert(map, key, &node->obj);
	if (err && err != -EEXIST)
		atomic_inc(&hand->crew->wrong);
	if (!hand_random(hand, 4))
		refmap_remove(map, key);
	node_put(node);
}

static void work_on_values(struct hand *hand)
{
	struct refmap *map = hand->crew->data;
	unsigned int i;

	for (i = 0; i < crew_rounds() / 8 && hand_goes_on(hand); i++) {
		struct refobj *found __free(refobj) =
			refmap_lookup(map, hand_random(hand, NUMBERS));

		check_alive(hand, found);
		change_values(hand, map);
		if (!(i % 32))
			refmap_for_each(cursor, map)
				check_alive(hand, cursor.value);
		if (!(i % 16))
			refheap_kick(hand->crew->g->heap);
	}
}

static void work_on_keys(struct hand *hand)
{
	struct refmap *map = hand->crew->data;
	struct graph *g = hand->crew->g;
	unsigned int i;

	for (i = 0; i < crew_rounds() / 8 && hand_goes_on(hand); i++) {
		struct graph_node *key = graph_try_add(g, NODE, GFP_KERNEL);
		struct graph_node *value = graph_try_add(g, LEAF, GFP_KERNEL);

		if (key && value && set_obj(map, key, value))
			atomic_inc(&hand->crew->wrong);
		if (key && value) {
			struct refobj *found __free(refobj) =
				refmap_lookup_obj(map, &key->obj);

			if (found != &value->obj)
				atomic_inc(&hand->crew->wrong);
		}
		if (key && value && hand_random(hand, 2) &&
		    refslot_set(&key->obj, &key->slot[0], &key->obj))
			atomic_inc(&hand->crew->wrong);
		if (key)
			node_put(key);
		if (value)
			node_put(value);
		if (i % 16)
			continue;
		refmap_for_each(cursor, map) {
			check_alive(hand, cursor.key_obj);
			check_alive(hand, cursor.value);
		}
		refheap_kick(g->heap);
	}
}

static void crew_on_a_map(struct kunit *test, unsigned int kind,
			  void (*work)(struct hand *hand))
{
	struct graph *g = test->priv;
	struct refmap *map;

	crew_need_two_cpus(test);
	map = map_create(g, kind);
	graph_type(g, NODE);
	graph_type(g, LEAF);
	refheap_start(g->heap);
	crew_finish(crew_start(g, work, map));
	graph_collect(g);
	graph_collect(g);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(map), 0);
	refmap_destroy(map);
}

static void g13_everything_at_once_to_values(struct kunit *test)
{
	crew_on_a_map(test, REFMAP_WEAK_VALUES, work_on_values);
}

static void g13_everything_at_once_to_keys(struct kunit *test)
{
	crew_on_a_map(test, REFMAP_WEAK_KEYS, work_on_keys);
}

/* The map goes while its entries do. */
static void work_on_own_map(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	struct graph_node *node[4];
	unsigned int i, j;

	for (i = 0; i < crew_rounds() / 16 && hand_goes_on(hand); i++) {
		struct refmap *map = refmap_create(g->heap, hand->number % 2 ?
						   REFMAP_WEAK_KEYS :
						   REFMAP_WEAK_VALUES);

		if (IS_ERR(map))
			continue;
		for (j = 0; j < ARRAY_SIZE(node); j++) {
			node[j] = graph_try_add(g, NODE, GFP_KERNEL);
			if (!node[j])
				continue;
			if (hand->number % 2)
				set_obj(map, node[j], node[j ? j - 1 : 0] ?:
						      node[j]);
			else
				set(map, j, node[j]);
		}
		/* The heap's thread is told of each, and comes when it comes. */
		for (j = ARRAY_SIZE(node); j--;)
			if (node[j])
				node_put(node[j]);
		refmap_destroy(map);
	}
}

static void g10_destroy_while_entries_die(struct kunit *test)
{
	struct graph *g = test->priv;

	graph_type(g, NODE);
	crew_finish(crew_start(g, work_on_own_map, NULL));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- a look-up that stalls ----------------------------------------------- */

/**
 * struct halted - a look-up that is halted between two instructions
 * @stepper: executes it
 * @map: in which it looks
 * @key: an object, or NULL
 * @a: found before
 * @b: found after
 * @got: what it finds
 */
struct halted {
	struct stepper stepper;
	struct refmap *map;
	struct graph_node *key, *a, *b;
	struct refobj *got;
};

static void halted_look_up(struct stepper *stepper)
{
	struct halted *halted = container_of(stepper, struct halted, stepper);

	halted->got = halted->key ?
		      refmap_lookup_obj(halted->map, &halted->key->obj) :
		      refmap_lookup(halted->map, 7);
}

static int halted_set(struct halted *halted, struct graph_node *value)
{
	return halted->key ? set_obj(halted->map, halted->key, value) :
			     set(halted->map, 7, value);
}

/* Return: whether there was such a step. */
static bool halted_once(struct halted *halted, unsigned int at, bool *good)
{
	struct stepper *stepper = &halted->stepper;
	bool there;

	*good = !halted_set(halted, halted->a);
	stepper->at = at;
	stepper_run(stepper);
	there = stepper_await_halt(stepper, 1);
	if (there)
		*good = *good && !halted_set(halted, halted->b);
	stepper_finish(stepper);
	*good = *good && (halted->got == &halted->a->obj ||
			  (there && halted->got == &halted->b->obj));
	refobj_assign(halted->got, NULL);
	return there;
}

static void halted_test(struct kunit *test, unsigned int kind)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .cpus = stepper_other_cpus(test),
	};
	struct graph *g = graph_create(test, &params);
	struct halted halted = {
		.stepper.call = halted_look_up, .stepper.step = stepper_at,
		.map = map_create(g, kind),
		.key = kind == REFMAP_WEAK_KEYS ? graph_add(g, NODE) : NULL,
		.a = graph_add(g, LEAF), .b = graph_add(g, LEAF),
	};
	unsigned int at;
	bool good = true;

	KUNIT_ASSERT_TRUE(test, stepper_start(&halted.stepper));
	for (at = 1; halted_once(&halted, at, &good) && good;)
		at += IS_ENABLED(CONFIG_KASAN) ? 7 : 1;
	stepper_stop(&halted.stepper);
	KUNIT_EXPECT_TRUE_MSG(test, good, "step %u", at);
	KUNIT_EXPECT_GT(test, at, 10);
	KUNIT_EXPECT_FALSE(test, halted.stepper.overdue);
	refmap_destroy(halted.map);
	if (halted.key)
		node_put(halted.key);
	node_put(halted.a);
	node_put(halted.b);
	graph_destroy(g);
}

static void g13_value_is_replaced_during_a_look_up(struct kunit *test)
{
	halted_test(test, REFMAP_WEAK_VALUES);
}

static void g13_value_of_a_key_is_replaced_likewise(struct kunit *test)
{
	halted_test(test, REFMAP_WEAK_KEYS);
}

static struct kunit_case weakmap_cases[] = {
	KUNIT_CASE(g13_value_is_found_while_it_lives),
	KUNIT_CASE(g13_island_leaves_the_map),
	KUNIT_CASE(g13_value_is_replaced_and_removed),
	KUNIT_CASE(g13_insert_only_where_nothing_lives),
	KUNIT_CASE(g13_dead_entry_is_never_shown),
	KUNIT_CASE(g13_value_lives_as_long_as_its_key),
	KUNIT_CASE(g13_island_of_keys_leaves_the_map),
	KUNIT_CASE(g2_value_that_leads_back_to_its_key),
	KUNIT_CASE(g13_value_of_a_key_is_replaced_and_removed),
	KUNIT_CASE(g13_address_of_a_dead_key),
	KUNIT_CASE(g9_what_a_map_refuses),
	KUNIT_CASE(g13_dying_object_is_refused),
	KUNIT_CASE(g10_destroy_lets_go_of_everything),
	KUNIT_CASE(g10_release_destroys_the_map),
	KUNIT_CASE(g13_walk_in_order_of_keys),
	KUNIT_CASE(g13_walk_while_entries_die),
	KUNIT_CASE(g13_walk_while_entries_are_removed),
	KUNIT_CASE(g13_walk_while_entries_are_replaced),
	KUNIT_CASE(g13_walk_while_entries_come),
	KUNIT_CASE(g1_walk_over_keys_left_in_the_midst),
	KUNIT_CASE(g13_everything_at_once_to_values),
	KUNIT_CASE(g13_everything_at_once_to_keys),
	KUNIT_CASE(g10_destroy_while_entries_die),
	KUNIT_CASE(g13_value_is_replaced_during_a_look_up),
	KUNIT_CASE(g13_value_of_a_key_is_replaced_likewise),
	{}
};

static struct kunit_suite weakmap_suite = {
	.name = "refheap_weakmap",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = weakmap_cases,
};

kunit_test_suite(weakmap_suite);
