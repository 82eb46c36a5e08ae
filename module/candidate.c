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
 * then: mostly in the collection that began the grace period, if it takes
 * longer than that, else by refcandidate_settle().
 *
 * A candidate that was judged uncleanly (busy, changed, rescued) is parked:
 * marked, but its chunk on heap->parked, for collections that come anyway and
 * a timer that backs off (G11).
 */
#include <linux/rcupdate.h>
#include <trace/events/refheap.h>

#include "internal.h"
#include "reading.h"

/* The lowest bit of each of eight bytes, for a bitmap's eight from @at on. */
static __always_inline void refmarks_add(unsigned long *rows, unsigned int at,
					 u64 marks)
{
	/* Multiplied, each of them comes to lie in the highest byte. */
	u64 bits = ((marks & 0x0101010101010101ULL) *
		    0x0102040810204080ULL) >> 56;

	rows[BIT_WORD(at)] |= (unsigned long)bits << (at % BITS_PER_LONG);
}

/*
 * Clear a chunk's marks, eight at a time.  Read again by what clears it: a mark
 * that an earlier object left must not hide that of a later one.
 *
 * Return: their number; @touched are those that a mutator has set.
 */
static unsigned int refchunk_take_marks(struct refchunk *chunk,
					unsigned long *taken,
					unsigned long *touched)
{
	__le64 *marks = (__le64 *)chunk->mark, old;
	unsigned int i;
	u64 word;

	BUILD_BUG_ON(__alignof__(struct refchunk) < sizeof(*marks));
	BUILD_BUG_ON(REFMARK_SET != 1 || REFMARK_PARKED != 2);
	bitmap_zero(taken, REFROW_PER_CHUNK);
	bitmap_zero(touched, REFROW_PER_CHUNK);
	for (i = 0; i < REFROW_PER_CHUNK; i += sizeof(*marks), marks++) {
		old = READ_ONCE(*marks);
		if (!old)
			continue;
		/* As xchg(), which has a lock prefix where one CPU needs none. */
		while (!try_cmpxchg(marks, &old, 0))
			;
		word = le64_to_cpu(old);
		refmarks_add(touched, i, word);
		refmarks_add(taken, i, word | word >> 1);
	}
	return bitmap_weight(taken, REFROW_PER_CHUNK);
}

/* Marks first, then, behind one barrier, words: see refobj_drop(). */
static u64 refcandidate_take_chunk(struct reftrace *trace,
				   struct refchunk *chunk,
				   const struct refchunk *next)
{
	DECLARE_BITMAP(touched, REFROW_PER_CHUNK);
	DECLARE_BITMAP(taken, REFROW_PER_CHUNK);
	unsigned int nr;

	nr = refchunk_take_marks(chunk, taken, touched);
	if (!nr)
		return 0;
	/*
	 * Pairs with refobj_drop(), refslot_publish(), refobj_init(),
	 * __refrow_mark_late() and refcascade_finalize().
	 */
	smp_mb();
	if (!chunk->type->leaf)
		reftrace_roots(trace, chunk, taken, touched, next);
	trace_refheap_phase(chunk->heap, REFHEAP_PHASE_TAKEN, chunk->number);
	return nr;
}

void refcandidate_stage(struct refheap *heap)
{
	struct llist_node *marked = llist_del_all(&heap->marked);
	struct refchunk *chunk, *next;

	/* Those that are staged already wait as long as these. */
	llist_for_each_entry_safe(chunk, next, marked, marked_node) {
		/*
		 * Off the list for good: only now may it be queued again.
		 * Pairs with the xchg in refrow_mark_slow().
		 */
		smp_store_release(&chunk->queued, REFCHUNK_UNKNOWN);
		list_move_tail(&chunk->staged, &heap->staged);
		cond_resched();
	}
	/* What was parked is staged: looked at now, and let go in time. */
	list_splice_tail_init(&heap->parked, &heap->staged);
	if (list_empty(&heap->staged))
		return;
	heap->staged_cookie = start_poll_synchronize_rcu();
	/* With one CPU, no preemption, it need only be said that it is over. */
	if (IS_ENABLED(CONFIG_TINY_RCU))
		synchronize_rcu();
}

static struct refchunk *refchunk_first(struct list_head *chunks)
{
	return list_first_entry_or_null(chunks, struct refchunk, staged);
}

static struct refchunk *refchunk_second(struct list_head *chunks)
{
	struct refchunk *first = refchunk_first(chunks);

	return !first || list_is_last(&first->staged, chunks) ? NULL :
	       list_next_entry(first, staged);
}

/* What is asked of a chunk first, and then what of its rows. */
static void refcandidate_prefetch(const struct refchunk *chunk)
{
	unsigned int index;

	for (index = 0; chunk && index < REFROW_PER_CHUNK;
	     index += L1_CACHE_BYTES)
		prefetchw(&chunk->mark[index]);
	refchunk_prefetch(chunk);
}

/*
 * Each chunk once; any may be parked meanwhile, and then leaves its list.  So
 * does one that needs no other look, since the grace period of @cookie was over
 * before this one.
 */
