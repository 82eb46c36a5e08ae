// SPDX-License-Identifier: GPL-2.0
/*
 * Weak references: pointers that do not count, and know when to stop.
 *
 * heap->weaks maps the row of an object to the newest of the weak references
 * to it, which form a ring; an object without any costs nothing.  The word
 * says WEAK once there was one, so that nobody looks in vain.
 *
 * Locking (heap->weaks.xa_lock, irqs off; one weak reference at a time is
 * handled under it, but where somebody lists those of an object, and at the end
 * of the heap):
 *
 *	weak->heap	   set while it is linked in a ring or queued
 *	weak->target	   set while in a ring; read without the lock by loads
 *	heap->weak_queue   those whose target has died and that have a callback
 *	heap->weak_due	   of these, whose turn it is in this round
 *	heap->calling	   the one whose callback runs; the thread writes it
 *
 * Who comes from weak->heap to the lock is in an RCU section and looks again
 * when he has it: the heap outlives its last weak reference by a grace period.
 * weak->heap is cleared last, by a release, and read first, by an acquire: who
 * finds it NULL without the lock may free the memory.
 *
 *	loader (refweak_load)		killer (refweak_kill)
 *	obj = weak->target		word: zero, dead, or condemned to death
 *	acquire: obj's word		weak->target = NULL
 *	weak->target again: obj?	free; another object in the same memory
 *
 * A loader that acquires the newcomer looks at the target after that, and so
 * sees that it has been cleared.
 */
#include <linux/sched.h>

#include "internal.h"

#define REFWEAK_RESCHED	256

static bool refweak_alone(const struct refweak *weak)
{
	return list_empty(&weak->node);
}

static void refweak_leave_ring(struct refheap *heap, u32 row,
			       struct refweak *weak)
{
	lockdep_assert_held(&heap->weaks.xa_lock);
	if (refweak_alone(weak))
		__xa_erase(&heap->weaks, row);
	else if (xa_load(&heap->weaks, row) == weak)
		/* The place exists, so nothing is allocated. */
		__xa_store(&heap->weaks, row, list_next_entry(weak, node), 0);
	list_del_init(&weak->node);
}

/* Take the weak reference out of its target's ring. */
static void refweak_unlink(struct refheap *heap, struct refweak *weak)
{
	refweak_leave_ring(heap, refobj_id(weak->target), weak);
	WRITE_ONCE(weak->target, NULL);
}

/* Make the weak reference the first of its target's ring. */
static int refweak_link(struct refheap *heap, u32 row, struct refweak *weak,
			gfp_t gfp)
{
	struct refweak *first;
	int err;

	lockdep_assert_held(&heap->weaks.xa_lock);
	if (!xa_load(&heap->weaks, row)) {
		/* May let go of the lock to allocate. */
		err = __xa_insert(&heap->weaks, row, weak, gfp);
		if (err != -EBUSY)
			return err;
	}
	first = xa_load(&heap->weaks, row);
	list_add_tail(&weak->node, &first->node);
	__xa_store(&heap->weaks, row, weak, 0);
	return 0;
}

/*
 * Link a weak reference that is the caller's alone, or is meant to be: what
 * others do to it meanwhile, against the rules, must not spoil the rings.
 */
static int refweak_connect(struct refheap *heap, struct refweak *weak,
			   struct refobj *target, gfp_t gfp)
{
	u32 row = refobj_id(target);
	int err;

	INIT_LIST_HEAD(&weak->node);
	if (cmpxchg(&weak->heap, NULL, heap))
		return -EBUSY;
	err = refweak_link(heap, row, weak, gfp);
	if (!err && weak->heap != heap) {
		/* Cleared while the lock was not held. */
		refweak_leave_ring(heap, row, weak);
		return -EBUSY;
	}
	if (err) {
		WRITE_ONCE(weak->heap, NULL);
		return err;
	}
	atomic64_or(REFWORD_WEAK, &target->word);
	/* Pairs with refobj_load(): what is loaded is a weak target. */
	smp_store_release(&weak->target, target);
	return 0;
}

/* Has a collection decided about the object's island, but not let it go? */
static bool refobj_settled(const struct refobj *obj)
{
	unsigned long place = READ_ONCE(obj->place);
	struct refchunk *chunk = place_chunk(place);

	return !chunk->type->leaf && row_settled(chunk, place_index(place));
}

/*
 * May there be new weak references to an object that the caller holds?  Not
 * while it waits for the judgement after its finalizer: all of them are dead
 * then, and shall remain so if it dies.
 */
