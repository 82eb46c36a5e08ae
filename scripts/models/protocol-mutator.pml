/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mutator: some operations on what it holds, then it puts all of it. The
 * slots it edits are those of objects that it holds: slot.c, weak.c.
 */
#define one	held[HANDS * me]	/* what its two variables refer to */
#define other	held[HANDS * me + 1]

/* The caller owns the reference in hand. */
inline refobj_moved(flags)
{
	step;
	if
	:: removed(RULE_MOVE)
	:: removed(RULE_MOVE_VERSION) -> word[puts] = word[puts] | flags
	:: else -> change_word(puts, word[puts] | flags)
	fi
}

/* xchg() of a slot and what is in hand. */
inline exchange(cell_of)
{
	step;
	o = cell[cell_of];
	cell[cell_of] = puts;
	puts = o;
	o = NONE;
	cell_of = NONE
}

/* What is in hand goes to the slot, and the row is marked behind that. */
inline refslot_publish(cell_of)
{
	row = place[puts];
	exchange(cell_of);
	if
	:: removed(RULE_GIVE_MARK)
	:: else ->
		step;
		if
		:: mark[row]
		:: else ->
			/* refrow_mark() */
			step;
			mark[row] = 1
		fi
	fi;
	row = 0
}

inline any_slot(cell_of, owner)
{
	cell_of = slot(owner, 0);
	do
	:: cell_of < slot(owner, SLOTS - 1) -> cell_of++
	:: break
	od
}

inline swap_variables()
{
	t = one; one = other; other = t; t = 0
}

/* In what order they are makes no difference. */
inline sort_variables()
{
	if
	:: one > other -> swap_variables()
	:: else
	fi
}

inline any_variable()
{
	if
	:: other != NONE -> swap_variables()
	:: true
	fi
}

inline operation()
{
	if
	:: may('l') && one != NONE && other == NONE ->
		/* refslot_load() */
		any_slot(from, one)
	:: may('w') && other == NONE ->
		/* refweak_load() */
		from = weak(0)
	:: may('v') && other == NONE ->
		from = weak(1)
	:: may('s') && one != NONE ->
		/* refslot_set() */
		any_variable();
		any_slot(to, one);
		if
		:: puts = one
		:: other != NONE -> puts = other
		fi;
		step;
		refobj_get(puts);
		exchange(to)
	:: may('c') && one != NONE ->
		/* refslot_clear() */
		any_variable();
		any_slot(to, one);
		exchange(to)
	:: may('t') && one != NONE && other == NONE ->
		/* refslot_take() */
		any_slot(to, one);
		exchange(to);
		if
		:: puts != NONE -> refobj_moved(0); other = puts; puts = NONE
		:: else
		fi
	:: may('g') && one != NONE ->
		/* refslot_give(), perhaps of the last to the owner */
		any_variable();
		any_slot(to, one);
		if
		:: puts = one; one = NONE
		:: other != NONE -> puts = other; other = NONE
		fi;
		refobj_moved(MARKED);
		refslot_publish(to)
	:: may('m') && one != NONE && (other != NONE || SLOTS > 1) ->
		/* refslot_move() */
		any_variable();
		any_slot(from, one);
		if
		:: other != NONE -> any_slot(to, other)
		:: SLOTS > 1 -> any_slot(to, one)
		fi;
		if
		:: from == to -> from = NONE; to = NONE
		:: else ->
			exchange(from);
			if
			:: puts != NONE -> refobj_moved(MARKED); refslot_publish(to)
			:: else -> exchange(to)
			fi
		fi
	:: may('p') && one != NONE ->
		any_variable();
		puts = one;
		one = NONE
	:: may('a') && other == NONE ->
		refobj_alloc(other)
	:: else		/* one operation less */
	fi;
	if
	:: from != NONE ->
		refobj_load(from);
		from = NONE;
		other = puts;
		puts = NONE
	:: else
	fi
}

proctype mutator(byte me)
{
	byte hand = HANDS * me + 2;
	byte turn, dead, t, row;
	byte o = NONE, zero = NONE, to = NONE, from = NONE;
	short old;
	bool flag, was;

	atomic {
		step;
		do
		:: turn < OPERATIONS || one != NONE ->
			if
			:: turn < OPERATIONS -> operation(); turn++
			:: else -> puts = one; one = NONE
			fi;
			sort_variables();
			refobj_put()
		:: else -> break
		od;
		step;
		running--
	}
}
