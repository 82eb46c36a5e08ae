// SPDX-License-Identifier: GPL-2.0
/*
 * The core: when is a set of objects garbage, and how is it put beyond reach.
 *
 * Everything else in the collector is policy: it may hand any set to
 * refisland_judge() and refisland_condemn(), and no choice can make them
 * unsafe.  What follows is the argument for that.
 *
 * The closure rule
 * ================
 *
 * Let S be any set of objects with slots.  refisland_judge() reads the word
 * of each member, and after all of them every slot of every member;
 * refisland_condemn() compares each word again.  If no word has changed, none
 * carries a flag, and each count is valid and equals the number of edges to
 * the object seen from members of S, then no counted reference to any member
 * exists outside S.
 *
 * Proof.  Suppose the check succeeded.
 *
 * (1) No edge between members that was seen was removed before the last word
 *     was compared.  Take the first such removal: of an edge X -> Y, after it
 *     was read.  Whoever removed it held a counted reference to X, directly
 *     or through a chain of slots and locks that starts at one; if the chain
 *     runs through members of S take the first member on it for X.  That
 *     reference is not an edge from a member: it is held outside S.  It was
 *     held when X's word was compared, or given back before.  Given back: a
 *     put, or a move into a slot, changes the version of X's word, before X
 *     was read first or after.  After: the words differ.  Before: then it was
 *     not held when the edge was removed, which was after all words had been
 *     read.  Still held: it is in the count, and the count equals the number
 *     of edges that were seen to X, each of which counts one, none of which
 *     has been removed as X -> Y was the first.  So count is at least edges
 *     plus one: contradiction.
 *     (A reference to X taken after the first reading changes the version.)
 * (2) So at the comparison every edge seen still counts one for its target,
 *     and the counts leave no room for any other reference.
 *
 * Mutators keep the invariant that an edge is published after its target's
 * count went up and unpublished before it goes down, so the count is never
 * too low for the edges (slot.c).  A reference that moves without changing
 * the count changes the version, or (1) would fail.
 *
 * A version that wraps
 * ====================
 *
 * 27 bits of version can wrap while a large set is judged.  It does no harm.
 * At the first reading MARKED and FRESH are clear (the collector cleared
 * them when it discovered the object, or the judgement fails).  From then on
 * any put, and any move into a slot, sets MARKED, and a new incarnation of
 * the memory has FRESH set: words that compare equal mean none of these
 * happened, whatever the version says.  Then counts only grew, and the sum
 * of the counts compared equals the sum of the edges only if none did.  What
 * remains is references moved out of slots and nowhere else: 2^27 of those
 * from one object's slots between the two readings, and then the edge is
 * missing from the slot but its owner was held, which (1) excludes.
 * (A put that saw MARKED just before the collector cleared it marks the row
 * but not the word: at most one for each CPU, and the row is looked at after
 * the comparison.)
 *
 * Condemning
 * ==========
 *
 * The compare-and-swap that sets CONDEMNED is the second reading.  An island
 * has one verdict word, that of its heap, since islands are tried one after
 * the other.
 *
 *	collector (refisland_condemn)	acquirer (refobj_acquire)
 *	verdict = TRYING
 *	each member: cmpxchg(word,	read word
 *	    as read, + CONDEMNED)	CONDEMNED? then
 *	look at the member's mark	  cmpxchg(verdict, TRYING, RESCUED)
 *	cmpxchg(verdict,		  DEAD? read the word again: unchanged
 *	    TRYING, DEAD)		    means dead
 *	stamp all DEAD, or unmark all	cmpxchg(word, + GET)
 *	with a change of version
 *
 * An acquisition that changes a word before it is condemned makes the first
 * cmpxchg fail; one that comes after sees CONDEMNED and decides the verdict,
 * or finds it decided.  Either all members can be acquired or none (G4, G13).
 * The verdict read may be that of a later island: then the acquirer's object
 * has been stamped or unmarked before, and its word has changed.
 */
#include <trace/events/refheap.h>

#include "internal.h"

#define WORD_ON_TRIAL	(~REFWORD_COUNT)

/* May an object with this word be a member at all? */
static bool word_clean(u64 word)
{
	return !(word & WORD_FLAGS) && refword_counted(word);
}

