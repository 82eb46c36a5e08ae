// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaiming a dead island, in stages over the whole of it: no callback sees
 * a member that is not yet marked dead, and no release sees a slot that is
 * not yet empty (G4).
 *
 * The members are the collector's alone, so the walks need no RCU.  A member
 * that fails the last check stays as it is, dead and out of reach.
 */
#include <linux/sched.h>
#include <trace/events/refheap.h>

#include "cascade.h"
#include "internal.h"
#include "reading.h"

struct refreclaim {
	struct refcascade cascade;	/* what the island alone kept alive */
	u64 members;
	long freed;
};

/* Call a function on each member of the ring that @first is in. */
void refisland_for_members(struct refheap *heap, u32 first,
			   refmember_function function, void *data)
{
	u32 row = first, next;
	struct refchunk *chunk;
	unsigned int index, nr = 0;

	do {
		chunk = refrow_chunk(heap, row);
		index = row & REFROW_INDEX;
		next = chunk->link[index];	/* the row may be freed */
		function(heap, chunk, index, data);
		row = next;
		if (!(++nr % 64))
			cond_resched();
	} while (row != first);
}

/* Call a function on each object that has been seen. */
static void refheap_for_seen(struct refheap *heap, refmember_function function,
			     void *data)
{
	struct refchunk *chunk, *next;
	unsigned int index;

	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (chunk->state[index] & ROW_SEEN)
				function(heap, chunk, index, data);
		cond_resched();
	}
}

static void refmember_kill_weaks(struct refheap *heap, struct refchunk *chunk,
				 unsigned int index, void *data)
{
	struct refobj *obj = chunk_object(chunk, index);

	if (refobj_weak(obj))
		refweak_kill(obj, true);
}

/* The verdict is DEAD: so are weak references to the members. */
void refisland_kill_weaks(struct refisland *island)
{
	if (xa_empty(&island->heap->weaks))
		return;
	if (island->together)
		refheap_for_seen(island->heap, refmember_kill_weaks, NULL);
	else
		refisland_for_members(island->heap, island->first,
				      refmember_kill_weaks, NULL);
}

/*
 * From here on the word itself says so, and the verdict word may be used for
 * another island.  Pairs with refobj_condemned().
 */
static void refmember_stamp(struct refheap *heap, struct refchunk *chunk,
			    unsigned int index, void *data)
{
	struct refisland *island = data;
	struct refobj *obj = chunk_object(chunk, index);

	/* Fully ordered, unlike atomic64_or(). */
	atomic64_fetch_or(REFWORD_DEAD, &obj->word);
	if (island->pinned)
		atomic64_add(REFWORD_PUT, &obj->word);
}

/* Seal the verdict over an island, and give up what the collector held. */
void refisland_doom(struct refisland *island)
{
	refisland_for_members(island->heap, island->first, refmember_stamp,
			      island);
	trace_refheap_phase(island->heap, REFHEAP_PHASE_STAMPED,
			    island->members);
}

struct refempty {
	struct refvisitor visitor;
	struct refreclaim *reclaim;
};

/* An edge inside the island ends in a dead object: no put releases it. */
static void refempty_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refempty *empty = container_of(visitor, struct refempty,
					      visitor);
	struct refobj *target = READ_ONCE(slot->target);

	if (!target)
		return;
	WRITE_ONCE(slot->target, NULL);
	if (busted(FAULT_edges_out) && !(refword_read(target) & REFWORD_DEAD))
		return;
	if (refobj_drop(target))
		refcascade_add(&empty->reclaim->cascade, target);
}

static void refmember_empty(struct refheap *heap, struct refchunk *chunk,
			    unsigned int index, void *data)
{
	struct refempty empty = {
		.visitor.slot = refempty_slot,
		.reclaim = data,
	};
	struct refobj *obj = chunk_object(chunk, index);
	long at = 0;

	empty.reclaim->members++;

	for (;;) {
		rcu_read_lock();
		at = refobj_walk(obj, chunk->type, at, 256, &empty.visitor);
		rcu_read_unlock();
		if (!at)
			return;
		cond_resched();
		if (at == -ESHUTDOWN)
			at = 1;
		if (at > 0)
			continue;
		/* An earlier reader has its lock: let it finish. */
		at = 0;
		schedule_timeout_uninterruptible(1);
	}
}

