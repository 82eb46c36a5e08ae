// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that stall between two of their instructions, at each of them in
 * turn, while the collector, or another mutator, goes on: what a mutator goes
 * through that is interrupted for long just there.
 */
#include "crew.h"
#include "graph.h"
#include "stepper.h"

#include <trace/events/refheap.h>

/* Of the steps of an operation, at how many to stall. */
#define STALLS 30

static struct graph *graph_beside(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .cpus = stepper_other_cpus(test),
	};

	return graph_create(test, &params);
}

static void go_wrong(struct graph *g)
{
	atomic_long_inc(&g->damaged);
}

/* --- any operation, and a whole collection in the midst of it ----------- */

/**
 * struct stall - a ring of three, a to b to c to a, or @a alone, and an
 * operation on it
 * @stepper: executes the operation
 * @g: the graph
 * @a: where the operation enters the ring
 * @c: the last of it; its slot 0 leads to @a
 * @holder: a live object; its slot 0 may hold @a
 * @other: what it gets instead
 * @got: what the operation obtained, or NULL
 * @size: how many there are in the ring
 * @gives: in its midst another mutator moves its reference into the ring, and
 *	   nobody collects
 */
struct stall {
	struct stepper stepper;
	struct graph *g;
	bool gives;
	struct graph_node *a, *c;
	struct graph_node *holder, *other;
	struct refobj *got;
	long size;
};

static struct stall *to_stall(struct stepper *stepper)
{
	return container_of(stepper, struct stall, stepper);
}

static void do_put(struct stepper *stepper)
{
	refobj_put(&to_stall(stepper)->a->obj);
}

static void do_give(struct stepper *stepper)
{
	struct graph_node *a = to_stall(stepper)->a;

	if (refslot_give(&a->obj, &a->slot[1], &a->obj))
		go_wrong(to_stall(stepper)->g);
}

/* What the caller holds is given back by the one who moved it in. */
static void do_give_to_the_last(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);

	if (refslot_give(&stall->c->obj, &stall->c->slot[1], &stall->a->obj))
		go_wrong(stall->g);
}

static void do_clear(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);

	refslot_clear(&stall->holder->obj, &stall->holder->slot[0]);
}

static void do_set(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);

	if (refslot_set(&stall->holder->obj, &stall->holder->slot[0],
			&stall->other->obj))
		go_wrong(stall->g);
}

static void do_move(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);

	if (refslot_move(&stall->c->obj, &stall->c->slot[1],
			 &stall->holder->obj, &stall->holder->slot[0]))
		go_wrong(stall->g);
}

static void do_take_and_put(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);
	struct refobj *obj = refslot_take(&stall->holder->obj,
					  &stall->holder->slot[0]);

	if (obj)
		refobj_put(obj);
	else
		go_wrong(stall->g);
}

static void do_look_up(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);

	if (refobj_get_unless_zero(&stall->a->obj))
		stall->got = &stall->a->obj;
}

/* Its own reference to @a is never given up, and is the test's. */
static void do_set_and_clear(struct stepper *stepper)
{
	struct stall *stall = to_stall(stepper);
	struct graph_node *a = stall->a;

	if (refslot_set(&a->obj, &a->slot[1], &a->obj))
		go_wrong(stall->g);
	refslot_clear(&a->obj, &a->slot[1]);
	stall->got = &a->obj;
}

enum arrangement {
	IN_HAND,	/* the operation holds @a */
	MARKED,		/* it does, and @a is a candidate */
	IN_HOLDER,	/* the holder's slot 0 does */
	GARBAGE,	/* nobody does */
	IN_TWO_HANDS,	/* the operation holds @a, and so does the test */
	ALONE,		/* there is only @a, and the operation holds it */
};

struct operation {
	const char *name;
	void (*call)(struct stepper *stepper);
	enum arrangement arrangement;
};

