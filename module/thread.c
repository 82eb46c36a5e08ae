// SPDX-License-Identifier: GPL-2.0
/*
 * The heap's thread: when to collect.
 *
 * Nobody wakes it directly.  Mutators add to a lock-free list and, if it was
 * empty, queue an irq_work, which wakes it.  With nothing marked, nothing
 * staged and nothing left unfinished it sleeps until then (G11).
 */
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include <trace/events/refheap.h>

#include "internal.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(refheap_phase);

/*
 * Periods until what is left over is looked at without being asked: parked
 * candidates by another collection, unfinished objects by a full pass; twice
 * as many after each that reclaimed nothing, up to the shift.
 */
#define REFTHREAD_RETRY_PERIODS		1
#define REFTHREAD_FULL_PERIODS		8	/* fewer in a heap below 2^18 */
#define REFTHREAD_BACKOFF_MOST		6

void refheap_wake(struct refheap *heap)
{
	wake_up(&heap->wait);
}

void refheap_wake_work(struct irq_work *work)
{
	refheap_wake(container_of(work, struct refheap, wake));
}

/* What a collection is for: the events that were pending, and requests. */
struct refwork {
	u64 ticket;		/* serve requests up to this one, 0: none */
	bool collect;
	bool full;
};

/*
 * One collection.
 *
 * Return: the number of objects reclaimed as members of islands.
 */
long refheap_do_collect(struct refheap *heap, bool full)
{
	u64 start = ktime_get_ns(), roots;
	long reclaimed = 0;

	refheap_reset_quota(heap);
	if (full)
		heap->unfinished = false;
	roots = refcandidate_take(heap, full);
	trace_refheap_phase(heap, REFHEAP_PHASE_CANDIDATES, roots);
	if (roots) {
		reftrace_run(heap, roots, full);
		if (refisland_divide(heap))
			reclaimed = refisland_try_all(heap);
	}
	reftrace_forget(heap);

	WRITE_ONCE(heap->stats.collections, heap->stats.collections + 1);
	if (full)
		WRITE_ONCE(heap->stats.full, heap->stats.full + 1);
	heap->stats.last_ns = ktime_get_ns() - start;
	heap->stats.longest_ns = max(heap->stats.longest_ns,
				     heap->stats.last_ns);
	return reclaimed;
}

static unsigned long refheap_period(const struct refheap *heap)
{
	return max(msecs_to_jiffies(READ_ONCE(heap->params.period_ms)), 1UL);
}

/* Something is marked: from now on the period runs. */
static void refthread_notice(struct refheap *heap)
{
	if (llist_empty(&heap->marked) || heap->waiting)
		return;
	heap->waiting = true;
	heap->due = jiffies + refheap_period(heap);
}

static bool refthread_full_due(const struct refheap *heap)
{
	return heap->unfinished && time_after_eq(jiffies, heap->due_full);
}

static bool refthread_retry_due(const struct refheap *heap)
{
	return !list_empty(&heap->parked) &&
	       time_after_eq(jiffies, heap->due_retry);
}

static unsigned long refthread_backoff(const struct refheap *heap,
				       unsigned int periods,
				       unsigned int *tries, long reclaimed)
{
	unsigned long wait;

	if (reclaimed)
		*tries = 0;
	wait = (refheap_period(heap) * periods) << *tries;
	if (*tries < REFTHREAD_BACKOFF_MOST)
		++*tries;
	return jiffies + wait;
}

static void refthread_take_requests(struct refheap *heap, struct refwork *work)
{
	spin_lock_irq(&heap->request_lock);
	if (heap->requested != heap->completed)
		work->ticket = heap->requested;
	if (heap->requested_full > heap->completed)
		work->full = true;
	if (heap->requested_collect > heap->completed)
		work->collect = true;
	spin_unlock_irq(&heap->request_lock);
}

static void refthread_complete(struct refheap *heap, const struct refwork *work,
			       long reclaimed)
{
	if (!work->ticket)
		return;
	spin_lock_irq(&heap->request_lock);
	heap->completed = work->ticket;
	heap->completed_reclaimed = reclaimed;
	spin_unlock_irq(&heap->request_lock);
	wake_up_all(&heap->completion);
}

static void refthread_decide(struct refheap *heap, struct refwork *work)
{
	bool asked = test_and_clear_bit(EVENT_KICK, &heap->events);
	bool crowded = test_and_clear_bit(EVENT_THRESHOLD, &heap->events);
	bool pressed = test_and_clear_bit(EVENT_PRESSURE, &heap->events);

	*work = (struct refwork){ .collect = asked };
	if (test_and_clear_bit(EVENT_LOOK, &heap->events) && heap->waiting &&
	    time_after(heap->due, jiffies + refheap_period(heap)))
		heap->due = jiffies + refheap_period(heap);
	if (!READ_ONCE(heap->stopped) && (pressed ||
					  refthread_full_due(heap))) {
		work->collect = true;
		work->full = true;
	}
	if (!READ_ONCE(heap->stopped) &&
	    (crowded || refthread_retry_due(heap) ||
	     (heap->waiting && time_after_eq(jiffies, heap->due))))
		work->collect = true;
	refthread_take_requests(heap, work);
}

/*
 * When what is left over will be looked at.  A full pass also comes as soon
 * as the small ones have done as much work as it will cost (G12).
 */
