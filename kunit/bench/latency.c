// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: the longest that any operation takes another thread, on another
 * CPU, while many objects are collected.
 *
 * What it takes is wall-clock time, and so whatever else the machine does to
 * that thread is in it: interrupts, other processes, the hypervisor.  Hence
 * each span with a collection is followed by one as long without, in which the
 * other CPU is kept busy too, and the difference of the two longest is taken.
 * What strikes by chance strikes both alike and makes a difference as often
 * too small as too large, whereas a wait for the collector would be in each of
 * the first and in none of the second: it moves the median.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>

#include "bench.h"

/* Paired runs. */
#define RUNS 9

/* Objects that the thread works on if those of the graph are garbage. */
#define OWN 1024

enum operation {
	GET, PUT, SET, LOAD, ALLOCATION, OPERATIONS
};

static const char *const operation_names[OPERATIONS] = {
	"get", "put", "set", "load", "allocation",
};

/* The other thread. */
struct mutator {
	struct reftype *type;
	struct refobj **node;		/* pairs, held; what it works on */
	unsigned long nr;
	struct rnd_state random;
	u64 longest[OPERATIONS];	/* ns */
	struct completion present;
	struct task_struct *task;
};

static void note(struct mutator *m, enum operation what, u64 begun)
{
	m->longest[what] = max(m->longest[what], ktime_get_ns() - begun);
}

static void mutate_reference(struct mutator *m, struct refobj *obj)
{
	u64 begun = ktime_get_ns();

	refobj_get(obj);
	note(m, GET, begun);
	begun = ktime_get_ns();
	refobj_put(obj);
	note(m, PUT, begun);
}

/* What it refers to stays the same, so that nothing becomes garbage. */
static void mutate_slot(struct mutator *m, struct refobj *obj,
			struct refobj *partner)
{
	u64 begun = ktime_get_ns();
	struct refobj *found;

	refslot_set(obj, bench_slot(obj, 0), partner);
	note(m, SET, begun);
	begun = ktime_get_ns();
	found = refslot_load(bench_slot(obj, 0));
	note(m, LOAD, begun);
	if (!found)
		return bench_failed("a slot was empty");
	begun = ktime_get_ns();
	refobj_put(found);
	note(m, PUT, begun);
}

static void mutate_memory(struct mutator *m)
{
	u64 begun = ktime_get_ns();
	struct refobj *obj = refobj_alloc(m->type, GFP_KERNEL);

	note(m, ALLOCATION, begun);
	if (!obj)
		return bench_failed("no memory for an object");
	/* This one frees it. */
	begun = ktime_get_ns();
	refobj_put(obj);
	note(m, PUT, begun);
}

static void mutate(struct mutator *m)
{
	unsigned long i = prandom_u32_state(&m->random) % m->nr;

	mutate_reference(m, m->node[i]);
	mutate_slot(m, m->node[i], m->node[i ^ 1]);
	mutate_memory(m);
	cond_resched();
}

static int mutator_run(void *data)
{
	struct mutator *m = data;
	unsigned int i;

	/* What is done for the first time is not what is measured. */
	for (i = 0; i < OWN; i++)
		mutate(m);
	memset(m->longest, 0, sizeof(m->longest));
	complete(&m->present);
	while (!kthread_should_stop())
		mutate(m);
	return 0;
}

/* Return: with it at work. */
static bool mutator_start(struct mutator *m)
{
	prandom_seed_state(&m->random, 1);
	init_completion(&m->present);
	m->task = kthread_create(mutator_run, m, "bench/mutator");
	if (IS_ERR(m->task)) {
		bench_failed("no memory for a thread");
		return false;
	}
	kthread_bind(m->task, cpumask_next(cpumask_first(cpu_online_mask),
					   cpu_online_mask));
	wake_up_process(m->task);
	wait_for_completion(&m->present);
	return true;
}

/* Keep the longest of all runs in @longest, too. */
static u64 mutator_stop(struct mutator *m, u64 *longest)
{
	unsigned int i;
	u64 most = 0;

	kthread_stop(m->task);
	for (i = 0; i < OPERATIONS; i++) {
		longest[i] = max(longest[i], m->longest[i]);
		most = max(most, m->longest[i]);
	}
	return most;
}

/* --- one run ------------------------------------------------------------ */

struct stall {
	const char *name;
	bool garbage;
	struct bench_graph graph;
	struct refobj *own[OWN];
	struct mutator mutator;
	u64 with[RUNS], without[RUNS], more[RUNS];
	u64 longest[2][OPERATIONS];	/* without, with */
};

