// SPDX-License-Identifier: GPL-2.0
/* CPUs go and come back, and what they had cached has to be found. */
#include "torture.h"

#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

static unsigned int onoff_interval_ms;
module_param(onoff_interval_ms, uint, 0444);
MODULE_PARM_DESC(onoff_interval_ms, "Time between CPU hotplugs, 0: none");

#define HOTPLUG_PATIENCE	(120 * HZ)

static struct task_struct *hotplug_task;

/* The last CPU that could go; another one every time. */
static unsigned int hotplug_next(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_next(0, cpu_online_mask);
	return cpu;
}

/* Refused as long as tasks are frozen. */
static int hotplug_add(unsigned int cpu)
{
	unsigned long end = jiffies + HOTPLUG_PATIENCE;
	int err;

	while ((err = add_cpu(cpu)) == -EBUSY && time_before(jiffies, end))
		schedule_timeout_uninterruptible(HZ / 10);
	return err;
}

static void hotplug_turn(unsigned int cpu)
{
	int err;

	if (cpu >= nr_cpu_ids || remove_cpu(cpu))
		return;
	schedule_timeout_interruptible(msecs_to_jiffies(onoff_interval_ms) / 2);
	err = hotplug_add(cpu);
	if (err) {
		torture_wrong("CPU %u has not come back: %d", cpu, err);
		return;
	}
	context_return(cpu);
	atomic_long_inc(&torture.offline);
}

static int hotplug_thread(void *data)
{
	unsigned int cpu = 0;

	while (!kthread_should_stop()) {
		cpu = hotplug_next(cpu);
		hotplug_turn(cpu);
		schedule_timeout_interruptible(
			msecs_to_jiffies(onoff_interval_ms));
	}
	return 0;
}

int hotplug_start(void)
{
	struct task_struct *task;

	if (!onoff_interval_ms || !IS_ENABLED(CONFIG_HOTPLUG_CPU))
		return 0;
	task = kthread_run(hotplug_thread, NULL, "refheap-torture/h");
	if (IS_ERR(task))
		return PTR_ERR(task);
	hotplug_task = task;
	return 0;
}

/* All CPUs are there again afterwards. */
void hotplug_stop(void)
{
	if (hotplug_task)
		kthread_stop(hotplug_task);
	hotplug_task = NULL;
}
