// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of the object table: handing them out, taking them back, marking.
 *
 * Free rows lie in per-CPU caches and, when those are full, in the bitmaps of
 * their chunks.  A row in a cache may own memory for its next object, dead
 * and stamped so, but with its place filled in: then allocating and freeing
 * is one step for both.  Types of small objects do that (reftype.keep).  It
 * is type-stable memory like that which the slab holds back for readers, and
 * no more than REFROW_CACHED objects a CPU and level.
 */
#include <linux/hashtable.h>
#include <linux/kfence.h>

#include "internal.h"

/*
 * The chunks that have marks, by address.  Who has given up his reference, and
 * finds only then that its row has to be marked, may come when the row's chunk
 * has gone, and its heap: see refobj_drop().  That takes an instant's bad luck,
 * so a table of fixed size will do; each of its lists has one chunk for every
 * half a million objects.
 */
static DEFINE_HASHTABLE(refchunk_registry, 12);
static DEFINE_SPINLOCK(refchunk_registry_lock);

static void refchunk_register(struct refchunk *chunk)
{
	unsigned long flags;

	spin_lock_irqsave(&refchunk_registry_lock, flags);
	hash_add_rcu(refchunk_registry, &chunk->registered,
		     (unsigned long)chunk);
	spin_unlock_irqrestore(&refchunk_registry_lock, flags);
}

/*
 * Is there a chunk with this row?  If so it stays until the RCU section of the
 * caller ends; another one may have come in place of what was there.
 */
bool refrow_exists(unsigned long place)
{
	const struct refchunk *wanted = place_chunk(place), *chunk;

	hash_for_each_possible_rcu(refchunk_registry, chunk, registered,
				   (unsigned long)wanted)
		if (chunk == wanted)
			return true;
	return busted(FAULT_late_chunk);
}

/* From now on none of them is found; they stay for a grace period. */
void refrow_unregister_chunks(struct refheap *heap)
{
	struct refchunk *chunk;
	unsigned long number;

	xa_for_each(&heap->chunks, number, chunk) {
		if (!chunk->type->leaf) {
			spin_lock_irq(&refchunk_registry_lock);
			hash_del_rcu(&chunk->registered);
			spin_unlock_irq(&refchunk_registry_lock);
		}
		cond_resched();
	}
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
	if (!type->leaf)
		refchunk_register(chunk);
	return chunk;
}

/* Take up to @most free rows of @type into @place; at most one chunk's. */
static unsigned int refrow_take(struct reftype *type, unsigned long *place,
				unsigned int most)
{
	struct refchunk *chunk;
	unsigned int nr = 0, index;
	unsigned long *word;

	lockdep_assert_held(&type->rows_lock);
	chunk = list_first_entry_or_null(&type->chunks, struct refchunk,
					 free_node);
	if (!chunk)
		return 0;
	for (word = chunk->free; nr < most && nr < chunk->nr_free; word++)
		for (; *word && nr < most; *word &= *word - 1) {
			index = (word - chunk->free) * BITS_PER_LONG +
				__ffs(*word);
			place[nr++] = chunk_place(chunk, index);
		}
	chunk->nr_free -= nr;
	if (!chunk->nr_free)
		list_del(&chunk->free_node);
	return nr;
}

/* The memory that a free row owns, or NULL. */
static struct refobj *refrow_detach(unsigned long place)
{
	unsigned long *row = place_row(place), memory = *row;

	WRITE_ONCE(*row, 0);
	return (struct refobj *)(memory & ~REFROW_LINK);
}

/*
 * Objects freed in the order in which they were allocated lie side by side,
 * and then the slab is quick in taking them together; it is slow at that with
 * others.
 */
static void refrow_free_memory(struct reftype *type, void **memory,
			       unsigned int nr)
{
	unsigned long apart;

	if (!nr)
		return;
	apart = (unsigned long)memory[0] ^ (unsigned long)memory[nr - 1];
	if (apart < PAGE_SIZE && !irqs_disabled())
		kmem_cache_free_bulk(type->cache, nr, memory);
	else
		while (nr--)
			kmem_cache_free(type->cache, memory[nr]);
}

