// SPDX-License-Identifier: GPL-2.0
/* Weak references: what they find, and whom they call when it is gone. */
#include "crew.h"
#include "debugfile.h"
#include "graph.h"
#include "stepper.h"

#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <trace/events/refheap.h>

/**
 * struct watch - a weak reference to a node, and how it was called
 * @weak: the weak reference
 * @g: the graph
 * @calls: how often it was called
 * @released: how many nodes had been released when it was
 * @turn: which of all calls it was, from 1
 * @wrong: it could still be loaded, or a lock was held
 * @then: done at the end of the call, or NULL
 * @other: for @then
 * @ret: of what @then did
 */
struct watch {
	struct refweak weak;
	struct graph *g;
	atomic_t calls;
	long released;
	int turn;
	bool wrong;
	void (*then)(struct watch *watch);
	struct watch *other;
	long ret;
};

static atomic_t turns;

static bool locks_are_held(void)
{
#ifdef CONFIG_LOCKDEP
	if (current->lockdep_depth)
		return true;
#endif
	return !in_task() || (IS_ENABLED(CONFIG_PREEMPT_COUNT) &&
			      !preemptible());
}

static void watch_called(struct refweak *weak)
{
	struct watch *watch = container_of(weak, struct watch, weak);
	struct refobj *obj = refweak_load(weak);

	if (obj)
		refobj_put(obj);
	watch->wrong = watch->wrong || obj || locks_are_held();
	watch->released = graph_released(watch->g);
	watch->turn = atomic_inc_return(&turns);
	atomic_inc(&watch->calls);
	if (watch->then)
		watch->then(watch);
}

static int watch_set(struct watch *watch, struct graph_node *node)
{
	watch->g = node->graph;
	return refweak_set(NULL, &watch->weak, &node->obj, watch_called,
			   GFP_KERNEL);
}

static void watch_begin(struct watch *watch, struct graph_node *node)
{
	KUNIT_EXPECT_EQ(node->graph->test, watch_set(watch, node), 0);
}

static void watch_expect(struct watch *watch, int calls, long released)
{
	struct kunit *test = watch->g->test;

	KUNIT_EXPECT_EQ(test, refheap_drain(watch->g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch->calls), calls);
	if (calls)
		KUNIT_EXPECT_EQ(test, watch->released, released);
	KUNIT_EXPECT_FALSE(test, watch->wrong);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch->weak));
	KUNIT_EXPECT_FALSE(test, refweak_clear(&watch->weak));
}

static void load_expect(struct kunit *test, const struct refweak *weak,
			struct graph_node *node)
{
	struct refobj *obj = refweak_load(weak);

	KUNIT_EXPECT_PTR_EQ(test, obj, node ? &node->obj : NULL);
	if (obj)
		refobj_put(obj);
}

/* --- one weak reference --------------------------------------------------- */

static void g13_load_of_the_living_and_the_dead(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct watch watch = {};
	struct refobj *obj;

	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	watch_begin(&watch, node);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	obj = refweak_load(&watch.weak);
	KUNIT_EXPECT_PTR_EQ(test, obj, &node->obj);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 2);
	node_put(node);
	load_expect(test, &watch.weak, node);
	refobj_put(obj);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	watch_expect(&watch, 1, 1);
}

static void g13_weak_reference_to_a_leaf(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, LEAF);
	struct watch watch = {};

	watch_begin(&watch, node);
	load_expect(test, &watch.weak, node);
	node_put(node);
	watch_expect(&watch, 1, 1);
}

/* They do not keep, and do not call before all of it is gone. */
static void g13_weak_references_to_an_island(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_ring(g, 3);
	struct watch watch[3] = {};
	unsigned int i;

	for (i = 0; i < 3; i++, a = node_of(a->slot[0].target))
		watch_begin(&watch[i], a);
	node_put(a);
	for (i = 0; i < 3; i++)
		load_expect(test, &watch[i].weak,
			    i ? node_of(watch[i].weak.target) : a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	for (i = 0; i < 3; i++)
		watch_expect(&watch[i], 1, 3);
}

static void g13_several_call_the_newest_first(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct watch watch[4] = {};
	int first, i;

	for (i = 0; i < 4; i++)
		watch_begin(&watch[i], node);
	/* One of them calls nobody. */
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, &watch[1].weak, &node->obj,
					  NULL, GFP_KERNEL), 0);
	node_put(node);
	for (i = 0; i < 4; i++)
		watch_expect(&watch[i], i != 1, 1);
	first = watch[3].turn;
	KUNIT_EXPECT_EQ(test, watch[2].turn, first + 1);
	KUNIT_EXPECT_EQ(test, watch[0].turn, first + 2);
}

