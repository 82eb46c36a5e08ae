/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The whole protocol: mutators that count, edit slots and load without locks,
 * and the collector that takes candidates, traces, judges, condemns and
 * reclaims, with memory and rows used again.
 *
 * Most inlines and each process have the name of the function they model, in
 * module/ or include/. At each "step" any other process may go on; what lies
 * between two of them is one access to shared memory and the private work
 * beside it. Two accesses make one step only where something that comes between
 * them makes the second one fail, as in a loop around a compare-and-swap. What
 * is policy and can make nothing unsafe (which objects to suspect: trace.c) is
 * coarser.
 *
 * Memory is sequentially consistent here; for other orders see the models
 * whose names begin with "order". What is not modelled: README.md.
 *
 * How many of everything there are is chosen when this is compiled; the first
 * graph, the operations and the rule that is removed, when it is run: see
 * protocol-setting.pml.
 */
#ifndef OBJECTS
#define OBJECTS		3
#endif
#ifndef SLOTS			/* of each object */
#define SLOTS		1
#endif
#ifndef WEAKS			/* weak references, outside of objects */
#define WEAKS		2
#endif
#ifndef MUTATORS
#define MUTATORS	2
#endif
#ifndef OPERATIONS		/* of each mutator, before it puts all it holds */
#define OPERATIONS	4
#endif
#define ROWS		OBJECTS
#define NONE		15

/*
 * The counted word: struct refobj. Of the version it only matters whether it
 * is the one that somebody has read: stale[] has a bit for each who may
 * compare. So a version never wraps here, unless that is asked for.
 */
#define COUNT		31
#define CONDEMNED	32
#define DEAD		64
#define MARKED		128
#define FRESH		256
#define FINALIZED	512
#define FLAGS		(CONDEMNED | DEAD | MARKED | FRESH)
#define REFOBJ_WORD	short

/* Who compares: mutators, the thread as one that puts, and as the judge. */
#define JUDGE		(MUTATORS + 1)
#define EVERYBODY	((1 << (MUTATORS + 2)) - 1)

#define changed_version(o)	stale[o] = EVERYBODY
#define looks_at(who, o)	stale[o] = stale[o] & ~(1 << (who))
#define looks_away(who, o)	stale[o] = stale[o] | (1 << (who))
#define same_version(who, o)	(!(stale[o] & (1 << (who))))
#define same_word(who, o, seen)	(word[o] == (seen) && same_version(who, o))

/* Who may go on: received in an atomic sequence, nobody else runs until then. */
chan go[MUTATORS + 1] = [0] of { bit };
#define step		go[me]?0

/* The verdict word of the heap. */
#define VERDICT_NONE	0
#define VERDICT_TRYING	1
#define VERDICT_RESCUED	2
#define VERDICT_DEAD	3

REFOBJ_WORD word[OBJECTS];
byte stale[OBJECTS];
byte place[OBJECTS];		/* row of an object, if it has one */
byte object[ROWS];		/* chunk_object(): NONE if free or linked */
byte mark[ROWS];
byte verdict;
byte deferred;			/* objects at zero, for the heap's thread */

/* All that is emptied before its target's memory goes: slots, weak references. */
#define CELLS		(OBJECTS * SLOTS + WEAKS)
#define slot(o, k)	((o) * SLOTS + (k))
#define weak(w)		(OBJECTS * SLOTS + (w))
byte cell[CELLS];

/*
 * What only the properties know. An object's references outside of slots: two
 * variables and what is on its way from or to a slot, for each mutator; the
 * last is what the collector is putting.
 */
#define HANDS		3
#define puts		held[hand]	/* what is on its way */
byte held[HANDS * MUTATORS + 1];

#define FREE		0	/* memory without an object */
#define ALIVE		1
#define GONE		2	/* at zero, or condemned to death; or not born yet */
byte life[OBJECTS];
byte row_used;			/* bits */
byte born;			/* bits that change when an object is allocated */
byte running;			/* mutators */
byte finalizers;		/* bits: objects whose type has one */
byte subject, group;	/* what a check is about: object, bits of objects */

#include "protocol-setting.pml"
#include "protocol-object.pml"
#include "protocol-mutator.pml"
#include "protocol-collector.pml"

init {
	byte i, t;

	atomic {
		set_up();
		running = MUTATORS;
		i = 0;
		do
		:: i < MUTATORS -> run mutator(i); i++
		:: else -> break
		od;
		i = 0;
		run refheap_thread(MUTATORS)
	};
	/* Whoever is next is at his next "step" afterwards. */
end:	do
	:: go[0]!0
#if MUTATORS > 1
	:: go[1]!0
#endif
#if MUTATORS > 2
	:: go[2]!0
#endif
	:: go[MUTATORS]!0
	od;
out:	skip
}
