// SPDX-License-Identifier: GPL-2.0
/* What a mutator can do. */
#include "torture.h"

#include <linux/bitops.h>

static unsigned int some_hand(struct mutator *m)
{
	return mutator_random(m, MUTATOR_HANDS);
}

static struct torture_object *some_held(struct mutator *m)
{
	return m->held[some_hand(m)];
}

/* Something with slots that the mutator may edit: it holds it. */
static struct torture_object *some_owner(struct mutator *m)
{
	struct torture_object *object = some_held(m);

	if (!object || !object_slots(object) || !mutator_random(m, 4))
		return torture.table;
	return object;
}

static struct refslot *some_slot(struct mutator *m,
				 struct torture_object *owner)
{
	return object_slot(owner, mutator_random(m, object_slots(owner)));
}

static void do_allocate(struct mutator *m)
{
	enum torture_kind kind = mutator_random(m, KIND_TWIN);
	unsigned int hand = some_hand(m);
	struct torture_object *object;

	if (kind == KIND_VECTOR)
		object = object_new_vector(mutator_random(m, 8),
					   mutator_gfp(m));
	else
		object = object_new(kind, mutator_gfp(m),
				    prandom_u32_state(&m->rnd));
	mutator_drop(m, hand);
	m->held[hand] = object;
}

static void do_get(struct mutator *m)
{
	struct torture_object *object = some_held(m);

	if (object)
		mutator_hold(m, some_hand(m), refobj_get(&object->obj));
}

static void do_put(struct mutator *m)
{
	mutator_drop(m, some_hand(m));
}

static void do_set(struct mutator *m)
{
	struct torture_object *owner = some_owner(m), *object = some_held(m);

	if (refslot_set(&owner->obj, some_slot(m, owner),
			object ? &object->obj : NULL))
		torture_wrong("a slot could not be set");
}

static void do_clear(struct mutator *m)
{
	struct torture_object *owner = some_owner(m);

	refslot_clear(&owner->obj, some_slot(m, owner));
}

static void do_load(struct mutator *m)
{
	struct torture_object *owner = some_owner(m);

	mutator_hold(m, some_hand(m), refslot_load(some_slot(m, owner)));
}

static void do_take(struct mutator *m)
{
	struct torture_object *owner = some_owner(m);

	mutator_hold(m, some_hand(m),
		     refslot_take(&owner->obj, some_slot(m, owner)));
}

/* The last reference to an object may go into a slot of its own. */
static void do_give(struct mutator *m)
{
	struct torture_object *owner = some_owner(m), *object;
	unsigned int hand = some_hand(m);

	object = m->held[hand];
	if (!object)
		return;
	m->held[hand] = NULL;
	weak_unsure(m, object);
	if (refslot_give(&owner->obj, some_slot(m, owner),
			 object_unhold(object)))
		torture_wrong("a reference could not be given");
}

static void do_move(struct mutator *m)
{
	struct torture_object *from = some_owner(m), *to = some_owner(m);

	if (refslot_move(&to->obj, some_slot(m, to), &from->obj,
			 some_slot(m, from)))
		torture_wrong("a reference could not be moved");
}

/* Rotate the slots of an object while its visit cannot look at them. */
static void do_shift(struct mutator *m)
{
	struct torture_object *object = some_held(m);
	struct refobj *last;
	unsigned int i;

	if (!object || object->kind != KIND_VISITED ||
	    test_and_set_bit_lock(0, &object->lock))
		return;
	last = refslot_take(&object->obj, &object->slot[OBJECT_SLOTS - 1]);
	for (i = OBJECT_SLOTS - 1; i; i--)
		refslot_move(&object->obj, &object->slot[i], &object->obj,
			     &object->slot[i - 1]);
	if (last && refslot_give(&object->obj, &object->slot[0], last))
		torture_wrong("a reference could not be given back");
	clear_bit_unlock(0, &object->lock);
}