static void refthread_plan(struct refheap *heap, bool full, bool unfinished,
			   long reclaimed)
{
	u64 objects = refheap_objects(heap);
	unsigned int periods = clamp_t(u64, objects >> 15, 1,
				       REFTHREAD_FULL_PERIODS);

	heap->due_retry = refthread_backoff(heap, REFTHREAD_RETRY_PERIODS,
					    &heap->retries, reclaimed);
	if (list_empty(&heap->parked))
		heap->retries = 0;
	if (full)
		heap->work = 0;
	if (full || (heap->unfinished && !unfinished))
		heap->due_full = refthread_backoff(heap, periods,
						   &heap->backoff, reclaimed);
	if (heap->work > objects)
		heap->due_full = jiffies;
}

static void refthread_work(struct refheap *heap)
{
	struct refwork work;
	long reclaimed = 0;

	refthread_decide(heap, &work);
	refheap_release_deferred(heap);
	if (work.collect) {
		bool unfinished = heap->unfinished;

		heap->waiting = false;
		reclaimed = refheap_do_collect(heap, work.full);
		refthread_plan(heap, work.full, unfinished, reclaimed);
		refheap_release_deferred(heap);
	}
	refheap_call_weaks(heap);
	refthread_complete(heap, &work, reclaimed);
	refcandidate_settle(heap);
	refthread_notice(heap);
}

static bool refthread_has_work(struct refheap *heap)
{
	return READ_ONCE(heap->deferred) || READ_ONCE(heap->events) ||
	       !list_empty(&heap->weak_queue) ||
	       READ_ONCE(heap->requested) != READ_ONCE(heap->completed) ||
	       (!heap->waiting && !llist_empty(&heap->marked)) ||
	       (READ_ONCE(heap->zombie) && !refheap_objects(heap)) ||
	       kthread_should_stop();
}

/* How long to sleep if nothing happens. */
static long refthread_timeout(const struct refheap *heap)
{
	long timeout = MAX_SCHEDULE_TIMEOUT;

	if (refcandidate_pending(heap))
		timeout = max(HZ / 20, 1);
	if (READ_ONCE(heap->stopped))
		return timeout;
	if (heap->waiting)
		timeout = min(timeout, max((long)(heap->due - jiffies), 1L));
	if (heap->unfinished)
		timeout = min(timeout,
			      max((long)(heap->due_full - jiffies), 1L));
	if (!list_empty(&heap->parked))
		timeout = min(timeout,
			      max((long)(heap->due_retry - jiffies), 1L));
	return timeout;
}

int refheap_thread(void *data)
{
	struct refheap *heap = data;

	set_user_nice(current, heap->params.nice);
	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_freezable_timeout(heap->wait,
					     refthread_has_work(heap),
					     refthread_timeout(heap));
		refthread_work(heap);
		if (READ_ONCE(heap->zombie) && !refheap_objects(heap)) {
			refheap_free(heap);
			module_put_and_kthread_exit(0);
		}
	}
	return 0;
}

static long refheap_request(struct refheap *heap, bool collect, bool full)
{
	unsigned long flags;
	long reclaimed;
	u64 ticket;

	might_sleep();
	if (refheap_in_callback(heap))
		return -EDEADLK;
	spin_lock_irqsave(&heap->request_lock, flags);
	ticket = ++heap->requested;
	if (full)
		heap->requested_full = ticket;
	if (collect)
		heap->requested_collect = ticket;
	spin_unlock_irqrestore(&heap->request_lock, flags);
	refheap_wake(heap);
	/* A large heap takes its time: neither load nor a hung task. */
	wait_event_idle(heap->completion,
			READ_ONCE(heap->completed) >= ticket);
	spin_lock_irqsave(&heap->request_lock, flags);
	reclaimed = heap->completed_reclaimed;
	spin_unlock_irqrestore(&heap->request_lock, flags);
	return reclaimed;
}

/**
 * refheap_collect - collect cyclic garbage now, and wait for it
 * @heap: a heap
 * @flags: %REFHEAP_COLLECT_FULL to judge every container, as Python's
 *	   gc.collect() does, or 0 for the candidates and what hangs on them
 *
 * Runs in the heap's thread; requests that come while it works share the
 * next collection and its result.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: how many objects were reclaimed as members of islands, -EDEADLK
 * from a callback of @heap, -EINVAL for unknown flags.
 */
long refheap_collect(struct refheap *heap, unsigned int flags)
{
	if (flags & ~REFHEAP_COLLECT_FULL)
		return -EINVAL;
	return refheap_request(heap, true, flags & REFHEAP_COLLECT_FULL);
}
EXPORT_SYMBOL_REFHEAP(refheap_collect);

/**
 * refheap_drain - wait for releases that were left to the heap's thread
 * @heap: a heap
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: 0 when all that were left before the call have run, or -EDEADLK.
 */
int refheap_drain(struct refheap *heap)
{
	long ret = refheap_request(heap, false, false);

	return ret < 0 ? ret : 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_drain);

/**
 * refheap_kick - ask for a collection without waiting for it
 * @heap: a heap
 *
 * Context: any but NMI.
 */
void refheap_kick(struct refheap *heap)
{
	set_bit(EVENT_KICK, &heap->events);
	irq_work_queue(&heap->wake);
}
EXPORT_SYMBOL_REFHEAP(refheap_kick);
