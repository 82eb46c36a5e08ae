// SPDX-License-Identifier: GPL-2.0
/*
 * Adversarial schedules: every operation that a mutator can do to an island,
 * at every point of the collection of that very island.
 *
 * A probe on the trace event refheap_phase runs in the thread that collects,
 * between two of its steps. What it does there is what a mutator on another
 * CPU might have done just then: one interleaving, the same each time, and
 * one CPU is enough.
 *
 * What has gone wrong in net/unix/garbage.c, the other collector of cycles in
 * the kernel, is among it:
 *
 *  a reference is taken behind the collector's back: a message is peeked at,
 *  and the socket that it waited in closed (CVE-2021-0920): peek_and_close,
 *  load_and_clear
 *
 *  what was going to be purged is referred to by somebody whose references the
 *  collector does not see (CVE-2022-2602): take_out, look_up_first
 *
 *  state of the collector's that belongs to an object which is no more, and
 *  whose memory another has: recycle
 *
 *  an edge that can be seen before it has been counted: stall.c, g2_held
 *
 *  an island is freed in part: look_up_all, and release.c, g4_no_release
 */
#include "graph.h"

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/timer.h>
#include <trace/events/refheap.h>

/* --- when --------------------------------------------------------------- */

struct point {
	const char *name;
	enum refheap_phase phase;
	unsigned int nth;	/* of the phase's occurrences, from 0 */
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

/* --- what --------------------------------------------------------------- */

#define SPARES 8

/**
 * struct scene - a ring of three, a to b to c to a, and who has to do with it
 * @g: the graph
 * @point: when to strike
 * @strike: what to do then
 * @left: occurrences of the phase until then
 * @struck: it has been done
 * @a: where the ring is entered
 * @b: the next
 * @c: the last
 * @holder: a live object; its slot 0 may hold @a; NULL once it has been dropped
 * @other: a second one
 * @mine: the mutator's reference, or NULL
 * @acquired: members that could be acquired, by bits
 * @spare: objects that the strike made
 */
struct scene {
	struct graph *g;
	const struct point *point;
	void (*strike)(struct scene *scene);
	unsigned int left;
	bool struck;
	struct graph_node *a, *b, *c;
	struct graph_node *holder, *other;
	struct refobj *mine;
	unsigned int acquired;
	struct graph_node *spare[SPARES];
};

/* The scene that is being played, or NULL. */
static struct scene *stage;

static void scene_probe(void *data, struct refheap *heap,
			enum refheap_phase phase, u64 members)
{
	struct scene *scene = READ_ONCE(stage);

