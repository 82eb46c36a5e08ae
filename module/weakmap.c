// SPDX-License-Identifier: GPL-2.0
/*
 * Weak maps: what they find is alive, and what dies leaves them.
 *
 *  weak values	a number leads to an object that is not counted
 *  weak keys	an object that is not counted leads to one that is
 *
 * A map is a hash table of entries, each with a weak reference, and lies
 * outside of the heap.  So an object that is the value for a weak key is held
 * from outside: if it leads back to its key neither ever dies (as in Python's
 * WeakKeyDictionary) until the entry is removed.
 *
 * Life of an entry
 * ================
 *
 * Readers find it in the table under RCU, walks (cursor.c) stand on it in the
 * list.  It is in both until somebody unlinks it under map->lock, and who does
 * that ends it:
 *
 *	the target has died		removed, replaced, map destroyed
 *	(refentry_died(), in the	(refentry_end())
 *	heap's thread)
 *	lock; linked? unlink; unlock	lock; linked? unlink; unlock
 *	free if unlinked here		clear the weak reference; wait for the
 *					callback if it runs: it only finds
 *					that it is too late
 *					free
 *
 * A number may be set anew while it is looked up: the reader that finds an
 * entry's target gone looks whether the entry has been unlinked, and if so
 * looks the number up again (refentry_is_linked()).
 *
 * An object's address is the key where keys are weak.  An entry that is dead
 * may have the address of a living object: it is told by its weak reference.
 *
 * References are put when map->lock is free again: that may call the client.
 */
#include <linux/err.h>
#include <linux/rhashtable.h>
#include <linux/wait_bit.h>

#include "internal.h"
#include "weakmap.h"

static const struct rhashtable_params refmap_params = {
	.head_offset = offsetof(struct refmap_entry, node),
	.key_offset = offsetof(struct refmap_entry, key),
	.key_len = sizeof_field(struct refmap_entry, key),
	.automatic_shrinking = true,
};

static u64 key_of(const struct refobj *key)
{
	return (unsigned long)key;
}

/* --- the end of an entry ------------------------------------------------- */

/* Off the list, and no walk stands on it. */
static void refentry_put_order(struct klist_node *node)
{
	/* Look-ups may stand on it. */
	kfree_rcu(refmap_entry_of(node), rcu);
}

static void refmap_entry_gone(struct refmap *map)
{
	/* Pairs with refmap_destroy(), which frees the map. */
	if (atomic_dec_and_test(&map->unfreed))
		wake_up_var(&map->unfreed);
}

/*
 * By who has unlinked it, and when its callback neither runs elsewhere nor
 * will.  The value is put last: its release may destroy the map.
 */
static void refentry_free(struct refmap_entry *entry)
{
	struct refobj *value __free(refobj) = xchg(&entry->value, NULL);
	struct refmap *map = entry->map;

	klist_del(&entry->order);
	refmap_entry_gone(map);
}

/* It is in the table no more, or another one in its place. */
static void refentry_unlinked(struct refmap_entry *entry)
{
	lockdep_assert_held(&entry->map->lock);
	/* The table changed before. Pairs with refentry_is_linked(). */
	smp_store_release(&entry->linked, false);
	/* The target goes after. Pairs with refentry_is_linked(). */
	smp_wmb();
}

static void refentry_unlink(struct refmap_entry *entry)
{
	struct refmap *map = entry->map;

	rhashtable_remove_fast(&map->table, &entry->node, refmap_params);
	WRITE_ONCE(map->count, map->count - 1);
	refentry_unlinked(entry);
}

/* The target has died: called in the heap's thread, outside of any lock. */
static void refentry_died(struct refweak *weak)
{
	struct refmap_entry *entry = container_of(weak, struct refmap_entry,
						  weak);
	struct refmap *map = entry->map;
	bool linked;

	mutex_lock(&map->lock);
	linked = entry->linked;
	if (linked)
		refentry_unlink(entry);
	mutex_unlock(&map->lock);
	if (linked)
		refentry_free(entry);
}

/* The end of an entry that the caller has unlinked. */
static void refentry_end(struct refmap_entry *entry)
{
	if (!refweak_clear(&entry->weak))
		refweak_clear_sync(&entry->weak);
	refentry_free(entry);
}

/* --- making and finding -------------------------------------------------- */

/**
 * refmap_create - make a weak map
 * @heap: whose objects are to be in it
 * @kind: %REFMAP_WEAK_VALUES or %REFMAP_WEAK_KEYS
 *
 * An entry takes memory of the kernel's, not of the heap's.
 *
 * Context: process, may sleep.
 * Return: an empty map, to be destroyed before @heap is; ERR_PTR(-EINVAL) for
 * another @kind, -ENOMEM.
 */
