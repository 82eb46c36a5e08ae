/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verdict word and the flags: refisland_condemn(), refreclaim's stamps and
 * refisland_unmark() against refobj_acquire().
 *
 * The collector tries an island that it lets go, then one that dies, then the
 * first again, which is rescued or dies. Its stores to the verdict word wait in
 * a buffer; a fully ordered operation waits until that is empty.
 *
 *  FLAG_RELAXED   the operation that sets CONDEMNED is not ordered
 *  STAMP_LATE     a stamp may be seen after the next island's TRYING
 *  LOOK_EARLY     the word is read again before the verdict (no smp_rmb())
 *
 * What must hold: who is refused is refused for good, and nobody acquires what
 * is dead.
 */
#define NONE	0
#define TRYING	1
#define RESCUED	2
#define DEAD	3
#define EMPTY	9

byte verdict = NONE;
byte buffer = EMPTY;
/* Two members of different islands. */
bit condemned[2], stamped[2], dead[2];
byte version[2];

#define drain()	if :: buffer != EMPTY -> verdict = buffer; buffer = EMPTY :: else fi

inline try(i, changed)
{
	drain();
	buffer = TRYING;
	atomic {
#ifndef FLAG_RELAXED
		drain();
#endif
		condemned[i] = 1
	};
	if
	:: changed ->
		drain();
		buffer = RESCUED;
		/* refisland_unmark() */
		atomic { drain(); condemned[i] = 0; version[i]++ }
	:: else ->
		atomic {
			drain();
			if
			:: verdict == TRYING -> verdict = DEAD; dead[i] = 1
			:: else
			fi
		};
		if
		:: dead[i] ->
#ifndef STAMP_LATE
			atomic { drain(); stamped[i] = 1 }
#endif
			skip
		:: else -> atomic { drain(); condemned[i] = 0; version[i]++ }
		fi
	fi
}

active proctype refisland_try_all()
{
	try(0, true);
	try(1, false);
	try(0, false);
	stamped[0] = dead[0];
	stamped[1] = dead[1]
}

active proctype memory()
{
end:	do
	:: atomic { buffer != EMPTY -> verdict = buffer; buffer = EMPTY }
	od
}

proctype refobj_acquire(byte i)
{
	byte seen, now_version, old;
	bit flag;
	bit refused, early;

again:	atomic { old = version[i]; flag = condemned[i]; refused = stamped[i] };
	if
	:: refused -> goto done
	:: else
	fi;
	if
	:: flag ->
#ifdef LOOK_EARLY
		atomic { now_version = version[i]; early = condemned[i] && !stamped[i] };
#endif
		atomic {
			seen = verdict;
			if
			:: seen == TRYING -> verdict = RESCUED
			:: else
			fi
		};
		if
		:: seen == DEAD ->
#ifndef LOOK_EARLY
			atomic { now_version = version[i]; early = condemned[i] && !stamped[i] };
#endif
			if
			:: now_version == old && early -> refused = 1; goto done
			:: else -> goto again
			fi
		:: else
		fi
	:: else
	fi;
	atomic {
		if
		:: version[i] == old && condemned[i] == flag && !stamped[i] ->
			assert(!dead[i]);
			version[i]++
		:: else -> goto again
		fi
	};
done:	assert(!refused || dead[i])
}

init {
	atomic { run refobj_acquire(0); run refobj_acquire(1) }
}
