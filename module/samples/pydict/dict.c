// SPDX-License-Identifier: GPL-2.0
/*
 * dict: a hash table with str keys, by linear probing.
 *
 * Entries move about in it, when it grows and when one is deleted.  They do so
 * by refslot_move(): a reference copied by hand would be invisible to the
 * collector at the wrong moment.
 */
#include <linux/string.h>

#include "pydict.h"

#define DICT_ENTRIES	4	/* of the first table, a power of two */

struct reftype *py_dict_type;

static const struct reffield dict_fields[] = {
	REFFIELD(struct py_dict, table),
};

const struct reftype_desc py_dict_desc = {
	REFTYPE(struct py_dict, obj),
	REFTYPE_FIELDS(dict_fields),
	.name = "dict",
};

static struct py_dict *to_dict(const struct refobj *obj)
{
	return container_of(obj, struct py_dict, obj);
}

struct refobj *py_dict_new(void)
{
	return refobj_alloc(py_dict_type, GFP_KERNEL);
}

static size_t entries(const struct refobj *table)
{
	return py_table_length(table) / 2;
}

static struct refslot *key_slot(const struct refobj *table, size_t i)
{
	return py_table_slot(table, 2 * i);
}

static struct refslot *value_slot(const struct refobj *table, size_t i)
{
	return py_table_slot(table, 2 * i + 1);
}

/* The entry of a key, or the free entry where it belongs. */
static size_t dict_find(const struct refobj *table, const char *text, u32 hash,
			bool *found)
{
	size_t i, mask = entries(table) - 1;

	for (i = hash & mask;; i = (i + 1) & mask) {
		struct refobj *key __free(refobj) =
			refslot_load(key_slot(table, i));

		*found = key && py_str_hash(key) == hash &&
			 !strcmp(py_str_text(key), text);
		if (*found || !key)
			return i;
	}
}

static int move_entry(struct refobj *to, size_t i, struct refobj *from,
		      size_t j)
{
	return refslot_move(to, key_slot(to, i), from, key_slot(from, j)) ?:
	       refslot_move(to, value_slot(to, i), from, value_slot(from, j));
}

/* Put entry @j of a table where it belongs in a larger one. */
static int rehash_entry(struct refobj *to, struct refobj *from, size_t j)
{
	struct refobj *key __free(refobj) = refslot_load(key_slot(from, j));
	bool found;
	size_t i;

	if (!key)
		return 0;
	i = dict_find(to, py_str_text(key), py_str_hash(key), &found);
	return move_entry(to, i, from, j);
}

static int dict_grow(struct refobj *obj, struct refobj *from)
{
	size_t j, length = entries(from);
	struct refobj *to __free(refobj) =
		py_table_new(2 * (length ? 2 * length : DICT_ENTRIES));
	int err = 0;

	if (!to)
		return -ENOMEM;
	for (j = 0; j < length && !err; j++)
		err = rehash_entry(to, from, j);
	return err ?: refslot_set(obj, &to_dict(obj)->table, to);
}

/* Always one entry more than needed stays free: it ends every search. */
static int dict_reserve(struct refobj *obj)
{
	struct py_dict *dict = to_dict(obj);
	struct refobj *table __free(refobj) = refslot_load(&dict->table);

	if ((dict->used + 1) * 4 <= entries(table) * 3)
		return 0;
	return dict_grow(obj, table);
}

static int dict_insert(struct refobj *obj, struct refobj *table, size_t i,
		       const char *text, struct refobj *value)
{
	struct refobj *key __free(refobj) = py_str_new(text);
	int err;

	if (!key)
		return -ENOMEM;
	err = refslot_set(table, value_slot(table, i), value) ?:
	      refslot_set(table, key_slot(table, i), key);
	if (!err)
		to_dict(obj)->used++;
	return err;
}

/* obj[key] = value */
int py_dict_set(struct refobj *obj, const char *key, struct refobj *value)
{
	int err = dict_reserve(obj);
	struct refobj *table __free(refobj) =
		refslot_load(&to_dict(obj)->table);
	bool found;
	size_t i;

	if (err)
		return err;
	i = dict_find(table, key, py_hash(key), &found);
	if (!found)
		return dict_insert(obj, table, i, key, value);
	/* Counts the new value, then puts the old one: maybe its last. */
	return refslot_set(table, value_slot(table, i), value);
}

/* obj[key]; NULL is Python's KeyError */
struct refobj *py_dict_get(const struct refobj *obj, const char *key)
{
	struct refobj *table __free(refobj) =
		refslot_load(&to_dict(obj)->table);
	bool found;
	size_t i;

	if (!table)
		return NULL;
	i = dict_find(table, key, py_hash(key), &found);
	return found ? refslot_load(value_slot(table, i)) : NULL;
}

/*
 * Entry @hole was emptied.  Move back what follows it, as long as a search
 * for it would begin at the hole or before and so end there.
 */
static int dict_close_gap(struct refobj *table, size_t hole)
{
	size_t mask = entries(table) - 1;
	size_t i = (hole + 1) & mask;
	int err = 0;

	for (; !err; i = (i + 1) & mask) {
		struct refobj *key __free(refobj) =
			refslot_load(key_slot(table, i));

		if (!key)
			break;
		if (((i - py_str_hash(key)) & mask) >= ((i - hole) & mask)) {
			err = move_entry(table, hole, table, i);
			hole = i;
		}
	}
	return err;
}

/* del obj[key]; -ENOENT is Python's KeyError */
int py_dict_del(struct refobj *obj, const char *key)
{
	struct refobj *table __free(refobj) =
		refslot_load(&to_dict(obj)->table);
	bool found;
	size_t i;

	if (!table)
		return -ENOENT;
	i = dict_find(table, key, py_hash(key), &found);
	if (!found)
		return -ENOENT;
	refslot_clear(table, key_slot(table, i));
	refslot_clear(table, value_slot(table, i));
	to_dict(obj)->used--;
	return dict_close_gap(table, i);
}

/*
 * Iterate: *pos is 0 at first.  On true the caller owns both references.
 * The dict must not be changed meanwhile.
 */
bool py_dict_next(const struct refobj *obj, size_t *pos, struct refobj **key,
		  struct refobj **value)
{
	struct refobj *table __free(refobj) =
		refslot_load(&to_dict(obj)->table);

	for (; *pos < entries(table); ++*pos) {
		*key = refslot_load(key_slot(table, *pos));
		if (!*key)
			continue;
		*value = refslot_load(value_slot(table, *pos));
		++*pos;
		return true;
	}
	return false;
}
