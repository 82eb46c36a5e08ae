// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that put faster than the heap's thread can release. Each chain is
 * longer than what a put in such a context may release itself, and a sleeping
 * release at its head leaves all of it to the thread. What holds the flood
 * back is the heap's limit: there are never more objects than that, and an
 * allocation that was refused succeeds once the thread has caught up, which it
 * must within FLOOD_PATIENCE.
 */
#include "torture.h"

#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#define FLOOD_LIMIT	4096
#define FLOOD_CHAIN	300
#define FLOOD_CHAINS	(FLOOD_LIMIT / FLOOD_CHAIN + 1)
#define FLOOD_PATIENCE	(60 * HZ)

struct flood_object {
	struct refobj obj;
	struct refslot next;
};

static const struct reffield flood_fields[] = {
	REFFIELD(struct flood_object, next),
};

static atomic_long_t flood_released;

static void flood_release(struct refobj *obj)
{
	atomic_long_inc(&flood_released);
}

static const struct reftype_desc flood_descs[] = { {
	.name = "link",
	REFTYPE(struct flood_object, obj),
	REFTYPE_FIELDS(flood_fields),
	.release = flood_release,
}, {
	.name = "head",
	REFTYPE(struct flood_object, obj),
	REFTYPE_FIELDS(flood_fields),
	.flags = REFTYPE_RELEASE_SLEEPS,
	.release = flood_release,
} };

/**
 * struct flood - a heap and what puts its objects
 * @heap: the heap
 * @type: its types
 * @chain: heads of chains; the handler takes them over
 * @chains: how many
 * @made: objects allocated
 * @work: puts all
 * @fed: when an allocation has last succeeded
 */
struct flood {
	struct refheap *heap;
	struct reftype *type[ARRAY_SIZE(flood_descs)];
	struct refobj *chain[FLOOD_CHAINS];
	unsigned int chains;
	long made;
	struct irq_work work;
	unsigned long fed;
};

static struct flood flood;
static struct task_struct *flood_task;

static void flood_put_all(struct irq_work *work)
{
	while (flood.chains)
		refobj_put(flood.chain[--flood.chains]);
}

static struct refobj *flood_link(struct reftype *type, struct refobj *next)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL | __GFP_NOWARN);
	struct flood_object *object;

	if (!obj)
		return NULL;
	flood.made++;
	flood.fed = jiffies;
	object = container_of(obj, struct flood_object, obj);
	if (next && refslot_give(obj, &object->next, next))
		torture_wrong("a chain could not be linked");
	return obj;
}

/* Return: false if the heap was full before it was whole. */
static bool flood_add_chain(void)
{
	struct refobj *chain = NULL, *obj;
	unsigned int i;

	for (i = 0; i < FLOOD_CHAIN; i++) {
		obj = flood_link(flood.type[i == FLOOD_CHAIN - 1], chain);
		if (!obj)
			break;
		chain = obj;
	}
	if (chain)
		flood.chain[flood.chains++] = chain;
	return i == FLOOD_CHAIN;
}

static void flood_turn(void)
{
	struct refheap_stats stats;

	while (flood.chains < FLOOD_CHAINS && flood_add_chain())
		;
	irq_work_queue(&flood.work);
	irq_work_sync(&flood.work);
	refheap_get_stats(flood.heap, &stats);
	if (stats.objects > FLOOD_LIMIT)
		torture_wrong("a flood of %llu objects, the limit is %u",
			      stats.objects, FLOOD_LIMIT);
	if (time_after(jiffies, flood.fed + FLOOD_PATIENCE)) {
		torture_wrong("a flood was not worked off");
		flood.fed = jiffies;
	}
}

/* Everything that was put is released, without being asked twice. */
static void flood_end(void)
{
	struct refheap_stats stats;

	refheap_get_stats(flood.heap, &stats);
	if (flood.made && !stats.deferred)
		torture_wrong("a flood has left nothing to the thread");
	if (refheap_destroy(flood.heap))
		torture_wrong("a flood is still held");
	if (atomic_long_read(&flood_released) != flood.made)
		torture_wrong("a flood of %ld objects, %ld released",
			      flood.made, atomic_long_read(&flood_released));
	atomic_long_add(flood.made, &torture.flooded);
}

static int flood_thread(void *data)
{
	flood.fed = jiffies;
	while (!kthread_should_stop()) {
		flood_turn();
		cond_resched();
	}
	flood_end();
	return 0;
}

static int flood_begin(void)
{
	struct refheap_params params = { .max_objects = FLOOD_LIMIT };
	unsigned int i;

	flood = (struct flood){};
	atomic_long_set(&flood_released, 0);
	flood.work = IRQ_WORK_INIT_HARD(flood_put_all);
	flood.heap = refheap_create("flood", &params);
	if (IS_ERR(flood.heap))
		return PTR_ERR(flood.heap);
	for (i = 0; i < ARRAY_SIZE(flood_descs); i++) {
		flood.type[i] = refheap_register_type(flood.heap,
						      &flood_descs[i]);
		if (IS_ERR(flood.type[i])) {
			refheap_destroy(flood.heap);
			return PTR_ERR(flood.type[i]);
		}
	}
	return 0;
}

int flood_start(void)
{
	struct task_struct *task;
	int err = flood_begin();

	if (err)
		return err;
	task = kthread_create(flood_thread, NULL, "refheap-torture/f");
	if (IS_ERR(task)) {
		refheap_destroy(flood.heap);
		return PTR_ERR(task);
	}
	flood_task = task;
	wake_up_process(task);
	return 0;
}

void flood_stop(void)
{
	if (flood_task)
		kthread_stop(flood_task);
	flood_task = NULL;
}