/* The thread is the only one here: refheap_destroy() asks it to finish. */
static void refmember_release(struct refheap *heap, struct refchunk *chunk,
			      unsigned int index, void *data)
{
	struct refobj *obj = chunk_object(chunk, index);

	refweak_clear_members(obj, chunk->type);
	if (!chunk->type->desc.release ||
	    !refheap_callback_begin(heap, &heap->running))
		return;
	chunk->type->desc.release(obj);
	refheap_callback_end(&heap->running);
}

static void refmember_free(struct refheap *heap, struct refchunk *chunk,
			   unsigned int index, void *data)
{
	struct refobj *obj = chunk_object(chunk, index);
	struct refreclaim *reclaim = data;
	u64 word = refword_read(obj);

	/* Whoever takes the row is no member and has not been seen. */
	chunk->state[index] = 0;
	if (refword_count(word)) {
		refobj_warn(obj, "%u references remain to a reclaimed object, its memory is kept",
			    refword_count(word));
		return;
	}
	atomic64_set(&obj->word, refword_dead(word));
	refobj_free(obj);
	reclaim->freed++;
}

/*
 * What the island alone kept alive comes to its end now; if others have not been
 * decided yet, when they have: clients may be told of it.
 */
static void refreclaim_end(struct refreclaim *reclaim, struct refheap *heap,
			   bool early)
{
	struct refobj *obj;

	while (early && (obj = refcascade_next(&reclaim->cascade)))
		refobj_defer(obj);
	refcascade_run(&reclaim->cascade);
	WRITE_ONCE(heap->stats.islands, heap->stats.islands + 1);
}

/* Return: the number of members freed. */
long refisland_reclaim(struct refheap *heap, u32 first)
{
	struct refreclaim reclaim = {};

	refcascade_init(&reclaim.cascade, &heap->running, heap);
	if (busted(FAULT_release_first))
		refisland_for_members(heap, first, refmember_release, NULL);
	refisland_for_members(heap, first, refmember_empty, &reclaim);
	trace_refheap_phase(heap, REFHEAP_PHASE_EMPTIED, reclaim.members);
	if (!busted(FAULT_release_first))
		refisland_for_members(heap, first, refmember_release, NULL);
	trace_refheap_phase(heap, REFHEAP_PHASE_RELEASED, reclaim.members);
	refisland_for_members(heap, first, refmember_free, &reclaim);
	refreclaim_end(&reclaim, heap, false);
	return reclaim.freed;
}

/*
 * All that has been seen, together
 * ================================
 *
 * If no reference leads out of it, and no member's type has a callback, there
 * are no stages: every slot's reference is one of those counted, and goes with
 * the object that it leads to.  So a slot of a condemned object may lead to
 * memory that is gone: who reads slots of objects that he does not hold, and
 * goes where they lead, looks at the word before (refobjects_show()).
 *
 * That no reference leads out is not what the trace has seen, but what the
 * slots hold when all has been read, and nobody can edit a member's
 * slots any more: somebody who held a member that had not been read may have
 * filled an empty slot of one that had.  If anything was stored in any slot,
 * those that are not empty are counted (refisland_condemn_seen()).
 */

/*
 * Empty the slots of an object that stays, though it is dead; they refer to
 * members, which are dead or gone.
 */
static void refobj_forget_members(struct refobj *obj,
				  const struct reftype *type)
{
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, type, obj)
		WRITE_ONCE(slot->target, NULL);
}

/* Has nothing happened to a condemned object's word? */
static bool refrow_untouched(const struct refchunk *chunk, unsigned int index,
			     u64 word)
{
	u64 read = chunk->snapshot[index] & ~READING_FLAGS;

	/* WEAK went when weak references were killed. */
	return !((word ^ (read | REFWORD_CONDEMNED)) &
		 ~(REFWORD_COUNT | REFWORD_WEAK));
}

