// SPDX-License-Identifier: GPL-2.0
/* Keeps the collector busy, and moves the switches that it has. */
#include "torture.h"

#include <linux/kthread.h>
#include <linux/sched.h>

static struct task_struct *collector_task;

static void collector_freeze(void)
{
	if (refheap_freeze(torture.heap))
		torture_wrong("the heap could not be frozen");
	refheap_collect(torture.heap, 0);
	if (refheap_unfreeze(torture.heap))
		torture_wrong("the heap could not be unfrozen");
}

static void collector_turn(unsigned int n)
{
	long reclaimed;

	if (n % 4)
		reclaimed = refheap_collect_age(torture.heap, n % 3);
	else
		reclaimed = refheap_collect(torture.heap,
					    REFHEAP_COLLECT_FULL);
	if (reclaimed < 0)
		torture_wrong("a collection failed: %ld", reclaimed);
	if (!(n % 31))
		collector_freeze();
	if (!(n % 17) && refheap_drain(torture.heap))
		torture_wrong("what was left to the thread was not drained");
}

static int collector_thread(void *data)
{
	unsigned int n = 0;

	while (!kthread_should_stop()) {
		collector_turn(n++);
		cond_resched();
	}
	return 0;
}

int collector_start(void)
{
	struct task_struct *task = kthread_run(collector_thread, NULL,
					       "refheap-torture/c");

	if (IS_ERR(task))
		return PTR_ERR(task);
	collector_task = task;
	return 0;
}

void collector_stop(void)
{
	if (collector_task)
		kthread_stop(collector_task);
	collector_task = NULL;
}