struct refmap *refmap_create(struct refheap *heap, unsigned int kind)
{
	struct refmap *map;

	if (refpointer_bad(heap))
		return ERR_PTR(-EINVAL);
	if (kind != REFMAP_WEAK_VALUES && kind != REFMAP_WEAK_KEYS)
		return ERR_PTR(-EINVAL);
	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return ERR_PTR(-ENOMEM);
	if (rhashtable_init(&map->table, &refmap_params)) {
		kfree(map);
		return ERR_PTR(-ENOMEM);
	}
	map->heap = heap;
	map->kind = kind;
	mutex_init(&map->lock);
	klist_init(&map->order, NULL, refentry_put_order);
	return map;
}
EXPORT_SYMBOL_REFHEAP(refmap_create);

/* Unlink the oldest entry. */
static struct refmap_entry *refmap_pop(struct refmap *map)
{
	struct refmap_entry *entry = NULL;
	struct klist_node *node;
	struct klist_iter walk;

	klist_iter_init(&map->order, &walk);
	mutex_lock(&map->lock);
	while (!entry && (node = klist_next(&walk)))
		if (refmap_entry_of(node)->linked)
			entry = refmap_entry_of(node);
	if (entry)
		refentry_unlink(entry);
	mutex_unlock(&map->lock);
	klist_iter_exit(&walk);
	return entry;
}

/**
 * refmap_destroy - end a weak map
 * @map: a map that nobody uses any more, or ERR_PTR() or NULL, which are
 *	 ignored
 *
 * Removes all entries.  One that is just leaving, because its object has
 * died, has left when this returns; only its value may still be on the way
 * to its release, as if it had been put in another thread.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.  May release objects, and so call client code.
 */
void refmap_destroy(struct refmap *map)
{
	struct refmap_entry *entry;

	might_sleep();
	if (IS_ERR_OR_NULL(map))
		return;
	while ((entry = refmap_pop(map)))
		refentry_end(entry);
	wait_var_event(&map->unfreed, !atomic_read_acquire(&map->unfreed));
	rhashtable_destroy(&map->table);
	kfree(map);
}
EXPORT_SYMBOL_REFHEAP(refmap_destroy);

/**
 * refmap_count - number of entries of a weak map
 * @map: a map
 *
 * Context: any.
 * Return: how many entries there are, with those whose objects have died and
 * that the heap's thread has not removed yet; refheap_drain() waits for it.
 */
unsigned int refmap_count(const struct refmap *map)
{
	if (refpointer_bad(map))
		return 0;
	return READ_ONCE(map->count);
}
EXPORT_SYMBOL_REFHEAP(refmap_count);

static struct refmap_entry *refmap_find(struct refmap *map, u64 key)
{
	return rhashtable_lookup(&map->table, &key, refmap_params);
}

/*
 * The entry's target has been found gone.  Is that so because it has died?
 * Or has the entry been unlinked first, and another may be in its place?
 */
static bool refentry_is_linked(const struct refmap_entry *entry)
{
	/* Pairs with refentry_unlinked(). */
	smp_rmb();
	/* The table is read again after this; pairs with the same. */
	return smp_load_acquire(&entry->linked);
}

/**
 * refmap_lookup - find the object for a number
 * @map: a map with weak values
 * @key: any number
 *
 * Acquires as refweak_load() does (G13), and never fails for a number that
 * leads to living objects all the while, be it to one after the other.
 *
 * Context: any but NMI.  Never releases an object in the caller's context.
 * Return: the object, with a counted reference that the caller owns, or NULL
 * if there is none, or none that is alive.
 */
struct refobj *refmap_lookup(struct refmap *map, u64 key)
{
	struct refobj *value = NULL;
	struct refmap_entry *entry;

	if (refpointer_bad(map) ||
	    WARN_ON_ONCE(map->kind != REFMAP_WEAK_VALUES))
		return NULL;
	rcu_read_lock();
	do {
		entry = refmap_find(map, key);
		if (entry)
			value = refweak_load(&entry->weak);
	} while (entry && !value && !refentry_is_linked(entry));
	rcu_read_unlock();
	return value;
}
EXPORT_SYMBOL_REFHEAP(refmap_lookup);

/* Is this entry for @key, which the caller holds, or for a predecessor? */
static bool refentry_is_for(const struct refmap_entry *entry,
			    const struct refobj *key)
{
	struct refobj *obj __free(refobj) = refweak_load(&entry->weak);

	return obj == key;
}

