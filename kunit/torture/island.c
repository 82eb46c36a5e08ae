// SPDX-License-Identifier: GPL-2.0
/* Garbage that is made to be garbage. */
#include "torture.h"

#define RING_MOST	6
#define RING_LARGE	400	/* takes its time to be condemned */
#define CHAIN_MOST	600	/* more than what a put in atomic context releases */

/* Any kind but those that have no slots or whose first is reserved. */
static struct torture_object *some_container(struct mutator *m)
{
	enum torture_kind kind = mutator_random(m, KIND_TWIN);

	if (kind == KIND_LEAF || kind == KIND_VECTOR)
		kind = KIND_NODE;
	return object_new(kind, mutator_gfp(m), prandom_u32_state(&m->rnd));
}

/* Let slot 0 of @from lead to @to, which the caller holds on. */
static void lead_to(struct torture_object *from, struct torture_object *to)
{
	if (refslot_set(&from->obj, &from->slot[0], &to->obj))
		torture_wrong("an object could not be linked");
}

static unsigned int some_length(struct mutator *m)
{
	bool large = m->may & NEEDS_SLEEP && !mutator_random(m, 8);

	return mutator_random(m, large ? RING_LARGE : RING_MOST);
}

/*
 * A ring whose members may also lead elsewhere, and that can be rescued by a
 * weak reference.
 */
void island_ring(struct mutator *m)
{
	struct torture_object *first, *last, *next;
	unsigned int n = some_length(m);
	struct torture_object *cargo;

	first = some_container(m);
	if (!first)
		return;
	for (last = first; n--; last = next) {
		next = some_container(m);
		if (!next)
			break;
		cargo = m->held[mutator_random(m, MUTATOR_HANDS)];
		if (cargo)
			refslot_set(&next->obj, &next->slot[1], &cargo->obj);
		lead_to(last, next);
		if (last != first)
			object_put(last);
	}
	lead_to(last, first);
	weak_leave(m, first);
	if (last != first)
		object_put(last);
	object_put(first);
}

/* A chain, dropped at its head. */
void island_chain(struct mutator *m)
{
	unsigned int rare = m->may & NEEDS_SLEEP ? 8 : 64;
	unsigned int n = 1 + mutator_random(m, mutator_random(m, rare) ?
					       20 : CHAIN_MOST);
	enum torture_kind kind = mutator_random(m, 2) ? KIND_NODE :
							KIND_SILENT;
	struct torture_object *head = NULL, *object;

	while (n--) {
		object = object_new(mutator_random(m, 50) ? kind : KIND_SLEEPER,
				    mutator_gfp(m), 0);
		if (!object)
			break;
		if (head) {
			lead_to(object, head);
			object_put(head);
		}
		head = object;
	}
	if (head)
		object_put(head);
}
