/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Torture: everybody does everything to one heap, on every CPU and in every
 * context, while it is being collected all the time.
 *
 * What is checked, and where:
 *
 *  G2   an object that somebody holds is not released: whoever acquires a
 *	 reference counts himself in object->holders, and a release looks at
 *	 that (object.c); whoever holds one looks at its canary
 *  G3   at the end of each round nothing is left (round.c, mute.c)
 *  G4   of two objects that refer to each other, either both can be acquired
 *	 or none (twins.c)
 *  G5   the longest operation, by context (statistics.c)
 *  G6   every operation in every context that it is allowed in (context.c)
 *  G10  heaps that end at any time (turnover.c)
 *  G13  weak references to an object that is held find it; callbacks come
 *	 once (weak.c)
 *
 * and at the end of each round: made = released = returned to the slab, and
 * weak references set with a callback = cleared + called.
 *
 * Conventions are rcutorture's: lines that begin with "refheap-torture:", one
 * that begins the test and one that ends it and says SUCCESS or FAILURE, "!!!"
 * in whatever must not be, and a version that has to grow.
 */
#ifndef REFHEAP_TORTURE_H
#define REFHEAP_TORTURE_H

#include <refheap.h>

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/seqlock.h>
#include <linux/types.h>

#define TORTURE_FLAG	"refheap-torture:"

/* Where an operation is performed. */
enum torture_context {
	CONTEXT_TASK,
	CONTEXT_ATOMIC,		/* a task that must not sleep */
	CONTEXT_SOFTIRQ,
	CONTEXT_HARDIRQ,	/* a timer */
	CONTEXT_IRQ_WORK,
	TORTURE_CONTEXTS
};

/* What an operation needs that not every context has. */
#define NEEDS_SLAB	BIT(0)	/* and ordinary spinlocks */
#define NEEDS_SLEEP	BIT(1)

#define TORTURE_OPERATIONS	34	/* at most */
#define MUTATOR_HANDS		6
#define MUTATOR_WEAKS		4
#define MUTATOR_TWINS		2

enum torture_kind {
	KIND_NODE,
	KIND_LEAF,
	KIND_VECTOR,		/* declared slots and an array */
	KIND_VISITED,		/* slots behind a visit callback and a lock bit */
	KIND_SLEEPER,		/* a release that sleeps */
	KIND_FINAL,		/* a finalizer */
	KIND_OWNER,		/* a weak reference among the members */
	KIND_SILENT,		/* no callback at its end */
	KIND_TWIN,		/* slot 0 leads to its twin to the end */
	TORTURE_KINDS
};

#define OBJECT_SLOTS	4

/**
 * struct torture_object - an object of any kind
 * @canary: tells a living object of this address from anything else
 * @kind: what it is; set before it can be found by a slot
 * @fate: what its finalizer will do
 * @holders: mutators that hold references now: never more than are counted
 * @finalized: how often its finalizer was called
 * @obj: the heap's header
 * @slot: its slots, in kinds that have them
 * @array: more of them, of a %KIND_VECTOR
 * @lock: bit 0 is the lock that its visit takes, or that guards @weak
 * @weak: of a %KIND_OWNER
 */
struct torture_object {
	u64 canary;
	enum torture_kind kind;
	unsigned int fate;
	atomic_t holders;
	atomic_t finalized;
	struct refobj obj;
	struct refslot slot[OBJECT_SLOTS];
	struct refarray *array;
	unsigned long lock;
	struct refweak weak;
};

/**
 * struct torture_twins - two objects, each in a slot of the other
 * @seq: changes while there are others
 * @weak: finds either
 */
struct torture_twins {
	seqcount_t seq;
	struct refweak weak[2];
};

/**
 * struct torture_weak - a weak reference of a mutator's
 * @weak: the reference; others may load it
 * @sure: what it has to find, for its mutator holds that since it was set
 */
struct torture_weak {
	struct refweak weak;
	struct torture_object *sure;
};

/**
 * struct mutator - who performs operations, one at a time
 * @number: all mutators have one
 * @context: where it is at work
 * @may: NEEDS_* that can be had there
 * @busy: bit 0: it is at work
 * @rnd: its random numbers
 * @held: references that it owns
 * @weak: weak references that only it sets
 * @twins: twins that only it replaces
 * @steps: how many operations it has performed
 * @steps_seen: of these, those that statistics.c knew of the last time
 * @slow: how often it had not made progress
 * @done: operations by kind and context
 * @longest_ns: of any operation, by context
 */
struct mutator {
	unsigned int number;
	enum torture_context context;
	unsigned int may;
	unsigned long busy;
	struct rnd_state rnd;
	struct torture_object *held[MUTATOR_HANDS];
	struct torture_weak weak[MUTATOR_WEAKS];
	struct torture_twins twins[MUTATOR_TWINS];
	u64 steps;
	u64 steps_seen;
	unsigned int slow;
	u64 done[TORTURE_OPERATIONS][TORTURE_CONTEXTS];
	u64 longest_ns[TORTURE_CONTEXTS];
};

struct operation {
	const char *name;
	void (*perform)(struct mutator *m);
	unsigned int weight;	/* how often, beside the others */
	unsigned int needs;
};

