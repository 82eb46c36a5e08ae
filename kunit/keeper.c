// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps references to another client's objects for longer than that client's
 * code is there, gives them back when told to, and is a client itself: heaps
 * of its own come and go all the while. See client.c and scripts/hostile.
 *
 *	echo 1 >/sys/module/refheap_keeper/parameters/drop
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/slab.h>

#include <refheap.h>

#include "keeper.h"

/* --- what is kept ------------------------------------------------------- */

struct kept {
	struct llist_node node;
	struct refobj *obj;
};

static LLIST_HEAD(kept);
static atomic_t dropped;

/* The caller's reference is the keeper's from then on; -ENOMEM if not. */
int keeper_keep(struct refobj *obj)
{
	struct kept *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	if (!entry)
		return -ENOMEM;
	entry->obj = obj;
	llist_add(&entry->node, &kept);
	return 0;
}
EXPORT_SYMBOL_GPL(keeper_keep);

/* By turns in a task, in softirq context, and where nothing may sleep. */
static void drop_one(struct refobj *obj, unsigned int turn)
{
	unsigned long flags;

	switch (turn % 3) {
	case 0:
		refobj_put(obj);
		break;
	case 1:
		local_bh_disable();
		refobj_put(obj);
		local_bh_enable();
		break;
	default:
		local_irq_save(flags);
		refobj_put(obj);
		local_irq_restore(flags);
	}
}

static void drop_all(void)
{
	struct llist_node *list = llist_del_all(&kept);
	struct kept *entry, *next;

	llist_for_each_entry_safe(entry, next, list, node) {
		drop_one(entry->obj, atomic_inc_return(&dropped));
		kfree(entry);
	}
}

static int drop_set(const char *value, const struct kernel_param *param)
{
	drop_all();
	return 0;
}

/* Reads as the number dropped so far. */
static int drop_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&dropped));
}

static const struct kernel_param_ops drop_ops = {
	.set = drop_set,
	.get = drop_get,
};

module_param_cb(drop, &drop_ops, NULL, 0600);
MODULE_PARM_DESC(drop, "written: give all references back; read: how many were");

/* --- heaps that come and go --------------------------------------------- */

struct link {
	struct refobj obj;
	struct refslot next;
};

static const struct reffield link_fields[] = { REFFIELD(struct link, next) };

static atomic_t released;

static void link_release(struct refobj *obj)
{
	atomic_inc(&released);
}

static const struct reftype_desc link_desc = {
	REFTYPE(struct link, obj), .name = "link", REFTYPE_FIELDS(link_fields),
	.release = link_release,
};

static struct task_struct *churner;
static unsigned int rounds;
module_param(rounds, uint, 0400);
MODULE_PARM_DESC(rounds, "heaps made and destroyed so far");

/* A garbage pair, and now and then a name for one of them. */
static bool churn_pair(struct refheap *heap, struct reftype *type, bool bind)
{
	struct refobj *a __free(refobj) = refobj_alloc(type, GFP_KERNEL);
	struct refobj *b __free(refobj) = refobj_alloc(type, GFP_KERNEL);

	if (!a || !b ||
	    refslot_set(a, &container_of(a, struct link, obj)->next, b) ||
	    refslot_set(b, &container_of(b, struct link, obj)->next, a))
		return false;
	return !bind || !refheap_bind(heap, "name", a);
}

static bool churn_objects(struct refheap *heap)
{
	struct reftype *type = refheap_register_type(heap, &link_desc);
	unsigned int i;

	if (IS_ERR(type))
		return false;
	for (i = 0; i < 100; i++) {
		if (!churn_pair(heap, type, i % 10 == 3))
			return false;
		if (i % 5 == 4)
			usleep_range(2000, 10000);
	}
	return true;
}

static bool churn_once(void)
{
	const struct refheap_params params = {
		.flags = rounds % 3 ? 0 : REFHEAP_TRACK_SITES,
		.period_ms = 1 + rounds % 7, .threshold = 20,
	};
	struct refheap *heap;
	char name[16];
	bool good;

	snprintf(name, sizeof(name), "churn%u", rounds % 3);
	heap = refheap_create(name, &params);
	if (IS_ERR(heap))
		return false;
	atomic_set(&released, 0);
	good = churn_objects(heap);
	return !refheap_destroy(heap) && good && atomic_read(&released) == 200;
}

static int churn(void *unused)
{
	while (!kthread_should_stop()) {
		if (!churn_once())
			pr_err("!!! heap %u has lost something\n", rounds);
		WRITE_ONCE(rounds, rounds + 1);
	}
	return 0;
}

static int __init keeper_init(void)
{
	churner = kthread_run(churn, NULL, "keeper");
	return PTR_ERR_OR_ZERO(churner);
}

static void __exit keeper_exit(void)
{
	kthread_stop(churner);
	drop_all();
}

module_init(keeper_init);
module_exit(keeper_exit);

MODULE_DESCRIPTION("Keeps references for longer than their client stays");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