	if (!scene || heap != scene->g->heap || phase != scene->point->phase ||
	    scene->struck || scene->left--)
		return;
	scene->struck = true;
	scene->strike(scene);
}

static void scene_failed(struct scene *scene)
{
	atomic_long_inc(&scene->g->damaged);
}

static void scene_move(struct scene *scene,
		       struct graph_node *to, unsigned int i,
		       struct graph_node *from, unsigned int j)
{
	if (refslot_move(&to->obj, &to->slot[i], &from->obj, &from->slot[j]))
		scene_failed(scene);
}

/* Operations on a ring that the holder's slot 0 holds, and nobody else. */

static void move_within_holder(struct scene *scene)
{
	scene_move(scene, scene->holder, 1, scene->holder, 0);
}

static void move_to_another_holder(struct scene *scene)
{
	scene_move(scene, scene->other, 3, scene->holder, 0);
}

static void take_out(struct scene *scene)
{
	struct graph_node *holder = scene->holder;

	scene->mine = refslot_take(&holder->obj, &holder->slot[0]);
}

static void load_and_clear(struct scene *scene)
{
	struct graph_node *holder = scene->holder;

	scene->mine = refslot_load(&holder->slot[0]);
	refslot_clear(&holder->obj, &holder->slot[0]);
}

static void peek_and_close(struct scene *scene)
{
	struct graph_node *holder = scene->holder;

	scene->mine = refslot_load(&holder->slot[0]);
	scene->holder = NULL;
	node_put(holder);
}

static void move_within_ring(struct scene *scene)
{
	scene_move(scene, scene->a, 1, scene->a, 0);
	scene_move(scene, scene->c, 1, scene->c, 0);
}

static void clear_holder(struct scene *scene)
{
	refslot_clear(&scene->holder->obj, &scene->holder->slot[0]);
}

/* Operations of a mutator whose one reference leads to a. */

static void take_along_the_chain(struct scene *scene)
{
	struct refobj *taken = refslot_take(&scene->c->obj,
					    &scene->c->slot[0]);

	refobj_put(scene->mine);
	scene->mine = taken;
}

static void walk_on(struct scene *scene)
{
	struct refobj *next = refslot_load(&scene->a->slot[0]);

	refobj_put(scene->mine);
	scene->mine = next;
}

static void give_to_holder(struct scene *scene)
{
	struct graph_node *holder = scene->holder;

	if (refslot_give(&holder->obj, &holder->slot[2], scene->mine))
		scene_failed(scene);
	scene->mine = NULL;
}

static void drop(struct scene *scene)
{
	refobj_put(scene->mine);
	scene->mine = NULL;
}

static void give_to_ring(struct scene *scene)
{
	if (refslot_give(&scene->a->obj, &scene->a->slot[1], scene->mine))
		scene_failed(scene);
	scene->mine = NULL;
}

static void break_and_drop(struct scene *scene)
{
	refslot_clear(&scene->b->obj, &scene->b->slot[0]);
	drop(scene);
}

/* Operations on a ring that is garbage, through a pointer borrowed before. */

static void look_up(struct scene *scene, struct graph_node *node)
{
	if (refobj_get_unless_zero(&node->obj))
		scene->mine = &node->obj;
}

static void look_up_first(struct scene *scene)
{
	look_up(scene, scene->a);
}

static void look_up_last(struct scene *scene)
{
	look_up(scene, scene->c);
}

static void look_up_all(struct scene *scene)
{
	struct graph_node *node[] = { scene->b, scene->a, scene->c };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node); i++)
		if (refobj_get_unless_zero(&node[i]->obj))
			scene->acquired |= BIT(i);
	for (i = 1; i < ARRAY_SIZE(node); i++)
		if (scene->acquired & BIT(i))
			node_put(node[i]);
	if (scene->acquired & BIT(0))
		scene->mine = &scene->b->obj;
	if (scene->acquired && scene->acquired != 7)
		scene_failed(scene);
}

/* Acquire and leave again: garbage as before, but the counts were up. */
static void look_in(struct scene *scene)
{
	look_up(scene, scene->b);
	if (scene->mine)
		drop(scene);
}

static void relink(struct scene *scene)
{
	struct graph_node *holder = scene->holder;

	look_up(scene, scene->a);
	if (!scene->mine)
		return;
	if (refslot_set(&holder->obj, &holder->slot[0], scene->mine))
		scene_failed(scene);
	refobj_put(scene->mine);
	scene->mine = NULL;
	scene->acquired = 1;
}

static void grow(struct scene *scene)
{
	struct graph_node *node;

	look_up(scene, scene->a);
	if (!scene->mine)
		return;
	node = graph_try_add(scene->g, NODE, GFP_ATOMIC | __GFP_NOWARN);
	if (!node || refslot_set(&node->obj, &node->slot[0], &scene->a->obj) ||
	    refslot_give(&scene->a->obj, &scene->a->slot[1], &node->obj))
		scene_failed(scene);
	drop(scene);
	scene->acquired = 1;
}

static void break_up(struct scene *scene)
{
	look_up(scene, scene->a);
	if (!scene->mine)
		return;
	refslot_clear(&scene->a->obj, &scene->a->slot[0]);
	drop(scene);
	scene->acquired = 1;
}

/* Memory that the collector knows is freed, and used for something live. */
static void recycle(struct scene *scene)
{
	unsigned int i;

	/* Breaks the ring, and so frees it here and now. */
	break_and_drop(scene);
	for (i = 0; i < SPARES; i++)
		scene->spare[i] = graph_try_add(scene->g, NODE,
						GFP_ATOMIC | __GFP_NOWARN);
	for (i = 1; i < SPARES; i++)
		if (scene->spare[i - 1] && scene->spare[i] &&
		    refslot_set(&scene->spare[i - 1]->obj,
				&scene->spare[i - 1]->slot[0],
				&scene->spare[i]->obj))
			scene_failed(scene);
}

enum arrangement {
	IN_HOLDER,	/* the holder's slot 0 holds the ring */
	IN_HAND,	/* the mutator holds a */
	GARBAGE,	/* nobody does */
};

