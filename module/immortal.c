// SPDX-License-Identifier: GPL-2.0
/*
 * Immortal objects: nobody counts the references to them.
 *
 * The count lies in a zone of its own, to whose middle it is put back when it
 * has gone astray, as that of a saturated object is.  What the collector
 * cannot count it does not judge, so an immortal object keeps what it refers
 * to.
 *
 * When its heap is destroyed an immortal object becomes mortal: nobody may
 * use it any more, so that the references to it are those in slots.  They are
 * counted in its own word, from the middle of the zone on.
 */
#include "internal.h"

/**
 * refobj_make_immortal - let an object live as long as its heap
 * @obj: a held object; the caller's reference, as all others, need not be put
 *	 any more, but may
 *
 * For what everybody refers to and nobody owns, as Python's None: getting and
 * putting it goes on to be legal, and does not matter.  refheap_destroy()
 * reclaims it, with its finalizer and release, after all others: from the
 * call of that on nobody may use it.
 *
 * Context: any but NMI.
 * Return: true if it is immortal now, false if it is dead, or leaks because
 * it was counted wrongly.
 */
bool refobj_make_immortal(struct refobj *obj)
{
	struct refheap *heap;
	u64 word;

	if (refpointer_bad(obj))
		return false;
	heap = refobj_heap(obj);
	word = refword_read(obj);
	if (!READ_ONCE(heap->immortals))
		WRITE_ONCE(heap->immortals, true);
	do {
		if (!refword_counted(word) || word & REFWORD_DEAD)
			return refword_immortal(word);
	} while (!refword_try_cmpxchg(obj, &word,
				      ((word & ~REFWORD_COUNT) +
				       REFWORD_VERSION) |
				      REFCOUNT_ZONE_IMMORTAL));
	return true;
}
EXPORT_SYMBOL_REFHEAP(refobj_make_immortal);

/**
 * refobj_is_immortal - has an object been made immortal?
 * @obj: a held object
 *
 * Context: any.
 * Return: true after refobj_make_immortal() has.
 */
bool refobj_is_immortal(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return false;
	return refword_immortal(refword_read(obj));
}
EXPORT_SYMBOL_REFHEAP(refobj_is_immortal);

typedef int (*refimmortal_step)(struct refwalk *walk, struct refchunk *chunk,
				unsigned int index);

/* Leaves as well: they may be immortal. */
static int refimmortal_for_each(struct refheap *heap, refimmortal_step step)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;
	unsigned int index;
	int err = 0;

	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		for (index = 0; index < REFROW_PER_CHUNK && !err; index++)
			if (chunk_object(chunk, index))
				err = step(&walk, chunk, index);
		if (err)
			break;
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return err;
}

static void refimmortal_set(struct refobj *obj, u32 count)
{
	u64 word = refword_read(obj);

	do {
		if (!refword_immortal(word))
			return;
	} while (!refword_try_cmpxchg(obj, &word,
				      ((word & ~REFWORD_COUNT) +
				       REFWORD_VERSION) | count));
}

static int refimmortal_begin(struct refwalk *walk, struct refchunk *chunk,
			     unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);

	if (obj)
		refimmortal_set(obj, REFCOUNT_ZONE_IMMORTAL);
	return 0;
}

/* What does not fit into the zone any more stays immortal. */
static void refimmortal_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refobj *target = READ_ONCE(slot->target);
	u64 word = target ? refword_read(target) : 0;

	while (refword_immortal(word) && refword_immortal(word + 1))
		if (refword_try_cmpxchg(target, &word, word + REFWORD_GET))
			break;
}

static int refimmortal_count(struct refwalk *walk, struct refchunk *chunk,
			     unsigned int index)
{
	struct refvisitor visitor = { .slot = refimmortal_slot };

	if (chunk->type->leaf)
		return 0;
	/* One that has gone meanwhile may have been counted in part. */
	return refrow_walk(walk, chunk, index, &visitor) ? -EBUSY : 0;
}

/* One more than the edges counted, and that one is put. */
static int refimmortal_end(struct refwalk *walk, struct refchunk *chunk,
			   unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	u64 word = obj ? refword_read(obj) : 0;
	u32 edges = refword_count(word) - REFCOUNT_ZONE_IMMORTAL;

	if (refword_immortal(word) && edges < REFIMMORTAL_EDGES) {
		refimmortal_set(obj, edges + 1);
		refobj_put_stranger(obj);
	}
	return 0;
}

/*
 * Make all immortal objects mortal: count the references to each, which are
 * those in slots, and give up the one that made it immortal.
 *
 * An object at zero whose slots have not been emptied refers to them as well,
 * and is not met: none may be on its way, or have come to its end meanwhile.
 *
 * Context: the heap's thread, between collections, while callbacks may run.
 * Return: 0, or -EBUSY if an object that may refer to them could not be
 * visited; then they are immortal as before.
 */
int refheap_end_immortals(struct refheap *heap)
{
	struct refheap_stats before, after;
	int err;

	refheap_get_stats(heap, &before);
	refimmortal_for_each(heap, refimmortal_begin);
	err = refimmortal_for_each(heap, refimmortal_count);
	refheap_get_stats(heap, &after);
	if (!err && (before.freed != after.freed || refheap_in_transit(heap)))
		err = -EBUSY;
	if (!err)
		refimmortal_for_each(heap, refimmortal_end);
	return err;
}
