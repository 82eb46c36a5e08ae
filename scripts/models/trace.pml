/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A trace that takes the readings: refcandidate_take(), trace.c,
 * refisland_judge_seen(), refisland_condemn_seen(), against two mutators.
 *
 * Three objects of two slots, each in a chunk of its own, so that slots of one
 * are read before the mark of the next is taken. As in protocol.pml any other
 * process may go on at each "step", and of a version it only matters whether it
 * is the one that somebody has read; what that models, and this does not:
 * allocation, memory and rows used again, loads, and so the verdict. What is
 * policy is any: whether a root is expanded at once or in the end. If not all
 * that has been seen is closed, the rest is judged in one step.
 *
 * Mutators edit slots of what they hold, or reach from it over slots, under a
 * lock; they count without one.
 *
 * Removed by a definition, one at a time:
 *  EDGE_ONCE	an edge is not read again behind its target's word
 *  LATE_MARK	a put that has missed MARKED does not mark
 *  PARK_TOUCHED who edited slots while marks were taken does not matter
 *  USED_SLOTS	an island is reclaimed as it was seen, whatever its slots hold
 *  UNTIL	who has taken a reference out of a slot puts what he holds its
 *		owner by before that
 *
 * What must hold: when all that was seen dies nobody holds a member, and when
 * all is quiet nothing is left.
 */
#define OBJECTS		3
#define SLOTS		2
#define MUTATORS	2
#define NONE		7
#define NOBODY		7

#define COUNT		15
#define MARKED		16
#define count(w)	((w) & COUNT)

#define SET		1	/* REFMARK_SET */
#define PARKED		2	/* REFMARK_PARKED */

#define JUDGE		(MUTATORS + 1)
#define EVERYBODY	((1 << (MUTATORS + 2)) - 1)

#define has(set, o)	((set) >> (o) & 1)
#define add(set, o)	set = set | 1 << (o)

#define change_word(o, new)	word[o] = new; stale[o] = EVERYBODY
#define looks_at(who, o)	stale[o] = stale[o] & ~(1 << (who))
#define looks_away(who, o)	stale[o] = stale[o] | 1 << (who)
#define same_word(who, o, w)	(word[o] == (w) && !has(stale[o], who))

chan go[MUTATORS + 1] = [0] of { bit };
#define step		go[me]?0

byte word[OBJECTS];
byte stale[OBJECTS];
byte mark[OBJECTS];
byte cell[OBJECTS * SLOTS];
#define slot(o, i)	((o) * SLOTS + (i))
bool edits;		/* of all CPUs: has the number changed? */
byte locked = NOBODY;

/* Held by each mutator: two, and one on its way; by the collector: that alone. */
byte held[3 * MUTATORS + 3];
#define one		held[3 * me]
#define other		held[3 * me + 1]
#define puts		held[3 * me + 2]
byte gone;		/* objects at zero, or dead */
byte running;
byte operations[MUTATORS];	/* of each, before it puts all that it holds */

/* refobj_put(), without the release: @zero is who came to zero. */
inline refobj_drop()
{
	do
	:: true ->
		step;
		assert(!has(gone, puts));
		old = word[puts];
		looks_at(me, puts);
		if
		:: count(old) > 1 && old & MARKED ->
			/* A plain addition. */
			looks_away(me, puts);
			zero = puts;
			puts = NONE;
			step;
			old = word[zero];
			change_word(zero, old - 1);
			if
			:: count(old) == 1 -> add(gone, zero)
			:: count(old) > 1 && !(old & MARKED) ->
#ifndef LATE_MARK
				/* __refrow_mark_late() */
				step;
				mark[zero] = SET;
#endif
				zero = NONE
			:: else -> zero = NONE
			fi;
			break
		:: else ->
			if
			:: count(old) > 1 -> mark[puts] = SET
			:: else
			fi;
			step;
			if
			:: same_word(me, puts, old) ->
				zero = puts;
				puts = NONE;
				if
				:: count(old) > 1 ->
					change_word(zero, (old - 1) | MARKED);
					zero = NONE
				:: else ->
					change_word(zero, old - 1);
					add(gone, zero)
				fi;
				break
			:: else -> looks_away(me, puts)
			fi
		fi
	od;
	old = 0
}

/* All that goes with it, too. */
inline refobj_put()
{
	do
	:: puts != NONE ->
		refobj_drop();
		if
		:: zero != NONE -> add(dead, zero); zero = NONE
		:: else
		fi
	:: puts == NONE && dead ->
		i = 0;
		do
		:: i < OBJECTS * SLOTS && !(has(dead, i / SLOTS) && cell[i] != NONE) -> i++
		:: else -> break
		od;
		if
		:: i < OBJECTS * SLOTS ->
			step;
			puts = cell[i];
			cell[i] = NONE
		:: else -> dead = 0
		fi;
		i = 0
	:: else -> break
	od
}