/**
 * refmap_lookup_obj - find the value for an object
 * @map: a map with weak keys
 * @key: a held object
 *
 * Context: any but NMI.  Never releases an object in the caller's context.
 * Return: the value, with a counted reference that the caller owns, or NULL
 * if there is none.
 */
struct refobj *refmap_lookup_obj(struct refmap *map, struct refobj *key)
{
	struct refobj *value = NULL;
	struct refmap_entry *entry;

	if (refpointer_bad(map) ||
	    WARN_ON_ONCE(map->kind != REFMAP_WEAK_KEYS))
		return NULL;
	rcu_read_lock();
	do {
		entry = refmap_find(map, key_of(key));
		if (entry && refentry_is_for(entry, key))
			value = refobj_load(&entry->value);
	} while (entry && !value && !refentry_is_linked(entry));
	rcu_read_unlock();
	return value;
}
EXPORT_SYMBOL_REFHEAP(refmap_lookup_obj);

/* --- changing ------------------------------------------------------------ */

static int refmap_check(const struct refmap *map, unsigned int kind,
			const struct refobj *obj)
{
	if (refpointer_bad(map) || map->kind != kind || refpointer_nowhere(obj))
		return -EINVAL;
	if (unlikely(refobj_chunk(obj)->heap != map->heap)) {
		refobj_warn(obj, "weak map of heap %s may not refer to it",
			    map->heap->name);
		return -EXDEV;
	}
	return 0;
}

/* What is to be counted; what is to be found weakly refweak_set() looks at. */
static int refmap_check_alive(const struct refobj *obj)
{
	if (refword_alive(refword_read(obj)))
		return 0;
	refobj_warn(obj, "dead object put into a weak map");
	return -EINVAL;
}

/* Not linked yet: the caller holds the target, so it does not die so long. */
static struct refmap_entry *refentry_new(struct refmap *map, u64 key,
					 struct refobj *target)
{
	struct refmap_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	int err;

	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->map = map;
	entry->key = key;
	err = refweak_set(NULL, &entry->weak, target, refentry_died,
			  GFP_KERNEL);
	if (err) {
		kfree(entry);
		return ERR_PTR(err);
	}
	return entry;
}

/* Under map->lock; @old is what is replaced, or NULL. */
static int refmap_link(struct refmap *map, struct refmap_entry *entry,
		       struct refmap_entry *old)
{
	int err;

	lockdep_assert_held(&map->lock);
	entry->linked = true;
	err = old ? rhashtable_replace_fast(&map->table, &old->node,
					    &entry->node, refmap_params) :
		    rhashtable_insert_fast(&map->table, &entry->node,
					   refmap_params);
	if (err)
		return -ENOMEM;
	atomic_inc(&map->unfreed);
	if (!old) {
		klist_add_tail(&entry->order, &map->order);
		WRITE_ONCE(map->count, map->count + 1);
		return 0;
	}
	/* A walk that stands on the old one comes to it: see refmap_next(). */
	klist_add_behind(&entry->order, &old->order);
	refentry_unlinked(old);
	return 0;
}

/* Link a new entry; a living one for the same key is replaced, or -EEXIST. */
static int refmap_store(struct refmap *map, struct refmap_entry *entry,
			bool replace)
{
	struct refobj *present __free(refobj) = NULL;
	struct refmap_entry *old;
	int err = 0;

	mutex_lock(&map->lock);
	old = rhashtable_lookup_fast(&map->table, &entry->key, refmap_params);
	if (old && !replace)
		present = refweak_load(&old->weak);
	err = present ? -EEXIST : refmap_link(map, entry, old);
	mutex_unlock(&map->lock);
	if (!err && old)
		refentry_end(old);
	return err;
}

/* Make an entry and link it; @value is counted if keys are weak. */
static int refmap_add(struct refmap *map, u64 key, struct refobj *target,
		      struct refobj *value, bool replace)
{
	struct refmap_entry *entry = refentry_new(map, key, target);
	int err;

	if (IS_ERR(entry))
		return PTR_ERR(entry);
	if (value)
		entry->value = refobj_get(value);
	err = refmap_store(map, entry, replace);
	if (err) {
		/* Nobody has seen it. */
		refweak_clear(&entry->weak);
		refobj_assign(entry->value, NULL);
		kfree(entry);
	}
	return err;
}

static int refmap_add_value(struct refmap *map, u64 key, struct refobj *value,
			    bool replace)
{
	int err = refmap_check(map, REFMAP_WEAK_VALUES, value);

	return err ?: refmap_add(map, key, value, NULL, replace);
}

