// SPDX-License-Identifier: GPL-2.0
/*
 * Islands: suspects that refer to one another, in either direction, are
 * tried together; others must not suffer from what happens to them.
 */
#include <linux/module.h>
#include <trace/events/refheap.h>

#include "internal.h"

/*
 * From so many suspects on all of them are tried together first.  That is
 * cheaper by far, if nothing is alive among what was seen, and all for nothing
 * if somebody uses one of them.
 */
static unsigned int together = 1024;
module_param(together, uint, 0644);
MODULE_PARM_DESC(together, "Suspects from which on all islands are tried as one");

/* How often what is left of an island is tried again in one collection. */
#define REFISLAND_TRIALS	16

static bool row_suspect(const struct refchunk *chunk, unsigned int index)
{
	return (chunk->state[index] & (ROW_SEEN | ROW_LIVE | ROW_MEMBER)) ==
	       ROW_SEEN;
}

static u32 *row_link(struct refheap *heap, u32 row)
{
	return &refrow_chunk(heap, row)->link[row & REFROW_INDEX];
}

/* Union-find in the links: an island's head links to itself. */
static u32 refisland_head(struct refheap *heap, u32 row)
{
	u32 *link = row_link(heap, row), *up;

	while (*link != row) {
		up = row_link(heap, *link);
		*link = *up;	/* halve the path */
		row = *link;
		link = row_link(heap, row);
	}
	return row;
}

struct refdivide {
	struct refvisitor visitor;
	struct refheap *heap;
	bool revived;		/* divide those, not the suspects */
	u32 row;		/* whose slots are visited */
	u64 islands;
};

static bool refdivide_wants(const struct refdivide *divide,
			    const struct refchunk *chunk, unsigned int index)
{
	return divide->revived ? row_revived(chunk, index) :
				 row_suspect(chunk, index);
}

static void refdivide_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refdivide *divide = container_of(visitor, struct refdivide,
						visitor);
	struct refobj *target = READ_ONCE(slot->target);
	struct refchunk *chunk;
	unsigned int index;
	u32 head, other;

	if (!target)
		return;
	chunk = refrow_find(divide->heap, target, &index);
	if (!chunk || !refdivide_wants(divide, chunk, index))
		return;
	head = refisland_head(divide->heap, divide->row);
	other = refisland_head(divide->heap, chunk_row(chunk, index));
	if (head != other)
		*row_link(divide->heap, max(head, other)) = min(head, other);
}

/* Call @each on every suspect. */
static void refisland_for_suspects(struct refheap *heap,
				   void (*each)(struct refdivide *divide,
						struct refwalk *walk,
						struct refchunk *chunk,
						unsigned int index),
				   struct refdivide *divide)
{
	struct refchunk *chunk, *next;
	struct refwalk walk;
	unsigned int index;

	refwalk_begin(&walk);
	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (refdivide_wants(divide, chunk, index))
				each(divide, &walk, chunk, index);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
}

static void refdivide_alone(struct refdivide *divide, struct refwalk *walk,
			    struct refchunk *chunk, unsigned int index)
{
	chunk->link[index] = chunk_row(chunk, index);
}

static void refdivide_join(struct refdivide *divide, struct refwalk *walk,
			   struct refchunk *chunk, unsigned int index)
{
	divide->row = chunk_row(chunk, index);
	/* What cannot be visited now will not be closed either. */
	refrow_walk(walk, chunk, index, &divide->visitor);
}

/* Every member links to the head, the member with the lowest row. */
static void refdivide_flatten(struct refdivide *divide, struct refwalk *walk,
			      struct refchunk *chunk, unsigned int index)
{
	u32 row = chunk_row(chunk, index);

	chunk->link[index] = refisland_head(divide->heap, row);
	if (chunk->link[index] == row)
		divide->islands++;
}

/*
 * Turn the links into rings: each other member goes between the head and what
 * the head links to.  A head is told by a link that is not lower than its
 * row, before and after.
 */
static void refdivide_ring(struct refdivide *divide, struct refwalk *walk,
			   struct refchunk *chunk, unsigned int index)
{
	u32 row = chunk_row(chunk, index);
	u32 *head;

	if (chunk->link[index] >= row)
		return;
	head = row_link(divide->heap, chunk->link[index]);
	chunk->link[index] = *head;
	*head = row;
}

/*
 * Divide the suspects, or what has been brought back, into islands: rings
 * through the links.
 */
u64 refisland_divide(struct refheap *heap, bool revived)
{
	struct refdivide divide = {
		.visitor.slot = refdivide_slot,
		.heap = heap,
		.revived = revived,
	};

	refisland_for_suspects(heap, refdivide_alone, &divide);
	refisland_for_suspects(heap, refdivide_join, &divide);
	refisland_for_suspects(heap, refdivide_flatten, &divide);
	refisland_for_suspects(heap, refdivide_ring, &divide);
	trace_refheap_phase(heap, REFHEAP_PHASE_DIVIDED, divide.islands);
	return divide.islands;
}

