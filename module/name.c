// SPDX-License-Identifier: GPL-2.0
/*
 * Names: roots of the heap, as the global names of a Python program.
 *
 * A name counts one reference to its object.  It is found through a hash
 * table by readers under RCU, and stands in a list for walks; both change
 * under heap->names_lock.  What it refers to changes by xchg(), so that a
 * name that is bound again never seems to be unbound meanwhile:
 *
 *	bind, unbind			look-up (refobj_load())
 *	count the new object		read the target
 *	xchg(target, new)		acquire the object
 *	put the old object		read the target again: the same?
 *
 * What is still the target after it was acquired is the object that was
 * bound, alive and counted (G13); an older one is put back.
 *
 * Putting may call the client, so it is done when names_lock is free again.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/jhash.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "internal.h"

/**
 * struct refname - a name and what it refers to
 * @node: (N) in heap->names, read under RCU
 * @order: (N) in heap->names_order; counts the walks that stand here
 * @target: (N) the object, counted; NULL once unbound; read under RCU
 * @rcu: (A) for its end
 * @name: (I) the name
 */
struct refname {
	struct rhash_head node;
	struct klist_node order;
	struct refobj *target;
	struct rcu_head rcu;
	char name[];
};

static u32 refname_hash_key(const void *key, u32 length, u32 seed)
{
	return jhash(key, strlen(key), seed);
}

static u32 refname_hash(const void *data, u32 length, u32 seed)
{
	const struct refname *entry = data;

	return refname_hash_key(entry->name, 0, seed);
}

static int refname_compare(struct rhashtable_compare_arg *arg,
			   const void *data)
{
	const struct refname *entry = data;

	return strcmp(entry->name, arg->key);
}

static const struct rhashtable_params refname_params = {
	.head_offset = offsetof(struct refname, node),
	.hashfn = refname_hash_key,
	.obj_hashfn = refname_hash,
	.obj_cmpfn = refname_compare,
	.automatic_shrinking = true,
};

/* One word on a line of debugfs, whatever it says. */
bool refname_valid(const char *name)
{
	const char *c;

	if (refpointer_nowhere(name) || !*name || strnlen(name, REFHEAP_NAME_MAX) ==
	    REFHEAP_NAME_MAX)
		return false;
	for (c = name; *c; c++)
		if (!isgraph(*c))
			return false;
	return true;
}

/* Off the list, and no walk stands on it. */
static void refname_put_order(struct klist_node *node)
{
	struct refname *entry = container_of(node, struct refname, order);

	/* Look-ups may stand on it. */
	kfree_rcu(entry, rcu);
}

int refname_init(struct refheap *heap)
{
	mutex_init(&heap->names_lock);
	klist_init(&heap->names_order, NULL, refname_put_order);
	return rhashtable_init(&heap->names, &refname_params);
}

/* After refname_close(), or when nothing was ever bound. */
void refname_exit(struct refheap *heap)
{
	rhashtable_destroy(&heap->names);
}

static int refname_check(const struct refheap *heap, const char *name,
			 const struct refobj *obj)
{
	if (refpointer_bad(heap) || !refname_valid(name) ||
	    refpointer_nowhere(obj))
		return -EINVAL;
	if (unlikely(!refword_alive(refword_read(obj)))) {
		refobj_warn(obj, "dead object bound to a name");
		return -EINVAL;
	}
	if (unlikely(refobj_chunk(obj)->heap != heap)) {
		refobj_warn(obj, "name of heap %s may not refer to it",
			    heap->name);
		return -EXDEV;
	}
	return 0;
}

static int refname_add(struct refheap *heap, const char *name,
		       struct refobj *ref)
{
	size_t size = strlen(name) + 1;
	struct refname *entry;

	entry = kzalloc(struct_size(entry, name, size), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->name, name, size);
	entry->target = ref;
	if (rhashtable_insert_fast(&heap->names, &entry->node,
				   refname_params)) {
		kfree(entry);
		return -ENOMEM;
	}
	klist_add_tail(&entry->order, &heap->names_order);
	return 0;
}

