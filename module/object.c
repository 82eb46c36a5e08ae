// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: allocation, the out of line parts of counting, freeing.
 */
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>

#include "internal.h"

/* Reserve room under the heap's limits; exact, at the price of an atomic. */
static bool refheap_charge(struct refheap *heap, u64 bytes)
{
	const struct refheap_params *params = &heap->params;

	if (params->max_objects &&
	    atomic64_inc_return(&heap->charged_objects) > params->max_objects)
		goto uncharge_objects;
	if (params->max_bytes &&
	    atomic64_add_return(bytes, &heap->charged_bytes) >
	    params->max_bytes)
		goto uncharge_bytes;
	return true;

uncharge_bytes:
	atomic64_sub(bytes, &heap->charged_bytes);
uncharge_objects:
	if (params->max_objects)
		atomic64_dec(&heap->charged_objects);
	return false;
}

static void refheap_uncharge(struct refheap *heap, u64 bytes)
{
	if (heap->params.max_objects)
		atomic64_dec(&heap->charged_objects);
	if (heap->params.max_bytes)
		atomic64_sub(bytes, &heap->charged_bytes);
}

static struct refarray *refarray_alloc(size_t length, gfp_t gfp)
{
	struct refarray *array;
	size_t bytes = struct_size(array, slot, length);

	array = gfpflags_allow_blocking(gfp) ?
		kvzalloc(bytes, gfp | __GFP_NOWARN) :
		kzalloc(bytes, gfp | __GFP_NOWARN);
	if (array)
		array->length = length;
	return array;
}

/* Zero the payload by hand: __GFP_ZERO would wipe the word under a reader. */
static void refobj_zero(const struct reftype *type, void *memory)
{
	size_t header = type->desc.header;
	size_t rest = header + sizeof(struct refobj);

	memset(memory, 0, header);
	memset(memory + rest, 0, type->desc.size - rest);
}

/*
 * A few words, as most objects have, are not worth a call: reftype.simple.
 * Readers who came here by an old pointer may read them.
 */
static __always_inline void refobj_zero_words(const struct reftype *type,
					      struct refobj *obj)
{
	unsigned long *word = (unsigned long *)(obj + 1);
	const unsigned long *end = (void *)obj + type->desc.size;

	for (; word < end; word++)
		WRITE_ONCE(*word, 0);
}

/* What is in an object when its client gets it. */
static noinline void refobj_prepare(const struct reftype *type,
				    struct refobj *obj, struct refarray *array)
{
	refobj_zero(type, refobj_memory(type, obj));
	if (array)
		/* Pairs with the dependent load in refobj_walk(). */
		smp_store_release(refobj_array(type, obj), array);
	if (type->desc.init)
		type->desc.init(obj);
}

/* One reference, the version of what was there before, changed, and FRESH. */
static u64 refobj_first_word(const struct reftype *type,
			     const struct refobj *obj)
{
	u64 version = refword_read(obj) & WORD_VERSION_MASK;

	if (busted(FAULT_reuse))
		return (type->leaf ? REFWORD_LEAF : 0) | 1;
	return (version + REFWORD_VERSION) | type->first_word;
}

/*
 * Bring dead memory to life.  A reader that came to it by an old pointer
 * finds a word without a valid count until the last line, and from then on a
 * new object that it tells from the old one by the version.
 */
static __always_inline struct refobj *
refobj_init(struct reftype *type, struct refobj *obj, struct refarray *array,
	    unsigned long place)
{
	if (busted(FAULT_word_early)) {
		refrow_publish(place, obj);
		atomic64_set(&obj->word, refobj_first_word(type, obj));
	}
	if (likely(type->simple))
		refobj_zero_words(type, obj);
	else
		refobj_prepare(type, obj, array);
	refrow_publish(place, obj);
	/*
	 * A collector that sees a mark of this object sees the object.  Pairs
	 * with the full barrier in refcandidate_take_chunk().
	 */
	smp_wmb();

	/* Pairs with refword_read_acquire() and with refobj_acquire(). */
	atomic64_set_release(&obj->word, refobj_first_word(type, obj));
	return obj;
}

