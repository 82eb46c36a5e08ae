// SPDX-License-Identifier: GPL-2.0
/*
 * Weak references. One whose target its mutator holds has to find it; one with
 * a callback calls once, or has been cleared, never both.
 */
#include "torture.h"

#include <linux/bitops.h>

static struct torture_weak *some_weak_of(struct mutator *m, struct mutator *of)
{
	return &of->weak[mutator_random(m, MUTATOR_WEAKS)];
}

static struct torture_weak *some_weak(struct mutator *m)
{
	return some_weak_of(m, m);
}

static void weak_called(struct refweak *weak)
{
	atomic_long_inc(&torture.called);
}

static void weak_clear(struct torture_weak *weak)
{
	weak->sure = NULL;
	if (refweak_clear(&weak->weak))
		atomic_long_inc(&torture.cleared);
}

/* The mutator is about to let an object go that it may be sure of. */
void weak_unsure(struct mutator *m, const struct torture_object *object)
{
	unsigned int i;

	for (i = 0; i < MUTATOR_WEAKS; i++)
		if (m->weak[i].sure == object)
			m->weak[i].sure = NULL;
}

/* Return: true if a weak reference leads to what the mutator holds. */
static bool weak_set(struct mutator *m, struct torture_weak *weak,
		     struct torture_object *object)
{
	/* One that had a callback is accounted for here, not by the next. */
	weak_clear(weak);
	if (refweak_set(NULL, &weak->weak, &object->obj, weak_called,
			mutator_gfp(m)))
		return false;
	atomic_long_inc(&torture.armed);
	return true;
}

void weak_arm(struct mutator *m)
{
	struct torture_object *object = m->held[mutator_random(m, MUTATOR_HANDS)];
	struct torture_weak *weak = some_weak(m);

	if (object && weak_set(m, weak, object))
		weak->sure = object;
}

/* To something that is going to be garbage. */
void weak_leave(struct mutator *m, struct torture_object *object)
{
	weak_set(m, some_weak(m), object);
}

void weak_disarm(struct mutator *m)
{
	weak_clear(some_weak(m));
}

/* Those of any mutator may be loaded. */
void weak_load(struct mutator *m)
{
	/* Pairs with mutator_create(). */
	unsigned int nr = smp_load_acquire(&torture.mutators);
	struct mutator *other = torture.mutator[mutator_random(m, nr)];

	mutator_hold(m, mutator_random(m, MUTATOR_HANDS),
		     refweak_load(&some_weak_of(m, other)->weak));
}

/* Acquire whatever weak references of mutators lead to, and let go again. */
void weak_load_all(struct mutator *m)
{
	/* Pairs with mutator_create(). */
	unsigned int nr = smp_load_acquire(&torture.mutators), i;
	struct mutator *of;
	struct refobj *obj;

	for (i = 0; i < nr * MUTATOR_WEAKS; i++) {
		of = torture.mutator[i / MUTATOR_WEAKS];
		obj = refweak_load(&of->weak[i % MUTATOR_WEAKS].weak);
		if (obj)
			object_put(object_hold(obj));
	}
}

void weak_is_sure(struct mutator *m)
{
	struct torture_weak *weak = some_weak(m);
	struct torture_object *object = weak->sure;
	struct refobj *obj;

	if (!object)
		return;
	obj = refweak_load(&weak->weak);
	if (obj != &object->obj)
		torture_wrong("a weak reference to an object of kind %u that is held finds %s",
			      object->kind, obj ? "another" : "nothing");
	if (obj)
		refobj_put(obj);
}

static void weak_owner_called(struct refweak *weak)
{
	struct torture_object *owner;

	owner = container_of(weak, struct torture_object, weak);
	if (!object_is_alive(owner))
		torture_wrong("a weak reference of a dead owner calls");
}

/* A weak reference that is part of an object, from any of its holders. */
void weak_watch(struct mutator *m)
{
	struct torture_object *owner = m->held[mutator_random(m, MUTATOR_HANDS)];
	struct torture_object *object = m->held[mutator_random(m, MUTATOR_HANDS)];

	if (!owner || owner->kind != KIND_OWNER ||
	    test_and_set_bit_lock(0, &owner->lock))
		return;
	refweak_set(&owner->obj, &owner->weak, object ? &object->obj : NULL,
		    weak_owner_called, mutator_gfp(m));
	clear_bit_unlock(0, &owner->lock);
}

void weak_disarm_all(struct mutator *m)
{
	unsigned int i;

	for (i = 0; i < MUTATOR_WEAKS; i++) {
		weak_clear(&m->weak[i]);
		refweak_clear_sync(&m->weak[i].weak);
	}
}

/* When nothing is left that could call. */
void weak_account(void)
{
	long armed = atomic_long_read(&torture.armed);
	long cleared = atomic_long_read(&torture.cleared);
	long called = atomic_long_read(&torture.called);

	if (armed != cleared + called)
		torture_wrong("%ld weak references set, %ld cleared, %ld called back",
			      armed, cleared, called);
}
