// SPDX-License-Identifier: GPL-2.0
/*
 * Slots: the edges of the graph.
 *
 * What the closure rule (judge.c) asks of every edit:
 *
 *  set	  count up, publish (release); unpublish by the same xchg, count down
 *  clear unpublish, count down
 *  take  unpublish, change the target's version, mark the target: so that
 *	  no change of a version but that of a get goes without a mark
 *  give  change the target's version, publish, mark the target: an object
 *	  whose last reference moves into its own slot is garbage without any
 *	  put
 *  move  take, then give, with one change of version between them
 */
#include "internal.h"

/* May @owner's slot refer to @target?  Refused with a warning if not. */
static int refslot_check(const struct refobj *owner,
			 const struct refslot *slot,
			 const struct refobj *target)
{
	if (refpointer_bad(owner) || refpointer_bad(slot) ||
	    (target && refpointer_bad(target)))
		return -EINVAL;
	if (unlikely(!refword_alive(refword_read(owner)))) {
		refobj_warn(owner, "slot of a dead object set");
		return -EINVAL;
	}
	if (!target)
		return 0;
	if (unlikely(!refword_alive(refword_read(target)))) {
		refobj_warn(target, "dead object put into a slot");
		return -EINVAL;
	}
	if (unlikely(refobj_chunk(owner)->heap != refobj_chunk(target)->heap)) {
		refobj_warn(target, "slot of heap %s may not refer to it",
			    refobj_chunk(owner)->heap->name);
		return -EXDEV;
	}
	return 0;
}

/*
 * An edge was stored: see refcandidate_take().  Before the owner, or the chain
 * by which it is held, is let go.
 */
static void refheap_count_edit(struct refheap *heap)
{
	this_cpu_inc(heap->cpu->edits);
}

/**
 * refslot_set - make a slot refer to an object
 * @owner: the held object that @slot is in
 * @slot: any of its slots
 * @target: a held object of the same heap, or NULL to empty the slot; the
 *	    slot counts a reference of its own, the caller keeps his
 *
 * The new target is counted before it is published, the old one put after,
 * which may release it and so call client code.
 *
 * Context: any but NMI.
 * Return: 0; -EXDEV if @target lives in another heap, -EINVAL if @owner or
 * @target is dead, both with a warning and without effect.
 */
int refslot_set(struct refobj *owner, struct refslot *slot,
		struct refobj *target)
{
	struct refobj *old;
	int err = refslot_check(owner, slot, target);

	if (err)
		return err;
	if (target && !busted(FAULT_publish))
		refobj_get(target);
	/* Fully ordered: the count is up before anyone can see the edge. */
	old = xchg(&slot->target, target);
	if (target && busted(FAULT_publish))
		refobj_get(target);
	if (target)
		refheap_count_edit(refobj_chunk(owner)->heap);
	if (old)
		refobj_put(old);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refslot_set);

/**
 * refslot_clear - empty a slot
 * @owner: the held object that @slot is in
 * @slot: any of its slots
 *
 * Context: any but NMI.
 */
void refslot_clear(struct refobj *owner, struct refslot *slot)
{
	struct refobj *old;

	if (refpointer_bad(slot))
		return;
	if (busted(FAULT_unpublish)) {
		old = READ_ONCE(slot->target);
		if (old)
			refobj_put(old);
		WRITE_ONCE(slot->target, NULL);
		return;
	}
	old = xchg(&slot->target, NULL);
	if (old)
		refobj_put(old);
}
EXPORT_SYMBOL_REFHEAP(refslot_clear);

/*
 * Change the version of an object that the caller owns a reference to, and
 * set the flag that a later refrow_mark_moved() makes true.
 */
static void refobj_moved(struct refobj *obj)
{
	u64 old = refword_read(obj), new;

	if (busted(FAULT_move_version))
		return;
	do {
		new = old + REFWORD_VERSION;
		if (!(old & REFWORD_LEAF))
			new |= REFWORD_MARKED;
	} while (!refword_try_cmpxchg(obj, &old, new));
}

/*
 * A mark that is there need not be stored again, but whoever stored it may
 * have left it to us to show its chunk: a put does that when it finds MARKED
 * in the word, which refobj_moved() has set.
 */
static bool refrow_is_candidate(unsigned long place)
{
	return READ_ONCE(*(u8 *)place) == REFMARK_SET &&
	       READ_ONCE(place_chunk(place)->queued) != REFCHUNK_UNKNOWN;
}

static void refrow_mark_moved(unsigned long place)
{
	if (!place_chunk(place)->type->leaf && !refrow_is_candidate(place) &&
	    !busted(FAULT_give_mark))
		refrow_mark(place);
}

/*
 * Publish an owned reference, @empty: in an empty slot only.  The row is
 * marked after the edge can be seen: a collector that clears the mark before
 * sees no edge yet, and must look again.  From the exchange on the object may
 * be gone; the RCU section keeps its chunk.
 *
 * Return: what the slot held; with @empty nothing has happened unless NULL.
 */