/**
 * struct torture - the world
 * @heap: what all mutators work on
 * @type: its types
 * @table: an object with many slots that everybody may use
 * @values: numbers lead to objects, weakly
 * @keys: objects lead to objects, the former weakly
 * @mutator: all of them
 * @mutators: how many
 * @stopping: the round ends
 * @errors: how often something was wrong
 * @made: objects of @heap, but for the %KIND_SILENT
 * @released: of these, how many have been released
 * @refused: allocations that failed
 * @armed: weak references of mutators set with a callback
 * @cleared: of these, cleared before they called
 * @called: of these, those that did
 * @finalized: finalizers called
 * @resurrected: of these, those that made their object live on
 * @heaps: heaps that have come and gone
 * @offline: CPUs that have gone, and come back
 * @flooded: objects put by floods of interrupts
 */
struct torture {
	struct refheap *heap;
	struct reftype *type[TORTURE_KINDS];
	struct torture_object *table;
	struct refmap *values;
	struct refmap *keys;
	struct mutator **mutator;
	unsigned int mutators;
	bool stopping;
	atomic_long_t errors;
	atomic_long_t made;
	atomic_long_t released;
	atomic_long_t refused;
	atomic_long_t armed;
	atomic_long_t cleared;
	atomic_long_t called;
	atomic_long_t finalized;
	atomic_long_t resurrected;
	atomic_long_t heaps;
	atomic_long_t offline;
	atomic_long_t flooded;
};

extern struct torture torture;

/* Something is as it must not be: this is a failure. */
void torture_count_error(void);

#define torture_wrong(fmt, ...) do { \
	torture_count_error(); \
	pr_alert_ratelimited(TORTURE_FLAG "!!! " fmt "\n", ##__VA_ARGS__); \
} while (0)

static inline bool torture_is_stopping(void)
{
	return READ_ONCE(torture.stopping);
}

static inline struct torture_object *object_of(struct refobj *obj)
{
	return container_of(obj, struct torture_object, obj);
}

/* main.c */
extern unsigned int torture_seed;
extern unsigned int torture_limit;

/* object.c */
int object_register_types(void);
struct torture_object *object_new(enum torture_kind kind, gfp_t gfp,
				  unsigned int fate);
struct torture_object *object_new_vector(size_t length, gfp_t gfp);
bool object_is_alive(const struct torture_object *object);
unsigned int object_slots(const struct torture_object *object);
struct refslot *object_slot(struct torture_object *object, unsigned int i);
struct torture_object *object_hold(struct refobj *obj);
struct refobj *object_unhold(struct torture_object *object);
void object_put(struct torture_object *object);

/* mutator.c */
struct mutator *mutator_create(u64 seed);
void mutator_destroy_all(void);
void mutator_step(struct mutator *m, enum torture_context context,
		  unsigned int may);
void mutator_perform(struct mutator *m, enum torture_context context,
		     unsigned int may, void (*perform)(struct mutator *m));
u32 mutator_random(struct mutator *m, u32 below);
gfp_t mutator_gfp(const struct mutator *m);
void mutator_drop(struct mutator *m, unsigned int hand);
void mutator_hold(struct mutator *m, unsigned int hand, struct refobj *obj);
void mutator_drop_all(struct mutator *m);

/* operation.c */
extern const struct operation operations[];
extern const unsigned int nr_operations;

/* weak.c */
void weak_arm(struct mutator *m);
void weak_leave(struct mutator *m, struct torture_object *object);
void weak_disarm(struct mutator *m);
void weak_load(struct mutator *m);
void weak_load_all(struct mutator *m);
void weak_is_sure(struct mutator *m);
void weak_watch(struct mutator *m);
void weak_unsure(struct mutator *m, const struct torture_object *object);
void weak_disarm_all(struct mutator *m);
void weak_account(void);

/* twins.c */
void twins_init(struct mutator *m);
void twins_replace(struct mutator *m);
void twins_observe(struct mutator *m);
void twins_observe_all(struct mutator *m);
void twins_clear_all(struct mutator *m);

/* island.c */
void island_ring(struct mutator *m);
void island_chain(struct mutator *m);

/* named.c */
void named_bind(struct mutator *m);
void named_unbind(struct mutator *m);
void named_look_up(struct mutator *m);
void named_map(struct mutator *m);
void named_unmap(struct mutator *m);
void named_map_look_up(struct mutator *m);
void named_pair(struct mutator *m);
void named_pair_look_up(struct mutator *m);
void named_forget_all(void);

/* context.c */
int context_start(u64 seed);
void context_return(unsigned int cpu);
void context_stop(void);
bool context_may_use_slab(void);

/* collector.c, turnover.c, mute.c, hotplug.c, flood.c */
int collector_start(void);
void collector_stop(void);
int turnover_start(void);
void turnover_stop(void);
int mutes_start(void);
void mutes_stop(void);
int hotplug_start(void);
void hotplug_stop(void);
int flood_start(void);
void flood_stop(void);

/* schedule.c */
int schedule_init(void);
void schedule_exit(void);
int schedule_begin(u64 seed);
void schedule_end(void);

/* round.c */
int round_begin(u64 seed);
void round_end(void);

/* statistics.c */
void statistics_add(const struct mutator *m);
void statistics_add_heap(void);
void statistics_watch(void);
void statistics_print(const char *when);
void statistics_table(void);

#endif /* REFHEAP_TORTURE_H */
