// SPDX-License-Identifier: GPL-2.0
/*
 * A heap without limits, all of whose objects are of a type without callbacks
 * and garbage before long: what is condemned as one set. One thread makes the
 * sets and collects; another comes by weak references meanwhile, edits what it
 * finds, and leaves again.
 */
#include "torture.h"

#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched.h>

#define MUTE_SLOTS	3
#define MUTE_MOST	300	/* in a set */
#define MUTE_WEAKS	8

/* Of these, garbage leaves nothing behind. */
#define MUTE_COLLECTIONS	3

struct mute {
	u64 canary;
	struct refobj obj;
	struct refslot slot[MUTE_SLOTS];
};

/**
 * struct mutes - the heap
 * @heap: itself
 * @type: its type
 * @member: of the set that is being made
 * @weak: to some members, for the visitor
 * @called: callbacks of these
 * @armed: how many there have to be, once they are cleared
 * @sets: made so far
 * @visits: members found by weak references
 * @maker: makes sets
 * @visitor: looks at them
 */
static struct mutes {
	struct refheap *heap;
	struct reftype *type;
	struct mute *member[MUTE_MOST];
	struct refweak weak[MUTE_WEAKS];
	atomic_long_t called;
	long armed;
	u64 sets;
	u64 visits;
	struct task_struct *maker, *visitor;
} mutes;

static struct mute *mute_of(struct refobj *obj)
{
	return container_of(obj, struct mute, obj);
}

static u64 mute_canary(const struct mute *mute)
{
	return 0x600d0b1ec7a11fe5ULL ^ (unsigned long)mute;
}

static void mute_init(struct refobj *obj)
{
	WRITE_ONCE(mute_of(obj)->canary, mute_canary(mute_of(obj)));
}

static const struct reffield mute_fields[] = {
	REFFIELD(struct mute, slot),
};

static const struct reftype_desc mute_desc = {
	.name = "mute",
	REFTYPE(struct mute, obj),
	REFTYPE_FIELDS(mute_fields),
	.init = mute_init,
};

static void mute_called(struct refweak *weak)
{
	atomic_long_inc(&mutes.called);
}

static void mute_link(struct mute *from, unsigned int i, struct mute *to)
{
	if (refslot_set(&from->obj, &from->slot[i], &to->obj))
		torture_wrong("a mute could not be linked");
}

/* Return: how many there are; each is held. */
static unsigned int mutes_make(struct rnd_state *rnd)
{
	unsigned int most = 1 + prandom_u32_state(rnd) % MUTE_MOST, nr;
	struct refobj *obj;

	for (nr = 0; nr < most; nr++) {
		obj = refobj_alloc(mutes.type, GFP_KERNEL | __GFP_NOWARN);
		if (!obj)
			break;
		mutes.member[nr] = mute_of(obj);
	}
	return nr;
}

/* Rings of so many members along slot 0, a chain along slot 1. */
static void mutes_tie(unsigned int nr, unsigned int ring)
{
	struct mute **member = mutes.member;
	unsigned int i, next;

	for (i = 0; i < nr; i++) {
		next = (i + 1) % ring ? i + 1 : i + 1 - ring;
		if (next >= nr)
			next = i / ring * ring;
		mute_link(member[i], 0, member[next]);
		if (i + 1 < nr && i % 7 == 0)
			mute_link(member[i], 1, member[i + 1]);
	}
}

static void mutes_watch(struct rnd_state *rnd, unsigned int nr)
{
	struct mute *mute = mutes.member[prandom_u32_state(rnd) % nr];
	struct refweak *weak;

	weak = &mutes.weak[prandom_u32_state(rnd) % MUTE_WEAKS];
	if (refweak_clear(weak))
		mutes.armed--;
	if (!refweak_set(NULL, weak, &mute->obj, mute_called, GFP_KERNEL))
		mutes.armed++;
}

static void mutes_turn(struct rnd_state *rnd)
{
	unsigned int nr = mutes_make(rnd), i;

	if (!nr)
		return;
	mutes_tie(nr, 1 + prandom_u32_state(rnd) % nr);
	/* A part of it breaks at once, where it is a chain. */
	if (prandom_u32_state(rnd) % 4 == 0)
		refslot_clear(&mutes.member[0]->obj, &mutes.member[0]->slot[0]);
	for (i = prandom_u32_state(rnd) % 3; i; i--)
		mutes_watch(rnd, nr);
	for (i = 0; i < nr; i++)
		refobj_put(&mutes.member[i]->obj);
	if (refheap_collect(mutes.heap, 0) < 0)
		torture_wrong("mutes could not be collected");
	mutes.sets++;
}

