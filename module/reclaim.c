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

#include "internal.h"

struct refreclaim {
	struct refheap *heap;
	struct refisland *island;
	struct refcascade cascade;	/* what the island alone kept alive */
	long freed;
};

typedef void (*refreclaim_stage)(struct refreclaim *reclaim,
				 struct refobj *obj, struct refchunk *chunk,
				 unsigned int index);

static void refreclaim_for_each(struct refreclaim *reclaim,
				refreclaim_stage stage)
{
	struct refisland *island = reclaim->island;
	u32 row = island->first, next;
	struct refchunk *chunk;
	unsigned int index, nr = 0;

	do {
		chunk = refrow_chunk(island->heap, row);
		index = row & REFROW_INDEX;
		next = chunk->link[index];	/* the row may be freed */
		stage(reclaim, chunk_object(chunk, index), chunk, index);
		row = next;
		if (!(++nr % 64))
			cond_resched();
	} while (row != island->first);
}

/*
 * From here on the word itself says so, and the verdict word may be used for
 * another island.  Pairs with refobj_condemned().
 */
static void refreclaim_stamp(struct refreclaim *reclaim, struct refobj *obj,
			     struct refchunk *chunk, unsigned int index)
{
	/* Fully ordered, unlike atomic64_or(). */
	atomic64_fetch_or(REFWORD_DEAD, &obj->word);
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
	if (refobj_drop(target))
		refcascade_add(&empty->reclaim->cascade, target);
}

static void refreclaim_empty(struct refreclaim *reclaim, struct refobj *obj,
			     struct refchunk *chunk, unsigned int index)
{
	struct refempty empty = {
		.visitor.slot = refempty_slot,
		.reclaim = reclaim,
	};
	long at = 0;

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
static void refreclaim_release(struct refreclaim *reclaim, struct refobj *obj,
			       struct refchunk *chunk, unsigned int index)
{
	struct refheap *heap = reclaim->heap;

	if (!chunk->type->desc.release ||
	    !refheap_callback_begin(heap, &heap->running))
		return;
	chunk->type->desc.release(obj);
	refheap_callback_end(&heap->running);
}

static void refreclaim_free(struct refreclaim *reclaim, struct refobj *obj,
			    struct refchunk *chunk, unsigned int index)
{
	u64 word = refword_read(obj);

	if (refword_count(word)) {
		refobj_warn(obj, "%u references remain to a reclaimed object, its memory is kept",
			    refword_count(word));
		return;
	}
	/* Whoever takes the row is no member and has not been seen. */
	chunk->state[index] = 0;
	atomic64_set(&obj->word, refword_dead(word));
	refobj_free(obj);
	reclaim->freed++;
}

/* Return: the number of members freed. */
long refisland_reclaim(struct refisland *island)
{
	struct refheap *heap = island->heap;
	struct refreclaim reclaim = { .heap = heap, .island = island };
	u64 members = island->members;

	refcascade_init(&reclaim.cascade, &heap->running, true);
	trace_refheap_phase(heap, REFHEAP_PHASE_VERDICT, members);
	refreclaim_for_each(&reclaim, refreclaim_stamp);
	trace_refheap_phase(heap, REFHEAP_PHASE_STAMPED, members);
	if (busted("release-first"))
		refreclaim_for_each(&reclaim, refreclaim_release);
	refreclaim_for_each(&reclaim, refreclaim_empty);
	trace_refheap_phase(heap, REFHEAP_PHASE_EMPTIED, members);
	if (!busted("release-first"))
		refreclaim_for_each(&reclaim, refreclaim_release);
	trace_refheap_phase(heap, REFHEAP_PHASE_RELEASED, members);
	refreclaim_for_each(&reclaim, refreclaim_free);

	refcascade_run(&reclaim.cascade);
	heap->stats.islands++;
	heap->stats.reclaimed += reclaim.freed;
	return reclaim.freed;
}
