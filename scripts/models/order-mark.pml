/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks and words with store buffers: refobj_drop() against
 * refcandidate_take_chunk() and refcandidate_look().
 *
 * Two mutators give up a reference each, to an object that has three; the
 * collector takes its mark twice. Each process has a buffer for its store to
 * the mark, which reaches memory at any time: later than what it does next, as
 * on TSO and weaker machines. That of a mutator may even come after its
 * compare-and-swap: a mark that is late is found late, see candidate.c.
 *
 * TAKE_BARRIER removes the barrier behind the clearing of marks, TAKE_STORES
 * also the compare-and-swap with which the word is looked at.
 *
 * What must hold: when all is quiet, either the row is marked or the collector
 * has judged the last word.
 */
#define MARKED	16
#define EMPTY	2

byte word = 3;
byte version;
byte mark;
byte buffer[3] = EMPTY;		/* stores to the mark that are on their way */
byte judged;			/* count that the collector saw last */
byte done;

#define drain(me)	if :: buffer[me] != EMPTY -> mark = buffer[me]; buffer[me] = EMPTY :: else fi

/* refobj_drop(): twice at most, the last reference stays. */
proctype refobj_drop(byte me)
{
	byte old, seen;

again:	atomic { old = word; seen = version };
	if
	:: old & MARKED -> skip
	:: else -> buffer[me] = 1
	fi;
	atomic {
		if
		:: word == old && version == seen ->
			word = (old - 1) | MARKED;
			version = (version + 1) % 16
		:: else -> goto again
		fi
	};
	/* the buffer empties in the end */
	atomic { drain(me); done++ }
}

proctype refcandidate_take_chunk()
{
	byte round;
	bool taken;

	do
	:: round < 3 ->
		if
		:: round == 2 -> done == 2	/* all is quiet */
		:: else
		fi;
		atomic { taken = mark; drain(0) };
		if
		:: taken ->
			buffer[0] = 0;
#ifndef TAKE_BARRIER
			atomic { drain(0) };	/* smp_mb() */
#endif
#ifdef TAKE_STORES
			/* A plain look does not wait either. */
			atomic { judged = word & 15 };
			drain(0);
#else
			/* refcandidate_look() */
			atomic {
#ifndef TAKE_BARRIER
				drain(0);
#endif
				judged = word & 15;
				word = word & 15;
				version = (version + 1) % 16
			};
#endif
			atomic { drain(0) }
		:: else
		fi;
		round++
	:: else -> break
	od;
	assert(judged == (word & 15))
}

/* Anybody's buffered store may reach memory at any time. */
proctype memory()
{
end:	do
	:: atomic { buffer[0] != EMPTY -> mark = buffer[0]; buffer[0] = EMPTY }
	:: atomic { buffer[1] != EMPTY -> mark = buffer[1]; buffer[1] = EMPTY }
	:: atomic { buffer[2] != EMPTY -> mark = buffer[2]; buffer[2] = EMPTY }
	od
}

init {
	atomic {
		run refobj_drop(1);
		run refobj_drop(2);
		run refcandidate_take_chunk();
		run memory()
	}
}
