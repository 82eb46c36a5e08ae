// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps: creation, destruction, statistics.
 *
 * The end of a heap (refheap_destroy()):
 *
 *  1. marked as closing, so that a second destroyer finds nothing; debugfs
 *     gone
 *  2. no names any more; from here on the thread collects when told to by
 *     this.  Full passes until two in a row reclaim nothing; then nothing at
 *     zero waits for its release, and no finalizer runs; and again, if one of
 *     those came to its end: callbacks still run
 *  3. dead = true; a grace period; no callback running.  Whoever read dead as
 *     false was in an RCU section and has registered his callback in it, or
 *     called it.
 *     From here on no client code is called, so the client may be unloaded.
 *  4. no objects left: stop the thread and free.  Objects still held: the
 *     heap becomes a zombie that pins this module; its thread waits for the
 *     last put, frees, and unpins.
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "internal.h"

/* The list of heaps, and which of them are closing. */
DEFINE_MUTEX(refheap_list_lock);
LIST_HEAD(refheap_list);	/* L: zombies included */
/* L: those that are being freed: their caches still have names. */
static LIST_HEAD(refheap_ending);
static unsigned int refheap_next_id;	/* L */

unsigned int refheap_default_period = 1000;
unsigned int refheap_default_threshold = 10000;

/* Below this threshold every candidate is counted, else one in a few. */
#define REFHEAP_EXACT		1024
#define REFHEAP_PERIOD_MAX	(24 * 60 * 60 * 1000U)
#define REFHEAP_FLAGS	(REFHEAP_ACCOUNT | REFHEAP_QUIET | REFHEAP_STOPPED | \
			 REFHEAP_TRACK_SITES | REFHEAP_QUARANTINE)

/* Names become those of slab caches and debugfs folders. */
bool refheap_name_valid(const char *name)
{
	const char *c;

	if (refpointer_nowhere(name) || !*name || strlen(name) >= REFHEAP_NAME_MAX ||
	    *name == '.' || !strcmp(name, "heaps"))
		return false;
	for (c = name; *c; c++)
		if (!isgraph(*c) || *c == '/')
			return false;
	return true;
}

static bool refheap_params_valid(const struct refheap_params *params)
{
	return !(params->flags & ~REFHEAP_FLAGS) && params->nice >= MIN_NICE &&
	       params->nice <= MAX_NICE &&
	       params->period_ms <= REFHEAP_PERIOD_MAX &&
	       (!params->cpus || cpumask_intersects(params->cpus,
						    cpu_possible_mask));
}

/* Each CPU may mark its share again before it asks for a collection. */
void refheap_reset_quota(struct refheap *heap)
{
	int share = READ_ONCE(heap->threshold_share), cpu;

	/* Racing decrements only shift the next collection a little. */
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(heap->cpu, cpu)->quota, share);
	atomic_set(&heap->shares, 0);
	wake_up_all(&heap->room);
}

/* As many candidates as the threshold, and no collection has begun since. */
static bool refheap_overdue(const struct refheap *heap)
{
	return atomic_read(&heap->shares) >= num_online_cpus() &&
	       !READ_ONCE(heap->stopped) && !READ_ONCE(heap->dead);
}

/*
 * Whoever allocates, and may sleep, lets an overdue collection begin: then
 * there are never many more than twice the threshold's candidates, one time
 * being judged and one time new.  He does not wait for a collection to end, nor
 * for long: the collector may itself be waiting, in a release, for a lock of
 * his.
 */
void refheap_throttle(struct refheap *heap)
{
	if (likely(!refheap_overdue(heap)) || refheap_in_callback(heap) ||
	    current->flags & PF_MEMALLOC)
		return;
	refheap_wake(heap);
	wait_event_timeout(heap->room, !refheap_overdue(heap),
			   max(HZ / 50, 1));
}

/* Marks counted since the quotas were set. */
unsigned int refheap_marks_counted(struct refheap *heap)
{
	s64 share = READ_ONCE(heap->threshold_share), sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += max(share - READ_ONCE(per_cpu_ptr(heap->cpu,
							 cpu)->quota), 0LL);
	return min_t(u64, sum, UINT_MAX);
}