static int mutes_maker(void *data)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, torture_seed);
	while (!kthread_should_stop()) {
		mutes_turn(&rnd);
		cond_resched();
	}
	return 0;
}

static void mute_look_at(struct refobj *obj)
{
	struct mute *mute = mute_of(obj);

	if (READ_ONCE(mute->canary) != mute_canary(mute) || !refobj_count(obj))
		torture_wrong("a mute is dead while it is held");
}

/* What the caller holds; in a slot of its own, and out of it again. */
static void mute_edit(struct rnd_state *rnd, struct mute *mute)
{
	struct refobj *next = refslot_load(&mute->slot[0]);

	if (next)
		mute_look_at(next);
	switch (next ? prandom_u32_state(rnd) % 4 : 3) {
	case 0:
		mute_link(mute, 2, mute_of(next));
		break;
	case 1:
		if (refslot_move(&mute->obj, &mute->slot[2], next,
				 &mute_of(next)->slot[0]))
			torture_wrong("a mute could not be moved");
		break;
	case 2:
		if (!refslot_give(&mute->obj, &mute->slot[1], next))
			next = NULL;
		break;
	case 3:
		refslot_clear(&mute->obj, &mute->slot[2]);
		break;
	}
	mute_look_at(&mute->obj);
	if (next)
		refobj_put(next);
}

static void mutes_visit(struct rnd_state *rnd)
{
	struct refobj *obj;

	obj = refweak_load(&mutes.weak[prandom_u32_state(rnd) % MUTE_WEAKS]);
	if (!obj)
		return;
	mutes.visits++;
	mute_look_at(obj);
	if (prandom_u32_state(rnd) & 1)
		mute_edit(rnd, mute_of(obj));
	refobj_put(obj);
}

static int mutes_visitor(void *data)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, torture_seed + 1);
	while (!kthread_should_stop()) {
		mutes_visit(&rnd);
		cond_resched();
	}
	return 0;
}

static int mutes_begin(void)
{
	struct refheap_params params = { .period_ms = 50 };

	mutes = (struct mutes){};
	mutes.heap = refheap_create("mutes", &params);
	if (IS_ERR(mutes.heap))
		return PTR_ERR(mutes.heap);
	mutes.type = refheap_register_type(mutes.heap, &mute_desc);
	return PTR_ERR_OR_ZERO(mutes.type);
}

int mutes_start(void)
{
	int err = mutes_begin();
	struct task_struct *task;

	if (err)
		return err;
	task = kthread_run(mutes_maker, NULL, "refheap-torture/m");
	if (IS_ERR(task))
		return PTR_ERR(task);
	mutes.maker = task;
	task = kthread_run(mutes_visitor, NULL, "refheap-torture/v");
	if (IS_ERR(task))
		return PTR_ERR(task);
	mutes.visitor = task;
	return 0;
}

/* Nobody holds anything: nothing must be left, without a full pass. */
static void mutes_account(void)
{
	struct refheap_stats stats;
	unsigned int i;

	for (i = 0; i < MUTE_COLLECTIONS; i++)
		refheap_collect(mutes.heap, 0);
	refheap_drain(mutes.heap);
	refheap_get_stats(mutes.heap, &stats);
	if (stats.objects || stats.allocated != stats.freed)
		torture_wrong("%llu mutes are left", stats.objects);
	for (i = 0; i < MUTE_WEAKS; i++)
		if (refweak_clear(&mutes.weak[i]))
			torture_wrong("a weak reference has outlived its mute");
	if (atomic_long_read(&mutes.called) != mutes.armed)
		torture_wrong("%ld weak references to mutes have called, not %ld",
			      atomic_long_read(&mutes.called), mutes.armed);
	pr_info(TORTURE_FLAG " %llu mutes in %llu sets, %llu visited, %llu islands judged dead, %llu rescued, %llu aborted\n",
		stats.freed, mutes.sets, mutes.visits, stats.islands,
		stats.rescued, stats.aborted);
}

void mutes_stop(void)
{
	if (mutes.visitor)
		kthread_stop(mutes.visitor);
	if (mutes.maker)
		kthread_stop(mutes.maker);
	if (mutes.maker && mutes.visitor)
		mutes_account();
	if (!IS_ERR_OR_NULL(mutes.heap))
		refheap_destroy(mutes.heap);
	mutes.heap = NULL;
	mutes.maker = NULL;
	mutes.visitor = NULL;
}
