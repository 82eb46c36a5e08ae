/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to refheap.ko: the structures and who may touch what.
 *
 * Locking
 * =======
 *
 * Letters on struct fields say what guards them:
 *
 *  I  set before publication, never changes
 *  L  refheap_list_lock (mutex): the list of heaps and their life
 *  T  heap->types_lock (mutex): registration of types
 *  N  heap->names_lock (mutex): binding of names
 *  R  type->rows_lock (spinlock, irqs off): free rows of the object table
 *  Q  heap->request_lock (spinlock, irqs off): what is asked of the thread
 *  C  the heap's thread alone; others may read with READ_ONCE()
 *  P  per CPU, with preemption off or one this_cpu operation
 *  W  heap->weaks.xa_lock (spinlock, irqs off): weak references
 *  V  heap->quarantine_lock (spinlock, irqs off, a leaf)
 *  G  refchunk_registry_lock (spinlock, irqs off, a leaf): chunks by address,
 *     of all heaps; read under RCU
 *  A  atomic or lockless; the comment where it is written says which access
 *     it pairs with
 *
 * The mutexes do not nest in one another; under refheap_list_lock rows_lock and
 * quarantine_lock are taken (pressure.c).  rows_lock is a leaf, and so is that
 * of weaks; names_lock nests only those of the hash table and the list.  None is
 * held while client code runs, none of the spinlocks for more than O(1) work
 * (rows_lock: one batch of REFROW_BATCH rows; that of weaks: all weak references
 * to one object, where somebody lists them, and all of the heap at its end).
 * get, put on a living object, slot load and slot store take none.
 *
 * Life times
 * ==========
 *
 * An object's memory is type-stable: whoever is in an RCU read section and
 * has seen the pointer in a row or a slot may read the header until the
 * section ends, and has to check that it is still the object that was meant.
 * Chunks of the object table, per-CPU data and the heap are freed a grace
 * period after the last object, from process context.
 */
#ifndef _REFHEAP_INTERNAL_H
#define _REFHEAP_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/klist.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/preempt.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <refheap.h>

#include "busted.h"
#include "chunk.h"
#include "compat.h"
#include "word.h"

struct refisland;

#define REFHEAP_NAME_MAX	64

/*
 * Rows ready for use on this CPU, one set for each level of interrupt
 * nesting (task, softirq, hardirq), so that preemption off is all the
 * exclusion needed.  (P)
 */
struct refrow_cache {
	unsigned int nr;
	u64 allocated;			/* objects; read by others, never torn */
	u64 freed;
	unsigned long place[REFROW_CACHED];
};

/* Per-CPU side of a type. (P) */
#define REFTYPE_LEVELS	3

struct reftype_cpu {
	struct refrow_cache level[REFTYPE_LEVELS];
	u64 array_bytes;		/* wraps: only the sum over CPUs means much */
};

/* Behind the client's structure where memory is freed a grace period later. */
struct reftail {
	struct rcu_head rcu;
	struct reftype *type;
};

struct reftype {
	struct refheap *heap;		/* I */
	struct reftype_desc desc;	/* I: copied, .fields and .name too */
	struct kmem_cache *cache;	/* I */
	struct reftype_cpu __percpu *cpu; /* I */
	unsigned int number;		/* I: in order of registration */
	u64 first_word;			/* I: of an object, but for the version */
	struct reffield run;		/* I: the first of desc.fields, or empty */
	bool leaf;			/* I */
	bool plain;			/* I: no slots, no callback */
	bool direct;			/* I: no slots, no callback that may sleep */
	bool fields_only;		/* I: no slots but declared ones, a few */
	bool silent;			/* I: so, some, and no callback at its end */
	bool simple;			/* I: begins as a few words of zero */
	unsigned int nr_slots;		/* I: declared ones */
	bool keep;			/* I: free rows may have memory */
	size_t tail;			/* I: offset of struct reftail */
	struct list_head node;		/* T; list itself read under RCU */
	spinlock_t rows_lock;
	struct list_head chunks;	/* R: those with free rows */
	u64 nr_chunks;			/* R */
	char slab_name[2 * REFHEAP_NAME_MAX + 24]; /* I */
};

/* Per-CPU side of a heap. (P) */
struct refheap_cpu {
	u64 deferred;
	unsigned long edits;		/* references stored in slots; wraps */
	int quota;			/* marks left until a collection is due */
};

