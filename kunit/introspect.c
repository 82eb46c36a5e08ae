// SPDX-License-Identifier: GPL-2.0
/* Referents, referrers, enumeration: every answer holds what it names. */
#include "debugfile.h"
#include "graph.h"

#include <linux/bitops.h>

#define MANY 300

/* --- referents ---------------------------------------------------------- */

static void put_list(struct refobj **list, long nr)
{
	while (nr-- > 0)
		refobj_put(list[nr]);
}

static void g13_referents(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *leaf = graph_add(g, LEAF);
	struct refobj *list[8];

	KUNIT_EXPECT_EQ(test, refobj_referents(&leaf->obj, list, 8), 0);
	KUNIT_EXPECT_EQ(test, refobj_referents(&node->obj, list, 8), 0);
	graph_link(node, 2, leaf);
	KUNIT_EXPECT_EQ(test, refobj_referents(&node->obj, list, 8), 1);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &leaf->obj);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 3);
	refobj_put(list[0]);
	graph_link(node, 1, node);
	graph_link(node, 3, leaf);
	KUNIT_EXPECT_EQ(test, refobj_referents(&node->obj, list, 8), 3);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &node->obj);
	KUNIT_EXPECT_PTR_EQ(test, list[1], &leaf->obj);
	KUNIT_EXPECT_PTR_EQ(test, list[2], &leaf->obj);
	put_list(list, 3);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 3);
	node_put(leaf);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

/* More than there is room for are counted, and not held. */
static void g13_more_referents_than_asked_for(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *hub = graph_hub(g, MANY);
	struct refobj **list = kunit_kcalloc(test, MANY, sizeof(*list),
					     GFP_KERNEL);
	struct graph_node *last = node_of(hub->array->slot[MANY - 1].target);
	long i;

	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_EXPECT_EQ(test, refobj_referents(&hub->obj, NULL, 0), MANY);
	KUNIT_EXPECT_EQ(test, refobj_referents(&hub->obj, list, 10), MANY);
	KUNIT_EXPECT_NOT_NULL(test, list[9]);
	KUNIT_EXPECT_NULL(test, list[10]);
	KUNIT_EXPECT_EQ(test, refobj_count(&last->obj), 1);
	put_list(list, 10);
	KUNIT_ASSERT_EQ(test, refobj_referents(&hub->obj, list, MANY), MANY);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_PTR_EQ(test, list[i], hub->array->slot[i].target);
	KUNIT_EXPECT_EQ(test, refobj_count(&last->obj), 2);
	put_list(list, MANY);
	node_put(hub);
	KUNIT_EXPECT_EQ(test, graph_collect(g), MANY + 1);
}

/* Busy from the third slot on: what has been found by then is given back. */
static int busy_in_the_middle(struct graph_node *node, unsigned int step)
{
	return step == 2 && READ_ONCE(node->graph->visit_data) ? -EBUSY : 0;
}

static void g13_referents_of_the_busy(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, CUSTOM);
	struct graph_node *leaf = graph_append(node, 0, LEAF);
	struct refobj *list[4];

	g->on_visit = busy_in_the_middle;
	WRITE_ONCE(g->visit_data, g);
	KUNIT_EXPECT_EQ(test, refobj_referents(&node->obj, list, 4), -EBUSY);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 4), -EBUSY);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	WRITE_ONCE(g->visit_data, NULL);
	KUNIT_EXPECT_EQ(test, refobj_referents(&node->obj, list, 4), 1);
	put_list(list, 1);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 4), 1);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &node->obj);
	put_list(list, 1);
	node_put(node);
}

/* --- referrers ---------------------------------------------------------- */

static void g13_referrers(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add_vector(g, 10);
	struct refobj *list[8];

	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 8), 0);
	graph_link(a, 0, leaf);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 8), 1);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &a->obj);
	KUNIT_EXPECT_EQ(test, refobj_count(&a->obj), 2);
	put_list(list, 1);
	/* Once, whatever the number of slots. */
	graph_link(a, 3, leaf);
	KUNIT_EXPECT_EQ(test, refslot_set(&b->obj, &b->array->slot[9],
					  &leaf->obj), 0);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 8), 2);
	KUNIT_EXPECT_PTR_NE(test, list[0], list[1]);
	KUNIT_EXPECT_TRUE(test, list[0] == &a->obj || list[0] == &b->obj);
	KUNIT_EXPECT_TRUE(test, list[1] == &a->obj || list[1] == &b->obj);
	put_list(list, 2);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, list, 1), 2);
	put_list(list, 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&a->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&b->obj), 1);
	node_put(a);
	node_put(b);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 1);
	node_put(leaf);
}