static void g13_what_died_first_is_told_first(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_chain(g, 3, NULL), *node = head;
	struct watch watch[3] = {};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		watch_begin(&watch[i], node);
		if (i < 2)
			node = node_of(node->slot[0].target);
	}
	node_put(head);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&watch[i].calls), 1);
		KUNIT_EXPECT_EQ(test, watch[i].turn, watch[0].turn + (int)i);
	}
}

static void g13_cleared_first_never_calls(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct watch watch = {}, other = {};

	watch_begin(&watch, node);
	watch_begin(&other, node);
	KUNIT_EXPECT_TRUE(test, refweak_clear(&watch.weak));
	KUNIT_EXPECT_FALSE(test, refweak_clear(&watch.weak));
	refweak_clear_sync(&watch.weak);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	node_put(node);
	watch_expect(&watch, 0, 0);
	watch_expect(&other, 1, 1);
}

static void g13_set_anew_forgets_the_old(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct watch watch = {};

	watch_begin(&watch, a);
	watch_begin(&watch, b);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&a->obj), 0);
	node_put(a);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch.calls), 0);
	load_expect(test, &watch.weak, b);
	/* To nothing: cleared. */
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, &watch.weak, NULL,
					  watch_called, GFP_KERNEL), 0);
	node_put(b);
	watch_expect(&watch, 0, 0);
}

/* The next object in the same memory and row has none of them. */
static void g13_weak_references_die_with_the_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct watch watch = {};
	struct graph_node *node;
	unsigned int i, stale = 0;

	for (i = 0; i < 100; i++) {
		node = graph_add(g, NODE);
		stale += refobj_weak_count(&node->obj);
		if (refweak_set(NULL, &watch.weak, &node->obj, NULL,
				GFP_KERNEL))
			stale++;
		node_put(node);
		stale += !!refweak_load(&watch.weak);
	}
	KUNIT_EXPECT_EQ(test, stale, 0);
}

static void g13_count_and_list(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct refweak weak[3] = {}, *list[4] = {};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, refobj_weak_count(&node->obj), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, refweak_set(NULL, &weak[i], &node->obj,
						  NULL, GFP_ATOMIC), 0);
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&node->obj), 3);
	KUNIT_EXPECT_EQ(test, refobj_weak_list(&node->obj, list, 4), 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, list[i], &weak[2 - i]);
	KUNIT_EXPECT_NULL(test, list[3]);
	/* The first, the last, and room for one. */
	refweak_clear(&weak[2]);
	refweak_clear(&weak[0]);
	list[1] = NULL;
	KUNIT_EXPECT_EQ(test, refobj_weak_list(&node->obj, list, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &weak[1]);
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, &weak[0], &node->obj, NULL,
					  GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, refobj_weak_list(&node->obj, list, 1), 2);
	KUNIT_EXPECT_PTR_EQ(test, list[0], &weak[0]);
	KUNIT_EXPECT_NULL(test, list[1]);
	node_put(node);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak[0]));
	KUNIT_EXPECT_NULL(test, refweak_load(&weak[1]));
}

/* --- what a callback may do ----------------------------------------------- */

static void clear_other(struct watch *watch)
{
	watch->ret = refweak_clear(&watch->other->weak);
}

static void clear_other_sync(struct watch *watch)
{
	refweak_clear_sync(&watch->other->weak);
	/* Oneself, from inside: no wait. */
	refweak_clear_sync(&watch->weak);
	watch->ret = true;
}

static void callback_clears_another(struct kunit *test,
				    void (*then)(struct watch *watch))
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct watch later = {}, first = { .then = then, .other = &later };

	watch_begin(&later, node);
	watch_begin(&first, node);
	node_put(node);
	watch_expect(&first, 1, graph_released(g));
	KUNIT_EXPECT_EQ(test, first.ret, true);
	watch_expect(&later, 0, 0);
}