/* Outcome of the trial of one island at a time. */
enum refheap_verdict {
	VERDICT_NONE,
	VERDICT_TRYING,
	VERDICT_RESCUED,
	VERDICT_DEAD,
};

/*
 * What a collection begins with, each with all that the one before has.  The
 * age that it is counted under: see refscope_age().
 */
enum refscope {
	SCOPE_NONE,		/* no collection */
	SCOPE_CANDIDATES,	/* candidates alone */
	SCOPE_AGE_0,		/* and containers that nobody has looked at */
	SCOPE_AGE_1,		/* and those that no collection of age 1 has */
	SCOPE_AGE_2,		/* and all others that are not frozen */
};

static inline unsigned int refscope_age(enum refscope scope)
{
	return max_t(int, scope - SCOPE_AGE_0, 0);
}

/* What the thread can be asked to do while somebody waits. */
enum refrequest_kind {
	REQUEST_DRAIN,
	REQUEST_COLLECT,
	REQUEST_FREEZE,
	REQUEST_UNFREEZE,
	REQUEST_END_IMMORTALS,
};

/**
 * struct refrequest - something that somebody waits for
 * @node: (Q) on heap->requests, then on a list of the thread's
 * @kind: (I) enum refrequest_kind
 * @scope: (I) of a REQUEST_COLLECT
 * @result: (A) what the caller is to return, valid once @done
 * @done: (A) the last that the thread writes here
 *
 * On the stack of who waits.
 */
struct refrequest {
	struct list_head node;
	enum refrequest_kind kind;
	enum refscope scope;
	long result;
	bool done;
};

/* What the thread has been asked to look at: bits of heap->events. (A) */
enum refheap_event {
	EVENT_THRESHOLD,	/* enough candidates: do not wait */
	EVENT_PRESSURE,		/* memory is short: full pass */
	EVENT_KICK,		/* refheap_kick() */
	EVENT_LOOK,		/* settings have changed */
};

#define REFHEAP_STACK	4096	/* entries of the trace stack */
#define REFHEAP_EDGES	256	/* slots that the trace reads together */
#define REFHEAP_EXCESS	8	/* objects of one trace to be looked at again */

/*
 * What one trace has read, for judging all of it at once: see reading.h.
 * "Seen" are the rows that are ROW_SEEN.
 */
struct reftally {
	u64 seen;
	u64 expanded;		/* of these, with their slots read */
	u64 references;		/* sum of the counts of those seen */
	u64 edges;		/* counted, from those expanded to those seen */
	u64 others;		/* references that those expanded have to others */
	bool spoiled;		/* some row's reading says nothing */
};

struct refheap {
	char name[REFHEAP_NAME_MAX];	/* I */
	char slab_name[REFHEAP_NAME_MAX + 12]; /* I: unique, zombies included */
	unsigned int id;		/* I: unique among living heaps */
	struct refheap_params params;	/* I, but for period and threshold: A */
	unsigned int thresholds[REFHEAP_AGES]; /* A: from 1 on; 0 is in params */
	int threshold_share;		/* A: of each CPU */
	atomic_t shares;		/* A: used up since a collection began */
	bool exact;			/* A: every mark is counted */
	bool limited;			/* I: has limits to keep */
	bool careful;			/* A: has them, or notes sites, or quarantines */
	bool tracking;			/* A: notes allocation sites */
	struct list_head node;		/* L */
	bool closing;			/* A, L to change: destroyed by somebody */
	bool unnamed;			/* L: its name is free again */
	bool immortals;			/* A: there may be immortal objects */
	atomic_t finalizers_begun;	/* A: see refheap_expects_releases() */
	atomic_t finalizers_ended;	/* A */
	bool dead;			/* A: calls no client code any more */
	bool zombie;			/* A: the thread owns the heap */

	struct mutex types_lock;	/* registration of types */
	struct list_head types;		/* T; read under RCU */
	unsigned int nr_types;		/* T */
	struct mutex names_lock;	/* binding of names */
	struct rhashtable names;	/* N; read under RCU */
	struct klist names_order;	/* N; walked under its own lock */
	bool names_closed;		/* N: nothing can be bound any more */
	struct xarray chunks;		/* its own lock */
	struct refheap_cpu __percpu *cpu; /* I */
	atomic64_t charged_objects;	/* A: only with limits */
	atomic64_t charged_bytes;	/* A */
	atomic64_t warnings;		/* A */

