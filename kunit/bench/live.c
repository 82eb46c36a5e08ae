// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: what objects cost the collector that are no garbage.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

static void touch_all(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 0; i < graph->nr; i++) {
		refobj_get(graph->node[i]);
		refobj_put(graph->node[i]);
	}
}

static u64 timed_collect(struct bench_graph *graph)
{
	u64 begun = ktime_get_ns();

	if (refheap_collect(graph->heap, 0))
		bench_failed("something live was reclaimed");
	return ktime_get_ns() - begun;
}

static void measure_touched(struct bench_graph *graph)
{
	static u64 first[BENCH_ROUNDS_MOST], again[BENCH_ROUNDS_MOST];
	unsigned int i;

	for (i = 0; i < bench_rounds; i++) {
		touch_all(graph);
		first[i] = timed_collect(graph);
		again[i] = timed_collect(graph);
	}
	bench_value("live/touched",
		    div64_ul(bench_median(first, bench_rounds) * 1000,
			     graph->nr), "ns");
	bench_value("live/touched-again",
		    div64_ul(bench_median(again, bench_rounds) * 1000,
			     graph->nr), "ns");
}

/* Nothing happens: nothing is to be done, not even by a thread that runs. */
static void measure_untouched(struct bench_graph *graph)
{
	struct refheap_stats before, after;

	refheap_start(graph->heap);
	/* What was begun before may come to its end. */
	msleep(2000);
	refheap_get_stats(graph->heap, &before);
	msleep(2000);
	refheap_get_stats(graph->heap, &after);
	refheap_stop(graph->heap);
	bench_value("live/untouched", (after.collections - before.collections +
				       after.traced - before.traced) * 1000,
		    "count");
}

void bench_live(void)
{
	struct bench_graph graph;

	if (!bench_graph_init(&graph, 1, bench_objects & ~1UL))
		return;
	if (bench_graph_fill(&graph)) {
		/* Somebody holds each of them. */
		bench_tie_pairs(graph.node, graph.nr);
		timed_collect(&graph);
		measure_touched(&graph);
		measure_untouched(&graph);
	}
	bench_graph_drop(&graph);
	refheap_collect(graph.heap, REFHEAP_COLLECT_FULL);
	bench_graph_exit(&graph);
}

/* --- a hub that everything hangs on ------------------------------------- */

#define PAIRS	1000

/*
 * A tree in which all objects are reached from the first, and 1,000 pairs of
 * garbage, each with a reference to that first.  The tree's objects are those
 * that come last, the pairs' the first ones.
 */
static void tie_tree_below_hub(struct bench_graph *graph)
{
	unsigned long i, parent;

	for (i = graph->nr - 1; i; i--) {
		parent = (i - 1) / 2;
		refslot_give(graph->node[parent],
			     bench_slot(graph->node[parent], (i - 1) % 2),
			     graph->node[i]);
		graph->node[i] = NULL;
	}
}

static bool add_pair(struct bench_graph *graph)
{
	struct refobj *a = refobj_alloc(graph->type, GFP_KERNEL);
	struct refobj *b = refobj_alloc(graph->type, GFP_KERNEL);

	if (a && b) {
		refslot_set(a, bench_slot(a, 0), b);
		refslot_set(b, bench_slot(b, 0), a);
		refslot_set(a, bench_slot(a, 1), graph->node[0]);
		refslot_set(b, bench_slot(b, 1), graph->node[0]);
	}
	if (a)
		refobj_put(a);
	if (b)
		refobj_put(b);
	return a && b;
}

static u64 collect_pairs(struct bench_graph *graph)
{
	unsigned int i;
	u64 begun;

	for (i = 0; i < PAIRS; i++)
		if (!add_pair(graph))
			bench_failed("no memory for pairs");
	begun = ktime_get_ns();
	if (refheap_collect(graph->heap, 0) != 2 * PAIRS)
		bench_failed("the pairs were not reclaimed");
	return ktime_get_ns() - begun;
}

static void measure_hub(unsigned long nr)
{
	u64 figures[BENCH_ROUNDS_MOST], median;
	struct bench_graph graph;
	char name[32];
	unsigned int i;

	if (!bench_graph_init(&graph, 2, nr))
		return;
	if (bench_graph_fill(&graph)) {
		tie_tree_below_hub(&graph);
		refheap_collect(graph.heap, REFHEAP_COLLECT_FULL);
		collect_pairs(&graph);
		for (i = 0; i < bench_rounds; i++)
			figures[i] = collect_pairs(&graph);
		median = bench_median(figures, bench_rounds);
		snprintf(name, sizeof(name), "hub/%lu", nr);
		bench_value(name, median * 1000, "ns");
		bench_point("hub", nr, median * 1000);
	}
	bench_graph_exit(&graph);
}

void bench_hub(void)
{
	unsigned long nr;

	for (nr = 10000; nr <= 10 * bench_objects; nr *= 10)
		measure_hub(nr);
}
