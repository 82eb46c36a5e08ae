// SPDX-License-Identifier: GPL-2.0
/*
 * list: a slot that refers to a table, and how much of it is used.
 */
#include "pydict.h"

#define LIST_LENGTH	4	/* of the first table */

struct reftype *py_list_type;

/* Where the slots are.  Nobody writes code to visit, clear or free them. */
static const struct reffield list_fields[] = {
	REFFIELD(struct py_list, table),
};

const struct reftype_desc py_list_desc = {
	REFTYPE(struct py_list, obj),
	REFTYPE_FIELDS(list_fields),
	.name = "list",
};

static struct py_list *to_list(const struct refobj *obj)
{
	return container_of(obj, struct py_list, obj);
}

struct refobj *py_list_new(void)
{
	return refobj_alloc(py_list_type, GFP_KERNEL);
}

size_t py_list_length(const struct refobj *obj)
{
	return to_list(obj)->length;
}

/*
 * Move all entries to a table twice as large.  A move changes no count.  The
 * old table's last reference is the slot that is set anew, so it is freed
 * there.
 */
static int list_grow(struct refobj *obj, struct refobj *from)
{
	size_t i, length = py_table_length(from);
	struct refobj *to __free(refobj) =
		py_table_new(length ? 2 * length : LIST_LENGTH);
	int err = 0;

	if (!to)
		return -ENOMEM;
	for (i = 0; i < length && !err; i++)
		err = refslot_move(to, py_table_slot(to, i),
				   from, py_table_slot(from, i));
	return err ?: refslot_set(obj, &to_list(obj)->table, to);
}

/* Room for one more entry. */
static int list_reserve(struct refobj *obj)
{
	struct py_list *list = to_list(obj);
	struct refobj *table __free(refobj) = refslot_load(&list->table);

	if (list->length < py_table_length(table))
		return 0;
	return list_grow(obj, table);
}

int py_list_append(struct refobj *obj, struct refobj *value)
{
	struct py_list *list = to_list(obj);
	int err = list_reserve(obj);
	struct refobj *table __free(refobj) = refslot_load(&list->table);

	if (err)
		return err;
	err = refslot_set(table, py_table_slot(table, list->length), value);
	if (!err)
		list->length++;
	return err;
}

/* Out of range: NULL. */
struct refobj *py_list_get(const struct refobj *obj, size_t i)
{
	struct py_list *list = to_list(obj);
	struct refobj *table __free(refobj) = refslot_load(&list->table);

	return i < list->length ? refslot_load(py_table_slot(table, i)) : NULL;
}
