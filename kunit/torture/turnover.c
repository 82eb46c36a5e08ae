// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps that come and go: with garbage, with weak references, with objects
 * that are still held at the end and put long after it (G10).
 */
#include "torture.h"

#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched.h>

#define TURN_OBJECTS	64
#define TURN_HELD	4

/**
 * struct turn - one heap's life
 * @rnd: random numbers
 * @heap: the heap
 * @type: its type
 * @object: those that have been allocated; each is held
 * @made: how many
 * @weak: to one of them
 */
struct turn {
	struct rnd_state rnd;
	struct refheap *heap;
	struct reftype *type;
	struct refobj *object[TURN_OBJECTS];
	unsigned int made;
	struct refweak weak;
};

/* One at a time, in one thread, but released by any. */
static struct turn turn;
static atomic_t turn_released;
static struct task_struct *turnover_task;

struct turn_object {
	u64 canary;
	struct refobj obj;
	struct refslot slot[2];
};

#define TURN_ALIVE	0x7e57ab1e0b1ec7edULL

static void turn_release(struct refobj *obj)
{
	struct turn_object *object = container_of(obj, struct turn_object, obj);

	if (object->canary != TURN_ALIVE)
		torture_wrong("an object of a short-lived heap died twice");
	object->canary = 0;
	atomic_inc(&turn_released);
}

static const struct reffield turn_fields[] = {
	REFFIELD(struct turn_object, slot),
};

static const struct reftype_desc turn_desc = {
	.name = "object",
	REFTYPE(struct turn_object, obj),
	REFTYPE_FIELDS(turn_fields),
	.release = turn_release,
};

static void turn_called(struct refweak *weak)
{
}

static bool turn_begin(void)
{
	struct refheap_params params = {
		.flags = REFHEAP_QUIET |
			 (prandom_u32_state(&turn.rnd) & 1 ?
			  REFHEAP_STOPPED : 0),
		.period_ms = 1 + prandom_u32_state(&turn.rnd) % 50,
	};

	turn.heap = refheap_create("turn", &params);
	if (IS_ERR(turn.heap))
		return false;
	turn.type = refheap_register_type(turn.heap, &turn_desc);
	if (!IS_ERR(turn.type))
		return true;
	refheap_destroy(turn.heap);
	return false;
}

static void turn_link(struct refobj *obj)
{
	struct turn_object *object = container_of(obj, struct turn_object, obj);
	unsigned int i, to;

	for (i = 0; i < ARRAY_SIZE(object->slot); i++) {
		to = prandom_u32_state(&turn.rnd) % turn.made;
		refslot_set(obj, &object->slot[i], turn.object[to]);
	}
}

static void turn_build(void)
{
	struct refobj *obj;
	unsigned int i;

	while (turn.made < TURN_OBJECTS) {
		obj = refobj_alloc(turn.type, GFP_KERNEL | __GFP_NOWARN);
		if (!obj)
			break;
		container_of(obj, struct turn_object, obj)->canary = TURN_ALIVE;
		turn.object[turn.made++] = obj;
	}
	for (i = 0; i < turn.made; i++)
		turn_link(turn.object[i]);
	if (turn.made)
		refweak_set(NULL, &turn.weak, turn.object[turn.made - 1],
			    turn_called, GFP_KERNEL);
}

/*
 * Everything that is not reached from what is still held must have been
 * released when destroy returns, and nothing may be afterwards.
 */
static void turn_end(void)
{
	unsigned int keep = prandom_u32_state(&turn.rnd) % TURN_HELD, i;
	int released, left;

	keep = min(keep, turn.made);
	for (i = keep; i < turn.made; i++)
		refobj_put(turn.object[i]);
	if (prandom_u32_state(&turn.rnd) & 1)
		refheap_collect(turn.heap, 0);
	left = refheap_destroy(turn.heap);
	released = atomic_read(&turn_released);
	if (left < (int)keep || released + left != turn.made)
		torture_wrong("a heap of %u objects ended with %d released, %d left, %u held",
			      turn.made, released, left, keep);
	for (i = 0; i < keep; i++)
		refobj_put(turn.object[i]);
	refweak_clear_sync(&turn.weak);
	if (atomic_read(&turn_released) != released)
		torture_wrong("a heap that was destroyed has called its client");
	atomic_long_inc(&torture.heaps);
}

static void turnover_turn(u64 seed)
{
	turn = (struct turn){};
	prandom_seed_state(&turn.rnd, seed);
	atomic_set(&turn_released, 0);
	if (!turn_begin())
		return;
	turn_build();
	turn_end();
}

static int turnover_thread(void *data)
{
	u64 seed = torture_seed;

	while (!kthread_should_stop()) {
		turnover_turn(seed++);
		cond_resched();
	}
	return 0;
}

int turnover_start(void)
{
	struct task_struct *task = kthread_run(turnover_thread, NULL,
					       "refheap-torture/t");

	if (IS_ERR(task))
		return PTR_ERR(task);
	turnover_task = task;
	return 0;
}

void turnover_stop(void)
{
	if (turnover_task)
		kthread_stop(turnover_task);
	turnover_task = NULL;
}
