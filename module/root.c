// SPDX-License-Identifier: GPL-2.0
/*
 * Roots: what a trace begins with is read, and expanded, a chunk at a time,
 * while that is in the processor's cache.  Policy, as the trace.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "internal.h"
#include "reading.h"
#include "trace.h"

/*
 * A root may be expanded at once if it has no more slots than this: that is
 * in proportion to what was touched.
 */
#define REFTRACE_OWN_SLOTS	REFTRACE_BUDGET_EACH

/*
 * Expand roots whose edges are gathered: as reftrace_expand().  Mostly all slots
 * lie side by side, and at the same place in all objects of a chunk.
 */
static void reftrace_expand_roots(struct reftrace *trace,
				  struct refchunk *chunk,
				  const unsigned long *rows)
{
	const struct reftype *type = chunk->type;
	const long first = (long)type->run.offset - (long)type->desc.header;
	const unsigned int count = type->run.count;
	const bool one_run = type->desc.nr_fields == 1;
	struct reftally tally = {};
	unsigned int index, nr;
	struct refslot *slot;
	struct refobj *obj;

	refchunk_for_each_row(rows, index) {
		obj = chunk_object(chunk, index);
		if (unlikely(!obj)) {
			/* It has gone since. */
			reftrace_spare(trace->heap, chunk, index);
		} else if (likely(one_run)) {
			slot = (void *)obj + first;
			for (nr = count; nr; nr--)
				reftrace_gather_slot(trace, chunk, index, obj,
						     slot++, &tally);
		} else {
			reftrace_gather(trace, chunk, index, obj, &tally);
		}
	}
	reftally_add(&trace->heap->tally, &tally);
}

/*
 * A root's word has been read.  Is it worth expanding at once?  The young ones
 * are while they are at hand, and of the others those that have a few slots, as
 * if on the budget: that they were touched says nothing about what hangs on
 * them.
 */
static __always_inline bool reftrace_root_wanted(const struct reftrace *trace,
						 u8 state, u64 *word, bool few)
{
	if (unlikely(state & (ROW_EXPANDED | ROW_LIVE)))
		return false;
	if (*word & TRACE_YOUNG || trace->scope == SCOPE_AGE_2)
		return true;
	if (few)
		*word |= TRACE_CHARGED;
	return few;
}

/*
 * Read the word of a row as a root; @taken if its mark has been, @touched if a
 * mutator had set that, @few if its type has a few slots.
 *
 * Return: is it to be expanded?
 */
static __always_inline bool
reftrace_read_root(struct reftrace *trace, struct refchunk *chunk,
		   unsigned int index, bool taken, bool touched, bool few,
		   struct reftally *tally, u64 *charged)
{
	bool wanted;
	u64 word;
	u8 state;

	if (unlikely(chunk->state[index] & ROW_SEEN)) {
		if (taken)
			refrow_discover_again(trace->heap, chunk, index);
		state = chunk->state[index];
		word = chunk->snapshot[index];
	} else {
		state = refrow_read(chunk, index, chunk_object(chunk, index),
				    taken, &word, tally);
		if (unlikely(!(state & ROW_SEEN)))
			return false;
	}
	if (touched)
		word |= TRACE_TOUCHED;
	state |= ROW_ROOT;
	wanted = reftrace_root_wanted(trace, state, &word, few);
	if (wanted) {
		state |= ROW_EXPANDED;
		*charged += !!(word & TRACE_CHARGED);
	}
	chunk->state[index] = state;
	chunk->snapshot[index] = word;
	return wanted;
}

/*
 * Read the words of rows as roots; @taken if their marks have been, @touched
 * are those that a mutator had set.  @wanted receives those to be expanded.
 */
static __always_inline void
reftrace_read_roots(struct reftrace *trace, struct refchunk *chunk,
		    const unsigned long *rows, const unsigned long *touched,
		    bool taken, const struct refchunk *next,
		    unsigned long *wanted)
{
	const struct reftype *type = chunk->type;
	bool few = reftype_gathered(type) &&
		   type->nr_slots <= REFTRACE_OWN_SLOTS;
	unsigned long left, some_touched, some_wanted;
	struct reftally tally = {};
	unsigned int base, bit;
	u64 charged = 0;

	next = next ?: chunk;
	for (base = 0; base < REFROW_PER_CHUNK; base += BITS_PER_LONG) {
		some_touched = taken ? touched[BIT_WORD(base)] : 0;
		some_wanted = 0;
		for (left = rows[BIT_WORD(base)]; left; left &= left - 1) {
			bit = __ffs(left);
			refchunk_ahead(next, base + bit);
			if (reftrace_read_root(trace, chunk, base + bit, taken,
					       some_touched >> bit & 1, few,
					       &tally, &charged))
				some_wanted |= BIT(bit);
		}
		wanted[BIT_WORD(base)] = some_wanted;
	}
	trace->free -= charged;
	reftally_add(&trace->heap->tally, &tally);
}

/*
 * Read some rows of a chunk as roots; @next is what comes then.  If their marks
 * have been taken, @touched are those that a mutator had set, else it is NULL.
 */
void reftrace_roots(struct reftrace *trace, struct refchunk *chunk,
		    const unsigned long *rows, const unsigned long *touched,
		    const struct refchunk *next)
{
	DECLARE_BITMAP(wanted, REFROW_PER_CHUNK);
	unsigned int index, expanded;

	if (busted(FAULT_allocate)) {
		void *entry = kmalloc(sizeof(long), GFP_NOWAIT | __GFP_NOWARN);

		kfree(entry);
		if (!entry)
			return;
	}
	refchunk_touch(trace->heap, chunk);
	if (touched)
		reftrace_read_roots(trace, chunk, rows, touched, true, next,
				    wanted);
	else
		reftrace_read_roots(trace, chunk, rows, NULL, false, next,
				    wanted);
	expanded = bitmap_weight(wanted, REFROW_PER_CHUNK);
	trace->expanded += expanded;
	trace->free += expanded;
	if (reftype_gathered(chunk->type))
		reftrace_expand_roots(trace, chunk, wanted);
	else
		refchunk_for_each_row(wanted, index)
			reftrace_walk(trace, chunk, index,
				      row_charged(chunk, index));
}
