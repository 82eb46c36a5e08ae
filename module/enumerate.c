// SPDX-License-Identifier: GPL-2.0
/*
 * Enumeration: every object of a heap, with a counted reference.
 *
 * Goes through the object table without a lock.  An object is acquired as a
 * weak reference would be (G13): one that is dead or condemned to death is
 * not met, and one that lives from the beginning to the end of the
 * enumeration is met once.
 */
#include <linux/sched.h>

#include "internal.h"

/*
 * Acquire the object in a row.
 *
 * Context: any but NMI.
 * Return: with a counted reference, or NULL.
 */
struct refobj *refrow_acquire(struct refchunk *chunk, unsigned int index)
{
	struct refobj *obj;
	bool got, same;
	u64 seen;

	rcu_read_lock();
	obj = chunk_object(chunk, index);
	got = obj && refobj_acquire(obj, &seen);
	/* Acquired, then looked at again: the memory may have moved on. */
	same = chunk_object(chunk, index) == obj;
	rcu_read_unlock();
	if (got && same)
		return obj;
	if (got)
		refobj_put_stranger(obj);
	return NULL;
}

/* Worth acquiring?  What is not has not been touched, and is no candidate. */
static bool refrow_wanted(const struct refchunk *chunk, unsigned int index,
			  int age)
{
	bool wanted;

	rcu_read_lock();
	wanted = chunk_object(chunk, index) &&
		 (age < 0 || refrow_age(chunk, index) == age);
	rcu_read_unlock();
	return wanted;
}

static int refchunk_for_each(struct refchunk *chunk, int age,
			     int (*function)(struct refobj *obj, void *data),
			     void *data)
{
	struct refobj *obj;
	unsigned int index;
	int ret = 0;

	for (index = 0; index < REFROW_PER_CHUNK && !ret; index++) {
		if (!refrow_wanted(chunk, index, age))
			continue;
		obj = refrow_acquire(chunk, index);
		if (!obj)
			continue;
		if (age < 0 || refobj_age(obj) == age)
			ret = function(obj, data);
		refobj_put(obj);
		cond_resched();
	}
	return ret;
}

/**
 * refheap_for_each - call a function for every object
 * @heap: a heap
 * @type: only for objects of this type of @heap, or NULL for all
 * @age: only for containers of this age, %REFAGE_FROZEN for the frozen, or -1
 *	 for all objects, leaves included
 * @function: called with a counted reference of the enumeration's; takes one
 *	      of its own if it wants to keep the object; ends the enumeration
 *	      by returning something else than 0
 * @data: passed to @function
 *
 * Every object that exists from the beginning to the end is met once; others
 * may or may not be met, dead and condemned ones never.  A container that is
 * met becomes a candidate: it was held, so the collector may have to look
 * again.  Giving up the enumeration's reference may release an object, if it
 * was the last.
 *
 * Context: process, may sleep; no lock is held while @function runs.
 * Return: what @function returned last, or -EINVAL for another heap's type or
 * an age that does not exist.
 */
int refheap_for_each(struct refheap *heap, struct reftype *type, int age,
		     int (*function)(struct refobj *obj, void *data),
		     void *data)
{
	struct refchunk *chunk;
	unsigned long number;
	int ret;

	might_sleep();
	if (refpointer_bad(heap) || (type && refpointer_bad(type)) ||
	    refpointer_bad(function))
		return -EINVAL;
	if ((type && type->heap != heap) || age < -1 || age > REFAGE_FROZEN)
		return -EINVAL;
	xa_for_each(&heap->chunks, number, chunk) {
		if ((type && chunk->type != type) ||
		    (age >= 0 && chunk->type->leaf))
			continue;
		ret = refchunk_for_each(chunk, age, function, data);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_for_each);
