// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail because a test wants them to: what kunit/fault.c does
 * by the kernel's fault injection.  It is refheap's that fail, and those that
 * the library makes for it: an allocation is one of those if a caller, not too
 * far away, is called as all of refheap's functions are.
 */
#include "fault.h"
#include "graph.h"

#include <linux/slab.h>
#include <linux/string.h>
#include <trace/events/refheap.h>

#include "user.h"

#define FAULT_DEPTH	12

static __thread unsigned int fault_left;
static __thread bool fault_always;
/* Whose allocations all fail. */
static struct task_struct *famished;

/* What opens a file may be gone from the stack when that is allocated. */
static bool fault_name(const char *name)
{
	return strstarts(name, "ref") || strstarts(name, "__ref") ||
	       !strcmp(name, "user_file_open");
}

static bool fault_of_refheap(void)
{
	void *caller[FAULT_DEPTH];
	int i, nr = host_callers(caller, FAULT_DEPTH);
	const char *name;

	for (i = 0; i < nr; i++) {
		name = host_symbol((unsigned long)caller[i]);
		if (name && fault_name(name))
			return true;
	}
	return false;
}

static bool fault_fails(gfp_t gfp)
{
	if (READ_ONCE(famished) == current)
		return true;
	if (fault_always)
		return fault_of_refheap();
	if (!fault_left || !fault_of_refheap())
		return false;
	return !--fault_left;
}

void fault_prepare(struct graph *g)
{
	WRITE_ONCE(user_fail_alloc, fault_fails);
}

void fault_nth(unsigned int nth)
{
	fault_left = nth;
}

unsigned int fault_none(void)
{
	unsigned int left = fault_left;

	fault_left = 0;
	return left;
}

void fault_all(struct graph *g)
{
	fault_always = true;
}

void fault_all_end(struct graph *g)
{
	fault_always = false;
}

/* --- a collector whose allocations all fail ----------------------------- */

static void famine_probe(void *data, struct refheap *heap,
			 enum refheap_phase phase, u64 members)
{
	struct graph *g = data;

	if (heap == g->heap && phase == REFHEAP_PHASE_CANDIDATES)
		WRITE_ONCE(famished, current);
}

long fault_collect(struct graph *g)
{
	long reclaimed;

	KUNIT_ASSERT_EQ(g->test, register_trace_refheap_phase(famine_probe, g),
			0);
	reclaimed = refheap_collect(g->heap, 0);
	KUNIT_EXPECT_PTR_NE(g->test, READ_ONCE(famished), NULL);
	WRITE_ONCE(famished, NULL);
	unregister_trace_refheap_phase(famine_probe, g);
	tracepoint_synchronize_unregister();
	return reclaimed;
}
