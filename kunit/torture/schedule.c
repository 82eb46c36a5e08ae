// SPDX-License-Identifier: GPL-2.0
/*
 * Between two phases of a collection, by a probe on the trace event: hold the
 * collector up so that others come in between, or do something to the graph
 * just there.
 */
#include "torture.h"

#include <linux/delay.h>

#include <trace/events/refheap.h>

/*
 * A turn for one in so many events, and for so many members; and at one
 * time in so many while an island is condemned and there is no verdict yet,
 * everything that can be acquired is.
 */
#define TURN_EVERY	4
#define TURN_MEMBERS	64
#define TURN_CONDEMNED	16
#define DELAY_MOST_US	50

static struct mutator *by_collector;

static void schedule_turn(struct mutator *m)
{
	unsigned int may = context_may_use_slab() ? NEEDS_SLAB : 0;

	switch (mutator_random(m, 4)) {
	case 0:
		mutator_step(m, CONTEXT_ATOMIC, may);
		break;
	case 1:
		mutator_perform(m, CONTEXT_ATOMIC, may, weak_load);
		break;
	case 2:
		mutator_perform(m, CONTEXT_ATOMIC, may, twins_observe);
		break;
	default:
		udelay(1 + mutator_random(m, DELAY_MOST_US));
	}
}

static void schedule_acquire(struct mutator *m)
{
	unsigned int may = context_may_use_slab() ? NEEDS_SLAB : 0;

	mutator_perform(m, CONTEXT_ATOMIC, may, weak_load_all);
	mutator_perform(m, CONTEXT_ATOMIC, may, twins_observe_all);
}

/* In the thread that collects, with preemption off. */
static void schedule_probe(void *data, struct refheap *heap,
			   enum refheap_phase phase, u64 members)
{
	/* Pairs with schedule_begin() and schedule_end(). */
	struct mutator *m = smp_load_acquire(&by_collector);
	bool each = phase == REFHEAP_PHASE_CONDEMN;

	if (!m || heap != torture.heap)
		return;
	if (!mutator_random(m, each ? TURN_MEMBERS : TURN_EVERY))
		schedule_turn(m);
	/* Half of it condemned, or all of it. */
	if ((each || phase == REFHEAP_PHASE_CONDEMNED) &&
	    !mutator_random(m, TURN_CONDEMNED))
		schedule_acquire(m);
}

int schedule_init(void)
{
	return register_trace_refheap_phase(schedule_probe, NULL);
}

void schedule_exit(void)
{
	unregister_trace_refheap_phase(schedule_probe, NULL);
	tracepoint_synchronize_unregister();
}

int schedule_begin(u64 seed)
{
	struct mutator *m = mutator_create(seed);

	if (!m)
		return -ENOMEM;
	/* Pairs with schedule_probe(). */
	smp_store_release(&by_collector, m);
	return 0;
}

/* Afterwards its mutator is at rest. */
void schedule_end(void)
{
	/* Pairs with schedule_probe(). */
	smp_store_release(&by_collector, NULL);
	tracepoint_synchronize_unregister();
}
