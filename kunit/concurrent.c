// SPDX-License-Identifier: GPL-2.0
/*
 * Mutators on every CPU against a running collector. Every object carries a
 * canary that its release breaks; whoever holds a reference and finds it
 * broken has caught a use after the release (G2). At the end every object
 * must have been released once (G3).
 */
#include "crew.h"
#include "graph.h"

#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/* Collect until the crew has done its rounds, then to the end. */
static void collect_beside(struct graph *g, struct crew *crew)
{
	u64 n = 0;

	while (crew_is_working(crew)) {
		refheap_collect(g->heap, n++ % 4 ? 0 : REFHEAP_COLLECT_FULL);
		cond_resched();
	}
	crew_finish(crew);
}

static void expect_all_gone(struct graph *g)
{
	struct refheap_stats stats;

	KUNIT_EXPECT_GE(g->test, graph_collect(g), 0);
	KUNIT_EXPECT_GE(g->test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
	stats = graph_stats(g);
	kunit_info(g->test,
		   "%llu objects, %llu reclaimed in %llu islands by %llu collections, %llu rescued, %llu aborted\n",
		   stats.allocated, stats.reclaimed, stats.islands,
		   stats.collections, stats.rescued, stats.aborted);
}

/* --- a heap that everyone rewires --------------------------------------- */

#define TABLE_SLOTS	16
#define HELD		4

struct mutator {
	struct hand *hand;
	struct graph *g;
	struct graph_node *table;	/* a vector that lives all the time */
	struct graph_node *held[HELD];	/* references of its own, or NULL */
};

static void mutator_check(struct mutator *m, struct graph_node *node)
{
	if (!node_is_alive(node))
		atomic_inc(&m->hand->crew->wrong);
}

static struct refslot *mutator_table(struct mutator *m)
{
	return &m->table->array->slot[hand_random(m->hand, TABLE_SLOTS)];
}

static struct refslot *mutator_slot(struct mutator *m, struct graph_node *node)
{
	return &node->slot[hand_random(m->hand, NODE_SLOTS)];
}

/* Replace what is held at @i; the new reference becomes the mutator's. */
static void mutator_hold(struct mutator *m, unsigned int i, struct refobj *obj)
{
	if (m->held[i])
		node_put(m->held[i]);
	m->held[i] = obj ? node_of(obj) : NULL;
	if (obj)
		mutator_check(m, m->held[i]);
}

static void mutator_add(struct mutator *m, unsigned int i)
{
	enum node_kind kind = hand_random(m->hand, 8) ? NODE : LEAF;
	struct graph_node *node;

	node = graph_try_add(m->g, kind, GFP_KERNEL);
	mutator_hold(m, i, node ? &node->obj : NULL);
}

/* Operations on the shared table. */
static void mutator_share(struct mutator *m, unsigned int i)
{
	struct graph_node *node = m->held[i];

	switch (hand_random(m->hand, 4)) {
	case 0:
		mutator_hold(m, i, refslot_load(mutator_table(m)));
		break;
	case 1:
		refslot_set(&m->table->obj, mutator_table(m),
			    node ? &node->obj : NULL);
		break;
	case 2:
		if (node && !refslot_give(&m->table->obj, mutator_table(m),
					  &node->obj))
			m->held[i] = NULL;
		break;
	case 3:
		mutator_hold(m, i, refslot_take(&m->table->obj,
						mutator_table(m)));
		break;
	}
}

/* A leaf's structure has slots too, but the heap does not know them. */
static bool node_has_slots(struct graph_node *node)
{
	return refobj_type(&node->obj) == node->graph->type[NODE];
}

/* Operations on the slots of objects that the mutator holds. */
static void mutator_rewire(struct mutator *m, struct graph_node *from,
			   struct graph_node *to, unsigned int i)
{
	switch (hand_random(m->hand, 6)) {
	case 0:
		refslot_set(&from->obj, mutator_slot(m, from), &to->obj);
		break;
	case 1:
		refslot_clear(&from->obj, mutator_slot(m, from));
		break;
	case 2:
		mutator_hold(m, i, refslot_load(mutator_slot(m, from)));
		break;
	case 3:
		mutator_hold(m, i, refslot_take(&from->obj,
						mutator_slot(m, from)));
		break;
	case 4:
		if (node_has_slots(to))
			refslot_move(&to->obj, mutator_slot(m, to),
				     &from->obj, mutator_slot(m, from));
		break;
	case 5:
		/* Its own last reference into what only it may lead to. */
		if (!refslot_give(&from->obj, mutator_slot(m, from), &to->obj))
			m->held[i] = NULL;
		break;
	}
}

static void mutator_step(struct mutator *m)
{
	unsigned int i = hand_random(m->hand, HELD);
	struct graph_node *from = m->held[hand_random(m->hand, HELD)];
	struct graph_node *to = m->held[i];

	if (from)
		mutator_check(m, from);
	if (!to || !from || !node_has_slots(from)) {
		if (hand_random(m->hand, 2))
			mutator_add(m, i);
		else
			mutator_share(m, i);
	} else if (hand_random(m->hand, 4)) {
		/* A held object may be dropped in there: hold both. */
		node_get(from);
		mutator_rewire(m, from, to, i);
		node_put(from);
	} else {
		mutator_share(m, i);
	}
}

static void mutate(struct hand *hand)
{
	struct mutator m = {
		.hand = hand, .g = hand->crew->g, .table = hand->crew->data,
	};
	unsigned int i, n = crew_rounds();

	while (n-- && hand_goes_on(hand)) {
		mutator_step(&m);
		cond_resched();
	}
	for (i = 0; i < HELD; i++)
		mutator_hold(&m, i, NULL);
}

static void g2_mutators_against_the_collector(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *table;

	crew_need_two_cpus(test);
	table = graph_add_vector(g, TABLE_SLOTS);
	graph_type(g, NODE);
	graph_type(g, LEAF);
	collect_beside(g, crew_start(g, mutate, table));
	KUNIT_EXPECT_TRUE(test, node_is_alive(table));
	node_put(table);
	expect_all_gone(g);
}

/* The same against a collector that runs when it thinks it should. */
static void g2_mutators_against_the_period(struct kunit *test)
{
	struct refheap_params params = { .period_ms = 1, .threshold = 50 };
	struct graph_node *table;
	struct crew *crew;
	struct graph *g;

	crew_need_two_cpus(test);
	g = graph_create(test, &params);
	table = graph_add_vector(g, TABLE_SLOTS);
	graph_type(g, NODE);
	graph_type(g, LEAF);
	crew = crew_start(g, mutate, table);
	while (crew_is_working(crew))
		msleep(20);
	crew_finish(crew);
	node_put(table);
	expect_all_gone(g);
	graph_destroy(g);
}

/* --- one slot ----------------------------------------------------------- */

static void write_one_slot(struct hand *hand)
{
	struct graph_node *owner = hand->crew->data;
	unsigned int n = crew_rounds();
	struct refslot *slot = &owner->slot[0];
	struct graph_node *node;
	struct refobj *obj;

	while (n-- && hand_goes_on(hand)) {
		switch (hand_random(hand, 5)) {
		case 0:
			node = graph_try_add(owner->graph, NODE, GFP_KERNEL);
			if (node && refslot_give(&owner->obj, slot,
						 &node->obj))
				atomic_inc(&hand->crew->wrong);
			break;
		case 1:
			obj = refslot_take(&owner->obj, slot);
			if (obj)
				refobj_put(obj);
			break;
		case 2:
			refslot_clear(&owner->obj, slot);
			break;
		case 3:
			refslot_move(&owner->obj, &owner->slot[1],
				     &owner->obj, slot);
			break;
		case 4:
			obj = refslot_load(slot);
			if (!obj)
				break;
			if (!node_is_alive(node_of(obj)))
				atomic_inc(&hand->crew->wrong);
			refslot_set(&owner->obj, slot, obj);
			refobj_put(obj);
			break;
		}
		cond_resched();
	}
}

static void g2_many_writers_of_one_slot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *owner;

	crew_need_two_cpus(test);
	owner = graph_add(g, NODE);
	collect_beside(g, crew_start(g, write_one_slot, owner));
	node_put(owner);
	expect_all_gone(g);
}