/* Rows go to the bitmaps without memory. */
static void refrow_return(struct reftype *type, const unsigned long *place,
			  unsigned int nr)
{
	void *memory[REFROW_BATCH] __uninitialized;
	unsigned int i, owned = 0;
	struct refchunk *chunk;
	struct refobj *obj;
	unsigned long flags;

	for (i = 0; i < nr; i++) {
		obj = refrow_detach(place[i]);
		if (obj)
			memory[owned++] = refobj_memory(type, obj);
	}
	refrow_free_memory(type, memory, owned);
	spin_lock_irqsave(&type->rows_lock, flags);
	while (nr--) {
		chunk = place_chunk(place[nr]);
		refrows_set(chunk->free, place_index(place[nr]));
		if (!chunk->nr_free++)
			list_add(&chunk->free_node, &type->chunks);
	}
	spin_unlock_irqrestore(&type->rows_lock, flags);
}

static bool refrow_same_page(const void *a, const void *b)
{
	return !(((unsigned long)a ^ (unsigned long)b) & PAGE_MASK);
}

/* Odd, since a page has a power of two of most objects. */
#define REFROW_STRIDE	5

/* Does memory mostly lie on the page of the one before?  Some tell. */
static bool refrow_side_by_side(void **memory, unsigned int nr)
{
	unsigned int i, apart = 0;

	for (i = 1; i < nr; i += REFROW_STRIDE)
		apart += !refrow_same_page(memory[i], memory[i - 1]);
	return apart * 4 * REFROW_STRIDE < nr;
}

/*
 * Give back many rows of a chunk that nobody can find any more and that are
 * empty, with the memory that their dead objects had.
 */
void refchunk_free_rows(struct refchunk *chunk, const unsigned long *rows,
			void **memory, unsigned int nr)
{
	struct reftype *type = chunk->type;
	unsigned long flags;
	unsigned int index;

	if (refrow_side_by_side(memory, nr))
		kmem_cache_free_bulk(type->cache, nr, memory);
	else
		for (index = 0; index < nr; index++)
			kmem_cache_free(type->cache, memory[index]);

	spin_lock_irqsave(&type->rows_lock, flags);
	bitmap_or(chunk->free, chunk->free, rows, REFROW_PER_CHUNK);
	if (!chunk->nr_free)
		list_add(&chunk->free_node, &type->chunks);
	chunk->nr_free += nr;
	spin_unlock_irqrestore(&type->rows_lock, flags);

	preempt_disable();
	/* Others only read it, and it is never torn. */
	data_race(refrow_this_cache(type)->freed += nr);
	/* Pairs with the grace period in refheap_silence(). */
	if (unlikely(READ_ONCE(type->heap->dead)))
		irq_work_queue(&type->heap->wake);
	preempt_enable();
}

/* So few go to the cache of the CPU, with their memory. */
#define REFBATCH_FEW	4

/*
 * Free what has been gathered.
 *
 * Context: may sleep.
 */
void refbatch_flush(struct refbatch *batch)
{
	void *gathered[REFBATCH_MOST] __uninitialized;
	void **memory = batch->memory ?: gathered;
	struct refchunk *chunk = batch->chunk;
	unsigned int i = 0, index;
	struct reftype *type;

	if (!batch->nr)
		return;
	type = chunk->type;
	if (!batch->memory)
		refchunk_for_each_row(batch->rows, index)
			memory[i++] = refobj_memory(type,
						    refrow_detach(chunk_place(chunk,
									      index)));
	if (batch->nr < REFBATCH_FEW)
		for (i = 0; i < batch->nr; i++)
			refobj_free_memory(memory[i] + type->desc.header,
					   END_FREED);
	else
		refchunk_free_rows(chunk, batch->rows, memory, batch->nr);
	batch->nr = 0;
	batch->chunk = NULL;
}

/* Rows from the bitmaps, from a new chunk if they have none. */
static unsigned int refrow_fetch(struct reftype *type, unsigned long *place,
				 gfp_t gfp)
{
	struct refchunk *chunk;
	unsigned long flags;
	unsigned int nr;

	for (;;) {
		spin_lock_irqsave(&type->rows_lock, flags);
		nr = refrow_take(type, place, REFROW_BATCH);
		spin_unlock_irqrestore(&type->rows_lock, flags);
		if (nr)
			return nr;
		chunk = refchunk_alloc(type, gfp);
		if (!chunk)
			return 0;
		spin_lock_irqsave(&type->rows_lock, flags);
		list_add(&chunk->free_node, &type->chunks);
		type->nr_chunks++;
		spin_unlock_irqrestore(&type->rows_lock, flags);
	}
}

