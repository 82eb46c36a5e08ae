/* SPDX-License-Identifier: GPL-2.0 */
/*
 * refheap - a private heap of reference-counted objects whose cycles are
 * collected while everyone else keeps running.
 *
 * Contract
 * ========
 *
 * A &struct refobj is embedded in any structure and allocated from a heap by
 * refobj_alloc(), which hands out the first counted reference.  References
 * are held in C pointers (refobj_get(), refobj_put()) or in slots,
 * &struct refslot members of heap objects (refslot_set() and friends).  An
 * object whose count reaches zero is released before the put returns.  An
 * island of objects that keep only one another alive is found and reclaimed
 * by the heap's thread.
 *
 * What the caller owes
 * ====================
 *
 * 1. Slots are written only through this interface and only by someone who
 *    holds a counted reference to their owner, directly or through a chain of
 *    locks and slots that starts at a held one.  Slots are never memcpy'd.
 * 2. A pointer borrowed under RCU alone may be given to
 *    refobj_get_unless_zero() and to nothing else.
 * 3. A slot refers to an object of its own heap.
 * 4. Memory that a visit callback follows is freed by kfree_rcu(), and the
 *    pointer to it is cleared first.
 * 5. A slot that is not empty stays with its owner: entries of lists or trees
 *    in which slots lie are emptied before they change it.  References change
 *    owners by refslot_move(), or refslot_take() and refslot_give(), alone:
 *    the collector has to be told.
 * 6. No handler of a hard interrupt enables interrupts: each level of nesting
 *    has caches of its own, which nothing of the same level may interrupt.
 *
 * What it does not owe
 * ====================
 *
 * What is given NULL, a member of NULL or an error in place of what it needs
 * says so in the log and refuses: with -EINVAL where it returns errors, else
 * with NULL, false or 0.  So do calls with an object that is dead, as long as
 * its memory has not been reused, or of another heap.  NULL is no mistake
 * where there may be nothing: as the new target of a slot or a weak reference,
 * as what is destroyed, as what a scope holds.  refobj_get() and refobj_put()
 * are no more than the instruction that counts, and trap on NULL like
 * kref_get() and kref_put().
 *
 * Which operations may run concurrently
 * =====================================
 *
 * Rows and columns name operations on the same object or slot.  "yes" needs
 * no lock of the caller; "lock" asks for one; "ref" means that each side
 * holds a counted reference of its own.
 *
 *                 get   put   set/clear  give/take/move  load  collector
 * get             ref   ref   ref        ref             ref   yes
 * put             ref   ref   ref        ref             ref   yes
 * set/clear       ref   ref   yes        yes             yes   yes
 * give/take/move  ref   ref   yes        yes             yes   yes
 * load            ref   ref   yes        yes             yes   yes
 * get_unless_zero yes   yes   yes        yes             yes   yes
 *
 * Concurrent writers of one slot are safe for the heap (each reference is
 * counted once whatever the order); which of them wins is the caller's
 * business.
 *
 * Context
 * =======
 *
 * refobj_get() is one atomic instruction and legal everywhere, NMI included.
 * refobj_put() and the slot operations are legal in process, softirq and
 * hardirq context and under any lock, not in NMI.  Where the context forbids
 * the release (a sleeping one in atomic context; any one, on PREEMPT_RT, with
 * preemption or interrupts off) the heap's thread runs it at once.
 */
#ifndef _REFHEAP_H
#define _REFHEAP_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/klist.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/version.h>

#include <refheap_count.h>

struct cpumask;
struct notifier_block;
struct refheap;
struct reftype;

/**
 * struct refslot - a place inside an object that holds a counted reference
 * @target: private; the object referred to, or NULL
 *
 * Zeroed memory is an empty slot.
 */
struct refslot {
	struct refobj *target;
};

/**
 * struct refarray - slots of an object whose number is chosen at allocation
 * @rcu: private
 * @length: number of elements of @slot; never changes
 * @slot: the slots
 *
 * Made and freed by the heap with the object; see refobj_alloc_array().
 */
struct refarray {
	struct rcu_head rcu;
	size_t length;
	struct refslot slot[];
};

