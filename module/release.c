// SPDX-License-Identifier: GPL-2.0
/*
 * Releasing objects whose count is zero, and what they alone kept alive.
 *
 * Iterative (G7): an object at zero joins a queue that runs through the rows
 * of the object table; the outermost put on a stack works it off in order.
 * A put from inside a release callback finds that queue by registry.c.
 *
 * Budgeted (G1): REFRELEASE_BUDGET objects and slots in a context that may
 * sleep, REFRELEASE_BUDGET_ATOMIC elsewhere; the rest, and what the context
 * forbids, goes to the heap's thread.
 */
#include <linux/once_lite.h>
#include <linux/sched.h>

#include "cascade.h"
#include "internal.h"
#include "registry.h"

/*
 * May the slab be entered?  On PREEMPT_RT not from hardirq context nor under
 * raw locks.  A kernel that checks lock nesting for RT complains of the same
 * elsewhere; it is told what RT is told.
 */
static bool refrelease_may_free(void)
{
	if ((!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	     !IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING)) || busted(FAULT_may_free))
		return true;
	return preemptible();
}

void refcascade_init(struct refcascade *cascade, struct refheap **running,
		     struct refheap *thread)
{
	cascade->first = NULL;
	cascade->last = NULL;
	cascade->running = running;
	cascade->spent = 0;
	cascade->thread = thread;
	cascade->bulk = false;
	cascade->batch = NULL;
}

/* Queue an object whose count has just become zero. */
void refcascade_add(struct refcascade *cascade, struct refobj *obj)
{
	refobj_stamp_dead(obj);
	refobj_link(obj, NULL);
	if (cascade->first)
		refobj_link(cascade->last, obj);
	else
		cascade->first = obj;
	cascade->last = obj;
}

/* Leave an object at zero to its heap's thread. */
void refobj_defer(struct refobj *obj)
{
	struct refheap *heap = refobj_chunk(obj)->heap;
	struct refobj *head;

	refobj_stamp_dead(obj);
	/* Once queued, the object, and soon the heap, may be gone. */
	rcu_read_lock();
	this_cpu_inc(heap->cpu->deferred);
	head = READ_ONCE(heap->deferred);
	do {
		refobj_link(obj, head);
		/* Pairs with the xchg in refheap_release_deferred(). */
	} while (!try_cmpxchg(&heap->deferred, &head, obj));
	if (!head && !busted(FAULT_wake_deferred))
		irq_work_queue(&heap->wake);
	rcu_read_unlock();
}

/* Empties slots; what they alone kept alive joins the cascade. */
struct refclear {
	struct refvisitor visitor;
	struct refcascade *cascade;
	unsigned int slots;
};

static __always_inline void refclear_slot(struct refvisitor *visitor,
					  struct refslot *slot)
{
	struct refclear *clear = container_of(visitor, struct refclear,
					      visitor);
	struct refobj *target = READ_ONCE(slot->target);

	clear->slots++;
	if (!target)
		return;
	/* Nobody holds the owner, so nobody else writes: unpublish first. */
	WRITE_ONCE(slot->target, NULL);
	/* Fully ordered, and so behind the store. */
	if (!refobj_drop(target))
		return;
	if (busted(FAULT_recursion))
		refobj_release(target);
	else
		refcascade_add(clear->cascade, target);
}

static long refobj_clear_some(struct refobj *obj, struct reftype *type,
			      long at, struct refvisitor *visitor)
{
	/* An object of our own needs no protection, but visit is promised some. */
	if (!type->desc.visit)
		return refobj_walk(obj, type, at, REFRELEASE_RESCHED, visitor);
	rcu_read_lock();
	at = refobj_walk(obj, type, at, REFRELEASE_RESCHED, visitor);
	rcu_read_unlock();
	return at;
}

/*
 * Empty the slots of an object that nobody can reach.
 *
 * Return: true when they are empty, false if the thread has to go on with it.
 */
static bool refobj_clear(struct refcascade *cascade, struct refobj *obj,
			 struct reftype *type)
{
	struct refclear clear = {
		.visitor.slot = refclear_slot,
		.cascade = cascade,
	};
	long at = 0;

	/* Mostly there are declared slots alone, and few. */
	if (likely(type->fields_only)) {
		refobj_walk_fields(obj, type, refclear_slot, &clear.visitor);
		refcascade_spend(cascade, clear.slots);
		return true;
	}
	for (;;) {
		clear.slots = 0;
		at = refobj_clear_some(obj, type, at, &clear.visitor);
		refcascade_spend(cascade, clear.slots);
		if (!at)
			return true;
		if (at == -ESHUTDOWN) {
			refobj_warn(obj, "its slots cannot be visited any more, what they hold leaks");
			at = 1;
		}
		if (at > 0) {
			if (refcascade_exhausted(cascade))
				return false;
			continue;
		}
		if (!cascade->thread)
			return false;
		/* An earlier reader has its lock: let it finish. */
		at = 0;
		schedule_timeout_uninterruptible(1);
	}
}