static void g13_callback_clears_another(struct kunit *test)
{
	callback_clears_another(test, clear_other);
	callback_clears_another(test, clear_other_sync);
}

/* What the callback drops calls back in its turn. */
static void drop_node(struct watch *watch)
{
	node_put((struct graph_node *)watch->ret);
}

static void g13_callback_drops_another_target(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct watch first = { .then = drop_node, .ret = (long)b }, second = {};

	watch_begin(&first, a);
	watch_begin(&second, b);
	node_put(a);
	watch_expect(&first, 1, 1);
	watch_expect(&second, 1, 2);
	KUNIT_EXPECT_GT(test, second.turn, first.turn);
}

static void watch_next(struct watch *watch)
{
	watch->then = NULL;
	if (watch_set(watch, (struct graph_node *)watch->ret))
		watch->wrong = true;
}

static void g13_callback_watches_another(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE), *b = graph_add(g, NODE);
	struct watch watch = { .then = watch_next, .ret = (long)b };

	watch_begin(&watch, a);
	node_put(a);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch.calls), 1);
	load_expect(test, &watch.weak, b);
	node_put(b);
	watch_expect(&watch, 2, 2);
}

static void free_watch(struct watch *watch)
{
	atomic_long_dec((atomic_long_t *)watch->ret);
	kfree(watch);
}

static void g13_callback_frees_its_memory(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	atomic_long_t left = ATOMIC_LONG_INIT(8);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		struct watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, watch);
		watch->then = free_watch;
		watch->ret = (long)&left;
		watch_begin(watch, node);
	}
	node_put(node);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&left), 0);
}

static void collect_and_kick(struct watch *watch)
{
	struct refheap *heap = watch->g->heap;

	watch->ret = refheap_collect(heap, 0);
	if (refheap_drain(heap) != -EDEADLK ||
	    refheap_destroy(heap) != -EDEADLK)
		watch->wrong = true;
	refheap_kick(heap);
}

static void g13_callback_that_collects(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct watch watch = { .then = collect_and_kick };

	node_put(graph_ring(g, 3));
	watch_begin(&watch, node);
	node_put(node);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 4));
	watch_expect(&watch, 1, 1);
	KUNIT_EXPECT_EQ(test, watch.ret, -EDEADLK);
}

/* --- members ------------------------------------------------------------- */

/**
 * struct keeper - an object with a weak reference among its members
 * @obj: its header
 * @slot: to the next
 * @unused: weak references that are never set
 * @watch: what happens to @weak is noted there
 * @weak: to somebody
 */
struct keeper {
	struct refobj obj;
	struct refslot slot;
	struct refweak unused[2];
	struct watch *watch;
	struct refweak weak;
};

static struct keeper *keeper_of(struct refobj *obj)
{
	return container_of(obj, struct keeper, obj);
}

/* Counts in what the keeper belongs to: @owner is held while it runs. */
static void keeper_called(struct refweak *weak)
{
	struct keeper *keeper = container_of(weak, struct keeper, weak);
	struct watch *watch = keeper->watch;

	if (refobj_count(&keeper->obj) < 2)
		watch->wrong = true;
	watch->released = graph_released(watch->g);
	atomic_inc(&watch->calls);
}

/* Members are cleared by now. */
static void keeper_release(struct refobj *obj)
{
	struct keeper *keeper = keeper_of(obj);

	if (refweak_clear(&keeper->weak) || keeper->weak.target)
		keeper->watch->wrong = true;
}

static const struct reffield keeper_fields[] = {
	REFFIELD(struct keeper, slot),
};

static const struct reffield keeper_weaks[] = {
	REFWEAK(struct keeper, unused),
	REFWEAK(struct keeper, weak),
};

static const struct reftype_desc keeper_desc = {
	REFTYPE(struct keeper, obj),
	REFTYPE_FIELDS(keeper_fields),
	REFTYPE_WEAKS(keeper_weaks),
	.name = "keeper",
	.release = keeper_release,
};

static struct keeper *keeper_add(struct graph *g, struct reftype *type,
				 struct watch *watch)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(g->test, obj);
	watch->g = g;
	keeper_of(obj)->watch = watch;
	return keeper_of(obj);
}

static struct reftype *keeper_type(struct graph *g)
{
	struct reftype *type = refheap_register_type(g->heap, &keeper_desc);

	KUNIT_ASSERT_FALSE(g->test, IS_ERR(type));
	return type;
}

