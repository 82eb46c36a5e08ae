// SPDX-License-Identifier: GPL-2.0
/* One thread works off all work queues. */
#include <linux/kthread.h>
#include <linux/workqueue.h>

#include "user.h"

static arch_spinlock_t lock;
static LIST_HEAD(works);
static struct work_struct *running;
static struct user_waker waker;

struct workqueue_struct *system_wq, *system_percpu_wq, *system_unbound_wq,
			*system_highpri_wq, *system_long_wq;

bool queue_work_on(int cpu, struct workqueue_struct *queue,
		   struct work_struct *work)
{
	if (test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work)))
		return false;
	arch_spin_lock(&lock);
	list_add_tail(&work->entry, &works);
	arch_spin_unlock(&lock);
	user_waker_wake(&waker);
	return true;
}

static struct work_struct *workqueue_next(void)
{
	struct work_struct *work;

	arch_spin_lock(&lock);
	work = list_first_entry_or_null(&works, struct work_struct, entry);
	if (work) {
		list_del_init(&work->entry);
		clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
	}
	running = work;
	arch_spin_unlock(&lock);
	return work;
}

static int workqueue_thread(void *unused)
{
	struct work_struct *work;
	unsigned int seen;

	for (;;) {
		seen = user_waker_read(&waker);
		work = workqueue_next();
		if (work)
			work->func(work);
		else
			host_wait(&waker.word, seen, HOST_FOREVER);
	}
	return 0;
}

static bool workqueue_busy(struct work_struct *work)
{
	bool busy;

	arch_spin_lock(&lock);
	busy = running == work || work_pending(work);
	arch_spin_unlock(&lock);
	return busy;
}

bool flush_work(struct work_struct *work)
{
	bool waited = false;

	while (workqueue_busy(work)) {
		host_yield();
		waited = true;
	}
	return waited;
}

bool cancel_work_sync(struct work_struct *work)
{
	bool pending;

	arch_spin_lock(&lock);
	pending = work_pending(work) && !list_empty(&work->entry);
	if (pending) {
		list_del_init(&work->entry);
		clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
	}
	arch_spin_unlock(&lock);
	flush_work(work);
	return pending;
}

void user_workqueue_init(void)
{
	wake_up_process(user_thread_new(workqueue_thread, NULL, "work"));
}
