// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: cyclic garbage made as fast as one CPU can, in a heap that
 * collects by itself, with the default threshold and period.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "bench.h"

/* A sample is late by no more than so many. */
#define SAMPLE_PAIRS 128

struct churn {
	struct bench_graph graph;
	u64 live;			/* objects, and so for the rest */
	u64 threshold;
	u64 produced;
	u64 peak;
	u64 took_ns;
	struct refheap_stats before, after;
};

static bool produce_pair(struct reftype *type)
{
	struct refobj *a = refobj_alloc(type, GFP_KERNEL);
	struct refobj *b = refobj_alloc(type, GFP_KERNEL);
	bool done = a && b;

	if (done) {
		refslot_set(a, bench_slot(a, 0), b);
		refslot_set(b, bench_slot(b, 0), a);
	}
	if (a)
		refobj_put(a);
	if (b)
		refobj_put(b);
	return done;
}

static void sample(struct churn *churn)
{
	refheap_get_stats(churn->graph.heap, &churn->after);
	churn->peak = max(churn->peak, churn->after.objects);
}

static void produce(struct churn *churn, u64 pairs)
{
	u64 begun = ktime_get_ns(), i;

	for (i = 0; i < pairs; i++) {
		if (!produce_pair(churn->graph.type)) {
			bench_failed("no memory for garbage");
			break;
		}
		if (i % SAMPLE_PAIRS)
			continue;
		sample(churn);
		/* As anybody does who goes on for so long. */
		cond_resched();
	}
	churn->took_ns = ktime_get_ns() - begun;
	churn->produced = 2 * i;
	sample(churn);
}

/*
 * memory/peak is what the heap held at most, over what it could not do with
 * less than: all that is live, and garbage up to the threshold.
 *
 * churn/kept-up is what had been reclaimed when the last garbage was made,
 * over all garbage but what the threshold lets lie; 1 if there was no more.
 * Nobody has asked for a collection until then.
 */
static void report(const struct churn *churn)
{
	u64 reclaimed = churn->after.reclaimed - churn->before.reclaimed;
	u64 due = max(churn->produced, churn->threshold + 1) - churn->threshold;

	bench_value("memory/peak",
		    div64_u64(churn->peak * 1000,
			      churn->live + churn->threshold), "ratio");
	bench_value("churn/kept-up",
		    min(div64_u64(reclaimed * 1000, due), 1000ULL), "ratio");
	bench_note("churn: %llu garbage objects in %llu ms, threshold %llu",
		   churn->produced, div_u64(churn->took_ns, NSEC_PER_MSEC),
		   churn->threshold);
	bench_note("churn: at most %llu objects, %llu live, %llu collections, the longest %llu us",
		   churn->peak, churn->live,
		   churn->after.collections - churn->before.collections,
		   div_u64(churn->after.longest_ns, NSEC_PER_USEC));
}

static void measure(struct churn *churn)
{
	unsigned int thresholds[REFHEAP_AGES];

	refheap_get_thresholds(churn->graph.heap, thresholds);
	churn->threshold = thresholds[0];
	churn->live = churn->graph.nr;
	/* What is live has been looked at before. */
	if (refheap_collect(churn->graph.heap, REFHEAP_COLLECT_FULL))
		bench_failed("something live was reclaimed");
	refheap_get_stats(churn->graph.heap, &churn->before);
	produce(churn, max(2 * (u64)bench_objects, 20 * churn->threshold));
	report(churn);
	refheap_collect(churn->graph.heap, REFHEAP_COLLECT_FULL);
	refheap_get_stats(churn->graph.heap, &churn->after);
	if (churn->after.objects != churn->live)
		bench_failed("not all garbage was reclaimed");
}

void bench_churn(void)
{
	const struct refheap_params params = {};
	static struct churn churn;	/* too large for the stack */

	if (!bench_graph_init_heap(&churn.graph, 1, bench_objects / 10,
				   &params))
		return;
	if (bench_graph_fill(&churn.graph))
		measure(&churn);
	bench_graph_exit(&churn.graph);
}