/*
 * Meet CONDEMNED: find out whether the island is dead.
 *
 * Return: true if it is, and @word was its member's to the end.
 */
static bool refobj_condemned(struct refobj *obj, struct refheap *heap,
			     u64 word)
{
	int verdict = atomic_read_acquire(&heap->verdict);

	if (verdict == VERDICT_TRYING)
		verdict = atomic_cmpxchg(&heap->verdict, VERDICT_TRYING,
					 VERDICT_RESCUED);
	if (verdict != VERDICT_DEAD)
		return false;
	/*
	 * Pairs with refisland_stamp() and refisland_unmark(), which precede
	 * the next store of TRYING: unchanged means it was this verdict.
	 */
	return busted("verdict") || refword_read(obj) == word;
}

/*
 * Get unless zero, dead or condemned to death; save an island on trial.
 *
 * @seen receives the word that was refused.  The acquire ordering of success
 * keeps the caller's second look at where it found @obj behind it.
 *
 * Context: any but NMI; the caller is in the RCU section in which it read
 * @obj.
 */
bool refobj_acquire(struct refobj *obj, u64 *seen)
{
	struct refheap *heap = refobj_chunk(obj)->heap;
	u64 word = refword_read_acquire(obj);

	do {
		u32 count = refword_count(word);

		*seen = word;
		if (unlikely(count > REFCOUNT_ZONE_MAX &&
			     count < REFCOUNT_ZONE_RELEASED))
			return true;	/* saturated: lives for ever */
		if (!refword_counted(word) || word & REFWORD_DEAD)
			return false;
		if (unlikely(word & REFWORD_CONDEMNED) &&
		    refobj_condemned(obj, heap, word))
			return false;
	} while (!atomic64_try_cmpxchg_acquire(&obj->word, (s64 *)&word,
					       word + REFWORD_GET));
	if (unlikely(refword_count(word) == REFCOUNT_ZONE_MAX))
		__refobj_get_slow(obj, word);
	return true;
}

#define refisland_for_each(island, chunk, index, row) \
	for (row = (island)->first; \
	     row != U32_MAX && \
	     (chunk = refrow_chunk((island)->heap, row), \
	      index = row & REFROW_INDEX, true); \
	     row = chunk->link[index] == (island)->first ? U32_MAX : \
		   chunk->link[index])

static void refisland_fail(struct refisland *island, struct refchunk *chunk,
			   unsigned int index)
{
	island->failed = chunk;
	island->failed_index = index;
}

/* First reading: the words, and who is a member. */
static bool refisland_read_words(struct refisland *island)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	struct refobj *obj;
	u32 row;
	u64 word;

	island->members = 0;
	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		island->members++;
		chunk->state[index] |= ROW_MEMBER;
		obj = chunk_object(chunk, index);
		/* Acquire: the slots are read after it. */
		word = obj ? refword_read_acquire(obj) : 0;
		chunk->snapshot[index] = word;
		if (!island->failed && !word_clean(word))
			refisland_fail(island, chunk, index);
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
	return !island->failed;
}

/* Counts the edges that end in members, by lowering their snapshots. */
struct refedges {
	struct refvisitor visitor;
	struct refisland *island;
};

static void refedges_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refedges *edges = container_of(visitor, struct refedges,
					      visitor);
	struct refisland *island = edges->island;
	struct refobj *target = READ_ONCE(slot->target);
	struct refchunk *chunk;
	unsigned int index;

	if (!target)
		return;
	chunk = refrow_find(island->heap, target, &index);
	if (!chunk || !(chunk->state[index] & ROW_MEMBER))
		return;
	if (!refword_count(chunk->snapshot[index])) {
		/* More edges than its count: it has changed since. */
		refisland_fail(island, chunk, index);
		return;
	}
	chunk->snapshot[index]--;
	island->edges++;
}

static bool refisland_read_slots(struct refisland *island)
{
	struct refedges edges = {
		.visitor.slot = refedges_slot,
		.island = island,
	};
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	u32 row;

	island->edges = 0;
	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		if (refrow_walk(&walk, chunk, index, &edges.visitor))
			refisland_fail(island, chunk, index);
		if (island->failed)
			break;
	}
	refwalk_end(&walk);
	return !island->failed;
}