/* At their end nobody holds the ring, unless the operation has got it. */
static const struct operation operations[] = {
	{ "put", do_put, IN_HAND },
	{ "put_of_a_candidate", do_put, MARKED },
	{ "give", do_give, IN_HAND },
	{ "give_to_the_last", do_give_to_the_last, IN_HAND },
	{ "clear", do_clear, IN_HOLDER },
	{ "set", do_set, IN_HOLDER },
	{ "move", do_move, IN_HOLDER },
	{ "take_and_put", do_take_and_put, IN_HOLDER },
	{ "look_up", do_look_up, GARBAGE },
};

KUNIT_ARRAY_PARAM_DESC(operation, operations, name);

/* The collector has looked at everything, and has nothing left to look at. */
static void stall_settle(struct stall *stall)
{
	refheap_collect(stall->g->heap, 0);
	synchronize_rcu();
	/* It settles behind the first. */
	if (refheap_drain(stall->g->heap) || refheap_drain(stall->g->heap))
		go_wrong(stall->g);
}

static void stall_arrange(struct stall *stall, enum arrangement arrangement)
{
	struct graph_node *a, *b;

	stall->got = NULL;
	stall->size = arrangement == ALONE ? 1 : 3;
	if (arrangement == ALONE) {
		stall->a = graph_add(stall->g, NODE);
		node_touch(stall->a);
		return;
	}
	a = graph_ring(stall->g, 3);
	b = node_of(a->slot[0].target);
	stall->a = a;
	stall->c = node_of(b->slot[0].target);
	if (arrangement == IN_TWO_HANDS) {
		node_get(a);
		stall_settle(stall);
		return;
	}
	if (arrangement == IN_HOLDER)
		graph_link(stall->holder, 0, a);
	if (arrangement == MARKED)
		node_touch(a);
	else if (arrangement != IN_HAND)
		node_put(a);
	/* Nobody has marked @a since it was last looked at. */
	if (arrangement == IN_HOLDER)
		refheap_collect(stall->g->heap, 0);
	/* The collector comes to the ring whatever the operation did. */
	if (arrangement != GARBAGE) {
		node_touch(b);
		node_touch(stall->c);
	}
}

static bool ring_is_whole(struct stall *stall)
{
	long ring = graph_alive(stall->g) - 2;

	return ring == stall->size || ring == 0;
}

/*
 * What the operation left is garbage, and no full pass is needed to find it:
 * what it did made a candidate of it.
 */
static bool ring_is_collected(struct stall *stall)
{
	if (!ring_is_whole(stall))
		return false;
	if (stall->got) {
		if (graph_alive(stall->g) != 5)
			return false;
		refobj_put(stall->got);
	}
	refheap_collect(stall->g->heap, 0);
	refheap_collect(stall->g->heap, 0);
	return graph_alive(stall->g) == 2;
}

/* Return: whether there was such a step. */
static bool stall_once(struct stall *stall, unsigned int at, bool *good)
{
	struct stepper *stepper = &stall->stepper;
	bool halted;

	stepper->at = at;
	stepper_run(stepper);
	halted = stepper_await_halt(stepper, 1);
	if (stall->gives) {
		do_give(stepper);
	} else if (halted) {
		refheap_collect(stall->g->heap, 0);
		*good = ring_is_whole(stall);
	}
	stepper_finish(stepper);
	*good = *good && ring_is_collected(stall);
	return halted;
}

/* One run in which it does not halt tells how many steps there are. */
static unsigned int stall_nowhere(struct stall *stall,
				  enum arrangement arrangement, bool *good)
{
	stall_arrange(stall, arrangement);
	stall_once(stall, 0, good);
	return stall->stepper.steps;
}

/* Some steps of all, others each time. */
static void stall_here_and_there(struct stall *stall,
				 enum arrangement arrangement)
{
	u64 seed = crew_new_seed();
	bool good = true;
	unsigned int steps = stall_nowhere(stall, arrangement, &good);
	unsigned int stride = steps / STALLS + 1;
	unsigned int at = 1 + seed % stride;