	/* What mutators hand to the thread. */
	struct llist_head marked;	/* A */
	struct refobj *deferred;	/* A: queue through rows, newest first */
	struct refheap *running;	/* C: see refheap_callback_begin() */
	struct irq_work wake;		/* A */
	wait_queue_head_t wait;		/* its own lock */
	unsigned long events;		/* A */

	atomic_t verdict;		/* A: see judge.c */
	bool finalizers;		/* A: some type has one */

	/* Weak references: see weak.c. */
	struct xarray weaks;		/* W: by the target's row */
	struct list_head weak_queue;	/* W: callbacks to be made */
	struct list_head weak_due;	/* W: those of this round */
	struct refweak *calling;	/* A: whose callback runs */

	/* What save-all has kept: see garbage.c. */
	struct xarray garbage;		/* its own lock: by row */
	bool save_all;			/* A */
	bool saving;			/* C: @save_all, for this collection */

	/* Released memory that is not to be used again yet: quarantine.c. */
	spinlock_t quarantine_lock;
	struct refobj *quarantined;	/* V: queue through rows, oldest first */
	struct refobj *quarantined_last; /* V */
	unsigned int nr_quarantined;	/* V */

	/* Requests */
	spinlock_t request_lock;
	struct list_head requests;	/* Q: in the order in which they came */
	wait_queue_head_t completion;	/* its own lock */
	wait_queue_head_t room;		/* its own: of refheap_throttle() */
	bool stopped;			/* A: no automatic collection */

	struct blocking_notifier_head notifiers; /* its own lock */

	/* The thread's own */
	struct task_struct *thread;	/* I */
	struct list_head staged;	/* C: see candidate.c */
	unsigned long staged_cookie;	/* C: of a grace period */
	struct list_head settling;	/* C */
	unsigned long settling_cookie;	/* C */
	struct list_head parked;	/* C */
	struct refchunk *touched;	/* C */
	bool touched_loud;		/* C: one of them is of a type not silent */
	struct refchunk *recent;	/* C: see refrow_chunk() */
	u32 round;			/* C: counts collections, wraps */
	struct reftally tally;		/* C */
	unsigned long edits;		/* C: how many, before slots are read */
	bool edited;			/* C: more, while marks were taken */
	unsigned long *stack;		/* C: places */
	unsigned long *edges;		/* C: see trace.c */
	unsigned int nr_edges;		/* C */
	unsigned long excess[REFHEAP_EXCESS]; /* C: places, see excess.c */
	unsigned int nr_excess;		/* C */
	unsigned int depth;		/* C */
	bool overflow;			/* C: rows are ROW_PENDING */
	struct refchunk *refill;	/* C: where to look for them */
	bool unfinished;		/* C: some objects await a full pass */
	u64 credit;			/* C: see trace.c */
	u64 work;			/* C: objects read since the full pass */
	unsigned int backoff;		/* C: full passes without success */
	unsigned int retries;		/* C: of parked candidates, without */
	unsigned long due;		/* C: jiffies of the next collection */
	unsigned long due_retry;	/* C: for parked candidates */
	unsigned long due_full;		/* C: for what is unfinished */
	bool waiting;			/* C: @due is set */
	struct refheap_stats stats;	/* C */
	struct refheap_age_stats ages[REFHEAP_AGES]; /* C */
	unsigned int counts[REFHEAP_AGES]; /* C: from 1 on: see age.c */

	struct dentry *debugfs;		/* of who makes and who destroys the heap */
};

/* main.c */
extern struct kmem_cache *refchunk_cache, *refchunk_leaf_cache;

/* heap.c */
extern struct mutex refheap_list_lock;
extern struct list_head refheap_list;
extern unsigned int refheap_default_period, refheap_default_threshold;
u64 refheap_objects(struct refheap *heap);
u64 refheap_in_transit(struct refheap *heap);
void refheap_reset_quota(struct refheap *heap);
void refheap_throttle(struct refheap *heap);
unsigned int refheap_marks_counted(struct refheap *heap);
void refheap_free(struct refheap *heap);
bool refheap_name_valid(const char *name);

/* type.c */
extern bool reftype_keep;
void reftype_free(struct reftype *type);
u64 reftype_objects(const struct reftype *type);
u64 reftype_allocated(const struct reftype *type);
u64 reftype_freed(const struct reftype *type);
u64 reftype_bytes(const struct reftype *type);

/* The client's structure that an object is the header of. */
static inline void *refobj_memory(const struct reftype *type,
				  const struct refobj *obj)
{
	return (void *)obj - type->desc.header;
}

