/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A trace, and the way that most edges go: trace.c and root.c.
 */
#ifndef _REFHEAP_TRACE_H
#define _REFHEAP_TRACE_H

#include <linux/prefetch.h>

#include "internal.h"
#include "reading.h"

/* Of the budget for old objects, for each other one: see trace.c. */
#define REFTRACE_BUDGET_EACH	4

/* Of an entry of heap->edges: its owner was expanded on the budget. */
#define REFEDGE_CHARGED		1UL

struct reftrace {
	struct refvisitor visitor;
	struct refheap *heap;
	struct refwalk walk;
	u64 expanded;
	u64 reclaimed_early;	/* no part of @expanded any more */
	u64 free;		/* expanded, and not on the budget */
	u64 charged;		/* slots of objects expanded on the budget */
	enum refscope scope;
	bool below_charged;	/* the object being expanded was charged */
	long *reclaimed;
};

void reftrace_spare(struct refheap *heap, struct refchunk *chunk,
		    unsigned int index);
void reftrace_flush(struct reftrace *trace);
void reftrace_near_edge(struct reftrace *trace, struct refslot *slot,
			bool charged);
void reftrace_gather(struct reftrace *trace, struct refchunk *chunk,
		     unsigned int index, const struct refobj *obj,
		     struct reftally *tally);
void reftrace_walk(struct reftrace *trace, struct refchunk *chunk,
		   unsigned int index, bool charged);

/*
 * Can its edges be gathered?  So few that what is read between two pauses
 * stays about the same.
 */
static inline bool reftype_gathered(const struct reftype *type)
{
	return type->fields_only && type->nr_slots <= REFHEAP_EDGES / 32;
}

/* Do two objects lie on one page?  Then their rows mostly are in one chunk. */
static inline bool refobj_near(const struct refobj *a, const struct refobj *b)
{
	return !(((unsigned long)a ^ (unsigned long)b) & PAGE_MASK);
}

static inline bool row_charged(const struct refchunk *chunk, unsigned int index)
{
	return chunk->snapshot[index] & TRACE_CHARGED;
}

/*
 * As reftrace_count() and what follows it, for the edges that most are: to a
 * row of the chunk at hand that is a root too, and about to be expanded.  There
 * is nothing to do for those but to count.
 *
 * Return: false if it is another.
 */
static __always_inline bool reftrace_count_near(struct refchunk *chunk,
						struct refobj *target,
						struct reftally *tally)
{
	unsigned long index = READ_ONCE(target->place) - (unsigned long)chunk;
	const u8 expanded = ROW_SEEN | ROW_EXPANDED;
	u64 word;

	/* Its row points back, as in refrow_find(). */
	if (index >= REFROW_PER_CHUNK ||
	    READ_ONCE(chunk->object[index]) != (unsigned long)target ||
	    (chunk->state[index] & (expanded | ROW_LIVE)) != expanded)
		return false;
	word = chunk->snapshot[index];
	if (unlikely(!refword_count(word)))
		return false;
	chunk->snapshot[index] = word - 1;
	tally->edges++;
	return true;
}

/*
 * Read a slot.  Edges to neighbours are counted at once, the others are
 * gathered.
 */
static __always_inline void
reftrace_gather_slot(struct reftrace *trace, struct refchunk *chunk,
		     unsigned int index, const struct refobj *obj,
		     struct refslot *slot, struct reftally *tally)
{
	struct refobj *target = READ_ONCE(slot->target);
	struct refheap *heap;

	if (!target)
		return;
	if (refobj_near(target, obj)) {
		if (!reftrace_count_near(chunk, target, tally))
			reftrace_near_edge(trace, slot,
					   row_charged(chunk, index));
		return;
	}
	heap = trace->heap;
	prefetch(target);
	if (unlikely(heap->nr_edges == REFHEAP_EDGES))
		reftrace_flush(trace);
	heap->edges[heap->nr_edges++] =
		(unsigned long)slot |
		(row_charged(chunk, index) ? REFEDGE_CHARGED : 0);
}

#endif /* _REFHEAP_TRACE_H */
