// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: cyclic garbage of several shapes, collected, and a chain dropped.
 */
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

static void tie_pairs(struct bench_graph *graph)
{
	bench_tie_pairs(graph->node, graph->nr);
}

static void tie_ring(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 0; i < graph->nr; i++)
		refslot_set(graph->node[i], bench_slot(graph->node[i], 0),
			    graph->node[(i + 1) % graph->nr]);
}

static void tie_list(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 1; i < graph->nr; i++) {
		refslot_set(graph->node[i - 1],
			    bench_slot(graph->node[i - 1], 0), graph->node[i]);
		refslot_set(graph->node[i], bench_slot(graph->node[i], 1),
			    graph->node[i - 1]);
	}
}

/* A binary tree, each object refers to its parent, too. */
static void tie_tree(struct bench_graph *graph)
{
	unsigned long i, parent;

	for (i = 1; i < graph->nr; i++) {
		parent = (i - 1) / 2;
		refslot_set(graph->node[parent],
			    bench_slot(graph->node[parent], (i - 1) % 2),
			    graph->node[i]);
		refslot_set(graph->node[i], bench_slot(graph->node[i], 2),
			    graph->node[parent]);
	}
}

static const struct bench_reclaim_shape {
	const char *name;
	void (*tie)(struct bench_graph *graph);
	unsigned int slots;
	bool shuffled;
} shapes[] = {
	{ "reclaim/pairs", tie_pairs, 1 },
	{ "reclaim/ring", tie_ring, 1 },
	{ "reclaim/list", tie_list, 2 },
	{ "reclaim/tree", tie_tree, 3 },
	{ "reclaim/pairs-shuffled", tie_pairs, 1, true },
	{ "reclaim/ring-shuffled", tie_ring, 1, true },
};

/* Return: nanoseconds to collect a graph of so many objects. */
static u64 collect_shape(const struct bench_reclaim_shape *shape,
			 unsigned long nr)
{
	struct bench_graph graph;
	u64 begun, took = 0;

	if (!bench_graph_init(&graph, shape->slots, nr))
		return 0;
	if (bench_graph_fill(&graph)) {
		if (shape->shuffled)
			bench_graph_shuffle(&graph);
		shape->tie(&graph);
		bench_graph_drop(&graph);
		begun = ktime_get_ns();
		if (refheap_collect(graph.heap, 0) != nr)
			bench_failed("not everything was reclaimed");
		took = ktime_get_ns() - begun;
	}
	bench_graph_exit(&graph);
	return took;
}

static void **peer_fill(struct kmem_cache *cache, unsigned long nr)
{
	void **memory = kvcalloc(nr, sizeof(*memory), GFP_KERNEL);
	unsigned long i;

	for (i = 0; memory && i < nr; i++) {
		memory[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!(i % 1024))
			cond_resched();
	}
	return memory;
}

/* Return: nanoseconds to free as many objects of that size in that order. */
static u64 free_peers(const struct bench_reclaim_shape *shape,
		      unsigned long nr)
{
	size_t size = offsetof(struct bench_node, slot[shape->slots]);
	struct kmem_cache *cache;
	struct bench_graph graph = { .nr = nr };
	unsigned long i;
	u64 begun;

	rcu_barrier();
	cache = kmem_cache_create("refheap_bench_peer", size, 0,
				  SLAB_TYPESAFE_BY_RCU, NULL);
	if (!cache)
		return 0;
	graph.node = (struct refobj **)peer_fill(cache, nr);
	if (!graph.node)
		bench_failed("no memory for peers");
	else if (shape->shuffled)
		bench_graph_shuffle(&graph);
	begun = ktime_get_ns();
	for (i = 0; graph.node && i < nr; i++)
		if (likely(graph.node[i]))
			kmem_cache_free(cache, graph.node[i]);
	begun = ktime_get_ns() - begun;
	kvfree(graph.node);
	kmem_cache_destroy(cache);
	return begun;
}

/*
 * The best of a few, as the peers report: machines have moods, and what
 * somebody else does to this one says nothing.
 */
#define TRIES 3

static u64 best_of(u64 (*measure)(const struct bench_reclaim_shape *shape,
				  unsigned long nr),
		   const struct bench_reclaim_shape *shape, unsigned long nr)
{
	u64 best = U64_MAX;
	unsigned int i;

	for (i = 0; i < TRIES; i++)
		best = min(best, measure(shape, nr));
	return best;
}

static void measure_shape(const struct bench_reclaim_shape *shape,
			  unsigned long nr)
{
	struct bench_turn turns[BENCH_ROUNDS_MOST];
	unsigned int i;

	for (i = 0; i < bench_rounds; i++) {
		turns[i].ours = best_of(collect_shape, shape, nr);
		turns[i].peer = best_of(free_peers, shape, nr);
	}
	bench_compare(shape->name, "kmem_cache_free", turns, bench_rounds, nr);
}

/* --- no cycle: gone by the put of its head ------------------------------ */

static u64 drop_chain(const struct bench_reclaim_shape *unused,
		      unsigned long nr)
{
	struct bench_graph graph;
	struct refobj *head;
	unsigned long i;
	u64 took = 0;

	if (!bench_graph_init(&graph, 1, nr))
		return 0;
	if (bench_graph_fill(&graph)) {
		for (i = nr - 1; i; i--) {
			refslot_give(graph.node[i - 1],
				     bench_slot(graph.node[i - 1], 0),
				     graph.node[i]);
			graph.node[i] = NULL;
		}
		/* As of old: the collector has seen it. */
		refheap_collect(graph.heap, REFHEAP_COLLECT_FULL);
		head = graph.node[0];
		graph.node[0] = NULL;
		took = ktime_get_ns();
		refobj_put(head);
		refheap_drain(graph.heap);
		took = ktime_get_ns() - took;
	}
	bench_graph_exit(&graph);
	return took;
}

static void measure_chain(unsigned long nr)
{
	u64 figures[BENCH_ROUNDS_MOST];
	unsigned int i;

	for (i = 0; i < bench_rounds; i++)
		figures[i] = best_of(drop_chain, NULL, nr);
	bench_value("chain/drop",
		    div64_ul(bench_median(figures, bench_rounds) * 1000, nr),
		    "ns");
}

void bench_reclaim(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (bench_wanted(shapes[i].name))
			measure_shape(&shapes[i], bench_objects & ~1UL);
	if (bench_wanted("chain/drop"))
		measure_chain(bench_objects);
}