/* The declared slots of an object, one after the other: mostly one run. */
struct refslots {
	const struct reftype *type;
	void *memory;
	struct refslot *end;		/* of the run */
	unsigned int runs;		/* begun */
};

static __always_inline struct refslot *
refslots_first(struct refslots *slots, const struct reftype *type,
	       const struct refobj *obj)
{
	struct refslot *slot;

	slots->type = type;
	slots->memory = refobj_memory(type, obj);
	slot = slots->memory + type->run.offset;
	slots->end = slot + type->run.count;
	slots->runs = 1;
	return slot;
}

/* A run is at its end: is there another? */
static __always_inline bool refslots_more(struct refslots *slots,
					  struct refslot **slot)
{
	const struct reffield *field;

	if (likely(slots->runs >= slots->type->desc.nr_fields))
		return false;
	field = &slots->type->desc.fields[slots->runs++];
	*slot = slots->memory + field->offset;
	slots->end = *slot + field->count;
	return true;
}

#define refobj_for_each_slot(slot, slots, type, obj) \
	for (slot = refslots_first(slots, type, obj); \
	     slot < (slots)->end || refslots_more(slots, &(slot)); slot++)

/* Where its array's address is, if the type has one. */
static inline struct refarray **refobj_array(const struct reftype *type,
					     const struct refobj *obj)
{
	return refobj_memory(type, obj) + type->desc.array;
}

/* name.c */
int refname_init(struct refheap *heap);
void refname_close(struct refheap *heap);
void refname_exit(struct refheap *heap);
bool refname_valid(const char *name);
extern const struct file_operations refnames_fops;

/* object.c */
bool refobj_drop(struct refobj *obj);
bool refobj_saturate(struct refobj *obj, u64 word);
void refobj_free(struct refobj *obj);
void refobj_free_memory(struct refobj *obj, enum refrow_end why);

/* slot.c */
void refobj_put_stranger(struct refobj *obj);
struct refobj *refobj_load(struct refobj *const *pointer);

/* weak.c */
void refweak_kill(struct refobj *obj, bool sleep);
void refweak_clear_members(struct refobj *obj, const struct reftype *type);
void refheap_sift_weaks(struct refheap *heap);
void refheap_call_weaks(struct refheap *heap);
void refheap_forget_weaks(struct refheap *heap);

/* May an object that nobody can acquire have weak references? */
static inline bool refobj_weak(const struct refobj *obj)
{
	return refword_read(obj) & REFWORD_WEAK;
}

/* walk.c */
struct refwalk {
	unsigned int spent;
};

/* Visit declared slots, which are at fixed offsets. */
static __always_inline void
refobj_walk_fields(struct refobj *obj, const struct reftype *type,
		   void (*visit)(struct refvisitor *visitor,
				 struct refslot *slot),
		   struct refvisitor *visitor)
{
	void *memory = refobj_memory(type, obj);
	const struct reffield *field = type->desc.fields;
	struct refslot *slot;
	unsigned int i, nr;

	for (i = 0; i < type->desc.nr_fields; i++, field++) {
		slot = memory + field->offset;
		for (nr = field->count; nr; nr--)
			visit(visitor, slot++);
	}
}

long refobj_walk(struct refobj *obj, struct reftype *type, long from,
		 unsigned int most, struct refvisitor *visitor);
u64 refobj_slots(struct refobj *obj, const struct reftype *type);
void refwalk_begin(struct refwalk *walk) __acquires(RCU);
void refwalk_pause(struct refwalk *walk, unsigned int cost);
void refwalk_end(struct refwalk *walk) __releases(RCU);
int refrow_walk(struct refwalk *walk, struct refchunk *chunk,
		unsigned int index, struct refvisitor *visitor);
struct refchunk *refrow_chunk(struct refheap *heap, u32 row);

/*
 * The row of an object just read from a slot.
 *
 * That slot was an edge a moment ago, so in the same RCU section its header
 * may be read, and its place leads to a chunk of this heap.  But the memory
 * may have been reused since: the row has to point back.
 *
 * Return: its chunk, or NULL if it is gone, a leaf, or (misuse) a stranger.
 */
static inline struct refchunk *refrow_find(struct refheap *heap,
					   struct refobj *obj,
					   unsigned int *index)
{
	unsigned long place = READ_ONCE(obj->place);
	struct refchunk *chunk = place_chunk(place);

	if (!chunk || chunk->type->leaf || chunk->heap != heap)
		return NULL;
	*index = place_index(place);
	return chunk_object(chunk, *index) == obj ? chunk : NULL;
}