static u64 reftype_bytes_of(const struct reftype *type, size_t length)
{
	struct refarray *array;

	return type->desc.size +
	       (type->desc.array ? struct_size(array, slot, length) : 0);
}

/* An array, charged with its object; the row and the memory are not yet. */
static bool refobj_reserve(struct reftype *type, size_t length, gfp_t gfp,
			   struct refarray **array)
{
	u64 bytes = reftype_bytes_of(type, length);

	if (type->heap->limited && !refheap_charge(type->heap, bytes))
		return false;
	if (!type->desc.array)
		return true;
	if (type->heap->params.flags & REFHEAP_ACCOUNT)
		gfp |= __GFP_ACCOUNT;
	*array = refarray_alloc(length, gfp);
	if (*array) {
		this_cpu_add(type->cpu->array_bytes, bytes - type->desc.size);
		return true;
	}
	if (type->heap->limited)
		refheap_uncharge(type->heap, bytes);
	return false;
}

static void refobj_unreserve(struct reftype *type, struct refarray *array)
{
	u64 bytes = reftype_bytes_of(type, array ? array->length : 0);

	if (array)
		this_cpu_sub(type->cpu->array_bytes, bytes - type->desc.size);
	kvfree(array);
	if (type->heap->limited)
		refheap_uncharge(type->heap, bytes);
}

static struct refobj *refobj_alloc_memory(struct reftype *type,
					  unsigned long place, gfp_t gfp)
{
	void *memory = kmem_cache_alloc(type->cache, gfp);
	struct refobj *obj = memory + type->desc.header;

	if (!memory)
		return NULL;
	refobj_stamp(obj, place);
	return obj;
}

/* A row, and memory for the object in it, which is dead so far. */
static __always_inline struct refobj *
refobj_find_memory(struct reftype *type, gfp_t gfp, unsigned long *place)
{
	struct refobj *obj;

	*place = refrow_alloc(type, gfp);
	if (unlikely(!*place))
		return NULL;
	obj = refrow_memory(*place);
	if (!obj)
		obj = refobj_alloc_memory(type, *place, gfp);
	if (unlikely(!obj))
		refrow_free(type, *place, END_UNUSED);
	return obj;
}

/* One with an array, or in a heap that wants to know of each. */
static noinline struct refobj *
refobj_create_carefully(struct reftype *type, size_t length, gfp_t gfp)
{
	struct refarray *array = NULL;
	unsigned long place;
	struct refobj *obj;

	if (!refobj_reserve(type, length, gfp, &array))
		return NULL;
	obj = refobj_find_memory(type, gfp, &place);
	if (!obj) {
		refobj_unreserve(type, array);
		return NULL;
	}
	if (READ_ONCE(type->heap->careful))
		refsite_note(place, gfp);
	return refobj_init(type, obj, array, place);
}

static struct refobj *refobj_create(struct reftype *type, size_t length,
				    gfp_t gfp)
{
	struct refheap *heap = type->heap;
	unsigned long place;
	struct refobj *obj;

	might_alloc(gfp);
	gfp &= ~(__GFP_ZERO | __GFP_ACCOUNT);
	if (unlikely(READ_ONCE(heap->dead)))
		return NULL;
	if (unlikely(type->desc.array || READ_ONCE(heap->careful)))
		return refobj_create_carefully(type, length, gfp);
	obj = refobj_find_memory(type, gfp, &place);
	return likely(obj) ? refobj_init(type, obj, NULL, place) : NULL;
}

