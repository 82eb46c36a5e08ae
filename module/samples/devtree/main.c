// SPDX-License-Identifier: GPL-2.0
/*
 * A module that mirrors the kernel's device tree on a heap of its own, checks
 * the mirror, drops its root, and waits for the heap's thread to reclaim what
 * is then one large island.  Look at it in
 * /sys/kernel/debug/refheap/devtree/: with keep=1 the mirror stays there
 *
 *	echo 0 > /sys/module/refheap_devtree/parameters/keep
 *
 * drops it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "devtree.h"

#define PERIOD_MS	200
#define ATTEMPTS	10	/* devices come and go while they are read */
#define PAUSE_MS	100	/* between attempts */

static unsigned int limit_ms = 10000;
module_param(limit_ms, uint, 0444);
MODULE_PARM_DESC(limit_ms, "how long the heap's thread may take to reclaim the mirror, 0: no limit");

static DEFINE_MUTEX(lock);	/* all below; module load and sysfs meet */
static struct refheap *heap;
static struct refobj *root;	/* the one reference to the whole mirror */
static u64 objects;		/* that it keeps alive */
static bool keep;

/* --- make and check ------------------------------------------------------ */

static int check_mirror(const struct devtree_snapshot *snapshot,
			struct kset *kset)
{
	struct devtree_snapshot now;
	bool same;
	int err = devtree_take(&now, kset);

	if (err)
		return err;
	same = devtree_check(snapshot, &now);
	devtree_free(&now);
	return same ? 0 : -EAGAIN;
}

static void describe(const struct devtree_mirror *mirror)
{
	const size_t *nr = mirror->objects;
	int kind;

	objects = 0;
	for (kind = 0; kind < DEVTREE_KINDS; kind++)
		objects += nr[kind];
	pr_info("mirrored %zu devices, %zu buses, %zu classes, %zu drivers: %llu objects, %zu edges\n",
		nr[DEVTREE_DEVICE], nr[DEVTREE_BUS], nr[DEVTREE_CLASS],
		nr[DEVTREE_DRIVER], objects, mirror->edges);
}

/* One attempt; -EAGAIN if the kernel's tree did not hold still. */
static int mirror_snapshot(struct devtree_snapshot *snapshot,
			   struct kset *kset)
{
	struct devtree_mirror mirror;
	int err = devtree_build(&mirror, snapshot);

	err = err ?: check_mirror(snapshot, kset);
	if (!err) {
		describe(&mirror);
		/* All else is reachable from here and needs no other holder. */
		root = refobj_take(mirror.root->obj);
	}
	devtree_forget(&mirror);
	return err;
}

static int mirror_devices(struct kset *kset)
{
	struct devtree_snapshot snapshot;
	int err, attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		err = devtree_take(&snapshot, kset);
		if (!err) {
			err = mirror_snapshot(&snapshot, kset);
			devtree_free(&snapshot);
		}
		if (err != -EAGAIN)
			break;
		msleep(PAUSE_MS);
	}
	return err;
}

/* The kset of all devices is not exported, but every device has it. */
static int make_mirror(void)
{
	struct device *dev = root_device_register(KBUILD_MODNAME);
	ktime_t since = ktime_get();
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = mirror_devices(dev->kobj.kset);
	root_device_unregister(dev);
	if (err)
		pr_err("no mirror like the kernel's tree: error %d\n", err);
	else
		pr_info("names, parents, children, buses, classes and drivers are the kernel's (%lld ms)\n",
			ktime_ms_delta(ktime_get(), since));
	return err;
}

/* --- drop and wait ------------------------------------------------------- */

static bool all_gone(u64 reclaimed)
{
	struct refheap_stats stats;

	refheap_get_stats(heap, &stats);
	return !stats.objects && stats.reclaimed >= reclaimed;
}

static void report(ktime_t since)
{
	s64 ms = ktime_ms_delta(ktime_get(), since);
	struct refheap_stats stats;

	refheap_drain(heap);	/* the thread may still be adding up */
	refheap_get_stats(heap, &stats);
	pr_info("%llu made = %llu reclaimed in %llu island(s) + %llu released, %lld ms after the root was dropped\n",
		stats.allocated, stats.reclaimed, stats.islands,
		stats.freed - stats.reclaimed, ms);
	pr_info("the longest collection took %llu us\n",
		stats.longest_ns / NSEC_PER_USEC);
}

/*
 * One put, and nothing else: each object keeps others alive, so no count
 * becomes zero.  The rest is the work of the heap's thread.
 */
static int drop_mirror(void)
{
	ktime_t since = ktime_get();
	bool gone;
	int err;

	refobj_assign(root, NULL);
	err = read_poll_timeout(all_gone, gone, gone, 5000,
				(u64)USEC_PER_MSEC * limit_ms, false, objects);
	if (err)
		pr_err("the mirror was not reclaimed within %u ms\n", limit_ms);
	else
		report(since);
	return err;
}

/* --- module -------------------------------------------------------------- */

/* Before and while the module is loaded this only sets the variable. */
static int set_keep(const char *value, const struct kernel_param *param)
{
	int err;

	mutex_lock(&lock);
	err = param_set_bool(value, param);
	if (!err && !keep && root)
		err = drop_mirror();
	mutex_unlock(&lock);
	return err;
}

static const struct kernel_param_ops keep_ops = {
	.set = set_keep,
	.get = param_get_bool,
};
module_param_cb(keep, &keep_ops, &keep, 0644);
MODULE_PARM_DESC(keep, "keep the mirror until 0 is written here, or until unload");

static int run(void)
{
	int err = devtree_register_types(heap) ?: make_mirror();

	if (err || keep)
		return err;
	return drop_mirror();
}

static void clean_up(void)
{
	refobj_assign(root, NULL);
	refheap_destroy(heap);	/* reclaims what nobody holds */
}

static int __init devtree_init(void)
{
	static const struct refheap_params params = { .period_ms = PERIOD_MS };
	int err;

	heap = refheap_create("devtree", &params);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	mutex_lock(&lock);
	err = run();
	if (err)
		clean_up();
	mutex_unlock(&lock);
	return err;
}
module_init(devtree_init);

static void __exit devtree_exit(void)
{
	mutex_lock(&lock);
	clean_up();
	mutex_unlock(&lock);
}
module_exit(devtree_exit);

MODULE_DESCRIPTION("The kernel's device tree as objects on a refheap");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
