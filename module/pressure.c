// SPDX-License-Identifier: GPL-2.0
/*
 * Memory pressure: ask every heap with something left over for a full pass.
 *
 * What a pass would free is not known before it has run, so none is claimed;
 * the shrinker wakes the threads.  Quarantined memory goes at once.
 */
#include "internal.h"

static struct shrinker *refpressure_shrinker;

static bool refpressure_promising(const struct refheap *heap)
{
	return !READ_ONCE(heap->stopped) &&
	       (READ_ONCE(heap->unfinished) || !llist_empty(&heap->marked));
}

static unsigned long refpressure_count(struct shrinker *shrinker,
				       struct shrink_control *control)
{
	struct refheap *heap;
	unsigned long nr = 0;

	/* An allocation under this lock may have brought us here. */
	if (!mutex_trylock(&refheap_list_lock))
		return 0;
	list_for_each_entry(heap, &refheap_list, node)
		nr += READ_ONCE(heap->nr_quarantined) +
		      (refpressure_promising(heap) ? REFROW_PER_CHUNK : 0);
	mutex_unlock(&refheap_list_lock);
	return nr;
}

static unsigned long refpressure_scan(struct shrinker *shrinker,
				      struct shrink_control *control)
{
	struct refheap *heap;
	unsigned long freed = 0;

	if (!mutex_trylock(&refheap_list_lock))
		return SHRINK_STOP;
	list_for_each_entry(heap, &refheap_list, node) {
		freed += refquarantine_empty(heap);
		if (refpressure_promising(heap)) {
			set_bit(EVENT_PRESSURE, &heap->events);
			refheap_wake(heap);
		}
	}
	mutex_unlock(&refheap_list_lock);
	return freed ?: SHRINK_STOP;
}

static struct shrinker refpressure_template = {
	.count_objects = refpressure_count,
	.scan_objects = refpressure_scan,
	.seeks = DEFAULT_SEEKS,
};

int refpressure_init(void)
{
	refpressure_shrinker =
		refcompat_register_shrinker(&refpressure_template, "refheap");
	return refpressure_shrinker ? 0 : -ENOMEM;
}

void refpressure_exit(void)
{
	refcompat_unregister_shrinker(refpressure_shrinker);
}
