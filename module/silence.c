// SPDX-License-Identifier: GPL-2.0
/*
 * The end of objects without callbacks: nobody is told, so nobody can put
 * anything meanwhile, and no cascade need be registered for it.
 */
#include "cascade.h"
#include "internal.h"

/*
 * May an object's slots be emptied without anybody being told?  If all that
 * they lead to dies without a word, too: what has a callback must not wait in
 * a queue that refcascade_idle() knows nothing of, or refheap_destroy() does
 * not wait for it.
 */
static bool refobj_quiet(struct refobj *obj, const struct reftype *type)
{
	const struct reftype *other;
	struct refobj *target;
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, type, obj) {
		target = READ_ONCE(slot->target);
		if (!target)
			continue;
		other = refobj_chunk(target)->type;
		if (!other->silent && !other->plain)
			return false;
	}
	return true;
}

/*
 * The end of an object without callbacks whose slots are all declared.
 *
 * Return: one more of the kind that it alone kept alive, and which is next, or
 * NULL.  The others are queued.
 */
static struct refobj *refcascade_silence(struct refcascade *cascade,
					 struct refobj *obj,
					 const struct reftype *type)
{
	struct refobj *target, *next = NULL;
	struct refslots slots;
	struct refslot *slot;

	refobj_for_each_slot(slot, &slots, type, obj) {
		target = READ_ONCE(slot->target);
		if (!target)
			continue;
		/* As in refclear_slot(). */
		WRITE_ONCE(slot->target, NULL);
		if (!refobj_drop(target))
			continue;
		if (next || cascade->first ||
		    !refobj_chunk(target)->type->silent) {
			refcascade_add(cascade, target);
			continue;
		}
		/* In transit, as if it were queued. */
		refobj_stamp_dead(target);
		refobj_link(target, NULL);
		next = target;
	}
	refcascade_kill_weaks(cascade, obj);
	/* Afterwards even the type may be gone. */
	refcascade_spend(cascade, type->nr_slots + 1);
	refobj_free(obj);
	return next;
}

/*
 * Objects without callbacks, one after the other.
 *
 * Return: NULL, or one that needs a cascade that is registered.
 */
struct refobj *refcascade_silence_all(struct refcascade *cascade,
				      struct refobj *obj, bool registered)
{
	struct reftype *type;

	while (obj) {
		type = refobj_chunk(obj)->type;
		if (refcascade_exhausted(cascade)) {
			refobj_defer(obj);
			obj = NULL;
		} else if (registered || (type->silent &&
					  refobj_quiet(obj, type))) {
			obj = refcascade_silence(cascade, obj, type);
		} else {
			return obj;
		}
		/* One that is registered has somebody who goes on with it. */
		if (!obj && !registered)
			obj = refcascade_next(cascade);
	}
	return NULL;
}