static int refweak_check(const struct refobj *owner,
			 const struct refobj *target)
{
	if (owner && !refword_alive(refword_read(owner))) {
		refobj_warn(owner, "weak reference of a dead object set");
		return -EINVAL;
	}
	if (owner && refobj_heap(owner) != refobj_heap(target))
		return -EXDEV;
	if (!refword_alive(refword_read(target)) || refobj_settled(target))
		return -ESTALE;
	return 0;
}

/**
 * refweak_set - make a weak reference to an object
 * @owner: the held object that @weak is a declared member of, or NULL if it
 *	   lies elsewhere
 * @weak: an empty weak reference, or one that is cleared by this; the caller
 *	  sees to it that nobody else sets it meanwhile
 * @target: a held object, of @owner's heap if there is one, or NULL
 * @callback: called once when @target has died, or NULL; it finds @weak empty
 *	      and may set it anew, or free its memory
 * @gfp: as for kmalloc()
 *
 * The callback runs in the heap's thread, outside of any lock, after the
 * target has been released, in the order in which targets went; for several
 * weak references to one object from the newest to the oldest.  It is never
 * called if @weak is cleared before, if @owner dies as well, or was a member of
 * an island when @target was, or when the heap has been destroyed.
 *
 * Context: as @gfp allows; on PREEMPT_RT not with preemption off.
 * Return: 0; -ENOMEM; -EXDEV if @owner and @target are of different heaps;
 * -ESTALE if @target is being released, or finalized as a member of an
 * island; -EINVAL with a warning if @owner is being released; -EBUSY if
 * somebody else did set or clear it.  But for 0 it is as if cleared.
 */
int refweak_set(struct refobj *owner, struct refweak *weak,
		struct refobj *target,
		void (*callback)(struct refweak *weak), gfp_t gfp)
{
	struct refheap *heap;
	unsigned long flags;
	int err;

	might_alloc(gfp);
	if (refpointer_bad(weak) || (owner && refpointer_bad(owner)) ||
	    (target && refpointer_bad(target)))
		return -EINVAL;
	refweak_clear(weak);
	if (!target)
		return 0;
	err = refweak_check(owner, target);
	if (err)
		return err;
	heap = refobj_heap(target);
	xa_lock_irqsave(&heap->weaks, flags);
	if (!weak->heap) {
		weak->owner = owner;
		weak->callback = callback;
	}
	err = refweak_connect(heap, weak, target, gfp);
	xa_unlock_irqrestore(&heap->weaks, flags);
	return err;
}
EXPORT_SYMBOL_REFHEAP(refweak_set);

/**
 * refweak_load - turn a weak reference into a counted one
 * @weak: a weak reference that nobody frees meanwhile
 *
 * From the instant the target's island is condemned it fails, as for every
 * other member, and before that success saves the island (G13).  It never
 * fails for a target that stays alive, but for one that a finalizer brought
 * back when an island was collected.
 *
 * Context: any but NMI.  Never releases an object in the caller's context.
 * Return: the target, with a counted reference that the caller owns, or NULL
 * if it is dead.
 */
struct refobj *refweak_load(const struct refweak *weak)
{
	if (refpointer_bad(weak))
		return NULL;
	return refobj_load(&weak->target);
}
EXPORT_SYMBOL_REFHEAP(refweak_load);

/* Neither in a ring nor queued any more. */
static void refweak_detach(struct refheap *heap, struct refweak *weak)
{
	if (weak->target)
		refweak_unlink(heap, weak);
	else
		list_del_init(&weak->node);
	/*
	 * The heap may go from here on, and so may the weak reference.
	 * Pairs with the acquire in refweak_clear().
	 */
	smp_store_release(&weak->heap, NULL);
}

/**
 * refweak_clear - empty a weak reference
 * @weak: a weak reference, empty ones included
 *
 * Its callback will not start any more.  If there is one it may be running
 * just now: before the memory goes, or the code, call refweak_clear_sync()
 * instead, unless @weak is a declared member of an object: that is held while
 * the callback runs.
 *
 * Context: any but NMI; on PREEMPT_RT not with preemption off.
 * Return: true if it was not empty: either its target was alive, or the
 * callback had not started yet.
 */