/**
 * refobj_alloc - allocate an object
 * @type: of a living heap, without an array
 * @gfp: as for kmalloc(); __GFP_ZERO makes no difference, the payload is
 *	 zero, nor does __GFP_ACCOUNT, see %REFHEAP_ACCOUNT
 *
 * Context: as @gfp allows; on PREEMPT_RT not with preemption off.
 * Return: the object with one counted reference, owned by the caller, or
 * NULL when there is no memory, a limit of the heap would be exceeded, or the
 * heap has been destroyed.
 */
struct refobj *refobj_alloc(struct reftype *type, gfp_t gfp)
{
	if (refpointer_bad(type))
		return NULL;
	return refobj_create(type, 0, gfp);
}
EXPORT_SYMBOL_REFHEAP(refobj_alloc);

/**
 * refobj_alloc_array - allocate an object with an array of slots
 * @type: a type with &reftype_desc.array
 * @length: of the array; it cannot change later
 * @gfp: as for kmalloc(); arrays larger than a page need a sleeping one to
 *	 be sure to be found
 *
 * Context: as @gfp allows; on PREEMPT_RT not with preemption off.
 * Return: the object with one counted reference, owned by the caller, or
 * NULL when there is no memory, a limit of the heap would be exceeded, the
 * heap has been destroyed, or @type has no array.
 */
struct refobj *refobj_alloc_array(struct reftype *type, size_t length,
				  gfp_t gfp)
{
	if (refpointer_bad(type) || WARN_ON_ONCE(!type->desc.array))
		return NULL;
	return refobj_create(type, length, gfp);
}
EXPORT_SYMBOL_REFHEAP(refobj_alloc_array);

static struct reftail *refobj_tail(const struct reftype *type,
				   const struct refobj *obj)
{
	return refobj_memory(type, obj) + type->tail;
}

static void refobj_free_rcu(struct rcu_head *rcu)
{
	struct reftail *tail = container_of(rcu, struct reftail, rcu);

	/* refheap_free() waits for this. */
	kmem_cache_free(tail->type->cache, (void *)tail - tail->type->tail);
}

/* Does the object's memory stay with its row? Guarded pages are scarce. */
static bool refobj_kept(const struct reftype *type, const struct refobj *obj)
{
	return type->keep && !is_kfence_address(obj);
}

/* Return: the bytes that the object was charged for. */
static u64 refobj_free_array(struct reftype *type, struct refobj *obj)
{
	struct refarray **field = refobj_array(type, obj), *array = *field;
	u64 bytes;

	if (!array)
		return type->desc.size;
	bytes = struct_size(array, slot, array->length);
	this_cpu_sub(type->cpu->array_bytes, bytes);
	WRITE_ONCE(*field, NULL);
	/* Readers may be inside. */
	kvfree_rcu(array, rcu);
	return type->desc.size + bytes;
}

/*
 * Return the memory of a dead object whose slots are empty: at once, but for
 * types with a visit callback.  An earlier reader may be inside that, and
 * hold a lock in the payload, so it gets a grace period.
 */
static __always_inline void refobj_free_at(struct refobj *obj,
					   unsigned long place,
					   enum refrow_end why)
{
	struct reftype *type = place_chunk(place)->type;

	if (likely(refobj_kept(type, obj))) {
		refrow_attach(place, obj);
	} else {
		WRITE_ONCE(*place_row(place), 0);
		if (type->desc.visit) {
			refobj_tail(type, obj)->type = type;
			call_rcu(&refobj_tail(type, obj)->rcu, refobj_free_rcu);
		} else {
			kmem_cache_free(type->cache, refobj_memory(type, obj));
		}
	}
	refrow_free(type, place, why);
}

void refobj_free_memory(struct refobj *obj, enum refrow_end why)
{
	refobj_free_at(obj, READ_ONCE(obj->place), why);
}

/*
 * In a heap with limits what is gone makes room, and nothing earlier; the heap
 * may go with its last object, hence the RCU section.
 */
