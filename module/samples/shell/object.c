// SPDX-License-Identifier: GPL-2.0
/*
 * The types, how objects are made, and who is alive.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "shell.h"

struct shell_node {
	struct shell_object base;
	struct refslot slot[SHELL_NODE_SLOTS];
};

struct shell_array {
	struct shell_object base;
	struct refarray *slots;
};

/* Behind a pointer, so that its memory outlives the callback that follows it. */
struct shell_table {
	struct rcu_head rcu;
	u32 nr;
	struct refslot slot[];
};

struct shell_visit {
	struct shell_object base;
	struct shell_table __rcu *table;
};

struct shell_weakref {
	struct shell_object base;
	struct refslot slot;
	struct refweak weak;
};

/*
 * The living, by serial number.  Not counted: an object takes itself out in
 * its release, so that its memory is still its own while it is listed.  A
 * number that was given to something else has a value.
 */
static DEFINE_XARRAY(living);	/* X */
static u32 nr_serials;		/* M */
static u16 epoch;		/* M: number of resets */

#define SERIAL_MAX	((u32)BIT(28))

#define PROMISED	xa_mk_value(0)

static struct shell_visit *to_visit(const struct refobj *obj)
{
	return container_of(to_shell(obj), struct shell_visit, base);
}

/* Of those that survived a reset nothing is known any more. */
static bool is_known(const struct shell_object *object)
{
	return object->epoch == READ_ONCE(epoch);
}

static void shell_release(struct refobj *obj)
{
	struct shell_object *object = to_shell(obj);

	shell_free_action(object->action);
	/* One that was never finished has no room in the log. */
	if (!object->events || !is_known(object))
		return;
	shell_event(SHELL_RELEASED, object->serial, 0);
	shell_event_unreserve(object->events);
	xa_erase(&living, object->serial);
}

static void shell_finalize(struct refobj *obj)
{
	struct shell_object *object = to_shell(obj);

	if (!object->events || !is_known(object))
		return;
	shell_event(SHELL_FINALIZED, object->serial, 0);
	shell_act(object->action, obj);
}

static void shell_called(struct refweak *weak)
{
	struct shell_weakref *ref = container_of(weak, struct shell_weakref,
						 weak);

	if (!is_known(&ref->base))
		return;
	shell_event(SHELL_CALLED, ref->base.serial, 0);
	shell_act(ref->base.action, &ref->base.obj);
}

static int visit_slots(struct refobj *obj, struct refvisitor *visitor)
{
	struct shell_table *table = rcu_dereference(to_visit(obj)->table);
	u32 i;

	for (i = 0; table && i < table->nr; i++)
		refvisit(visitor, &table->slot[i]);
	return 0;
}

static void release_visited(struct refobj *obj)
{
	struct shell_visit *visit = to_visit(obj);
	struct shell_table *table = rcu_dereference_protected(visit->table, 1);

	shell_release(obj);
	RCU_INIT_POINTER(visit->table, NULL);
	if (table)
		kvfree_rcu(table, rcu);
}

static const struct reffield node_fields[] = {
	REFFIELD(struct shell_node, slot),
};

static const struct reffield weakref_fields[] = {
	REFFIELD(struct shell_weakref, slot),
};

static const struct reffield weakref_weaks[] = {
	REFWEAK(struct shell_weakref, weak),
};

static const struct reftype_desc descs[] = {
	[SHELL_LEAF] = {
		REFTYPE(struct shell_object, obj),
		.name = "leaf",
		.release = shell_release,
	},
	[SHELL_NODE] = {
		REFTYPE(struct shell_node, base.obj),
		REFTYPE_FIELDS(node_fields),
		.name = "node",
		.release = shell_release,
	},
	[SHELL_ARRAY] = {
		REFTYPE(struct shell_array, base.obj),
		REFTYPE_ARRAY(struct shell_array, slots),
		.name = "array",
		.release = shell_release,
	},
	[SHELL_VISIT] = {
		REFTYPE(struct shell_visit, base.obj),
		.name = "visit",
		.visit = visit_slots,
		.release = release_visited,
	},
	[SHELL_WEAKREF] = {
		REFTYPE(struct shell_weakref, base.obj),
		REFTYPE_FIELDS(weakref_fields),
		REFTYPE_WEAKS(weakref_weaks),
		.name = "weakref",
		.release = shell_release,
	},
};

/* Each comes twice: without a finalizer and with one. */
static struct reftype *types[SHELL_KINDS][2];