bool refweak_clear(struct refweak *weak)
{
	struct refheap *heap;
	unsigned long flags;
	bool linked = false;

	if (refpointer_bad(weak))
		return false;
	rcu_read_lock();
	/* Pairs with refweak_detach(): NULL means that all is done with it. */
	heap = smp_load_acquire(&weak->heap);
	if (heap) {
		xa_lock_irqsave(&heap->weaks, flags);
		linked = weak->heap == heap;
		if (linked)
			refweak_detach(heap, weak);
		xa_unlock_irqrestore(&heap->weaks, flags);
	}
	rcu_read_unlock();
	return linked;
}
EXPORT_SYMBOL_REFHEAP(refweak_clear);

static bool refweak_is_called(const struct refweak *weak)
{
	struct refheap *heap;
	bool called = false;

	mutex_lock(&refheap_list_lock);
	list_for_each_entry(heap, &refheap_list, node)
		/* Pairs with refheap_call_weak(): what it did is done. */
		if (smp_load_acquire(&heap->calling) == weak &&
		    heap->thread != current)
			called = true;
	mutex_unlock(&refheap_list_lock);
	return called;
}

/**
 * refweak_clear_sync - empty a weak reference and wait for its callback
 * @weak: a weak reference, empty ones included
 *
 * Afterwards its callback neither runs nor starts, but for the caller itself
 * if that is the callback.
 *
 * Context: process, may sleep.
 */
void refweak_clear_sync(struct refweak *weak)
{
	if (refpointer_bad(weak))
		return;
	might_sleep();
	refweak_clear(weak);
	while (refweak_is_called(weak))
		schedule_timeout_uninterruptible(1);
}
EXPORT_SYMBOL_REFHEAP(refweak_clear_sync);

/* The target is dead: empty the weak reference, queue it if it calls. */
static void refweak_die(struct refheap *heap, struct refweak *weak)
{
	bool first = list_empty(&heap->weak_queue);

	if (!weak->callback || READ_ONCE(heap->dead)) {
		refweak_detach(heap, weak);
		return;
	}
	refweak_unlink(heap, weak);
	list_add_tail(&weak->node, &heap->weak_queue);
	/* Behind the list: the thread may be looking at it for the last time. */
	if (first)
		irq_work_queue(&heap->wake);
}

/*
 * An object that nobody can acquire any more: its weak references die.
 *
 * Context: any from which the slab may be entered; @sleep says whether it may
 * sleep.
 */
void refweak_kill(struct refobj *obj, bool sleep)
{
	struct refheap *heap = refobj_chunk(obj)->heap;
	u32 row = refobj_id(obj), nr = 0;
	struct refweak *weak;
	unsigned long flags;

	if (busted(FAULT_weak_kill))
		return;
	do {
		xa_lock_irqsave(&heap->weaks, flags);
		weak = xa_load(&heap->weaks, row);
		if (weak)
			refweak_die(heap, weak);
		xa_unlock_irqrestore(&heap->weaks, flags);
		if (!(++nr % REFWEAK_RESCHED) && sleep)
			cond_resched();
	} while (weak);
	atomic64_andnot(REFWORD_WEAK, &obj->word);
}

/* The weak references that an object has among its members. */
void refweak_clear_members(struct refobj *obj, const struct reftype *type)
{
	const struct reffield *field = type->desc.weaks;
	unsigned int i, nr;
	struct refweak *weak;

	for (i = 0; i < type->desc.nr_weaks; i++, field++) {
		weak = refobj_memory(type, obj) + field->offset;
		for (nr = field->count; nr; nr--)
			refweak_clear(weak++);
	}
}

/*
 * All islands of a collection have been decided, and some are to be brought
 * back.  A weak reference that is part of one does not call back, even if it
 * lives on with its owner: it was as dead as its target.
 */
void refheap_sift_weaks(struct refheap *heap)
{
	struct refweak *weak;
	LIST_HEAD(queue);

	xa_lock_irq(&heap->weaks);
	list_splice_init(&heap->weak_queue, &queue);
	while ((weak = list_first_entry_or_null(&queue, struct refweak,
						node))) {
		if (weak->owner && refobj_settled(weak->owner))
			refweak_detach(heap, weak);
		else
			list_move_tail(&weak->node, &heap->weak_queue);
		xa_unlock_irq(&heap->weaks);
		cond_resched();
		xa_lock_irq(&heap->weaks);
	}
	xa_unlock_irq(&heap->weaks);
}

/* What is called when the weak reference may be set anew, or be gone. */
struct refweak_call {
	struct refweak *weak;
	struct refobj *owner;		/* held, or NULL */
	void (*callback)(struct refweak *weak);
};

/*
 * Take the first weak reference off the list of this round.  One that is a
 * member of an object is called while that is held, or, if that dies too, not
 * at all: then @call->callback is NULL.
 *
 * Return: false if there is none.
 */