enum outcome {
	ALIVE,		/* the ring must outlive the collection */
	EITHER,		/* all of it or nothing */
	GONE,		/* the strike itself has freed it */
	ACQUIRED,	/* all of it if acquired, which depends on the point */
	VISITED,	/* acquired and left again: all of it or nothing */
};

struct operation {
	const char *name;
	void (*strike)(struct scene *scene);
	enum arrangement arrangement;
	enum outcome outcome;
};

static const struct operation operations[] = {
	{ "move_within_holder", move_within_holder, IN_HOLDER, ALIVE },
	{ "move_to_another_holder", move_to_another_holder, IN_HOLDER, ALIVE },
	{ "take_out", take_out, IN_HOLDER, ALIVE },
	{ "load_and_clear", load_and_clear, IN_HOLDER, ALIVE },
	{ "peek_and_close", peek_and_close, IN_HOLDER, ALIVE },
	{ "move_within_ring", move_within_ring, IN_HOLDER, ALIVE },
	{ "clear_holder", clear_holder, IN_HOLDER, EITHER },
	{ "take_along_the_chain", take_along_the_chain, IN_HAND, ALIVE },
	{ "walk_on", walk_on, IN_HAND, ALIVE },
	{ "give_to_holder", give_to_holder, IN_HAND, ALIVE },
	{ "drop", drop, IN_HAND, EITHER },
	{ "give_to_ring", give_to_ring, IN_HAND, EITHER },
	{ "break_and_drop", break_and_drop, IN_HAND, GONE },
	{ "recycle", recycle, IN_HAND, GONE },
	{ "look_up_first", look_up_first, GARBAGE, ACQUIRED },
	{ "look_up_last", look_up_last, GARBAGE, ACQUIRED },
	{ "look_up_all", look_up_all, GARBAGE, ACQUIRED },
	{ "relink", relink, GARBAGE, ACQUIRED },
	{ "look_in", look_in, GARBAGE, VISITED },
	{ "grow", grow, GARBAGE, VISITED },
	{ "break_up", break_up, GARBAGE, VISITED },
};

/* Parameters are numbers from 1: operations times points. */
static const void *schedule_gen_params(const void *prev, char *text)
{
	unsigned long number = (unsigned long)prev;

	if (number == ARRAY_SIZE(operations) * ARRAY_SIZE(points))
		return NULL;
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%s_at_%s",
		 operations[number / ARRAY_SIZE(points)].name,
		 points[number % ARRAY_SIZE(points)].name);
	return (void *)(number + 1);
}

/* --- the play ----------------------------------------------------------- */

static void scene_arrange(struct scene *scene, enum arrangement arrangement)
{
	struct graph *g = scene->g;

	scene->holder = graph_add(g, NODE);
	scene->other = graph_add(g, NODE);
	/* To bring the collector to all its phases if the ring does not. */
	if (arrangement != GARBAGE)
		node_put(graph_ring(g, 3));
	scene->a = graph_ring(g, 3);
	scene->b = node_of(scene->a->slot[0].target);
	scene->c = node_of(scene->b->slot[0].target);
	if (arrangement != GARBAGE)
		node_put(graph_ring(g, 3));
	node_touch(scene->holder);
	node_touch(scene->b);
	node_touch(scene->c);
	if (arrangement == IN_HAND) {
		scene->mine = &scene->a->obj;
		node_touch(scene->a);
		return;
	}
	if (arrangement == IN_HOLDER)
		graph_link(scene->holder, 0, scene->a);
	node_put(scene->a);
}

static long scene_collect(struct scene *scene, unsigned int flags)
{
	struct kunit *test = scene->g->test;
	long reclaimed;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	WRITE_ONCE(stage, scene);
	reclaimed = refheap_collect(scene->g->heap, flags);
	WRITE_ONCE(stage, NULL);
	/* The thread may be in a collection of its own, and use the scene. */
	KUNIT_EXPECT_EQ(test, refheap_drain(scene->g->heap), 0);
	return reclaimed;
}

/* Once: it rewrites the kernel's code, on all CPUs. */
static int schedule_init(struct kunit_suite *suite)
{
	return register_trace_refheap_phase(scene_probe, NULL);
}

static void schedule_exit(struct kunit_suite *suite)
{
	unregister_trace_refheap_phase(scene_probe, NULL);
	tracepoint_synchronize_unregister();
}

