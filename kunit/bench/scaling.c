// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: how much more two CPUs do than one, each with objects of its own
 * from one heap, beside how much more they do of the bare slab.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "bench.h"

#define CPUS 2

/* More than any per-CPU cache holds: what is shared is used as well. */
#define BATCH 512

/* Who shares the machine with us spoils some rounds. */
#define ROUNDS 21

struct worker {
	struct reftype *type;
	struct kmem_cache *cache;
	struct refobj *obj[BATCH];
	void *memory[BATCH];
};

static void work_ours(void *data)
{
	struct worker *w = data;
	unsigned long n;
	unsigned int i;

	for (n = 0; n < bench_loops; n += BATCH) {
		for (i = 0; i < BATCH; i++) {
			w->obj[i] = refobj_alloc(w->type, GFP_KERNEL);
			if (unlikely(!w->obj[i]))
				return bench_failed("no memory for objects");
			if (i)
				refslot_set(w->obj[i], bench_slot(w->obj[i], 0),
					    w->obj[i - 1]);
		}
		for (i = BATCH - 1; i; i--)
			refslot_clear(w->obj[i], bench_slot(w->obj[i], 0));
		for (i = 0; i < BATCH; i++)
			refobj_put(w->obj[i]);
	}
}

static void work_slab(void *data)
{
	struct worker *w = data;
	unsigned long n;
	unsigned int i;

	for (n = 0; n < bench_loops; n += BATCH) {
		for (i = 0; i < BATCH; i++) {
			w->memory[i] = kmem_cache_alloc(w->cache, GFP_KERNEL);
			if (unlikely(!w->memory[i]))
				return bench_failed("no memory for the peer");
		}
		for (i = 0; i < BATCH; i++)
			kmem_cache_free(w->cache, w->memory[i]);
	}
}

/* Return: speed of two over that of one, in thousandths. */
static u64 scale(void (*work)(void *data), void *const *workers)
{
	u64 one = bench_team(work, workers, 1);
	u64 two = bench_team(work, workers, CPUS);

	return div64_u64(CPUS * 1000 * one, max(two, 1ULL));
}

static void measure(void *const *workers)
{
	struct bench_turn turns[ROUNDS];
	unsigned int i;

	/* Once for the caches. */
	scale(work_ours, workers);
	scale(work_slab, workers);
	for (i = 0; i < ROUNDS; i++) {
		turns[i].ours = scale(work_ours, workers);
		turns[i].peer = scale(work_slab, workers);
	}
	bench_compare_ratios("scaling/two-cpus", "slab", turns, ROUNDS);
}

static bool hire(struct worker **workers, struct reftype *type,
		 struct kmem_cache *cache)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++) {
		workers[i] = kzalloc(sizeof(**workers), GFP_KERNEL);
		if (!workers[i])
			return false;
		workers[i]->type = type;
		workers[i]->cache = cache;
	}
	return true;
}

/* The heap's thread is stopped: it would be a third on two CPUs. */
void bench_scaling(void)
{
	struct worker *workers[CPUS] = {};
	struct bench_graph graph;
	struct kmem_cache *cache;
	unsigned int i;

	if (!bench_wanted("scaling/two-cpus") || !bench_two_cpus("scaling") ||
	    !bench_graph_init(&graph, 1, 1))
		return;
	cache = kmem_cache_create("refheap_bench_scaling",
				  offsetof(struct bench_node, slot[1]), 0,
				  SLAB_TYPESAFE_BY_RCU, NULL);
	if (cache && hire(workers, graph.type, cache))
		measure((void *const *)workers);
	else
		bench_failed("no memory");
	for (i = 0; i < CPUS; i++)
		kfree(workers[i]);
	kmem_cache_destroy(cache);
	bench_graph_exit(&graph);
}