/* --- look-up by borrowed pointers --------------------------------------- */

#define PLACES 8

/* Pointers that count nothing; a release takes its own out. */
struct directory {
	struct graph_node *place[PLACES];
	atomic_long_t found;
	atomic_long_t refused;
};

static void leave_directory(struct graph_node *node)
{
	struct graph_node **place = node->data;

	if (place)
		cmpxchg(place, node, NULL);
}

/* Enter a ring of two into the directory, and drop it. */
static void directory_enter(struct directory *d, struct graph *g,
			    struct graph_node **place)
{
	struct graph_node *a = graph_try_add(g, NODE, GFP_KERNEL);
	struct graph_node *b = graph_try_add(g, NODE, GFP_KERNEL);

	if (a && b && !refslot_set(&a->obj, &a->slot[0], &b->obj) &&
	    !refslot_set(&b->obj, &b->slot[0], &a->obj)) {
		a->data = place;
		a->last_words = leave_directory;
		/* Pairs with the dependent load of those who look up. */
		smp_store_release(place, a);
	}
	if (a)
		node_put(a);
	if (b)
		node_put(b);
}

static struct graph_node *directory_look_up(struct directory *d,
					    struct graph_node **place)
{
	struct graph_node *node;

	rcu_read_lock();
	node = READ_ONCE(*place);
	if (node && !refobj_get_unless_zero(&node->obj)) {
		atomic_long_inc(&d->refused);
		node = NULL;
	}
	rcu_read_unlock();
	/* It may be another object in the same memory by now. */
	if (node && READ_ONCE(*place) != node) {
		node_put(node);
		node = NULL;
	}
	return node;
}