/* Is every counted reference to every member one of the edges counted? */
static bool refisland_closed(struct refisland *island)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	u32 row;

	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		if (refword_count(chunk->snapshot[index])) {
			refisland_fail(island, chunk, index);
			break;
		}
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
	return !island->failed;
}

/*
 * Judge the objects linked from @island->first by the closure rule, up to
 * the second reading of the words, which is refisland_condemn()'s.
 *
 * Return: true if they are closed; otherwise @island->failed is a member
 * because of which they are not.
 */
bool refisland_judge(struct refisland *island)
{
	island->failed = NULL;
	if (!refisland_read_words(island))
		return false;
	trace_refheap_phase(island->heap, REFHEAP_PHASE_WORDS,
			    island->members);
	if (!refisland_read_slots(island))
		return false;
	trace_refheap_phase(island->heap, REFHEAP_PHASE_SLOTS,
			    island->members);
	return refisland_closed(island);
}

/*
 * Second reading of one member's word, and the flag that tells acquirers.
 *
 * Return: the count it was condemned with, or 0 if it has changed.
 */
static u32 refisland_condemn_one(struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	u64 word;

	if (!obj)
		return 0;
	word = refword_read(obj);
	if (!busted("version") &&
	    ((word ^ chunk->snapshot[index]) & WORD_ON_TRIAL))
		return 0;
	if (!refword_counted(word) ||
	    !refword_try_cmpxchg(obj, &word, word | REFWORD_CONDEMNED))
		return 0;
	/* The compare-and-swap orders this look behind it. */
	return READ_ONCE(chunk->mark[index]) ? 0 : refword_count(word);
}

/*
 * Take the flag away again, from the members before @end (all, if U32_MAX).
 * The version changes: an acquirer that believed a verdict must see it.
 */
static void refisland_unmark(struct refisland *island)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	struct refobj *obj;
	u32 row;
	u64 word, new;

	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		obj = chunk_object(chunk, index);
		if (obj) {
			word = refword_read(obj);
			do {
				/* Not condemned, or another object by now. */
				if (!(word & REFWORD_CONDEMNED))
					break;
				new = word & ~REFWORD_CONDEMNED;
				if (!busted("unmark-version"))
					new += REFWORD_VERSION;
			} while (!refword_try_cmpxchg(obj, &word, new));
		}
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
}

static bool refisland_condemn_all(struct refisland *island)
{
	struct refchunk *chunk;
	u64 references = 0, nr = 0;
	struct refwalk walk;
	unsigned int index;
	u32 row, count;

	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		trace_refheap_phase(island->heap, REFHEAP_PHASE_CONDEMN, nr++);
		count = refisland_condemn_one(chunk, index);
		if (!count) {
			refisland_fail(island, chunk, index);
			break;
		}
		references += count;
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
	/* See "A version that wraps". */
	return !island->failed && references == island->edges;
}

/*
 * Put a judged island beyond everyone's reach, or let it go.
 *
 * Return: true if it is dead: nobody holds or can obtain a reference to any
 * member.  The caller stamps them all DEAD before it tries another island.
 * False if it was rescued, or had changed; its words are as they were but
 * for the version, and @island->failed, if not NULL, had changed.
 */
bool refisland_condemn(struct refisland *island)
{
	struct refheap *heap = island->heap;
	bool unchanged;

	/* Ordered before the flags by the full barrier of each cmpxchg. */
	atomic_set(&heap->verdict, VERDICT_TRYING);
	unchanged = refisland_condemn_all(island);
	if (unchanged) {
		trace_refheap_phase(heap, REFHEAP_PHASE_CONDEMNED,
				    island->members);
		if (atomic_cmpxchg(&heap->verdict, VERDICT_TRYING,
				   VERDICT_DEAD) == VERDICT_TRYING)
			return true;
		heap->stats.rescued++;
	} else {
		atomic_set(&heap->verdict, VERDICT_RESCUED);
		heap->stats.aborted++;
	}
	refisland_unmark(island);
	return false;
}
