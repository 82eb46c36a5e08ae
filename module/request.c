// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: what somebody waits for while the heap's thread does it.
 *
 * The thread takes all that have come, in order, and serves them in that
 * order; collections that are asked for one after the other are one (see
 * refthread_serve()).  So a collection, or what else was asked for, begins
 * after the request was made, and everyone is told what his own did.
 */
#include <linux/wait.h>

#include "internal.h"

/* Move what has been asked for until now to the thread's own list. */
void refrequest_take(struct refheap *heap, struct list_head *requests)
{
	spin_lock_irq(&heap->request_lock);
	list_splice_tail_init(&heap->requests, requests);
	spin_unlock_irq(&heap->request_lock);
}

/* It is gone when this returns. */
void refrequest_done(struct refheap *heap, struct refrequest *request,
		     long result)
{
	request->result = result;
	/* Pairs with the acquire in refheap_request(). */
	smp_store_release(&request->done, true);
	wake_up_all(&heap->completion);
}

/*
 * Have the thread do something, and wait for it.
 *
 * Context: process, may sleep.
 * Return: what came of it, or -EDEADLK from a callback of @heap.
 */
long refheap_request(struct refheap *heap, enum refrequest_kind kind,
		     enum refscope scope)
{
	struct refrequest request = { .kind = kind, .scope = scope };
	unsigned long flags;

	/* A callback may be where nothing sleeps. */
	if (refheap_in_callback(heap))
		return -EDEADLK;
	might_sleep();
	refcascade_hand_over(heap);
	spin_lock_irqsave(&heap->request_lock, flags);
	list_add_tail(&request.node, &heap->requests);
	spin_unlock_irqrestore(&heap->request_lock, flags);
	refheap_wake(heap);
	/*
	 * A large heap takes its time: neither load nor a hung task.
	 * Pairs with the release in refrequest_done().
	 */
	wait_event_idle(heap->completion, smp_load_acquire(&request.done));
	return request.result;
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
 * Return: how many objects were reclaimed as members of islands, or kept
 * (refheap_set_save_all()), -EDEADLK from a callback of @heap, -EINVAL for
 * unknown flags.
 */
long refheap_collect(struct refheap *heap, unsigned int flags)
{
	if (refpointer_bad(heap) || flags & ~REFHEAP_COLLECT_FULL)
		return -EINVAL;
	return refheap_request(heap, REQUEST_COLLECT,
			       flags & REFHEAP_COLLECT_FULL ? SCOPE_AGE_2 :
							      SCOPE_CANDIDATES);
}
EXPORT_SYMBOL_REFHEAP(refheap_collect);

/**
 * refheap_collect_age - collect an age and those below it
 * @heap: a heap
 * @age: 0, 1 or 2, as in Python's gc.collect(generation)
 *
 * Judges, besides the candidates, every container of age @age or less; all
 * of them survivors become one older than @age, two at most.  2 is what
 * %REFHEAP_COLLECT_FULL asks for.  0 and 1 have to find their objects in the
 * object table, which costs a look at each: refheap_collect() without flags
 * does not, and reclaims as much, because what is no candidate does not
 * become garbage.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: as refheap_collect(), -EDEADLK
 * from a callback of @heap, -EINVAL if there is no such age.
 */
long refheap_collect_age(struct refheap *heap, unsigned int age)
{
	if (refpointer_bad(heap) || age >= REFHEAP_AGES)
		return -EINVAL;
	return refheap_request(heap, REQUEST_COLLECT, SCOPE_AGE_0 + age);
}
EXPORT_SYMBOL_REFHEAP(refheap_collect_age);

/**
 * refheap_drain - wait for releases that were left to the heap's thread
 * @heap: a heap
 *
 * Likewise for callbacks of weak references that were due; those that such
 * callbacks make due are not waited for.
 *
 * Context: process, may sleep.  Not from a callback of @heap.
 * Return: 0 when all that were left before the call have run, or -EDEADLK.
 */
int refheap_drain(struct refheap *heap)
{
	if (refpointer_bad(heap))
		return -EINVAL;
	return refheap_request(heap, REQUEST_DRAIN, SCOPE_NONE);
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
	if (refpointer_bad(heap))
		return;
	set_bit(EVENT_KICK, &heap->events);
	irq_work_queue(&heap->wake);
}
EXPORT_SYMBOL_REFHEAP(refheap_kick);
