/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The header of an object, and how its references are counted; part of
 * <refheap.h>, which says what callers owe.
 */
#ifndef _REFHEAP_COUNT_H
#define _REFHEAP_COUNT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/prefetch.h>
#include <linux/preempt.h>
#include <linux/types.h>

/**
 * struct refobj - header of a heap object, embedded in the client's structure
 * @word: private; the counted word (see below)
 * @place: private; where the object's row in the object table is
 *
 * 16 bytes on 64-bit.  Both fields belong to the heap.
 */
struct refobj {
	atomic64_t word;
	unsigned long place;
};

/*
 * The counted word
 * ================
 *
 *  63        39      38        37     36     35      34     33       32
 * +------------+-----------+------+------+-------+--------+------+-----------+
 * |  version   | FINALIZED | WEAK | LEAF | FRESH | MARKED | DEAD | CONDEMNED |
 * +------------+-----------+------+------+-------+--------+------+-----------+
 *  31                                                                      0
 * +--------------------------------------------------------------------------+
 * |                                  count                                   |
 * +--------------------------------------------------------------------------+
 *
 * Every change of the count, and every move of a reference, changes the
 * version, so that two equal readings mean that nothing happened between
 * them; a version that wraps falls off at bit 63.
 *
 * The count's zones are as in lib/rcuref.c, and one more, of immortals:
 *
 * 0     1        MAX        SATURATED  IMMORTAL             DEAD
 * 0     1        0x7fffffff 0x98000000 0xb4000000 0xbfffffff 0xe0000000  0xffffffff
 * zero  <-valid------------> <-saturation zone-------------> <-dead zone->
 *
 * FINALIZED its finalizer has been called, or is about to be, or it has none
 * WEAK	     there are, or were, weak references to it
 * LEAF	     the type has no slots: never a candidate, no member of an island
 * FRESH     not yet seen by the collector since its allocation
 * MARKED    the row is marked as a candidate, or about to be; a leaf need not
 *	     be, so it says so from the beginning
 * DEAD	     being reclaimed: a put never releases it
 * CONDEMNED on trial; the heap's verdict word tells the outcome
 */
#define REFWORD_COUNT		0x00000000ffffffffULL
#define REFWORD_CONDEMNED	BIT_ULL(32)
#define REFWORD_DEAD		BIT_ULL(33)
#define REFWORD_MARKED		BIT_ULL(34)
#define REFWORD_FRESH		BIT_ULL(35)
#define REFWORD_LEAF		BIT_ULL(36)
#define REFWORD_WEAK		BIT_ULL(37)
#define REFWORD_FINALIZED	BIT_ULL(38)
#define REFWORD_VERSION		BIT_ULL(39)

/* A put need do no more than count: see refobj_drop().  So has a leaf. */
#define REFWORD_PLAIN_PUT	(REFWORD_MARKED | REFWORD_FINALIZED)

#define REFWORD_GET		(REFWORD_VERSION + 1)
#define REFWORD_PUT		(REFWORD_VERSION - 1)

#define REFCOUNT_ZONE_MAX	0x7fffffffU
#define REFCOUNT_ZONE_SATURATED	0x98000000U
#define REFCOUNT_ZONE_IMMORTALS	0xa8000000U	/* from here on immortal */
#define REFCOUNT_ZONE_IMMORTAL	0xb4000000U
#define REFCOUNT_ZONE_RELEASED	0xc0000000U
#define REFCOUNT_ZONE_DEAD	0xe0000000U

/*
 * private: what refobj_put() knows of the object table.
 *
 * refobj.place is the address of a byte, the row's mark, in a chunk that is
 * aligned to the number of marks with which it begins; a word follows that
 * says whether the collector knows that the chunk has marks.
 */
#define REFROW_SHIFT		7
#define REFROW_PER_CHUNK	BIT(REFROW_SHIFT)
#define REFROW_INDEX		(REFROW_PER_CHUNK - 1)

/* Every so many rows one has its marks counted, in any chunk another. */
#define REFROW_SAMPLE		REFROW_PER_CHUNK

enum refrow_mark {
	REFMARK_NONE,
	REFMARK_SET,	/* by a mutator */
	REFMARK_PARKED,	/* by the collector, for another time */
};