/**
 * struct refweak - a weak reference: it finds its target as long as that lives
 * @target: private; the object, or NULL when it is dead
 * @owner: private; the object that this is a member of, or NULL
 * @heap: private; where it is linked or queued, or NULL
 * @callback: private; what to call when the target has died, or NULL
 * @node: private; among those of the same target, or in the heap's queue
 *
 * Zeroed memory is an empty weak reference.  It may lie anywhere: declare one
 * that is a member of a heap object by REFWEAK(), and clear any other before
 * its memory goes.
 */
struct refweak {
	struct refobj *target;
	struct refobj *owner;
	struct refheap *heap;
	void (*callback)(struct refweak *weak);
	struct list_head node;
};

/* What a type is allowed or unable to do: &reftype_desc.flags. */

/* release() or finalize() may sleep: only where that is certain to be legal. */
#define REFTYPE_RELEASE_SLEEPS	BIT(0)

/* Longer arrays of slots are a &struct refarray, which is gone through in parts. */
#define REFTYPE_MEMBERS		1024

/**
 * struct reffield - one declared slot member, or fixed array of slots
 * @offset: bytes from the start of the client's structure
 * @count: number of consecutive slots there
 */
struct reffield {
	u32 offset;
	u32 count;
};

/* private: the member must be a struct refslot or an array of them */
#define __REFFIELD_COUNT(type, member) \
	(sizeof(((type *)NULL)->member) / sizeof(struct refslot))
#define __REFFIELD_CHECK(type, member) \
	BUILD_BUG_ON_ZERO( \
		!__same_type(((type *)NULL)->member, struct refslot) && \
		!__same_type(((type *)NULL)->member, \
			     struct refslot[__REFFIELD_COUNT(type, member)]))

/**
 * REFFIELD - declare a slot member for &reftype_desc.fields
 * @type: the client's structure
 * @member: a &struct refslot, or a fixed array of them; anything else does
 *	    not compile
 */
#define REFFIELD(type, member) { \
	.offset = offsetof(type, member) + __REFFIELD_CHECK(type, member), \
	.count = __REFFIELD_COUNT(type, member), \
}

/* private: the member must be a struct refweak or an array of them */
#define __REFWEAK_COUNT(type, member) \
	(sizeof(((type *)NULL)->member) / sizeof(struct refweak))
#define __REFWEAK_CHECK(type, member) \
	BUILD_BUG_ON_ZERO( \
		!__same_type(((type *)NULL)->member, struct refweak) && \
		!__same_type(((type *)NULL)->member, \
			     struct refweak[__REFWEAK_COUNT(type, member)]))

/**
 * REFWEAK - declare a weak reference for &reftype_desc.weaks
 * @type: the client's structure
 * @member: a &struct refweak, or a fixed array of them
 */
#define REFWEAK(type, member) { \
	.offset = offsetof(type, member) + __REFWEAK_CHECK(type, member), \
	.count = __REFWEAK_COUNT(type, member), \
}

/**
 * struct refvisitor - what a visit callback hands each of its slots to
 * @slot: private; called by refvisit()
 */
struct refvisitor {
	void (*slot)(struct refvisitor *visitor, struct refslot *slot);
};

/**
 * refvisit - report one slot from a visit callback
 * @visitor: as passed to the callback
 * @slot: a slot of the visited object; report each exactly once
 *
 * Context: only inside &reftype_desc.visit.
 */
static inline void refvisit(struct refvisitor *visitor, struct refslot *slot)
{
	visitor->slot(visitor, slot);
}