static u64 refcandidate_take_list(struct reftrace *trace,
				  struct list_head *chunks,
				  const unsigned long *cookie)
{
	struct refheap *heap = reftrace_heap(trace);
	struct refchunk *chunk;
	LIST_HEAD(done);
	u64 nr = 0;

	while ((chunk = refchunk_first(chunks))) {
		list_move_tail(&chunk->staged, &done);
		if (chunk->taken == heap->round)
			continue;
		chunk->taken = heap->round;
		if (cookie && poll_state_synchronize_rcu(*cookie))
			list_del_init(&chunk->staged);
		refcandidate_prefetch(refchunk_second(chunks));
		nr += refcandidate_take_chunk(trace, chunk,
					      refchunk_first(chunks));
		reftrace_pause(trace, REFROW_PER_CHUNK);
		reftrace_try_early(trace);
	}
	list_splice_tail(&done, chunks);
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

static u64 refcandidate_take_chunk_aged(struct reftrace *trace,
					struct refchunk *chunk,
					enum refscope scope)
{
	DECLARE_BITMAP(rows, REFROW_PER_CHUNK);
	unsigned int index, nr = 0;

	bitmap_zero(rows, REFROW_PER_CHUNK);
	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		if (chunk->state[index] & ROW_ROOT ||
		    !chunk_object(chunk, index) ||
		    !refcandidate_wanted(chunk, index, scope))
			continue;
		refrows_set(rows, index);
		nr++;
	}
	reftrace_roots(trace, chunk, rows, NULL, NULL);
	return nr;
}

static u64 refcandidate_take_aged(struct reftrace *trace, enum refscope scope)
{
	struct refchunk *chunk;
	unsigned long number;
	u64 nr = 0;

	xa_for_each(&reftrace_heap(trace)->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		nr += refcandidate_take_chunk_aged(trace, chunk, scope);
		reftrace_pause(trace, REFROW_PER_CHUNK);
	}
	return nr;
}

/* How many references have been stored in slots of this heap? */
unsigned long refheap_edits(struct refheap *heap)
{
	unsigned long edits = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		edits += READ_ONCE(per_cpu_ptr(heap->cpu, cpu)->edits);
	return edits;
}

/*
 * Begin a collection: every candidate, and what else @scope says, is read as a
 * root, and expanded while its memory is at hand.
 *
 * So slots of some are read before the marks of others are taken, and an edge
 * that is stored in between may not be seen although the put that left it as
 * the only one was before the mark was taken.  Whoever stores an edge counts
 * that before he puts what he held its owner by; if the number has changed,
 * those that a mutator has touched and that are taken for alive stay
 * candidates: refcandidate_park_touched().
 *
 *	T1			collector
 *	slot: xchg		edits: read
 *	edits: + 1		slot: read, empty
 *	put, release		word: read, acquire: the put is counted
 *				edits: read again
 *
 * Context: in the trace's RCU section, which is left now and then.
 * Return: how many.
 */
u64 refcandidate_take(struct reftrace *trace, enum refscope scope)
{
	struct refheap *heap = reftrace_heap(trace);
	u64 nr;

	heap->edits = refheap_edits(heap);
	/* Slots are read after it.  Pairs with the xchg of who edits. */
	smp_rmb();
	heap->round++;
	nr = refcandidate_take_list(trace, &heap->settling,
				    &heap->settling_cookie) +
	     refcandidate_take_list(trace, &heap->staged,
				    &heap->staged_cookie) +
	     refcandidate_take_list(trace, &heap->parked, NULL);
	if (scope >= SCOPE_AGE_0)
		nr += refcandidate_take_aged(trace, scope);
	/* Behind the words, by their acquires. */
	heap->edited = refheap_edits(heap) != heap->edits;
	return nr;
}

/* What was touched and is taken for alive may not be: see there. */
void refcandidate_park_touched(struct refheap *heap)
{
	struct refchunk *chunk, *next;
	unsigned int index;

	if (!heap->edited || busted(FAULT_park_touched))
		return;
	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (chunk->state[index] & ROW_LIVE &&
			    chunk->snapshot[index] & TRACE_TOUCHED)
				refrow_park(chunk, index);
		cond_resched();
	}
}

/* Mark a row that nobody has marked; not every machine swaps single bytes. */
static void refchunk_park_mark(struct refchunk *chunk, unsigned int index)
{
	unsigned long *marks = (unsigned long *)chunk->mark +
			       index / sizeof(long);
	unsigned long old = READ_ONCE(*marks), new;

	do {
		if (((u8 *)&old)[index % sizeof(long)] != REFMARK_NONE)
			return;
		new = old;
		((u8 *)&new)[index % sizeof(long)] = REFMARK_PARKED;
	} while (!try_cmpxchg(marks, &old, new));
}

/* Keep an object a candidate, for another time. */
void refrow_park(struct refchunk *chunk, unsigned int index)
{
	refchunk_park_mark(chunk, index);
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
 * them a last time; then it is the turn of those staged meanwhile.
 */
void refcandidate_settle(struct refheap *heap)
{
	struct refchunk *chunk, *next;

	for (;;) {
		if (!list_empty(&heap->settling) &&
		    !poll_state_synchronize_rcu(heap->settling_cookie))
			return;
		list_for_each_entry_safe(chunk, next, &heap->settling, staged) {
			refchunk_settle(heap, chunk);
			cond_resched();
		}
		if (list_empty(&heap->staged))
			return;
		list_splice_tail_init(&heap->staged, &heap->settling);
		heap->settling_cookie = heap->staged_cookie;
	}
}
