// SPDX-License-Identifier: GPL-2.0
/* Objects that know whether they may be dead. */
#include "torture.h"

#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/sched.h>

#define CANARY_ALIVE	0x600d0b1ec7a11fe5ULL
#define CANARY_RELEASED	0xdead0b1ec7de1e7eULL

static const struct reffield object_fields[] = {
	REFFIELD(struct torture_object, slot),
};

static const struct reffield object_weaks[] = {
	REFWEAK(struct torture_object, weak),
};

/* Bound to the address: a copy, or another object's memory, is no object. */
static u64 object_canary(const struct torture_object *object)
{
	return CANARY_ALIVE ^ (unsigned long)object;
}

bool object_is_alive(const struct torture_object *object)
{
	return READ_ONCE(object->canary) == object_canary(object);
}

static void object_init(struct refobj *obj)
{
	struct torture_object *object = object_of(obj);

	WRITE_ONCE(object->canary, object_canary(object));
}

static void object_release(struct refobj *obj)
{
	struct torture_object *object = object_of(obj);
	int holders = atomic_read(&object->holders);

	if (!object_is_alive(object))
		torture_wrong("kind %u is released twice", object->kind);
	if (holders)
		torture_wrong("kind %u released in %d hands", object->kind,
			      holders);
	if (object->kind != KIND_LEAF && !refslot_empty(&object->slot[0]))
		torture_wrong("kind %u released with a slot in use",
			      object->kind);
	WRITE_ONCE(object->canary, CANARY_RELEASED);
	atomic_long_inc(&torture.released);
}

static void object_release_sleeping(struct refobj *obj)
{
	might_sleep();
	object_release(obj);
}

/* The lock bit of a mutator that is just shifting its entries. */
static int object_visit(struct refobj *obj, struct refvisitor *visitor)
{
	struct torture_object *object = object_of(obj);
	unsigned int i;

	if (test_and_set_bit_lock(0, &object->lock))
		return -EBUSY;
	for (i = 0; i < OBJECT_SLOTS; i++)
		refvisit(visitor, &object->slot[i]);
	clear_bit_unlock(0, &object->lock);
	return 0;
}

/* Store a reference where everybody looks. */
static void object_resurrect(struct torture_object *object)
{
	struct torture_object *table = torture.table;
	unsigned int i = object->fate % object_slots(table);

	if (!refslot_set(&table->obj, object_slot(table, i), &object->obj))
		atomic_long_inc(&torture.resurrected);
}

static void object_break(struct torture_object *object)
{
	unsigned int i;

	for (i = 0; i < OBJECT_SLOTS; i++)
		refslot_clear(&object->obj, &object->slot[i]);
}

static void object_finalize(struct refobj *obj)
{
	struct torture_object *object = object_of(obj);

	if (!object_is_alive(object))
		torture_wrong("a dead object is finalized");
	if (atomic_inc_return(&object->finalized) != 1)
		torture_wrong("an object is finalized twice");
	atomic_long_inc(&torture.finalized);
	switch (object->fate % 4) {
	case 0:
		object_resurrect(object);
		break;
	case 1:
		object_break(object);
		break;
	case 2:
		refslot_set(obj, &object->slot[object->fate % OBJECT_SLOTS],
			    obj);
		break;
	}
}

static const struct reftype_desc object_types[TORTURE_KINDS] = {
	[KIND_NODE] = {
		.name = "node",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
	},
	[KIND_LEAF] = {
		.name = "leaf",
		REFTYPE(struct torture_object, obj),
	},
	[KIND_VECTOR] = {
		.name = "vector",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
		REFTYPE_ARRAY(struct torture_object, array),
	},
	[KIND_VISITED] = {
		.name = "visited",
		REFTYPE(struct torture_object, obj),
		.visit = object_visit,
	},
	[KIND_SLEEPER] = {
		.name = "sleeper",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
		.flags = REFTYPE_RELEASE_SLEEPS,
		.release = object_release_sleeping,
	},
	[KIND_FINAL] = {
		.name = "final",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
		.finalize = object_finalize,
	},
	[KIND_OWNER] = {
		.name = "owner",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
		REFTYPE_WEAKS(object_weaks),
	},
	[KIND_SILENT] = {
		.name = "silent",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
	},
	[KIND_TWIN] = {
		.name = "twin",
		REFTYPE(struct torture_object, obj),
		REFTYPE_FIELDS(object_fields),
	},
};

int object_register_types(void)
{
	struct reftype_desc desc;
	unsigned int i;

	for (i = 0; i < TORTURE_KINDS; i++) {
		desc = object_types[i];
		desc.init = object_init;
		if (!desc.release && i != KIND_SILENT)
			desc.release = object_release;
		torture.type[i] = refheap_register_type(torture.heap, &desc);
		if (IS_ERR(torture.type[i]))
			return PTR_ERR(torture.type[i]);
	}
	return 0;
}

/* The caller owns the reference and is its holder. */
static struct torture_object *object_begin(struct refobj *obj,
					   enum torture_kind kind,
					   unsigned int fate)
{
	struct torture_object *object;

	if (!obj) {
		atomic_long_inc(&torture.refused);
		return NULL;
	}
	object = object_of(obj);
	object->kind = kind;
	object->fate = fate;
	atomic_set(&object->holders, 1);
	if (kind != KIND_SILENT)
		atomic_long_inc(&torture.made);
	return object;
}

struct torture_object *object_new(enum torture_kind kind, gfp_t gfp,
				  unsigned int fate)
{
	return object_begin(refobj_alloc(torture.type[kind], gfp), kind, fate);
}

struct torture_object *object_new_vector(size_t length, gfp_t gfp)
{
	return object_begin(refobj_alloc_array(torture.type[KIND_VECTOR],
					       length, gfp), KIND_VECTOR, 0);
}

/* A twin's first slot is not for everybody. */
unsigned int object_slots(const struct torture_object *object)
{
	switch (object->kind) {
	case KIND_LEAF:
		return 0;
	case KIND_TWIN:
		return OBJECT_SLOTS - 1;
	case KIND_VECTOR:
		return OBJECT_SLOTS + object->array->length;
	default:
		return OBJECT_SLOTS;
	}
}

struct refslot *object_slot(struct torture_object *object, unsigned int i)
{
	if (object->kind == KIND_TWIN)
		return &object->slot[i + 1];
	if (i < OBJECT_SLOTS)
		return &object->slot[i];
	return &object->array->slot[i - OBJECT_SLOTS];
}

/* A reference that the caller has acquired: now he is a holder. */
struct torture_object *object_hold(struct refobj *obj)
{
	struct torture_object *object = object_of(obj);

	if (!object_is_alive(object))
		torture_wrong("a dead object was acquired, canary %llx",
			      object->canary);
	atomic_inc(&object->holders);
	return object;
}

/* Before the reference is given away. */
struct refobj *object_unhold(struct torture_object *object)
{
	if (!object_is_alive(object))
		torture_wrong("an object died in a hand, canary %llx",
			      object->canary);
	/* One that dies without a word may be another by now. */
	if (atomic_dec_return(&object->holders) < 0 ||
	    !refobj_count(&object->obj))
		torture_wrong("an object of kind %u is not the one that was held",
			      object->kind);
	return &object->obj;
}

void object_put(struct torture_object *object)
{
	refobj_put(object_unhold(object));
}
