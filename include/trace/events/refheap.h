/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM refheap

#if !defined(_TRACE_REFHEAP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_REFHEAP_H

#include <linux/tracepoint.h>

#ifndef _TRACE_REFHEAP_PHASES
#define _TRACE_REFHEAP_PHASES
struct refheap;

/*
 * The phases of a collection, in the order in which a thread goes through
 * them.  The event comes between the phase named and the next; a probe runs
 * in the thread that collects, with preemption off.
 */
enum refheap_phase {
	REFHEAP_PHASE_TAKEN,		/* a chunk's marks, its roots are read */
	REFHEAP_PHASE_CANDIDATES,	/* all of them */
	REFHEAP_PHASE_TRACED,		/* live and suspect told apart */
	REFHEAP_PHASE_DIVIDED,		/* suspects divided into islands */
	REFHEAP_PHASE_WORDS,		/* an island's words have been read */
	REFHEAP_PHASE_SLOTS,		/* and its slots */
	REFHEAP_PHASE_CONDEMN,		/* before each member's turn */
	REFHEAP_PHASE_CONDEMNED,	/* all members, before the verdict */
	REFHEAP_PHASE_VERDICT,		/* it is dead */
	REFHEAP_PHASE_REVIVED,		/* its finalizers may run */
	REFHEAP_PHASE_FINALIZED,	/* all finalizers have run */
	REFHEAP_PHASE_STAMPED,		/* every member says that it is dead */
	REFHEAP_PHASE_EMPTIED,		/* its slots are empty */
	REFHEAP_PHASE_RELEASED,		/* its releases have run */
};
#endif

TRACE_DEFINE_ENUM(REFHEAP_PHASE_TAKEN);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_CANDIDATES);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_TRACED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_DIVIDED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_WORDS);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_SLOTS);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_CONDEMN);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_CONDEMNED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_VERDICT);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_REVIVED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_FINALIZED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_STAMPED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_EMPTIED);
TRACE_DEFINE_ENUM(REFHEAP_PHASE_RELEASED);

#define refheap_show_phase(phase) \
	__print_symbolic(phase, \
		{ REFHEAP_PHASE_TAKEN, "taken" }, \
		{ REFHEAP_PHASE_CANDIDATES, "candidates" }, \
		{ REFHEAP_PHASE_TRACED, "traced" }, \
		{ REFHEAP_PHASE_DIVIDED, "divided" }, \
		{ REFHEAP_PHASE_WORDS, "words" }, \
		{ REFHEAP_PHASE_SLOTS, "slots" }, \
		{ REFHEAP_PHASE_CONDEMN, "condemn" }, \
		{ REFHEAP_PHASE_CONDEMNED, "condemned" }, \
		{ REFHEAP_PHASE_VERDICT, "verdict" }, \
		{ REFHEAP_PHASE_REVIVED, "revived" }, \
		{ REFHEAP_PHASE_FINALIZED, "finalized" }, \
		{ REFHEAP_PHASE_STAMPED, "stamped" }, \
		{ REFHEAP_PHASE_EMPTIED, "emptied" }, \
		{ REFHEAP_PHASE_RELEASED, "released" })

/**
 * refheap_phase - a phase of a collection has ended
 * @heap: the heap collected
 * @phase: which
 * @members: candidates, suspects, islands or members, as the phase has it;
 *	     for "taken" the chunk's number, for "condemn" how many are
 *	     condemned already
 */
TRACE_EVENT(refheap_phase,
	    TP_PROTO(struct refheap *heap, enum refheap_phase phase,
		     u64 members),
	    TP_ARGS(heap, phase, members),
	    TP_STRUCT__entry(__field(const void *, heap)
			     __field(int, phase)
			     __field(u64, members)),
	    TP_fast_assign(__entry->heap = heap;
			   __entry->phase = phase;
			   __entry->members = members;),
	    TP_printk("heap=%p phase=%s members=%llu",
		      __entry->heap,
		      refheap_show_phase(__entry->phase),
		      __entry->members)
);

#endif /* _TRACE_REFHEAP_H */

#include <trace/define_trace.h>