/* Not by refslot_load(), which would ask again. */
static struct refobj *neighbour_look_up(struct graph_node *node)
{
	struct refobj *next;

	rcu_read_lock();
	next = READ_ONCE(node->slot[0].target);
	if (next && !refobj_get_unless_zero(next))
		next = NULL;
	rcu_read_unlock();
	return next;
}

static void look_up_and_leave(struct hand *hand)
{
	struct directory *d = hand->crew->data;
	unsigned int n = crew_rounds();
	struct graph_node **place, *node;
	struct refobj *next;

	while (n-- && hand_goes_on(hand)) {
		place = &d->place[hand_random(hand, PLACES)];
		if (!hand_random(hand, 4) && !READ_ONCE(*place))
			directory_enter(d, hand->crew->g, place);
		node = directory_look_up(d, place);
		if (!node)
			continue;
		atomic_long_inc(&d->found);
		/* It is held, and so its neighbour lives and can be had (G4). */
		next = neighbour_look_up(node);
		if (!node_is_alive(node) || !next ||
		    !node_is_alive(node_of(next)))
			atomic_inc(&hand->crew->wrong);
		if (next)
			refobj_put(next);
		node_put(node);
		cond_resched();
	}
}

static void g13_look_up_against_the_collector(struct kunit *test)
{
	struct directory *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct graph *g = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, d);
	crew_need_two_cpus(test);
	graph_type(g, NODE);
	collect_beside(g, crew_start(g, look_up_and_leave, d));
	kunit_info(test, "%ld found, %ld refused\n",
		   atomic_long_read(&d->found), atomic_long_read(&d->refused));
	expect_all_gone(g);
}

/* --- nests -------------------------------------------------------------- */

#define NESTS 40

struct nests {
	struct graph_node *head[NESTS];
};

static void free_nests(struct hand *hand)
{
	struct nests *nests = hand->crew->data;
	unsigned int i, at;

	for (i = 0; i < NESTS; i++) {
		at = hand->number % 2 ? NESTS - 1 - i : i;
		node_put(nests->head[at]);
	}
}

/* Deep nests freed from all CPUs at once: as many releases as constructions. */
static void g1_nests_freed_by_all_at_once(struct kunit *test)
{
	struct nests *nests = kunit_kzalloc(test, sizeof(*nests), GFP_KERNEL);
	struct graph *g = test->priv;
	unsigned int i, cpu;

	KUNIT_ASSERT_NOT_NULL(test, nests);
	crew_need_two_cpus(test);
	for (i = 0; i < NESTS; i++) {
		nests->head[i] = graph_chain(g, 50, NULL);
		for_each_online_cpu(cpu)
			node_get(nests->head[i]);
		/* All of them lead into the first. */
		graph_link(nests->head[i], 1, nests->head[0]);
		node_put(nests->head[i]);
	}
	crew_finish(crew_start(g, free_nests, nests));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	/* The first leads to itself. */
	KUNIT_EXPECT_EQ(test, graph_alive(g), 50);
	KUNIT_EXPECT_GE(test, graph_collect(g), 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), NESTS * 50);
}

