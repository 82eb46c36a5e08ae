// SPDX-License-Identifier: GPL-2.0
/*
 * table: an array of slots, the inside of list and dict.
 *
 * The collector reads an array while its owner is in use, so its length is
 * fixed when the object is allocated.  A container that grows therefore has
 * one slot that refers to a table, and when the table is full, to a larger
 * one.
 */
#include "pydict.h"

struct reftype *py_table_type;

/* That is all: the heap allocates, visits, empties and frees the array. */
const struct reftype_desc py_table_desc = {
	REFTYPE(struct py_table, obj),
	REFTYPE_ARRAY(struct py_table, slots),
	.name = "table",
};

struct refobj *py_table_new(size_t length)
{
	return refobj_alloc_array(py_table_type, length, GFP_KERNEL);
}

static struct refarray *table_slots(const struct refobj *table)
{
	return container_of(table, struct py_table, obj)->slots;
}

/* A container that was never filled has no table. */
size_t py_table_length(const struct refobj *table)
{
	return table ? table_slots(table)->length : 0;
}

struct refslot *py_table_slot(const struct refobj *table, size_t i)
{
	return &table_slots(table)->slot[i];
}