/*
 * Members of a dead island lead where they led, until they are gone, and the
 * memory there may be another object's.  Who is on trial may yet live.
 */
static void g13_referrers_on_trial(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *node = graph_add(g, NODE);

	graph_link(node, 0, leaf);
	atomic64_or(REFWORD_CONDEMNED, &node->obj.word);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, NULL, 0), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	atomic64_or(REFWORD_DEAD, &node->obj.word);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, NULL, 0), 0);
	atomic64_andnot(REFWORD_CONDEMNED | REFWORD_DEAD, &node->obj.word);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&leaf->obj, NULL, 0), 1);
	node_put(node);
	node_put(leaf);
}

static void g13_refers_to_itself(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_ring(g, 1);
	struct refobj *list[2];

	KUNIT_EXPECT_EQ(test, refobj_referrers(&node->obj, list, 2), 1);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &node->obj);
	put_list(list, 1);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

static void g13_many_referrers(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *hub = graph_hub(g, MANY);
	struct refobj **list = kunit_kcalloc(test, MANY, sizeof(*list),
					     GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&hub->obj, NULL, 0), MANY);
	KUNIT_EXPECT_EQ(test, refobj_referrers(&hub->obj, list, MANY), MANY);
	put_list(list, MANY);
	node_put(hub);
	KUNIT_EXPECT_EQ(test, graph_collect(g), MANY + 1);
}

/* --- enumeration -------------------------------------------------------- */

struct tally {
	struct refobj *of;
	unsigned int met;
	unsigned int met_it;
	unsigned int most;
	unsigned int uncounted;
};

static int count_one(struct refobj *obj, void *data)
{
	struct tally *tally = data;

	if (obj == tally->of)
		tally->met_it++;
	if (!refobj_count(obj))
		tally->uncounted++;
	return ++tally->met == tally->most ? 17 : 0;
}

static struct tally enumerate(struct graph *g, struct reftype *type, int age,
			      struct graph_node *of)
{
	struct tally tally = { .of = &of->obj };

	KUNIT_EXPECT_EQ(g->test, refheap_for_each(g->heap, type, age, count_one,
						  &tally), 0);
	KUNIT_EXPECT_EQ(g->test, tally.uncounted, 0);
	return tally;
}

static void g13_every_object_once(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, MANY, NULL);
	struct graph_node *leaf = graph_append(chain, 1, LEAF);
	struct tally tally;

	tally = enumerate(g, NULL, -1, leaf);
	KUNIT_EXPECT_EQ(test, tally.met, MANY + 1);
	KUNIT_EXPECT_EQ(test, tally.met_it, 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&chain->obj), 1);
	node_put(chain);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, -1, leaf).met, 0);
}

static void g13_objects_of_a_type(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, 7, NULL);
	struct graph_node *leaf = graph_append(chain, 1, LEAF);

	KUNIT_EXPECT_EQ(test, enumerate(g, g->type[NODE], -1, chain).met, 7);
	KUNIT_EXPECT_EQ(test, enumerate(g, g->type[LEAF], -1, leaf).met, 1);
	KUNIT_EXPECT_EQ(test, enumerate(g, g->type[LEAF], -1, leaf).met_it, 1);
	KUNIT_EXPECT_EQ(test, enumerate(g, graph_type(g, VECTOR), -1,
					leaf).met, 0);
	node_put(chain);
}

static void g13_objects_of_an_age(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *frozen = graph_ring(g, 2), *old, *middle, *young;
	struct graph_node *leaf = graph_add(g, LEAF);

	KUNIT_EXPECT_EQ(test, refheap_freeze(g->heap), 0);
	old = graph_ring(g, 3);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	middle = graph_ring(g, 4);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 0);
	young = graph_ring(g, 5);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, 0, young).met, 5);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, 1, middle).met, 4);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, 2, old).met, 3);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, REFAGE_FROZEN, frozen).met, 2);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, 2, frozen).met_it, 0);
	KUNIT_EXPECT_EQ(test, enumerate(g, NULL, -1, frozen).met, 15);
	KUNIT_EXPECT_EQ(test, refheap_unfreeze(g->heap), 0);
	node_put(frozen);
	node_put(old);
	node_put(middle);
	node_put(young);
	node_put(leaf);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 14);
}

