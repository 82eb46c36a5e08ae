// SPDX-License-Identifier: GPL-2.0
/*
 * Save-all: what would be reclaimed is kept instead, to be looked at, as with
 * Python's gc.DEBUG_SAVEALL.
 *
 * An island that is dead is brought back as if for finalizers (finalize.c), so
 * that each member has a reference of the collector's, weak references to it
 * are dead, and finalizers run.  What is then still closed is kept as it is:
 * heap->garbage, by row, takes over the collector's references.
 *
 * After the verdict there is no way back, so the room in the list is reserved
 * before (G8): an island for which there is none is left for another
 * collection.
 */
#include "internal.h"

static void refgarbage_reserve_row(struct refheap *heap,
				   struct refchunk *chunk, unsigned int index,
				   void *data)
{
	int *err = data;

	if (!*err)
		*err = xa_reserve(&heap->garbage, chunk_row(chunk, index),
				  GFP_KERNEL | __GFP_NOWARN);
}

/* Return: true if there is room for an island, or none is needed. */
bool refgarbage_reserve(struct refisland *island)
{
	struct refheap *heap = island->heap;
	int err = 0;

	if (heap->saving)
		refisland_for_members(heap, island->first,
				      refgarbage_reserve_row, &err);
	return !err;
}

/* A row's object lives on by itself. */
void refgarbage_unreserve(struct refheap *heap, struct refchunk *chunk,
			  unsigned int index)
{
	if (heap->saving)
		xa_release(&heap->garbage, chunk_row(chunk, index));
}

static void refgarbage_keep_row(struct refheap *heap, struct refchunk *chunk,
				unsigned int index, void *data)
{
	/* The place is reserved: nothing is allocated. */
	xa_store(&heap->garbage, chunk_row(chunk, index),
		 chunk_object(chunk, index), GFP_NOWAIT);
	chunk->state[index] &= ~ROW_MEMBER;
	chunk->state[index] |= ROW_LIVE;
}

/* The collector's references to the members become the list's. */
void refgarbage_keep(struct refisland *island)
{
	struct refheap *heap = island->heap;

	refisland_for_members(heap, island->first, refgarbage_keep_row, NULL);
	WRITE_ONCE(heap->stats.kept, heap->stats.kept + island->members);
}

/**
 * refheap_set_save_all - keep garbage instead of reclaiming it
 * @heap: a heap
 * @save: from the next collection on
 *
 * For looking at what becomes garbage and why.  An island that would be
 * reclaimed is then kept as it is, in the heap's garbage list: finalizers run
 * and weak references to it die, but no slot is emptied and nothing released.
 * What is released because its count came to zero is not kept.
 *
 * Turning this off leaves the list as it is; refheap_empty_garbage() or
 * refheap_destroy() empties it.
 *
 * Context: any.
 */
void refheap_set_save_all(struct refheap *heap, bool save)
{
	if (refpointer_bad(heap))
		return;
	WRITE_ONCE(heap->save_all, save);
}
EXPORT_SYMBOL_REFHEAP(refheap_set_save_all);

/* Take a reference of one's own to what a row of the list says. */
static struct refobj *refgarbage_get(struct refheap *heap, unsigned long row)
{
	struct refobj *obj;

	xa_lock(&heap->garbage);
	obj = xa_load(&heap->garbage, row);
	if (obj)
		refobj_get(obj);
	xa_unlock(&heap->garbage);
	return obj;
}

/**
 * refheap_garbage - read the garbage list
 * @heap: a heap
 * @list: filled with counted references, which the caller puts
 * @nr: length of @list; 0 to count only
 *
 * Context: process, may sleep.
 * Return: how many objects are in the garbage list, which may be more than
 * @nr.
 */
long refheap_garbage(struct refheap *heap, struct refobj **list,
		     unsigned int nr)
{
	struct refobj *obj;
	unsigned long row;
	long found = 0;

	if (refpointer_bad(heap) || (nr && refpointer_bad(list)))
		return -EINVAL;
	might_sleep();
	xa_for_each(&heap->garbage, row, obj) {
		if (found < nr) {
			obj = refgarbage_get(heap, row);
			if (!obj)
				continue;
			list[found] = obj;
		}
		found++;
		cond_resched();
	}
	return found;
}
EXPORT_SYMBOL_REFHEAP(refheap_garbage);

/**
 * refheap_empty_garbage - give up the garbage list
 * @heap: a heap
 *
 * Puts the list's references.  What nobody else holds is garbage again, to be
 * reclaimed by the next collection, or kept by it, if that is still asked for.
 *
 * Context: process, may sleep; also from notifiers and other callbacks.
 * Return: how many objects were in the list.
 */
long refheap_empty_garbage(struct refheap *heap)
{
	struct refobj *obj;
	unsigned long row;
	long nr = 0;

	if (refpointer_bad(heap))
		return -EINVAL;
	might_sleep();
	xa_for_each(&heap->garbage, row, obj) {
		/* Whoever takes it off the list puts it. */
		if (xa_cmpxchg(&heap->garbage, row, obj, NULL, 0) != obj)
			continue;
		refobj_put(obj);
		nr++;
		cond_resched();
	}
	return nr;
}
EXPORT_SYMBOL_REFHEAP(refheap_empty_garbage);