static struct refobj *refslot_publish(struct refslot *slot, struct refobj *ref,
				      bool empty)
{
	unsigned long place;
	struct refobj *old;

	rcu_read_lock();
	place = READ_ONCE(ref->place);
	if (empty)
		old = cmpxchg(&slot->target, NULL, ref);
	else
		old = xchg(&slot->target, ref);
	if (!empty || !old) {
		refheap_count_edit(place_chunk(place)->heap);
		refrow_mark_moved(place);
	}
	rcu_read_unlock();
	return old;
}

/*
 * Move an owned reference into a slot of @owner.  What the slot held is put,
 * and until then the owner is to be held (judge.c, M3): it may so far have been
 * by the reference that has just gone into the slot.
 */
static void refslot_enter(struct refobj *owner, struct refslot *slot,
			  struct refobj *ref)
{
	struct refobj *old;

	refobj_moved(ref);
	if (!refslot_publish(slot, ref, true))
		return;
	refobj_get(owner);
	old = refslot_publish(slot, ref, false);
	if (old)
		refobj_put(old);
	refobj_put(owner);
}

/**
 * refslot_give - move a reference into a slot
 * @owner: the held object that @slot is in; may be @ref itself
 * @slot: any of its slots
 * @ref: a reference that the caller owns; on success it is the slot's
 *
 * Context: any but NMI.
 * Return: 0; -EXDEV or -EINVAL as refslot_set(), and then the caller still
 * owns @ref.
 */
int refslot_give(struct refobj *owner, struct refslot *slot,
		 struct refobj *ref)
{
	int err = refslot_check(owner, slot, ref);

	if (err)
		return err;
	if (!ref) {
		refslot_clear(owner, slot);
		return 0;
	}
	refslot_enter(owner, slot, ref);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refslot_give);

/**
 * refslot_take - move the reference out of a slot
 * @owner: the held object that @slot is in
 * @slot: any of its slots
 *
 * Context: any but NMI.
 * Return: what the slot referred to, now owned by the caller, or NULL.
 */
struct refobj *refslot_take(struct refobj *owner, struct refslot *slot)
{
	struct refobj *ref;

	if (refpointer_bad(slot))
		return NULL;
	ref = xchg(&slot->target, NULL);
	if (ref) {
		refobj_moved(ref);
		refrow_mark_moved(READ_ONCE(ref->place));
	}
	return ref;
}
EXPORT_SYMBOL_REFHEAP(refslot_take);

/**
 * refslot_move - move a reference from slot to slot
 * @to_owner: the held object that @to is in
 * @to: receives the reference; what it held is put
 * @from_owner: the held object that @from is in, of the same heap
 * @from: is left empty
 *
 * The count does not change, the target's version does.
 *
 * Context: any but NMI.
 * Return: 0; -EXDEV if the owners live in different heaps, -EINVAL if
 * @to_owner is dead, both with a warning and without effect.
 */
int refslot_move(struct refobj *to_owner, struct refslot *to,
		 struct refobj *from_owner, struct refslot *from)
{
	struct refobj *ref, *old;
	int err = refslot_check(to_owner, to, from_owner);

	if (err)
		return err;
	if (refpointer_bad(from_owner) || refpointer_bad(from))
		return -EINVAL;
	if (to == from)
		return 0;
	ref = xchg(&from->target, NULL);
	if (ref) {
		refslot_enter(to_owner, to, ref);
		return 0;
	}
	old = xchg(&to->target, NULL);
	if (old)
		refobj_put(old);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refslot_move);

/*
 * The reference taken by a load whose second look failed.  It may be the last
 * one of an object that the caller never asked for: its release must not run
 * under the caller's locks.
 */
void refobj_put_stranger(struct refobj *obj)
{
	if (refobj_drop(obj))
		refobj_defer(obj);
}

/*
 * Acquire what a pointer says that others may change at any time: a slot, a
 * weak reference, or another place that is emptied before its object's memory
 * goes.  The caller keeps the pointer itself from going.
 *
 * Context: any but NMI.
 * Return: with a counted reference, or NULL: empty, or dead all the while.
 */
struct refobj *refobj_load(struct refobj *const *pointer)
{
	struct refobj *obj;
	bool got, same, dead;
	u64 seen;

	for (;;) {
		rcu_read_lock();
		/* The address dependency orders the header behind this. */
		obj = READ_ONCE(*pointer);
		if (!obj) {
			rcu_read_unlock();
			return NULL;
		}
		got = refobj_acquire(obj, &seen);
		/* Acquired, then looked at again, then the word: in order. */
		same = smp_load_acquire(pointer) == obj || busted(FAULT_recheck);
		/* Dead all the while; of a slot: the owner was not held. */
		dead = !got && refword_read(obj) == seen;
		rcu_read_unlock();
		if (got && same)
			return obj;
		if (got)
			refobj_put_stranger(obj);
		else if (same && dead)
			return NULL;
	}
}

/**
 * refslot_load - read a slot without a lock
 * @slot: of an object that the caller holds
 *
 * Context: any but NMI.  Never releases an object in the caller's context.
 * Return: what the slot referred to at some moment during the call, with a
 * counted reference that the caller owns, or NULL if it was empty.
 */
struct refobj *refslot_load(const struct refslot *slot)
{
	if (refpointer_bad(slot))
		return NULL;
	return refobj_load(&slot->target);
}
EXPORT_SYMBOL_REFHEAP(refslot_load);
