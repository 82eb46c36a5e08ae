/* SPDX-License-Identifier: GPL-2.0 */
/* Weak maps and their entries: weakmap.c and cursor.c. */
#ifndef _REFHEAP_WEAKMAP_H
#define _REFHEAP_WEAKMAP_H

#include <linux/klist.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>

#include "internal.h"

/**
 * struct refmap - a weak map
 * @heap: (I) of all its objects
 * @kind: (I) one of REFMAP_*
 * @lock: (mutex) changes; not held while client code runs; M here
 * @table: (M) entries by key; read under RCU
 * @order: (M) entries in order of their keys' coming; walked under its own
 *	   lock
 * @count: (M) entries linked
 * @unfreed: (A) entries whose end has not come
 */
struct refmap {
	struct refheap *heap;
	unsigned int kind;
	struct mutex lock;		/* changes */
	struct rhashtable table;
	struct klist order;
	unsigned int count;
	atomic_t unfreed;
};

/**
 * struct refmap_entry - of a weak map
 * @node: (M) in map->table, read under RCU
 * @order: (M) in map->order; counts the walks that stand here
 * @map: (I) its map
 * @key: (I) the number, or the address of the object, that is the key
 * @weak: (W) to the value, or to the object that is the key
 * @value: (A) with weak keys: the value, counted, until the entry's end
 * @linked: (M) see weakmap.c; read under RCU
 * @rcu: (A) for its end
 */
struct refmap_entry {
	struct rhash_head node;
	struct klist_node order;
	struct refmap *map;
	u64 key;
	struct refweak weak;
	struct refobj *value;
	bool linked;
	struct rcu_head rcu;
};

static inline struct refmap_entry *refmap_entry_of(struct klist_node *node)
{
	return container_of(node, struct refmap_entry, order);
}

#endif /* _REFHEAP_WEAKMAP_H */
