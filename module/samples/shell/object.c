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

/*
 * The living, by serial number.  Not counted: an object takes itself out in
 * its release, so that its memory is still its own while it is listed.
 */
static DEFINE_XARRAY(living);	/* X */
static u32 nr_serials;		/* M */
static u16 epoch;		/* M: number of resets */

#define SERIAL_MAX	(1U << 28)

/* What a release and all before it can put into the log. */
#define EVENTS_OF_ONE	1

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

	if (!is_known(object))
		return;
	shell_event(SHELL_RELEASED, object->serial, 0);
	shell_event_unreserve(EVENTS_OF_ONE);
	xa_erase(&living, object->serial);
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
};

static struct reftype *types[SHELL_KINDS];

int shell_register_types(void)
{
	unsigned int i;

	for (i = 0; i < SHELL_KINDS; i++) {
		types[i] = refheap_register_type(shell_heap, &descs[i]);
		if (IS_ERR(types[i]))
			return PTR_ERR(types[i]);
	}
	return 0;
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

	for (kind = 0; kind < SHELL_KINDS; kind++)
		if (strlen(descs[kind].name) == length &&
		    !memcmp(descs[kind].name, word, length))
			break;
	if (kind == SHELL_KINDS)
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

static struct refobj *alloc_object(const struct shell_type *type)
{
	struct reftype *reftype = types[type->kind];

	return type->kind == SHELL_ARRAY ?
	       refobj_alloc_array(reftype, type->slots, GFP_KERNEL) :
	       refobj_alloc(reftype, GFP_KERNEL);
}

/* From here on the object is known, and its release will say so. */
static int make_known(struct refobj *obj, enum shell_kind kind)
{
	struct shell_object *object = to_shell(obj);
	int err = nr_serials < SERIAL_MAX ? 0 : -ENOSPC;

	err = err ?: xa_reserve(&living, nr_serials, GFP_KERNEL);
	err = err ?: shell_event_reserve(EVENTS_OF_ONE);
	if (err)
		return err;
	object->kind = kind;
	object->serial = nr_serials++;
	object->epoch = epoch;
	xa_store(&living, object->serial, obj, GFP_KERNEL);
	return 0;
}

/* Return: a new object with empty slots, or an error pointer. */
struct refobj *shell_new(const struct shell_type *type)
{
	struct refobj *obj __free(refobj) = alloc_object(type);
	int err = obj ? 0 : -ENOMEM;

	if (!err && type->kind == SHELL_VISIT)
		err = make_table(obj, type->slots);
	err = err ?: make_known(obj, type->kind);
	if (err)
		return ERR_PTR(err);
	return_ptr(obj);
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
	default:
		return &container_of(to_shell(obj), struct shell_node,
				     base)->slot[i];
	}
}

/* --- the living ---------------------------------------------------------- */

/*
 * A listed object may be about to die, and its memory then becomes another's;
 * only its header may be read until a reference is held.
 */
struct refobj *shell_living(u32 serial)
{
	struct refobj *obj __free(refobj) = NULL;

	rcu_read_lock();
	obj = xa_load(&living, serial);
	if (obj && !refobj_get_unless_zero(obj))
		obj = NULL;
	rcu_read_unlock();
	if (!obj || to_shell(obj)->serial != serial)
		return NULL;
	return_ptr(obj);
}

bool shell_is_living(u32 serial)
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
