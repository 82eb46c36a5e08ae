/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of the object table: had, marked, given back.  Part of internal.h. */
#ifndef _REFHEAP_ROW_H
#define _REFHEAP_ROW_H

/*
 * Dead objects of one chunk, to be freed together.  Until then the heap counts
 * them as its own, and so stays.  A thread has room to note all of a chunk; else
 * the rows own the memory until then, and there are no more than so many.
 */
#define REFBATCH_MOST	24

struct refbatch {
	unsigned int nr, most;
	void **memory;			/* of the thread's, or NULL */
	struct refchunk *chunk;
	DECLARE_BITMAP(rows, REFROW_PER_CHUNK);
};

unsigned long refrow_refill(struct reftype *type, gfp_t gfp);
void refrow_flush(struct reftype *type);
bool refrow_exists(unsigned long place);
void refrow_unregister_chunks(struct refheap *heap);
void refrow_free_chunks(struct reftype *type);
void refrow_mark_slow(unsigned long place);
void refrow_park(struct refchunk *chunk, unsigned int index);
void refchunk_free_rows(struct refchunk *chunk, const unsigned long *rows,
			void **memory, unsigned int nr);
void refbatch_flush(struct refbatch *batch);

static inline unsigned long *place_row(unsigned long place)
{
	return &place_chunk(place)->object[place_index(place)];
}

static inline void refrow_publish(unsigned long place, struct refobj *obj)
{
	/* Pairs with chunk_object(): header and payload come first. */
	smp_store_release(place_row(place), (unsigned long)obj);
}

/*
 * Memory from the slab: dead for whoever comes to it by an old pointer, with
 * a version that goes on from there.  On a fresh page the word is anything:
 * nobody can have a pointer from before, as pages come and go with a grace
 * period between.
 */
static inline void refobj_stamp(struct refobj *obj, unsigned long place)
{
	u64 word = refword_read(obj) & ~REFWORD_WEAK;

	atomic64_set(&obj->word, refword_dead(word));
	WRITE_ONCE(obj->place, place);
}

/* Let a free row own dead memory. */
static inline void refrow_attach(unsigned long place, struct refobj *obj)
{
	WRITE_ONCE(*place_row(place), (unsigned long)obj | REFROW_LINK);
}

/* What refrow_alloc()'s row owns, or NULL; it does so until published. */
static inline struct refobj *refrow_memory(unsigned long place)
{
	return (struct refobj *)(*place_row(place) & ~REFROW_LINK);
}

/*
 * The cache of this CPU and this level of interrupt nesting.  A level can
 * only be interrupted by a higher one, so preemption off is enough.
 */
static inline struct refrow_cache *refrow_this_cache(struct reftype *type)
{
	return &this_cpu_ptr(type->cpu)->level[interrupt_context_level()];
}

/*
 * A row for a new object, which is counted as allocated.
 *
 * Context: any from which the slab may be entered with @gfp.
 * Return: its place, or 0 without memory.
 */
static inline unsigned long refrow_alloc(struct reftype *type, gfp_t gfp)
{
	struct refrow_cache *cache;
	unsigned long place;

	preempt_disable();
	cache = refrow_this_cache(type);
	if (likely(cache->nr)) {
		place = cache->place[--cache->nr];
		/* Others only read it, and it is never torn. */
		data_race(cache->allocated++);
		preempt_enable();
		return place;
	}
	preempt_enable();
	return refrow_refill(type, gfp);
}

/*
 * Give the row of an object back that nobody can find any more.  The last
 * that is done for an object: the heap may be gone.
 */
static inline void refrow_free(struct reftype *type, unsigned long place,
			       enum refrow_end why)
{
	struct refrow_cache *cache;

	for (;;) {
		/* An RCU section, without calling for one. */
		preempt_disable();
		cache = refrow_this_cache(type);
		if (likely(cache->nr < REFROW_CACHED))
			break;
		preempt_enable();
		refrow_flush(type);
	}
	cache->place[cache->nr++] = place;
	if (why == END_UNUSED)
		/* Others only read these, and they are never torn. */
		data_race(cache->allocated--);
	else if (why == END_FREED)
		/* Likewise. */
		data_race(cache->freed++);
	/* Pairs with the grace period in refheap_silence(). */
	if (unlikely(READ_ONCE(type->heap->dead)))
		irq_work_queue(&type->heap->wake);
	preempt_enable();
}

/*
 * An object is gone, though its row is not free yet.  The last that is done
 * for it: the heap may be gone.
 */
static inline void refrow_count_freed(struct reftype *type)
{
	preempt_disable();
	/* Others only read it, and it is never torn. */
	data_race(refrow_this_cache(type)->freed++);
	/* Pairs with the grace period in refheap_silence(). */
	if (unlikely(READ_ONCE(type->heap->dead)))
		irq_work_queue(&type->heap->wake);
	preempt_enable();
}

/*
 * Free a dead object with others, which refbatch_flush() ends.  Its type has
 * neither an array nor a visit callback, and its heap wants to know of none.
 *
 * Context: may sleep.
 */
static inline void refbatch_add(struct refbatch *batch, struct refobj *obj)
{
	unsigned long place = READ_ONCE(obj->place);
	struct refchunk *chunk = place_chunk(place);

	if (unlikely(batch->chunk != chunk || batch->nr == batch->most)) {
		refbatch_flush(batch);
		batch->chunk = chunk;
		bitmap_zero(batch->rows, REFROW_PER_CHUNK);
	}
	if (batch->memory) {
		WRITE_ONCE(*place_row(place), 0);
		batch->memory[batch->nr] = refobj_memory(chunk->type, obj);
	} else {
		refrow_attach(place, obj);
	}
	refrows_set(batch->rows, place_index(place));
	batch->nr++;
}

/*
 * Make the object in a row a candidate.
 *
 * The caller holds the object, or is in an RCU section since he did or since he
 * found the row's chunk by refrow_exists().  What orders this and the
 * collector's clearing of marks: refobj_drop() and refslot_publish().
 */
static inline void refrow_mark(unsigned long place)
{
	if (!__refrow_mark(place))
		refrow_mark_slow(place);
}

#endif /* _REFHEAP_ROW_H */