static noinline void refobj_free_carefully(struct reftype *type,
					   struct refobj *obj,
					   unsigned long place, u64 bytes)
{
	struct refheap *heap = type->heap;

	rcu_read_lock();
	if (heap->params.flags & REFHEAP_QUARANTINE) {
		refquarantine_add(heap, obj);
		refrow_count_freed(type);
	} else {
		refobj_free_at(obj, place, END_FREED);
	}
	if (heap->limited)
		refheap_uncharge(heap, bytes);
	rcu_read_unlock();
}

/* The end of a dead object whose slots are empty. */
void refobj_free(struct refobj *obj)
{
	unsigned long place = READ_ONCE(obj->place);
	struct reftype *type = place_chunk(place)->type;
	u64 bytes = type->desc.size;

	if (busted(FAULT_leak))
		return;
	if (busted(FAULT_use_after_free)) {
		static struct refobj *last;

		if (last)
			refword_read(last);
		last = obj;
	}
	if (unlikely(type->desc.array))
		bytes = refobj_free_array(type, obj);
	if (unlikely(READ_ONCE(type->heap->careful)))
		refobj_free_carefully(type, obj, place, bytes);
	else
		refobj_free_at(obj, place, END_FREED);
}

/* The count is outside its valid zone, and so is this use: nobody revives it. */
static void refobj_correct(struct refobj *obj)
{
	u64 leaf = refobj_chunk(obj)->type->leaf ? REFWORD_LEAF : 0;
	u64 word = refword_read(obj), new;

	/* Read-modify-write: the memory may be brought to life meanwhile. */
	do {
		if (refword_counted(word))
			return;
		new = ((word & (WORD_VERSION_MASK | WORD_LIFE)) +
		       REFWORD_VERSION) | leaf | REFWORD_DEAD |
		      REFCOUNT_ZONE_DEAD;
	} while (!refword_try_cmpxchg(obj, &word, new));
}

/*
 * Put the count of an object that is not counted any more back to the middle
 * of its zone, if it has gone far: an immortal one is used by everybody.
 */
static void refobj_recentre(struct refobj *obj)
{
	u64 word = refword_read(obj);
	s32 astray;

	do {
		if (!refword_saturated(word))
			return;
		astray = refword_count(word) - refword_zone(word);
		if (refword_immortal(word) &&
		    abs(astray) < REFIMMORTAL_EDGES)
			return;
	} while (!refword_try_cmpxchg(obj, &word,
				      ((word & ~REFWORD_COUNT) +
				       REFWORD_VERSION) | refword_zone(word)));
}

/*
 * Let an object live for ever that is known to be counted wrongly, if @word is
 * its word still.
 */
bool refobj_saturate(struct refobj *obj, u64 word)
{
	return refword_try_cmpxchg(obj, &word,
				   ((word & ~REFWORD_COUNT) +
				    REFWORD_VERSION) |
				   REFCOUNT_ZONE_SATURATED);
}

void __refobj_get_slow(struct refobj *obj, u64 old)
{
	u32 count = refword_count(old);

	if (count == REFCOUNT_ZONE_MAX && busted(FAULT_saturation))
		return;
	if (count == REFCOUNT_ZONE_MAX)
		refobj_warn(obj, "count saturated, the object leaks");
	if (count == REFCOUNT_ZONE_MAX || refword_saturated(old)) {
		refobj_recentre(obj);
		return;
	}
	refobj_warn(obj, count ? "get of a dead object" : "get on zero");
	if (!count) {
		/* It is one now, and must not be put to zero a second time. */
		old += REFWORD_GET;
		refword_try_cmpxchg(obj, &old, refword_dead(old));
		return;
	}
	refobj_correct(obj);
}
EXPORT_SYMBOL_REFHEAP(__refobj_get_slow);

/* A put found no valid count and, in case @done, has already lowered it. */
static void refobj_put_invalid(struct refobj *obj, u32 count, bool done)
{
	if (refword_saturated(count)) {
		if (done)
			refobj_recentre(obj);
		return;
	}
	refobj_warn(obj, count ? "put of a dead object" : "put on zero");
	if (done)
		refobj_correct(obj);
}

