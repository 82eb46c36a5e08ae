// SPDX-License-Identifier: GPL-2.0
/*
 * A client that leaves in the middle of everything: while its heap collects,
 * with callbacks of each kind under way that take their time, and with objects
 * that somebody else holds on to (keeper.c). Once refheap_destroy() has
 * returned none of its code may be called; here that is said aloud, and after
 * the module has gone the kernel would trap. See scripts/hostile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/notifier.h>

#include <refheap.h>

#include "keeper.h"

#define SLOTS	3
#define RING	5
#define WEAKS	16

static unsigned int keep = 20;
module_param(keep, uint, 0400);
MODULE_PARM_DESC(keep, "objects of each type that are held when it leaves");

struct item {
	struct refobj obj;
	struct refslot slot[SLOTS];
	struct refweak weak;
	struct item *self;
};

enum item_kind { LEAF, PLAIN, SLEEPY, FINAL, VISITED, KINDS };

static struct refheap *heap;
static struct reftype *types[KINDS];
static struct task_struct *maker;
static bool over;

/* Outside of all objects, in this module's own memory. */
static struct refweak weaks[WEAKS];

static atomic_t calls[5];
enum { RELEASES, FINALIZERS, VISITS, WEAK_CALLS, NOTICES };

static struct item *to_item(struct refobj *obj)
{
	return container_of(obj, struct item, obj);
}

/* Each callback begins with this, and ends with the same. */
static void note_call(unsigned int what)
{
	if (READ_ONCE(over))
		pr_err("!!! called back (%u) after the heap was destroyed\n",
		       what);
	atomic_inc(&calls[what]);
}

/* Seen in the midst of it: leaving has to wait for the end. */
static void linger(unsigned int what, bool sleeps)
{
	note_call(what);
	if (sleeps)
		usleep_range(200, 1000);
	else
		udelay(5);
	note_call(what);
}

static void item_release(struct refobj *obj)
{
	linger(RELEASES, false);
}

static void item_release_slowly(struct refobj *obj)
{
	linger(RELEASES, true);
}

static void item_finalize(struct refobj *obj)
{
	linger(FINALIZERS, false);
}

static int item_visit(struct refobj *obj, struct refvisitor *visitor)
{
	struct item *item = to_item(obj);
	unsigned int i;

	note_call(VISITS);
	for (i = 0; i < SLOTS; i++)
		refvisit(visitor, &item->slot[i]);
	note_call(VISITS);
	return 0;
}

static void item_weak(struct refweak *weak)
{
	linger(WEAK_CALLS, true);
}

static int item_notice(struct notifier_block *notifier, unsigned long event,
		       void *data)
{
	linger(NOTICES, true);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = item_notice };

static const struct reffield item_fields[] = { REFFIELD(struct item, slot) };
static const struct reffield item_weaks[] = { REFWEAK(struct item, weak) };

static const struct reftype_desc descs[KINDS] = {
	[LEAF] = {
		REFTYPE(struct item, obj), .name = "leaf",
		.release = item_release,
	},
	[PLAIN] = {
		REFTYPE(struct item, obj), .name = "plain",
		REFTYPE_FIELDS(item_fields), REFTYPE_WEAKS(item_weaks),
		.release = item_release,
	},
	[SLEEPY] = {
		REFTYPE(struct item, obj), .name = "sleepy",
		REFTYPE_FIELDS(item_fields), .release = item_release_slowly,
		.flags = REFTYPE_RELEASE_SLEEPS,
	},
	[FINAL] = {
		REFTYPE(struct item, obj), .name = "final",
		REFTYPE_FIELDS(item_fields), .finalize = item_finalize,
		.release = item_release,
	},
	[VISITED] = {
		REFTYPE(struct item, obj), .name = "visited",
		.visit = item_visit, .release = item_release,
	},
};

/* A ring of this kind, which a weak reference watches, and a held leaf. */
static struct refobj *make_ring(enum item_kind kind, struct refweak *weak)
{
	struct refobj *head __free(refobj) = refobj_alloc(types[kind],
							  GFP_KERNEL);
	struct refobj *tail __free(refobj) = NULL;
	unsigned int i;

	if (!head)
		return NULL;
	tail = refobj_get(head);
	for (i = 1; i < RING && kind != LEAF; i++) {
		struct refobj *next __free(refobj) =
			refobj_alloc(types[kind], GFP_KERNEL);

		if (!next || refslot_set(tail, &to_item(tail)->slot[0], next))
			return NULL;
		refobj_assign(tail, refobj_get(next));
	}
	if (kind != LEAF && refslot_set(tail, &to_item(tail)->slot[0], head))
		return NULL;
	if (refweak_set(NULL, weak, head, item_weak, GFP_KERNEL))
		return NULL;
	if (kind == PLAIN &&
	    refweak_set(tail, &to_item(tail)->weak, head, item_weak,
			GFP_KERNEL))
		return NULL;
	return_ptr(head);
}

static int make(void *unused)
{
	unsigned int i;

	for (i = 0; !kthread_should_stop(); i++) {
		struct refobj *ring __free(refobj) =
			make_ring(i % KINDS, &weaks[i % WEAKS]);

		if (!ring)
			pr_err("!!! no ring\n");
		if (ring && refheap_bind(heap, i % 2 ? "odd" : "even", ring))
			pr_err("!!! no name\n");
		/* Others are to get on, too. */
		usleep_range(1000, 3000);
	}
	return 0;
}

/*
 * Somebody else's from now on: single ones, and members of rings. But none whose
 * slots only this client could show: a ring of such would stay for ever.
 */
static unsigned int hand_over(void)
{
	unsigned int i, held = 0;

	for (i = 0; i < keep * VISITED; i++) {
		struct refobj *ring __free(refobj) =
			make_ring(i % VISITED, &weaks[i % WEAKS]);

		if (!ring || keeper_keep(refobj_get(ring))) {
			pr_err("!!! nothing to hand over\n");
			continue;
		}
		held += i % VISITED == LEAF ? 1 : RING;
	}
	return held;
}

static int __init client_init(void)
{
	static const struct refheap_params params = {
		.flags = REFHEAP_QUIET, .period_ms = 1, .threshold = 10,
	};
	unsigned int i;

	heap = refheap_create("client", &params);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	for (i = 0; i < KINDS; i++) {
		types[i] = refheap_register_type(heap, &descs[i]);
		if (IS_ERR(types[i]))
			goto destroy;
	}
	if (refheap_register_notifier(heap, &notifier))
		goto destroy;
	maker = kthread_run(make, NULL, "client");
	if (!IS_ERR(maker))
		return 0;
destroy:
	refheap_destroy(heap);
	return -ENOMEM;
}

/* Nothing is put away first: weak references, names, the notifier. */
static void __exit client_exit(void)
{
	unsigned int held;
	int left;

	kthread_stop(maker);
	held = hand_over();
	refheap_kick(heap);
	left = refheap_destroy(heap);
	WRITE_ONCE(over, true);
	if (left != held)
		pr_err("!!! %d objects left, not %u\n", left, held);
	pr_info("left %d; releases %d, finalizers %d, visits %d, weak %d, notices %d\n",
		left, atomic_read(&calls[RELEASES]),
		atomic_read(&calls[FINALIZERS]), atomic_read(&calls[VISITS]),
		atomic_read(&calls[WEAK_CALLS]), atomic_read(&calls[NOTICES]));
}

module_init(client_init);
module_exit(client_exit);

MODULE_DESCRIPTION("Leaves while its heap is at work");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