static void g13_enumeration_that_is_ended(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, 10, NULL);
	struct tally tally = { .most = 4 };

	KUNIT_EXPECT_EQ(test, refheap_for_each(g->heap, NULL, -1, count_one,
					       &tally), 17);
	KUNIT_EXPECT_EQ(test, tally.met, 4);
	node_put(chain);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g9_enumerations_that_are_refused(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct graph_node *node = graph_add(g, NODE);
	struct tally tally = {};

	KUNIT_EXPECT_EQ(test, refheap_for_each(g->heap, NULL, -2, count_one,
					       &tally), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_for_each(g->heap, NULL, 4, count_one,
					       &tally), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_for_each(g->heap,
					       graph_type(other, NODE), -1,
					       count_one, &tally), -EINVAL);
	KUNIT_EXPECT_EQ(test, tally.met, 0);
	node_put(node);
	graph_destroy(other);
}

static int keep_one(struct refobj *obj, void *data)
{
	*(struct refobj **)data = refobj_get(obj);
	return 1;
}

/* Garbage that is met, and kept, lives; and dies when it is put. */
static void g2_garbage_that_is_met(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refobj *kept = NULL;

	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, refheap_for_each(g->heap, NULL, -1, keep_one,
					       &kept), 1);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_ASSERT_NOT_NULL(test, kept);
	refobj_put(kept);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 5);
}

static struct tally in_release;

static void enumerate_in_release(struct graph_node *node)
{
	struct graph *g = node->graph;

	in_release = (struct tally){ .of = &node->obj };
	refheap_for_each(g->heap, NULL, -1, count_one, &in_release);
}

/* Of an island that is being reclaimed nothing is met, of the living all. */
static void g13_the_dead_are_not_met(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_chain(g, 3, NULL);
	struct graph_node *ring = graph_ring(g, 5);

	ring->last_words = enumerate_in_release;
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, in_release.met, 3);
	KUNIT_EXPECT_EQ(test, in_release.met_it, 0);
	node_put(live);
}

/* --- uniqueness --------------------------------------------------------- */

static void g2_unique(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *other = graph_add(g, NODE);
	struct refweak weak = {};

	KUNIT_EXPECT_TRUE(test, refobj_is_unique(&node->obj));
	node_get(node);
	KUNIT_EXPECT_FALSE(test, refobj_is_unique(&node->obj));
	node_put(node);
	KUNIT_EXPECT_TRUE(test, refobj_is_unique(&node->obj));
	graph_link(other, 0, node);
	KUNIT_EXPECT_FALSE(test, refobj_is_unique(&node->obj));
	refslot_clear(&other->obj, &other->slot[0]);
	KUNIT_EXPECT_TRUE(test, refobj_is_unique(&node->obj));
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, &weak, &node->obj, NULL,
					  GFP_KERNEL), 0);
	KUNIT_EXPECT_FALSE(test, refobj_is_unique(&node->obj));
	refweak_clear(&weak);
	node_put(node);
	node_put(other);
}

static struct kunit_case introspect_cases[] = {
	KUNIT_CASE(g13_referents),
	KUNIT_CASE(g13_more_referents_than_asked_for),
	KUNIT_CASE(g13_referents_of_the_busy),
	KUNIT_CASE(g13_referrers),
	KUNIT_CASE(g13_referrers_on_trial),
	KUNIT_CASE(g13_refers_to_itself),
	KUNIT_CASE(g13_many_referrers),
	KUNIT_CASE(g13_every_object_once),
	KUNIT_CASE(g13_objects_of_a_type),
	KUNIT_CASE(g13_objects_of_an_age),
	KUNIT_CASE(g13_enumeration_that_is_ended),
	KUNIT_CASE(g9_enumerations_that_are_refused),
	KUNIT_CASE(g2_garbage_that_is_met),
	KUNIT_CASE(g13_the_dead_are_not_met),
	KUNIT_CASE(g2_unique),
	{}
};

static struct kunit_suite introspect_suite = {
	.name = "refheap_introspect",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = introspect_cases,
};

kunit_test_suite(introspect_suite);