/* What the caller holds has a count, is alive, and can be acquired. */
static void do_look(struct mutator *m)
{
	unsigned int hand = some_hand(m);
	struct torture_object *object = m->held[hand];
	bool got;

	if (!object)
		return;
	if (!object_is_alive(object))
		torture_wrong("an object is dead while it is held");
	if (refobj_heap(&object->obj) != torture.heap ||
	    refobj_type(&object->obj) != torture.type[object->kind])
		torture_wrong("an object has changed its type");
	if (!refobj_count(&object->obj))
		torture_wrong("an object that is held has count zero");
	rcu_read_lock();
	got = refobj_get_unless_zero(&object->obj);
	rcu_read_unlock();
	if (got)
		refobj_put(&object->obj);
	else
		torture_wrong("an object that is held cannot be acquired");
}

static int look_at_each(struct refobj *obj, void *data)
{
	unsigned int *left = data;

	if (!object_is_alive(object_of(obj)))
		torture_wrong("a dead object was met");
	return --*left ? 0 : 1;
}

static void do_enumerate(struct mutator *m)
{
	unsigned int left = 100;

	refheap_for_each(torture.heap, torture.type[mutator_random(m,
								   TORTURE_KINDS)],
			 -1, look_at_each, &left);
}

static void do_referents(struct mutator *m)
{
	struct torture_object *object = some_held(m);
	struct refobj *list[2 * OBJECT_SLOTS];
	long i, nr;

	if (!object)
		return;
	nr = refobj_referents(&object->obj, list, ARRAY_SIZE(list));
	for (i = 0; i < min_t(long, nr, ARRAY_SIZE(list)); i++)
		object_put(object_hold(list[i]));
}

static void do_collect(struct mutator *m)
{
	long reclaimed = refheap_collect(torture.heap, 0);

	if (reclaimed < 0)
		torture_wrong("a collection failed: %ld", reclaimed);
}

static void do_kick(struct mutator *m)
{
	refheap_kick(torture.heap);
}

const struct operation operations[] = {
	{ "allocate",	do_allocate,	20, NEEDS_SLAB },
	{ "ring",	island_ring,	4, NEEDS_SLAB },
	{ "chain",	island_chain,	2, NEEDS_SLAB },
	{ "get",	do_get,		10 },
	{ "put",	do_put,		16 },
	{ "set",	do_set,		20 },
	{ "clear",	do_clear,	10 },
	{ "load",	do_load,	20 },
	{ "take",	do_take,	12 },
	{ "give",	do_give,	12 },
	{ "move",	do_move,	12 },
	{ "shift",	do_shift,	6 },
	{ "look",	do_look,	6 },
	{ "weak set",	weak_arm,	8, NEEDS_SLAB },
	{ "weak clear",	weak_disarm,	2, NEEDS_SLAB },
	{ "weak load",	weak_load,	20 },
	{ "weak sure",	weak_is_sure,	8 },
	{ "weak watch",	weak_watch,	4, NEEDS_SLAB },
	{ "twins",	twins_replace,	4, NEEDS_SLAB },
	{ "twins seen",	twins_observe,	16 },
	{ "bind",	named_bind,	3, NEEDS_SLEEP },
	{ "unbind",	named_unbind,	2, NEEDS_SLEEP },
	{ "look up",	named_look_up,	8 },
	{ "map",	named_map,	3, NEEDS_SLEEP },
	{ "unmap",	named_unmap,	1, NEEDS_SLEEP },
	{ "map look up", named_map_look_up, 8 },
	{ "pair",	named_pair,	2, NEEDS_SLEEP },
	{ "pair look up", named_pair_look_up, 6 },
	{ "enumerate",	do_enumerate,	1, NEEDS_SLEEP },
	{ "referents",	do_referents,	2, NEEDS_SLEEP },
	{ "collect",	do_collect,	1, NEEDS_SLEEP },
	{ "kick",	do_kick,	1 },
};

const unsigned int nr_operations = ARRAY_SIZE(operations);

static_assert(ARRAY_SIZE(operations) <= TORTURE_OPERATIONS);
