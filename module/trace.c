// SPDX-License-Identifier: GPL-2.0
/*
 * Tracing: which objects to suspect.  Policy: nothing here has to be right
 * for the collector to be safe, only for it to find what it should at a cost
 * in proportion to what changed (G12).
 *
 * What it reads, and in which order, is another matter: a trace's readings may
 * become a judgement (reading.h, judge.c).
 *
 * A discovered object is worth expanding (having its slots read)
 *  - if it is young, that is, nobody has looked at it since its allocation:
 *    looking once is in proportion to the allocations;
 *  - if all references to it have been met on the way here: it is garbage
 *    unless something that leads to it is held;
 *  - if it is a root and has a few slots;
 *  - else it may be a part of an old structure that is being dropped, or a
 *    hub of the living that something small points to.  These, and what is
 *    met below them, are expanded by the number of references that they miss,
 *    the smallest first, while a budget lasts that grows with the work done
 *    anyway.  What remains is left to a full pass, and heap->unfinished says
 *    so.
 *
 * What follows from that: suspect.c.
 */
#include <linux/prefetch.h>
#include <trace/events/refheap.h>

#include "internal.h"
#include "reading.h"
#include "trace.h"

/*
 * The budget for old objects, in slots: REFTRACE_BUDGET_EACH for each object
 * looked at anyway, and a credit that a full pass fills up and every collection
 * a little, so that the same survivors are not paid for over and over.
 */
#define REFTRACE_CREDIT_BACK	64

struct refheap *reftrace_heap(const struct reftrace *trace)
{
	return trace->heap;
}

/* Has nobody looked at it since its allocation? */
static bool row_young(const struct refchunk *chunk, unsigned int index)
{
	return chunk->snapshot[index] & TRACE_YOUNG;
}

/* The stack is bounded; what does not fit stays pending in its row (G8). */
void reftrace_push(struct refheap *heap, struct refchunk *chunk,
		   unsigned int index)
{
	if (heap->depth < REFHEAP_STACK) {
		heap->stack[heap->depth++] = chunk_place(chunk, index);
		return;
	}
	chunk->state[index] |= ROW_PENDING;
	heap->overflow = true;
}

/* Move a chunk's pending rows to the stack; false if they do not fit. */
static bool reftrace_refill_chunk(struct refheap *heap, struct refchunk *chunk)
{
	unsigned int index;

	if (heap->depth + REFROW_PER_CHUNK > REFHEAP_STACK)
		return false;
	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		if (!(chunk->state[index] & ROW_PENDING))
			continue;
		chunk->state[index] &= ~ROW_PENDING;
		reftrace_push(heap, chunk, index);
	}
	return true;
}

/*
 * Bring pending rows back, as many as fit, beginning where the last time
 * ended.  Only a look at all chunks from the first on that finds room for
 * everything means that none is left.
 */
static void reftrace_refill(struct refheap *heap, struct refwalk *walk)
{
	struct refchunk *chunk = heap->refill, *next;
	bool all = !chunk;

	if (all)
		chunk = heap->touched;
	while (chunk) {
		next = refchunk_next(chunk);
		if (!reftrace_refill_chunk(heap, chunk))
			break;
		refwalk_pause(walk, REFROW_PER_CHUNK);
		chunk = next;
	}
	heap->refill = chunk;
	if (all && !chunk)
		heap->overflow = false;
}

bool reftrace_pop(struct refheap *heap, struct refwalk *walk,
		  struct refchunk **chunk, unsigned int *index)
{
	unsigned long place;

	while (!heap->depth && heap->overflow)
		reftrace_refill(heap, walk);
	if (!heap->depth)
		return false;
	place = heap->stack[--heap->depth];
	*chunk = place_chunk(place);
	*index = place_index(place);
	return true;
}

static void reftrace_expand_later(struct refheap *heap, struct refchunk *chunk,
				  unsigned int index)
{
	chunk->state[index] |= ROW_EXPANDED;
	reftrace_push(heap, chunk, index);
}

void reftrace_spare(struct refheap *heap, struct refchunk *chunk,
		    unsigned int index)
{
	chunk->state[index] |= ROW_LIVE;
	heap->tally.spoiled = true;
}

/*
 * More edges have been seen to an object than its count allows.  Mostly it is
 * changing; if not, excess.c finds out what is the matter.
 */
