// SPDX-License-Identifier: GPL-2.0
/*
 * Releasing objects whose count is zero, and what they alone kept alive.
 *
 * Iterative (G7): an object at zero joins a queue that runs through the rows
 * of the object table; the outermost put on a stack works it off in order.
 * A put from inside a release callback has to find that queue: it is
 * registered under the task and its level of interrupt nesting.
 *
 * Budgeted (G1): REFRELEASE_BUDGET objects and slots in a context that may
 * sleep, REFRELEASE_BUDGET_ATOMIC elsewhere; the rest, and what the context
 * forbids, goes to the heap's thread.
 */
#include <linux/hash.h>
#include <linux/sched.h>

#include "internal.h"

#define REFRELEASE_BUDGET		65536
#define REFRELEASE_BUDGET_ATOMIC	256
#define REFRELEASE_RESCHED		256

/*
 * Where the cascades now running are registered: a set-associative table.
 * Only the context that a key stands for stores or believes its entry, so
 * claiming is one compare-and-swap against others that hash to the same set.
 * A context that finds its set full leaves its work to the heap's thread.
 */
#define REFCASCADE_BITS	9
#define REFCASCADE_WAYS	2

struct refcascade_entry {
	unsigned long key;		/* task and level, 0 when free */
	struct refcascade *cascade;	/* of the context with that key */
	struct refheap *running;	/* whose callback it is in, or NULL */
};

static struct {
	struct refcascade_entry way[REFCASCADE_WAYS];
} ____cacheline_aligned refcascade_table[1 << REFCASCADE_BITS];

static unsigned long refcascade_key(void)
{
	BUILD_BUG_ON(__alignof__(struct task_struct) < 4);
	return (unsigned long)current | interrupt_context_level();
}

/*
 * Register a cascade for this context, unless it has one that is running.
 *
 * Return: the entry, with @cascade or with that, or NULL if there is no room.
 */
static __always_inline struct refcascade_entry *
refcascade_claim(struct refcascade *cascade)
{
	struct refcascade_entry *set, *empty;
	unsigned long key = refcascade_key(), other;
	unsigned int i;

	set = refcascade_table[hash_long(key, REFCASCADE_BITS)].way;
	do {
		empty = NULL;
		for (i = 0; i < REFCASCADE_WAYS; i++) {
			other = READ_ONCE(set[i].key);
			if (other == key)
				return &set[i];
			if (!other)
				empty = &set[i];
		}
		if (!empty)
			return NULL;
	} while (cmpxchg(&empty->key, 0, key));
	empty->cascade = cascade;
	return empty;
}

static void refcascade_unclaim(struct refcascade_entry *entry)
{
	/* Pairs with the cmpxchg in refcascade_claim(). */
	smp_store_release(&entry->key, 0);
}

/* The entry of this context, or NULL if it is not releasing anything. */
static struct refcascade_entry *refcascade_mine(void)
{
	unsigned long key = refcascade_key();
	struct refcascade_entry *set;
	unsigned int i;

	set = refcascade_table[hash_long(key, REFCASCADE_BITS)].way;
	for (i = 0; i < REFCASCADE_WAYS; i++)
		if (READ_ONCE(set[i].key) == key)
			return &set[i];
	return NULL;
}

/* Is the caller inside a callback of @heap? */
bool refheap_in_callback(const struct refheap *heap)
{
	struct refcascade_entry *entry;

	if (current == heap->thread)
		return true;
	entry = refcascade_mine();
	return entry && READ_ONCE(entry->running) == heap;
}

/*
 * Bracket a call of client code by showing in @running whose it is: in the
 * context's entry, or in the heap itself by its thread.
 *
 * Return: false if the heap must not call any.
 */
static __always_inline bool refcallback_begin(struct refheap *heap,
					      struct refheap **running)
{
	bool dead;

	/* An RCU section, for refheap_silence(), without calling for one. */
	preempt_disable();
	dead = READ_ONCE(heap->dead);
	if (likely(!dead))
		WRITE_ONCE(*running, heap);
	preempt_enable();
	return !dead;
}

static __always_inline void refcallback_end(struct refheap **running)
{
	/* Pairs with refheap_quiet(): what the callback did is done. */
	smp_store_release(running, NULL);
}

bool refheap_callback_begin(struct refheap *heap, struct refheap **running)
{
	return refcallback_begin(heap, running);
}

void refheap_callback_end(struct refheap **running)
{
	refcallback_end(running);
}

/* Is nobody but the caller releasing anything, in whatever heap? */
bool refcascade_idle(void)
{
	unsigned long mine = refcascade_key(), key;
	struct refcascade_entry *set;
	unsigned int i, way;

	for (i = 0; i < ARRAY_SIZE(refcascade_table); i++) {
		set = refcascade_table[i].way;
		for (way = 0; way < REFCASCADE_WAYS; way++) {
			key = READ_ONCE(set[way].key);
			if (key && key != mine)
				return false;
		}
	}
	return true;
}

