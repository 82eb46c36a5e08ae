/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which contexts are releasing something, and whose callback each is in: what a
 * release asks of the registry (registry.c), and so not behind a call.
 */
#ifndef _REFHEAP_REGISTRY_H
#define _REFHEAP_REGISTRY_H

#include <linux/hash.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "internal.h"

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

struct refcascade_set {
	struct refcascade_entry way[REFCASCADE_WAYS];
} ____cacheline_aligned;

extern struct refcascade_set refcascade_table[1 << REFCASCADE_BITS];

/*
 * The task that releases an object on a CPU with preemption off.  (P) but for
 * @key, which others look at.  A client that sleeps there nevertheless leaves it
 * occupied: only who has that key believes the rest.
 */
struct refcascade_direct {
	unsigned long key;		/* as in the table */
	struct refheap *running;	/* whose callback it is in */
	struct refcascade queued;	/* only its queue; empty when it begins */
};

DECLARE_PER_CPU(struct refcascade_direct, refcascade_direct);

static inline unsigned long refcascade_key(void)
{
	BUILD_BUG_ON(__alignof__(struct task_struct) < 4);
	return (unsigned long)current | interrupt_context_level();
}

/* The entry of this context, or NULL if it is not releasing anything. */
static __always_inline struct refcascade_entry *
refcascade_mine(unsigned long key)
{
	struct refcascade_entry *set;
	unsigned int i;

	set = refcascade_table[hash_long(key, REFCASCADE_BITS)].way;
	for (i = 0; i < REFCASCADE_WAYS; i++)
		if (READ_ONCE(set[i].key) == key)
			return &set[i];
	return NULL;
}

/* What this context releases with preemption off, or NULL. */
static inline struct refcascade_direct *
refcascade_direct_mine(unsigned long key)
{
	if (likely(this_cpu_read(refcascade_direct.key) != key))
		return NULL;
	return this_cpu_ptr(&refcascade_direct);
}

static inline void refcascade_unclaim(struct refcascade_entry *entry)
{
	/* Pairs with the cmpxchg in refcascade_claim(). */
	smp_store_release(&entry->key, 0);
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

struct refcascade_entry *refcascade_claim(struct refcascade *cascade);
struct refcascade_entry *refcascade_register(struct refcascade *cascade);

#endif /* _REFHEAP_REGISTRY_H */