static int refname_assign(struct refheap *heap, const char *name,
			  struct refobj *ref, struct refobj **old)
{
	struct refname *entry;

	lockdep_assert_held(&heap->names_lock);
	if (heap->names_closed)
		return -ESHUTDOWN;
	entry = rhashtable_lookup_fast(&heap->names, name, refname_params);
	if (!entry)
		return refname_add(heap, name, ref);
	/* Fully ordered: the count is up before a look-up can see it. */
	*old = xchg(&entry->target, ref);
	return 0;
}

/**
 * refheap_bind - let a name refer to an object
 * @heap: a heap
 * @name: 1 to 63 printable characters, none of them a blank; copied
 * @obj: a held object of @heap; the name counts a reference of its own
 *
 * A name that is bound already refers to @obj from then on, and a concurrent
 * refheap_lookup() finds either object.  What it referred to is put last,
 * which may release it and so call client code.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0; -EINVAL for a bad name or no object, and with a warning for a
 * dead one; -EXDEV, with a warning, if it lives in another heap; -ENOMEM;
 * -ESHUTDOWN when the heap is being destroyed.  Without effect if not 0.
 */
int refheap_bind(struct refheap *heap, const char *name, struct refobj *obj)
{
	struct refobj *old = NULL;
	int err = refname_check(heap, name, obj);

	if (err)
		return err;
	refobj_get(obj);
	mutex_lock(&heap->names_lock);
	err = refname_assign(heap, name, obj, &old);
	mutex_unlock(&heap->names_lock);
	if (err)
		old = obj;
	if (old)
		refobj_put(old);
	return err;
}
EXPORT_SYMBOL_REFHEAP(refheap_bind);

/*
 * Return: the reference that the name counted, for the caller to put when he
 * has let go of names_lock.
 */
static struct refobj *refname_remove(struct refheap *heap,
				     struct refname *entry)
{
	struct refobj *ref;

	lockdep_assert_held(&heap->names_lock);
	rhashtable_remove_fast(&heap->names, &entry->node, refname_params);
	/* Walks and look-ups that stand on it see that it is over. */
	ref = xchg(&entry->target, NULL);
	klist_del(&entry->order);
	return ref;
}

/**
 * refheap_unbind - take a name away
 * @heap: a heap
 * @name: a name
 *
 * What it referred to is put last, which may release it and so call client
 * code.
 *
 * Context: process, may sleep; in a callback if its type says
 * %REFTYPE_RELEASE_SLEEPS.
 * Return: 0, or -ENOENT if it was not bound.
 */
int refheap_unbind(struct refheap *heap, const char *name)
{
	struct refobj *ref = NULL;
	struct refname *entry;

	if (refpointer_bad(heap) || refpointer_bad(name))
		return -EINVAL;
	mutex_lock(&heap->names_lock);
	entry = rhashtable_lookup_fast(&heap->names, name, refname_params);
	if (entry)
		ref = refname_remove(heap, entry);
	mutex_unlock(&heap->names_lock);
	if (!entry)
		return -ENOENT;
	refobj_put(ref);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_unbind);

/* The reference of the oldest name, which is gone then, or NULL. */
static struct refobj *refname_pop(struct refheap *heap)
{
	struct refobj *ref = NULL;
	struct klist_node *node;
	struct klist_iter walk;

	mutex_lock(&heap->names_lock);
	heap->names_closed = true;
	klist_iter_init(&heap->names_order, &walk);
	node = klist_next(&walk);
	if (node)
		ref = refname_remove(heap, container_of(node, struct refname,
							order));
	klist_iter_exit(&walk);
	mutex_unlock(&heap->names_lock);
	return ref;
}

/* Unbind all, for good. */
void refname_close(struct refheap *heap)
{
	struct refobj *ref;

	while ((ref = refname_pop(heap)))
		refobj_put(ref);
}

