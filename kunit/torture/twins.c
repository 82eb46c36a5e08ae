// SPDX-License-Identifier: GPL-2.0
/*
 * Twins: two objects, each of which has the other in its first slot from
 * before anybody else sees them to their end. Whatever island one is part of,
 * the other is too. So either both can be acquired or none (G4, G13), and who
 * holds one finds the other in its slot.
 */
#include "torture.h"

void twins_init(struct mutator *m)
{
	unsigned int i;

	for (i = 0; i < MUTATOR_TWINS; i++)
		seqcount_init(&m->twins[i].seq);
}

static struct torture_twins *some_twins(struct mutator *m, struct mutator *of)
{
	return &of->twins[mutator_random(m, MUTATOR_TWINS)];
}

static void twins_join(struct torture_object *a, struct torture_object *b)
{
	if (refslot_set(&a->obj, &a->slot[0], &b->obj) ||
	    refslot_set(&b->obj, &b->slot[0], &a->obj))
		torture_wrong("twins could not be joined");
}

/*
 * Readers do not wait, so the writer may be preempted, and on PREEMPT_RT there
 * is no need to tell lockdep of a lock.
 */
static bool twins_watch(struct torture_twins *twins, struct torture_object *a,
			struct torture_object *b, gfp_t gfp)
{
	int err;

	raw_write_seqcount_begin(&twins->seq);
	err = refweak_set(NULL, &twins->weak[0], &a->obj, NULL, gfp);
	if (!err)
		err = refweak_set(NULL, &twins->weak[1], &b->obj, NULL, gfp);
	if (err) {
		refweak_clear(&twins->weak[0]);
		refweak_clear(&twins->weak[1]);
	}
	raw_write_seqcount_end(&twins->seq);
	return !err;
}

/* New ones, of which one goes into the mutator's hand, or both are garbage. */
void twins_replace(struct mutator *m)
{
	struct torture_object *a, *b;
	unsigned int hand = mutator_random(m, MUTATOR_HANDS);

	a = object_new(KIND_TWIN, mutator_gfp(m), 0);
	b = object_new(KIND_TWIN, mutator_gfp(m), 0);
	if (!a || !b) {
		if (a)
			object_put(a);
		if (b)
			object_put(b);
		return;
	}
	twins_join(a, b);
	twins_watch(some_twins(m, m), a, b, mutator_gfp(m));
	object_put(a);
	if (mutator_random(m, 2)) {
		mutator_drop(m, hand);
		m->held[hand] = b;
	} else {
		object_put(b);
	}
}

/* Whoever holds one, finds the other. */
static void twins_check_slot(struct refobj *obj)
{
	struct torture_object *a = object_hold(obj), *b;
	struct refobj *other = refslot_load(&a->slot[0]);

	if (!other) {
		torture_wrong("a twin is alone");
	} else {
		b = object_hold(other);
		if (b->kind != KIND_TWIN ||
		    READ_ONCE(b->slot[0].target) != &a->obj)
			torture_wrong("a twin has another");
		object_put(b);
	}
	object_unhold(a);
}

/* Acquire one, then the other, which may stay in a hand. */
static void twins_acquire(struct mutator *m, struct torture_twins *twins)
{
	unsigned int first = mutator_random(m, 2);
	struct refobj *a, *b;
	unsigned int seq;

	seq = raw_read_seqcount(&twins->seq);
	a = refweak_load(&twins->weak[first]);
	b = refweak_load(&twins->weak[!first]);
	if (!(seq & 1) && !read_seqcount_retry(&twins->seq, seq) && !a != !b)
		torture_wrong("of two twins only the %s could be acquired",
			      a ? "first" : "second");
	if (a) {
		twins_check_slot(a);
		refobj_put(a);
	}
	if (b)
		mutator_hold(m, mutator_random(m, MUTATOR_HANDS), b);
}

void twins_observe(struct mutator *m)
{
	/* Pairs with mutator_create(). */
	unsigned int nr = smp_load_acquire(&torture.mutators);
	struct mutator *of = torture.mutator[mutator_random(m, nr)];

	twins_acquire(m, some_twins(m, of));
}

/* Those of all mutators. */
void twins_observe_all(struct mutator *m)
{
	/* Pairs with mutator_create(). */
	unsigned int nr = smp_load_acquire(&torture.mutators), i;
	struct mutator *of;

	for (i = 0; i < nr * MUTATOR_TWINS; i++) {
		of = torture.mutator[i / MUTATOR_TWINS];
		twins_acquire(m, &of->twins[i % MUTATOR_TWINS]);
	}
}

void twins_clear_all(struct mutator *m)
{
	unsigned int i;

	for (i = 0; i < 2 * MUTATOR_TWINS; i++)
		refweak_clear_sync(&m->twins[i / 2].weak[i % 2]);
}
