// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: a thread calls those that are due, one after the other, as softirqs
 * and hard interrupts would.
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "user.h"

#define HOST_MONOTONIC	1

/**
 * struct user_alarm - a timer that has been started
 * @list: among those
 * @timer: a struct timer_list, or
 * @hrtimer: a struct hrtimer
 * @due: when
 */
struct user_alarm {
	struct list_head list;
	struct timer_list *timer;
	struct hrtimer *hrtimer;
	u64 due;
};

/* For hrtimer_forward_now(). */
static struct hrtimer_clock_base monotonic = { .get_time = ktime_get };

static arch_spinlock_t lock;
static LIST_HEAD(alarms);
static const void *running;
static struct user_waker waker;

static void *alarm_timer(const struct user_alarm *alarm)
{
	return alarm->timer ?: (void *)alarm->hrtimer;
}

/* For timer_pending(). */
static void alarm_mark(struct timer_list *timer, bool pending)
{
	if (timer)
		WRITE_ONCE(timer->entry.pprev,
			   pending ? &timer->entry.next : NULL);
}

/* Return: was it running? */
static bool alarm_stop(const void *timer)
{
	struct user_alarm *alarm, *found = NULL;

	arch_spin_lock(&lock);
	list_for_each_entry(alarm, &alarms, list)
		if (alarm_timer(alarm) == timer) {
			list_del(&alarm->list);
			alarm_mark(alarm->timer, false);
			found = alarm;
			break;
		}
	arch_spin_unlock(&lock);
	host_free(found);
	return found;
}

static bool alarm_start(struct timer_list *timer, struct hrtimer *hrtimer,
			u64 due)
{
	struct user_alarm *alarm = host_malloc(sizeof(*alarm), 0);
	bool before = alarm_stop(timer ?: (void *)hrtimer);

	if (!alarm)
		panic("no memory for a timer");
	alarm->timer = timer;
	alarm->hrtimer = hrtimer;
	alarm->due = due;
	arch_spin_lock(&lock);
	list_add(&alarm->list, &alarms);
	alarm_mark(timer, true);
	arch_spin_unlock(&lock);
	user_waker_wake(&waker);
	return before;
}

/* The next that is due, off the list, or NULL and when there will be one. */
static struct user_alarm *alarm_next(u64 *until)
{
	struct user_alarm *alarm, *first = NULL;

	arch_spin_lock(&lock);
	list_for_each_entry(alarm, &alarms, list)
		if (!first || alarm->due < first->due)
			first = alarm;
	*until = first ? first->due : HOST_FOREVER;
	if (first && first->due > host_ns(HOST_MONOTONIC))
		first = NULL;
	if (first) {
		list_del(&first->list);
		alarm_mark(first->timer, false);
		running = alarm_timer(first);
	}
	arch_spin_unlock(&lock);
	return first;
}

static void alarm_ring(struct user_alarm *alarm)
{
	struct hrtimer *hrtimer = alarm->hrtimer;

	if (hrtimer) {
		u64 context = hrtimer->is_soft ? SOFTIRQ_OFFSET :
						 HARDIRQ_OFFSET | USER_IRQS_OFF;

		user_state_add(context);
		if (hrtimer->function(hrtimer) == HRTIMER_RESTART)
			alarm_start(NULL, hrtimer, hrtimer_get_expires(hrtimer));
		user_state_sub(context);
	} else {
		user_state_add(SOFTIRQ_OFFSET);
		alarm->timer->function(alarm->timer);
		user_state_sub(SOFTIRQ_OFFSET);
	}
	arch_spin_lock(&lock);
	running = NULL;
	arch_spin_unlock(&lock);
	host_free(alarm);
}

static int timer_thread(void *unused)
{
	struct user_alarm *alarm;
	unsigned int seen;
	u64 until;

	for (;;) {
		seen = user_waker_read(&waker);
		alarm = alarm_next(&until);
		if (alarm)
			alarm_ring(alarm);
		else
			host_wait(&waker.word, seen, until);
	}
	return 0;
}

static void alarm_wait(const void *timer)
{
	bool busy;

	do {
		arch_spin_lock(&lock);
		busy = running == timer;
		arch_spin_unlock(&lock);
		if (busy)
			host_yield();
	} while (busy);
}

/* Until it neither runs nor has started itself again. */
static bool alarm_cancel(const void *timer)
{
	bool before = alarm_stop(timer);

	alarm_wait(timer);
	while (alarm_stop(timer))
		alarm_wait(timer);
	return before;
}

/* --- the kernel's names ------------------------------------------------- */

void init_timer_key(struct timer_list *timer,
		    void (*function)(struct timer_list *timer),
		    unsigned int flags, const char *name,
		    struct lock_class_key *key)
{
	timer->function = function;
	timer->flags = flags;
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	long wait = expires - jiffies;

	timer->expires = expires;
	return alarm_start(timer, NULL, host_ns(HOST_MONOTONIC) +
			   max(wait, 0L) * (NSEC_PER_SEC / HZ));
}

void add_timer(struct timer_list *timer)
{
	mod_timer(timer, timer->expires);
}

int timer_delete(struct timer_list *timer)
{
	return alarm_stop(timer);
}

int timer_delete_sync(struct timer_list *timer)
{
	return alarm_cancel(timer);
}

int timer_shutdown_sync(struct timer_list *timer)
{
	return alarm_cancel(timer);
}

void hrtimer_init(struct hrtimer *timer, clockid_t clock,
		  enum hrtimer_mode mode)
{
	memset(timer, 0, sizeof(*timer));
	timer->base = &monotonic;
	timer->is_soft = mode & HRTIMER_MODE_SOFT;
}

void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t when, u64 range,
			    const enum hrtimer_mode mode)
{
	if (mode & HRTIMER_MODE_REL)
		when = ktime_add(when, host_ns(HOST_MONOTONIC));
	hrtimer_set_expires_range_ns(timer, when, range);
	alarm_start(NULL, timer, when);
}

ktime_t ktime_add_safe(const ktime_t a, const ktime_t b)
{
	ktime_t sum = ktime_add_unsafe(a, b);

	return sum < 0 || sum < a || sum < b ? KTIME_MAX : sum;
}

u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval)
{
	hrtimer_set_expires(timer, ktime_add(now, interval));
	return 1;
}

int hrtimer_cancel(struct hrtimer *timer)
{
	return alarm_cancel(timer);
}

int hrtimer_try_to_cancel(struct hrtimer *timer)
{
	return alarm_stop(timer);
}

void user_timer_init(void)
{
	wake_up_process(user_thread_new(timer_thread, NULL, "timer"));
}
