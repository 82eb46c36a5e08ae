// SPDX-License-Identifier: GPL-2.0
/*
 * The end of objects without callbacks: nobody is told, so nobody can put
 * anything meanwhile, and no cascade need be registered for it.
 */
#include "cascade.h"
#include "internal.h"

/* One that has no slots, or has none any more. */
static void refcascade_end(struct refcascade *cascade, struct refobj *obj,
			   unsigned int cost)
{
	refcascade_kill_weaks(cascade, obj);
	/* Afterwards even the type may be gone. */
	refcascade_spend(cascade, cost);
	refobj_free(obj);
}

/*
 * An object without callbacks has reached zero, whose type has slots or not.
 *
 * Return: the object if it is to be the next, or NULL if it is queued or gone.
 */
static struct refobj *refcascade_follow(struct refcascade *cascade,
					struct refobj *obj,
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
 * The end of an object without callbacks whose slots are all declared.
 *
 * Unless the cascade is registered all that the slots lead to has to end
 * without a word as well: what has a callback must not wait in a queue that
 * refcascade_idle() knows nothing of, or refheap_destroy() does not wait for
 * it.
 *
 * Return: false, with the slots emptied up to there, if one leads to another
 * kind; else *@next is one more of this kind that it alone kept alive, or NULL.
 * Others are queued.
 */
static bool refcascade_silence(struct refcascade *cascade, struct refobj *obj,
			       const struct reftype *type, bool registered,
			       struct refobj **next)
{
	const struct reftype *other;
	struct refobj *target;
	struct refslots slots;
	struct refslot *slot;

	*next = NULL;
	refobj_for_each_slot(slot, &slots, type, obj) {
		target = READ_ONCE(slot->target);
		if (!target)
			continue;
		other = refobj_chunk(target)->type;
		if (!registered && !other->silent && !other->plain) {
			if (*next)
				refcascade_add(cascade, *next);
			return false;
		}
		/* As in refclear_slot(). */
		WRITE_ONCE(slot->target, NULL);
		if (refobj_drop(target))
			*next = refcascade_follow(cascade, target, other,
						  *next) ?: *next;
	}
	refcascade_end(cascade, obj, type->nr_slots + 1);
	return true;
}

/*
 * Objects without callbacks, one after the other.
 *
 * Return: NULL, or one that needs a cascade that is registered.
 */
struct refobj *refcascade_silence_all(struct refcascade *cascade,
				      struct refobj *obj, bool registered)
{
	struct refobj *next;
	struct reftype *type;

	while (obj) {
		type = refobj_chunk(obj)->type;
		if (refcascade_exhausted(cascade)) {
			refobj_defer(obj);
			next = NULL;
		} else if (!type->silent ||
			   !refcascade_silence(cascade, obj, type, registered,
					       &next)) {
			return obj;
		}
		obj = next;
		/* One that is registered has somebody who goes on with it. */
		if (!obj && !registered)
			obj = refcascade_next(cascade);
	}
	return NULL;
}