/* Give rows memory: all of them or, as memory is short, none. */
static void refrow_equip(struct reftype *type, const unsigned long *place,
			 unsigned int nr, gfp_t gfp)
{
	void *memory[REFROW_BATCH] __uninitialized;
	struct refobj *obj;

	if (!kmem_cache_alloc_bulk(type->cache, gfp | __GFP_NOWARN, nr, memory))
		return;
	while (nr--) {
		obj = memory[nr] + type->desc.header;
		refobj_stamp(obj, place[nr]);
		refrow_attach(place[nr], obj);
	}
}

/*
 * The cache is empty: fetch a batch, keep one, leave the others there.  The
 * object that it is for is counted here.
 */
unsigned long refrow_refill(struct reftype *type, gfp_t gfp)
{
	unsigned long batch[REFROW_BATCH] __uninitialized;
	struct refrow_cache *cache;
	unsigned int nr;

	if (gfpflags_allow_blocking(gfp))
		refheap_throttle(type->heap);
	nr = refrow_fetch(type, batch, gfp);
	if (!nr)
		return 0;
	if (type->keep && gfpflags_allow_blocking(gfp))
		refrow_equip(type, batch, nr, gfp);

	preempt_disable();
	cache = refrow_this_cache(type);
	/* Others only read it, and it is never torn. */
	data_race(cache->allocated++);
	while (nr > 1 && cache->nr < REFROW_CACHED)
		cache->place[cache->nr++] = batch[--nr];
	preempt_enable();
	if (nr > 1)
		refrow_return(type, batch + 1, nr - 1);
	return batch[0];
}

/* The cache is full: make room, by those that have been in it longest. */
void refrow_flush(struct reftype *type)
{
	unsigned long batch[REFROW_BATCH] __uninitialized;
	struct refrow_cache *cache;
	unsigned int nr = 0;

	preempt_disable();
	cache = refrow_this_cache(type);
	if (cache->nr >= REFROW_BATCH) {
		nr = REFROW_BATCH;
		cache->nr -= nr;
		memcpy(batch, cache->place, sizeof(batch));
		memmove(cache->place, cache->place + nr,
			cache->nr * sizeof(*cache->place));
	}
	preempt_enable();
	if (nr)
		refrow_return(type, batch, nr);
}

/* A CPU has had its share of candidates. */
static void refheap_crowded(struct refheap *heap)
{
	this_cpu_write(heap->cpu->quota, READ_ONCE(heap->threshold_share));
	if (READ_ONCE(heap->stopped))
		return;
	atomic_inc(&heap->shares);
	if (test_bit(EVENT_THRESHOLD, &heap->events))
		return;
	set_bit(EVENT_THRESHOLD, &heap->events);
	irq_work_queue(&heap->wake);
}

/*
 * Mark a row, show its chunk to the collector, and count: the first mark of a
 * chunk, and then all of them or samples that stand for REFROW_SAMPLE.
 *
 * Reading @queued is not ordered after storing the mark: a mark that so
 * escapes the collector's look is found when it looks again after a grace
 * period, see refcandidate_settle().
 */
void refrow_mark_slow(unsigned long place)
{
	struct refchunk *chunk = place_chunk(place);
	struct refheap *heap = chunk->heap;
	unsigned int how = REFCHUNK_QUEUED, weight = 1;

	if (READ_ONCE(heap->exact))
		how = REFCHUNK_COUNTED;
	else if (READ_ONCE(chunk->queued))
		weight = REFROW_SAMPLE;

	preempt_disable();
	WRITE_ONCE(*(u8 *)place, REFMARK_SET);
	if (READ_ONCE(chunk->queued) != how && !xchg(&chunk->queued, how) &&
	    llist_add(&chunk->marked_node, &heap->marked) &&
	    !busted(FAULT_wake_marked))
		irq_work_queue(&heap->wake);
	preempt_enable();
	if (this_cpu_sub_return(heap->cpu->quota, weight) < 0)
		refheap_crowded(heap);
}

/* There are no objects: what rows have is memory for the next. */
static void refchunk_free_memory(struct reftype *type, struct refchunk *chunk)
{
	struct refobj *obj;
	unsigned int index;

	for (index = 0; index < REFROW_PER_CHUNK; index++) {
		obj = refrow_detach(chunk_place(chunk, index));
		if (obj)
			kmem_cache_free(type->cache, refobj_memory(type, obj));
	}
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
		refchunk_free_memory(type, chunk);
		kfree(chunk->sites);
		kmem_cache_free(type->leaf ? refchunk_leaf_cache :
					     refchunk_cache, chunk);
		cond_resched();
	}
}