static int keeper_watch(struct keeper *keeper, struct refobj *target)
{
	return refweak_set(&keeper->obj, &keeper->weak, target, keeper_called,
			   GFP_KERNEL);
}

static void g13_member_of_a_living_object_calls(struct kunit *test)
{
	struct graph *g = test->priv;
	struct watch watch = {};
	struct keeper *keeper = keeper_add(g, keeper_type(g), &watch);
	struct graph_node *node = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, keeper_watch(keeper, &node->obj), 0);
	load_expect(test, &keeper->weak, node);
	node_put(node);
	watch_expect(&watch, 1, 1);
	/* Nor does its own weak reference keep an object. */
	KUNIT_EXPECT_EQ(test, keeper_watch(keeper, &keeper->obj), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&keeper->obj), 1);
	refobj_put(&keeper->obj);
	watch_expect(&watch, 1, 1);
}

/* Two that refer to each other, strongly and weakly; and one outside. */
static void g13_members_of_the_dying_island_are_silent(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = keeper_type(g);
	struct watch inside = {}, outside = {};
	struct keeper *a = keeper_add(g, type, &inside);
	struct keeper *b = keeper_add(g, type, &inside);
	struct keeper *c = keeper_add(g, type, &outside);

	KUNIT_EXPECT_EQ(test, refslot_set(&a->obj, &a->slot, &b->obj), 0);
	KUNIT_EXPECT_EQ(test, refslot_set(&b->obj, &b->slot, &a->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(a, &b->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(b, &b->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(c, &b->obj), 0);
	refobj_put(&a->obj);
	refobj_put(&b->obj);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	watch_expect(&inside, 0, 0);
	watch_expect(&outside, 1, 0);
	refobj_put(&c->obj);
}

/* The same where no collector is needed: the owner dies first, or last. */
static void g13_members_of_a_dying_chain_are_silent(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = keeper_type(g);
	struct watch inside = {};
	struct keeper *a = keeper_add(g, type, &inside);
	struct keeper *b = keeper_add(g, type, &inside);

	KUNIT_EXPECT_EQ(test, refslot_give(&a->obj, &a->slot, &b->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(a, &b->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(b, &a->obj), 0);
	refobj_put(&a->obj);
	watch_expect(&inside, 0, 0);
}

static void g9_member_of_another_heap(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct watch watch = {};
	struct keeper *keeper = keeper_add(g, keeper_type(g), &watch);
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *stranger = graph_add(other, NODE);

	KUNIT_EXPECT_EQ(test, keeper_watch(keeper, &node->obj), 0);
	KUNIT_EXPECT_EQ(test, keeper_watch(keeper, &stranger->obj), -EXDEV);
	/* Empty, and not what it was. */
	KUNIT_EXPECT_NULL(test, refweak_load(&keeper->weak));
	KUNIT_EXPECT_EQ(test, refobj_weak_count(&node->obj), 0);
	node_put(node);
	node_put(stranger);
	watch_expect(&watch, 0, 0);
	refobj_put(&keeper->obj);
	graph_destroy(other);
}

/* --- while the target is being released ----------------------------------- */

static struct watch last_watch;
static int last_answer;

static void watch_oneself(struct graph_node *node)
{
	last_watch.g = node->graph;
	/* A release does not sleep. */
	last_answer = refweak_set(NULL, &last_watch.weak, &node->obj,
				  watch_called, GFP_ATOMIC);
	if (refweak_load(&last_watch.weak))
		last_watch.wrong = true;
}

static void refused_in_release(struct kunit *test, struct graph_node *node)
{
	last_watch = (struct watch){};
	last_answer = 0;
	node->last_words = watch_oneself;
	node_put(node);
	graph_collect(test->priv);
	KUNIT_EXPECT_EQ(test, last_answer, -ESTALE);
	watch_expect(&last_watch, 0, 0);
}

static void g13_release_of_the_target_refuses(struct kunit *test)
{
	struct graph *g = test->priv;

	refused_in_release(test, graph_add(g, NODE));
	refused_in_release(test, graph_add(g, LEAF));
	refused_in_release(test, graph_ring(g, 2));
	refused_in_release(test, graph_add(g, CUSTOM));
}

/* What a release loads of those behind and before it in the cascade. */
static void load_all(struct graph_node *node)
{
	struct refweak *weak = node->data;
	struct graph *g = node->graph;
	unsigned int i;

	for (i = node->id ? node->id - 1 : 0; i < node->id + 2; i++) {
		struct refobj *obj __free(refobj) = refweak_load(&weak[i]);

		/* Those behind are not dead yet when their turn has not come. */
		if (obj && (!node_is_alive(node_of(obj)) ||
			    refobj_count(obj) < 1 || node_of(obj)->id != i))
			atomic_long_inc(&g->damaged);
		if (obj && node_of(obj)->id <= node->id)
			atomic_long_inc(&g->damaged);
	}
}

#define CASCADE	(IS_ENABLED(CONFIG_KASAN) ? 1000 : 20000)

static struct refweak *cascade_begin(struct graph *g)
{
	struct graph_node *node = graph_add(g, NODE);
	struct refweak *weak;
	unsigned int i;
	int err = 0;

	weak = kvcalloc(CASCADE + 1, sizeof(*weak), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, weak);
	KUNIT_EXPECT_EQ(g->test, refheap_bind(g->heap, "head", &node->obj), 0);
	node_put(node);
	for (i = 0; i < CASCADE; i++) {
		node->data = weak;
		node->last_words = load_all;
		err |= refweak_set(NULL, &weak[i], &node->obj, NULL,
				   GFP_KERNEL);
		if (i < CASCADE - 1)
			node = graph_append(node, 0, NODE);
	}
	KUNIT_EXPECT_EQ(g->test, err, 0);
	return weak;
}

static void g13_cascade_never_shows_a_count_of_zero(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refweak *weak = cascade_begin(g);

	refheap_unbind(g->heap, "head");
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	kvfree(weak);
}

static void load_until_gone(struct hand *hand)
{
	struct refweak *weak = hand->crew->data;
	struct graph *g = hand->crew->g;

	if (!hand->number) {
		refheap_unbind(g->heap, "head");
		return;
	}
	while (graph_alive(g)) {
		u32 i = hand_random(hand, CASCADE);
		struct refobj *obj __free(refobj) = refweak_load(&weak[i]);

		if (obj && (!node_is_alive(node_of(obj)) ||
			    node_of(obj)->id != i))
			atomic_inc(&hand->crew->wrong);
		cond_resched();
	}
}

static void g13_cascade_seen_by_others(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refweak *weak;

	crew_need_two_cpus(test);
	weak = cascade_begin(g);
	crew_finish(crew_start(g, load_until_gone, weak));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	kvfree(weak);
}

/* --- the end of the heap -------------------------------------------------- */

static void g10_destroy_calls_for_what_it_reclaims(struct kunit *test)
{
	struct graph *g = graph_create(test, NULL);
	struct graph_node *ring = graph_ring(g, 3);
	struct watch watch = {};

	watch_begin(&watch, ring);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch.calls), 1);
	KUNIT_EXPECT_FALSE(test, watch.wrong);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	KUNIT_EXPECT_FALSE(test, refweak_clear(&watch.weak));
}

/* Nobody is called any more, and nobody finds what others still hold. */
static void g10_held_at_destroy_is_lost_and_silent(struct kunit *test)
{
	static const struct refheap_params params = {
		.flags = REFHEAP_QUIET,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *node = graph_add(g, NODE);
	struct watch watch = {};

	watch_begin(&watch, node);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 1);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	KUNIT_EXPECT_FALSE(test, refweak_clear(&watch.weak));
	node_put(node);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch.calls), 0);
	refweak_clear_sync(&watch.weak);
}

/* --- several CPUs -------------------------------------------------------- */

#define WATCHES	(IS_ENABLED(CONFIG_KASAN) ? 400U : 4000U)

/* Each hand watches what it makes, lets it die, and loads what others have. */
static void make_watch_and_load(struct hand *hand)
{
	struct watch *watch = hand->crew->data;
	struct graph *g = hand->crew->g;
	struct graph_node *node;
	unsigned int i, j;

	for (i = hand->number; i < WATCHES; i += hand->crew->hands) {
		node = graph_try_add(g, NODE, GFP_KERNEL);
		if (!node || watch_set(&watch[i], node) ||
		    (hand_random(hand, 2) &&
		     refslot_set(&node->obj, &node->slot[0], &node->obj)))
			atomic_inc(&hand->crew->wrong);
		if (node)
			node_put(node);
		for (j = 0; j < 4; j++) {
			struct refobj *obj __free(refobj) =
				refweak_load(&watch[hand_random(hand,
								i + 1)].weak);

			if (obj && !node_is_alive(node_of(obj)))
				atomic_inc(&hand->crew->wrong);
		}
		if (!(i % 8))
			refheap_kick(g->heap);
	}
}

/* However they die, each is told of exactly once. */
static void g13_each_calls_once(struct kunit *test)
{
	struct graph *g = test->priv;
	struct watch *watch;
	unsigned int i, wrong = 0;

	graph_type(g, NODE);
	watch = kvcalloc(WATCHES, sizeof(*watch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, watch);
	crew_finish(crew_start(g, make_watch_and_load, watch));
	graph_collect(g);
	graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	for (i = 0; i < WATCHES; i++)
		wrong += atomic_read(&watch[i].calls) != 1 || watch[i].wrong;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	kvfree(watch);
}

/* Cleared by one while the other lets the target die: a call or none. */
static void set_die_and_clear(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	struct watch watch = {};
	struct graph_node *node;
	unsigned int i;
	bool cleared;

	for (i = 0; i < crew_rounds() / 8 && hand_goes_on(hand); i++) {
		node = graph_try_add(g, NODE, GFP_KERNEL);
		if (!node)
			continue;
		atomic_set(&watch.calls, 0);
		if (watch_set(&watch, node))
			atomic_inc(&hand->crew->wrong);
		node_put(node);
		cleared = refweak_clear(&watch.weak);
		refweak_clear_sync(&watch.weak);
		/* The memory may go now: who is not cleared has been called. */
		if (atomic_read(&watch.calls) != !cleared || watch.wrong)
			atomic_inc(&hand->crew->wrong);
	}
}

static void g13_clear_while_the_callback_starts(struct kunit *test)
{
	struct graph *g = test->priv;

	graph_type(g, NODE);
	crew_finish(crew_start(g, set_die_and_clear, NULL));
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- in each phase of a collection ---------------------------------------- */

struct point {
	const char *name;
	enum refheap_phase phase;
	unsigned int nth;
};

static const struct point points[] = {
	{ "taken", REFHEAP_PHASE_TAKEN },
	{ "candidates", REFHEAP_PHASE_CANDIDATES },
	{ "traced", REFHEAP_PHASE_TRACED },
	{ "divided", REFHEAP_PHASE_DIVIDED },
	{ "words", REFHEAP_PHASE_WORDS },
	{ "slots", REFHEAP_PHASE_SLOTS },
	{ "condemn_0", REFHEAP_PHASE_CONDEMN, 0 },
	{ "condemn_1", REFHEAP_PHASE_CONDEMN, 1 },
	{ "condemn_2", REFHEAP_PHASE_CONDEMN, 2 },
	{ "condemned", REFHEAP_PHASE_CONDEMNED },
	{ "verdict", REFHEAP_PHASE_VERDICT },
	{ "stamped", REFHEAP_PHASE_STAMPED },
	{ "emptied", REFHEAP_PHASE_EMPTIED },
	{ "released", REFHEAP_PHASE_RELEASED },
};

/**
 * struct scene - a ring of three, to which there are only weak references
 * @g: the graph
 * @point: when they are loaded
 * @left: occurrences of the phase until then
 * @loads: which are loaded, by bits
 * @watch: the weak references
 * @got: what they found
 * @struck: it has been done
 */
struct scene {
	struct graph *g;
	const struct point *point;
	unsigned int left;
	unsigned int loads;
	struct watch watch[3];
	struct refobj *got[3];
	bool struck;
};

static struct scene *stage;

static void scene_probe(void *data, struct refheap *heap,
			enum refheap_phase phase, u64 members)
{
	struct scene *scene = READ_ONCE(stage);
	unsigned int i;

	if (!scene || heap != scene->g->heap || phase != scene->point->phase ||
	    scene->struck || scene->left--)
		return;
	scene->struck = true;
	for (i = 0; i < 3; i++)
		if (scene->loads & BIT(i))
			scene->got[i] = refweak_load(&scene->watch[i].weak);
}

static int weak_suite_init(struct kunit_suite *suite)
{
	return register_trace_refheap_phase(scene_probe, NULL);
}

static void weak_suite_exit(struct kunit_suite *suite)
{
	unregister_trace_refheap_phase(scene_probe, NULL);
	tracepoint_synchronize_unregister();
}

/* Parameters are numbers from 1: points times what is loaded. */
static const void *scene_gen_params(const void *prev, char *text)
{
	unsigned long number = (unsigned long)prev;

	if (number == ARRAY_SIZE(points) * 7)
		return NULL;
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%s_loads_%lu",
		 points[number / 7].name, number % 7 + 1);
	return (void *)(number + 1);
}

static void scene_arrange(struct scene *scene, struct graph *g)
{
	struct graph_node *node = graph_ring(g, 3);
	unsigned int i;

	scene->g = g;
	scene->left = scene->point->nth;
	for (i = 0; i < 3; i++, node = node_of(node->slot[0].target))
		watch_begin(&scene->watch[i], node);
	node_put(node);
}

/* All that was asked for, or nothing; and the ring accordingly. */
static void scene_expect(struct scene *scene)
{
	struct kunit *test = scene->g->test;
	bool saved = scene->point->phase < REFHEAP_PHASE_VERDICT;
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, scene->struck);
	KUNIT_EXPECT_EQ(test, graph_alive(scene->g), saved ? 3 : 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(scene->g->heap), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, !!scene->got[i],
				saved && scene->loads & BIT(i));
		KUNIT_EXPECT_EQ(test, atomic_read(&scene->watch[i].calls),
				!saved);
		/* Who was saved can be found as ever. */
		load_expect(test, &scene->watch[i].weak, saved ?
			    node_of(scene->watch[i].weak.target) : NULL);
	}
}

