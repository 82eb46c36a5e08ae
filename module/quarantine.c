// SPDX-License-Identifier: GPL-2.0
/*
 * Quarantine: released memory that waits before it is used again.
 *
 * For heaps that ask for it (REFHEAP_QUARANTINE).  What is released has no
 * object's word any more, and as long as nobody else moves in, every use of
 * it is found, named and contained (G9).  The queue runs through the rows of
 * the object table, which have nothing else to hold then, oldest first; its
 * length is limited, and memory pressure empties it.
 */
#include "internal.h"

#define REFQUARANTINE_MOST	8192	/* objects of a heap */

static struct refobj *refquarantine_next(struct refobj *obj)
{
	return (struct refobj *)(*place_row(obj->place) & ~REFROW_LINK);
}

static struct refobj *refquarantine_pop(struct refheap *heap)
{
	struct refobj *obj = heap->quarantined;

	lockdep_assert_held(&heap->quarantine_lock);
	if (obj) {
		heap->quarantined = refquarantine_next(obj);
		heap->nr_quarantined--;
	}
	return obj;
}

/*
 * Take in the memory of an object that has been released.  The oldest goes
 * its way when there are too many.
 */
void refquarantine_add(struct refheap *heap, struct refobj *obj)
{
	struct refobj *oldest = NULL;
	unsigned long flags;

	WRITE_ONCE(*place_row(obj->place), REFROW_LINK);
	spin_lock_irqsave(&heap->quarantine_lock, flags);
	if (heap->quarantined)
		WRITE_ONCE(*place_row(heap->quarantined_last->place),
			   (unsigned long)obj | REFROW_LINK);
	else
		heap->quarantined = obj;
	heap->quarantined_last = obj;
	if (++heap->nr_quarantined > REFQUARANTINE_MOST)
		oldest = refquarantine_pop(heap);
	spin_unlock_irqrestore(&heap->quarantine_lock, flags);
	if (oldest)
		refobj_free_memory(oldest, END_RETURNED);
}

/* Return: how many objects' memory has been let go. */
unsigned long refquarantine_empty(struct refheap *heap)
{
	struct refobj *obj;
	unsigned long nr = 0;

	for (;;) {
		spin_lock_irq(&heap->quarantine_lock);
		obj = refquarantine_pop(heap);
		spin_unlock_irq(&heap->quarantine_lock);
		if (!obj)
			return nr;
		refobj_free_memory(obj, END_RETURNED);
		nr++;
	}
}