static bool refheap_running_in(const struct refheap *heap,
			       struct refheap **running)
{
	/* Pairs with refcallback_end(). */
	return smp_load_acquire(running) == heap;
}

/* Is no callback of a dead heap running any more? */
bool refheap_quiet(struct refheap *heap)
{
	struct refcascade_entry *set;
	unsigned int i, way;

	for (i = 0; i < ARRAY_SIZE(refcascade_table); i++) {
		set = refcascade_table[i].way;
		for (way = 0; way < REFCASCADE_WAYS; way++)
			if (refheap_running_in(heap, &set[way].running))
				return false;
	}
	return !refheap_running_in(heap, &heap->running);
}

/* Certain that sleeping is legal here; false where it cannot be told. */
static bool refrelease_may_sleep(void)
{
	return busted(FAULT_may_sleep) ||
	       (IS_ENABLED(CONFIG_PREEMPT_COUNT) && preemptible() &&
		!rcu_preempt_depth());
}

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

/*
 * An object at zero is its releaser's alone: a store will do.  Readers with
 * an old pointer see a word without a valid count.
 */
static void refobj_stamp_dead(struct refobj *obj)
{
	u64 word = refword_read(obj);

	/*
	 * One that waits for its finalizer has a reference until that has run,
	 * and may have been made immortal by somebody who came by a weak one.
	 */
	if (!refword_alive(word))
		atomic64_set(&obj->word, refword_dead(word));
}

static void refobj_link(struct refobj *obj, struct refobj *next)
{
	WRITE_ONCE(*place_row(obj->place), (unsigned long)next | REFROW_LINK);
}

static struct refobj *refobj_linked(const struct refobj *obj)
{
	return (struct refobj *)(*place_row(obj->place) & ~REFROW_LINK);
}

void refcascade_init(struct refcascade *cascade, struct refheap **running,
		     bool thread)
{
	cascade->first = NULL;
	cascade->last = NULL;
	cascade->running = running;
	cascade->spent = 0;
	cascade->thread = thread;
}