/**
 * refheap_lookup - find an object by its name
 * @heap: a heap
 * @name: a name
 *
 * Never fails for a name that stays bound, be it to one object or to one
 * after the other (G13).
 *
 * Context: any but NMI.  Never releases an object in the caller's context.
 * Return: what the name referred to at some moment during the call, with a
 * counted reference that the caller owns, or NULL if it was not bound.
 */
struct refobj *refheap_lookup(struct refheap *heap, const char *name)
{
	struct refobj *obj = NULL;
	struct refname *entry;

	if (refpointer_bad(heap) || refpointer_bad(name))
		return NULL;
	rcu_read_lock();
	entry = rhashtable_lookup(&heap->names, name, refname_params);
	if (entry)
		obj = refobj_load(&entry->target);
	rcu_read_unlock();
	return obj;
}
EXPORT_SYMBOL_REFHEAP(refheap_lookup);

/**
 * refname_begin - begin a walk over a heap's names
 * @heap: a heap
 *
 * See refheap_for_each_name().
 *
 * Context: process.
 * Return: a cursor before the first name; to be ended by refname_end().
 */
struct refname_cursor refname_begin(struct refheap *heap)
{
	struct refname_cursor cursor = {};

	if (refpointer_bad(heap))
		return cursor;
	klist_iter_init(&heap->names_order, &cursor.walk);
	return cursor;
}
EXPORT_SYMBOL_REFHEAP(refname_begin);

/**
 * refname_next - go on to the next name
 * @cursor: a cursor that has not come to the end yet
 *
 * Puts what the cursor held, and then holds the object of the next name.
 *
 * Context: process.
 * Return: false at the end.
 */
bool refname_next(struct refname_cursor *cursor)
{
	struct klist_node *node;
	struct refname *entry;

	if (refpointer_bad(cursor) || !cursor->walk.i_klist)
		return false;
	refobj_assign(cursor->obj, NULL);
	while (!cursor->obj) {
		node = klist_next(&cursor->walk);
		if (!node)
			return false;
		entry = container_of(node, struct refname, order);
		cursor->name = entry->name;
		/* NULL if it was unbound a moment ago. */
		cursor->obj = refobj_load(&entry->target);
	}
	return true;
}
EXPORT_SYMBOL_REFHEAP(refname_next);

/**
 * refname_end - end a walk over a heap's names
 * @cursor: a cursor
 *
 * Context: process.
 */
void refname_end(struct refname_cursor *cursor)
{
	if (refpointer_bad(cursor))
		return;
	refobj_assign(cursor->obj, NULL);
	klist_iter_exit(&cursor->walk);
}
EXPORT_SYMBOL_REFHEAP(refname_end);

/* --- debugfs ------------------------------------------------------------- */

/* As objects.c: without holding the object, or it would become a candidate. */
static void refname_show(struct seq_file *seq, struct refname *entry)
{
	struct refobj *obj;
	struct refchunk *chunk;
	unsigned long place;
	u64 word;

	rcu_read_lock();
	obj = READ_ONCE(entry->target);
	if (obj) {
		/* Bound a moment ago: its header may be read. */
		place = READ_ONCE(obj->place);
		chunk = place_chunk(place);
		word = refword_read(obj);
		seq_printf(seq, "%s %u %s %u\n", entry->name,
			   chunk_row(chunk, place_index(place)),
			   chunk->type->desc.name,
			   refword_counted(word) ? refword_count(word) : 0);
	}
	rcu_read_unlock();
}

static int refnames_show(struct seq_file *seq, void *unused)
{
	struct refheap *heap = seq->private;
	struct klist_node *node;
	struct klist_iter walk;

	seq_puts(seq, "name id type count\n");
	klist_iter_init(&heap->names_order, &walk);
	while ((node = klist_next(&walk)))
		refname_show(seq, container_of(node, struct refname, order));
	klist_iter_exit(&walk);
	return 0;
}

static int refnames_open(struct inode *inode, struct file *file)
{
	return single_open(file, refnames_show, inode->i_private);
}

const struct file_operations refnames_fops = {
	.owner = THIS_MODULE,
	.open = refnames_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};