static void refheap_share_threshold(struct refheap *heap,
				    unsigned int threshold)
{
	u64 share = DIV_ROUND_UP_ULL(threshold, num_online_cpus());

	WRITE_ONCE(heap->params.threshold, threshold);
	WRITE_ONCE(heap->exact, threshold && threshold < REFHEAP_EXACT);
	/* The mark that uses the share up finds no more left. */
	WRITE_ONCE(heap->threshold_share, threshold ?
		   min_t(u64, share, INT_MAX) - 1 : INT_MAX);
	refheap_reset_quota(heap);
}

static struct refheap *refheap_alloc(const char *name,
				     const struct refheap_params *params)
{
	struct refheap *heap = kzalloc(sizeof(*heap), GFP_KERNEL);

	if (!heap)
		return NULL;
	strscpy(heap->name, name, sizeof(heap->name));
	if (params)
		heap->params = *params;
	heap->credit = REFTRACE_CREDIT;
	heap->limited = heap->params.max_objects || heap->params.max_bytes;
	heap->careful = heap->limited ||
			heap->params.flags & REFHEAP_QUARANTINE;
	if (!heap->params.period_ms)
		heap->params.period_ms = refheap_default_period;
	heap->stopped = heap->params.flags & REFHEAP_STOPPED;

	mutex_init(&heap->types_lock);
	INIT_LIST_HEAD(&heap->types);
	xa_init_flags(&heap->chunks, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_IRQ);
	xa_init(&heap->garbage);
	xa_init_flags(&heap->weaks, XA_FLAGS_LOCK_IRQ);
	INIT_LIST_HEAD(&heap->weak_queue);
	INIT_LIST_HEAD(&heap->weak_due);
	init_llist_head(&heap->marked);
	init_irq_work(&heap->wake, refheap_wake_work);
	init_waitqueue_head(&heap->wait);
	spin_lock_init(&heap->quarantine_lock);
	spin_lock_init(&heap->request_lock);
	INIT_LIST_HEAD(&heap->requests);
	BLOCKING_INIT_NOTIFIER_HEAD(&heap->notifiers);
	init_waitqueue_head(&heap->completion);
	init_waitqueue_head(&heap->room);
	INIT_LIST_HEAD(&heap->staged);
	INIT_LIST_HEAD(&heap->settling);
	INIT_LIST_HEAD(&heap->parked);

	heap->stack = kvmalloc_array(REFHEAP_STACK + REFHEAP_EDGES,
				     sizeof(*heap->stack), GFP_KERNEL);
	heap->edges = heap->stack + REFHEAP_STACK;
	heap->cpu = alloc_percpu(struct refheap_cpu);
	if (!heap->stack || !heap->cpu || refname_init(heap)) {
		kvfree(heap->stack);
		free_percpu(heap->cpu);
		kfree(heap);
		return NULL;
	}
	refheap_share_threshold(heap, heap->params.threshold ?:
				      refheap_default_threshold);
	return heap;
}

/* Not the thread: it has been stopped, or is the caller. */
void refheap_free(struct refheap *heap)
{
	struct reftype *type, *next;

	mutex_lock(&refheap_list_lock);
	list_move(&heap->node, &refheap_ending);
	mutex_unlock(&refheap_list_lock);

	refrow_unregister_chunks(heap);
	/*
	 * The last object's free is behind this, and late marks that have found
	 * their chunk.
	 */
	synchronize_rcu();
	refquarantine_empty(heap);
	/* Memory of visited types comes back by RCU callbacks. */
	rcu_barrier();
	irq_work_sync(&heap->wake);
	list_for_each_entry_safe(type, next, &heap->types, node)
		reftype_free(type);
	mutex_lock(&refheap_list_lock);
	list_del(&heap->node);
	mutex_unlock(&refheap_list_lock);
	xa_destroy(&heap->weaks);
	xa_destroy(&heap->garbage);
	xa_destroy(&heap->chunks);
	refname_exit(heap);
	free_percpu(heap->cpu);
	kvfree(heap->stack);
	kfree(heap);
}

