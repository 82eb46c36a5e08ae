// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of the object table: handing them out, taking them back, marking.
 */
#include "internal.h"

/*
 * The cache of this CPU and this level of interrupt nesting.  A level can
 * only be interrupted by a higher one, so preemption off is enough.
 */
static struct refrow_cache *refrow_this_cache(struct reftype *type)
{
	return &this_cpu_ptr(type->cpu)->rows[interrupt_context_level()];
}

static struct refchunk *refchunk_alloc(struct reftype *type, gfp_t gfp)
{
	struct kmem_cache *cache = type->leaf ? refchunk_leaf_cache :
						refchunk_cache;
	struct refheap *heap = type->heap;
	struct xa_limit limit = XA_LIMIT(0, (U32_MAX >> REFROW_SHIFT) - 1);
	struct refchunk *chunk;
	unsigned long flags;
	int err;

	/* The table is the heap's own: not charged to the allocating task. */
	gfp &= ~(__GFP_ACCOUNT | __GFP_ZERO);
	chunk = kmem_cache_zalloc(cache, gfp);
	if (!chunk)
		return NULL;
	chunk->type = type;
	chunk->heap = heap;
	chunk->nr_free = REFROW_PER_CHUNK;
	bitmap_fill(chunk->free, REFROW_PER_CHUNK);
	if (!type->leaf)
		INIT_LIST_HEAD(&chunk->staged);

	if (gfpflags_allow_blocking(gfp)) {
		err = xa_alloc_irq(&heap->chunks, &chunk->number, chunk, limit,
				   gfp);
	} else {
		xa_lock_irqsave(&heap->chunks, flags);
		err = __xa_alloc(&heap->chunks, &chunk->number, chunk, limit,
				 gfp);
		xa_unlock_irqrestore(&heap->chunks, flags);
	}
	if (err) {
		kmem_cache_free(cache, chunk);
		return NULL;
	}
	return chunk;
}

/* Take up to @most free rows of @type into @place; at most one chunk's. */
static unsigned int refrow_take(struct reftype *type, unsigned long *place,
				unsigned int most)
{
	struct refchunk *chunk;
	unsigned int nr = 0, index;

	lockdep_assert_held(&type->rows_lock);
	chunk = list_first_entry_or_null(&type->chunks, struct refchunk,
					 free_node);
	if (!chunk)
		return 0;
	for_each_set_bit(index, chunk->free, REFROW_PER_CHUNK) {
		if (nr == most)
			break;
		place[nr++] = chunk_place(chunk, index);
		__clear_bit(index, chunk->free);
	}
	chunk->nr_free -= nr;
	if (!chunk->nr_free)
		list_del(&chunk->free_node);
	return nr;
}

static void refrow_return(struct reftype *type, const unsigned long *place,
			  unsigned int nr)
{
	unsigned long flags;
	struct refchunk *chunk;

	spin_lock_irqsave(&type->rows_lock, flags);
	while (nr--) {
		chunk = place_chunk(place[nr]);
		__set_bit(place_index(place[nr]), chunk->free);
		if (!chunk->nr_free++)
			list_add(&chunk->free_node, &type->chunks);
	}
	spin_unlock_irqrestore(&type->rows_lock, flags);
}

/* The cache is empty: fetch a batch, keep one, leave the others there. */
static unsigned long refrow_refill(struct reftype *type, gfp_t gfp)
{
	unsigned long batch[REFROW_BATCH];
	struct refrow_cache *cache;
	struct refchunk *chunk;
	unsigned long flags;
	unsigned int nr;

	for (;;) {
		spin_lock_irqsave(&type->rows_lock, flags);
		nr = refrow_take(type, batch, REFROW_BATCH);
		spin_unlock_irqrestore(&type->rows_lock, flags);
		if (nr)
			break;
		chunk = refchunk_alloc(type, gfp);
		if (!chunk)
			return 0;
		spin_lock_irqsave(&type->rows_lock, flags);
		list_add(&chunk->free_node, &type->chunks);
		type->nr_chunks++;
		spin_unlock_irqrestore(&type->rows_lock, flags);
	}

	preempt_disable();
	cache = refrow_this_cache(type);
	while (nr > 1 && cache->nr < REFROW_CACHED)
		cache->place[cache->nr++] = batch[--nr];
	preempt_enable();
	if (nr > 1)
		refrow_return(type, batch + 1, nr - 1);
	return batch[0];
}

