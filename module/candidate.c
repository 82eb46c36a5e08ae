// SPDX-License-Identifier: GPL-2.0
/*
 * Candidates: which objects to begin with.
 *
 * Only a put that leaves references behind, or a move into a slot, can leave
 * a cycle behind.  Both mark the object's row (refrow_mark()) and queue the
 * row's chunk on heap->marked.
 *
 * A chunk's way: heap->marked (filled by mutators, emptied here), staged,
 * settling, gone.  A mutator stores its mark and then, unordered, finds the
 * chunk queued; it does so in an RCU section, so a mark that we overlook is
 * visible after a grace period.  So a chunk is looked at in every collection
 * until a grace period has passed since it left heap->marked, and a last time
 * then: refcandidate_settle().
 *
 * A candidate that was judged uncleanly (busy, changed, rescued) is parked:
 * marked, but its chunk on heap->parked, for collections that come anyway and
 * a timer that backs off (G11).
 */
#include <linux/rcupdate.h>

#include "internal.h"

/*
 * First sight of an object in this collection: read its word and clear what
 * says that nobody has looked yet.  Clearing MARKED comes after the row's
 * mark was cleared (by refcandidate_take(), or not at all, and then the row
 * stays a candidate).
 */
void reftrace_discover(struct refheap *heap, struct refchunk *chunk,
		       unsigned int index, bool root)
{
	struct refobj *obj = chunk_object(chunk, index);
	u8 state = chunk->state[index];
	u64 word;

	if (!obj || chunk->type->leaf)
		return;
	word = refword_read_acquire(obj);
	if (word & (REFWORD_MARKED | REFWORD_FRESH))
		/*
		 * Acquire: pairs with the release of the puts that relied on
		 * MARKED; the slots they unpublished are read after it.
		 */
		word = atomic64_fetch_and_acquire(~(REFWORD_MARKED |
						    REFWORD_FRESH),
						  &obj->word);
	if (!chunk->touched) {
		chunk->touched = heap->touched ?: chunk;
		heap->touched = chunk;
	}
	if (word & REFWORD_FRESH)
		state = 0;		/* age */
	state |= ROW_SEEN;
	if (root)
		state |= ROW_ROOT;
	if (!refword_counted(word) ||
	    word & (REFWORD_DEAD | REFWORD_CONDEMNED))
		state |= ROW_LIVE;
	chunk->state[index] = state;
	/* A root may be met twice before tracing begins: the later counts. */
	chunk->snapshot[index] = word & ~REFWORD_MARKED;
}

/* Marks first, then, behind one barrier, words: pairs with refrow_mark(). */
static u64 refcandidate_take_chunk(struct refheap *heap,
				   struct refchunk *chunk)
{
	DECLARE_BITMAP(taken, REFROW_PER_CHUNK);
	unsigned int index;
	u64 nr = 0;

	bitmap_zero(taken, REFROW_PER_CHUNK);
	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		if (!READ_ONCE(chunk->mark[index]))
			continue;
		WRITE_ONCE(chunk->mark[index], 0);
		__set_bit(index, taken);
	}
	if (bitmap_empty(taken, REFROW_PER_CHUNK))
		return 0;
	/* Pairs with the caller's barrier, see refrow_mark(). */
	smp_mb();
	for_each_set_bit(index, taken, REFROW_PER_CHUNK) {
		reftrace_discover(heap, chunk, index, true);
		nr++;
	}
	return nr;
}

static void refcandidate_stage(struct refheap *heap)
{
	struct llist_node *marked = llist_del_all(&heap->marked);
	struct refchunk *chunk, *next;

	llist_for_each_entry_safe(chunk, next, marked, marked_node) {
		/*
		 * Off the list for good: only now may it be queued again.
		 * Pairs with the xchg in refrow_mark().
		 */
		smp_store_release(&chunk->queued, 0);
		list_move_tail(&chunk->staged, &heap->staged);
	}
}

static u64 refcandidate_take_list(struct refheap *heap,
				  struct list_head *chunks)
{
	struct refchunk *chunk;
	struct refwalk walk;
	u64 nr = 0;

	refwalk_begin(&walk);
	list_for_each_entry(chunk, chunks, staged) {
		nr += refcandidate_take_chunk(heap, chunk);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return nr;
}

static u64 refcandidate_take_all(struct refheap *heap)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;
	unsigned int index;
	u64 nr = 0;

	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		for (index = 0; index < REFROW_PER_CHUNK; index++) {
			if (!chunk_object(chunk, index))
				continue;
			reftrace_discover(heap, chunk, index, true);
			nr++;
		}
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return nr;
}

/*
 * Begin a collection: every candidate, or with @full every container, is
 * discovered as a root.
 *
 * Return: how many.
 */
u64 refcandidate_take(struct refheap *heap, bool full)
{
	u64 nr;

	refcandidate_stage(heap);
	/* What was parked is staged: looked at now, and let go in time. */
	list_splice_tail_init(&heap->parked, &heap->staged);
	nr = refcandidate_take_list(heap, &heap->settling) +
	     refcandidate_take_list(heap, &heap->staged);
	return full ? refcandidate_take_all(heap) : nr;
}

/* Keep an object a candidate, for another time. */
void refrow_park(struct refchunk *chunk, unsigned int index)
{
	if (READ_ONCE(chunk->mark[index]) == MARK_NONE)
		WRITE_ONCE(chunk->mark[index], MARK_PARKED);
	list_move_tail(&chunk->staged, &chunk->heap->parked);
}

/* Is there anything left to look at without being asked? */
bool refcandidate_pending(const struct refheap *heap)
{
	return !list_empty(&heap->staged) || !list_empty(&heap->settling);
}

static bool refchunk_marked(const struct refchunk *chunk)
{
	return memchr(chunk->mark, MARK_SET, sizeof(chunk->mark));
}

/* Let go of a chunk without marks, queue one with an overlooked mark again. */
static void refchunk_settle(struct refheap *heap, struct refchunk *chunk)
{
	list_del_init(&chunk->staged);
	if (refchunk_marked(chunk) && !READ_ONCE(chunk->queued) &&
	    !xchg(&chunk->queued, 1))
		llist_add(&chunk->marked_node, &heap->marked);
}

/*
 * When the grace period that the settling chunks wait for is over, look at
 * them a last time; those staged meanwhile wait for the next.
 */
void refcandidate_settle(struct refheap *heap)
{
	struct refchunk *chunk, *next;

	if (!list_empty(&heap->settling)) {
		if (!poll_state_synchronize_rcu(heap->settling_cookie))
			return;
		list_for_each_entry_safe(chunk, next, &heap->settling, staged) {
			refchunk_settle(heap, chunk);
			cond_resched();
		}
	}
	if (list_empty(&heap->staged))
		return;
	list_splice_tail_init(&heap->staged, &heap->settling);
	heap->settling_cookie = start_poll_synchronize_rcu();
}