/* Of an object held, or one that it leads to: under the lock it stays so. */
inline any_owner()
{
	if
	:: o = one
	:: other != NONE -> o = other
	fi;
	do
	:: break
	:: cell[slot(o, 0)] != NONE && hops < 2 -> o = cell[slot(o, 0)]; hops++
	:: cell[slot(o, 1)] != NONE && hops < 2 -> o = cell[slot(o, 1)]; hops++
	od;
	hops = 0;
	if
	:: i = slot(o, 0)
	:: i = slot(o, 1)
	fi;
	o = NONE
}

/* xchg() of a slot and what is in hand; a store is counted. */
inline exchange()
{
	step;
	stored = puts != NONE;
	o = cell[i];
	cell[i] = puts;
	puts = o;
	o = NONE;
	i = 0;
	if
	:: stored -> step; edits = true; stored = false
	:: else
	fi
}

inline refobj_moved()
{
	step;
	change_word(puts, word[puts] | MARKED)
}

inline put_old()
{
#ifdef UNTIL
	/* What he holds goes first, at the caller's. */
	if
	:: puts != NONE ->
		o = puts;
		puts = one;
		one = o;
		o = NONE
	:: else
	fi;
#endif
	refobj_put()
}

inline operation()
{
	locked == NOBODY;
	locked = me;
	if
	:: /* refslot_set() */
		any_owner();
		if
		:: puts = one
		:: other != NONE -> puts = other
		fi;
		step;
		change_word(puts, word[puts] + 1);
		exchange();
		put_old()
	:: /* refslot_clear() */
		any_owner();
		exchange();
		put_old()
	:: other == NONE ->
		/* refslot_take() */
		any_owner();
		exchange();
		if
		:: puts != NONE ->
			refobj_moved();
			step;
			mark[puts] = SET;
			other = puts;
			puts = NONE
		:: else
		fi
	:: /* refslot_give(), to the owner itself or by way of another */
		if
		:: other == NONE -> i = slot(one, 0)
		:: other == NONE -> i = slot(one, 1)
		:: other != NONE -> o = other; other = NONE; puts = o; any_owner(); other = puts
		fi;
		if
		:: other == NONE -> puts = one; one = NONE
		:: else -> puts = other; other = NONE
		fi;
		refobj_moved();
		zero = puts;
		exchange();
		step;
		mark[zero] = SET;
		zero = NONE;
		refobj_put()
	fi;
	locked = NOBODY
}

proctype mutator(byte me)
{
	byte turn, dead, i, hops, old;
	byte o = NONE, zero = NONE;
	bool stored;

	atomic {
		step;
		do
		:: turn < operations[me] && one != NONE -> operation(); turn++
		:: one != NONE || other != NONE ->
			turn = operations[me];
			if
			:: one != NONE -> puts = one; one = NONE
			:: other != NONE -> puts = other; other = NONE
			fi;
			refobj_put()
		:: one == NONE && other == NONE -> break
		od;
		step;
		running--
	}
}

/* --- the collector ----------------------------------------------------------- */

/* refcandidate_look() */
inline refrow_read(n, is_taken)
{
	step;
	if
	:: has(gone, n)
	:: else ->
		snapshot[n] = count(word[n]);
		references = references + snapshot[n];
		word[n] = snapshot[n];
		if
		:: is_taken -> stale[n] = EVERYBODY
		:: else
		fi;
		looks_at(JUDGE, n);
		add(seen, n)
	fi
}

inline refrow_park(n)
{
	if
	:: mark[n] == 0 -> mark[n] = PARKED
	:: else
	fi
}

inline reftrace_spare(n)
{
	add(live, n);
	spoiled = true;
	step;
	refrow_park(n)
}

inline refrow_discover_again(n)
{
	step;
	if
	:: has(stale[n], JUDGE) || word[n] & MARKED -> reftrace_spare(n)
	:: else ->
		stale[n] = EVERYBODY;
		looks_at(JUDGE, n)
	fi
}

