/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The deliberate faults, as enumerators or as names: see busted.h.
 *
 * Each takes away one thing that the argument rests on.  Where that has a
 * second line of defence (judge.c, "A version that wraps") it takes both.
 * scripts/mutants plants each of them and says which test has to find it.
 */
/* Counting, and edges: object.c, slot.c, row.c, trace.c, candidate.c, reclaim.c */
FAULT(leak),		/* the memory is not freed */
FAULT(use_after_free),	/* it is read after that */
FAULT(saturation),	/* the last valid count goes on to the next */
FAULT(publish),		/* a slot leads there before its count is up */
FAULT(unpublish),	/* the count is down before the slot is empty */
FAULT(touch),		/* a put marks the object after its decrement */
FAULT(put_mark),	/* a put does not mark the row */
FAULT(park_touched),	/* who edited slots meanwhile does not matter */
FAULT(used_slots),	/* nor what they hold in the end */
FAULT(edge_again),	/* an edge is not read behind its target's word */
FAULT(late_mark),	/* nor one that has missed MARKED */
FAULT(late_chunk),	/* that one marks whatever is there */
FAULT(give_mark),	/* nor does a move */
FAULT(move_version),	/* a move leaves version and MARKED */
FAULT(recheck),		/* a load looks at its slot only once */
FAULT(word_early),	/* alive before init() has run */
FAULT(reuse),		/* reused memory: old version, not FRESH */

/* Releasing: release.c, cascade.h, object.c */
FAULT(recursion),	/* one within the other */
FAULT(dead),		/* a put releases what is being reclaimed */
FAULT(may_sleep),	/* everywhere */
FAULT(may_free),	/* everywhere */
FAULT(budget),		/* no end of a cascade */
FAULT(finalize_mark),	/* a mark that was overlooked is lost */

/* Waking the thread: release.c, row.c */
FAULT(wake_deferred),	/* nobody tells it of a release */
FAULT(wake_marked),	/* nor of candidates */

/* Candidates: reading.h, root.c, trace.c, excess.c, island.c, thread.c */
FAULT(take_version),	/* a mark is taken without a trace */
FAULT(remark),		/* an island that had changed is forgotten */
FAULT(rescued),		/* so is one that was saved */
FAULT(busy),		/* so is what could not be visited */
FAULT(early_loud),	/* clients are told before all is decided */
FAULT(excess),		/* who is suspected of excess is accused */
FAULT(credit),		/* old objects cost nothing */
FAULT(allocate),	/* a collection needs memory */
FAULT(idle),		/* and comes without a reason */

/* Judging: judge.c, reading.h */
FAULT(version),		/* the words are not compared */
FAULT(words_late),	/* they are read behind the slots */
FAULT(zero_count),	/* zero is a count like any other */
FAULT(condemned),	/* an acquirer does not see CONDEMNED */
FAULT(rescue),		/* it does, and saves nobody */
FAULT(verdict),		/* it believes another island's verdict */
FAULT(unmark),		/* the flag stays on who was saved */
FAULT(unmark_version),	/* it goes without a trace */

/* Reclaiming: reclaim.c, finalize.c, island.c, weak.c, heap.c, thread.c */
FAULT(release_first),	/* release() finds slots that are not empty */
FAULT(edges_out),	/* what an island kept alive is not put */
FAULT(finalized),	/* a finalizer is called once more */
FAULT(second_trial),	/* nobody looks what finalizers have done */
FAULT(weak_kill),	/* weak references outlive their targets */
FAULT(destroy_grace),	/* callbacks that are about to begin */
FAULT(destroy_wait),	/* and those that have begun */
FAULT(expect),		/* nor for what a finalizer's object keeps alive */
FAULT(exhaust),		/* nor what a release that was waited for has left */
FAULT(closing),		/* who ends a heap is not the only one to collect */
