// SPDX-License-Identifier: GPL-2.0
/*
 * Types: copied descriptors, a slab cache each.
 */
#include <linux/err.h>
#include <linux/string.h>

#include "internal.h"

/*
 * Do the members of a table lie within the structure, and aligned?  All of an
 * object's are handled in one go, in whatever context: not too many.
 */
static bool reftype_fields_valid(const struct reftype_desc *desc,
				 const struct reffield *field, unsigned int nr,
				 size_t size)
{
	u64 members = 0;

	if (nr && !field)
		return false;
	for (; nr; nr--, field++) {
		if (!field->count || !IS_ALIGNED(field->offset, sizeof(void *)) ||
		    field->offset + (u64)field->count * size > desc->size)
			return false;
		members += field->count;
	}
	return members <= REFTYPE_MEMBERS;
}

static bool reftype_desc_valid(const struct reftype_desc *desc)
{
	if (!refheap_name_valid(desc->name) ||
	    desc->size < sizeof(struct refobj) || desc->size > KMALLOC_MAX_SIZE ||
	    desc->header > desc->size - sizeof(struct refobj) ||
	    !IS_ALIGNED(desc->header, __alignof__(struct refobj)) ||
	    (desc->align && !is_power_of_2(desc->align)) ||
	    desc->flags & ~REFTYPE_RELEASE_SLEEPS)
		return false;
	if (desc->array > desc->size - sizeof(struct refarray *) ||
	    !IS_ALIGNED(desc->array, sizeof(void *)))
		return false;
	return reftype_fields_valid(desc, desc->fields, desc->nr_fields,
				    sizeof(struct refslot)) &&
	       reftype_fields_valid(desc, desc->weaks, desc->nr_weaks,
				    sizeof(struct refweak));
}

static bool reftype_name_taken(struct refheap *heap, const char *name)
{
	struct reftype *type;

	lockdep_assert_held(&heap->types_lock);
	list_for_each_entry(type, &heap->types, node)
		if (!strcmp(type->desc.name, name))
			return true;
	return false;
}

static struct reffield *reftype_copy_fields(const struct reffield *field,
					    unsigned int nr)
{
	return nr ? kmemdup(field, nr * sizeof(*field), GFP_KERNEL) : NULL;
}

/* Fields that lie side by side are one. */
static void reftype_join_fields(struct reftype_desc *desc,
				struct reffield *field)
{
	unsigned int i, last = 0;

	for (i = 1; i < desc->nr_fields; i++) {
		if (field[i].offset == field[last].offset +
		    field[last].count * sizeof(struct refslot))
			field[last].count += field[i].count;
		else
			field[++last] = field[i];
	}
	desc->nr_fields = last + 1;
}

static int reftype_copy(struct reftype *type, const struct reftype_desc *desc)
{
	struct reffield *fields = reftype_copy_fields(desc->fields,
						      desc->nr_fields);

	type->desc = *desc;
	type->desc.name = kstrdup(desc->name, GFP_KERNEL);
	type->desc.fields = fields;
	type->desc.weaks = reftype_copy_fields(desc->weaks, desc->nr_weaks);
	if (!type->desc.name || (desc->nr_fields && !type->desc.fields) ||
	    (desc->nr_weaks && !type->desc.weaks))
		return -ENOMEM;
	if (fields) {
		reftype_join_fields(&type->desc, fields);
		type->run = *fields;
	}
	return 0;
}

/* Is the word at @offset nothing that is read of dead memory? */
static bool reftype_word_unread(const struct reftype_desc *desc, size_t offset)
{
	const struct reffield *field = desc->fields;
	unsigned int i;

	if (offset + sizeof(void *) > desc->header &&
	    offset < desc->header + sizeof(struct refobj))
		return false;
	if (desc->array && offset == desc->array)
		return false;
	for (i = 0; i < desc->nr_fields; i++, field++)
		if (offset + sizeof(void *) > field->offset &&
		    offset < field->offset + field->count *
			     sizeof(struct refslot))
			return false;
	return true;
}

/*
 * Where the slab's free pointer may lie: in a word of the payload proper,
 * which nobody reads who does not hold the object.
 */
static long reftype_free_pointer(const struct reftype_desc *desc)
{
	size_t offset;

	if (desc->visit)
		return -1;
	for (offset = 0; offset + sizeof(void *) <= desc->size;
	     offset += sizeof(void *))
		if (reftype_word_unread(desc, offset))
			return offset;
	return -1;
}

/* KASAN cannot see accesses to free objects that the slab was not given. */
bool reftype_keep = !IS_ENABLED(CONFIG_KASAN);

/*
 * May free rows keep memory?  Not much of it, and not where it is charged to
 * somebody else than its next owner, or has to wait for readers.
 */
#define REFTYPE_KEEP_MOST	256

static bool reftype_keeps(const struct reftype *type)
{
	return reftype_keep && type->desc.size <= REFTYPE_KEEP_MOST &&
	       !type->desc.visit &&
	       !(type->heap->params.flags & REFHEAP_ACCOUNT);
}

/* Named after heap and type; unique, since a heap's name and number are. */
static int reftype_create_cache(struct reftype *type)
{
	const struct reftype_desc *desc = &type->desc;
	slab_flags_t flags = SLAB_NO_MERGE;
	size_t size = desc->size;

	if (type->heap->params.flags & REFHEAP_ACCOUNT)
		flags |= SLAB_ACCOUNT;
	snprintf(type->slab_name, sizeof(type->slab_name), "refheap-%s-%s",
		 type->heap->slab_name, desc->name);
	type->tail = ALIGN(desc->size, __alignof__(struct reftail));
	if (desc->visit)
		size = type->tail + sizeof(struct reftail);
	type->cache = refcompat_create_cache(type->slab_name, size,
					     max_t(size_t, desc->align,
						   __alignof__(struct refobj)),
					     flags, reftype_free_pointer(desc));
	return type->cache ? 0 : -ENOMEM;
}

