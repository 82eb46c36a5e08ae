// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of the contexts that are releasing something.  A put from inside
 * a release callback has to find the queue of the release that it is inside of
 * (release.c), and who destroys a heap has to know whose callbacks still run.
 *
 * A context is a task at a level of interrupt nesting.  It is registered in a
 * table or, while preemption is off, with its CPU: refobj_release_direct().
 */
#include "cascade.h"
#include "internal.h"
#include "registry.h"

struct refcascade_set refcascade_table[1 << REFCASCADE_BITS];

DEFINE_PER_CPU(struct refcascade_direct, refcascade_direct);

/*
 * Register a cascade for this context, unless it has one that is running.
 *
 * Return: the entry, with @cascade or with that, or NULL if there is no room.
 */
struct refcascade_entry *refcascade_claim(struct refcascade *cascade)
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

/* What a cascade has queued is another's now. */
static void refcascade_give(struct refcascade *cascade,
			    struct refcascade *other)
{
	if (other->first)
		refobj_link(other->last, cascade->first);
	else
		other->first = cascade->first;
	other->last = cascade->last;
}

/*
 * Register a cascade, whose queue is the business of whom this context is
 * inside of, if there is one.
 *
 * Return: its entry, or NULL if the queue has been given away.
 */
struct refcascade_entry *refcascade_register(struct refcascade *cascade)
{
	struct refcascade_entry *entry = refcascade_claim(cascade);
	struct refobj *obj;

	if (likely(entry && entry->cascade == cascade)) {
		cascade->running = &entry->running;
		return entry;
	}
	if (entry)
		refcascade_give(cascade, entry->cascade);
	else
		while ((obj = refcascade_next(cascade)))
			refobj_defer(obj);
	return NULL;
}

/*
 * The caller is going to wait for a heap, perhaps in a release of another one:
 * what he has put of that heap would wait behind this very release.
 *
 * If @heap is NULL, he destroys one, and waits for whoever releases something of
 * it; who may himself destroy a heap, and wait for what the caller has put of
 * that one.  What is a thread's own stays: who waits for that waits for the
 * thread, and has to find it empty afterwards (refheap_drain()).
 */
void refcascade_hand_over(const struct refheap *heap)
{
	struct refcascade_entry *entry = refcascade_mine(refcascade_key());
	struct refcascade *cascade;
	struct refobj *obj, *next;
	struct refheap *owner;

	if (!entry)
		return;
	cascade = entry->cascade;
	obj = cascade->first;
	for (cascade->first = NULL; obj; obj = next) {
		next = refobj_linked(obj);
		owner = refobj_chunk(obj)->heap;
		if (heap ? owner == heap : owner != cascade->thread)
			refobj_defer(obj);
		else
			refcascade_add(cascade, obj);
		cond_resched();
	}
}

/* Is the caller inside a callback of what may be a heap, with preemption off? */
bool refheap_in_direct_callback(const struct refheap *heap)
{
	struct refcascade_direct *direct;

	direct = refcascade_direct_mine(refcascade_key());
	return direct && direct->running == heap;
}

/* Is the caller inside a callback of @heap? */
bool refheap_in_callback(const struct refheap *heap)
{
	struct refcascade_entry *entry;

	if (current == heap->thread || refheap_in_direct_callback(heap))
		return true;
	entry = refcascade_mine(refcascade_key());
	return entry && READ_ONCE(entry->running) == heap;
}

bool refheap_callback_begin(struct refheap *heap, struct refheap **running)
{
	return refcallback_begin(heap, running);
}

void refheap_callback_end(struct refheap **running)
{
	refcallback_end(running);
}

/* Is no CPU amidst a release with preemption off? */
static bool refcascade_direct_idle(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		/* Pairs with refobj_release_direct(). */
		if (smp_load_acquire(&per_cpu_ptr(&refcascade_direct, cpu)->key))
			return false;
	return true;
}

/*
 * Is nobody but the caller releasing anything, in whatever heap?  He may sleep,
 * and so is not among those with preemption off.
 */
bool refcascade_idle(void)
{
	unsigned long mine = refcascade_key(), key;
	struct refcascade_entry *set;
	unsigned int i, way;

	/* These first: what they have queued is registered before they end. */
	if (!refcascade_direct_idle())
		return false;
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

/*
 * Is no callback of a dead heap running any more?  Of those with preemption off
 * none is after a grace period.
 */
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
