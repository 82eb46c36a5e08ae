// SPDX-License-Identifier: GPL-2.0
/*
 * Mutators. Each has hands that hold references, and does one thing at a time;
 * no lock guards it.
 */
#include "torture.h"

#include <linux/bitops.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>

u32 mutator_random(struct mutator *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

gfp_t mutator_gfp(const struct mutator *m)
{
	gfp_t gfp = m->may & NEEDS_SLEEP ? GFP_KERNEL : GFP_ATOMIC;

	return gfp | __GFP_NOWARN;
}

/* Give back what a hand holds. */
void mutator_drop(struct mutator *m, unsigned int hand)
{
	struct torture_object *object = m->held[hand];

	if (!object)
		return;
	m->held[hand] = NULL;
	weak_unsure(m, object);
	object_put(object);
}

/* A hand takes over a reference, or gets empty. */
void mutator_hold(struct mutator *m, unsigned int hand, struct refobj *obj)
{
	struct torture_object *object = obj ? object_hold(obj) : NULL;

	mutator_drop(m, hand);
	m->held[hand] = object;
}

void mutator_drop_all(struct mutator *m)
{
	unsigned int hand;

	for (hand = 0; hand < MUTATOR_HANDS; hand++)
		mutator_drop(m, hand);
}

static unsigned int operation_weight(const struct operation *op,
				     unsigned int may)
{
	return op->needs & ~may ? 0 : op->weight;
}

static unsigned int mutator_choose(struct mutator *m)
{
	unsigned int i, total = 0, point;

	for (i = 0; i < nr_operations; i++)
		total += operation_weight(&operations[i], m->may);
	point = mutator_random(m, total);
	for (i = 0; i < nr_operations; i++) {
		total = operation_weight(&operations[i], m->may);
		if (point < total)
			break;
		point -= total;
	}
	return i;
}

static bool mutator_begin(struct mutator *m, enum torture_context context,
			  unsigned int may)
{
	if (test_and_set_bit_lock(0, &m->busy))
		return false;
	m->context = context;
	m->may = may;
	return true;
}

/* One operation, in a context that has what @may says. */
void mutator_step(struct mutator *m, enum torture_context context,
		  unsigned int may)
{
	unsigned int i;
	u64 start;

	if (!mutator_begin(m, context, may))
		return;
	i = mutator_choose(m);
	start = local_clock();
	operations[i].perform(m);
	m->longest_ns[context] = max(m->longest_ns[context],
				     local_clock() - start);
	m->done[i][context]++;
	WRITE_ONCE(m->steps, m->steps + 1);
	clear_bit_unlock(0, &m->busy);
}

/* A certain one, beside those that are counted. */
void mutator_perform(struct mutator *m, enum torture_context context,
		     unsigned int may, void (*perform)(struct mutator *m))
{
	if (!mutator_begin(m, context, may))
		return;
	perform(m);
	WRITE_ONCE(m->steps, m->steps + 1);
	clear_bit_unlock(0, &m->busy);
}

struct mutator *mutator_create(u64 seed)
{
	struct mutator *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	m->number = torture.mutators;
	prandom_seed_state(&m->rnd, seed + m->number);
	twins_init(m);
	torture.mutator[torture.mutators] = m;
	/* Pairs with those who read how many there are: weak.c, twins.c. */
	smp_store_release(&torture.mutators, torture.mutators + 1);
	return m;
}

/* Nobody is at work any more. */
void mutator_destroy_all(void)
{
	unsigned int i;

	for (i = 0; i < torture.mutators; i++)
		mutator_drop_all(torture.mutator[i]);
	for (i = 0; i < torture.mutators; i++) {
		twins_clear_all(torture.mutator[i]);
		weak_disarm_all(torture.mutator[i]);
	}
	for (i = 0; i < torture.mutators; i++) {
		statistics_add(torture.mutator[i]);
		kfree(torture.mutator[i]);
	}
	torture.mutators = 0;
}