static void g13_loads_in_each_phase(struct kunit *test)
{
	unsigned long number = (unsigned long)test->param_value - 1;
	struct graph *g = test->priv;
	struct scene scene = {
		.point = &points[number / 7], .loads = number % 7 + 1,
	};
	unsigned int i;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	scene_arrange(&scene, g);
	WRITE_ONCE(stage, &scene);
	KUNIT_EXPECT_GE(test, graph_collect(g), 0);
	WRITE_ONCE(stage, NULL);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	scene_expect(&scene);
	for (i = 0; i < 3; i++)
		refobj_assign(scene.got[i], NULL);
	/* Left alone it is reclaimed, and told of. */
	graph_collect(g);
	graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	for (i = 0; i < 3; i++)
		watch_expect(&scene.watch[i], 1, 3);
}

/* --- a load that stalls --------------------------------------------------- */

/**
 * struct halted - a load that is halted between two instructions
 * @stepper: executes it
 * @g: the graph
 * @weak: what it loads
 * @node: to which it refers
 * @spare: nodes made meanwhile, in the same memory perhaps
 * @got: what was loaded
 */
struct halted {
	struct stepper stepper;
	struct graph *g;
	struct refweak weak;
	struct graph_node *node;
	struct graph_node *spare[40];
	struct refobj *got;
};