/**
 * struct reftype_desc - what a client declares of a type
 * @name: unique in its heap, and as a heap's name has to be; becomes part of
 *	  the slab cache's name
 * @size: bytes of the client's structure
 * @align: its alignment, 0 for that of the header
 * @header: offset of the &struct refobj in it
 * @flags: REFTYPE_* flags
 * @fields: slots at fixed offsets, see REFFIELD(), or NULL; all together no
 *	    more than %REFTYPE_MEMBERS, for they are emptied in one go
 * @nr_fields: length of @fields
 * @array: offset of a &struct refarray pointer that the heap fills in
 *	   refobj_alloc_array(), or 0; the pointer is cleared before the
 *	   memory is reused
 * @weaks: weak references among the members, see REFWEAK(), or NULL; no more
 *	   than %REFTYPE_MEMBERS
 * @nr_weaks: length of @weaks
 * @init: prepares a new object's payload, or NULL
 * @visit: reports the slots of everything else through refvisit(), or NULL
 * @finalize: called once in an object's life, before anything of it is taken
 *	      apart, or NULL
 * @release: last words of an object, or NULL
 *
 * The descriptor and the name are copied at registration.  A type without
 * @fields, @array, @visit and @finalize is a leaf.
 *
 * @finalize runs when the object would die: its slots, and all that it hangs
 * together with, are still as they were.  It may use all of that, and make
 * the object or others live on by storing references to them; what nobody
 * refers to afterwards dies then, what does lives, and dies later without
 * being finalized again.  When an island is collected the finalizers of all
 * its members have run before anything of it is released, and weak references
 * to them are dead already; when the last reference is put they are not.
 *
 * @release runs when the object can no longer be reached by anyone, its
 * slots have been emptied and its weak references cleared.  It must not keep
 * the pointer.
 *
 * Both may put, get and allocate other objects; unless the type says
 * %REFTYPE_RELEASE_SLEEPS they must not sleep, for they may run with preemption
 * off, a leaf's even where the put could have slept.
 *
 * @init runs inside refobj_alloc(), in its context, on the zeroed payload and
 * before anyone else can see the object: the place to initialise the lock
 * that @visit tries.
 *
 * @visit runs under RCU at any time from the end of @init until a grace
 * period after @release, on any CPU, so it must cope with what @init leaves
 * and with what @release leaves; it may only trylock, and must not sleep.
 * The memory of an object with a visit callback goes back to the slab after
 * a grace period, that of all others at once.  It returns 0 when it has
 * reported every slot exactly once, or -EBUSY when it cannot: the object then
 * counts as alive this time.  On an object that is being released nothing but
 * an earlier reader can hold its lock; the heap asks again until it succeeds.
 */
struct reftype_desc {
	const char *name;
	size_t size;
	size_t align;
	size_t header;
	unsigned int flags;
	const struct reffield *fields;
	unsigned int nr_fields;
	size_t array;
	const struct reffield *weaks;
	unsigned int nr_weaks;
	void (*init)(struct refobj *obj);
	int (*visit)(struct refobj *obj, struct refvisitor *visitor);
	void (*finalize)(struct refobj *obj);
	void (*release)(struct refobj *obj);
};

/**
 * REFTYPE - initialise the layout members of a &struct reftype_desc
 * @type: the client's structure
 * @member: its &struct refobj
 *
 * As in ``{ REFTYPE(struct node, obj), .name = "node" }``.
 */
#define REFTYPE(type, member) \
	.size = sizeof(type), \
	.align = __alignof__(type), \
	.header = offsetof(type, member) + \
		  BUILD_BUG_ON_ZERO(!__same_type(((type *)NULL)->member, \
						 struct refobj))

/**
 * REFTYPE_FIELDS - set &reftype_desc.fields to a static table
 * @table: an array of &struct reffield
 */
#define REFTYPE_FIELDS(table) \
	.fields = (table), .nr_fields = ARRAY_SIZE(table)

/**
 * REFTYPE_WEAKS - set &reftype_desc.weaks to a static table
 * @table: an array of &struct reffield, see REFWEAK()
 */
#define REFTYPE_WEAKS(table) \
	.weaks = (table), .nr_weaks = ARRAY_SIZE(table)

/**
 * REFTYPE_ARRAY - set &reftype_desc.array
 * @type: the client's structure
 * @member: a pointer to &struct refarray
 */
#define REFTYPE_ARRAY(type, member) \
	.array = offsetof(type, member) + \
		 BUILD_BUG_ON_ZERO(!__same_type(((type *)NULL)->member, \
						struct refarray *))

/* Charge objects to the memory cgroup of the allocating task. */
#define REFHEAP_ACCOUNT		BIT(0)
/* Do not report the objects still held when the heap is destroyed. */
#define REFHEAP_QUIET		BIT(1)
/* Begin with automatic collection stopped; see refheap_start(). */
#define REFHEAP_STOPPED		BIT(2)
/* Note where objects are allocated; see refheap_track_sites(). */
#define REFHEAP_TRACK_SITES	BIT(3)
/*
 * For finding misuse: the memory of the last 8192 objects released is not used
 * again, so that every use of one of them is reported.
 */
#define REFHEAP_QUARANTINE	BIT(4)

