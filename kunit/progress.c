// SPDX-License-Identifier: GPL-2.0
/*
 * No one waits (G5): while the collector is held at a point of a collection,
 * everything that a mutator on another CPU does comes to its end.
 *
 * Not how long it takes is looked at, but that it needs nothing of the
 * collector: what ends beside a collector that stands still waits for none.
 */
#include "crew.h"
#include "graph.h"

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <trace/events/refheap.h>

/* Less than it takes the watchdogs to bark: preemption is off. */
#define HOLD_PATIENCE_US	(8 * USEC_PER_SEC)
#define HOLD_ROUNDS		10
#define HOLD_RING		20

/**
 * struct hold - a collector that is held, and a mutator that goes on
 * @g: the graph
 * @phase: at whose first occurrence to hold it
 * @held: it has been held
 * @overdue: the mutator did not come to its end meanwhile
 * @done: it did
 * @begin: completed when the collector is held
 * @ring: garbage, to which the mutator has a borrowed pointer
 * @owner: a live object
 * @wrong: operations that did not do what they should
 */
struct hold {
	struct graph *g;
	enum refheap_phase phase;
	bool held;
	bool overdue;
	bool done;
	struct completion begin;
	struct graph_node *ring;
	struct graph_node *owner;
	unsigned int wrong;
};

static void hold_probe(void *data, struct refheap *heap,
		       enum refheap_phase phase, u64 members)
{
	unsigned long left = HOLD_PATIENCE_US;
	struct hold *hold = data;

	if (heap != hold->g->heap || phase != hold->phase || hold->held)
		return;
	hold->held = true;
	complete(&hold->begin);
	/* Pairs with hold_thread(). */
	while (!smp_load_acquire(&hold->done) && left--)
		udelay(1);
	WRITE_ONCE(hold->overdue, !READ_ONCE(hold->done));
}

/* Objects come and go. */
static void hold_allocate(struct hold *hold)
{
	static const enum node_kind kinds[] = { NODE, LEAF, CUSTOM };
	struct graph_node *node;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		node = graph_try_add(hold->g, kinds[i], GFP_KERNEL);
		if (node)
			node_put(node);
		else
			hold->wrong++;
	}
	node = graph_try_add_vector(hold->g, 3, GFP_KERNEL);
	if (node)
		node_put(node);
	else
		hold->wrong++;
}

/* References to live objects come and go, by every operation. */
static void hold_rewire(struct hold *hold)
{
	struct graph_node *owner = hold->owner;
	struct refslot *slot = owner->slot;
	struct refobj *obj = &owner->obj;
	struct refobj *got;

	refobj_put(refobj_get(obj));
	hold->wrong += !!refslot_set(obj, &slot[0], obj);
	got = refslot_load(&slot[0]);
	hold->wrong += got != obj;
	hold->wrong += !!refslot_give(obj, &slot[1], got);
	hold->wrong += !!refslot_move(obj, &slot[2], obj, &slot[1]);
	got = refslot_take(obj, &slot[2]);
	hold->wrong += got != obj;
	refobj_put(got);
	refslot_clear(obj, &slot[0]);
}

/* What is on trial is asked for, saved, and given back. */
static void hold_look_up(struct hold *hold)
{
	bool got;

	rcu_read_lock();
	got = refobj_get_unless_zero(&hold->ring->obj);
	rcu_read_unlock();
	if (got)
		node_put(hold->ring);
}

static int hold_thread(void *data)
{
	struct hold *hold = data;
	struct refheap_stats stats;
	unsigned int i;

	wait_for_completion(&hold->begin);
	for (i = 0; i < HOLD_ROUNDS && !READ_ONCE(hold->overdue); i++) {
		hold_look_up(hold);
		hold_rewire(hold);
		hold_allocate(hold);
		refheap_get_stats(hold->g->heap, &stats);
	}
	/* Pairs with hold_probe(). */
	smp_store_release(&hold->done, true);
	return 0;
}

static void hold_arrange(struct hold *hold, struct graph *g)
{
	hold->g = g;
	init_completion(&hold->begin);
	graph_type(g, LEAF);
	graph_type(g, CUSTOM);
	graph_type(g, VECTOR);
	hold->owner = graph_add(g, NODE);
	node_touch(hold->owner);
	hold->ring = graph_ring(g, HOLD_RING);
	node_put(hold->ring);
}

/* The mutator on the last CPU, the collector, by its heap, on the first. */
static void hold_collect(struct hold *hold)
{
	struct kunit *test = hold->g->test;
	struct task_struct *task;

	task = kthread_create(hold_thread, hold, "refheap-mutator");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	kthread_bind(task, cpumask_last(cpu_online_mask));
	get_task_struct(task);
	wake_up_process(task);
	if (!register_trace_refheap_phase(hold_probe, hold)) {
		refheap_collect(hold->g->heap, 0);
		unregister_trace_refheap_phase(hold_probe, hold);
		tracepoint_synchronize_unregister();
	}
	if (!hold->held)
		complete(&hold->begin);
	kthread_stop(task);
	put_task_struct(task);
}

static const struct {
	const char *name;
	enum refheap_phase phase;
} holds[] = {
	{ "taken", REFHEAP_PHASE_TAKEN },
	{ "candidates", REFHEAP_PHASE_CANDIDATES },
	{ "traced", REFHEAP_PHASE_TRACED },
	{ "divided", REFHEAP_PHASE_DIVIDED },
	{ "words", REFHEAP_PHASE_WORDS },
	{ "slots", REFHEAP_PHASE_SLOTS },
	{ "condemn", REFHEAP_PHASE_CONDEMN },
	{ "condemned", REFHEAP_PHASE_CONDEMNED },
	{ "verdict", REFHEAP_PHASE_VERDICT },
	{ "stamped", REFHEAP_PHASE_STAMPED },
	{ "emptied", REFHEAP_PHASE_EMPTIED },
	{ "released", REFHEAP_PHASE_RELEASED },
};

KUNIT_ARRAY_PARAM_DESC(hold, holds, name);

static void g5_mutator_beside_a_collector_that_is_held(struct kunit *test)
{
	const typeof(holds[0]) *param = test->param_value;
	struct hold hold = { .phase = param->phase };
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED,
		.cpus = cpumask_of(cpumask_first(cpu_online_mask)),
	};
	struct graph *g;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	crew_need_two_cpus(test);
	g = graph_create(test, &params);
	hold_arrange(&hold, g);
	hold_collect(&hold);
	KUNIT_EXPECT_TRUE(test, hold.held);
	KUNIT_EXPECT_FALSE(test, hold.overdue);
	KUNIT_EXPECT_EQ(test, hold.wrong, 0);
	node_put(hold.owner);
	graph_collect(g);
	graph_destroy(g);
}

static struct kunit_case progress_cases[] = {
	KUNIT_CASE_PARAM(g5_mutator_beside_a_collector_that_is_held,
			 hold_gen_params),
	{}
};

static struct kunit_suite progress_suite = {
	.name = "refheap_progress",
	.test_cases = progress_cases,
};

kunit_test_suite(progress_suite);