static int register_type(enum shell_kind kind, bool finalizer)
{
	struct reftype_desc desc = descs[kind];
	char name[16];

	if (finalizer) {
		snprintf(name, sizeof(name), "%s-final", desc.name);
		desc.name = name;
		desc.finalize = shell_finalize;
	}
	types[kind][finalizer] = refheap_register_type(shell_heap, &desc);
	return PTR_ERR_OR_ZERO(types[kind][finalizer]);
}

int shell_register_types(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2 * SHELL_KINDS && !err; i++)
		err = register_type(i / 2, i % 2);
	return err;
}

const char *shell_kind_name(enum shell_kind kind)
{
	return descs[kind].name;
}

/* --- what a type word says ---------------------------------------------- */

static bool has_length(enum shell_kind kind)
{
	return kind == SHELL_ARRAY || kind == SHELL_VISIT;
}

/* "leaf", "node", "array:N", "visit:N" */
int shell_parse_type(const char *word, struct shell_type *type)
{
	size_t length = strcspn(word, ":");
	unsigned int kind;

	/* A weak reference is made in another way. */
	for (kind = 0; kind < SHELL_WEAKREF; kind++)
		if (strlen(descs[kind].name) == length &&
		    !memcmp(descs[kind].name, word, length))
			break;
	if (kind == SHELL_WEAKREF)
		return shell_refuse("no type '%s'", word);
	type->kind = kind;
	type->slots = kind == SHELL_NODE ? SHELL_NODE_SLOTS : 0;
	if (has_length(kind) != !!word[length])
		return shell_refuse(has_length(kind) ?
				    "'%s' does not say how many slots" :
				    "'%s': that type takes no number", word);
	return word[length] ? shell_number(word + length + 1, SHELL_SLOTS_MAX,
					   &type->slots) : 0;
}

/* --- making ------------------------------------------------------------- */