/* reftrace_count() of a slot */
inline reftrace_edge(s)
{
	step;
	t = cell[s];
	if
	:: t != NONE && !has(seen, t) ->
		refrow_read(t, false);
#ifndef EDGE_ONCE
		step;
		if
		:: cell[s] != t -> t = NONE
		:: else
		fi
#endif
	:: else
	fi;
	if
	:: t == NONE || !has(seen, t) || has(live, t)
	:: else ->
		if
		:: snapshot[t] == 0 -> reftrace_spare(t)
		:: else ->
			snapshot[t]--;
			edges++;
			if
			:: !has(expanded, t) -> add(pending, t)
			:: else
			fi
		fi
	fi;
	t = 0
}

inline reftrace_expand(n)
{
	pending = pending & ~(1 << (n));
	add(expanded, n);
	k = 0;
	do
	:: k < SLOTS -> reftrace_edge(slot(n, k)); k++
	:: else -> k = 0; break
	od
}

/* One chunk after the other: its mark, its word, perhaps its slots. */
inline refcandidate_take()
{
	edits = false;
	r = 0;
	do
	:: r < OBJECTS ->
		if
		:: mark[r] ->
			step;
			if
			:: mark[r] == SET -> add(touched, r)
			:: else
			fi;
			mark[r] = 0;
			if
			:: has(seen, r) -> refrow_discover_again(r)
			:: else ->
				refrow_read(r, true)
			fi;
			if
			:: has(expanded, r) || !has(seen, r)
			:: else ->
				if
				:: reftrace_expand(r)
				:: add(pending, r)
				fi
			fi
		:: else
		fi;
		r++
	:: else -> r = 0; break
	od;
	step;
	edited = edits;
	edits = false
}

inline reftrace_drain()
{
	do
	:: pending ->
		r = 0;
		do
		:: has(pending, r) -> break
		:: else -> r++
		od;
		reftrace_expand(r)
	:: else -> r = 0; break
	od
}

/* G2: nobody holds a member, and no slot of another object refers to one. */
inline refisland_dies(set)
{
	k = 0;
	do
	:: k < 3 * MUTATORS + 3 -> assert(held[k] == NONE || !has(set, held[k])); k++
	:: else -> break
	od;
	k = 0;
	do
	:: k < OBJECTS * SLOTS ->
		assert(has(set, k / SLOTS) || cell[k] == NONE || !has(set, cell[k]));
		k++
	:: else -> k = 0; break
	od;
	gone = gone | (set)
}

/* What members refer to, which is no member, is put; if it is looked for. */
inline refisland_reclaim(set, look)
{
	k = 0;
	do
	:: k < OBJECTS * SLOTS ->
		if
		:: has(set, k / SLOTS) && cell[k] != NONE ->
			t = cell[k];
			cell[k] = NONE;
			if
			:: (look) && !has(set, t) -> puts = t; refobj_put()
			:: else
			fi
		:: else
		fi;
		k++
	:: else -> k = 0; t = 0; break
	od
}

/* Second reading; flag: it has failed. */
inline refisland_condemn_seen()
{
	r = 0;
	do
	:: r < OBJECTS && !flag ->
		if
		:: has(seen, r) ->
			step;
			if
			:: has(stale[r], JUDGE) || word[r] & MARKED || !count(word[r]) ->
				flag = true
			:: else -> references = references + count(word[r])
			fi;
			step;
			used = used + (cell[slot(r, 0)] != NONE) + (cell[slot(r, 1)] != NONE)
		:: else
		fi;
		r++
	:: else -> r = 0; break
	od;
	step;
	if
	:: !flag && references == edges ->
		refisland_dies(seen);
#ifdef USED_SLOTS
		used = edges;
#endif
		refisland_reclaim(seen, used != edges);
		seen = 0;
		touched = 0
	:: else ->
		/* Another time. */
		flag = false;
		r = 0;
		do
		:: r < OBJECTS ->
			if
			:: has(seen, r) && !has(gone, r) -> refrow_park(r)
			:: else
			fi;
			r++
		:: else -> r = 0; break
		od
	fi;
	used = 0;
	references = 0
}

inline reftrace_find_suspects()
{
	r = 0;
	do
	:: r < OBJECTS ->
		if
		:: has(seen, r) && (snapshot[r] || has(gone, r)) -> add(live, r)
		:: else
		fi;
		r++
	:: else -> r = 0; break
	od;
	k = 0;
	do
	:: k < OBJECTS * OBJECTS * SLOTS ->
		t = cell[k % (OBJECTS * SLOTS)];
		if
		:: t != NONE && has(live, k % (OBJECTS * SLOTS) / SLOTS) && has(seen, t) ->
			add(live, t)
		:: else
		fi;
		k++
	:: else -> k = 0; t = 0; break
	od
}

