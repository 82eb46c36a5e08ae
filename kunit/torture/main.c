// SPDX-License-Identifier: GPL-2.0
/*
 * Loading begins the test and unloading ends it; rounds follow one another.
 */
#include "torture.h"

#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

unsigned int torture_seed;
module_param_named(seed, torture_seed, uint, 0444);
MODULE_PARM_DESC(seed, "Of all random numbers, 0: another one each time");

unsigned int torture_limit = IS_ENABLED(CONFIG_KASAN) ? 8000 : 50000;
module_param_named(limit, torture_limit, uint, 0444);
MODULE_PARM_DESC(limit, "Objects that the heap may hold");

static unsigned int round_secs = 15;
module_param(round_secs, uint, 0444);
MODULE_PARM_DESC(round_secs, "Length of a round, after which everything is counted");

static unsigned int stat_interval = 5;
module_param(stat_interval, uint, 0444);
MODULE_PARM_DESC(stat_interval, "Seconds between two lines of statistics");

struct torture torture;

static struct task_struct *torture_task;

void torture_count_error(void)
{
	atomic_long_inc(&torture.errors);
}

static void torture_wait(unsigned long until)
{
	unsigned long print = jiffies + stat_interval * HZ;

	while (!kthread_should_stop() && time_before(jiffies, until)) {
		schedule_timeout_interruptible(HZ);
		if (time_before(jiffies, print))
			continue;
		statistics_watch();
		statistics_print("Stats");
		print = jiffies + stat_interval * HZ;
	}
}

static int torture_thread(void *data)
{
	u64 seed = torture_seed;

	while (!kthread_should_stop()) {
		if (round_begin(seed)) {
			torture_wrong("a round could not begin");
			schedule_timeout_interruptible(HZ);
			continue;
		}
		torture_wait(jiffies + round_secs * HZ);
		round_end();
		seed += 1000;
	}
	return 0;
}

static void torture_print_begin(void)
{
	pr_alert(TORTURE_FLAG "--- Start of test: seed=%u limit=%u round_secs=%u stat_interval=%u cpus=%u\n",
		 torture_seed, torture_limit, round_secs, stat_interval,
		 num_online_cpus());
}

static int __init torture_init(void)
{
	int err;

	if (!round_secs || !stat_interval || !torture_limit)
		return -EINVAL;
	if (!torture_seed)
		torture_seed = get_random_u32();
	/* Four for each CPU, and the collector's. */
	torture.mutator = kcalloc(4 * nr_cpu_ids + 1, sizeof(*torture.mutator),
				  GFP_KERNEL);
	if (!torture.mutator)
		return -ENOMEM;
	err = schedule_init();
	if (err)
		goto err_free;
	torture_print_begin();
	torture_task = kthread_run(torture_thread, NULL, "refheap-torture");
	err = PTR_ERR_OR_ZERO(torture_task);
	if (err)
		goto err_schedule;
	return 0;

err_schedule:
	schedule_exit();
err_free:
	kfree(torture.mutator);
	return err;
}

static void __exit torture_exit(void)
{
	kthread_stop(torture_task);
	schedule_exit();
	kfree(torture.mutator);
	statistics_table();
	statistics_print("End");
	pr_alert(TORTURE_FLAG "--- End of test: %s: seed=%u\n",
		 atomic_long_read(&torture.errors) ? "FAILURE" : "SUCCESS",
		 torture_seed);
}

module_init(torture_init);
module_exit(torture_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The refheap authors");
MODULE_DESCRIPTION("Torture test of refheap");
REFHEAP_IMPORT_NS;
