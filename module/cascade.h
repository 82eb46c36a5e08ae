/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue of a cascade, and what it may do where it runs.
 */
#ifndef _REFHEAP_CASCADE_H
#define _REFHEAP_CASCADE_H

#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "internal.h"

#define REFRELEASE_BUDGET		65536
#define REFRELEASE_BUDGET_ATOMIC	256
#define REFRELEASE_RESCHED		256

/* Certain that sleeping is legal here; false where it cannot be told. */
static inline bool refrelease_may_sleep(void)
{
	return busted(FAULT_may_sleep) ||
	       (IS_ENABLED(CONFIG_PREEMPT_COUNT) && preemptible() &&
		!rcu_preempt_depth());
}

/*
 * An object at zero is its releaser's alone: a store will do.  Readers with
 * an old pointer see a word without a valid count.
 */
static inline void refobj_stamp_dead(struct refobj *obj)
{
	u64 word = refword_read(obj);

	/*
	 * One that waits for its finalizer has a reference until that has run,
	 * and may have been made immortal by somebody who came by a weak one.
	 */
	if (!refword_alive(word))
		atomic64_set(&obj->word, refword_dead(word));
}

static inline void refobj_link(struct refobj *obj, struct refobj *next)
{
	WRITE_ONCE(*place_row(obj->place), (unsigned long)next | REFROW_LINK);
}

static inline struct refobj *refobj_linked(const struct refobj *obj)
{
	return (struct refobj *)(*place_row(obj->place) & ~REFROW_LINK);
}

static inline bool refcascade_may_sleep(const struct refcascade *cascade)
{
	return cascade->thread || refrelease_may_sleep();
}

static inline struct refobj *refcascade_next(struct refcascade *cascade)
{
	struct refobj *obj = cascade->first;

	if (obj)
		cascade->first = refobj_linked(obj);
	return obj;
}

static inline bool refcascade_exhausted(const struct refcascade *cascade)
{
	if (likely(cascade->spent < REFRELEASE_BUDGET_ATOMIC) ||
	    cascade->thread || busted(FAULT_budget))
		return false;
	return cascade->spent >= REFRELEASE_BUDGET || !refrelease_may_sleep();
}

static inline void refcascade_spend(struct refcascade *cascade,
				    unsigned int cost)
{
	unsigned int before = cascade->spent / REFRELEASE_RESCHED;

	cascade->spent += cost;
	if (unlikely(cascade->spent / REFRELEASE_RESCHED != before) &&
	    refcascade_may_sleep(cascade)) {
		cascade->bulk = true;
		cond_resched();
	}
}

/*
 * Weak references have found nothing since the count was zero.  They are
 * emptied, and call back, behind the release.
 */
static inline void refcascade_kill_weaks(struct refcascade *cascade,
					 struct refobj *obj)
{
	if (unlikely(refobj_weak(obj)))
		refweak_kill(obj, refcascade_may_sleep(cascade));
}

/* Has an object, whose slots are all declared, nothing in any of them? */
static inline bool refobj_bare(const struct refobj *obj,
			       const struct reftype *type)
{
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, type, obj)
		if (READ_ONCE(slot->target))
			return false;
	return true;
}

/* silence.c */
void refcascade_silence_all(struct refcascade *cascade, struct refobj *obj);

#endif /* _REFHEAP_CASCADE_H */
