/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readings of a trace: words, and slots, in an order that judge.c asks for.
 *
 * A row's reading is chunk->snapshot: the word, its count lowered for each
 * edge that was read after it.  What an edge is read from is read again when
 * its target's word has only then been read; what differs is not counted, and
 * so keeps the target alive for this time.
 */
#ifndef _REFHEAP_READING_H
#define _REFHEAP_READING_H

#include "internal.h"

/* Flags of a reading, in bits that are clear in the word of who was read. */
#define READING_FLAGS	(TRACE_YOUNG | TRACE_CHARGED | TRACE_TOUCHED)

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
static __always_inline bool refcandidate_look(struct refobj *obj,
					      unsigned long place,
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

/* How many references to it have not been met as edges? */
static inline u32 row_missing(const struct refchunk *chunk, unsigned int index)
{
	return refword_count(chunk->snapshot[index]);
}

static inline void refchunk_touch(struct refheap *heap, struct refchunk *chunk)
{
	if (chunk->touched)
		return;
	chunk->touched = heap->touched ?: chunk;
	heap->touched = chunk;
	heap->touched_loud |= !chunk->type->silent;
}

/*
 * First reading of a row, and what is in it, in this collection; @taken as
 * above.  What is frozen is looked at, so that marks mean what they say, and
 * left alone.
 *
 * Return: what the row's state is to be, ROW_SEEN if @word is its reading.
 */
static __always_inline u8 refrow_read(const struct refchunk *chunk,
				      unsigned int index, struct refobj *obj,
				      bool taken, u64 *word,
				      struct reftally *tally)
{
	u8 state = chunk->state[index];

	if (!obj || !refcandidate_look(obj, chunk_place(chunk, index), taken,
				       word))
		return state;
	if (*word & REFWORD_FRESH)
		state = 0;		/* age */
	else if (state_age(state) == REFAGE_FROZEN)
		return state;
	tally->seen++;
	tally->references += refword_count(*word);
	state |= ROW_SEEN;
	if (unlikely((!refword_counted(*word) && !busted(FAULT_zero_count)) ||
		     *word & (REFWORD_DEAD | REFWORD_CONDEMNED))) {
		state |= ROW_LIVE;
		tally->spoiled = true;
	}
	return state;
}

/* An edge leads to a row that has not been read yet. */
static inline void refrow_discover(struct refheap *heap,
				   struct refchunk *chunk, unsigned int index,
				   struct refobj *obj)
{
	u64 word;
	u8 state;

	state = refrow_read(chunk, index, obj, false, &word, &heap->tally);
	if (!(state & ROW_SEEN))
		return;
	chunk->state[index] = state;
	chunk->snapshot[index] = word;
	refchunk_touch(heap, chunk);
}

static inline void reftally_add(struct reftally *to,
				const struct reftally *tally)
{
	to->seen += tally->seen;
	to->expanded += tally->expanded;
	to->references += tally->references;
	to->edges += tally->edges;
	to->others += tally->others;
	to->spoiled |= tally->spoiled;
}

/*
 * A row's mark has been taken whose word was read before.  That reading stays
 * the first, if nothing has happened since but our own change of version,
 * which is as in refcandidate_look().  What has been given up for now keeps its
 * mark, which may be why: reftrace_excess().
 */
static inline void refrow_discover_again(struct refheap *heap,
					 struct refchunk *chunk,
					 unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	u64 before = chunk->snapshot[index] & ~READING_FLAGS;
	u64 word = obj ? refword_read(obj) : 0;

	do {
		if (!obj || (word ^ before) & ~REFWORD_COUNT ||
		    chunk->state[index] & ROW_LIVE) {
			/* Left, marked, for another collection. */
			chunk->state[index] |= ROW_LIVE;
			heap->tally.spoiled = true;
			refrow_park(chunk, index);
			return;
		}
	} while (!refword_try_cmpxchg(obj, &word, word + REFWORD_VERSION));
	chunk->snapshot[index] += REFWORD_VERSION;
}

#endif /* _REFHEAP_READING_H */