static void reftrace_excess(struct refobj *obj, struct refchunk *chunk,
			    unsigned int index)
{
	u64 word = refword_read(obj);
	u64 changed = (word ^ chunk->snapshot[index]) & WORD_VERSION_MASK;

	if (!changed && !(word & (REFWORD_MARKED | REFWORD_FRESH)))
		refexcess_suspect(chunk, index);
	reftrace_spare(chunk->heap, chunk, index);
	refrow_park(chunk, index);
}

/* As refrow_find(); whoever asks for many knows the last one's chunk. */
static __always_inline struct refchunk *
reftrace_target(struct refheap *heap, struct refobj *target,
		struct refchunk **known, unsigned int *index)
{
	unsigned long place = READ_ONCE(target->place);
	struct refchunk *chunk = place_chunk(place);

	if (chunk != *known || !chunk) {
		if (!chunk || chunk->type->leaf || chunk->heap != heap)
			return NULL;
		*known = chunk;
	}
	*index = place_index(place);
	return chunk_object(chunk, *index) == target ? chunk : NULL;
}

/*
 * Count an edge.  That is, lower its target's reading, if the slot is known
 * to have held the edge after the target's word was read: see judge.c.
 *
 * Return: the target's chunk, or NULL if it is nothing to count.
 */
static __always_inline struct refchunk *
reftrace_count(struct refheap *heap, struct refslot *slot,
	       struct refchunk **known, unsigned int *index,
	       struct reftally *tally)
{
	struct refobj *target = READ_ONCE(slot->target);
	struct refchunk *chunk;

	if (!target)
		return NULL;
	chunk = reftrace_target(heap, target, known, index);
	if (!chunk)
		goto other;
	if (!(chunk->state[*index] & ROW_SEEN)) {
		refrow_discover(heap, chunk, *index, target);
		/* Behind the word, by its acquire. */
		if (READ_ONCE(slot->target) != target &&
		    !busted(FAULT_edge_again))
			goto other;
	}
	if ((chunk->state[*index] & (ROW_SEEN | ROW_LIVE)) != ROW_SEEN)
		goto other;
	if (unlikely(!row_missing(chunk, *index))) {
		reftrace_excess(target, chunk, *index);
		goto other;
	}
	chunk->snapshot[*index]--;
	tally->edges++;
	return chunk;

other:
	tally->others++;
	return NULL;
}

/*
 * Is it going to be read as a root anyway, with its neighbours?  If its chunk
 * has only been parked, in the next collection.
 */
static bool row_awaited(const struct refheap *heap,
			const struct refchunk *chunk, unsigned int index)
{
	return chunk->taken != heap->round && READ_ONCE(chunk->mark[index]) &&
	       !list_empty(&chunk->staged);
}

static __always_inline void reftrace_edge(struct reftrace *trace,
					  struct refslot *slot,
					  struct refchunk **known,
					  bool below_charged,
					  struct reftally *tally)
{
	struct refheap *heap = trace->heap;
	struct refchunk *chunk;
	unsigned int index;

	chunk = reftrace_count(heap, slot, known, &index, tally);
	if (!chunk || chunk->state[index] & ROW_EXPANDED)
		return;
	if ((row_young(chunk, index) ||
	     (!row_missing(chunk, index) && !below_charged)) &&
	    !row_awaited(heap, chunk, index))
		reftrace_expand_later(heap, chunk, index);
}

static void reftrace_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct reftrace *trace = container_of(visitor, struct reftrace,
					      visitor);
	struct refchunk *known = NULL;

	reftrace_edge(trace, slot, &known, trace->below_charged,
		      &trace->heap->tally);
}

/*
 * Edges that lie apart cost a miss of the cache each for the target's header,
 * and more for its row.  So those of many objects are gathered and asked for
 * together, before they are looked at.
 */
static void reftrace_prefetch(struct refheap *heap)
{
	struct refchunk *chunk, *last = NULL;
	struct refobj *target;
	unsigned long place;
	unsigned int i;

	for (i = 0; i < heap->nr_edges; i++) {
		target = READ_ONCE(((struct refslot *)
				    (heap->edges[i] & ~REFEDGE_CHARGED))->target);
		if (!target)
			continue;
		place = READ_ONCE(target->place);
		chunk = place_chunk(place);
		/* Neighbours have been asked for already. */
		if (!chunk || chunk == last)
			continue;
		last = chunk;
		prefetch(&chunk->type);
		prefetch(place_row(place));
		prefetchw(&chunk->state[place_index(place)]);
		prefetchw(&chunk->snapshot[place_index(place)]);
	}
}

