// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: a thread that believes to be in one runs what is queued, at
 * once.  While it waits for a thread that has interrupts off, nothing is lost:
 * no work of these tests is bound to a processor.
 */
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/smp.h>

#include "user.h"

static LLIST_HEAD(works);
static struct user_waker waker;

bool irq_work_queue(struct irq_work *work)
{
	int old = atomic_fetch_or(IRQ_WORK_CLAIMED | CSD_TYPE_IRQ_WORK,
				  &work->node.a_flags);

	if (old & IRQ_WORK_PENDING)
		return false;
	if (llist_add(&work->node.llist, &works))
		user_waker_wake(&waker);
	return true;
}

bool irq_work_queue_on(struct irq_work *work, int cpu)
{
	return irq_work_queue(work);
}

void irq_work_single(void *data)
{
	struct irq_work *work = data;
	int flags = atomic_fetch_and(~IRQ_WORK_PENDING, &work->node.a_flags);

	flags &= ~IRQ_WORK_PENDING;
	user_state_add(HARDIRQ_OFFSET | USER_IRQS_OFF);
	work->func(work);
	/* It may be queued again by now; its memory stays until it is idle. */
	atomic_cmpxchg(&work->node.a_flags, flags, flags & ~IRQ_WORK_BUSY);
	user_state_sub(HARDIRQ_OFFSET | USER_IRQS_OFF);
}

void irq_work_sync(struct irq_work *work)
{
	while (irq_work_is_busy(work))
		host_yield();
	/* Pairs with the exchange in irq_work_single(). */
	smp_mb();
}

/* --- on another processor ----------------------------------------------- */

struct user_call {
	struct irq_work work;
	smp_call_func_t function;
	void *data;
};

static void user_call(struct irq_work *work)
{
	struct user_call *call = container_of(work, struct user_call, work);

	call->function(call->data);
}

int smp_call_function_single(int cpu, smp_call_func_t function, void *data,
			     int wait)
{
	struct user_call call = { .function = function, .data = data };

	if (!wait)
		panic("calls that nobody waits for are not among the stand-ins");
	init_irq_work(&call.work, user_call);
	irq_work_queue(&call.work);
	irq_work_sync(&call.work);
	return 0;
}

static int irq_work_thread(void *unused)
{
	struct irq_work *work, *next;
	struct llist_node *list;
	unsigned int seen;

	for (;;) {
		seen = user_waker_read(&waker);
		list = llist_del_all(&works);
		if (!list)
			host_wait(&waker.word, seen, HOST_FOREVER);
		list = llist_reverse_order(list);
		llist_for_each_entry_safe(work, next, list, node.llist)
			irq_work_single(work);
	}
	return 0;
}

void user_irq_work_init(void)
{
	wake_up_process(user_thread_new(irq_work_thread, NULL, "irq"));
}