/* A name in use: 1 by a living heap, -1 only by what is left of others. */
static int refheap_name_taken(const char *name)
{
	struct refheap *heap;
	int taken = 0;

	lockdep_assert_held(&refheap_list_lock);
	list_for_each_entry(heap, &refheap_ending, node)
		if (!strcmp(heap->name, name))
			taken = -1;
	list_for_each_entry(heap, &refheap_list, node) {
		if (strcmp(heap->name, name))
			continue;
		if (!heap->unnamed)
			return 1;
		taken = -1;
	}
	return taken;
}

static int refheap_start_thread(struct refheap *heap)
{
	heap->thread = kthread_create(refheap_thread, heap, "refheap/%s",
				      heap->name);
	if (IS_ERR(heap->thread))
		return PTR_ERR(heap->thread);
	if (heap->params.cpus)
		set_cpus_allowed_ptr(heap->thread, heap->params.cpus);
	heap->params.cpus = NULL;	/* the caller's; used up */
	wake_up_process(heap->thread);
	return 0;
}

static int refheap_add(struct refheap *heap)
{
	int err = -EEXIST, taken;

	mutex_lock(&refheap_list_lock);
	taken = refheap_name_taken(heap->name);
	if (taken > 0)
		goto unlock;
	heap->id = refheap_next_id++;
	if (taken)
		snprintf(heap->slab_name, sizeof(heap->slab_name), "%s#%u",
			 heap->name, heap->id);
	else
		strscpy(heap->slab_name, heap->name, sizeof(heap->slab_name));
	err = refheap_start_thread(heap);
	if (err)
		goto unlock;
	list_add_tail(&heap->node, &refheap_list);
	refdebugfs_add(heap);
unlock:
	mutex_unlock(&refheap_list_lock);
	return err;
}

/**
 * refheap_create - make a heap
 * @name: unique among living heaps, at most 63 printable characters, none of
 *	  them a blank or a slash; not "heaps", nor with a dot first; part of
 *	  the names of its slab caches
 * @params: or NULL for defaults; copied
 *
 * Starts the heap's thread.
 *
 * Context: process, may sleep.
 * Return: the heap; ERR_PTR(-EINVAL) for bad parameters, -EEXIST if the name
 * is in use, -EOPNOTSUPP for %REFHEAP_TRACK_SITES where the kernel has no
 * stack depot, -ENOMEM.
 */
struct refheap *refheap_create(const char *name,
			       const struct refheap_params *params)
{
	struct refheap *heap;
	int err;

	if (!refheap_name_valid(name) ||
	    (params && (refpointer_nowhere(params) ||
			!refheap_params_valid(params))))
		return ERR_PTR(-EINVAL);
	heap = refheap_alloc(name, params);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	if (heap->params.flags & REFHEAP_TRACK_SITES) {
		err = refheap_track_sites(heap, true);
		if (err) {
			INIT_LIST_HEAD(&heap->node);
			refheap_free(heap);
			return ERR_PTR(err);
		}
	}
	/* Until it is gone; the caller's use of our symbols keeps us till here. */
	__module_get(THIS_MODULE);
	err = refheap_add(heap);
	if (err) {
		module_put(THIS_MODULE);
		INIT_LIST_HEAD(&heap->node);
		refheap_free(heap);
		return ERR_PTR(err);
	}
	return heap;
}
EXPORT_SYMBOL_REFHEAP(refheap_create);

/* The thread is to look at its settings, and at the clock. */
static void refheap_look(struct refheap *heap)
{
	set_bit(EVENT_LOOK, &heap->events);
	refheap_wake(heap);
}

/*
 * Objects at zero whose release has not come to its end; of those that the
 * heap's own thread releases one may be missing.
 */
u64 refheap_in_transit(struct refheap *heap)
{
	u64 objects = refheap_objects(heap), found = 0;
	struct refchunk *chunk;
	unsigned long number;
	unsigned int index;

	xa_for_each(&heap->chunks, number, chunk) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			found += !!chunk_object(chunk, index);
		cond_resched();
	}
	return objects > found ? objects - found : 0;
}