/*
 * A row for a new object.
 *
 * Context: any from which the slab may be entered with @gfp.
 * Return: its place, or 0 without memory.
 */
unsigned long refrow_alloc(struct reftype *type, gfp_t gfp)
{
	struct refrow_cache *cache;
	unsigned long place = 0;

	preempt_disable();
	cache = refrow_this_cache(type);
	if (likely(cache->nr))
		place = cache->place[--cache->nr];
	preempt_enable();
	return likely(place) ? place : refrow_refill(type, gfp);
}

/*
 * Give the row of an object back that nobody can find any more.  Late marks
 * may still land on it; they make the row's next object a candidate once too
 * often.
 */
void refrow_free(unsigned long place)
{
	struct refchunk *chunk = place_chunk(place);
	struct reftype *type = chunk->type;
	unsigned long batch[REFROW_BATCH];
	struct refrow_cache *cache;
	unsigned int nr = 0;

	WRITE_ONCE(chunk->object[place_index(place)], 0);
	preempt_disable();
	cache = refrow_this_cache(type);
	if (unlikely(cache->nr == REFROW_CACHED))
		while (nr < REFROW_BATCH)
			batch[nr++] = cache->place[--cache->nr];
	cache->place[cache->nr++] = place;
	preempt_enable();
	if (unlikely(nr))
		refrow_return(type, batch, nr);
}

/* A CPU has had its share of candidates. */
static void refheap_crowded(struct refheap *heap)
{
	if (READ_ONCE(heap->stopped) ||
	    test_bit(EVENT_THRESHOLD, &heap->events))
		return;
	set_bit(EVENT_THRESHOLD, &heap->events);
	irq_work_queue(&heap->wake);
}

/*
 * Make the object in a row a candidate.
 *
 *	mutator					collector
 *	change the word, or publish a slot	mark = 0
 *	full barrier				full barrier
 *	mark = 1				read the word, then the slots
 *
 * Either the store of the mark comes after the collector's, and stays for
 * the next collection, or the collector sees what was done before it.  The
 * caller's barrier pairs with the one in refcandidate_take().
 *
 * The caller is in an RCU section that began before its decrement, or has
 * preemption off since then: the object may be gone, the chunk is not.
 *
 * A chunk is queued by its first mark.  Reading @queued is not ordered after
 * storing the mark: a mark that so escapes the collector's look is found when
 * it looks again after a grace period, see refcandidate_settle().
 */
void refrow_mark(unsigned long place)
{
	struct refchunk *chunk = place_chunk(place);
	unsigned int index = place_index(place);
	struct refheap *heap = chunk->heap;

	if (READ_ONCE(chunk->mark[index]) == MARK_SET)
		return;
	WRITE_ONCE(chunk->mark[index], MARK_SET);
	if (this_cpu_inc_return(heap->cpu->marks) >=
	    READ_ONCE(heap->threshold_share))
		refheap_crowded(heap);
	if (!READ_ONCE(chunk->queued) && !xchg(&chunk->queued, 1) &&
	    llist_add(&chunk->marked_node, &heap->marked))
		irq_work_queue(&heap->wake);
}

/* The chunks of a type without objects, a grace period after the last. */
void refrow_free_chunks(struct reftype *type)
{
	struct refheap *heap = type->heap;
	struct refchunk *chunk;
	unsigned long number;

	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type != type)
			continue;
		xa_erase_irq(&heap->chunks, number);
		kmem_cache_free(type->leaf ? refchunk_leaf_cache :
					     refchunk_cache, chunk);
	}
}
