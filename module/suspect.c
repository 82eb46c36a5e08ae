// SPDX-License-Identifier: GPL-2.0
/*
 * Suspects: from what a trace has read to what may be garbage.  Policy, as the
 * trace.
 *
 * Everything that misses references, and all that it leads to, is alive for
 * now; the rest is suspect.  Afterwards those that survive grow older.
 */
#include <trace/events/refheap.h>

#include "internal.h"
#include "reading.h"

struct refspread {
	struct refvisitor visitor;
	struct refheap *heap;
	u8 among;		/* state of those that may be alive */
	struct refwalk walk;
};

static void refspread_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refspread *spread = container_of(visitor, struct refspread,
						visitor);
	struct refobj *target = READ_ONCE(slot->target);
	struct refchunk *chunk;
	unsigned int index;

	if (!target)
		return;
	chunk = refrow_find(spread->heap, target, &index);
	if (!chunk || (chunk->state[index] & spread->among) != spread->among ||
	    chunk->state[index] & ROW_LIVE)
		return;
	chunk->state[index] |= ROW_LIVE;
	if (chunk->state[index] & ROW_EXPANDED)
		reftrace_push(spread->heap, chunk, index);
}

/* What the rows on the stack lead to is alive, of those in state @among. */
void reftrace_spread_live(struct refheap *heap, u8 among)
{
	struct refspread spread = {
		.visitor.slot = refspread_slot,
		.heap = heap,
		.among = among,
	};
	struct refchunk *chunk;
	unsigned int index;

	refwalk_begin(&spread.walk);
	while (reftrace_pop(heap, &spread.walk, &chunk, &index))
		refrow_walk(&spread.walk, chunk, index, &spread.visitor);
	refwalk_end(&spread.walk);
}

/*
 * What misses references, or was not expanded, is alive for now.  Whatever the
 * reason, those that were expanded then miss something.
 *
 * Return: how many may have to be told from it.
 */
static u64 reftrace_find_held(struct refheap *heap)
{
	struct refchunk *chunk, *next;
	struct refwalk walk;
	unsigned int index;
	u64 suspects = 0;
	u8 *state;

	refwalk_begin(&walk);
	refheap_for_each_touched(heap, chunk, next) {
		refchunk_prefetch(refchunk_next(next));
		for (index = 0; index < REFROW_PER_CHUNK; index++) {
			state = &chunk->state[index];
			if (!(*state & ROW_SEEN))
				continue;
			if (!(*state & ROW_EXPANDED)) {
				if (!(*state & ROW_LIVE))
					heap->unfinished = true;
				*state |= ROW_LIVE;
			} else if (row_missing(chunk, index)) {
				*state |= ROW_LIVE;
			} else if (*state & ROW_LIVE) {
				chunk->snapshot[index]++;
			} else {
				suspects++;
			}
		}
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return suspects;
}

/* What those lead to that miss something. */
static void reftrace_leave_held(struct refheap *heap)
{
	struct refspread spread = {
		.visitor.slot = refspread_slot,
		.heap = heap,
		.among = ROW_SEEN,
	};
	struct refchunk *chunk, *next;
	unsigned int index;

	refwalk_begin(&spread.walk);
	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (chunk->state[index] & ROW_EXPANDED &&
			    row_missing(chunk, index))
				refrow_walk(&spread.walk, chunk, index,
					    &spread.visitor);
		refwalk_pause(&spread.walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&spread.walk);
}

/*
 * From all that was read to the suspects: rows that are ROW_SEEN, not
 * ROW_LIVE.
 *
 * Return: false if there are none.
 */
bool reftrace_find_suspects(struct refheap *heap)
{
	const struct reftally *tally = &heap->tally;
	bool suspects = reftrace_find_held(heap);

	if (suspects && (tally->spoiled || tally->references != tally->edges)) {
		reftrace_leave_held(heap);
		reftrace_spread_live(heap, ROW_SEEN);
	}
	refcandidate_park_touched(heap);
	trace_refheap_phase(heap, REFHEAP_PHASE_TRACED, heap->tally.expanded);
	return suspects;
}

/*
 * The states of eight rows when a collection is over: nothing transient, and who
 * has been seen is at least @age old.  A byte each, so that all are done at once:
 * an age has two bits, and adding to it what @age lacks of 128 carries into the
 * highest bit of its byte, and no further, if it is not lower.
 */
static u64 refstates_forget(u64 states, unsigned int age)
{
	const u64 each = 0x0101010101010101ULL;
	u64 seen = (states & each * ROW_SEEN) * 0xff;
	u64 before = states >> ROW_AGE_SHIFT & each * 3;
	u64 older = ((before + each * (128 - age)) >> 7 & each) * 0xff;
	u64 after = (before & older) | (each * age & ~older);

	BUILD_BUG_ON(ROW_SEEN != 1 || ROW_AGE_SHIFT != 6);
	return (states & ~seen) | (after << ROW_AGE_SHIFT & seen);
}

/* Forget the transient state of this collection; survivors grow older. */
void reftrace_forget(struct refheap *heap, unsigned int age)
{
	unsigned int survivor = min(age + 1, REFHEAP_AGES - 1U);
	struct refchunk *chunk, *next;
	unsigned int index;
	u64 *states;

	BUILD_BUG_ON(offsetof(struct refchunk, state) % sizeof(*states));
	refheap_for_each_touched(heap, chunk, next) {
		refchunk_prefetch_states(refchunk_next(next));
		states = (u64 *)chunk->state;
		for (index = 0; index < REFROW_PER_CHUNK; index += 8, states++)
			WRITE_ONCE(*states,
				   refstates_forget(*states, survivor));
		chunk->touched = NULL;
		cond_resched();
	}
	heap->touched = NULL;
	heap->touched_loud = false;
}
