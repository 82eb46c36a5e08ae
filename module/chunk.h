/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The object table
 * ================
 *
 * A row for each object, in chunks of REFROW_PER_CHUNK rows of one type.  A
 * chunk is aligned to REFROW_PER_CHUNK bytes and begins with the marks, so
 * that refobj.place holds both the chunk's address and the index of the row,
 * and is the address of the row's mark.
 *
 *   refobj.place:  | chunk address >> 7 .......... | index (7 bits) |
 *   row number:    | chunk number in heap->chunks  | index (7 bits) |
 *
 * chunk->object[index] is the object, or NULL, or, tagged by REFROW_LINK,
 *  - in the row of an object whose count is zero, the next object of a queue
 *    of such: it needs its payload until release has run and its word to
 *    answer readers, so the queue that makes releasing iterative (G7) and
 *    needs no memory (G8) runs through the table;
 *  - in the row of memory that is not to be used yet, the next of the queue of
 *    such (quarantine.c);
 *  - in a free row, or one that is about to be, memory that is ready for its
 *    next object (row.c), or for the slab (refbatch_flush()).
 */
#ifndef _REFHEAP_CHUNK_H
#define _REFHEAP_CHUNK_H

#include <linux/bitops.h>
#include <linux/llist.h>
#include <linux/prefetch.h>
#include <linux/types.h>

#include <refheap.h>

#define REFROW_LINK		1UL
#define REFROW_BATCH		16
#define REFROW_CACHED		(2 * REFROW_BATCH)

/* Collector's state of a row, u8. */
enum refrow_state {
	ROW_SEEN	= BIT(0),	/* discovered in this collection */
	ROW_ROOT	= BIT(1),	/* was a candidate of this collection */
	ROW_EXPANDED	= BIT(2),	/* its slots have been traced */
	ROW_LIVE	= BIT(3),	/* not to be judged this time */
	ROW_MEMBER	= BIT(4),	/* of the set on trial: judge.c's own */
	ROW_PENDING	= BIT(5),	/* did not fit on the stack */
};

/* Why a row is given back. */
enum refrow_end {
	END_FREED,
	END_UNUSED,		/* there was no memory for an object */
	END_RETURNED,		/* its object was counted as freed before */
};

#define ROW_AGE_SHIFT	6		/* see state_age() */

/*
 * A row's age: 0 if its object has survived no collection, 1 if one of age 0
 * at most, 2 if an older one, REFAGE_FROZEN if refheap_freeze() has taken it
 * out.  It is that of an earlier object as long as the word says FRESH.
 */
static inline unsigned int state_age(u8 state)
{
	return state >> ROW_AGE_SHIFT;
}

/**
 * struct refchunk - REFROW_PER_CHUNK rows of the object table
 * @mark: (A) enum refrow_mark; a byte each, so that marking is a plain store
 * @queued: (A) enum refchunk_queued: on heap->marked, or not yet taken off
 * @number: (I) index in heap->chunks
 * @type: (I) type of all its objects
 * @heap: (I) the type's heap
 * @touched: (C) next chunk with rows of transient state, or the chunk itself;
 *	     beside what else the collector asks of a chunk
 * @taken: (C) heap->round of the collection that took its marks last
 * @nr_free: (R) number of bits set in @free
 * @free_node: (R) on type->chunks while @nr_free is not zero
 * @free: (R) rows that are neither in use nor in a per-CPU cache
 * @sites: (A) where the objects were allocated, or NULL: see site.c
 * @object: (A) see above
 * @marked_node: (A) on heap->marked while @queued
 * @staged: (C) on one of the lists of candidate.c
 * @registered: (G) on refchunk_registry
 * @state: (C) enum refrow_state and age
 * @link: (C) divide: parent in the union-find; judge: next member
 * @snapshot: (C) the word as last read, its count lowered for each edge seen;
 *	      while tracing also TRACE_YOUNG, TRACE_CHARGED, TRACE_TOUCHED
 *
 * The chunks of leaf types end before @marked_node.
 */
struct refchunk {
	u8 mark[REFROW_PER_CHUNK];
	unsigned int queued;
	u32 number;
	struct reftype *type;
	struct refheap *heap;
	struct refchunk *touched;
	u32 taken;
	u32 nr_free;
	struct list_head free_node;
	DECLARE_BITMAP(free, REFROW_PER_CHUNK);
	u32 *sites;
	unsigned long object[REFROW_PER_CHUNK];

