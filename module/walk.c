// SPDX-License-Identifier: GPL-2.0
/*
 * Visiting slots.  The only place that knows where a type keeps them.
 */
#include "internal.h"

/* How many slots, or objects, between two chances to reschedule. */
#define REFWALK_STRETCH	256

/*
 * Visit slots of an object, a portion at a time: first all that are not in
 * its array, then @most elements of the array.
 *
 * @from is 0 in the first call and then what the last call returned.  The
 * caller is in an RCU section, in which it has seen that the memory is
 * @type's; between portions it may leave it and has to look again.
 *
 * Return: 0 at the end, where to go on, -EBUSY if the visit callback did not
 * succeed, or -ESHUTDOWN if it may not be called any more; then the array can
 * still be visited from 1 on.
 */
long refobj_walk(struct refobj *obj, struct reftype *type, long from,
		 unsigned int most, struct refvisitor *visitor)
{
	struct refarray *array;
	size_t index, end;

	if (!from) {
		refobj_walk_fields(obj, type, visitor->slot, visitor);
		/*
		 * A dead heap must not call it; edges that nobody sees keep
		 * their targets alive.  Pairs with refheap_silence().
		 */
		if (type->desc.visit) {
			if (READ_ONCE(type->heap->dead))
				return -ESHUTDOWN;
			if (type->desc.visit(obj, visitor))
				return -EBUSY;
		}
		from = 1;
	}
	if (!type->desc.array)
		return 0;
	/* Pairs with refobj_prepare(); freed by RCU: refobj_free_array(). */
	array = READ_ONCE(*refobj_array(type, obj));
	if (!array || from > array->length)
		return 0;
	end = min_t(size_t, array->length, from - 1 + most);
	for (index = from - 1; index < end; index++)
		visitor->slot(visitor, &array->slot[index]);
	return end == array->length ? 0 : end + 1;
}

/* About how many slots a walk would visit. The caller is an RCU reader. */
u64 refobj_slots(struct refobj *obj, const struct reftype *type)
{
	struct refarray *array = NULL;
	u64 slots = 1;
	unsigned int i;

	for (i = 0; i < type->desc.nr_fields; i++)
		slots += type->desc.fields[i].count;
	if (type->desc.array)
		array = READ_ONCE(*refobj_array(type, obj));
	return array ? slots + array->length : slots;
}

/*
 * A walk of the collector over many rows: an RCU section that is left every
 * few hundred slots, for others to run and grace periods to end.  Nothing
 * that was read before a pause may be used after it, except through its row.
 */
void refwalk_begin(struct refwalk *walk)
	__acquires(RCU)
{
	walk->spent = 0;
	rcu_read_lock();
}

void refwalk_pause(struct refwalk *walk, unsigned int cost)
{
	walk->spent += cost;
	if (walk->spent < REFWALK_STRETCH)
		return;
	walk->spent = 0;
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
}

void refwalk_end(struct refwalk *walk)
	__releases(RCU)
{
	rcu_read_unlock();
}

/*
 * Visit all slots of the object in a row.  Pauses.
 *
 * Return: 0, -EBUSY as refobj_walk(), or -ESTALE if the row is empty now.
 */
int refrow_walk(struct refwalk *walk, struct refchunk *chunk,
		unsigned int index, struct refvisitor *visitor)
{
	struct refobj *obj;
	long at = 0;

	do {
		obj = chunk_object(chunk, index);
		if (!obj)
			return -ESTALE;
		at = refobj_walk(obj, chunk->type, at, REFWALK_STRETCH,
				 visitor);
		/* Edges that nobody sees keep their targets alive. */
		if (at == -ESHUTDOWN)
			at = 1;
		refwalk_pause(walk, at > 0 ? REFWALK_STRETCH : 4);
	} while (at > 0);
	return at;
}

/*
 * The chunk of a row, for the collector: neighbours are asked for one after
 * the other, so the last answer is remembered.
 */
struct refchunk *refrow_chunk(struct refheap *heap, u32 row)
{
	u32 number = row >> REFROW_SHIFT;

	if (!heap->recent || heap->recent->number != number)
		heap->recent = xa_load(&heap->chunks, number);
	return heap->recent;
}