enum refchunk_queued {
	REFCHUNK_UNKNOWN,	/* to the collector: show it */
	REFCHUNK_QUEUED,	/* count samples of its marks */
	REFCHUNK_COUNTED,	/* count all its marks */
};

/* private: out of line parts of refobj_get() and refobj_put() */
void __refobj_get_slow(struct refobj *obj, u64 old);
void __refobj_put_slow(struct refobj *obj);
void __refobj_put_last(struct refobj *obj, u64 old);
void __refrow_mark_late(unsigned long place, u64 old);

/**
 * refobj_count - read the count, for debugging
 * @obj: a held object
 *
 * Context: any.
 * Return: the number of counted references at some moment during the call.
 */
static inline u32 refobj_count(const struct refobj *obj)
{
	return (u64)atomic64_read(&obj->word) & REFWORD_COUNT;
}

/**
 * refobj_get - take another reference
 * @obj: an object to which the caller holds, or has borrowed from a held
 *	 owner, a counted reference
 *
 * One relaxed atomic addition, as kref_get(): whatever led to @obj orders it.
 *
 * Context: any, NMI included.
 * Return: @obj, so that it can be assigned.
 */
static inline struct refobj *refobj_get(struct refobj *obj)
{
	u64 old = atomic64_fetch_add_relaxed(REFWORD_GET, &obj->word);

	/* One comparison for zero, the last valid count and all bad zones. */
	if (unlikely((u32)old - 1 >= REFCOUNT_ZONE_MAX - 1))
		__refobj_get_slow(obj, old);
	return obj;
}

/* private: mark a row; false if the chunk has to be shown or counted too */
static inline bool __refrow_mark(unsigned long place)
{
	unsigned long chunk = place & ~REFROW_INDEX;
	unsigned int queued;

	if (unlikely(!((place ^ place >> 12) & (REFROW_SAMPLE - 1))))
		return false;
	/* An RCU section without a call: see refcandidate_settle(). */
	preempt_disable();
	WRITE_ONCE(*(u8 *)place, REFMARK_SET);
	queued = READ_ONCE(*(unsigned int *)(chunk + REFROW_PER_CHUNK));
	preempt_enable();
	return queued == REFCHUNK_QUEUED;
}

/**
 * refobj_put - give a reference back
 * @obj: an object, not NULL; the caller's reference to it ends
 *
 * Release ordering, and acquire ordering when it was the last one, as
 * kref_put().  When it was, the object has been released and its memory
 * returned before this function returns, and so has what it alone kept
 * alive, up to 65536 objects and slots (256 in atomic context); the heap's
 * thread takes the rest at once, and all of it in the rare case that too many
 * others were preempted or sleep in releases (see module/registry.h).
 *
 * A put that leaves references behind may leave a cycle behind: the object
 * becomes a candidate for the collector.  Mostly it is one already, and then
 * this is one atomic addition, as kref_put(); see refobj_drop().
 *
 * Context: any but NMI.  May release objects, and so call client code.
 */
static inline void refobj_put(struct refobj *obj)
{
	s64 word;

	/* It is going to be written: one transfer where CPUs compete for it. */
	prefetchw(&obj->word);
	barrier();
	word = atomic64_read(&obj->word);
	if ((word & REFWORD_PLAIN_PUT) == REFWORD_PLAIN_PUT) {
		unsigned long place = READ_ONCE(obj->place);

		word = atomic64_fetch_add_release(REFWORD_PUT, &obj->word);
		/* The object may be gone, and its row: a number, no more. */
		if (unlikely(!(word & REFWORD_MARKED)))
			__refrow_mark_late(place, word);
		if (unlikely((u32)word - 2 >= REFCOUNT_ZONE_MAX - 1))
			__refobj_put_last(obj, word);
	} else if (unlikely((u32)word - 2 >= REFCOUNT_ZONE_MAX - 1 ||
			    (!(word & REFWORD_MARKED) &&
			     !__refrow_mark(READ_ONCE(obj->place))) ||
			    !atomic64_try_cmpxchg_release(&obj->word, &word,
							  (word | REFWORD_MARKED) +
							  REFWORD_PUT))) {
		__refobj_put_slow(obj);
	}
}

#endif /* _REFHEAP_COUNT_H */
