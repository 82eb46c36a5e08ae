// SPDX-License-Identifier: GPL-2.0
/*
 * Cursors: walks over weak maps, beside whoever changes them.  A cursor stands
 * on an entry in the map's list, which keeps it there, and holds what the entry
 * leads to.
 */
#include "internal.h"
#include "weakmap.h"

/**
 * refmap_begin - begin a walk over a weak map
 * @map: a map
 *
 * See refmap_for_each().
 *
 * Context: process.
 * Return: a cursor before the first entry; to be ended by refmap_end().
 */
struct refmap_cursor refmap_begin(struct refmap *map)
{
	struct refmap_cursor cursor = {};

	if (refpointer_bad(map))
		return cursor;
	klist_iter_init(&map->order, &cursor.walk);
	return cursor;
}
EXPORT_SYMBOL_REFHEAP(refmap_begin);

static void refcursor_drop(struct refmap_cursor *cursor)
{
	refobj_assign(cursor->key_obj, NULL);
	refobj_assign(cursor->value, NULL);
}

/* Hold what the entry has; false if it is dead or removed. */
static bool refcursor_hold(struct refmap_cursor *cursor,
			   const struct refmap_entry *entry)
{
	cursor->key = entry->key;
	if (entry->map->kind == REFMAP_WEAK_VALUES) {
		cursor->value = refweak_load(&entry->weak);
		return cursor->value;
	}
	cursor->key_obj = refweak_load(&entry->weak);
	if (!cursor->key_obj)
		return false;
	cursor->value = refobj_load(&entry->value);
	if (!cursor->value)
		refcursor_drop(cursor);
	return cursor->value;
}

/**
 * refmap_next - go on to the next entry
 * @cursor: a cursor that has not come to the end yet
 *
 * Puts what the cursor held, and then holds the objects of the next entry.
 *
 * Context: process.
 * Return: false at the end.
 */
bool refmap_next(struct refmap_cursor *cursor)
{
	struct refmap_entry *entry;
	struct klist_node *node;

	if (refpointer_bad(cursor) || !cursor->walk.i_klist)
		return false;
	refcursor_drop(cursor);
	while ((node = klist_next(&cursor->walk))) {
		entry = refmap_entry_of(node);
		/* It has replaced the one that was met before. */
		if (cursor->begun && entry->key == cursor->key)
			continue;
		cursor->begun = refcursor_hold(cursor, entry);
		if (cursor->begun)
			return true;
	}
	return false;
}
EXPORT_SYMBOL_REFHEAP(refmap_next);

/**
 * refmap_end - end a walk over a weak map
 * @cursor: a cursor
 *
 * Context: process.
 */
void refmap_end(struct refmap_cursor *cursor)
{
	if (refpointer_bad(cursor))
		return;
	refcursor_drop(cursor);
	klist_iter_exit(&cursor->walk);
}
EXPORT_SYMBOL_REFHEAP(refmap_end);