	kunit_info(stall->g->test, "seed=%llu, %u steps, each %uth\n", seed,
		   steps, stride);
	for (; at <= steps && good; at += stride) {
		stall_arrange(stall, arrangement);
		stall_once(stall, at, &good);
	}
	KUNIT_EXPECT_TRUE_MSG(stall->g->test, good, "step %u", at - stride);
	KUNIT_EXPECT_GT(stall->g->test, steps, 10);
}

static void stall_test(struct kunit *test, const struct operation *operation,
		       bool gives)
{
	struct stall stall = {
		.stepper.call = operation->call, .stepper.step = stepper_at,
		.g = graph_beside(test), .gives = gives,
	};

	stall.holder = graph_add(stall.g, NODE);
	stall.other = graph_add(stall.g, NODE);
	KUNIT_ASSERT_TRUE(test, stepper_start(&stall.stepper));
	stall_here_and_there(&stall, operation->arrangement);
	stepper_stop(&stall.stepper);
	KUNIT_EXPECT_FALSE(test, stall.stepper.overdue);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&stall.g->damaged), 0);
	node_put(stall.holder);
	node_put(stall.other);
	graph_destroy(stall.g);
}

static void g3_collection_while_an_operation_stalls(struct kunit *test)
{
	stall_test(test, test->param_value, false);
}

/*
 * At each step an edge may be there that is not counted yet, or counted that
 * is not there any more: never the other way round, or the collector takes
 * the test's own reference for that edge.
 */
static void g2_held_while_a_slot_changes(struct kunit *test)
{
	static const struct operation set_and_clear = {
		"set_and_clear", do_set_and_clear, IN_HAND
	};

	stall_test(test, &set_and_clear, false);
}

/* Its count is zero, and it is its releaser's: not the collector's. */
static void g2_last_put_while_the_collector_looks(struct kunit *test)
{
	static const struct operation put = { "put", do_put, ALONE };

	stall_test(test, &put, false);
}

/* --- a put that stalls while others finish the object ------------------- */

/*
 * The test's put may be the last, and the memory another object's by the time
 * that the first put goes on, which the collector has looked at.
 */
static bool reuse_once(struct stall *stall, unsigned int at)
{
	struct graph *g = stall->g;
	struct graph_node *next;
	bool halted;

	stall->a = graph_add(g, NODE);
	node_get(stall->a);
	stall_settle(stall);
	stall->stepper.at = at;
	stepper_run(&stall->stepper);
	halted = stepper_await_halt(&stall->stepper, 1);
	node_put(stall->a);
	next = graph_add(g, NODE);
	refheap_collect(g->heap, 0);
	stepper_finish(&stall->stepper);
	graph_link(next, 0, next);
	node_put(next);
	refheap_collect(g->heap, 0);
	refheap_collect(g->heap, 0);
	if (graph_alive(g))
		go_wrong(g);
	return halted;
}

static void g2_put_while_memory_is_reused(struct kunit *test)
{
	struct stall stall = {
		.stepper.call = do_put, .stepper.step = stepper_at,
		.g = graph_beside(test),
	};
	unsigned int at = 1;

	graph_type(stall.g, NODE);
	KUNIT_ASSERT_TRUE(test, stepper_start(&stall.stepper));
	while (reuse_once(&stall, at) && !atomic_long_read(&stall.g->damaged))
		at += IS_ENABLED(CONFIG_KASAN) ? 3 : 1;
	stepper_stop(&stall.stepper);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&stall.g->damaged), 0,
			    "step %u", at);
	KUNIT_EXPECT_GT(test, at, 5);
	KUNIT_EXPECT_FALSE(test, stall.stepper.overdue);
	graph_destroy(stall.g);
}

/* --- an allocation that stalls ------------------------------------------- */

/**
 * struct newborn - an object that must not be visited before it is prepared
 * @obj: its header
 * @ready: init() has run
 */
struct newborn {
	struct refobj obj;
	bool ready;
};

/**
 * struct birth - an allocation
 * @stepper: executes it
 * @type: of what is allocated
 * @obj: what has been allocated, or NULL
 */
struct birth {
	struct stepper stepper;
	struct reftype *type;
	struct refobj *obj;
};

static atomic_t born_unready;