static int make_table(struct refobj *obj, u32 slots)
{
	struct shell_table *table;

	table = kvzalloc(struct_size(table, slot, slots), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table->nr = slots;
	rcu_assign_pointer(to_visit(obj)->table, table);
	return 0;
}

static struct refobj *alloc_object(const struct shell_type *type,
				   bool finalizer)
{
	struct reftype *reftype = types[type->kind][finalizer];

	return type->kind == SHELL_ARRAY ?
	       refobj_alloc_array(reftype, type->slots, GFP_KERNEL) :
	       refobj_alloc(reftype, GFP_KERNEL);
}

/* Give the next number to something that is not, or not yet, an object. */
int shell_promise_serial(u32 *serial)
{
	int err = nr_serials < SERIAL_MAX ? 0 : -ENOSPC;

	err = err ?: xa_err(xa_store(&living, nr_serials, PROMISED,
				     GFP_KERNEL));
	if (!err)
		*serial = nr_serials++;
	return err;
}

void shell_break_promise(u32 serial)
{
	xa_erase(&living, serial);
}

/* From here on the object is known, and its release will say so. */
static void make_known(struct refobj *obj, enum shell_kind kind, u32 serial,
		       unsigned int nr_events)
{
	struct shell_object *object = to_shell(obj);

	object->kind = kind;
	object->serial = serial;
	object->epoch = epoch;
	object->events = nr_events;
	/* There is an entry, so that no memory is needed. */
	xa_store(&living, serial, obj, GFP_ATOMIC);
}

static int introduce(struct refobj *obj, enum shell_kind kind,
		     unsigned int nr_events)
{
	u32 serial;
	int err = shell_event_reserve(nr_events);

	if (err)
		return err;
	err = shell_promise_serial(&serial);
	if (err)
		shell_event_unreserve(nr_events);
	else
		make_known(obj, kind, serial, nr_events);
	return err;
}

/* A finalizer that makes an object: a number, and room in the log for that. */
static int promise_object(struct shell_action *action)
{
	u32 serial;
	int err = shell_event_reserve(1);

	if (err)
		return err;
	err = shell_promise_serial(&serial);
	if (err)
		shell_event_unreserve(1);
	else
		shell_action_promise(action, serial);
	return err;
}

/*
 * Takes @finalizer over if it succeeds.
 * Return: a new object with empty slots, or an error pointer.
 */
struct refobj *shell_new(const struct shell_type *type,
			 struct shell_action *finalizer)
{
	struct refobj *obj __free(refobj) = alloc_object(type, finalizer);
	int err = obj ? 0 : -ENOMEM;

	if (!err && type->kind == SHELL_VISIT)
		err = make_table(obj, type->slots);
	err = err ?: introduce(obj, type->kind,
			       1 + shell_action_events(finalizer));
	if (!err && shell_action_makes(finalizer))
		err = promise_object(finalizer);
	if (err)
		return ERR_PTR(err);
	to_shell(obj)->action = finalizer;
	return_ptr(obj);
}

/* Takes @callback over if it succeeds. Return: as shell_new(). */
struct refobj *shell_new_weakref(struct refobj *target,
				 struct shell_action *callback)
{
	static const struct shell_type type = { .kind = SHELL_WEAKREF };
	struct refobj *obj __free(refobj) = alloc_object(&type, false);
	int err = obj ? refweak_set(obj, shell_weak_of(obj), target,
				    callback ? shell_called : NULL,
				    GFP_KERNEL) : -ENOMEM;

	err = err ?: introduce(obj, type.kind,
			       1 + shell_action_events(callback));
	if (err)
		return ERR_PTR(err);
	to_shell(obj)->action = callback;
	return_ptr(obj);
}

/* The leaf that a finalizer makes: there is a number and room in the log. */
struct refobj *shell_new_promised(u32 serial)
{
	struct refobj *obj = refobj_alloc(types[SHELL_LEAF][false],
					  GFP_ATOMIC | __GFP_NOWARN);

	if (obj)
		make_known(obj, SHELL_LEAF, serial, 1);
	return obj;
}

struct refweak *shell_weak_of(const struct refobj *obj)
{
	return &container_of(to_shell(obj), struct shell_weakref, base)->weak;
}

/* --- slots -------------------------------------------------------------- */

/* While an object is held nobody takes its table away. */
static struct shell_table *held_table(const struct refobj *obj)
{
	return rcu_dereference_protected(to_visit(obj)->table, 1);
}

static struct refarray *array_slots(const struct refobj *obj)
{
	return container_of(to_shell(obj), struct shell_array, base)->slots;
}

u32 shell_nr_slots(const struct refobj *obj)
{
	switch (to_shell(obj)->kind) {
	case SHELL_NODE:
		return SHELL_NODE_SLOTS;
	case SHELL_ARRAY:
		return array_slots(obj)->length;
	case SHELL_VISIT:
		return held_table(obj)->nr;
	case SHELL_WEAKREF:
		return 1;
	default:
		return 0;
	}
}

/* Of a held object; @i is one of its slots. */
struct refslot *shell_slot(const struct refobj *obj, u32 i)
{
	switch (to_shell(obj)->kind) {
	case SHELL_ARRAY:
		return &array_slots(obj)->slot[i];
	case SHELL_VISIT:
		return &held_table(obj)->slot[i];
	case SHELL_WEAKREF:
		return &container_of(to_shell(obj), struct shell_weakref,
				     base)->slot;
	default:
		return &container_of(to_shell(obj), struct shell_node,
				     base)->slot[i];
	}
}

/* --- the living ---------------------------------------------------------- */

static bool is_object(const void *entry)
{
	return entry && !xa_is_value(entry);
}

/*
 * A listed object may be about to die, and its memory then becomes another's;
 * only its header may be read until a reference is held.
 */
static struct refobj *get_living(u32 serial)
{
	struct refobj *obj;

	rcu_read_lock();
	obj = xa_load(&living, serial);
	if (!is_object(obj) || !refobj_get_unless_zero(obj))
		obj = NULL;
	rcu_read_unlock();
	return obj;
}

struct refobj *shell_living(u32 serial)
{
	struct refobj *obj __free(refobj) = get_living(serial);

	if (!obj || to_shell(obj)->serial != serial)
		return NULL;
	return_ptr(obj);
}

bool shell_is_living(u32 serial)
{
	return is_object(xa_load(&living, serial));
}

/* Is the number that of a living object, or of something else? */
bool shell_is_known(u32 serial)
{
	return xa_load(&living, serial);
}

/* The first whose serial number is not less than @serial, or NULL. */
struct refobj *shell_next_living(u32 *serial)
{
	unsigned long i = *serial;

	while (xa_find(&living, &i, ULONG_MAX, XA_PRESENT)) {
		struct refobj *obj = shell_living(i);

		if (obj) {
			*serial = i;
			return obj;
		}
		i++;
	}
	return NULL;
}

u32 shell_nr_serials(void)
{
	return nr_serials;
}

/* Those that do not want to die are none of the next ones. */
void shell_forget_living(void)
{
	WRITE_ONCE(epoch, epoch + 1);
	xa_destroy(&living);
	nr_serials = 0;
}
