// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of misuse and of what is left at the end.
 */
#define pr_fmt(fmt) "refheap: " fmt

#include <linux/ratelimit.h>

#include "internal.h"

/* Enough to see a pattern, too few to hang a machine. */
static DEFINE_RATELIMIT_STATE(refreport_limit, 5 * HZ, 50);

/*
 * One line that names heap and type, and where it happened.  Contained: no
 * BUG, no stop.
 *
 * Context: any but NMI.
 */
void refobj_warn(const struct refobj *obj, const char *format, ...)
{
	struct refchunk *chunk = refobj_chunk(obj);
	struct va_format what = { .fmt = format };
	va_list args;

	if (!chunk) {
		pr_warn_ratelimited("misuse of memory that is no object\n");
		return;
	}
	atomic64_inc(&chunk->heap->warnings);
	if (!__ratelimit(&refreport_limit))
		return;
	va_start(args, format);
	what.va = &args;
	pr_warn("%s/%s: %pV (object %u, called from %pS)\n",
		chunk->heap->name, chunk->type->desc.name, &what,
		chunk_row(chunk, place_index(READ_ONCE(obj->place))),
		__builtin_return_address(0));
	va_end(args);
}

/* One line that says who was called, by whom, and with what. */
noinline bool refpointer_refuse(const void *pointer)
{
	pr_warn_ratelimited("%ps was given no object, heap or what else it needs, but %ld\n",
			    __builtin_return_address(0), (long)pointer);
	return true;
}

/* What is held when the heap is destroyed: a line for each type. */
void refheap_report_held(struct refheap *heap)
{
	struct reftype *type;
	u64 objects;

	mutex_lock(&heap->types_lock);
	list_for_each_entry(type, &heap->types, node) {
		objects = reftype_objects(type);
		if (objects)
			pr_warn("%s/%s: %llu objects still held at destroy\n",
				heap->name, type->desc.name, objects);
	}
	mutex_unlock(&heap->types_lock);
	if (READ_ONCE(heap->tracking))
		refheap_report(heap);
}
