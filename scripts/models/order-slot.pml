/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An edge is published behind its count: refslot_set() against another
 * mutator's refslot_clear() of the same slot.
 *
 * refobj_get() is relaxed, and what publishes is a full barrier, xchg(). With
 * SET_STORES it is a plain store, which others may see before the count.
 */
byte count = 1;			/* the setter's own */
bit slot;
bit counted, published;

inline get()
{
	atomic { count++; counted = 1 }
}

inline publish()
{
	atomic { slot = 1; published = 1 }
}

active proctype refslot_set()
{
#ifdef SET_STORES
	do
	:: !counted -> get()
	:: !published -> publish()
	:: counted && published -> break
	od
#else
	get();
	publish()
#endif
	/* Its own reference is still held. */
	assert(count >= 1)
}

active proctype refslot_clear()
{
	bit old;

	atomic { old = slot; slot = 0 };
	if
	:: old -> atomic { assert(count > 1); count-- }
	:: else
	fi
}
