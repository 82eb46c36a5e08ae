// SPDX-License-Identifier: GPL-2.0
/* Clocks, and waiting for them. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>

#include "user.h"

#define HOST_REALTIME	0
#define HOST_MONOTONIC	1

/* As in the kernel, jiffies wrap soon after the start. */
const unsigned long *user_jiffies(void)
{
	static __thread unsigned long now;

	now = INITIAL_JIFFIES + host_ns(HOST_MONOTONIC) / (NSEC_PER_SEC / HZ);
	return &now;
}

ktime_t ktime_get(void)
{
	return host_ns(HOST_MONOTONIC);
}

ktime_t ktime_get_raw(void)
{
	return host_ns(HOST_MONOTONIC);
}

u64 ktime_get_mono_fast_ns(void)
{
	return host_ns(HOST_MONOTONIC);
}

u64 sched_clock(void)
{
	return host_ns(HOST_MONOTONIC);
}

ktime_t ktime_get_with_offset(enum tk_offsets offset)
{
	return host_ns(offset == TK_OFFS_REAL ? HOST_REALTIME : HOST_MONOTONIC);
}

void ktime_get_ts64(struct timespec64 *now)
{
	*now = ns_to_timespec64(host_ns(HOST_MONOTONIC));
}

void ktime_get_real_ts64(struct timespec64 *now)
{
	*now = ns_to_timespec64(host_ns(HOST_REALTIME));
}

static void user_delay(u64 ns)
{
	host_sleep_until(host_ns(HOST_MONOTONIC) + ns);
}

void msleep(unsigned int ms)
{
	user_delay(ms * (u64)NSEC_PER_MSEC);
}

unsigned long msleep_interruptible(unsigned int ms)
{
	msleep(ms);
	return 0;
}

void usleep_range_state(unsigned long least, unsigned long most,
			unsigned int state)
{
	user_delay(least * NSEC_PER_USEC);
}

void __udelay(unsigned long us)
{
	u64 end = host_ns(HOST_MONOTONIC) + us * NSEC_PER_USEC;

	while (host_ns(HOST_MONOTONIC) < end)
		cpu_relax();
}

void __const_udelay(unsigned long loops)
{
	__udelay(loops / 0x10c7UL);
}