/* The type has no objects, or never had one. */
void reftype_free(struct reftype *type)
{
	if (type->cpu && type->cache)
		refrow_free_chunks(type);
	/* Waits for the RCU callbacks that return pages, not for ours. */
	kmem_cache_destroy(type->cache);
	free_percpu(type->cpu);
	kfree(type->desc.weaks);
	kfree(type->desc.fields);
	kfree(type->desc.name);
	kfree(type);
}

static struct reftype *reftype_alloc(struct refheap *heap,
				     const struct reftype_desc *desc)
{
	struct reftype *type = kzalloc(sizeof(*type), GFP_KERNEL);
	int err = -ENOMEM;
	unsigned int i;

	if (!type)
		return ERR_PTR(err);
	type->heap = heap;
	type->leaf = !desc->nr_fields && !desc->array && !desc->visit &&
		     !desc->finalize;
	type->plain = type->leaf && !desc->release && !desc->nr_weaks;
	/* On PREEMPT_RT callbacks take locks that sleep. */
	type->direct = type->leaf && !IS_ENABLED(CONFIG_PREEMPT_RT) &&
		       !(desc->flags & REFTYPE_RELEASE_SLEEPS);
	type->fields_only = !desc->array && !desc->visit;
	spin_lock_init(&type->rows_lock);
	INIT_LIST_HEAD(&type->chunks);
	err = reftype_copy(type, desc);
	if (err)
		goto free;
	type->first_word = 1 | (type->leaf ? REFWORD_LEAF | REFWORD_MARKED :
					     REFWORD_FRESH) |
			   (desc->finalize ? 0 : REFWORD_FINALIZED);
	type->silent = !type->leaf && type->fields_only && !desc->release &&
		       !desc->finalize && !desc->nr_weaks;
	type->simple = !desc->header && !desc->array && !desc->init &&
		       desc->size % sizeof(long) == 0 && desc->size <= 128;
	for (i = 0; i < desc->nr_fields; i++)
		type->nr_slots += desc->fields[i].count;
	type->keep = reftype_keeps(type);
	type->cpu = alloc_percpu(struct reftype_cpu);
	if (!type->cpu) {
		err = -ENOMEM;
		goto free;
	}
	err = reftype_create_cache(type);
	if (err)
		goto free;
	return type;

free:
	reftype_free(type);
	return ERR_PTR(err);
}

/**
 * refheap_register_type - declare a type of objects
 * @heap: the heap that they will live in
 * @desc: what they are; copied
 *
 * The type lives as long as the heap.
 *
 * Context: process, may sleep.
 * Return: the type; ERR_PTR(-EINVAL) for a descriptor that makes no sense,
 * -EEXIST if the heap has a type of that name, -ESHUTDOWN when the heap has
 * been destroyed, or -ENOMEM.
 */
struct reftype *refheap_register_type(struct refheap *heap,
				      const struct reftype_desc *desc)
{
	struct reftype *type;

	if (refpointer_bad(heap) || refpointer_nowhere(desc) ||
	    !reftype_desc_valid(desc))
		return ERR_PTR(-EINVAL);
	if (READ_ONCE(heap->dead))
		return ERR_PTR(-ESHUTDOWN);
	mutex_lock(&heap->types_lock);
	if (reftype_name_taken(heap, desc->name)) {
		type = ERR_PTR(-EEXIST);
	} else {
		type = reftype_alloc(heap, desc);
		if (!IS_ERR(type)) {
			type->number = heap->nr_types;
			WRITE_ONCE(heap->nr_types, type->number + 1);
			list_add_tail_rcu(&type->node, &heap->types);
		}
		if (!IS_ERR(type) && desc->finalize)
			WRITE_ONCE(heap->finalizers, true);
	}
	mutex_unlock(&heap->types_lock);
	return type;
}
EXPORT_SYMBOL_REFHEAP(refheap_register_type);

/**
 * reftype_name - name of a type
 * @type: of a living heap
 *
 * Context: any.
 * Return: the name it was registered with.
 */
const char *reftype_name(const struct reftype *type)
{
	if (refpointer_bad(type))
		return NULL;
	return type->desc.name;
}
EXPORT_SYMBOL_REFHEAP(reftype_name);

/*
 * Sums over CPUs and levels.  What has been freed is read first: an object
 * that is allocated and freed meanwhile is then seen too often rather than
 * not.  One whose allocation fails halfway is counted and then not, perhaps on
 * another CPU: while that happens a sum may be one too low.
 */
#define REFTYPE_SUM(member)						\
u64 reftype_##member(const struct reftype *type)			\
{									\
	u64 sum = 0;							\
	int cpu, i;							\
									\
	for_each_possible_cpu(cpu)					\
		for (i = 0; i < REFTYPE_LEVELS; i++)			\
			sum += READ_ONCE(per_cpu_ptr(type->cpu, cpu)->	\
					 level[i].member);		\
	return sum;							\
}

REFTYPE_SUM(allocated)
REFTYPE_SUM(freed)
#undef REFTYPE_SUM

u64 reftype_objects(const struct reftype *type)
{
	u64 freed = reftype_freed(type);

	/* What was counted there before it was freed is counted here. */
	smp_rmb();
	return reftype_allocated(type) - freed;
}

u64 reftype_bytes(const struct reftype *type)
{
	u64 bytes = reftype_objects(type) * type->desc.size;
	int cpu;

	for_each_possible_cpu(cpu)
		bytes += READ_ONCE(per_cpu_ptr(type->cpu, cpu)->array_bytes);
	return bytes;
}