/**
 * struct refheap_params - how a heap is to behave; zeroed means defaults
 * @flags: REFHEAP_* flags
 * @nice: of the collector's thread, -20..19
 * @cpus: CPUs that the thread may run on, or NULL for all
 * @max_objects: refuse to hold more objects than this, 0 for no limit
 * @max_bytes: refuse to hold more bytes of objects than this (arrays
 *	       included), 0 for no limit
 * @period_ms: the longest that a new candidate waits for a collection, a
 *	       day at most; 0 for the module's default
 * @threshold: collect at once when about this many candidates have come,
 *	       0 for the module's default; below 1024 all are counted, else
 *	       those of one row in 128 stand for the others.  An allocation
 *	       that may sleep lets a collection begin that is due by this,
 *	       and waits for that a fiftieth of a second at most: so memory
 *	       is bounded by about twice as many candidates, and what hangs
 *	       on them, however fast they come
 *
 * Limits are exact: they are never exceeded, and an allocation is refused
 * early only while others that are themselves being refused are in flight,
 * at most one for each CPU.
 */
struct refheap_params {
	unsigned int flags;
	int nice;
	const struct cpumask *cpus;
	u64 max_objects;
	u64 max_bytes;
	unsigned int period_ms;
	unsigned int threshold;
};

/**
 * struct refheap_stats - what a heap has done so far
 * @objects: objects now allocated
 * @bytes: memory they take, headers included
 * @allocated: objects ever allocated
 * @freed: objects that are gone; the memory of those with a visit callback
 *	   follows a grace period later
 * @collections: collections made by the thread, full ones included
 * @full: of these, the full ones
 * @traced: objects whose slots the collector has read
 * @islands: islands reclaimed; those that were condemned as one set count once
 * @reclaimed: objects reclaimed as members of islands
 * @kept: objects put into the garbage list instead, see
 *	  refheap_set_save_all()
 * @rescued: islands saved by an acquisition while on trial
 * @aborted: trials that ended because a member had changed
 * @deferred: releases handed to the thread
 * @last_ns: duration of the last collection
 * @longest_ns: duration of the longest collection
 */
struct refheap_stats {
	u64 objects;
	u64 bytes;
	u64 allocated;
	u64 freed;
	u64 collections;
	u64 full;
	u64 traced;
	u64 islands;
	u64 reclaimed;
	u64 kept;
	u64 rescued;
	u64 aborted;
	u64 deferred;
	u64 last_ns;
	u64 longest_ns;
};

/* Ages of containers, and of collections: Python's generations 0, 1 and 2. */
#define REFHEAP_AGES		3

/* Age of what refheap_freeze() has taken out of all collections. */
#define REFAGE_FROZEN		3

/**
 * struct refheap_age_stats - what the collections of one age have done so far
 * @collections: their number
 * @candidates: objects that they began with
 * @reclaimed: objects reclaimed as members of islands
 * @kept: objects put into the garbage list instead
 * @rescued: islands saved by an acquisition while on trial
 * @aborted: trials that ended because a member had changed
 * @total_ns: duration of all
 * @last_ns: duration of the last
 * @longest_ns: duration of the longest
 */
struct refheap_age_stats {
	u64 collections;
	u64 candidates;
	u64 reclaimed;
	u64 kept;
	u64 rescued;
	u64 aborted;
	u64 total_ns;
	u64 last_ns;
	u64 longest_ns;
};

/**
 * enum refheap_notice_event - what a notifier is called for
 * @REFHEAP_COLLECT_START: a collection is about to begin; of &struct
 *			   refheap_notice only @heap and @age are filled in
 * @REFHEAP_COLLECT_STOP: it is over, with all releases and weak callbacks
 */
enum refheap_notice_event {
	REFHEAP_COLLECT_START = 1,
	REFHEAP_COLLECT_STOP,
};

/**
 * struct refheap_notice - what a notifier is told
 * @heap: whose collection it is
 * @age: of the collection, 0 to 2
 * @candidates: objects that it began with
 * @reclaimed: objects reclaimed as members of islands
 * @kept: objects put into the garbage list instead
 * @duration_ns: of the collection proper
 */
struct refheap_notice {
	struct refheap *heap;
	unsigned int age;
	u64 candidates;
	u64 reclaimed;
	u64 kept;
	u64 duration_ns;
};

struct refheap *refheap_create(const char *name,
			       const struct refheap_params *params);
int refheap_destroy(struct refheap *heap);
struct reftype *refheap_register_type(struct refheap *heap,
				      const struct reftype_desc *desc);