/* Reclaim the members in a chunk.  Return: their number. */
static unsigned int refchunk_reclaim(struct refheap *heap,
				     struct refchunk *chunk,
				     const struct refchunk *ahead)
{
	/* The trace's stack is empty, and long enough. */
	void **memory = (void **)heap->stack;
	struct reftype *type = chunk->type;
	DECLARE_BITMAP(rows, REFROW_PER_CHUNK);
	unsigned int index, nr = 0;
	struct refobj *obj;
	u64 word;

	BUILD_BUG_ON(REFHEAP_STACK < REFROW_PER_CHUNK);
	bitmap_zero(rows, REFROW_PER_CHUNK);
	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		refchunk_ahead(ahead, index);
		if (!(chunk->state[index] & ROW_SEEN))
			continue;
		chunk->state[index] = 0;
		obj = chunk_object(chunk, index);
		word = refword_read(obj);
		if (unlikely(!refrow_untouched(chunk, index, word))) {
			refobj_forget_members(obj, type);
			atomic64_or(REFWORD_DEAD, &obj->word);
			refobj_warn(obj, "referred to while being reclaimed, its memory is kept");
			continue;
		}
		atomic64_set(&obj->word, refword_dead(word));
		WRITE_ONCE(chunk->object[index], 0);
		refrows_set(rows, index);
		memory[nr++] = refobj_memory(type, obj);
	}
	if (nr)
		refchunk_free_rows(chunk, rows, memory, nr);
	return nr;
}

/* Do all objects seen come to their end without a word? */
static bool refisland_silent(const struct refisland *island)
{
	const struct refheap *heap = island->heap;
	u64 used = island->edited ? island->slots :
				    heap->tally.edges + heap->tally.others;

	return !READ_ONCE(heap->careful) && !heap->touched_loud &&
	       (used == island->edges || busted(FAULT_used_slots));
}

/*
 * The chunk that was condemned last comes first: its memory may still be in
 * the processor's cache.
 */
static void refheap_turn_touched(struct refheap *heap)
{
	struct refchunk *chunk, *next, *last = NULL;

	refheap_for_each_touched(heap, chunk, next) {
		chunk->touched = last ?: chunk;
		last = chunk;
		cond_resched();
	}
	heap->touched = last;
}

static void refheap_reclaim_silently(struct refheap *heap,
				     struct refreclaim *reclaim)
{
	struct refchunk *chunk, *next;

	refheap_turn_touched(heap);
	refheap_for_each_touched(heap, chunk, next) {
		refchunk_prefetch(refchunk_next(next));
		reclaim->freed += refchunk_reclaim(heap, chunk, next ?: chunk);
		chunk->touched = NULL;
		cond_resched();
	}
	heap->touched = NULL;
	/*
	 * What has been stamped is, before another island is tried.  Pairs with
	 * refobj_condemned().
	 */
	smp_mb();
}

/* Return: the number of objects freed. */
long refisland_reclaim_together(struct refisland *island)
{
	struct refheap *heap = island->heap;
	struct refreclaim reclaim = {};

	refcascade_init(&reclaim.cascade, &heap->running, heap);
	if (refisland_silent(island)) {
		refheap_reclaim_silently(heap, &reclaim);
	} else {
		refheap_for_seen(heap, refmember_stamp, island);
		trace_refheap_phase(heap, REFHEAP_PHASE_STAMPED,
				    island->members);
		if (busted(FAULT_release_first))
			refheap_for_seen(heap, refmember_release, NULL);
		refheap_for_seen(heap, refmember_empty, &reclaim);
		trace_refheap_phase(heap, REFHEAP_PHASE_EMPTIED,
				    island->members);
		if (!busted(FAULT_release_first))
			refheap_for_seen(heap, refmember_release, NULL);
		trace_refheap_phase(heap, REFHEAP_PHASE_RELEASED,
				    island->members);
		refheap_for_seen(heap, refmember_free, &reclaim);
	}
	refreclaim_end(&reclaim, heap, island->early);
	return reclaim.freed;
}
