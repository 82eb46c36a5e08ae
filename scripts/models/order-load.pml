/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A weak reference, and memory that is used again: refweak_load() against
 * refweak_kill(), refobj_free() and refobj_init().
 *
 *  KILL_LATE    what empties the weak reference may be seen after the word of
 *               the next object in the memory (which is stored by a release)
 *  LOOK_EARLY   the weak reference is looked at again before the word is
 *               acquired (the compare-and-swap is no acquire)
 *
 * What must hold: what a load returns is what the weak reference was to.
 */
bit target = 1;
byte count = 1;
byte owner = 1;			/* which object the memory is of */
bit killed, born;

active proctype refweak_kill()
{
	count = 0;
#ifdef KILL_LATE
	do
	:: !killed -> atomic { target = 0; killed = 1 }
	:: !born -> atomic { count = 1; owner = 2; born = 1 }
	:: killed && born -> break
	od
#else
	target = 0;
	/* refobj_init() */
	atomic { count = 1; owner = 2 }
#endif
}

active proctype refweak_load()
{
	bit pointer, same;
	byte old;

	pointer = target;
	if
	:: !pointer -> goto done
	:: else
	fi;
	old = count;
	if
	:: !old -> goto done
	:: else
	fi;
#ifdef LOOK_EARLY
	same = target;
#endif
	atomic {
		if
		:: count == old -> count++; old = owner
		:: else -> goto done
		fi
	};
#ifndef LOOK_EARLY
	same = target;
#endif
	assert(!same || old == 1);
done:	skip
}