/* Does its type want a word before an object dies, for the first time? */
static bool refobj_unfinalized(const struct refobj *obj, u64 word)
{
	return !(word & (REFWORD_LEAF | REFWORD_DEAD | REFWORD_FINALIZED)) &&
	       refobj_chunk(obj)->type->desc.finalize;
}

/*
 * Give up one counted reference without releasing.
 *
 * A reference that leaves others behind may leave a cycle behind: the object
 * becomes a candidate.  Both marks, the row's and the word's, are set while
 * the reference still keeps the object:
 *
 *	T1 (here)			collector (refcandidate_take_chunk())
 *	word: read, not MARKED		row: clear the mark
 *	row: mark			full barrier
 *	word: cmpxchg count - 1,	word: cmpxchg clear MARKED,
 *	      MARKED				      version + 1; judge it
 *
 * Either the collector's compare-and-swap comes second, and it judges the
 * lower count; or it came first: then T1 has read the word after it, or T1's
 * fails and it reads again; reading it orders the mark behind the clearing
 * (by the dependency of the store on the word), and the mark stays for the
 * next collection.
 *
 * While the word says MARKED others need not mark: the collector clears the
 * row's mark, then MARKED, and what it reads in that instant is the word
 * behind all decrements that relied on it.  Such a put is an addition like any
 * other (refobj_put()), which tells afterwards whether MARKED was still there.
 * If not, the collector has read the higher count, and the row has to be
 * marked behind the decrement.  Which one that is has been read before.  Of what
 * is there now nothing is known: the object may be gone, its row another's,
 * which does no harm, and even the chunk and the heap; so the chunk is looked
 * up (refrow_exists()).
 *
 *	T1 (refobj_put())		collector (refcandidate_take_chunk())
 *	word: read, MARKED		row: clear the mark
 *	word: count - 1			full barrier
 *	full barrier			word: cmpxchg clear MARKED, version + 1
 *	row: mark
 *
 * Either the collector's compare-and-swap comes second, or T1 has missed
 * MARKED, and its mark comes behind the clearing.
 *
 * The last reference to an object that is to be finalized is not given up but
 * becomes its releaser's, who gives it up when the finalizer has run.  If it
 * is on trial, the trial has failed, since an edge to it has been removed
 * (judge.c, (2)); it is taken out here, for its row may not be found when the
 * others are unmarked.
 *
 * Context: any but NMI.
 * Return: true if that was the last reference and the caller has to release.
 */
static __always_inline bool refobj_drop_inline(struct refobj *obj)
{
	u64 old = refword_read(obj), new;

	do {
		if (unlikely(!refword_counted(old))) {
			refobj_put_invalid(obj, refword_count(old), false);
			return false;
		}
		new = old + REFWORD_PUT;
		if (refword_count(old) == 1) {
			if (refobj_unfinalized(obj, old))
				new = ((old & ~REFWORD_CONDEMNED) +
				       REFWORD_VERSION) | REFWORD_FINALIZED;
		} else if (!(old & (REFWORD_MARKED | REFWORD_LEAF |
				    REFWORD_DEAD))) {
			if (!busted(FAULT_put_mark))
				refrow_mark(READ_ONCE(obj->place));
			if (!busted(FAULT_touch))
				new |= REFWORD_MARKED;
		}
	} while (unlikely(!refword_try_cmpxchg(obj, &old, new)));
	if (busted(FAULT_touch) && refword_count(old) > 1 &&
	    !(old & REFWORD_LEAF))
		atomic64_or(REFWORD_MARKED, &obj->word);
	return refword_count(old) == 1 &&
	       (!(old & REFWORD_DEAD) || busted(FAULT_dead));
}

bool refobj_drop(struct refobj *obj)
{
	return refobj_drop_inline(obj);
}

void __refobj_put_slow(struct refobj *obj)
{
	if (refobj_drop_inline(obj))
		refobj_release(obj);
}
EXPORT_SYMBOL_REFHEAP(__refobj_put_slow);