/* Leave a row's object for another collection. */
static void refisland_remark(struct refchunk *chunk, unsigned int index,
			     bool rescued)
{
	if (rescued ? busted(FAULT_rescued) : busted(FAULT_remark))
		return;
	if (chunk->state[index] & ROW_ROOT && chunk_object(chunk, index))
		refrow_park(chunk, index);
}

/* What a collection has decided so far. */
struct refdecision {
	struct refheap *heap;
	struct refcascade cascade;	/* what only the collector still held */
	u64 revived;			/* islands brought back */
	long loose;			/* see refisland_count_loose() */
};

/* The collector's reference to a member that lives on. */
static void refisland_unpin(struct refdecision *decision,
			    struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);

	if (refobj_drop(obj))
		refcascade_add(&decision->cascade, obj);
}

/*
 * A trial failed.  Drop the member that spoiled it and all that it leads to,
 * and keep the rest for another; without such a member drop all.  The dropped
 * stay candidates if they were.
 */
static void refisland_shrink(struct refdecision *decision,
			     struct refisland *island, bool all)
{
	struct refheap *heap = island->heap;
	u32 row = island->first, next, first = U32_MAX, last = U32_MAX;
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;

	if (island->failed) {
		island->failed->state[island->failed_index] |= ROW_LIVE;
		reftrace_push(heap, island->failed, island->failed_index);
		reftrace_spread_live(heap, ROW_SEEN | ROW_MEMBER);
	}
	refwalk_begin(&walk);
	do {
		chunk = refrow_chunk(heap, row);
		index = row & REFROW_INDEX;
		next = chunk->link[index];
		chunk->state[index] &= ~ROW_MEMBER;
		if (all || !island->failed || chunk->state[index] & ROW_LIVE) {
			chunk->state[index] |= ROW_LIVE;
			refisland_remark(chunk, index, !island->failed);
			refgarbage_unreserve(heap, chunk, index);
			if (island->pinned)
				refisland_unpin(decision, chunk, index);
		} else {
			if (first == U32_MAX)
				first = row;
			else
				*row_link(heap, last) = row;
			last = row;
		}
		row = next;
		refwalk_pause(&walk, 1);
	} while (row != island->first);
	refwalk_end(&walk);
	if (first != U32_MAX)
		*row_link(heap, last) = first;
	island->first = first;
}

static void refmember_settle(struct refheap *heap, struct refchunk *chunk,
			     unsigned int index, void *data)
{
	WRITE_ONCE(chunk->state[index], chunk->state[index] & ~ROW_SEEN);
}

/* An island is dead.  If it has finalizers, only once they have run. */
static void refisland_settle(struct refdecision *decision,
			     struct refisland *island)
{
	struct refheap *heap = decision->heap;
	bool again = island->pinned;

	trace_refheap_phase(heap, REFHEAP_PHASE_VERDICT, island->members);
	refisland_for_members(heap, island->first, refmember_settle, NULL);
	refisland_kill_weaks(island);
	if (!again && (heap->saving || refisland_unfinalized(island))) {
		refisland_revive(island);
		decision->revived++;
		trace_refheap_phase(heap, REFHEAP_PHASE_REVIVED,
				    island->members);
		return;
	}
	refisland_doom(island);
	if (again)
		decision->loose += refisland_count_loose(island);
}

/*
 * Judge an island and do with it what it deserves.
 *
 * Return: false if it is not dead as it is.
 */
static bool refisland_conclude(struct refdecision *decision,
			       struct refisland *island)
{
	if (!refisland_judge(island))
		return false;
	if (island->heap->saving && island->pinned) {
		refgarbage_keep(island);
		return true;
	}
	if (!refgarbage_reserve(island) || !refisland_condemn(island))
		return false;
	refisland_settle(decision, island);
	return true;
}

/* Try one island, and what is left of it, until it is dead or given up. */
static void refisland_try(struct refdecision *decision,
			  struct refisland *island)
{
	unsigned int trial;

	for (trial = 1; island->first != U32_MAX; trial++) {
		if (refisland_conclude(decision, island))
			return;
		refisland_shrink(decision, island, trial == REFISLAND_TRIALS);
		cond_resched();
	}
}

static void refisland_try_suspect(struct refdecision *decision,
				  struct refchunk *chunk, unsigned int index)
{
	struct refisland island = {
		.heap = decision->heap,
		.first = chunk_row(chunk, index),
	};

	if (row_suspect(chunk, index))
		refisland_try(decision, &island);
}

static void refisland_try_revived(struct refdecision *decision,
				  struct refchunk *chunk, unsigned int index)
{
	struct refisland island = {
		.heap = decision->heap,
		.first = chunk_row(chunk, index),
		.pinned = true,
	};

	if (!row_revived(chunk, index))
		return;
	if (busted(FAULT_second_trial)) {
		refisland_doom(&island);
		return;
	}
	refisland_look_again(&island);
	refisland_try(decision, &island);
}