static bool refweak_take(struct refheap *heap, struct refweak_call *call)
{
	u64 seen;

	call->weak = list_first_entry_or_null(&heap->weak_due, struct refweak,
					      node);
	if (!call->weak)
		return false;
	call->callback = call->weak->callback;
	/* Its release has to clear this before, so it is still there. */
	call->owner = call->weak->owner;
	if (call->owner && !refobj_acquire(call->owner, &seen))
		call->callback = NULL;
	else
		/* Before others can take it for done with. */
		WRITE_ONCE(heap->calling, call->weak);
	refweak_detach(heap, call->weak);
	return true;
}

/* The next callback that is due; no more than one is handled under the lock. */
static bool refweak_next(struct refheap *heap, struct refweak_call *call)
{
	bool found;

	do {
		xa_lock_irq(&heap->weaks);
		found = refweak_take(heap, call);
		xa_unlock_irq(&heap->weaks);
	} while (found && !call->callback);
	return found;
}

static void refheap_call_weak(struct refheap *heap,
			      const struct refweak_call *call)
{
	if (refheap_callback_begin(heap, &heap->running)) {
		call->callback(call->weak);
		refheap_callback_end(&heap->running);
	}
	/* Pairs with refweak_is_called(). The memory may be gone. */
	smp_store_release(&heap->calling, NULL);
	if (call->owner)
		refobj_put(call->owner);
}

/*
 * Call back for what has died so far; in the heap's thread, outside of any
 * lock.  What dies of that waits for the next round.
 */
void refheap_call_weaks(struct refheap *heap)
{
	struct refweak_call call;

	xa_lock_irq(&heap->weaks);
	list_splice_init(&heap->weak_queue, &heap->weak_due);
	xa_unlock_irq(&heap->weaks);
	while (refweak_next(heap, &call)) {
		refheap_call_weak(heap, &call);
		cond_resched();
	}
}

/* The heap is dead: nobody finds a held object any more, nobody is called. */
void refheap_forget_weaks(struct refheap *heap)
{
	struct refweak *weak;
	unsigned long row;

	xa_lock_irq(&heap->weaks);
	list_splice_init(&heap->weak_queue, &heap->weak_due);
	while ((weak = list_first_entry_or_null(&heap->weak_due,
						struct refweak, node)))
		refweak_detach(heap, weak);
	while (row = 0, (weak = xa_find(&heap->weaks, &row, ULONG_MAX,
					XA_PRESENT))) {
		refweak_detach(heap, weak);
		xa_unlock_irq(&heap->weaks);
		cond_resched();
		xa_lock_irq(&heap->weaks);
	}
	xa_unlock_irq(&heap->weaks);
}

static struct refweak *refweak_first(const struct refobj *obj)
{
	return xa_load(&refobj_chunk(obj)->heap->weaks, refobj_id(obj));
}

/**
 * refobj_weak_list - list the weak references to an object, for debugging
 * @obj: a held object
 * @list: receives up to @nr of them, the newest first; whether they still
 *	  exist only the caller can know
 * @nr: room in @list
 *
 * Context: any but NMI; on PREEMPT_RT not with preemption off.  Takes time
 * in proportion to their number, with interrupts off.
 * Return: how many there are, which may exceed @nr.
 */
unsigned int refobj_weak_list(const struct refobj *obj,
			      struct refweak **list, unsigned int nr)
{
	struct refweak *first, *weak;
	unsigned int count = 0;
	struct refheap *heap;
	unsigned long flags;

	if (refpointer_bad(obj) || (nr && refpointer_bad(list)))
		return 0;
	heap = refobj_chunk(obj)->heap;
	xa_lock_irqsave(&heap->weaks, flags);
	first = refweak_first(obj);
	weak = first;
	while (weak) {
		if (count < nr)
			list[count] = weak;
		count++;
		weak = list_next_entry(weak, node);
		if (weak == first)
			break;
	}
	xa_unlock_irqrestore(&heap->weaks, flags);
	return count;
}
EXPORT_SYMBOL_REFHEAP(refobj_weak_list);

/**
 * refobj_weak_count - count the weak references to an object, for debugging
 * @obj: a held object
 *
 * Context: as refobj_weak_list().
 * Return: their number at some moment during the call.
 */
unsigned int refobj_weak_count(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return 0;
	return refobj_weak_list(obj, NULL, 0);
}
EXPORT_SYMBOL_REFHEAP(refobj_weak_count);