/* --- releases in every way ---------------------------------------------- */

static void drop_sleepers(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	unsigned int n = crew_rounds() / 8;
	struct graph_node *node, *below;

	while (n-- && hand_goes_on(hand)) {
		node = graph_try_add(g, NODE, GFP_KERNEL);
		below = graph_try_add(g, SLEEPER, GFP_KERNEL);
		if (node && below) {
			if (refslot_give(&node->obj, &node->slot[0],
					 &below->obj))
				atomic_inc(&hand->crew->wrong);
		} else if (below) {
			node_put(below);
		}
		if (!node)
			continue;
		switch (hand_random(hand, 3)) {
		case 0:
			node_put(node);
			break;
		case 1:
			preempt_disable();
			node_put(node);
			preempt_enable();
			break;
		case 2:
			local_irq_disable();
			node_put(node);
			local_irq_enable();
			break;
		}
		cond_resched();
	}
}

static void g6_releases_handed_over_from_all_cpus(struct kunit *test)
{
	struct graph *g = test->priv;

	crew_need_two_cpus(test);
	graph_type(g, NODE);
	graph_type(g, SLEEPER);
	crew_finish(crew_start(g, drop_sleepers, NULL));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- requests ----------------------------------------------------------- */

static void collect_and_drain(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	struct graph_node *a;
	unsigned int n = 50;

	while (n--) {
		a = graph_try_add(g, NODE, GFP_KERNEL);
		if (!a)
			continue;
		refslot_set(&a->obj, &a->slot[0], &a->obj);
		node_put(a);
		if (hand_random(hand, 2) && refheap_drain(g->heap))
			atomic_inc(&hand->crew->wrong);
		if (refheap_collect(g->heap, hand_random(hand, 2) ?
				    REFHEAP_COLLECT_FULL : 0) < 0)
			atomic_inc(&hand->crew->wrong);
		refheap_kick(g->heap);
	}
}

static void g3_requests_from_all_cpus(struct kunit *test)
{
	struct graph *g = test->priv;
	struct crew *crew;

	crew_need_two_cpus(test);
	graph_type(g, NODE);
	crew = crew_start(g, collect_and_drain, NULL);
	crew_finish(crew);
	expect_all_gone(g);
	KUNIT_EXPECT_EQ(test, graph_stats(g).reclaimed, 50 * crew->hands);
	/* What falls to one collection may have been taken as one set. */
	KUNIT_EXPECT_GE(test, graph_stats(g).islands, 1);
	KUNIT_EXPECT_LE(test, graph_stats(g).islands, 50 * crew->hands);
}

/* --- heaps -------------------------------------------------------------- */

static void come_and_go(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	unsigned int n = IS_ENABLED(CONFIG_KASAN) ? 10 : 50;
	struct refheap *heap;
	char name[24];

	while (n-- && hand_goes_on(hand)) {
		heap = refheap_create(graph_new_name(name, sizeof(name)), NULL);
		if (IS_ERR_OR_NULL(heap)) {
			atomic_inc(&hand->crew->wrong);
			continue;
		}
		if (hand_random(hand, 2))
			refheap_collect(heap, 0);
		if (refheap_destroy(heap))
			atomic_inc(&hand->crew->wrong);
	}
	refheap_kick(g->heap);
}

static void g10_heaps_come_and_go_on_all_cpus(struct kunit *test)
{
	crew_need_two_cpus(test);
	crew_finish(crew_start(test->priv, come_and_go, NULL));
}

static struct kunit_case concurrent_cases[] = {
	KUNIT_CASE_SLOW(g2_mutators_against_the_collector),
	KUNIT_CASE_SLOW(g2_mutators_against_the_period),
	KUNIT_CASE_SLOW(g2_many_writers_of_one_slot),
	KUNIT_CASE_SLOW(g13_look_up_against_the_collector),
	KUNIT_CASE(g1_nests_freed_by_all_at_once),
	KUNIT_CASE(g6_releases_handed_over_from_all_cpus),
	KUNIT_CASE(g3_requests_from_all_cpus),
	KUNIT_CASE(g10_heaps_come_and_go_on_all_cpus),
	{}
};

static struct kunit_suite concurrent_suite = {
	.name = "refheap_concurrent",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = concurrent_cases,
};

kunit_test_suite(concurrent_suite);
