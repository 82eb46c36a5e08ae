// SPDX-License-Identifier: GPL-2.0
/*
 * The end of objects without callbacks.  A structure of them needs no queue as
 * long as each keeps one other alive; the second one, and what has a callback,
 * joins it.
 */
#include "cascade.h"
#include "internal.h"

/* One that has no slots, or has none any more. */
static __always_inline void refcascade_end(struct refcascade *cascade,
					   struct refobj *obj,
					   unsigned int cost)
{
	refcascade_kill_weaks(cascade, obj);
	/* Afterwards even the type may be gone. */
	refcascade_spend(cascade, cost);
	if (cascade->bulk && !READ_ONCE(refobj_chunk(obj)->heap->careful))
		refbatch_add(cascade->batch, obj);
	else
		refobj_free(obj);
}

/*
 * What an object without callbacks has kept alive has reached zero.
 *
 * Return: the object if it is to be the next, or NULL if it is queued or gone.
 */
static noinline struct refobj *
refcascade_follow(struct refcascade *cascade, struct refobj *obj,
		  const struct reftype *type, bool taken)
{
	if (type->plain && !refcascade_exhausted(cascade)) {
		refobj_stamp_dead(obj);
		refcascade_end(cascade, obj, 1);
		return NULL;
	}
	if (taken || cascade->first || !type->silent) {
		refcascade_add(cascade, obj);
		return NULL;
	}
	/* In transit, as if it were queued. */
	refobj_stamp_dead(obj);
	refobj_link(obj, NULL);
	return obj;
}

/*
 * Give up a reference, if it is the last one to an object that is to die of
 * that without any more ado.  To zero and dead is one step.
 *
 * Return: true if it is dead.
 */
static __always_inline bool refobj_drop_last(struct refobj *obj)
{
	const u64 ado = REFWORD_COUNT | REFWORD_CONDEMNED | REFWORD_DEAD |
			REFWORD_WEAK | REFWORD_FINALIZED;
	u64 word = refword_read(obj);

	/* Fully ordered, as refobj_drop(). */
	return (word & ado) == (REFWORD_FINALIZED | 1) &&
	       refword_try_cmpxchg(obj, &word, refword_dead(word));
}

/*
 * The end of an object without callbacks whose slots are all declared.
 *
 * Return: one more of the kind that it alone kept alive, and which is next, or
 * NULL.  Others are queued.
 */
static __always_inline struct refobj *
refcascade_silence(struct refcascade *cascade, struct refobj *obj,
		   const struct reftype *type)
{
	struct refobj *target, *next = NULL;
	const struct reftype *other;
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, type, obj) {
		target = READ_ONCE(slot->target);
		if (!target)
			continue;
		other = refobj_chunk(target)->type;
		/* As in refclear_slot(). */
		WRITE_ONCE(slot->target, NULL);
		if (likely(refobj_drop_last(target))) {
			if (likely(other == type && !next && !cascade->first)) {
				/*
				 * In transit, as if it were queued.  Who destroys
				 * a heap waits for its own thread anyway.
				 */
				if (cascade->thread != type->heap)
					refobj_link(target, NULL);
				next = target;
				continue;
			}
		} else if (!refobj_drop(target)) {
			continue;
		}
		next = refcascade_follow(cascade, target, other, next) ?: next;
	}
	refcascade_end(cascade, obj, type->nr_slots + 1);
	return next;
}

/* Objects without callbacks, one after the other. */
void refcascade_silence_all(struct refcascade *cascade, struct refobj *obj)
{
	while (obj) {
		if (refcascade_exhausted(cascade)) {
			refobj_defer(obj);
			return;
		}
		obj = refcascade_silence(cascade, obj, refobj_chunk(obj)->type);
	}
}