/* The nodes that are no part of the ring: holders, and what the strike made. */
static long scene_others(struct scene *scene)
{
	unsigned int i, n = scene->holder ? 2 : 1;

	for (i = 0; i < SPARES; i++)
		n += !!scene->spare[i];
	return n;
}

static void scene_expect_acquired(struct scene *scene, long ring)
{
	struct kunit *test = scene->g->test;
	bool acquired = scene->mine || scene->acquired;

	/* Until the verdict every acquisition succeeds, after it none. */
	KUNIT_EXPECT_EQ(test, acquired,
			scene->point->phase < REFHEAP_PHASE_VERDICT);
	KUNIT_EXPECT_EQ(test, ring, acquired ? 3 : 0);
}

static void scene_expect(struct scene *scene, enum outcome outcome,
			 long reclaimed)
{
	struct kunit *test = scene->g->test;
	long ring = graph_alive(scene->g) - scene_others(scene);

	KUNIT_EXPECT_TRUE(test, scene->struck);
	KUNIT_EXPECT_GE(test, reclaimed, 0);
	switch (outcome) {
	case ALIVE:
		KUNIT_EXPECT_EQ(test, ring, 3);
		break;
	case GONE:
		KUNIT_EXPECT_EQ(test, ring, 0);
		break;
	case ACQUIRED:
		scene_expect_acquired(scene, ring);
		break;
	case EITHER:
		KUNIT_EXPECT_TRUE(test, ring == 3 || ring == 0);
		break;
	case VISITED:
		KUNIT_EXPECT_TRUE(test, ring == 4 || ring == 3 || ring == 0);
		break;
	}
}

/* Leave everything alone: in two full passes at most all of it is gone. */
static void scene_leave(struct scene *scene)
{
	unsigned int i;

	if (scene->mine)
		refobj_put(scene->mine);
	for (i = 0; i < SPARES; i++)
		if (scene->spare[i]) {
			if (!node_is_alive(scene->spare[i]))
				scene_failed(scene);
			node_put(scene->spare[i]);
		}
	if (scene->holder)
		node_put(scene->holder);
	node_put(scene->other);
	graph_collect(scene->g);
	graph_collect(scene->g);
	KUNIT_EXPECT_EQ(scene->g->test, graph_alive(scene->g), 0);
}

static void g2_mutator_strikes_between_phases(struct kunit *test)
{
	unsigned long number = (unsigned long)test->param_value - 1;
	const struct operation *operation;
	struct scene scene = { .g = test->priv };
	long reclaimed;

	operation = &operations[number / ARRAY_SIZE(points)];
	scene.point = &points[number % ARRAY_SIZE(points)];
	scene.strike = operation->strike;
	scene.left = scene.point->nth;
	scene_arrange(&scene, operation->arrangement);
	reclaimed = scene_collect(&scene, REFHEAP_COLLECT_FULL);
	scene_expect(&scene, operation->outcome, reclaimed);
	scene_leave(&scene);
}

/* --- a lock that visits try ---------------------------------------------- */

struct holdup {
	struct scene scene;
	struct timer_list timer;
};

static void holdup_end(struct timer_list *timer)
{
	struct holdup *holdup = container_of(timer, struct holdup, timer);

	clear_bit_unlock(0, &holdup->scene.b->locked);
}

static void holdup_begin(struct scene *scene)
{
	struct holdup *holdup = container_of(scene, struct holdup, scene);

	/* Empty slots are not visited: nobody waits for the lock any more. */
	if (scene->point->phase >= REFHEAP_PHASE_EMPTIED)
		return;
	if (test_and_set_bit_lock(0, &scene->b->locked))
		scene_failed(scene);
	mod_timer(&holdup->timer, jiffies + HZ / 20);
}

