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
 * Read a word and clear what says that nobody has looked yet.
 *
 * Clearing MARKED comes after the row's mark was cleared (by
 * refcandidate_take_chunk(), or not at all, and then the row stays a candidate).
 * In the first case, @taken, the version changes whatever the word was: a put
 * that has marked the row before that, and not yet lowered the count, has to
 * mark it again; see refobj_drop().
 *
 * Acquire: the slots that earlier puts unpublished are read after it.
 *
 * Return: false if the memory belongs to another row by now, which must not
 * lose its FRESH; else true, and @word is what it is now, but for FRESH, which
 * it was.
 */
bool refcandidate_look(struct refobj *obj, unsigned long place,
		       bool taken, u64 *word)
{
	u64 new;

	do {
		/* Each time: a compare-and-swap that fails orders nothing. */
		*word = refword_read_acquire(obj);
		/* If the word has not changed, this is its object's. */
		if (READ_ONCE(obj->place) != place)
			return false;
		new = *word & ~(REFWORD_MARKED | REFWORD_FRESH);
		if (taken && !busted(FAULT_take_version))
			new += REFWORD_VERSION;
		if (new == *word)
			break;
	} while (!refword_try_cmpxchg(obj, word, new));
	*word = new | (*word & REFWORD_FRESH);
	return true;
}

/*
 * First sight of an object in this collection; @taken as above.  What is
 * frozen is looked at, so that marks mean what they say, and left alone.
 */
void reftrace_discover(struct refheap *heap, struct refchunk *chunk,
		       unsigned int index, bool taken)
{
	struct refobj *obj = chunk_object(chunk, index);
	u8 state = chunk->state[index];
	u64 word;

	if (!obj || chunk->type->leaf ||
	    !refcandidate_look(obj, chunk_place(chunk, index), taken, &word))
		return;
	if (word & REFWORD_FRESH)
		state = 0;		/* age */
	else if (state_age(state) == REFAGE_FROZEN)
		return;
	if (!chunk->touched) {
		chunk->touched = heap->touched ?: chunk;
		heap->touched = chunk;
	}
	state |= ROW_SEEN;
	if ((!refword_counted(word) && !busted(FAULT_zero_count)) ||
	    word & (REFWORD_DEAD | REFWORD_CONDEMNED))
		state |= ROW_LIVE;
	chunk->state[index] = state;
	/* A root may be met twice before tracing begins: the later counts. */
	chunk->snapshot[index] = word;
}

static void refcandidate_root(struct refheap *heap, struct refchunk *chunk,
			      unsigned int index, bool taken)
{
	reftrace_discover(heap, chunk, index, taken);
	if (chunk->state[index] & ROW_SEEN)
		chunk->state[index] |= ROW_ROOT;
}

/* Marks first, then, behind one barrier, words: see refobj_drop(). */
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
		/*
		 * Read again by what clears it: a mark that an earlier object
		 * left must not hide that of a later one.
		 */
		xchg(&chunk->mark[index], 0);
		__set_bit(index, taken);
	}
	if (bitmap_empty(taken, REFROW_PER_CHUNK))
		return 0;
	/* Pairs with refobj_drop(), refslot_publish() and refobj_init(). */
	smp_mb();
	for_each_set_bit(index, taken, REFROW_PER_CHUNK) {
		refcandidate_root(heap, chunk, index, true);
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
		 * Pairs with the xchg in refrow_mark_slow().
		 */
		smp_store_release(&chunk->queued, REFCHUNK_UNKNOWN);
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

/* Is a container that is no candidate a root of this collection? */
static bool refcandidate_wanted(const struct refchunk *chunk,
				unsigned int index, enum refscope scope)
{
	/* Without a look at the object: a full pass costs the others enough. */
	if (scope == SCOPE_AGE_2)
		return state_age(chunk->state[index]) != REFAGE_FROZEN;
	return refrow_age(chunk, index) <= refscope_age(scope);
}

static u64 refcandidate_take_chunk_aged(struct refheap *heap,
					struct refchunk *chunk,
					enum refscope scope)
{
	unsigned int index;
	u64 nr = 0;

	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		if (chunk->state[index] & ROW_SEEN ||
		    !chunk_object(chunk, index) ||
		    !refcandidate_wanted(chunk, index, scope))
			continue;
		refcandidate_root(heap, chunk, index, false);
		nr++;
	}
	return nr;
}

static u64 refcandidate_take_aged(struct refheap *heap, enum refscope scope)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;
	u64 nr = 0;

	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		nr += refcandidate_take_chunk_aged(heap, chunk, scope);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return nr;
}

/*
 * Begin a collection: every candidate, and what else @scope says, is
 * discovered as a root.
 *
 * Return: how many.
 */
u64 refcandidate_take(struct refheap *heap, enum refscope scope)
{
	u64 nr;

	refcandidate_stage(heap);
	/* What was parked is staged: looked at now, and let go in time. */
	list_splice_tail_init(&heap->parked, &heap->staged);
	nr = refcandidate_take_list(heap, &heap->settling) +
	     refcandidate_take_list(heap, &heap->staged);
	if (scope >= SCOPE_AGE_0)
		nr += refcandidate_take_aged(heap, scope);
	return nr;
}

/* Keep an object a candidate, for another time. */
void refrow_park(struct refchunk *chunk, unsigned int index)
{
	if (READ_ONCE(chunk->mark[index]) == REFMARK_NONE)
		WRITE_ONCE(chunk->mark[index], REFMARK_PARKED);
	list_move_tail(&chunk->staged, &chunk->heap->parked);
}

/* Is there anything left to look at without being asked? */
bool refcandidate_pending(const struct refheap *heap)
{
	return !list_empty(&heap->staged) || !list_empty(&heap->settling);
}

static bool refchunk_marked(const struct refchunk *chunk)
{
	return memchr(chunk->mark, REFMARK_SET, sizeof(chunk->mark));
}

/* Let go of a chunk without marks, queue one with an overlooked mark again. */
static void refchunk_settle(struct refheap *heap, struct refchunk *chunk)
{
	list_del_init(&chunk->staged);
	if (refchunk_marked(chunk) && !READ_ONCE(chunk->queued) &&
	    !xchg(&chunk->queued, REFCHUNK_QUEUED))
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