/*
 * The last reference, which the queue has kept, is the finalizer's: it finds
 * an object like any other.  The row is shown to the collector again, and
 * marked, for a mark of somebody who came by a weak reference meanwhile may
 * have been overlooked.
 *
 * Return: true if nobody else has a reference afterwards: it dies now, and
 * *@called says whether the callback has yet to be ended.
 */
static bool refcascade_finalize(struct refcascade *cascade, struct refobj *obj,
				struct reftype *type, bool *called)
{
	struct refheap *heap = type->heap;
	unsigned long place = obj->place;
	bool dies;

	atomic_inc(&heap->finalizers_begun);
	/* Pairs with refheap_expects_releases(). */
	smp_mb__after_atomic();
	refrow_publish(place, obj);
	/* Who sees the mark sees it.  Pairs with refcandidate_take_chunk(). */
	smp_mb();
	if (!busted(FAULT_finalize_mark))
		refrow_mark(place);
	*called = refcallback_begin(heap, cascade->running);
	if (*called)
		type->desc.finalize(obj);
	/* Somebody else's put may be the last, and the heap goes with it. */
	rcu_read_lock();
	dies = refobj_drop(obj);
	if (dies) {
		refobj_stamp_dead(obj);
		refobj_link(obj, NULL);
	}
	/* Pairs with refheap_expects_releases(). */
	smp_mb__before_atomic();
	atomic_inc(&heap->finalizers_ended);
	rcu_read_unlock();
	if (!dies && *called)
		refcallback_end(cascade->running);
	return dies;
}

/*
 * Tell the client, unless the heap is past calling it, and free the memory.
 * Only then has the callback ended for refheap_destroy(): what it waits for
 * is no longer an object.  @called if that has begun with the finalizer.
 */
static __always_inline void refcascade_finish(struct refcascade *cascade,
					      struct refobj *obj,
					      struct reftype *type,
					      bool called)
{
	bool call = called;

	if (unlikely(type->desc.nr_weaks))
		refweak_clear_members(obj, type);
	if (!called)
		call = type->desc.release &&
		       refcallback_begin(type->heap, cascade->running);
	if (likely(call) && type->desc.release)
		type->desc.release(obj);
	refcascade_kill_weaks(cascade, obj);
	refobj_free(obj);
	if (likely(call))
		refcallback_end(cascade->running);
}

static void refcascade_release(struct refcascade *cascade, struct refobj *obj)
{
	struct reftype *type = refobj_chunk(obj)->type;
	bool called = false;

	if (type->silent) {
		refcascade_silence_all(cascade, obj);
		return;
	}
	refbatch_flush(cascade->batch);
	if (unlikely(type->desc.flags & REFTYPE_RELEASE_SLEEPS) &&
	    !refcascade_may_sleep(cascade)) {
		refobj_defer(obj);
		return;
	}
	if (unlikely(type->desc.finalize) &&
	    refword_alive(refword_read(obj)) &&
	    !refcascade_finalize(cascade, obj, type, &called))
		return;
	if (!type->leaf && !refobj_clear(cascade, obj, type)) {
		refobj_defer(obj);
		if (called)
			refcallback_end(cascade->running);
		return;
	}
	refcascade_finish(cascade, obj, type, called);
	refcascade_spend(cascade, 1);
}

/* Release all that is queued, and what joins meanwhile, within the budget. */
void refcascade_run(struct refcascade *cascade)
{
	struct refbatch batch __uninitialized;
	struct refobj *obj;

	batch.nr = 0;
	batch.chunk = NULL;
	BUILD_BUG_ON(REFHEAP_STACK < REFROW_PER_CHUNK);
	/* The trace's stack is empty, and long enough. */
	batch.memory = cascade->thread ? (void **)cascade->thread->stack : NULL;
	batch.most = batch.memory ? REFROW_PER_CHUNK : REFBATCH_MOST;
	cascade->batch = &batch;
	while ((obj = refcascade_next(cascade))) {
		if (refcascade_exhausted(cascade))
			refobj_defer(obj);
		else
			refcascade_release(cascade, obj);
	}
	refbatch_flush(&batch);
	cascade->batch = NULL;
}

/* Release a dead object and what it alone kept alive. */
static noinline void refobj_cascade(struct refobj *obj)
{
	struct refcascade_direct *direct;
	struct refcascade_entry *entry = NULL;
	struct refcascade cascade;

	direct = refcascade_direct_mine(refcascade_key());
	if (unlikely(direct) && !busted(FAULT_recursion)) {
		refcascade_add(&direct->queued, obj);
		return;
	}
	refcascade_init(&cascade, &refobj_chunk(obj)->heap->running, NULL);
	refcascade_add(&cascade, obj);
	if (!busted(FAULT_recursion)) {
		entry = refcascade_register(&cascade);
		if (unlikely(!entry))
			return;
	}
	refcascade_run(&cascade);
	if (likely(entry))
		refcascade_unclaim(entry);
}

