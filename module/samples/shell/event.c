// SPDX-License-Identifier: GPL-2.0
/*
 * The log: what has happened to objects, in that order.
 *
 * Callbacks write it, and must not fail to for want of memory: each object
 * reserves room when it is made.  Events have numbers that only grow, from
 * @first, the oldest that has not been shown, to @next; room is reserved up to
 * @reserved, which is at least @next and as much as the living may yet need.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "shell.h"

static struct xarray events = XARRAY_INIT(events, 0);	/* X */
static unsigned long first;		/* M */
static unsigned long next;		/* X */
static unsigned long needed;		/* X */
static unsigned long reserved;		/* M */

static const char * const event_names[] = {
	[SHELL_FINALIZED] = "finalized",
	[SHELL_LOADED] = "loaded",
	[SHELL_RELEASED] = "released",
	[SHELL_CALLED] = "called",
};

/* An event is a number: what, to whom, and a second party. */
#define PARTY_BITS	28
#define PARTY_MASK	((1UL << PARTY_BITS) - 1)

static unsigned long pack(enum shell_event event, u32 serial, u32 other)
{
	return (unsigned long)event << 2 * PARTY_BITS |
	       (unsigned long)serial << PARTY_BITS | other;
}

static enum shell_event event_of(unsigned long packed)
{
	return packed >> 2 * PARTY_BITS;
}

static u32 serial_of(unsigned long packed)
{
	return packed >> PARTY_BITS & PARTY_MASK;
}

static u32 other_of(unsigned long packed)
{
	return packed & PARTY_MASK;
}

static void print_parties(unsigned long packed)
{
	shell_print(" %u", serial_of(packed));
	if (event_of(packed) != SHELL_LOADED)
		return;
	if (other_of(packed) == SHELL_NOBODY)
		shell_print("=dead");
	else
		shell_print("=%u", other_of(packed));
}

static unsigned long end_of_need(void)
{
	unsigned long end;

	xa_lock(&events);
	end = next + needed;
	xa_unlock(&events);
	return end;
}

void shell_event_unreserve(unsigned int nr)
{
	xa_lock(&events);
	needed -= nr;
	xa_unlock(&events);
}

int shell_event_reserve(unsigned int nr)
{
	int err = 0;

	xa_lock(&events);
	needed += nr;
	xa_unlock(&events);
	while (!err && reserved < end_of_need()) {
		err = xa_reserve(&events, reserved, GFP_KERNEL);
		if (!err)
			reserved++;
	}
	if (err)
		shell_event_unreserve(nr);
	return err;
}

void shell_event(enum shell_event event, u32 serial, u32 other)
{
	void *entry = xa_mk_value(pack(event, serial, other));

	xa_lock(&events);
	__xa_store(&events, next++, entry, GFP_ATOMIC);
	xa_unlock(&events);
}

/*
 * Wait for what the heap's thread has still to do.  A callback that drops
 * something may give it more to do, and leaves an event.
 */
int shell_settle(void)
{
	unsigned long before;
	int err;

	do {
		before = READ_ONCE(next);
		err = refheap_drain(shell_heap);
	} while (!err && READ_ONCE(next) != before);
	return err;
}

void shell_forget_events(void)
{
	for (; first < next; first++)
		xa_erase(&events, first);
}

/* As it happened. */
void shell_print_log(void)
{
	for (; first < next; first++) {
		unsigned long packed = xa_to_value(xa_erase(&events, first));

		shell_print("%s", event_names[event_of(packed)]);
		print_parties(packed);
		shell_print("\n");
	}
}

static int compare_events(const void *a, const void *b)
{
	unsigned long left = *(unsigned long *)a, right = *(unsigned long *)b;

	return left < right ? -1 : left > right;
}

/* Each kind of event on a line, in the order of serial numbers. */
static void print_sorted(const unsigned long *packed, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		enum shell_event event = event_of(packed[i]);

		if (!i || event_of(packed[i - 1]) != event)
			shell_print("%s%s", i ? "\n" : "", event_names[event]);
		print_parties(packed[i]);
	}
	shell_print(nr ? "\n" : "");
}

/* Its weak reference was part of an object that is dead now. */
static bool called_late(unsigned long packed)
{
	return event_of(packed) == SHELL_CALLED &&
	       !shell_is_known(serial_of(packed));
}

/*
 * The same as sets: for those who do not care in what order.  Unless @all, of
 * weak references that are dead now nobody wants to know whether they called
 * back before.
 */
int shell_print_events(bool all)
{
	size_t room = next - first, nr = 0;
	unsigned long event;
	unsigned long *packed = kvmalloc_array(room, sizeof(*packed),
					       GFP_KERNEL);

	if (!packed)
		return -ENOMEM;
	while (nr < room && first < next) {
		event = xa_to_value(xa_erase(&events, first++));
		if (all || !called_late(event))
			packed[nr++] = event;
	}
	sort(packed, nr, sizeof(*packed), compare_events, NULL);
	print_sorted(packed, nr);
	kvfree(packed);
	return 0;
}

/* Nothing happens any more. */
void shell_event_free(void)
{
	xa_destroy(&events);
}