/* Return: nanoseconds that the collection took. */
static u64 run_with(struct stall *stall, unsigned int run)
{
	long nr = stall->garbage ? stall->graph.nr : 0;
	u64 begun;

	if (!mutator_start(&stall->mutator))
		return 0;
	begun = ktime_get_ns();
	if (refheap_collect(stall->graph.heap, 0) != nr)
		bench_failed("not what is garbage was reclaimed");
	begun = ktime_get_ns() - begun;
	stall->with[run] = mutator_stop(&stall->mutator, stall->longest[1]);
	return begun;
}

static void run_without(struct stall *stall, unsigned int run, u64 ns)
{
	u64 end;

	if (!mutator_start(&stall->mutator))
		return;
	for (end = ktime_get_ns() + ns; ktime_get_ns() < end; )
		cpu_relax();
	stall->without[run] = mutator_stop(&stall->mutator, stall->longest[0]);
}

/* All live ones become candidates, or garbage. */
static bool prepare(struct stall *stall)
{
	struct bench_graph *graph = &stall->graph;
	unsigned long i;

	if (stall->garbage) {
		if (!bench_graph_fill(graph))
			return false;
		bench_tie_pairs(graph->node, graph->nr);
		bench_graph_drop(graph);
		return true;
	}
	for (i = 0; i < graph->nr; i++) {
		refobj_get(graph->node[i]);
		refobj_put(graph->node[i]);
	}
	return true;
}

static void run(struct stall *stall, unsigned int run)
{
	u64 took;

	if (!prepare(stall))
		return;
	took = run_with(stall, run);
	run_without(stall, run, took);
	stall->more[run] = max(stall->with[run], stall->without[run]) -
			   stall->without[run];
}

/* --- all runs ----------------------------------------------------------- */

static void report_operations(struct stall *stall, unsigned int with)
{
	const u64 *longest = stall->longest[with];

	bench_note("%s: longest %s, us: %s %llu, %s %llu, %s %llu, %s %llu, %s %llu",
		   stall->name, with ? "with" : "without",
		   operation_names[GET], div_u64(longest[GET], 1000),
		   operation_names[PUT], div_u64(longest[PUT], 1000),
		   operation_names[SET], div_u64(longest[SET], 1000),
		   operation_names[LOAD], div_u64(longest[LOAD], 1000),
		   operation_names[ALLOCATION],
		   div_u64(longest[ALLOCATION], 1000));
}

/* Nanoseconds are thousandths of microseconds. */
static void report(struct stall *stall)
{
	bench_value(stall->name, bench_median(stall->more, RUNS), "us");
	bench_note("%s: median of the longest %llu us with, %llu us without",
		   stall->name, div_u64(bench_median(stall->with, RUNS), 1000),
		   div_u64(bench_median(stall->without, RUNS), 1000));
	report_operations(stall, 1);
	report_operations(stall, 0);
}

/* Return: whether the mutator has what to work on. */
static bool set_up(struct stall *stall)
{
	struct bench_graph *graph = &stall->graph;
	unsigned long i;

	stall->mutator.type = graph->type;
	if (!stall->garbage) {
		stall->mutator.node = graph->node;
		stall->mutator.nr = graph->nr;
		if (!bench_graph_fill(graph))
			return false;
		bench_tie_pairs(graph->node, graph->nr);
		return true;
	}
	stall->mutator.node = stall->own;
	stall->mutator.nr = OWN;
	for (i = 0; i < OWN; i++) {
		stall->own[i] = refobj_alloc(graph->type, GFP_KERNEL);
		if (!stall->own[i])
			return false;
	}
	bench_tie_pairs(stall->own, OWN);
	return true;
}

static void tear_down(struct stall *stall)
{
	unsigned long i;

	for (i = 0; i < OWN; i++)
		if (stall->own[i])
			refobj_put(stall->own[i]);
	bench_graph_drop(&stall->graph);
	refheap_collect(stall->graph.heap, REFHEAP_COLLECT_FULL);
	bench_graph_exit(&stall->graph);
}

/* The heap's thread is kept off the mutator's CPU. */
static void measure(const char *name, bool garbage)
{
	const struct refheap_params params = {
		.flags = REFHEAP_STOPPED,
		.cpus = cpumask_of(cpumask_first(cpu_online_mask)),
	};
	struct stall *stall;
	unsigned int i;

	if (!bench_wanted(name))
		return;
	stall = kvzalloc(sizeof(*stall), GFP_KERNEL);
	if (!stall)
		return bench_failed("no memory");
	stall->name = name;
	stall->garbage = garbage;
	if (bench_graph_init_heap(&stall->graph, 1, bench_objects & ~1UL,
				  &params)) {
		if (set_up(stall)) {
			for (i = 0; i < RUNS; i++)
				run(stall, i);
			report(stall);
		} else {
			bench_failed("no memory for objects");
		}
		tear_down(stall);
	}
	kvfree(stall);
}

void bench_latency(void)
{
	if (!bench_two_cpus("stall"))
		return;
	measure("stall/garbage", true);
	measure("stall/live", false);
}
