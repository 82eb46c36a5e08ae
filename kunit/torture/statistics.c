// SPDX-License-Identifier: GPL-2.0
/* What has been done so far, and whether it goes on. */
#include "torture.h"

#include <linux/math64.h>

static const char * const context_names[TORTURE_CONTEXTS] = {
	[CONTEXT_TASK]	   = "task",
	[CONTEXT_ATOMIC]   = "atomic",
	[CONTEXT_SOFTIRQ]  = "softirq",
	[CONTEXT_HARDIRQ]  = "hardirq",
	[CONTEXT_IRQ_WORK] = "irq_work",
};

/* Of the rounds that have ended. */
static struct {
	u64 done[TORTURE_OPERATIONS][TORTURE_CONTEXTS];
	u64 longest_ns[TORTURE_CONTEXTS];
	struct refheap_stats heap;
	u64 rounds;
} total;

/* How often a mutator may show no progress in a row. */
#define PATIENCE	6

void statistics_add(const struct mutator *m)
{
	unsigned int op, context;

	for (context = 0; context < TORTURE_CONTEXTS; context++) {
		for (op = 0; op < nr_operations; op++)
			total.done[op][context] += m->done[op][context];
		total.longest_ns[context] = max(total.longest_ns[context],
						m->longest_ns[context]);
	}
}

void statistics_add_heap(void)
{
	struct refheap_stats stats;

	refheap_get_stats(torture.heap, &stats);
	total.heap.allocated += stats.allocated;
	total.heap.freed += stats.freed;
	total.heap.collections += stats.collections;
	total.heap.full += stats.full;
	total.heap.traced += stats.traced;
	total.heap.islands += stats.islands;
	total.heap.reclaimed += stats.reclaimed;
	total.heap.rescued += stats.rescued;
	total.heap.aborted += stats.aborted;
	total.heap.deferred += stats.deferred;
	total.heap.longest_ns = max(total.heap.longest_ns, stats.longest_ns);
	total.rounds++;
}

/*
 * The version: mutators' steps and collections. Whoever makes no step for long
 * is stuck, or its interrupt does not come any more.
 */
void statistics_watch(void)
{
	static u64 collections_seen;
	static unsigned int slow;
	struct refheap_stats stats;
	struct mutator *m;
	unsigned int i;
	u64 steps;

	for (i = 0; i < torture.mutators; i++) {
		m = torture.mutator[i];
		steps = READ_ONCE(m->steps);
		m->slow = steps == m->steps_seen ? m->slow + 1 : 0;
		m->steps_seen = steps;
		if (m->slow == PATIENCE)
			torture_wrong("mutator %u makes no progress", i);
	}
	refheap_get_stats(torture.heap, &stats);
	slow = stats.collections == collections_seen ? slow + 1 : 0;
	collections_seen = stats.collections;
	if (slow == PATIENCE)
		torture_wrong("nothing is collected any more");
}

static u64 statistics_steps(void)
{
	unsigned int i, op, context;
	u64 steps = 0;

	for (op = 0; op < nr_operations; op++)
		for (context = 0; context < TORTURE_CONTEXTS; context++)
			steps += total.done[op][context];
	for (i = 0; i < torture.mutators; i++)
		steps += READ_ONCE(torture.mutator[i]->steps);
	return steps;
}

void statistics_print(const char *when)
{
	struct refheap_stats stats = {};

	if (torture.heap)
		refheap_get_stats(torture.heap, &stats);
	pr_alert(TORTURE_FLAG " %s: version %llu rounds %llu objects %llu collections %llu reclaimed %llu rescued %llu aborted %llu finalized %ld heaps %ld offline %ld flooded %ld refused %ld errors %ld\n",
		 when, statistics_steps(), total.rounds, stats.objects,
		 total.heap.collections + stats.collections,
		 total.heap.reclaimed + stats.reclaimed,
		 total.heap.rescued + stats.rescued,
		 total.heap.aborted + stats.aborted,
		 atomic_long_read(&torture.finalized),
		 atomic_long_read(&torture.heaps),
		 atomic_long_read(&torture.offline),
		 atomic_long_read(&torture.flooded),
		 atomic_long_read(&torture.refused),
		 atomic_long_read(&torture.errors));
}

/* Operations by kind and context. */
void statistics_table(void)
{
	unsigned int op;
	u64 *n;

	pr_info(TORTURE_FLAG " %-14s %10s %10s %10s %10s %10s\n", "operation",
		context_names[0], context_names[1], context_names[2],
		context_names[3], context_names[4]);
	for (op = 0; op < nr_operations; op++) {
		n = total.done[op];
		pr_info(TORTURE_FLAG " %-14s %10llu %10llu %10llu %10llu %10llu\n",
			operations[op].name, n[0], n[1], n[2], n[3], n[4]);
	}
	n = total.longest_ns;
	pr_info(TORTURE_FLAG " %-14s %10llu %10llu %10llu %10llu %10llu\n",
		"longest, us", n[0] / 1000, n[1] / 1000, n[2] / 1000,
		n[3] / 1000, n[4] / 1000);
	pr_info(TORTURE_FLAG " %llu allocated, %llu freed, %llu deferred, %ld finalized, %ld resurrected, %ld weak callbacks\n",
		total.heap.allocated, total.heap.freed, total.heap.deferred,
		atomic_long_read(&torture.finalized),
		atomic_long_read(&torture.resurrected),
		atomic_long_read(&torture.called));
	pr_info(TORTURE_FLAG " %llu collections (%llu full, the longest %llu us), %llu objects traced, %llu islands judged dead, %llu rescued, %llu aborted, %llu objects reclaimed\n",
		total.heap.collections, total.heap.full,
		total.heap.longest_ns / 1000, total.heap.traced,
		total.heap.islands, total.heap.rescued, total.heap.aborted,
		total.heap.reclaimed);
}
