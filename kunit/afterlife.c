// SPDX-License-Identifier: GPL-2.0
/*
 * Finalizers that bring objects back, and weak references that find them,
 * on every CPU against a running collector. Canaries tell a use after the
 * release (G2); every weak reference that was set is either cleared or calls
 * back, once (G13); every finalizer runs once (the fixture looks); at the end
 * everything is gone (G3).
 */
#include "crew.h"
#include "graph.h"

#include <linux/slab.h>

#define TABLE_SLOTS	16
#define HELD		4
#define WEAKS		8

/* One hand's weak references; others may load them. */
struct watch {
	struct refweak weak;
	struct afterlife *life;
};

/**
 * struct afterlife - what the hands of one test share
 * @table: a vector that lives until all hands have done
 * @closing: finalizers bring nothing back any more
 * @set: weak references set
 * @cleared: of these, cleared before they called back
 * @called: callbacks
 * @loads: weak loads that found their target alive
 * @watch: the weak references, WEAKS of each hand
 */
struct afterlife {
	struct graph_node *table;
	bool closing;
	atomic_long_t set;
	atomic_long_t cleared;
	atomic_long_t called;
	atomic_long_t loads;
	struct watch watch[];
};

struct soul {
	struct hand *hand;
	struct afterlife *life;
	struct watch *watch;
	struct graph_node *held[HELD];
};

static void watch_called(struct refweak *weak)
{
	struct watch *watch = container_of(weak, struct watch, weak);

	atomic_long_inc(&watch->life->called);
}

static void watch_clear(struct watch *watch)
{
	if (refweak_clear(&watch->weak))
		atomic_long_inc(&watch->life->cleared);
}

/* What a finalizer does: by turns nothing, come back, break, or grow. */
static void come_back(struct graph_node *node)
{
	struct afterlife *life = node->data;
	struct graph_node *table = life->table, *more;

	if (READ_ONCE(life->closing))
		return;
	switch (node->id % 4) {
	case 1:
		refslot_set(&table->obj,
			    &table->array->slot[node->id / 4 % TABLE_SLOTS],
			    &node->obj);
		break;
	case 2:
		refslot_clear(&node->obj, &node->slot[0]);
		break;
	case 3:
		more = graph_try_add(node->graph, NODE, GFP_ATOMIC);
		if (more) {
			refslot_set(&more->obj, &more->slot[0], &node->obj);
			refslot_give(&node->obj, &node->slot[1], &more->obj);
		}
		break;
	}
}

static void soul_hold(struct soul *soul, unsigned int i, struct refobj *obj)
{
	if (soul->held[i])
		node_put(soul->held[i]);
	soul->held[i] = obj ? node_of(obj) : NULL;
	if (obj && !node_is_alive(soul->held[i]))
		atomic_inc(&soul->hand->crew->wrong);
}

static void soul_add(struct soul *soul, unsigned int i)
{
	enum node_kind kind = hand_random(soul->hand, 3) ? FINAL : NODE;
	struct graph_node *node = graph_try_add(soul->hand->crew->g, kind,
						GFP_KERNEL);

	if (!node)
		return;
	node->data = soul->life;
	if (kind == FINAL)
		node->will = come_back;
	soul_hold(soul, i, &node->obj);
}

static void soul_watch(struct soul *soul, struct graph_node *node)
{
	struct watch *watch = &soul->watch[hand_random(soul->hand, WEAKS)];

	watch_clear(watch);
	if (!refweak_set(NULL, &watch->weak, &node->obj, watch_called,
			 GFP_KERNEL))
		atomic_long_inc(&soul->life->set);
}

static void soul_look(struct soul *soul, unsigned int i)
{
	unsigned int n = hand_random(soul->hand,
				     soul->hand->crew->hands * WEAKS);
	struct refobj *obj = refweak_load(&soul->life->watch[n].weak);

	if (obj)
		atomic_long_inc(&soul->life->loads);
	soul_hold(soul, i, obj);
}

