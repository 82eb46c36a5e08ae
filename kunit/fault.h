/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail because a test wants them to: those that refheap
 * makes, and no others. Needs the kernel's fault injection.
 */
#ifndef REFHEAP_KUNIT_FAULT_H
#define REFHEAP_KUNIT_FAULT_H

struct graph;

/* Between them, allocations by refheap can fail; skips the test without. */
void fault_prepare(struct graph *g);

void fault_nth(unsigned int nth);
unsigned int fault_none(void);

void fault_all(struct graph *g);
void fault_all_end(struct graph *g);

long fault_collect(struct graph *g);

#endif /* REFHEAP_KUNIT_FAULT_H */