void reftrace_flush(struct reftrace *trace)
{
	struct refheap *heap = trace->heap;
	struct refchunk *known = NULL;
	struct reftally tally = {};
	unsigned int i, nr = heap->nr_edges;
	unsigned long edge;

	reftrace_prefetch(heap);
	for (i = 0; i < nr; i++) {
		edge = heap->edges[i];
		reftrace_edge(trace, (struct refslot *)(edge & ~REFEDGE_CHARGED),
			      &known, edge & REFEDGE_CHARGED, &tally);
	}
	heap->nr_edges = 0;
	reftally_add(&heap->tally, &tally);
}

/* Nothing that was read before may be used after it, edges included. */
void reftrace_pause(struct reftrace *trace, unsigned int cost)
{
	reftrace_flush(trace);
	refwalk_pause(&trace->walk, cost);
}

/* One to a neighbour that is not only to be counted. */
void reftrace_near_edge(struct reftrace *trace, struct refslot *slot,
			bool charged)
{
	struct refchunk *known = NULL;

	reftrace_edge(trace, slot, &known, charged, &trace->heap->tally);
}

/* Read an object's slots. */
void reftrace_gather(struct reftrace *trace, struct refchunk *chunk,
		     unsigned int index, const struct refobj *obj,
		     struct reftally *tally)
{
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, chunk->type, obj)
		reftrace_gather_slot(trace, chunk, index, obj, slot, tally);
}

/* Those that lie where somebody else knows are read one by one. */
void reftrace_walk(struct reftrace *trace, struct refchunk *chunk,
		   unsigned int index, bool charged)
{
	int err;

	reftrace_flush(trace);
	trace->below_charged = charged;
	err = refrow_walk(&trace->walk, chunk, index, &trace->visitor);
	/* Busy, or gone: in either case not for this time. */
	if (err)
		reftrace_spare(trace->heap, chunk, index);
	if (err == -EBUSY && !busted(FAULT_busy))
		refrow_park(chunk, index);
}

/* Read the slots of a row that is ROW_EXPANDED. */
static void reftrace_expand(struct reftrace *trace, struct refchunk *chunk,
			    unsigned int index)
{
	struct refobj *obj = chunk_object(chunk, index);
	bool charged = row_charged(chunk, index);

	trace->expanded++;
	trace->free += !charged;
	if (!reftype_gathered(chunk->type))
		reftrace_walk(trace, chunk, index, charged);
	else if (obj)
		reftrace_gather(trace, chunk, index, obj, &trace->heap->tally);
	else
		reftrace_spare(trace->heap, chunk, index);
}

/* What is on the stack, a few at a time.  Return: their number. */
static unsigned int reftrace_expand_some(struct reftrace *trace)
{
	struct refheap *heap = trace->heap;
	struct refchunk *chunk;
	unsigned int nr = 0, index;

	/* As many as have few edges together: see reftype_gathered(). */
	while (nr < 32 && heap->depth) {
		reftrace_pop(heap, &trace->walk, &chunk, &index);
		reftrace_expand(trace, chunk, index);
		nr++;
	}
	return nr;
}

/* Expand what is worth it without asking what it costs. */
static void reftrace_drain(struct reftrace *trace)
{
	struct refheap *heap = trace->heap;
	struct refchunk *chunk;
	unsigned int index, nr;

	for (;;) {
		nr = reftrace_expand_some(trace);
		if (nr || heap->nr_edges) {
			reftrace_pause(trace, 4 * nr);
			continue;
		}
		/* Brings pending rows back, and pauses. */
		if (!reftrace_pop(heap, &trace->walk, &chunk, &index))
			return;
		reftrace_expand(trace, chunk, index);
	}
}

