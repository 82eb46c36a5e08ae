// SPDX-License-Identifier: GPL-2.0
/*
 * A round: a heap, everybody at work on it, and at the end an account in which
 * everything that was made has been released and returned (G3).
 */
#include "torture.h"

#define TABLE_SLOTS	32

/* Collections without being told to look at everything, then full ones. */
#define ROUND_COLLECTIONS	4

static int round_create_heap(void)
{
	struct refheap_params params = {
		.max_objects = torture_limit,
		.period_ms = 20,
		.threshold = 500,
	};
	int err;

	torture.heap = refheap_create("torture", &params);
	if (IS_ERR(torture.heap))
		return PTR_ERR(torture.heap);
	err = object_register_types();
	if (err)
		return err;
	torture.table = object_new_vector(TABLE_SLOTS, GFP_KERNEL);
	if (!torture.table)
		return -ENOMEM;
	torture.values = refmap_create(torture.heap, REFMAP_WEAK_VALUES);
	torture.keys = refmap_create(torture.heap, REFMAP_WEAK_KEYS);
	if (IS_ERR(torture.values))
		return PTR_ERR(torture.values);
	return PTR_ERR_OR_ZERO(torture.keys);
}

static void round_destroy_heap(void)
{
	int left;

	if (!IS_ERR_OR_NULL(torture.values))
		refmap_destroy(torture.values);
	if (!IS_ERR_OR_NULL(torture.keys))
		refmap_destroy(torture.keys);
	if (torture.table)
		object_put(torture.table);
	left = refheap_destroy(torture.heap);
	if (left > 0)
		torture_wrong("%d objects are left at the end", left);
	torture.heap = NULL;
	torture.table = NULL;
	torture.values = NULL;
	torture.keys = NULL;
}

static int round_start_all(u64 seed)
{
	return schedule_begin(seed) ?: context_start(seed) ?:
	       collector_start() ?: turnover_start() ?: mutes_start() ?:
	       flood_start() ?: hotplug_start();
}

static void round_stop_all(void)
{
	hotplug_stop();
	WRITE_ONCE(torture.stopping, true);
	flood_stop();
	mutes_stop();
	turnover_stop();
	collector_stop();
	schedule_end();
	context_stop();
}

/* Finalizers may go on storing objects in the table. */
static void round_empty_table(void)
{
	unsigned int i;

	for (i = 0; i < object_slots(torture.table); i++)
		refslot_clear(&torture.table->obj,
			      object_slot(torture.table, i));
}

static u64 round_collect(unsigned int flags)
{
	struct refheap_stats stats;
	unsigned int i;

	for (i = 0; i < ROUND_COLLECTIONS; i++) {
		round_empty_table();
		refheap_collect(torture.heap, flags);
	}
	refheap_drain(torture.heap);
	refheap_get_stats(torture.heap, &stats);
	return stats.objects - 1;
}

/*
 * Nobody is told to look at every object before the candidates alone have had
 * their chance: what is left by then is counted.
 */
static void round_reclaim(void)
{
	u64 left;

	named_forget_all();
	left = round_collect(0);
	if (left)
		pr_info(TORTURE_FLAG " %llu objects left to a full collection\n",
			left);
	round_collect(REFHEAP_COLLECT_FULL);
}

static void round_account(void)
{
	long made = atomic_long_read(&torture.made);
	long released = atomic_long_read(&torture.released);
	struct refheap_stats stats;

	refheap_get_stats(torture.heap, &stats);
	if (made != released + 1 || stats.objects != 1 ||
	    stats.allocated != stats.freed + 1)
		torture_wrong("%ld made, %ld released, %llu of %llu returned, but for the table",
			      made, released, stats.freed, stats.allocated);
	weak_account();
	atomic_long_set(&torture.made, 0);
	/* The table's, which is to come. */
	atomic_long_set(&torture.released, -1);
}

int round_begin(u64 seed)
{
	int err;

	WRITE_ONCE(torture.stopping, false);
	atomic_long_set(&torture.released, 0);
	err = round_create_heap();
	if (!err)
		err = round_start_all(seed);
	if (err) {
		round_stop_all();
		round_destroy_heap();
	}
	return err;
}

void round_end(void)
{
	round_stop_all();
	round_reclaim();
	round_account();
	statistics_add_heap();
	round_destroy_heap();
	if (atomic_long_read(&torture.released))
		torture_wrong("the table was released %ld times",
			      atomic_long_read(&torture.released) + 1);
}