/*
 * Is a release still to come of something that somebody has put?
 *
 * While a finalizer runs its object is one like any other, and what that alone
 * keeps alive is referred to:
 *
 *	T1 (refcascade_finalize())	here
 *	begun + 1			begun: read
 *	full barrier			ended: read
 *	row: publish			rows: read
 *	finalize()			begun: read again
 *	row: link
 *	full barrier
 *	ended + 1
 *
 * If the two numbers were equal, and nothing has begun since, the rows show
 * all that is on its way.
 */
static bool refheap_expects_releases(struct refheap *heap)
{
	bool blind = busted(FAULT_expect) || busted(FAULT_destroy_wait);
	int begun = atomic_read(&heap->finalizers_begun);

	/* Pairs with the barriers in refcascade_finalize(). */
	smp_rmb();
	if (begun != atomic_read(&heap->finalizers_ended) && !blind)
		return true;
	/* Likewise. */
	smp_rmb();
	if (refheap_in_transit(heap))
		return true;
	/* Likewise. */
	smp_rmb();
	return begun != atomic_read(&heap->finalizers_begun) && !blind;
}

/*
 * Those that wait in somebody's put behind a release that takes its time have
 * one coming, too.  If nobody is inside a put any more, and the thread has done
 * what such have left to it, then what is still there is lost.
 */
static void refheap_await_releases(struct refheap *heap)
{
	bool idle = refcascade_idle();

	refheap_drain(heap);
	while (refheap_expects_releases(heap) && !idle) {
		schedule_timeout_uninterruptible(1);
		idle = refcascade_idle();
		refheap_drain(heap);
	}
	/* Nor is anybody about to leave something to the thread: refobj_defer(). */
	if (!busted(FAULT_destroy_grace))
		synchronize_rcu();
	refheap_drain(heap);
}

static void refheap_silence(struct refheap *heap)
{
	WRITE_ONCE(heap->dead, true);
	if (!busted(FAULT_destroy_grace))
		synchronize_rcu();
	while (!refheap_quiet(heap) && !busted(FAULT_destroy_wait))
		schedule_timeout_uninterruptible(1);
}

/* Make the heap this caller's to destroy. */
static int refheap_remove(struct refheap *wanted)
{
	struct refheap *heap;
	int err = -ENOENT;

	mutex_lock(&refheap_list_lock);
	list_for_each_entry(heap, &refheap_list, node) {
		if (heap != wanted || heap->closing)
			continue;
		err = refheap_in_callback(heap) ? -EDEADLK : 0;
		WRITE_ONCE(heap->closing, !err);
		break;
	}
	mutex_unlock(&refheap_list_lock);
	return err;
}

/* Readers of the folder may call the client: not under the list's lock. */
static void refheap_unname(struct refheap *heap)
{
	refdebugfs_remove(heap);
	mutex_lock(&refheap_list_lock);
	heap->unnamed = true;
	mutex_unlock(&refheap_list_lock);
}

/* Some clients make garbage of garbage without end. */
#define REFHEAP_EMPTY_PASSES	1000

/* A number that is another when a release or a finalizer has ended. */
static u64 refheap_ended(struct refheap *heap)
{
	struct refheap_stats stats;

	refheap_get_stats(heap, &stats);
	return stats.freed + (unsigned int)atomic_read(&heap->finalizers_ended);
}

/*
 * Reclaim what is unreachable; what finalizers and releases drop makes more of
 * it.  Two passes in which none ended mean that the rest is held.
 *
 * Return: refheap_ended() before the last of them.
 */
static u64 refheap_empty(struct refheap *heap)
{
	u64 before = refheap_ended(heap), ended = before;
	unsigned int pass, idle = 0;

	for (pass = 0; pass < REFHEAP_EMPTY_PASSES && idle < 2 &&
	     refheap_objects(heap); pass++) {
		before = ended;
		refheap_collect(heap, REFHEAP_COLLECT_FULL);
		ended = refheap_ended(heap);
		idle = ended == before ? idle + 1 : 0;
	}
	return refheap_objects(heap) ? before : ended;
}

