// SPDX-License-Identifier: GPL-2.0
/*
 * Ages: what Python calls generations.
 *
 * A container is of age 0 until it has survived a collection, of age 1 until
 * it has survived one of age 1, and then of age 2.  Ages do not decide what
 * is safe to reclaim, only what a collection begins with besides the
 * candidates, and how it is counted.
 *
 * As in CPython, a collection of age n counts towards the next one of age
 * n + 1 and sets the counts up to its own back.
 */
#include "internal.h"

/*
 * Age of the object in a row of a container's chunk.  Under RCU; by any
 * thread, and then true of some moment.
 */
unsigned int refrow_age(const struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);

	if (!obj || refword_read(obj) & REFWORD_FRESH)
		return 0;
	return state_age(READ_ONCE(chunk->state[index]));
}

/* What an automatic collection should begin with, by the counts. */
enum refscope refage_due(const struct refheap *heap)
{
	unsigned int age, threshold;

	for (age = REFHEAP_AGES - 1; age; age--) {
		threshold = READ_ONCE(heap->thresholds[age]);
		if (threshold && heap->counts[age] >= threshold)
			return SCOPE_AGE_0 + age;
	}
	return SCOPE_CANDIDATES;
}

static void refage_count(struct refheap *heap, unsigned int age)
{
	unsigned int i;

	for (i = 0; i <= age; i++)
		WRITE_ONCE(heap->counts[i], 0);
	if (age + 1 < REFHEAP_AGES)
		WRITE_ONCE(heap->counts[age + 1], heap->counts[age + 1] + 1);
}

/* A collection is over; @before is what the heap's statistics were. */
void refage_account(struct refheap *heap, unsigned int age,
		    const struct refheap_stats *before, u64 candidates)
{
	struct refheap_age_stats *stats = &heap->ages[age];
	const struct refheap_stats *now = &heap->stats;

	refage_count(heap, age);
	stats->collections++;
	stats->candidates += candidates;
	stats->reclaimed += now->reclaimed - before->reclaimed;
	stats->kept += now->kept - before->kept;
	stats->rescued += now->rescued - before->rescued;
	stats->aborted += now->aborted - before->aborted;
	stats->total_ns += now->last_ns;
	stats->last_ns = now->last_ns;
	stats->longest_ns = max(stats->longest_ns, now->last_ns);
}

/**
 * refheap_get_age_stats - read what the collections of an age have done
 * @heap: a heap
 * @age: 0, 1 or 2
 * @stats: filled in; each figure is true of some moment during the call
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int refheap_get_age_stats(struct refheap *heap, unsigned int age,
			  struct refheap_age_stats *stats)
{
	if (refpointer_bad(heap) || refpointer_bad(stats) ||
	    age >= REFHEAP_AGES)
		return -EINVAL;
	*stats = heap->ages[age];
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_get_age_stats);

/**
 * refheap_set_thresholds - when a collection comes by itself, for each age
 * @heap: a heap
 * @thresholds: [0] as for refheap_set_threshold(); [1] collections of age 0
 *		after which one of age 1 is made instead of the next, [2]
 *		those of age 1 after which a full one is; 0: none by count
 *
 * Collections that are asked for count as well.  Whatever the thresholds,
 * full passes come by themselves while something is left to judge (G3).
 *
 * Context: any but NMI and raw locks.
 */
void refheap_set_thresholds(struct refheap *heap,
			    const unsigned int thresholds[REFHEAP_AGES])
{
	unsigned int age;

	if (refpointer_bad(heap) || refpointer_bad(thresholds))
		return;
	refheap_set_threshold(heap, thresholds[0]);
	for (age = 1; age < REFHEAP_AGES; age++)
		WRITE_ONCE(heap->thresholds[age], thresholds[age]);
}
EXPORT_SYMBOL_REFHEAP(refheap_set_thresholds);

/**
 * refheap_get_thresholds - read what refheap_set_thresholds() has set
 * @heap: a heap
 * @thresholds: filled in
 *
 * Context: any.
 */
void refheap_get_thresholds(struct refheap *heap,
			    unsigned int thresholds[REFHEAP_AGES])
{
	unsigned int age;

	if (refpointer_bad(heap) || refpointer_bad(thresholds))
		return;
	thresholds[0] = READ_ONCE(heap->params.threshold);
	for (age = 1; age < REFHEAP_AGES; age++)
		thresholds[age] = READ_ONCE(heap->thresholds[age]);
}
EXPORT_SYMBOL_REFHEAP(refheap_get_thresholds);

/**
 * refheap_get_counts - how near the thresholds are
 * @heap: a heap
 * @counts: filled in: [0] candidates that have come since the last
 *	    collection, about, in so far as they are counted (see
 *	    &refheap_params.threshold); [1] collections of age 0 since the
 *	    last older one; [2] those of age 1 since the last full one
 *
 * Context: any.
 */
void refheap_get_counts(struct refheap *heap, unsigned int counts[REFHEAP_AGES])
{
	unsigned int age;

	if (refpointer_bad(heap) || refpointer_bad(counts))
		return;
	counts[0] = refheap_marks_counted(heap);
	for (age = 1; age < REFHEAP_AGES; age++)
		counts[age] = READ_ONCE(heap->counts[age]);
}
EXPORT_SYMBOL_REFHEAP(refheap_get_counts);

/**
 * refobj_is_tracked - does the collector have to do with an object?
 * @obj: a held object
 *
 * Context: any.
 * Return: true, or false for a leaf: it has no slots.
 */
bool refobj_is_tracked(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return false;
	return !refobj_chunk(obj)->type->leaf;
}
EXPORT_SYMBOL_REFHEAP(refobj_is_tracked);

/**
 * refobj_age - how old the collector takes an object to be
 * @obj: a held object
 *
 * Context: any.
 * Return: 0 until it has survived a collection, 1 until one of age 1, 2, or
 * %REFAGE_FROZEN; 0 for a leaf.
 */
unsigned int refobj_age(const struct refobj *obj)
{
	struct refchunk *chunk;
	unsigned long place;

	if (refpointer_bad(obj))
		return 0;
	place = READ_ONCE(obj->place);
	chunk = place_chunk(place);
	if (chunk->type->leaf || refword_read(obj) & REFWORD_FRESH)
		return 0;
	return state_age(READ_ONCE(chunk->state[place_index(place)]));
}
EXPORT_SYMBOL_REFHEAP(refobj_age);
