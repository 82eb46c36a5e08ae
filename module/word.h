/* SPDX-License-Identifier: GPL-2.0 */
/* What the counted word of an object says. */
#ifndef _REFHEAP_WORD_H
#define _REFHEAP_WORD_H

#include <refheap.h>

#define WORD_FLAGS	(REFWORD_CONDEMNED | REFWORD_DEAD | REFWORD_MARKED | \
			 REFWORD_FRESH | REFWORD_LEAF)
/* What stays true of an object to its end. */
#define WORD_LIFE	(REFWORD_WEAK | REFWORD_FINALIZED)
#define WORD_VERSION_MASK	(~(REFWORD_VERSION - 1))

static inline u64 refword_read(const struct refobj *obj)
{
	return atomic64_read(&obj->word);
}

/* Pairs with the release in refobj_put() and with publication of slots. */
static inline u64 refword_read_acquire(const struct refobj *obj)
{
	return atomic64_read_acquire(&obj->word);
}

static inline u32 refword_count(u64 word)
{
	return word & REFWORD_COUNT;
}

/* Fully ordered where it succeeds. */
static inline bool refword_try_cmpxchg(struct refobj *obj, u64 *old, u64 new)
{
	return atomic64_try_cmpxchg(&obj->word, (s64 *)old, new);
}

/* Alive for ever: counted wrongly, or too often. */
static inline bool refword_saturated(u64 word)
{
	u32 count = refword_count(word);

	return count > REFCOUNT_ZONE_MAX && count < REFCOUNT_ZONE_RELEASED;
}

/* Alive as long as its heap, on purpose: see immortal.c. */
static inline bool refword_immortal(u64 word)
{
	u32 count = refword_count(word);

	return count >= REFCOUNT_ZONE_IMMORTALS &&
	       count < REFCOUNT_ZONE_RELEASED;
}

/* Where the count of an object belongs that is not counted any more. */
static inline u32 refword_zone(u64 word)
{
	return refword_immortal(word) ? REFCOUNT_ZONE_IMMORTAL :
					REFCOUNT_ZONE_SATURATED;
}

/* One valid count: neither zero, nor saturated, nor dead. */
static inline bool refword_counted(u64 word)
{
	return refword_count(word) - 1 < REFCOUNT_ZONE_MAX;
}

/* Is it an object's that may be referred to? */
static inline bool refword_alive(u64 word)
{
	return refword_counted(word) || refword_saturated(word);
}

/*
 * The word of an object that is being released, or of memory without one:
 * nobody can acquire it.  It still tells of weak references.
 */
static inline u64 refword_dead(u64 word)
{
	return ((word & WORD_VERSION_MASK) + REFWORD_VERSION) |
	       (word & (REFWORD_LEAF | REFWORD_WEAK)) | REFWORD_DEAD |
	       REFCOUNT_ZONE_DEAD;
}

#endif /* _REFHEAP_WORD_H */