/*
 * Likewise, where what holds the rest may be a release elsewhere, or what waits
 * behind that.
 */
static void refheap_exhaust(struct refheap *heap)
{
	unsigned int pass;
	u64 before;

	for (pass = 0; pass < REFHEAP_EMPTY_PASSES; pass++) {
		before = refheap_empty(heap);
		refheap_await_releases(heap);
		if (refheap_ended(heap) == before || busted(FAULT_exhaust))
			break;
	}
}

/* Ticks that somebody who holds what a visit needs may take his time. */
#define REFHEAP_IMMORTAL_TRIES	(2 * HZ)

/*
 * Those that lived as long as the heap, when all others are gone.  Releases that
 * begin meanwhile may take what time they need.
 */
static void refheap_exhaust_immortals(struct refheap *heap)
{
	unsigned int tries = 0;

	while (refheap_request(heap, REQUEST_END_IMMORTALS, SCOPE_NONE) &&
	       ++tries < REFHEAP_IMMORTAL_TRIES) {
		schedule_timeout_uninterruptible(1);
		refheap_await_releases(heap);
	}
	refheap_exhaust(heap);
}

/**
 * refheap_destroy - end a heap
 * @heap: a heap, or ERR_PTR() or NULL, which are ignored; no allocation may
 *	  run concurrently, and @heap must not be used afterwards
 *
 * Unbinds all names and reclaims all that is unreachable then, calling
 * releases as ever; a callback can bind no more.  After that it waits for
 * callbacks that are running elsewhere.  After it has returned no code of the
 * client is called.  Objects still held are reported (unless %REFHEAP_QUIET),
 * stay valid memory, and are freed without a callback at their last put; so
 * long this module cannot be unloaded.
 *
 * Immortal objects are reclaimed after all others.  From the call on nobody may
 * use one, or move references to one; one that an object refers to which is
 * still held counts as held.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: 0 when nothing is left, the number of objects still held (at most
 * INT_MAX), -EDEADLK from a callback of @heap, -ENOENT if it is not a living
 * heap, as when two threads destroy it and this one comes second.
 */
int refheap_destroy(struct refheap *heap)
{
	u64 held;
	int err;

	if (IS_ERR_OR_NULL(heap))
		return 0;
	/* Where nothing sleeps. */
	if (refheap_in_direct_callback(heap))
		return -EDEADLK;
	might_sleep();
	err = refheap_remove(heap);
	if (err) {
		if (err == -ENOENT)
			pr_warn("refheap: destroy of what is not a living heap\n");
		return err;
	}
	refcascade_hand_over(NULL);
	/* First the one file that could start it again. */
	refheap_unname(heap);
	/* No collection of its own may be under way when callbacks end. */
	refheap_stop(heap);
	/* Nothing is kept, and nothing permanent, any more. */
	refheap_set_save_all(heap, false);
	refheap_drain(heap);
	refheap_empty_garbage(heap);
	refheap_unfreeze(heap);
	refname_close(heap);
	refheap_exhaust(heap);
	if (heap->immortals)
		refheap_exhaust_immortals(heap);
	refheap_silence(heap);
	refheap_drain(heap);
	refheap_forget_weaks(heap);

	held = refheap_objects(heap);
	if (!held) {
		kthread_stop(heap->thread);
		refheap_free(heap);
		module_put(THIS_MODULE);
		return 0;
	}
	if (!(heap->params.flags & REFHEAP_QUIET))
		refheap_report_held(heap);
	/*
	 * From here on the heap is the thread's, which collects as ever; it may
	 * be asleep for as long as a stopped heap's thread sleeps.
	 */
	rcu_read_lock();
	WRITE_ONCE(heap->stopped, false);
	WRITE_ONCE(heap->zombie, true);
	refheap_look(heap);
	rcu_read_unlock();
	return min_t(u64, held, INT_MAX);
}
EXPORT_SYMBOL_REFHEAP(refheap_destroy);