	struct llist_node marked_node;
	struct list_head staged;
	struct hlist_node registered;
	u8 state[REFROW_PER_CHUNK];
	u32 link[REFROW_PER_CHUNK];
	u64 snapshot[REFROW_PER_CHUNK];
};

/* refobj_put() relies on it. */
static_assert(offsetof(struct refchunk, mark) == 0);
static_assert(offsetof(struct refchunk, queued) == REFROW_PER_CHUNK);

static inline struct refchunk *place_chunk(unsigned long place)
{
	return (struct refchunk *)(place & ~(unsigned long)REFROW_INDEX);
}

static inline unsigned int place_index(unsigned long place)
{
	return place & REFROW_INDEX;
}

static inline unsigned long chunk_place(const struct refchunk *chunk,
					unsigned int index)
{
	return (unsigned long)chunk | index;
}

/* Of walks that look at states alone. */
static inline void refchunk_prefetch_states(const struct refchunk *chunk)
{
	unsigned int index;

	for (index = 0; chunk && index < REFROW_PER_CHUNK;
	     index += L1_CACHE_BYTES)
		prefetchw(&chunk->state[index]);
}

/*
 * Processors do not look beyond a page.  So whoever goes through chunks asks for
 * what the collector has of the one after the next, and, row by row, for the
 * memory of the objects in the next, while at work on this one.
 */
static inline void refchunk_prefetch(const struct refchunk *chunk)
{
	const unsigned int stride = L1_CACHE_BYTES / sizeof(long);
	unsigned int index;

	if (!chunk)
		return;
	prefetch(&chunk->type);
	for (index = 0; index < REFROW_PER_CHUNK; index += stride) {
		prefetchw(&chunk->object[index]);
		prefetchw(&chunk->snapshot[index]);
	}
	refchunk_prefetch_states(chunk);
}

static inline void refchunk_ahead(const struct refchunk *next,
				  unsigned int index)
{
	prefetchw((void *)READ_ONCE(next->object[index]));
}

/* The next on a list of touched ones, of a walk that may be at its end. */
static inline struct refchunk *refchunk_next(const struct refchunk *chunk)
{
	return !chunk || chunk->touched == chunk ? NULL : chunk->touched;
}

/* for_each_set_bit() in a chunk's rows, without a call for each. */
static __always_inline bool refrows_next(const unsigned long *rows,
					 unsigned long *bits,
					 unsigned long *base,
					 unsigned int *index)
{
	while (!*bits) {
		*base += BITS_PER_LONG;
		if (*base >= REFROW_PER_CHUNK)
			return false;
		*bits = rows[BIT_WORD(*base)];
	}
	*index = *base + __ffs(*bits);
	*bits &= *bits - 1;
	return true;
}

#define refchunk_for_each_row(rows, index) \
	for (unsigned long __bits = (rows)[0], __base = 0; \
	     refrows_next(rows, &__bits, &__base, &(index));)

/* x86 is slow at test_bit() and __set_bit() in memory: a tenth of a trace. */
static __always_inline bool refrows_test(const unsigned long *rows,
					 unsigned int index)
{
	return rows[BIT_WORD(index)] >> (index % BITS_PER_LONG) & 1;
}

static __always_inline void refrows_set(unsigned long *rows,
					unsigned int index)
{
	rows[BIT_WORD(index)] |= BIT_MASK(index);
}

static inline u32 chunk_row(const struct refchunk *chunk, unsigned int index)
{
	return chunk->number << REFROW_SHIFT | index;
}

/*
 * The object in a row, or NULL while the row is free or its object is being
 * released.  The header may be read until the RCU section ends.
 * Pairs with the release store in refrow_publish().
 */
static inline struct refobj *chunk_object(const struct refchunk *chunk,
					  unsigned int index)
{
	/* Pairs with refrow_publish(). */
	unsigned long object = smp_load_acquire(&chunk->object[index]);

	return object & REFROW_LINK ? NULL : (struct refobj *)object;
}

/* An object whose count is not, or was not until now, zero has a place. */
static inline struct refchunk *refobj_chunk(const struct refobj *obj)
{
	return place_chunk(READ_ONCE(obj->place));
}

#endif /* _REFHEAP_CHUNK_H */