/*
 * Every trial leaves all members of its island in another state, so the first
 * row met that is in the state asked for stands for its island.
 */
static void refisland_scan_rows(struct refdecision *decision,
				void (*each)(struct refdecision *decision,
					     struct refchunk *chunk,
					     unsigned int index))
{
	struct refchunk *chunk, *next;
	unsigned int index;

	refheap_for_each_touched(decision->heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			each(decision, chunk, index);
		cond_resched();
	}
}

/* Finalize what has been brought back, and judge it again. */
static void refisland_finalize(struct refdecision *decision)
{
	struct refheap *heap = decision->heap;

	refheap_sift_weaks(heap);
	refheap_finalize_members(heap);
	trace_refheap_phase(heap, REFHEAP_PHASE_FINALIZED, decision->revived);
	/* Finalizers may have tied islands together. */
	refisland_divide(heap, true);
	refisland_scan_rows(decision, refisland_try_revived);
	refcascade_run(&decision->cascade);
}

static long refisland_reclaim_all(struct refheap *heap)
{
	struct refchunk *chunk, *next;
	unsigned int index;
	long freed = 0;

	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (row_doomed(chunk, index))
				freed += refisland_reclaim(heap,
							   chunk_row(chunk,
								     index));
		cond_resched();
	}
	return freed;
}

/*
 * Try the islands, and reclaim those that are dead when all have been tried:
 * finalizers and releases find everything decided.
 *
 * Return: how many objects were reclaimed as members of islands, or kept.
 */
long refisland_try_all(struct refheap *heap)
{
	struct refdecision decision = { .heap = heap };
	u64 kept = heap->stats.kept;
	long reclaimed;

	/* Once for the whole collection; a dead heap runs no finalizers. */
	heap->saving = READ_ONCE(heap->save_all) && !READ_ONCE(heap->dead);
	refcascade_init(&decision.cascade, &heap->running, heap);
	refisland_scan_rows(&decision, refisland_try_suspect);
	if (decision.revived)
		refisland_finalize(&decision);
	reclaimed = max(refisland_reclaim_all(heap) - decision.loose, 0L);
	WRITE_ONCE(heap->stats.reclaimed, heap->stats.reclaimed + reclaimed);
	return reclaimed + (heap->stats.kept - kept);
}

/* Does a type of what has been seen want a word before the end? */
static bool refheap_may_finalize(struct refheap *heap)
{
	struct refchunk *chunk, *next;

	if (!READ_ONCE(heap->finalizers))
		return false;
	refheap_for_each_touched(heap, chunk, next)
		if (chunk->type->desc.finalize)
			return true;
	return false;
}

/*
 * Try all that has been seen as one set, whatever islands it consists of; @early
 * if more is to be seen.
 *
 * Return: true if it is dead and reclaimed.
 */
bool refisland_try_together(struct refheap *heap, bool early, long *reclaimed)
{
	struct refisland island = {
		.heap = heap,
		.together = true,
		.early = early,
	};
	long freed;

	if (heap->tally.seen < READ_ONCE(together) || !heap->tally.seen ||
	    READ_ONCE(heap->save_all) || !refisland_judge_seen(&island) ||
	    refheap_may_finalize(heap))
		return false;
	trace_refheap_phase(heap, REFHEAP_PHASE_TRACED, island.members);
	trace_refheap_phase(heap, REFHEAP_PHASE_DIVIDED, 1);
	trace_refheap_phase(heap, REFHEAP_PHASE_WORDS, island.members);
	trace_refheap_phase(heap, REFHEAP_PHASE_SLOTS, island.members);
	if (!refisland_condemn(&island)) {
		/* Once is enough. */
		heap->tally.spoiled = true;
		return false;
	}
	trace_refheap_phase(heap, REFHEAP_PHASE_VERDICT, island.members);
	refisland_kill_weaks(&island);
	freed = refisland_reclaim_together(&island);
	WRITE_ONCE(heap->stats.reclaimed, heap->stats.reclaimed + freed);
	*reclaimed += freed;
	heap->tally = (struct reftally){};
	return true;
}

/*
 * In the middle of a trace: what has been seen so far may be tried, while it is
 * in the processor's cache, if it is enough, leads nowhere else, and no client
 * is to be told of its end, for that has to wait until everything is decided.
 * Asked often, so it looks at nothing else.
 */
#define REFISLAND_EARLY	4096

bool refisland_early_enough(const struct refheap *heap)
{
	const struct reftally *tally = &heap->tally;

	return tally->references == tally->edges && !tally->others &&
	       !tally->spoiled && tally->seen == tally->expanded &&
	       tally->seen >= max(READ_ONCE(together), REFISLAND_EARLY) &&
	       (!heap->touched_loud || busted(FAULT_early_loud)) &&
	       !READ_ONCE(heap->careful) &&
	       !READ_ONCE(heap->save_all);
}