/* Judge every container, not only candidates and what hangs on them. */
#define REFHEAP_COLLECT_FULL	BIT(0)

long refheap_collect(struct refheap *heap, unsigned int flags);
long refheap_collect_age(struct refheap *heap, unsigned int age);
void refheap_kick(struct refheap *heap);
int refheap_drain(struct refheap *heap);
bool refheap_is_running(const struct refheap *heap);
int refheap_register_notifier(struct refheap *heap,
			      struct notifier_block *notifier);
int refheap_unregister_notifier(struct refheap *heap,
				struct notifier_block *notifier);
int refheap_freeze(struct refheap *heap);
int refheap_unfreeze(struct refheap *heap);
u64 refheap_frozen(struct refheap *heap);
void refheap_stop(struct refheap *heap);
void refheap_start(struct refheap *heap);
int refheap_set_period(struct refheap *heap, unsigned int period_ms);
int refheap_set_threshold(struct refheap *heap, unsigned int threshold);
void refheap_set_thresholds(struct refheap *heap,
			    const unsigned int thresholds[REFHEAP_AGES]);
void refheap_get_thresholds(struct refheap *heap,
			    unsigned int thresholds[REFHEAP_AGES]);
void refheap_get_counts(struct refheap *heap,
			unsigned int counts[REFHEAP_AGES]);
void refheap_get_stats(struct refheap *heap, struct refheap_stats *stats);
int refheap_get_age_stats(struct refheap *heap, unsigned int age,
			  struct refheap_age_stats *stats);
void refheap_set_save_all(struct refheap *heap, bool save);
long refheap_garbage(struct refheap *heap, struct refobj **list,
		     unsigned int nr);
long refheap_empty_garbage(struct refheap *heap);
int refheap_track_sites(struct refheap *heap, bool track);
int refheap_report(struct refheap *heap);
int refheap_for_each(struct refheap *heap, struct reftype *type, int age,
		     int (*function)(struct refobj *obj, void *data),
		     void *data);
const char *refheap_name(const struct refheap *heap);

struct refobj *refobj_alloc(struct reftype *type, gfp_t gfp);
struct refobj *refobj_alloc_array(struct reftype *type, size_t length,
				  gfp_t gfp);
bool refobj_get_unless_zero(struct refobj *obj);
u32 refobj_id(const struct refobj *obj);
struct reftype *refobj_type(const struct refobj *obj);
struct refheap *refobj_heap(const struct refobj *obj);
const char *reftype_name(const struct reftype *type);
long refobj_referents(struct refobj *obj, struct refobj **list,
		      unsigned int nr);
long refobj_referrers(struct refobj *obj, struct refobj **list,
		      unsigned int nr);
bool refobj_make_immortal(struct refobj *obj);
bool refobj_is_immortal(const struct refobj *obj);
bool refobj_is_unique(const struct refobj *obj);
bool refobj_is_tracked(const struct refobj *obj);
unsigned int refobj_age(const struct refobj *obj);

int refslot_set(struct refobj *owner, struct refslot *slot,
		struct refobj *target);
void refslot_clear(struct refobj *owner, struct refslot *slot);
int refslot_give(struct refobj *owner, struct refslot *slot,
		 struct refobj *ref);
struct refobj *refslot_take(struct refobj *owner, struct refslot *slot);
int refslot_move(struct refobj *to_owner, struct refslot *to,
		 struct refobj *from_owner, struct refslot *from);
struct refobj *refslot_load(const struct refslot *slot);

int refweak_set(struct refobj *owner, struct refweak *weak,
		struct refobj *target,
		void (*callback)(struct refweak *weak), gfp_t gfp);
struct refobj *refweak_load(const struct refweak *weak);
bool refweak_clear(struct refweak *weak);
void refweak_clear_sync(struct refweak *weak);
unsigned int refobj_weak_count(const struct refobj *obj);
unsigned int refobj_weak_list(const struct refobj *obj,
			      struct refweak **list, unsigned int nr);
bool refobj_is_finalized(const struct refobj *obj);

int refheap_bind(struct refheap *heap, const char *name, struct refobj *obj);
int refheap_unbind(struct refheap *heap, const char *name);
struct refobj *refheap_lookup(struct refheap *heap, const char *name);

/* The kinds of weak maps: one of these is given to refmap_create(). */
#define REFMAP_WEAK_VALUES	BIT(0)	/* number -> object, not counted */
#define REFMAP_WEAK_KEYS	BIT(1)	/* object, not counted -> object */