static bool refcascade_may_sleep(const struct refcascade *cascade)
{
	return cascade->thread || refrelease_may_sleep();
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

static struct refobj *refcascade_next(struct refcascade *cascade)
{
	struct refobj *obj = cascade->first;

	if (obj)
		cascade->first = refobj_linked(obj);
	return obj;
}

static bool refcascade_exhausted(const struct refcascade *cascade)
{
	if (likely(cascade->spent < REFRELEASE_BUDGET_ATOMIC) ||
	    cascade->thread || busted(FAULT_budget))
		return false;
	return cascade->spent >= REFRELEASE_BUDGET || !refrelease_may_sleep();
}

static void refcascade_spend(struct refcascade *cascade, unsigned int cost)
{
	unsigned int before = cascade->spent / REFRELEASE_RESCHED;

	cascade->spent += cost;
	if (unlikely(cascade->spent / REFRELEASE_RESCHED != before) &&
	    refcascade_may_sleep(cascade))
		cond_resched();
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

/*
 * The caller is going to wait for a heap, perhaps in a release of another one:
 * what it has put of that heap would wait behind this very release.
 */
void refcascade_hand_over(struct refheap *heap)
{
	struct refcascade_entry *entry = refcascade_mine();
	struct refobj *obj, *next;

	if (!entry)
		return;
	obj = entry->cascade->first;
	for (entry->cascade->first = NULL; obj; obj = next) {
		next = refobj_linked(obj);
		if (refobj_chunk(obj)->heap == heap)
			refobj_defer(obj);
		else
			refcascade_add(entry->cascade, obj);
	}
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
	unsigned long place = obj->place;

	refrow_publish(place, obj);
	/* Who sees the mark sees it.  Pairs with refcandidate_take_chunk(). */
	smp_mb();
	if (!busted(FAULT_finalize_mark))
		refrow_mark(place);
	*called = refcallback_begin(type->heap, cascade->running);
	if (*called)
		type->desc.finalize(obj);
	if (refobj_drop(obj)) {
		refobj_stamp_dead(obj);
		refobj_link(obj, NULL);
		return true;
	}
	if (*called)
		refcallback_end(cascade->running);
	return false;
}

/*
 * Weak references have found nothing since the count was zero.  They are
 * emptied, and call back, behind the release.
 */
static void refcascade_kill_weaks(struct refcascade *cascade,
				  struct refobj *obj)
{
	if (unlikely(refobj_weak(obj)))
		refweak_kill(obj, refcascade_may_sleep(cascade));
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

/*
 * May an object's slots be emptied without anybody being told?  If all that
 * they lead to dies without a word, too: what has a callback must not wait in
 * a queue that refcascade_idle() knows nothing of, or refheap_destroy() does
 * not wait for it.
 */
static bool refobj_quiet(struct refobj *obj, const struct reftype *type)
{
	const struct reffield *field = type->desc.fields;
	const struct reffield *end = field + type->desc.nr_fields;
	void *memory = refobj_memory(type, obj);
	struct refslot *slot, *last;
	const struct reftype *other;
	struct refobj *target;

	for (; field < end; field++) {
		slot = memory + field->offset;
		for (last = slot + field->count; slot < last; slot++) {
			target = READ_ONCE(slot->target);
			if (!target)
				continue;
			other = refobj_chunk(target)->type;
			if (!other->silent && !other->plain)
				return false;
		}
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
	const struct reffield *field = type->desc.fields;
	const struct reffield *end = field + type->desc.nr_fields;
	void *memory = refobj_memory(type, obj);
	struct refobj *target, *next = NULL;
	struct refslot *slot, *last;

	for (; field < end; field++) {
		slot = memory + field->offset;
		for (last = slot + field->count; slot < last; slot++) {
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
static struct refobj *refcascade_silence_all(struct refcascade *cascade,
					     struct refobj *obj,
					     bool registered)
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

static void refcascade_release(struct refcascade *cascade, struct refobj *obj)
{
	struct reftype *type = refobj_chunk(obj)->type;
	bool called = false;

	if (type->silent) {
		refcascade_silence_all(cascade, obj, true);
		return;
	}
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
	struct refobj *obj;

	while ((obj = refcascade_next(cascade))) {
		if (refcascade_exhausted(cascade))
			refobj_defer(obj);
		else
			refcascade_release(cascade, obj);
	}
}

/* Release a dead object and what it alone kept alive. */
static noinline void refobj_cascade(struct refobj *obj)
{
	struct reftype *type = refobj_chunk(obj)->type;
	struct refcascade_entry *entry = NULL;
	struct refcascade cascade;

	refcascade_init(&cascade, &type->heap->running, false);
	if (!busted(FAULT_recursion)) {
		entry = refcascade_claim(&cascade);
		if (unlikely(!entry)) {
			refobj_defer(obj);
			return;
		}
		if (entry->cascade != &cascade) {
			refcascade_add(entry->cascade, obj);
			return;
		}
		cascade.running = &entry->running;
	}
	refobj_link(obj, NULL);
	if (type->direct)
		refcascade_finish(&cascade, obj, type, false);
	else
		refcascade_release(&cascade, obj);
	if (unlikely(cascade.first))
		refcascade_run(&cascade);
	if (likely(entry))
		refcascade_unclaim(entry);
}

/*
 * What began without an entry goes on in one, its own or that of this context,
 * with @obj first.
 */
static noinline void refcascade_register(struct refcascade *cascade,
					 struct refobj *obj)
{
	struct refcascade_entry *entry = refcascade_claim(cascade);

	if (likely(entry && entry->cascade == cascade)) {
		cascade->running = &entry->running;
		refcascade_release(cascade, obj);
		refcascade_run(cascade);
		refcascade_unclaim(entry);
		return;
	}
	for (; obj; obj = refcascade_next(cascade)) {
		if (entry)
			refcascade_add(entry->cascade, obj);
		else
			refobj_defer(obj);
	}
}

/* Release a dead object without callbacks and what it alone kept alive. */
static noinline void refobj_silence(struct refobj *obj)
{
	struct refcascade cascade;

	refcascade_init(&cascade, NULL, false);
	refobj_link(obj, NULL);
	obj = refcascade_silence_all(&cascade, obj, false);
	if (unlikely(obj))
		refcascade_register(&cascade, obj);
}

/*
 * The caller dropped the last reference.
 *
 * Context: any but NMI.
 */
void refobj_release(struct refobj *obj)
{
	if (!refrelease_may_free()) {
		refobj_defer(obj);
		return;
	}
	refobj_stamp_dead(obj);
	if (refobj_chunk(obj)->type->silent && !busted(FAULT_recursion)) {
		refobj_silence(obj);
		return;
	}
	if (!refobj_chunk(obj)->type->plain) {
		refobj_cascade(obj);
		return;
	}
	if (unlikely(refobj_weak(obj)))
		refweak_kill(obj, refrelease_may_sleep());
	refobj_free(obj);
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

	refcascade_init(&cascade, &heap->running, true);
	entry = refcascade_claim(&cascade);
	if (entry)
		cascade.running = &entry->running;
	cascade.first = first;
	cascade.last = last;
	refcascade_run(&cascade);
	if (entry)
		refcascade_unclaim(entry);
}