static void halted_load(struct stepper *stepper)
{
	struct halted *halted = container_of(stepper, struct halted, stepper);

	halted->got = refweak_load(&halted->weak);
}

static void halted_collect(struct halted *halted)
{
	refheap_collect(halted->g->heap, 0);
}

/* Its end, and others in its memory, which no load may find. */
static void halted_recycle(struct halted *halted)
{
	unsigned int i;

	refslot_clear(&halted->node->obj, &halted->node->slot[0]);
	node_put(halted->node);
	for (i = 0; i < ARRAY_SIZE(halted->spare); i++)
		halted->spare[i] = graph_try_add(halted->g, NODE, GFP_KERNEL);
}

static void halted_leave(struct halted *halted)
{
	unsigned int i;

	refobj_assign(halted->got, NULL);
	for (i = 0; i < ARRAY_SIZE(halted->spare); i++) {
		if (halted->spare[i])
			node_put(halted->spare[i]);
		halted->spare[i] = NULL;
	}
	refheap_collect(halted->g->heap, 0);
	refheap_collect(halted->g->heap, 0);
}

/* Return: whether there was such a step. */
static bool halted_once(struct halted *halted, unsigned int at,
			void (*meanwhile)(struct halted *halted), bool *good)
{
	struct graph *g = halted->g;
	bool keep = meanwhile == halted_recycle, there;
	u64 id;

	halted->node = graph_ring(g, 2);
	id = halted->node->id;
	*good = !refweak_set(NULL, &halted->weak, &halted->node->obj, NULL,
			     GFP_KERNEL);
	if (!keep)
		node_put(halted->node);
	halted->stepper.at = at;
	stepper_run(&halted->stepper);
	there = stepper_await_halt(&halted->stepper, 1);
	if (there)
		meanwhile(halted);
	stepper_finish(&halted->stepper);
	if (halted->got)
		*good = *good && node_of(halted->got) == halted->node &&
			node_is_alive(halted->node) && halted->node->id == id;
	else
		*good = *good && there;
	if (!keep)
		*good = *good && graph_alive(g) == (halted->got ? 2 : 0);
	else if (!there)
		node_put(halted->node);
	halted_leave(halted);
	*good = *good && !graph_alive(g) && !refweak_load(&halted->weak);
	return there;
}