/* The decrement has been done; it was the last, or found no valid count. */
void __refobj_put_last(struct refobj *obj, u64 old)
{
	if (refword_count(old) != 1) {
		refobj_put_invalid(obj, refword_count(old), true);
		return;
	}
	if (old & REFWORD_DEAD)
		return;
	/* Pairs with the release of all other puts: see their writes. */
	smp_acquire__after_ctrl_dep();
	refobj_release(obj);
}
EXPORT_SYMBOL_REFHEAP(__refobj_put_last);

/*
 * A put that relied on MARKED has found it cleared: see refobj_drop().  The
 * caller has nothing any more.
 */
void __refrow_mark_late(unsigned long place, u64 old)
{
	/* The last one leaves nothing behind, and after it there is no row. */
	if (refword_count(old) == 1 || !refword_counted(old) ||
	    busted(FAULT_late_mark))
		return;
	/*
	 * Who takes this mark reads the lowered count.  Pairs with the full
	 * barrier in refcandidate_take_chunk().
	 */
	smp_mb__after_atomic();
	rcu_read_lock();
	if (refrow_exists(place))
		refrow_mark(place);
	rcu_read_unlock();
}
EXPORT_SYMBOL_REFHEAP(__refrow_mark_late);

/**
 * refobj_get_unless_zero - turn a borrowed pointer into a reference
 * @obj: read from somewhere under RCU, in the same read section
 *
 * From the instant an island is condemned it fails for every member, and
 * before that success saves the island (G13).  It never fails for an object
 * that stays alive, but for one that is going to be finalized as a member of
 * an island, for the moment between the verdict and its return to life.
 *
 * The memory may have been reused for another object of the same type since
 * @obj was read: after success, look again whether the place it was read
 * from still says @obj, and put it if not.
 *
 * Context: any but NMI, under rcu_read_lock().
 * Return: true if the caller now holds a counted reference.
 */
bool refobj_get_unless_zero(struct refobj *obj)
{
	u64 seen;

	if (refpointer_bad(obj))
		return false;
	return refobj_acquire(obj, &seen);
}
EXPORT_SYMBOL_REFHEAP(refobj_get_unless_zero);

/**
 * refobj_type - type of an object
 * @obj: a held object
 *
 * Context: any.
 * Return: the type it was allocated with.
 */
struct reftype *refobj_type(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return NULL;
	return refobj_chunk(obj)->type;
}
EXPORT_SYMBOL_REFHEAP(refobj_type);

/**
 * refobj_is_finalized - has an object's finalizer been called?
 * @obj: a held object
 *
 * Context: any.
 * Return: true from the moment before the call of &reftype_desc.finalize to
 * the end of the object; it will not be called again.
 */
bool refobj_is_finalized(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return false;
	return refword_read(obj) & REFWORD_FINALIZED &&
	       refobj_chunk(obj)->type->desc.finalize;
}
EXPORT_SYMBOL_REFHEAP(refobj_is_finalized);

/**
 * refobj_id - the number by which debugfs and warnings name an object
 * @obj: a held object
 *
 * Context: any.
 * Return: its row in the object table; another object may have it later.
 */
u32 refobj_id(const struct refobj *obj)
{
	unsigned long place;

	if (refpointer_bad(obj))
		return U32_MAX;
	place = READ_ONCE(obj->place);
	return chunk_row(place_chunk(place), place_index(place));
}
EXPORT_SYMBOL_REFHEAP(refobj_id);

/**
 * refobj_heap - heap of an object
 * @obj: a held object
 *
 * Context: any.
 * Return: the heap it lives in.
 */
struct refheap *refobj_heap(const struct refobj *obj)
{
	if (refpointer_bad(obj))
		return NULL;
	return refobj_chunk(obj)->heap;
}
EXPORT_SYMBOL_REFHEAP(refobj_heap);