static int refmap_add_obj(struct refmap *map, struct refobj *key,
			  struct refobj *value, bool replace)
{
	int err = refmap_check(map, REFMAP_WEAK_KEYS, key) ?:
		  refmap_check(map, REFMAP_WEAK_KEYS, value) ?:
		  refmap_check_alive(value);

	return err ?: refmap_add(map, key_of(key), key, value, replace);
}

/**
 * refmap_set - let a number lead to an object
 * @map: a map with weak values
 * @key: any number
 * @value: a held object of the map's heap; not counted
 *
 * What the number led to is replaced.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0; -EINVAL without an object or for a map with weak keys; -EXDEV,
 * with a warning, for an object of another heap; -ESTALE as refweak_set();
 * -ENOMEM.  Without effect if not 0.
 */
int refmap_set(struct refmap *map, u64 key, struct refobj *value)
{
	return refmap_add_value(map, key, value, true);
}
EXPORT_SYMBOL_REFHEAP(refmap_set);

/**
 * refmap_insert - let a number lead to an object if it leads to none
 * @map: a map with weak values
 * @key: any number
 * @value: a held object of the map's heap; not counted
 *
 * For who finds or makes: if this fails with -EEXIST, refmap_lookup() finds
 * what somebody else has made, or that it is dead already.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: as refmap_set(), or -EEXIST if @key leads to a living object.
 */
int refmap_insert(struct refmap *map, u64 key, struct refobj *value)
{
	return refmap_add_value(map, key, value, false);
}
EXPORT_SYMBOL_REFHEAP(refmap_insert);

/**
 * refmap_set_obj - let an object lead to another as long as it lives
 * @map: a map with weak keys
 * @key: a held object of the map's heap; not counted
 * @value: a held object of the map's heap; the map counts a reference until
 *	   @key dies, or the entry is replaced or removed.  If it leads to
 *	   @key, @key does not die
 *
 * What @key led to is replaced and put last, which may call client code.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0; -EINVAL without objects or for a map with weak values, and with
 * a warning if @value is dead; -EXDEV, with a warning, for an object of
 * another heap; -ESTALE as refweak_set(), of @key; -ENOMEM.  Without effect if
 * not 0.
 */
int refmap_set_obj(struct refmap *map, struct refobj *key,
		   struct refobj *value)
{
	return refmap_add_obj(map, key, value, true);
}
EXPORT_SYMBOL_REFHEAP(refmap_set_obj);

/**
 * refmap_insert_obj - let an object lead to another if it leads to none
 * @map: a map with weak keys
 * @key: as for refmap_set_obj()
 * @value: as for refmap_set_obj()
 *
 * Context: as refmap_set_obj().
 * Return: as refmap_set_obj(), or -EEXIST if @key leads to an object.
 */
int refmap_insert_obj(struct refmap *map, struct refobj *key,
		      struct refobj *value)
{
	return refmap_add_obj(map, key, value, false);
}
EXPORT_SYMBOL_REFHEAP(refmap_insert_obj);

/* Return: 0, or -ENOENT if there was none whose object is alive. */
static int refmap_drop(struct refmap *map, u64 key)
{
	struct refobj *present __free(refobj) = NULL;
	struct refmap_entry *entry;

	mutex_lock(&map->lock);
	entry = rhashtable_lookup_fast(&map->table, &key, refmap_params);
	if (entry) {
		present = refweak_load(&entry->weak);
		refentry_unlink(entry);
	}
	mutex_unlock(&map->lock);
	if (entry)
		refentry_end(entry);
	return present ? 0 : -ENOENT;
}

/**
 * refmap_remove - let a number lead to nothing
 * @map: a map with weak values
 * @key: any number
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0; -ENOENT if there was no entry with a living object; -EINVAL for
 * a map with weak keys.
 */
int refmap_remove(struct refmap *map, u64 key)
{
	if (refpointer_bad(map) || map->kind != REFMAP_WEAK_VALUES)
		return -EINVAL;
	return refmap_drop(map, key);
}
EXPORT_SYMBOL_REFHEAP(refmap_remove);

/**
 * refmap_remove_obj - let an object lead to nothing
 * @map: a map with weak keys
 * @key: a held object
 *
 * The value is put last, which may release it and so call client code.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0; -ENOENT if there was no entry; -EINVAL for a map with weak
 * values.
 */
int refmap_remove_obj(struct refmap *map, struct refobj *key)
{
	if (refpointer_bad(map) || map->kind != REFMAP_WEAK_KEYS)
		return -EINVAL;
	return refmap_drop(map, key_of(key));
}
EXPORT_SYMBOL_REFHEAP(refmap_remove_obj);