static void newborn_init(struct refobj *obj)
{
	WRITE_ONCE(container_of(obj, struct newborn, obj)->ready, true);
}

static int newborn_visit(struct refobj *obj, struct refvisitor *visitor)
{
	if (!READ_ONCE(container_of(obj, struct newborn, obj)->ready))
		atomic_inc(&born_unready);
	return 0;
}

static const struct reftype_desc newborn_desc = {
	REFTYPE(struct newborn, obj), .name = "newborn",
	.init = newborn_init, .visit = newborn_visit,
};

static void do_allocate(struct stepper *stepper)
{
	struct birth *birth = container_of(stepper, struct birth, stepper);

	birth->obj = refobj_alloc(birth->type, GFP_ATOMIC);
}

static bool birth_once(struct birth *birth, struct graph *g, unsigned int at)
{
	bool halted;

	birth->stepper.at = at;
	stepper_run(&birth->stepper);
	halted = stepper_await_halt(&birth->stepper, 1);
	graph_collect(g);
	stepper_finish(&birth->stepper);
	if (birth->obj)
		refobj_put(birth->obj);
	else
		go_wrong(g);
	return halted;
}

/* A full pass meets every object that there is. */
static void g2_allocation_while_the_collector_looks(struct kunit *test)
{
	struct birth birth = {
		.stepper.call = do_allocate, .stepper.step = stepper_at,
	};
	struct graph *g = graph_beside(test);
	unsigned int at = 1;

	birth.type = refheap_register_type(g->heap, &newborn_desc);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, birth.type);
	atomic_set(&born_unready, 0);
	KUNIT_ASSERT_TRUE(test, stepper_start(&birth.stepper));
	/* The first finds no row ready, which takes many steps. */
	birth_once(&birth, g, 0);
	while (birth_once(&birth, g, at) && !atomic_read(&born_unready))
		at += 3;
	stepper_stop(&birth.stepper);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&born_unready), 0, "step %u", at);
	KUNIT_EXPECT_GT(test, at, 10);
	KUNIT_EXPECT_FALSE(test, birth.stepper.overdue);
	/* What has a visit callback is freed a grace period after its end. */
	rcu_barrier();
	graph_destroy(g);
}

/* Each of the two may rely on the other to tell the collector: not both. */
static void g3_give_while_a_put_stalls(struct kunit *test)
{
	static const struct operation put = { "put", do_put, IN_TWO_HANDS };

	stall_test(test, &put, true);
}

/* --- an acquirer that stalls twice -------------------------------------- */

/**
 * struct doubt - an acquirer that is in doubt whether an island is dead
 * @stepper: acquires @x
 * @g: the graph
 * @x: of a ring of two, which is saved each time it is on trial
 * @y: the other
 * @armed: the probe takes part
 * @saved: a reference to @y was acquired
 * @word: of @x, as the acquirer reads it first
 * @trials: of the ring
 * @got: the acquirer has got @x
 *
 *	ring	rescued by way of @y	held	rescued by way of @y
 *	another				dead
 *	acquirer  reads @x's word,	  goes on, stalls,	goes on
 *		  stalls
 */
struct doubt {
	struct stepper stepper;
	struct graph *g;
	struct graph_node *x, *y;
	bool armed;
	bool saved;
	u64 word;
	unsigned int trials;
	bool got;
};

static void doubt_call(struct stepper *stepper)
{
	struct doubt *doubt = container_of(stepper, struct doubt, stepper);

	doubt->got = refobj_get_unless_zero(&doubt->x->obj);
}

/* First when it has read the word, then @at steps later. */
static bool doubt_step(struct stepper *stepper, const struct pt_regs *regs)
{
	struct doubt *doubt = container_of(stepper, struct doubt, stepper);

	if (stepper->halts)
		return stepper->steps == stepper->at;
	if (!stepper_sees(regs, doubt->word))
		return false;
	stepper->steps = 0;
	return true;
}

