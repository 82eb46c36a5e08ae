// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: what the heap's thread takes from the slab during a collection,
 * counted by the slab's own trace events.  What would come from elsewhere
 * (pages, vmalloc) is not seen, nor is kmem_cache_alloc_bulk(), which has no
 * event; the module uses those for heaps, arrays and rows, that is, in the
 * threads that ask for these.
 */
#include <linux/atomic.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

#ifdef CONFIG_TRACEPOINTS
#include <trace/events/kmem.h>

/* Whose allocations are counted. */
static struct task_struct *watched;
static atomic_long_t allocations;

static void count(void)
{
	if (READ_ONCE(watched) == current)
		atomic_long_inc(&allocations);
}

static void count_object(void *data, unsigned long call_site, const void *ptr,
			 struct kmem_cache *cache, gfp_t gfp, int node)
{
	count();
}

static void count_memory(void *data, unsigned long call_site, const void *ptr,
			 size_t bytes_asked, size_t bytes, gfp_t gfp, int node)
{
	count();
}

static bool begin(void)
{
	if (register_trace_kmem_cache_alloc(count_object, NULL))
		return false;
	if (!register_trace_kmalloc(count_memory, NULL))
		return true;
	unregister_trace_kmem_cache_alloc(count_object, NULL);
	return false;
}

static void end(void)
{
	unregister_trace_kmalloc(count_memory, NULL);
	unregister_trace_kmem_cache_alloc(count_object, NULL);
	tracepoint_synchronize_unregister();
}

/* From the start of the collection proper to its end, in the thread itself. */
static int notice(struct notifier_block *notifier, unsigned long event,
		  void *data)
{
	WRITE_ONCE(watched, event == REFHEAP_COLLECT_START ? current : NULL);
	return NOTIFY_OK;
}

/* Are allocations counted at all?  This makes one of each kind. */
static bool seen(void)
{
	struct kmem_cache *cache;
	void *object;

	cache = kmem_cache_create("refheap_bench_seen", sizeof(u64), 0, 0,
				  NULL);
	if (!cache)
		return false;
	WRITE_ONCE(watched, current);
	kfree(kmalloc(sizeof(u64), GFP_KERNEL));
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	WRITE_ONCE(watched, NULL);
	if (object)
		kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	return atomic_long_xchg(&allocations, 0) == 2;
}

/* Pairs of garbage, each after a live object that is a candidate. */
static void tie(struct bench_graph *graph)
{
	unsigned long i;

	for (i = 0; i + 2 < graph->nr; i += 3) {
		refobj_get(graph->node[i]);
		refobj_put(graph->node[i]);
		refslot_set(graph->node[i + 1],
			    bench_slot(graph->node[i + 1], 0),
			    graph->node[i + 2]);
		refslot_give(graph->node[i + 2],
			     bench_slot(graph->node[i + 2], 0),
			     graph->node[i + 1]);
		refobj_put(graph->node[i + 2]);
		graph->node[i + 1] = NULL;
		graph->node[i + 2] = NULL;
	}
}

static void measure(struct bench_graph *graph)
{
	struct notifier_block notifier = { .notifier_call = notice };

	if (!seen())
		return bench_failed("allocations are not counted");
	tie(graph);
	if (refheap_register_notifier(graph->heap, &notifier))
		return bench_failed("no notifier");
	if (refheap_collect(graph->heap, 0) != graph->nr / 3 * 2)
		bench_failed("not everything was reclaimed");
	refheap_unregister_notifier(graph->heap, &notifier);
	bench_value("memory/allocations", atomic_long_read(&allocations) * 1000,
		    "count");
}

void bench_allocation(void)
{
	struct bench_graph graph;

	if (!bench_graph_init(&graph, 1, bench_objects))
		return;
	if (!begin()) {
		bench_failed("no trace events");
	} else {
		if (bench_graph_fill(&graph))
			measure(&graph);
		end();
	}
	bench_graph_exit(&graph);
}
#else
void bench_allocation(void)
{
	bench_note("memory: a kernel without trace events does not tell who allocates");
}
#endif
