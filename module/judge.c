// SPDX-License-Identifier: GPL-2.0
/*
 * The core: when is a set of objects garbage, and how is it put beyond reach.
 *
 * Everything else in the collector is policy: it may hand any set to
 * refisland_judge() and refisland_condemn(), and no choice can make them
 * unsafe.  What follows is the argument for that.  With the readings of a trace
 * (reading.h, reftrace_count()) goes the order in which they were made.
 *
 * The closure rule
 * ================
 *
 * Let S be any set of objects with slots.  The word of each member X is read,
 * at r(X), its slots after that, and an edge to X counts only if it was read
 * after r(X).  When all has been read, refisland_condemn() reads each word
 * again, at c(X).  If no word has changed, none carries a flag, and each count
 * is valid and equals the number of edges to X seen from members of S, then at
 * the verdict no counted reference to any member exists but these edges, and
 * none can be obtained.
 *
 * There are two ways to read.  refisland_judge() reads all words and then all
 * slots of an island.  A trace (reading.h, trace.c) reads a word when it comes
 * upon the object and its slots at some time later; where it comes upon it by
 * an edge, it reads that edge again.  What it has read is a judgement of all
 * that it has seen, if that is closed: refisland_judge_seen().
 *
 * What mutators keep to (slot.c, object.c):
 *  M1 count(X) is at no time less than the number of references to X: it goes
 *     up before a reference exists and down after it has ceased to;
 *  M2 a put changes the word; a reference changes the version after it has
 *     left a slot, before anyone else gets it, and again, if it was held in
 *     between, before it enters a slot;
 *  M3 whoever edits a slot of X holds X until what has left the slot has been
 *     put, or its version changed: by a reference, or by a chain of slots and
 *     locks that starts at one.  What has left a slot begins no chain before
 *     it has been put or its version changed.  A reference that was counted,
 *     or has changed the version, to enter a slot is on its way: it begins no
 *     chain but that of the exchange by which it enters, and then only to the
 *     object itself, or if what leaves is nothing (refslot_enter()).
 *
 * Call a reference to a member outside if it is no edge from a member.
 *
 * (1) At c(X) the edges seen to X stand for that many references, each still
 *     in its slot or in the hands of whoever removed it: had one been given
 *     back or moved on since it was read, which was after r(X), X's word would
 *     have changed (M2).  The count leaves room for no others (M1).  So an
 *     outside reference to X at c(X) is an edge seen and removed.
 * (2) No edge seen was removed before the verdict.  Take the first removal,
 *     at t, of an edge to Y, and the first member X on the chain by which its
 *     author held the owner (M3): at t there is an outside reference u to X.
 *     - r(X) comes after t, which only a trace can bring about.  The edge was
 *       seen before t, so r(Y) was, and c(Y) is not until all is read.  If
 *       Y's word has changed by c(Y), that is noticed.  If not, the author
 *       holds u at r(X) and has not given it back by c(Y) (M3): either it is
 *       outside at c(X), too, or it was given back in between: see below.
 *     - u is outside at c(X), too: by (1) it is an edge seen, removed before
 *       t. But the one at t was the first.
 *     - u was given back or sent on its way between t, or r(X), whichever is
 *       later, and c(X): the words differ (M2).
 *     - u was on its way at t, its version changed before r(X).  Then the
 *       removal is the exchange by which it enters (M3), into a slot that has
 *       been read: u is an edge that was not seen, for which (1) has no room.
 *     - u came after c(X): the first such reference to any member was copied
 *       from an outside one, which existed at c(X), see above, or acquired
 *       from a borrowed pointer or a slot: then CONDEMNED was seen, and the
 *       verdict is not DEAD.
 * (3) By (1) and (2) there is no outside reference at c(X) for any X, and by
 *     the last case of (2) none came after.
 *
 * scripts/models/closure.v is this argument, and the next two, for Coq.
 *
 * A version that wraps
 * ====================
 *
 * 25 bits of version can wrap while a large set is judged.  It does no harm.
 * At r(X) MARKED and FRESH are clear: the collector cleared them when it
 * discovered the object, or the judgement fails.  (A trace that takes the mark
 * of an object that it has read before adds one to the version of both words,
 * if they are equal, and else gives the object up: refrow_discover_again().)
 * From then on any put and any move sets MARKED, and a new incarnation of the
 * memory has FRESH set; but for the puts of threads that had read MARKED when
 * it was cleared, one each.  So words that compare equal mean that there was
 * none of these but the latter.  A member that was touched at all then has
 * come round by gets, of which there were more than the latter, since there are
 * less than 2^22 threads; and so the sum of the counts compared is higher than
 * that of the edges.
 *
 * The collector's own references
 * ==============================
 *
 * An island with finalizers is condemned, brought back (refisland_revive()),
 * and judged again when they have run.  Meanwhile each member carries one
 * reference of the collector's, which neither moves nor is given back before
 * the verdict.  In (1) the count then leaves room for the edges seen and for
 * that one; it is not outside in the sense of (2), for nobody copies or
 * moves it.  MARKED is cleared again before the words are read, as a trace
 * does, and the row's mark left alone: the object stays a candidate.
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
 *	cmpxchg(verdict,		  cmpxchg(verdict, TRYING, RESCUED)
 *	    TRYING, DEAD)		  DEAD? read the word again: unchanged
 *	stamp all DEAD, or unmark all	    means dead
 *	with a change of version	cmpxchg(word, + GET)
 *
 * An acquisition that changes a word before it is condemned makes the first
 * cmpxchg fail; one that comes after sees CONDEMNED and decides the verdict,
 * or finds it decided.  Either all members can be acquired or none (G4, G13).
 * The verdict read may be that of a later island: then the acquirer's object
 * has been stamped or unmarked before, and its word has changed.
 */
