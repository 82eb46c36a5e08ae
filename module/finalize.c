// SPDX-License-Identifier: GPL-2.0
/*
 * Finalizers of islands, in the order of CPython's gc (3.11, PEP 442):
 *
 *  1. every island is judged and condemned; weak references to members die
 *  2. islands with members that have not been finalized are brought back:
 *     the collector holds each member
 *  3. all their finalizers run; the islands are as their clients left them
 *  4. they are divided into islands as they are now, and judged again: what
 *     somebody refers to, and what that leads to, lives on, without weak
 *     references
 *  5. all that is dead is reclaimed (reclaim.c)
 *
 * No client code but visit callbacks runs before 3, and none between 3 and 5.
 * A finalizer that is to run when the last reference is put: release.c.
 */
#include <linux/sched.h>
#include <trace/events/refheap.h>

#include "internal.h"
#include "reading.h"

static bool row_unfinalized(const struct refchunk *chunk,
			    const struct refobj *obj)
{
	return chunk->type->desc.finalize &&
	       !(refword_read(obj) & REFWORD_FINALIZED);
}

static void refisland_find_unfinalized(struct refheap *heap,
				       struct refchunk *chunk,
				       unsigned int index, void *data)
{
	if (row_unfinalized(chunk, chunk_object(chunk, index)))
		*(bool *)data = true;
}

/* Has a dead island finalizers that are still to be called? */
bool refisland_unfinalized(struct refisland *island)
{
	struct refheap *heap = island->heap;
	bool found = false;

	if (READ_ONCE(heap->finalizers) && !READ_ONCE(heap->dead))
		refisland_for_members(heap, island->first,
				      refisland_find_unfinalized, &found);
	return found;
}

static void refobj_finalize(struct refheap *heap, struct refobj *obj,
			    struct reftype *type)
{
	if (!refheap_callback_begin(heap, &heap->running))
		return;
	if (!busted(FAULT_finalized))
		atomic64_or(REFWORD_FINALIZED, &obj->word);
	type->desc.finalize(obj);
	refheap_callback_end(&heap->running);
}

/* Call the finalizers of all islands that have been brought back. */
void refheap_finalize_members(struct refheap *heap)
{
	struct refchunk *chunk, *next;
	unsigned int index;
	struct refobj *obj;

	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++) {
			if (!row_revived(chunk, index))
				continue;
			obj = chunk_object(chunk, index);
			if (!row_unfinalized(chunk, obj))
				continue;
			refobj_finalize(heap, obj, chunk->type);
			cond_resched();
		}
		cond_resched();
	}
}

static void refisland_look(struct refheap *heap, struct refchunk *chunk,
			   unsigned int index, void *data)
{
	u64 word;

	chunk->state[index] |= ROW_SEEN;
	refcandidate_look(chunk_object(chunk, index),
			  chunk_place(chunk, index), false, &word);
}

/*
 * Members are suspects again.  What finalizers put and moved is no reason to
 * spare them.
 */
void refisland_look_again(struct refisland *island)
{
	refisland_for_members(island->heap, island->first, refisland_look,
			      NULL);
}

/* Counts members that no cycle keeps; see refisland_count_loose(). */
struct refloose {
	struct refvisitor visitor;
	struct refheap *heap;
};

static void refloose_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refloose *loose = container_of(visitor, struct refloose,
					      visitor);
	struct refobj *target = READ_ONCE(slot->target);
	struct refchunk *chunk;
	unsigned int index;

	if (!target)
		return;
	chunk = refrow_find(loose->heap, target, &index);
	if (chunk && row_doomed(chunk, index) && chunk->snapshot[index] &&
	    !--chunk->snapshot[index])
		reftrace_push(loose->heap, chunk, index);
}

static void refloose_begin(struct refheap *heap, struct refchunk *chunk,
			   unsigned int index, void *data)
{
	chunk->snapshot[index] =
		refword_count(refword_read(chunk_object(chunk, index)));
	if (!chunk->snapshot[index])
		reftrace_push(heap, chunk, index);
}

/*
 * Count the members of a dead island whose last references went when the
 * finalizers took its cycles apart, and what only these lead to.  But for the
 * collector's they would have been released then and there, as garbage of no
 * cycle, and CPython does not count them as collected either.
 */
u64 refisland_count_loose(struct refisland *island)
{
	struct refloose loose = {
		.visitor.slot = refloose_slot,
		.heap = island->heap,
	};
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	u64 nr = 0;

	refisland_for_members(island->heap, island->first, refloose_begin,
			      NULL);
	refwalk_begin(&walk);
	while (reftrace_pop(island->heap, &walk, &chunk, &index)) {
		refrow_walk(&walk, chunk, index, &loose.visitor);
		nr++;
	}
	refwalk_end(&walk);
	return nr;
}