/* Objects now allocated, of all types. */
u64 refheap_objects(struct refheap *heap)
{
	struct reftype *type;
	u64 objects = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(type, &heap->types, node)
		objects += reftype_objects(type);
	rcu_read_unlock();
	return objects;
}

/**
 * refheap_get_stats - read what a heap has done so far
 * @heap: a heap
 * @stats: filled in; each figure is true of some moment during the call
 *
 * Context: any but NMI.
 */
void refheap_get_stats(struct refheap *heap, struct refheap_stats *stats)
{
	struct reftype *type;
	int cpu;

	if (refpointer_bad(heap) || refpointer_bad(stats))
		return;
	*stats = heap->stats;
	rcu_read_lock();
	list_for_each_entry_rcu(type, &heap->types, node) {
		stats->objects += reftype_objects(type);
		stats->bytes += reftype_bytes(type);
		stats->freed += reftype_freed(type);
		stats->allocated += reftype_allocated(type);
	}
	rcu_read_unlock();
	for_each_possible_cpu(cpu)
		stats->deferred += READ_ONCE(per_cpu_ptr(heap->cpu,
							 cpu)->deferred);
}
EXPORT_SYMBOL_REFHEAP(refheap_get_stats);

/**
 * refheap_name - name of a heap
 * @heap: a heap
 *
 * Context: any.
 * Return: the name it was created with.
 */
const char *refheap_name(const struct refheap *heap)
{
	if (refpointer_bad(heap))
		return NULL;
	return heap->name;
}
EXPORT_SYMBOL_REFHEAP(refheap_name);

/**
 * refheap_is_running - does the heap collect automatically?
 * @heap: a heap
 *
 * Context: any.
 * Return: false after refheap_stop() or with %REFHEAP_STOPPED, until
 * refheap_start().
 */
bool refheap_is_running(const struct refheap *heap)
{
	if (refpointer_bad(heap))
		return false;
	return !READ_ONCE(heap->stopped);
}
EXPORT_SYMBOL_REFHEAP(refheap_is_running);

/**
 * refheap_stop - stop collecting automatically
 * @heap: a heap
 *
 * refheap_collect() still works, and objects are still released at zero.
 *
 * Context: any but NMI and raw locks.
 */
void refheap_stop(struct refheap *heap)
{
	if (refpointer_bad(heap))
		return;
	WRITE_ONCE(heap->stopped, true);
}
EXPORT_SYMBOL_REFHEAP(refheap_stop);

/**
 * refheap_start - collect automatically again
 * @heap: a heap
 *
 * Context: any but NMI and raw locks.
 */
void refheap_start(struct refheap *heap)
{
	if (refpointer_bad(heap))
		return;
	WRITE_ONCE(heap->stopped, false);
	refheap_look(heap);
}
EXPORT_SYMBOL_REFHEAP(refheap_start);

/**
 * refheap_set_period - how long a candidate waits at most
 * @heap: a heap
 * @period_ms: milliseconds, 1 to one day
 *
 * A shorter period also counts for candidates that are waiting.
 *
 * Context: any but NMI and raw locks.
 * Return: 0 or -EINVAL.
 */
int refheap_set_period(struct refheap *heap, unsigned int period_ms)
{
	if (refpointer_bad(heap) || !period_ms ||
	    period_ms > REFHEAP_PERIOD_MAX)
		return -EINVAL;
	WRITE_ONCE(heap->params.period_ms, period_ms);
	refheap_look(heap);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_set_period);

/**
 * refheap_set_threshold - how many candidates may come before a collection
 * @heap: a heap
 * @threshold: at most about this many, or 0 for as many as do in a period
 *
 * Each CPU counts for itself and asks at its share.
 *
 * Context: any but NMI and raw locks.
 * Return: 0.
 */
int refheap_set_threshold(struct refheap *heap, unsigned int threshold)
{
	if (refpointer_bad(heap))
		return -EINVAL;
	refheap_share_threshold(heap, threshold);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_set_threshold);