static void halted_test(struct kunit *test,
			void (*meanwhile)(struct halted *halted))
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .cpus = stepper_other_cpus(test),
	};
	struct halted halted = {
		.stepper.call = halted_load, .stepper.step = stepper_at,
		.g = graph_create(test, &params),
	};
	bool good = true;
	unsigned int at;

	graph_type(halted.g, NODE);
	KUNIT_ASSERT_TRUE(test, stepper_start(&halted.stepper));
	for (at = 1; halted_once(&halted, at, meanwhile, &good) && good;)
		at += IS_ENABLED(CONFIG_KASAN) ? 3 : 1;
	stepper_stop(&halted.stepper);
	KUNIT_EXPECT_TRUE_MSG(test, good, "step %u", at);
	KUNIT_EXPECT_GT(test, at, 10);
	KUNIT_EXPECT_FALSE(test, halted.stepper.overdue);
	graph_destroy(halted.g);
}

static void g13_collected_during_a_load(struct kunit *test)
{
	halted_test(test, halted_collect);
}

static void g13_memory_is_reused_during_a_load(struct kunit *test)
{
	halted_test(test, halted_recycle);
}

static struct kunit_case weak_cases[] = {
	KUNIT_CASE(g13_load_of_the_living_and_the_dead),
	KUNIT_CASE(g13_weak_reference_to_a_leaf),
	KUNIT_CASE(g13_weak_references_to_an_island),
	KUNIT_CASE(g13_several_call_the_newest_first),
	KUNIT_CASE(g13_what_died_first_is_told_first),
	KUNIT_CASE(g13_cleared_first_never_calls),
	KUNIT_CASE(g13_set_anew_forgets_the_old),
	KUNIT_CASE(g13_weak_references_die_with_the_object),
	KUNIT_CASE(g13_count_and_list),
	KUNIT_CASE(g13_callback_clears_another),
	KUNIT_CASE(g13_callback_drops_another_target),
	KUNIT_CASE(g13_callback_watches_another),
	KUNIT_CASE(g13_callback_frees_its_memory),
	KUNIT_CASE(g13_callback_that_collects),
	KUNIT_CASE(g13_member_of_a_living_object_calls),
	KUNIT_CASE(g13_members_of_the_dying_island_are_silent),
	KUNIT_CASE(g13_members_of_a_dying_chain_are_silent),
	KUNIT_CASE(g9_member_of_another_heap),
	KUNIT_CASE(g13_release_of_the_target_refuses),
	KUNIT_CASE(g13_cascade_never_shows_a_count_of_zero),
	KUNIT_CASE(g13_cascade_seen_by_others),
	KUNIT_CASE(g10_destroy_calls_for_what_it_reclaims),
	KUNIT_CASE(g10_held_at_destroy_is_lost_and_silent),
	KUNIT_CASE(g13_each_calls_once),
	KUNIT_CASE(g13_clear_while_the_callback_starts),
	KUNIT_CASE_PARAM(g13_loads_in_each_phase, scene_gen_params),
	KUNIT_CASE(g13_collected_during_a_load),
	KUNIT_CASE(g13_memory_is_reused_during_a_load),
	{}
};

static struct kunit_suite weak_suite = {
	.name = "refheap_weak",
	.suite_init = weak_suite_init,
	.suite_exit = weak_suite_exit,
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = weak_cases,
};

kunit_test_suite(weak_suite);
