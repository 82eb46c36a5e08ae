// SPDX-License-Identifier: GPL-2.0
/*
 * Freezing: Python's permanent generation.
 *
 * What is frozen is no root, is never expanded and no member of an island,
 * so it costs a collection nothing, and keeps alive what it refers to because
 * nobody counts its edges.  It is still released when its count comes to
 * zero.  That it is frozen is its row's age; a new object in the row has
 * FRESH in its word, and then the age says nothing (refrow_age()).
 */
#include "internal.h"
#include "reading.h"

/* Looked at, so that FRESH is cleared and the age means this object. */
static void refrow_freeze(struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	u64 word;

	if (obj && refcandidate_look(obj, chunk_place(chunk, index), false,
				     &word))
		WRITE_ONCE(chunk->state[index], REFAGE_FROZEN << ROW_AGE_SHIFT);
}

static void refrow_unfreeze(struct refchunk *chunk, unsigned int index)
{
	if (state_age(chunk->state[index]) == REFAGE_FROZEN)
		WRITE_ONCE(chunk->state[index],
			   (REFHEAP_AGES - 1) << ROW_AGE_SHIFT);
}

typedef void (*refrow_function)(struct refchunk *chunk, unsigned int index);

static void reffreeze_for_each(struct refheap *heap, refrow_function each)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;
	unsigned int index;

	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			each(chunk, index);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
}

/* The thread, between collections. */
void reffreeze_all(struct refheap *heap)
{
	reffreeze_for_each(heap, refrow_freeze);
}

void reffreeze_undo(struct refheap *heap)
{
	reffreeze_for_each(heap, refrow_unfreeze);
}

/**
 * refheap_freeze - take all present containers out of collections
 * @heap: a heap
 *
 * As Python's gc.freeze(): what a client sets up once and keeps costs later
 * collections nothing.  A frozen object keeps alive what it refers to, a
 * cycle of frozen objects is not collected, and one that only points at them
 * is; put to zero it is released as any other.  Objects allocated while the
 * call runs may or may not be frozen.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: 0, or -EDEADLK from a callback of @heap.
 */
int refheap_freeze(struct refheap *heap)
{
	if (refpointer_bad(heap))
		return -EINVAL;
	return refheap_request(heap, REQUEST_FREEZE, SCOPE_NONE);
}
EXPORT_SYMBOL_REFHEAP(refheap_freeze);

/**
 * refheap_unfreeze - let collections look at frozen objects again
 * @heap: a heap
 *
 * They are of age 2 then, and a full pass is due.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: 0, or -EDEADLK from a callback of @heap.
 */
int refheap_unfreeze(struct refheap *heap)
{
	if (refpointer_bad(heap))
		return -EINVAL;
	return refheap_request(heap, REQUEST_UNFREEZE, SCOPE_NONE);
}
EXPORT_SYMBOL_REFHEAP(refheap_unfreeze);

/**
 * refheap_frozen - count the frozen objects
 * @heap: a heap
 *
 * Looks through the object table.
 *
 * Context: process, may sleep.
 * Return: how many there are.
 */
u64 refheap_frozen(struct refheap *heap)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;
	unsigned int index;
	u64 nr = 0;

	if (refpointer_bad(heap))
		return 0;
	might_sleep();
	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (refrow_age(chunk, index) == REFAGE_FROZEN)
				nr++;
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return nr;
}
EXPORT_SYMBOL_REFHEAP(refheap_frozen);