/* The ring is on trial, and every member says so. */
static void doubt_trial(struct doubt *doubt)
{
	struct stepper *stepper = &doubt->stepper;

	if (!doubt->trials++) {
		doubt->word = atomic64_read(&doubt->x->obj.word);
		stepper_run(stepper);
		if (!stepper_await_halt(stepper, 1))
			go_wrong(doubt->g);
	} else {
		stepper_finish(stepper);
	}
	/* From now on @x must not be refused. */
	doubt->saved = refobj_get_unless_zero(&doubt->y->obj);
	if (!doubt->saved)
		go_wrong(doubt->g);
}

static void doubt_probe(void *data, struct refheap *heap,
			enum refheap_phase phase, u64 members)
{
	struct doubt *doubt = data;

	if (heap != doubt->g->heap || !doubt->armed)
		return;
	if (phase == REFHEAP_PHASE_CONDEMNED && members == 2) {
		doubt_trial(doubt);
	} else if (phase == REFHEAP_PHASE_VERDICT && members == 3 &&
		   doubt->trials == 1) {
		stepper_resume(&doubt->stepper);
		stepper_await_halt(&doubt->stepper, 2);
	}
}

static void doubt_let_go(struct doubt *doubt)
{
	if (doubt->saved)
		node_put(doubt->y);
	doubt->saved = false;
}

/* Return: whether it was in doubt until the second trial. */
static bool doubt_once(struct doubt *doubt, unsigned int at)
{
	struct graph *g = doubt->g;

	doubt->trials = 0;
	doubt->stepper.at = at;
	doubt->x = graph_ring(g, 2);
	doubt->y = node_of(doubt->x->slot[0].target);
	node_get(doubt->y);
	node_put(doubt->x);
	/* @x no candidate any more: taking one changes its word. */
	refheap_collect(g->heap, 0);
	doubt->armed = true;
	node_put(doubt->y);
	refheap_collect(g->heap, 0);
	node_put(graph_ring(g, 3));
	refheap_collect(g->heap, 0);
	doubt_let_go(doubt);
	refheap_collect(g->heap, 0);
	stepper_finish(&doubt->stepper);
	doubt->armed = false;
	doubt_let_go(doubt);
	if (!doubt->got || !doubt->trials)
		go_wrong(g);
	else
		node_put(doubt->x);
	refheap_collect(g->heap, 0);
	if (graph_alive(g) || atomic_long_read(&g->damaged))
		return false;
	return doubt->trials == 2;
}

static void g13_acquirer_stalls_before_and_after_the_verdict(struct kunit *test)
{
	struct doubt doubt = {
		.stepper.call = doubt_call, .stepper.step = doubt_step,
		.g = graph_beside(test),
	};
	unsigned int at;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	graph_type(doubt.g, NODE);
	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(doubt_probe,
							   &doubt), 0);
	if (stepper_start(&doubt.stepper)) {
		for (at = 1; doubt_once(&doubt, at); at += 2)
			continue;
		stepper_stop(&doubt.stepper);
		kunit_info(test, "stalled after every other of %u steps\n", at);
		KUNIT_EXPECT_GT(test, at, 10);
	}
	unregister_trace_refheap_phase(doubt_probe, &doubt);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&doubt.g->damaged), 0);
	KUNIT_EXPECT_FALSE(test, doubt.stepper.overdue);
	graph_collect(doubt.g);
	graph_destroy(doubt.g);
}

static struct kunit_case stall_cases[] = {
	KUNIT_CASE_PARAM(g3_collection_while_an_operation_stalls,
			 operation_gen_params),
	KUNIT_CASE(g3_give_while_a_put_stalls),
	KUNIT_CASE(g2_held_while_a_slot_changes),
	KUNIT_CASE(g2_last_put_while_the_collector_looks),
	KUNIT_CASE(g2_put_while_memory_is_reused),
	KUNIT_CASE(g2_allocation_while_the_collector_looks),
	KUNIT_CASE(g13_acquirer_stalls_before_and_after_the_verdict),
	{}
};

static struct kunit_suite stall_suite = {
	.name = "refheap_stall",
	.test_cases = stall_cases,
};

kunit_test_suite(stall_suite);