/* A part of what was seen: protocol.pml has how, here it is one step. */
inline refisland_try(set)
{
	r = 0;
	do
	:: r < OBJECTS ->
		if
		:: has(set, r) ->
			references = count(word[r]);
			k = 0;
			do
			:: k < OBJECTS * SLOTS ->
				if
				:: has(set, k / SLOTS) && cell[k] == r -> references--
				:: else
				fi;
				k++
			:: else -> k = 0; break
			od;
			if
			:: references || word[r] & MARKED || has(gone, r) -> flag = true
			:: else
			fi
		:: else
		fi;
		r++
	:: else -> r = 0; break
	od;
	references = 0;
	if
	:: flag ->
		flag = false;
		do
		:: r < OBJECTS ->
			if
			:: has(set, r) && !has(gone, r) -> refrow_park(r)
			:: else
			fi;
			r++
		:: else -> r = 0; break
		od
	:: else ->
		refisland_dies(set);
		refisland_reclaim(set, true)
	fi
}

inline refcandidate_park_touched()
{
#ifdef PARK_TOUCHED
	edited = false;
#endif
	do
	:: r < OBJECTS && edited ->
		if
		:: has(touched & live, r) && !has(gone, r) -> step; refrow_park(r)
		:: else
		fi;
		r++
	:: else -> r = 0; break
	od
}

inline refthread_collect()
{
	refcandidate_take();
	reftrace_drain();
	if
	:: seen && !spoiled && references == edges ->
		references = 0;
		refisland_condemn_seen()
	:: else ->
		references = 0;
		step;
		reftrace_find_suspects();
		if
		:: seen & ~live ->
			suspects = seen & ~live;
			refisland_try(suspects);
			suspects = 0
		:: else
		fi;
		refcandidate_park_touched()
	fi;
	seen = 0;
	live = 0;
	expanded = 0;
	touched = 0;
	edges = 0;
	spoiled = false;
	edited = false;
	do
	:: r < OBJECTS ->
		snapshot[r] = 0;
		looks_away(JUDGE, r);
		r++
	:: else -> r = 0; break
	od
}

proctype refheap_thread(byte me)
{
	byte seen, live, expanded, pending, touched, suspects, references, edges, used;
	byte r, k, t, i, dead, old, rounds;
	byte zero = NONE;
	byte snapshot[OBJECTS];
	bool spoiled, edited, flag;

	atomic {
		step;
		do
		:: mark[0] || mark[1] || mark[2] ->
			if
			:: running == 0 -> rounds++
			:: else
			fi;
			assert(rounds < 5);	/* G3: no end of collections */
			refthread_collect();
			step
		:: !(mark[0] || mark[1] || mark[2]) && running -> step
		:: !(mark[0] || mark[1] || mark[2]) && !running ->
			/* G3: nothing is left */
			assert(gone == (1 << OBJECTS) - 1);
			break
		od
	}
}

#define leads(o, i, target)	cell[slot(o, i)] = target; word[target] = word[target] + 1
#define holds(hand, target)	held[hand] = target; word[target] = word[target] + 1

init {
	byte n;

	atomic {
		do
		:: n < OBJECTS * SLOTS -> cell[n] = NONE; held[n] = NONE; n++
		:: else -> break
		od;
		held[6] = NONE; held[7] = NONE; held[8] = NONE;
#if GRAPH == 1
		/* a ring held by what a trace comes upon; another is no candidate */
		leads(1, 1, 2);
		leads(2, 0, 1);
		holds(0, 2);
		holds(1, 0);
#elif GRAPH == 2
		/* a chain to what is read first, its ends held */
		leads(1, 0, 0);
		leads(2, 0, 1);
		holds(0, 1);
		holds(1, 2);
#elif GRAPH == 3
		/* a ring, entered where it is read last */
		leads(0, 0, 1);
		leads(1, 0, 2);
		leads(2, 0, 0);
		holds(0, 2);
#elif GRAPH == 4
		/* a ring held by two */
		leads(0, 0, 1);
		leads(1, 0, 2);
		leads(2, 0, 0);
		holds(0, 1);
		holds(3, 2);
#endif
		operations[0] = 1;
		n = 0;
		do
		:: n < OBJECTS ->
			stale[n] = EVERYBODY;
			if
			:: GRAPH == 1 && n == 0
			:: else ->
				word[n] = word[n] | MARKED;
				mark[n] = SET
			fi;
			n++
		:: else -> break
		od;
		n = 0;
		running = MUTATORS;
		run mutator(0);
		run mutator(1);
		run refheap_thread(MUTATORS)
	};
end:	do
	:: go[0]!0
	:: go[1]!0
	:: go[2]!0
	od
}