struct refmap;

struct refmap *refmap_create(struct refheap *heap, unsigned int kind);
void refmap_destroy(struct refmap *map);
unsigned int refmap_count(const struct refmap *map);

int refmap_set(struct refmap *map, u64 key, struct refobj *value);
int refmap_insert(struct refmap *map, u64 key, struct refobj *value);
struct refobj *refmap_lookup(struct refmap *map, u64 key);
int refmap_remove(struct refmap *map, u64 key);

int refmap_set_obj(struct refmap *map, struct refobj *key,
		   struct refobj *value);
int refmap_insert_obj(struct refmap *map, struct refobj *key,
		      struct refobj *value);
struct refobj *refmap_lookup_obj(struct refmap *map, struct refobj *key);
int refmap_remove_obj(struct refmap *map, struct refobj *key);

/**
 * struct refmap_cursor - how far a walk over a weak map has come
 * @walk: private
 * @begun: private
 * @key: the key, if that is a number
 * @key_obj: the key, if that is an object
 * @value: what the map has for it
 *
 * The cursor holds the objects until the walk goes on; refobj_take() keeps
 * them for longer.
 */
struct refmap_cursor {
	struct klist_iter walk;
	bool begun;
	u64 key;
	struct refobj *key_obj;
	struct refobj *value;
};

struct refmap_cursor refmap_begin(struct refmap *map);
bool refmap_next(struct refmap_cursor *cursor);
void refmap_end(struct refmap_cursor *cursor);

/**
 * refmap_for_each - walk over a weak map
 * @cursor: name of a &struct refmap_cursor that is declared here
 * @map: a weak map; not to be destroyed meanwhile
 *
 * In the order in which the keys came into the map, each once.  Entries may
 * come, be replaced, be removed and die meanwhile, by the loop itself or by
 * others, who may walk as well: what is there from the beginning to the end of
 * the walk is met, what is dead is not, and nothing else need be.  The loop
 * may be left in any way.
 *
 * Context: process.  Goes on to the next entry by refmap_next(), which may
 * put the last references to the objects of the one before.
 */
#define refmap_for_each(cursor, map) \
	for (struct refmap_cursor cursor __cleanup(refmap_end) = \
	     refmap_begin(map); refmap_next(&(cursor));)

/**
 * struct refname_cursor - how far a walk over a heap's names has come
 * @walk: private
 * @name: a name; valid until the walk goes on
 * @obj: what it refers to; the cursor holds it until the walk goes on, and
 *	 refobj_take() keeps it for longer
 */
struct refname_cursor {
	struct klist_iter walk;
	const char *name;
	struct refobj *obj;
};

struct refname_cursor refname_begin(struct refheap *heap);
bool refname_next(struct refname_cursor *cursor);
void refname_end(struct refname_cursor *cursor);

/**
 * refheap_for_each_name - walk over a heap's names
 * @cursor: name of a &struct refname_cursor that is declared here
 * @heap: a heap
 *
 * In the order in which they were first bound, each once.  Names may be bound
 * and unbound meanwhile, by the loop itself or by others: one that is there
 * from the beginning to the end of the walk is met, and no other need be.
 * The loop may be left in any way.
 *
 * Context: process.  Goes on to the next name by refname_next(), which may
 * put the last reference to the object of the one before.
 */
#define refheap_for_each_name(cursor, heap) \
	for (struct refname_cursor cursor __cleanup(refname_end) = \
	     refname_begin(heap); refname_next(&(cursor));)

/*
 * REFHEAP_IMPORT_NS - let a module use the exported symbols
 *
 * Once in every client module, at file scope, followed by a semicolon.  The
 * namespace became a string in 6.13.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define REFHEAP_IMPORT_NS	MODULE_IMPORT_NS("REFHEAP")
#else
#define REFHEAP_IMPORT_NS	MODULE_IMPORT_NS(REFHEAP)
#endif

/**
 * refslot_empty - look whether a slot holds a reference
 * @slot: of an object that the caller holds
 *
 * Context: any.
 * Return: true if it was empty at some moment during the call.
 */
static inline bool refslot_empty(const struct refslot *slot)
{
	return !READ_ONCE(slot->target);
}

#include <refheap_scope.h>

#endif /* _REFHEAP_H */
