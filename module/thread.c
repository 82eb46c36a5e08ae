// SPDX-License-Identifier: GPL-2.0
/*
 * The heap's thread: when to collect.
 *
 * No put and no store in a slot wakes it directly: they add to a lock-free list
 * and, if that was empty, queue an irq_work, which wakes it.  With nothing
 * marked, nothing staged and nothing left unfinished it sleeps until then (G11).
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

/*
 * One collection.  @notice is told how it went.
 *
 * Return: the number of objects reclaimed as members of islands.
 */
static long refthread_collect(struct refheap *heap, enum refscope scope,
			      struct refheap_notice *notice)
{
	struct refheap_stats before = heap->stats;
	unsigned int age = refscope_age(scope);
	u64 start = ktime_get_ns(), roots;
	long reclaimed = 0;

	refheap_reset_quota(heap);
	if (scope == SCOPE_AGE_2)
		heap->unfinished = false;
	roots = reftrace_run(heap, scope, &reclaimed);
	if (roots && !refisland_try_together(heap, false, &reclaimed) &&
	    reftrace_find_suspects(heap) && refisland_divide(heap, false))
		reclaimed += refisland_try_all(heap);
	reftrace_forget(heap, age);

	WRITE_ONCE(heap->stats.collections, heap->stats.collections + 1);
	if (scope == SCOPE_AGE_2)
		WRITE_ONCE(heap->stats.full, heap->stats.full + 1);
	heap->stats.last_ns = ktime_get_ns() - start;
	heap->stats.longest_ns = max(heap->stats.longest_ns,
				     heap->stats.last_ns);
	refage_account(heap, age, &before, roots);
	notice->candidates = roots;
	notice->kept = heap->stats.kept - before.kept;
	notice->reclaimed = reclaimed - notice->kept;
	notice->duration_ns = heap->stats.last_ns;
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

/* Is there a reason for a collection that nobody waits for? */
static enum refscope refthread_decide(struct refheap *heap)
{
	bool asked = test_and_clear_bit(EVENT_KICK, &heap->events);
	bool crowded = test_and_clear_bit(EVENT_THRESHOLD, &heap->events);
	bool pressed = test_and_clear_bit(EVENT_PRESSURE, &heap->events);

	if (test_and_clear_bit(EVENT_LOOK, &heap->events) && heap->waiting &&
	    time_after(heap->due, jiffies + refheap_period(heap)))
		heap->due = jiffies + refheap_period(heap);
	/*
	 * Who destroys the heap asks for what it needs, and waits for it: none
	 * must be under way when callbacks end.
	 */
	if (READ_ONCE(heap->closing) && !READ_ONCE(heap->zombie) &&
	    !busted(FAULT_closing))
		return SCOPE_NONE;
	if (READ_ONCE(heap->stopped))
		return asked ? SCOPE_CANDIDATES : SCOPE_NONE;
	if (pressed || refthread_full_due(heap))
		return SCOPE_AGE_2;
	if (crowded || refthread_retry_due(heap) ||
	    (heap->waiting && time_after_eq(jiffies, heap->due)))
		return refage_due(heap);
	return asked || busted(FAULT_idle) ? SCOPE_CANDIDATES : SCOPE_NONE;
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

static long refthread_collect_and_plan(struct refheap *heap,
				       enum refscope scope)
{
	struct refheap_notice notice = {
		.heap = heap,
		.age = refscope_age(scope),
	};
	bool unfinished = heap->unfinished;
	long reclaimed;

	heap->waiting = false;
	refheap_notify(heap, REFHEAP_COLLECT_START, &notice);
	reclaimed = refthread_collect(heap, scope, &notice);
	refthread_plan(heap, scope == SCOPE_AGE_2, unfinished, reclaimed);
	refheap_release_deferred(heap);
	refheap_call_weaks(heap);
	refheap_notify(heap, REFHEAP_COLLECT_STOP, &notice);
	/* What the notifiers left behind is a part of it. */
	refheap_release_deferred(heap);
	return reclaimed;
}

/* What was frozen awaits a full pass. */
static void refthread_unfreeze(struct refheap *heap)
{
	reffreeze_undo(heap);
	heap->unfinished = true;
	heap->backoff = 0;
	heap->due_full = jiffies + refheap_period(heap);
}

static long refthread_serve_other(struct refheap *heap,
				  enum refrequest_kind kind)
{
	switch (kind) {
	case REQUEST_FREEZE:
		reffreeze_all(heap);
		return 0;
	case REQUEST_UNFREEZE:
		refthread_unfreeze(heap);
		return 0;
	case REQUEST_END_IMMORTALS:
		return refheap_end_immortals(heap);
	default:
		return 0;
	}
}

/*
 * Serve the first of the requests, and with it those directly behind it that
 * want a collection too: one will do, if it is for all of them.
 *
 * @due is the collection that is due anyway; none is when one has been made.
 */
static void refthread_serve(struct refheap *heap, struct list_head *requests,
			    enum refscope *due)
{
	struct refrequest *request, *next;
	LIST_HEAD(served);
	long result = 0;

	request = list_first_entry(requests, struct refrequest, node);
	if (request->kind == REQUEST_COLLECT) {
		list_for_each_entry_safe(request, next, requests, node) {
			if (request->kind != REQUEST_COLLECT)
				break;
			*due = max(*due, request->scope);
			list_move_tail(&request->node, &served);
		}
		result = refthread_collect_and_plan(heap, *due);
		*due = SCOPE_NONE;
	} else {
		result = refthread_serve_other(heap, request->kind);
		list_move_tail(&request->node, &served);
	}
	refheap_release_deferred(heap);
	refheap_call_weaks(heap);
	list_for_each_entry_safe(request, next, &served, node)
		refrequest_done(heap, request, result);
}

static void refthread_work(struct refheap *heap)
{
	enum refscope due = refthread_decide(heap);
	LIST_HEAD(requests);

	refrequest_take(heap, &requests);
	refheap_release_deferred(heap);
	while (!list_empty(&requests))
		refthread_serve(heap, &requests, &due);
	if (due)
		refthread_collect_and_plan(heap, due);
	refheap_call_weaks(heap);
	refcandidate_settle(heap);
	refthread_notice(heap);
}

static bool refthread_has_work(struct refheap *heap)
{
	return READ_ONCE(heap->deferred) || READ_ONCE(heap->events) ||
	       !list_empty(&heap->weak_queue) ||
	       !list_empty(&heap->requests) ||
	       (!heap->waiting && !llist_empty(&heap->marked)) ||
	       (READ_ONCE(heap->zombie) && !refheap_objects(heap)) ||
	       kthread_should_stop();
}

/* How long to sleep if nothing happens. */
static long refthread_timeout(const struct refheap *heap)
{
	long timeout = busted(FAULT_idle) ? HZ / 50 : MAX_SCHEDULE_TIMEOUT;

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
		/* Whoever is kept busy does not wait, and would not freeze. */
		try_to_freeze();
		refthread_work(heap);
		if (READ_ONCE(heap->zombie) && !refheap_objects(heap)) {
			refheap_free(heap);
			module_put_and_kthread_exit(0);
		}
	}
	return 0;
}