/* Charge an old object to the budget, if that lasts. */
static bool reftrace_charge(struct reftrace *trace, struct refchunk *chunk,
			    unsigned int index, struct refobj *obj)
{
	u64 slots;

	if (busted(FAULT_credit))
		return true;
	/* What the collection is for costs what it costs. */
	if (trace->scope >= SCOPE_AGE_0 &&
	    state_age(chunk->state[index]) <= refscope_age(trace->scope))
		return true;
	slots = refobj_slots(obj, chunk->type);
	if (trace->charged + slots >
	    trace->heap->credit + REFTRACE_BUDGET_EACH * trace->free)
		return false;
	trace->charged += slots;
	chunk->snapshot[index] |= TRACE_CHARGED;
	return true;
}

/* Expand old objects with at most @missing references not accounted for. */
static void reftrace_expand_old(struct reftrace *trace, u32 missing)
{
	struct refheap *heap = trace->heap;
	struct refchunk *chunk, *next;
	struct refobj *obj;
	unsigned int index;
	u8 state;

	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++) {
			state = chunk->state[index];
			if (!(state & ROW_SEEN) ||
			    state & (ROW_EXPANDED | ROW_LIVE) ||
			    row_missing(chunk, index) > missing)
				continue;
			obj = chunk_object(chunk, index);
			if (!obj)
				reftrace_spare(heap, chunk, index);
			else if (reftrace_charge(trace, chunk, index, obj))
				reftrace_expand_later(heap, chunk, index);
		}
		reftrace_pause(trace, REFROW_PER_CHUNK);
		reftrace_drain(trace);
	}
}

/* What was not worth it by itself. */
static void reftrace_expand_rest(struct reftrace *trace)
{
	u64 before;
	u32 missing;

	if (trace->scope != SCOPE_AGE_2)
		for (missing = 0; missing <= 16; missing = missing * 4 + 1)
			if (trace->expanded != trace->heap->tally.seen)
				reftrace_expand_old(trace, missing);
	/* Until a round finds nothing more, or nothing that can be afforded. */
	do {
		before = trace->expanded;
		if (before != trace->heap->tally.seen)
			reftrace_expand_old(trace, U32_MAX);
	} while (trace->expanded != before);
}

/* Settle the account of a collection. */
static void reftrace_settle(struct reftrace *trace)
{
	u64 credit = trace->heap->credit + REFTRACE_CREDIT_BACK +
		     REFTRACE_BUDGET_EACH * trace->free;

	trace->heap->credit = trace->scope == SCOPE_AGE_2 ? REFTRACE_CREDIT :
			      min_t(u64, credit - trace->charged,
				    REFTRACE_CREDIT);
}

/*
 * Between two chunks of roots: reclaim what has been seen, if all that it leads
 * to has been, too, and is dead.
 */
void reftrace_try_early(struct reftrace *trace)
	__must_hold(RCU)
{
	struct refheap *heap = trace->heap;

	heap->tally.expanded = trace->expanded;
	if (heap->depth || heap->overflow || heap->nr_edges ||
	    !refisland_early_enough(heap))
		return;
	refwalk_end(&trace->walk);
	if (refisland_try_together(heap, true, trace->reclaimed)) {
		trace->reclaimed_early += trace->expanded;
		trace->expanded = 0;
	}
	refwalk_begin(&trace->walk);
}

/*
 * From the roots to all that is worth reading.  @reclaimed grows by what turned
 * out to be garbage on the way.
 *
 * Return: how many roots there were.
 */
u64 reftrace_run(struct refheap *heap, enum refscope scope, long *reclaimed)
{
	struct reftrace trace = {
		.visitor.slot = reftrace_slot,
		.heap = heap,
		.scope = scope,
		.reclaimed = reclaimed,
	};
	u64 roots, traced;

	heap->tally = (struct reftally){};
	refcandidate_stage(heap);
	refwalk_begin(&trace.walk);
	roots = refcandidate_take(&trace, scope);
	trace.free += roots;
	reftrace_drain(&trace);
	trace_refheap_phase(heap, REFHEAP_PHASE_CANDIDATES, roots);
	reftrace_expand_rest(&trace);
	refwalk_end(&trace.walk);
	refexcess_judge(heap);

	reftrace_settle(&trace);
	heap->tally.expanded = trace.expanded;
	traced = trace.expanded + trace.reclaimed_early;
	heap->stats.traced += traced;
	heap->work += roots + traced;
	return roots;
}
