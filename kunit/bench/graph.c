// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: a heap full of equal objects, to be tied together by its user.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "bench.h"

bool bench_graph_init_heap(struct bench_graph *graph, unsigned int slots,
			   unsigned long nr,
			   const struct refheap_params *params)
{
	const struct reffield field = {
		.offset = offsetof(struct bench_node, slot), .count = slots,
	};
	struct reftype_desc desc = {
		.name = "node",
		.size = offsetof(struct bench_node, slot) +
			slots * sizeof(struct refslot),
		.header = offsetof(struct bench_node, obj),
		.fields = &field, .nr_fields = 1,
	};

	*graph = (struct bench_graph){ .nr = nr, .slots = slots };
	/* What was freed before is to be free now. */
	rcu_barrier();
	graph->heap = refheap_create("bench", params);
	if (IS_ERR(graph->heap)) {
		bench_failed("no heap");
		return false;
	}
	graph->node = kvcalloc(nr, sizeof(*graph->node), GFP_KERNEL);
	graph->type = refheap_register_type(graph->heap, &desc);
	if (graph->node && !IS_ERR(graph->type))
		return true;
	bench_failed("no memory for a graph");
	bench_graph_exit(graph);
	return false;
}

/* In a heap that collects only when it is told to. */
bool bench_graph_init(struct bench_graph *graph, unsigned int slots,
		      unsigned long nr)
{
	const struct refheap_params params = { .flags = REFHEAP_STOPPED };

	return bench_graph_init_heap(graph, slots, nr, &params);
}

/* Allocate all objects, each with the caller's reference. */
bool bench_graph_fill(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 0; i < graph->nr; i++) {
		graph->node[i] = refobj_alloc(graph->type, GFP_KERNEL);
		if (!graph->node[i]) {
			bench_failed("no memory for a graph's objects");
			return false;
		}
		if (!(i % 1024))
			cond_resched();
	}
	return true;
}

/* From now on the order of nodes is not that of their memory. */
void bench_graph_shuffle(struct bench_graph *graph)
{
	struct rnd_state random;
	unsigned long i, j;

	prandom_seed_state(&random, 1);
	for (i = graph->nr - 1; i; i--) {
		j = prandom_u32_state(&random) % (i + 1);
		swap(graph->node[i], graph->node[j]);
	}
}

/* A partner for each, that refers back; @nr is even. */
void bench_tie_pairs(struct refobj **node, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		refslot_set(node[i], bench_slot(node[i], 0), node[i ^ 1]);
}

void bench_graph_drop(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 0; i < graph->nr; i++) {
		if (graph->node[i])
			refobj_put(graph->node[i]);
		graph->node[i] = NULL;
	}
}

void bench_graph_exit(struct bench_graph *graph)
{
	if (graph->node)
		bench_graph_drop(graph);
	kvfree(graph->node);
	if (refheap_destroy(graph->heap))
		bench_failed("objects were left");
}