#include <trace/events/refheap.h>

#include "internal.h"
#include "reading.h"

#define WORD_ON_TRIAL	(~REFWORD_COUNT)

static bool word_valid(u64 word)
{
	return refword_counted(word) ||
	       (busted(FAULT_zero_count) && !refword_count(word));
}

/* May an object with this word be a member at all? */
static bool word_clean(u64 word)
{
	return !(word & WORD_FLAGS) && word_valid(word);
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

	if (verdict == VERDICT_TRYING && busted(FAULT_rescue))
		return true;
	if (verdict == VERDICT_TRYING)
		verdict = atomic_cmpxchg(&heap->verdict, VERDICT_TRYING,
					 VERDICT_RESCUED);
	if (verdict != VERDICT_DEAD)
		return false;
	/*
	 * Pairs with the full barriers of refmember_stamp(),
	 * refheap_reclaim_silently() and refisland_unmark_one(), which precede
	 * the next store of TRYING: a word that is unchanged after the verdict
	 * was read belongs to it.
	 */
	smp_rmb();
	return busted(FAULT_verdict) || refword_read(obj) == word;
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
	u64 word;

	do {
		/* Each time: a compare-and-swap that fails orders nothing. */
		word = refword_read_acquire(obj);
		*seen = word;
		if (unlikely(refword_saturated(word)))
			return true;	/* saturated: lives for ever */
		if (!refword_counted(word) || word & REFWORD_DEAD)
			return false;
		if (unlikely(word & REFWORD_CONDEMNED) && !busted(FAULT_condemned) &&
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
		if (!island->failed && !word_clean(word))
			refisland_fail(island, chunk, index);
		else if (island->pinned)
			word--;
		chunk->snapshot[index] = word;
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
	if (!chunk || !row_on_trial(chunk, index))
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

/*
 * FAULT_words_late: what the second reading is going to be compared with; with
 * it goes MARKED, which would tell by itself.
 */
static void refisland_read_words_late(struct refisland *island)
{
	struct refchunk *chunk;
	unsigned int index;
	struct refobj *obj;
	u64 *word;
	u32 row;

	rcu_read_lock();
	refisland_for_each(island, chunk, index, row) {
		obj = chunk_object(chunk, index);
		word = &chunk->snapshot[index];
		if (!obj)
			continue;
		atomic64_andnot(REFWORD_MARKED, &obj->word);
		*word = (refword_read(obj) & WORD_ON_TRIAL) |
			refword_count(*word);
	}
	rcu_read_unlock();
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
	if (busted(FAULT_words_late))
		refisland_read_words_late(island);
	trace_refheap_phase(island->heap, REFHEAP_PHASE_SLOTS,
			    island->members);
	return refisland_closed(island);
}

/*
 * Second reading of one member's word, and the flag that tells acquirers.
 * @references grows by the count it was condemned with.
 *
 * Return: it, or NULL if it has changed.
 */
static __always_inline struct refobj *
refisland_condemn_one(struct refchunk *chunk, unsigned int index,
		      u64 *references)
{
	u64 read = chunk->snapshot[index] & ~READING_FLAGS, word;
	struct refobj *obj = chunk_object(chunk, index);

	if (!obj)
		return NULL;
	word = refword_read(obj);
	if (!busted(FAULT_version) && ((word ^ read) & WORD_ON_TRIAL))
		return NULL;
	if (!word_valid(word) ||
	    !refword_try_cmpxchg(obj, &word, word | REFWORD_CONDEMNED))
		return NULL;
	*references += refword_count(word);
	return obj;
}

/* The version changes: an acquirer that believed a verdict must see it. */
static void refisland_unmark_one(struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	u64 word = obj ? refword_read(obj) : 0, new;

	do {
		/* Not condemned, or another object by now. */
		if (!(word & REFWORD_CONDEMNED))
			return;
		new = word & ~REFWORD_CONDEMNED;
		if (!busted(FAULT_unmark_version))
			new += REFWORD_VERSION;
	} while (!refword_try_cmpxchg(obj, &word, new));
}

/* Take the flag away again, from the members that have it. */
static void refisland_unmark(struct refisland *island)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	u32 row;

	if (busted(FAULT_unmark))
		return;
	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		refisland_unmark_one(chunk, index);
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
}

/* The same of all that has been seen. */
static void refisland_unmark_seen(struct refheap *heap)
{
	struct refchunk *chunk, *next;
	struct refwalk walk;
	unsigned int index;

	if (busted(FAULT_unmark))
		return;
	refwalk_begin(&walk);
	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (chunk->state[index] & ROW_SEEN)
				refisland_unmark_one(chunk, index);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
}

static bool refisland_condemn_all(struct refisland *island)
{
	u64 pins = island->pinned ? island->members : 0;
	struct refchunk *chunk;
	u64 references = 0, nr = 0;
	struct refwalk walk;
	unsigned int index;
	u32 row;

	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		trace_refheap_phase(island->heap, REFHEAP_PHASE_CONDEMN, nr++);
		if (!refisland_condemn_one(chunk, index, &references)) {
			refisland_fail(island, chunk, index);
			break;
		}
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
	/* See "A version that wraps". */
	return !island->failed && references == island->edges + pins;
}

/*
 * How many slots of a condemned object refer to something?  If it has gone
 * meanwhile, the trial fails; the memory can be read in this RCU section.
 */
static unsigned int refobj_used_slots(const struct refobj *obj,
				      const struct reftype *type)
{
	struct refslots slots;
	struct refslot *slot;
	unsigned int used = 0;

	refobj_for_each_slot(slot, &slots, type, obj)
		used += !!READ_ONCE(slot->target);
	return used;
}

/*
 * The same of all that has been seen, whose first reading is the trace's.
 */
static bool refisland_condemn_seen(struct refisland *island)
{
	struct refheap *heap = island->heap;
	struct refchunk *chunk, *next;
	u64 references = 0, nr = 0;
	struct refwalk walk;
	struct refobj *obj;
	unsigned int index;

	refwalk_begin(&walk);
	refheap_for_each_touched(heap, chunk, next) {
		refchunk_prefetch(refchunk_next(next));
		for (index = 0; index < REFROW_PER_CHUNK; index++) {
			refchunk_ahead(next ?: chunk, index);
			if (!(chunk->state[index] & ROW_SEEN))
				continue;
			trace_refheap_phase(heap, REFHEAP_PHASE_CONDEMN, nr++);
			obj = refisland_condemn_one(chunk, index, &references);
			if (!obj)
				goto changed;
			if (island->edited && chunk->type->silent)
				island->slots += refobj_used_slots(obj,
								   chunk->type);
		}
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return references == island->edges;

changed:
	refwalk_end(&walk);
	return false;
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
	unchanged = island->together ? refisland_condemn_seen(island) :
				       refisland_condemn_all(island);
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
	if (island->together)
		refisland_unmark_seen(heap);
	else
		refisland_unmark(island);
	return false;
}

/*
 * Is all that a trace has seen closed?  Then its readings are the judgement,
 * and the condemning that follows compares with them.
 */
bool refisland_judge_seen(struct refisland *island)
{
	const struct reftally *tally = &island->heap->tally;

	/* As in refcandidate_take(). */
	island->edited = refheap_edits(island->heap) != island->heap->edits;
	island->members = tally->seen;
	island->edges = tally->edges;
	return !tally->spoiled && tally->seen == tally->expanded &&
	       tally->references == tally->edges;
}

/*
 * Bring a dead island back for its finalizers, or to be kept: each member gets
 * a reference of the collector's.  While the verdict is DEAD nobody acquires
 * a member; by one store all of them can be acquired again (G4).
 */
void refisland_revive(struct refisland *island)
{
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned int index;
	u32 row;

	refwalk_begin(&walk);
	refisland_for_each(island, chunk, index, row) {
		/* Fully ordered: before the verdict is taken back. */
		atomic64_fetch_add(REFWORD_GET,
				   &chunk_object(chunk, index)->word);
		refwalk_pause(&walk, 1);
	}
	refwalk_end(&walk);
	atomic_set(&island->heap->verdict, VERDICT_NONE);
	refisland_unmark(island);
	island->pinned = true;
}