/*
 * What the callback of a release with preemption off has put is released with
 * preemption on, where that one has ended.
 */
static noinline void refcascade_direct_next(struct refcascade_direct *direct)
{
	struct refcascade_entry *entry;
	struct refcascade cascade;

	refcascade_init(&cascade, NULL, NULL);
	cascade.first = direct->queued.first;
	cascade.last = direct->queued.last;
	direct->queued.first = NULL;
	entry = refcascade_register(&cascade);
	/* Pairs with refcascade_direct_idle(): the entry can be seen. */
	smp_store_release(&direct->key, 0);
	preempt_enable();
	if (!entry)
		return;
	refcascade_run(&cascade);
	refcascade_unclaim(entry);
}

/*
 * This context is in the middle of a release, or its CPU seems to be.  Preemption
 * is off.
 */
static noinline void refobj_release_inside(struct refobj *obj,
					   unsigned long key)
{
	struct refcascade_direct *direct = refcascade_direct_mine(key);
	struct refcascade_entry *entry = refcascade_mine(key);

	preempt_enable();
	if (direct) {
		refcascade_add(&direct->queued, obj);
	} else if (entry) {
		refcascade_add(entry->cascade, obj);
	} else {
		DO_ONCE_LITE(refobj_warn, obj,
			     "put while a release that must not sleep is asleep, or has died");
		refobj_cascade(obj);
	}
}

/*
 * Release a dead object that has no slots and nothing but a callback that does
 * not sleep.  With preemption off the CPU is register enough: no atomic
 * operation; and it is an RCU section, so refheap_silence() waits for the
 * callback.
 *
 * Context: a task, with whatever is off.
 */
static noinline void refobj_release_direct(struct refobj *obj,
					   struct reftype *type)
{
	/* As refcascade_key(): not in an interrupt. */
	unsigned long key = (unsigned long)current;
	struct refcascade_direct *direct;

	preempt_disable();
	direct = this_cpu_ptr(&refcascade_direct);
	if (unlikely(direct->key || refcascade_mine(key)) &&
	    !busted(FAULT_recursion)) {
		refobj_release_inside(obj, key);
		return;
	}
	WRITE_ONCE(direct->key, key);
	/* In transit, as if it were queued. */
	refobj_link(obj, NULL);
	if (unlikely(type->desc.nr_weaks))
		refweak_clear_members(obj, type);
	if (type->desc.release && likely(!READ_ONCE(type->heap->dead))) {
		direct->running = type->heap;
		type->desc.release(obj);
	}
	refobj_free(obj);
	if (unlikely(direct->queued.first)) {
		refcascade_direct_next(direct);
		return;
	}
	/* Pairs with refcascade_direct_idle(): the object has gone. */
	smp_store_release(&direct->key, 0);
	preempt_enable();
}

/*
 * Nothing may be freed here.  If it was refobj_release_direct() that switched
 * preemption off it is the caller's own, later.
 */
static noinline void refobj_release_later(struct refobj *obj)
{
	struct refcascade_direct *direct;

	direct = refcascade_direct_mine(refcascade_key());
	if (direct)
		refcascade_add(&direct->queued, obj);
	else
		refobj_defer(obj);
}

/*
 * The caller dropped the last reference.
 *
 * Context: any but NMI.
 */
void refobj_release(struct refobj *obj)
{
	struct reftype *type;

	if (!refrelease_may_free()) {
		refobj_release_later(obj);
		return;
	}
	refobj_stamp_dead(obj);
	type = refobj_chunk(obj)->type;
	/*
	 * Where nothing but itself is to be freed, and nobody to be told, there
	 * is no cascade that others would have to find.
	 */
	if ((type->plain || (type->silent && refobj_bare(obj, type))) &&
	    likely(!refobj_weak(obj)))
		refobj_free(obj);
	else if (type->direct && likely(in_task() && !refobj_weak(obj)))
		refobj_release_direct(obj, type);
	else
		refobj_cascade(obj);
}

/* Work off what others left to the thread, in the order it came. */
void refheap_release_deferred(struct refheap *heap)
{
	struct refcascade_entry *entry;
	struct refcascade cascade;
	struct refobj *obj, *next, *last, *first;
	unsigned int nr = 0;

	/* Pairs with the compare-and-swap in refobj_defer(). */
	obj = xchg(&heap->deferred, NULL);
	if (!obj)
		return;
	for (first = NULL, last = obj; obj; obj = next) {
		next = refobj_linked(obj);
		refobj_link(obj, first);
		first = obj;
		if (!(++nr % REFRELEASE_RESCHED))
			cond_resched();
	}

	refcascade_init(&cascade, &heap->running, heap);
	entry = refcascade_claim(&cascade);
	if (entry)
		cascade.running = &entry->running;
	cascade.first = first;
	cascade.last = last;
	refcascade_run(&cascade);
	if (entry)
		refcascade_unclaim(entry);
}