/* release.c */
struct refcascade {
	struct refobj *first, *last;	/* queue of objects at count zero */
	struct refheap **running;	/* see refheap_callback_begin() */
	unsigned int spent;		/* objects and slots */
	struct refheap *thread;		/* it is this one's: no limit, may sleep */
	bool bulk;			/* long, and may sleep: use @batch */
	struct refbatch *batch;		/* empty while client code runs */
};

void refcascade_init(struct refcascade *cascade, struct refheap **running,
		     struct refheap *thread);
void refcascade_add(struct refcascade *cascade, struct refobj *obj);
void refcascade_run(struct refcascade *cascade);
void refobj_release(struct refobj *obj);
void refobj_defer(struct refobj *obj);
void refheap_release_deferred(struct refheap *heap);

/* registry.c */
bool refheap_callback_begin(struct refheap *heap, struct refheap **running);
void refheap_callback_end(struct refheap **running);
bool refheap_in_direct_callback(const struct refheap *heap);
bool refheap_in_callback(const struct refheap *heap);
bool refheap_quiet(struct refheap *heap);
bool refcascade_idle(void);
void refcascade_hand_over(const struct refheap *heap);

/* age.c */
enum refscope refage_due(const struct refheap *heap);
void refage_account(struct refheap *heap, unsigned int age,
		    const struct refheap_stats *before, u64 candidates);
unsigned int refrow_age(const struct refchunk *chunk, unsigned int index);

/* census.c */
struct refcensus {
	u64 age[REFAGE_FROZEN + 1];
};

struct refcensus *refheap_census(struct refheap *heap, unsigned int nr);

/* garbage.c */
bool refgarbage_reserve(struct refisland *island);
void refgarbage_unreserve(struct refheap *heap, struct refchunk *chunk,
			  unsigned int index);
void refgarbage_keep(struct refisland *island);

/* site.c */
struct seq_file;
void refsite_note(unsigned long place, gfp_t gfp);
int refsites_show(struct seq_file *seq, void *unused);

/* quarantine.c */
void refquarantine_add(struct refheap *heap, struct refobj *obj);
unsigned long refquarantine_empty(struct refheap *heap);

/* immortal.c */
#define REFIMMORTAL_EDGES	0x08000000U	/* counted at the end */
int refheap_end_immortals(struct refheap *heap);

/* enumerate.c */
struct refobj *refrow_acquire(struct refchunk *chunk, unsigned int index);

/* notify.c */
void refheap_notify(struct refheap *heap, enum refheap_notice_event event,
		    struct refheap_notice *notice);

/* freeze.c */
void reffreeze_all(struct refheap *heap);
void reffreeze_undo(struct refheap *heap);

/* thread.c */
int refheap_thread(void *data);
void refheap_wake(struct refheap *heap);
void refheap_wake_work(struct irq_work *work);

/* request.c */
void refrequest_take(struct refheap *heap, struct list_head *requests);
void refrequest_done(struct refheap *heap, struct refrequest *request,
		     long result);
long refheap_request(struct refheap *heap, enum refrequest_kind kind,
		     enum refscope scope);

/* report.c */
bool refpointer_refuse(const void *pointer);

/* Is it NULL, a member of NULL, or an error?  One comparison. */
static inline bool refpointer_nowhere(const void *pointer)
{
	unsigned long address = (unsigned long)pointer;

	return unlikely(address < PAGE_SIZE || IS_ERR_VALUE(address));
}

/*
 * All that is exported asks this of what it is about to use, and where a
 * pointer leads nowhere warns and refuses.  What is inline, refobj_get() and
 * refobj_put(), does not ask: they are one instruction.
 */
static inline bool refpointer_bad(const void *pointer)
{
	return refpointer_nowhere(pointer) && refpointer_refuse(pointer);
}

__printf(2, 3)
void refobj_warn(const struct refobj *obj, const char *format, ...);
void refheap_report_held(struct refheap *heap);

/* debugfs.c, control.c, objects.c */
int refdebugfs_init(void);
void refdebugfs_exit(void);
void refdebugfs_add(struct refheap *heap);
void refdebugfs_remove(struct refheap *heap);
extern const struct file_operations refcontrol_fops;
extern const struct file_operations refobjects_fops;

/* pressure.c */
int refpressure_init(void);
void refpressure_exit(void);

/* They need the structures above. */
#include "row.h"
#include "island.h"

#endif /* _REFHEAP_INTERNAL_H */