static struct refslot *soul_table(struct soul *soul)
{
	struct refarray *array = soul->life->table->array;

	return &array->slot[hand_random(soul->hand, TABLE_SLOTS)];
}

static void soul_step(struct soul *soul)
{
	unsigned int i = hand_random(soul->hand, HELD);
	struct graph_node *from = soul->held[hand_random(soul->hand, HELD)];
	struct graph_node *to = soul->held[i], *table = soul->life->table;

	switch (hand_random(soul->hand, 8)) {
	case 0:
		soul_add(soul, i);
		break;
	case 1:
		soul_look(soul, i);
		break;
	case 2:
		if (to)
			soul_watch(soul, to);
		break;
	case 3:
		watch_clear(&soul->watch[hand_random(soul->hand, WEAKS)]);
		break;
	case 4:
		soul_hold(soul, i, refslot_take(&table->obj, soul_table(soul)));
		break;
	case 5:
		refslot_set(&table->obj, soul_table(soul),
			    to ? &to->obj : NULL);
		break;
	default:
		if (from && to)
			refslot_set(&from->obj,
				    &from->slot[hand_random(soul->hand, 2)],
				    &to->obj);
		break;
	}
}

static void live(struct hand *hand)
{
	struct afterlife *life = hand->crew->data;
	struct soul soul = {
		.hand = hand, .life = life,
		.watch = &life->watch[hand->number * WEAKS],
	};
	unsigned int i, n = crew_rounds();

	while (n--) {
		soul_step(&soul);
		cond_resched();
	}
	for (i = 0; i < HELD; i++)
		soul_hold(&soul, i, NULL);
}

static struct afterlife *afterlife_begin(struct graph *g)
{
	unsigned int i, n = nr_cpu_ids * WEAKS;
	struct afterlife *life;

	life = kunit_kzalloc(g->test, struct_size(life, watch, n), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, life);
	for (i = 0; i < n; i++)
		life->watch[i].life = life;
	graph_type(g, NODE);
	graph_type(g, FINAL);
	life->table = graph_add_vector(g, TABLE_SLOTS);
	return life;
}

/* Let go of everything, and look whether the account is even. */
static void afterlife_end(struct graph *g, struct afterlife *life)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(g->test, node_is_alive(life->table));
	WRITE_ONCE(life->closing, true);
	node_put(life->table);
	/* What was finalized and came back just before goes in the second. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_GE(g->test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(g->test, atomic_long_read(&life->set),
			atomic_long_read(&life->cleared) +
			atomic_long_read(&life->called));
	kunit_info(g->test,
		   "%ld weak references set, %ld called back, %ld loads; %ld finalized, %llu reclaimed, %llu rescued\n",
		   atomic_long_read(&life->set),
		   atomic_long_read(&life->called),
		   atomic_long_read(&life->loads), graph_finalized(g),
		   graph_stats(g).reclaimed, graph_stats(g).rescued);
}

static void g13_finalizers_and_weak_references_on_all_cpus(struct kunit *test)
{
	struct graph *g = test->priv;
	struct afterlife *life;
	struct crew *crew;
	u64 n = 0;

	crew_need_two_cpus(test);
	life = afterlife_begin(g);
	crew = crew_start(g, live, life);
	while (crew_is_working(crew)) {
		refheap_collect(g->heap, n++ % 4 ? 0 : REFHEAP_COLLECT_FULL);
		cond_resched();
	}
	crew_finish(crew);
	afterlife_end(g, life);
}

static struct kunit_case afterlife_cases[] = {
	KUNIT_CASE_SLOW(g13_finalizers_and_weak_references_on_all_cpus),
	{}
};

static struct kunit_suite afterlife_suite = {
	.name = "refheap_afterlife",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = afterlife_cases,
};

kunit_test_suite(afterlife_suite);