static void describe_point(const struct point *point, char *text)
{
	strscpy(text, point->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(point, points, describe_point);

/*
 * A mutator takes a member's lock for a while, and does nothing else: no put
 * will make candidates of the island again if the collector has forgotten
 * that it was one.
 */
static void g3_member_is_locked_between_phases(struct kunit *test)
{
	struct graph *g = test->priv;
	struct holdup holdup = {
		.scene = {
			.g = g, .point = test->param_value,
			.strike = holdup_begin,
		},
	};
	struct scene *scene = &holdup.scene;

	scene->left = scene->point->nth;
	scene->a = graph_ring_of(g, CUSTOM, 3);
	scene->b = node_of(scene->a->slot[0].target);
	timer_setup_on_stack(&holdup.timer, holdup_end, 0);
	node_put(scene->a);
	KUNIT_EXPECT_GE(test, scene_collect(scene, 0), 0);
	KUNIT_EXPECT_TRUE(test, scene->struck);
	while (timer_pending(&holdup.timer))
		msleep(20);
	timer_delete_sync(&holdup.timer);
	destroy_timer_on_stack(&holdup.timer);
	refheap_collect(g->heap, 0);
	refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- saved by what it leads to ------------------------------------------- */

static void look_up_tail(struct scene *scene)
{
	look_up(scene, scene->other);
}

/*
 * What a ring leads to is acquired, and given back after the collection. That
 * makes a candidate of it, but not of the ring, which it does not lead to: the
 * collector must not have forgotten that one.
 */
static void g3_saved_by_its_tail(struct kunit *test)
{
	struct graph *g = test->priv;
	struct scene scene = {
		.g = g, .point = test->param_value, .strike = look_up_tail,
	};

	scene.left = scene.point->nth;
	scene.a = graph_ring(g, 3);
	scene.other = graph_append(node_of(scene.a->slot[0].target), 1, NODE);
	node_put(scene.a);
	KUNIT_EXPECT_GE(test, scene_collect(&scene, 0), 0);
	KUNIT_EXPECT_TRUE(test, scene.struck);
	if (scene.mine)
		drop(&scene);
	refheap_collect(g->heap, 0);
	refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- what the phases say ------------------------------------------------ */

#define SEEN_MAX 64

struct seen {
	struct refheap *heap;
	unsigned int nr;
	enum refheap_phase phase[SEEN_MAX];
	u64 members[SEEN_MAX];
};

static void seen_probe(void *data, struct refheap *heap,
		       enum refheap_phase phase, u64 members)
{
	struct seen *seen = data;

	if (heap != seen->heap || seen->nr == SEEN_MAX)
		return;
	seen->phase[seen->nr] = phase;
	seen->members[seen->nr++] = members;
}

/* All schedules rest on this: each phase is announced, in this order. */
static void g3_phases_come_in_order(struct kunit *test)
{
	static const enum refheap_phase order[] = {
		REFHEAP_PHASE_TAKEN,
		REFHEAP_PHASE_CANDIDATES, REFHEAP_PHASE_TRACED,
		REFHEAP_PHASE_DIVIDED, REFHEAP_PHASE_WORDS,
		REFHEAP_PHASE_SLOTS, REFHEAP_PHASE_CONDEMN,
		REFHEAP_PHASE_CONDEMN, REFHEAP_PHASE_CONDEMN,
		REFHEAP_PHASE_CONDEMNED, REFHEAP_PHASE_VERDICT,
		REFHEAP_PHASE_STAMPED, REFHEAP_PHASE_EMPTIED,
		REFHEAP_PHASE_RELEASED,
	};
	struct graph *g = test->priv;
	struct seen seen = { .heap = g->heap };
	unsigned int i;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(seen_probe, &seen),
			0);
	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	unregister_trace_refheap_phase(seen_probe, &seen);
	tracepoint_synchronize_unregister();
	KUNIT_ASSERT_EQ(test, seen.nr, ARRAY_SIZE(order));
	for (i = 0; i < seen.nr; i++) {
		KUNIT_EXPECT_EQ(test, seen.phase[i], order[i]);
		if (order[i] == REFHEAP_PHASE_CONDEMN)
			KUNIT_EXPECT_EQ(test, seen.members[i], i - 6);
		else if (order[i] >= REFHEAP_PHASE_WORDS)
			KUNIT_EXPECT_EQ(test, seen.members[i], 3);
	}
}

static struct kunit_case schedule_cases[] = {
	KUNIT_CASE(g3_phases_come_in_order),
	KUNIT_CASE_PARAM(g2_mutator_strikes_between_phases,
			 schedule_gen_params),
	KUNIT_CASE_PARAM(g3_member_is_locked_between_phases, point_gen_params),
	KUNIT_CASE_PARAM(g3_saved_by_its_tail, point_gen_params),
	{}
};

static struct kunit_suite schedule_suite = {
	.name = "refheap_schedule",
	.suite_init = schedule_init,
	.suite_exit = schedule_exit,
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = schedule_cases,
};

kunit_test_suite(schedule_suite);
