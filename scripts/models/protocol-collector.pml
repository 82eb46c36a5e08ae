/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The heap's thread: thread.c, candidate.c, trace.c, island.c, judge.c,
 * reclaim.c. Of a row's state there is a set of bits for each flag.
 */
#define ALL_ROWS	((1 << ROWS) - 1)
#define has(set, r)	((set) >> (r) & 1)
#define add(set, r)	set = set | 1 << (r)
#define drop(set, r)	set = set & ~(1 << (r))

#if ROWS == 2
#define any_marked	(mark[0] || mark[1])
#elif ROWS == 3
#define any_marked	(mark[0] || mark[1] || mark[2])
#elif ROWS == 4
#define any_marked	(mark[0] || mark[1] || mark[2] || mark[3])
#else
#define any_marked	(mark[0] || mark[1] || mark[2] || mark[3] || mark[4])
#endif

/* For each row @r of a set. */
#define for_rows(r, set) \
	r = 0; \
	do \
	:: r < ROWS && !has(set, r) -> r++ \
	:: r < ROWS && has(set, r) ->
#define end_rows(r) \
		r++ \
	:: r == ROWS -> r = 0; break \
	od

/*
 * First sight of the object @p that row @n has shown. A loop around a
 * compare-and-swap, and so all that it reads and writes is one step.
 */
inline refcandidate_look(n, p, is_taken)
{
	step;
	if
	:: place[p] == n || removed(RULE_LOOK_PLACE) ->
		old = word[p];
		snapshot[n] = old & ~(MARKED | FRESH);
		if
		:: is_taken && !removed(RULE_TAKE_VERSION) -> changed_version(p)
		:: else
		fi;
		if
		:: removed(RULE_TAKE_MARKED) -> word[p] = old & ~FRESH
		:: else -> word[p] = snapshot[n]
		fi;
		looks_at(JUDGE, p);
		add(seen, n);
		if
		:: count(old) == 0 || old & (DEAD | CONDEMNED) -> add(live, n)
		:: else
		fi;
		old = 0
	:: else
	fi
}

inline refrow_discover(n, is_taken)
{
	step;
	p = object[n];
	if
	:: p != NONE -> refcandidate_look(n, p, is_taken); p = NONE
	:: else
	fi
}

/* Clear the marks of rows: of those that have one, or of those @taken. */
inline refchunk_take_marks()
{
	for_rows(r, ALL_ROWS)
		if
		:: mark[r] ->
			step;
			mark[r] = 0;
			add(taken, r)
		:: else
		fi;
	end_rows(r)
}

inline refcandidate_take()
{
	if
	:: removed(RULE_TAKE_ORDER) ->
		for_rows(r, ALL_ROWS)
			if
			:: mark[r] -> refrow_discover(r, true)
			:: else
			fi;
		end_rows(r);
		refchunk_take_marks()
	:: else ->
		refchunk_take_marks();
		for_rows(r, taken)
			refrow_discover(r, true);
		end_rows(r)
	fi;
	root = seen;
	taken = 0
}

/* The row of @t, just read from a slot: @n. If it is gone, @t is NONE. */
inline refrow_find()
{
	step;
	n = place[t];
	if
	:: object[n] != t && !removed(RULE_FIND) -> t = NONE
	:: else
	fi
}

/* More edges than its count allows: if nothing has changed, saturate it. */
inline reftrace_excess()
{
	step;
	demand(!has(root, n) || !same_version(JUDGE, t) || word[t] & (MARKED | FRESH),
	       "G9: a count is taken for too low");
	add(live, n);
	/* refrow_park() */
	step;
	mark[n] = 1
}

inline reftrace_slot()
{
	refrow_find();
	if
	:: t != NONE && !has(seen, n) -> refrow_discover(n, false)
	:: else
	fi;
	if
	:: t == NONE || !has(seen, n) || has(live, n)
	:: else ->
		if
		:: count(snapshot[n]) == 0 -> reftrace_excess()
		:: else ->
			snapshot[n] = snapshot[n] - 1;
			if
			:: !has(expanded, n) -> add(pending, n)
			:: else
			fi
		fi
	fi;
	n = 0
}

/* Visit the slots of the object in row @r: @each is told of the target @t. */
#define refrow_walk(each) \
	step; \
	o = object[r]; \
	k = 0; \
	do \
	:: o != NONE && k < SLOTS && failed == NONE -> \
		step; \
		t = cell[slot(o, k)]; \
		k++; \
		if \
		:: t != NONE -> each \
		:: else \
		fi; \
		t = 0 \
	:: else -> k = 0; break \
	od

/* The budget lasts: everything is expanded. */
inline reftrace_run()
{
	pending = seen & ~live;
	do
	:: pending ->
		r = 0;
		do
		:: has(pending, r) -> break
		:: else -> r++
		od;
		drop(pending, r);
		add(expanded, r);
		refrow_walk(reftrace_slot());
		if
		:: o == NONE -> add(live, r)	/* -ESTALE */
		:: else -> o = NONE
		fi
	:: else -> break
	od;
	r = 0
}

/* Those of @among that the rows in @live lead to are alive. */
inline reftrace_spread_live(among)
{
	n = 0;
	do
	:: n < ROWS * ROWS * SLOTS ->
		r = n / SLOTS % ROWS;
		if
		:: has(live, r) && object[r] != NONE ->
			t = cell[slot(object[r], n % SLOTS)];
			if
			:: t != NONE && object[place[t]] == t && has(among, place[t]) ->
				add(live, place[t])
			:: else
			fi
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0;
	r = 0;
	t = 0
}

inline reftrace_find_suspects()
{
	step;
	for_rows(r, seen)
		if
		:: count(snapshot[r]) -> add(live, r)
		:: else
		fi;
		snapshot[r] = 0;
	end_rows(r);
	reftrace_spread_live(seen);
	if
	:: c_expr { any_set } && running -> any_suspects()
	:: else -> suspects = seen & ~live
	fi
}

/*
 * No choice may be unsafe: judge.c. What is left out remains a candidate, since
 * the choice is not that of the trace.
 */
inline any_suspects()
{
	for_rows(r, seen)
		if
		:: add(suspects, r)
		:: mark[r] = 1
		fi;
	end_rows(r);
	live = seen & ~suspects
}

/* Suspects that refer to one another have the same, lowest, link. */
inline refisland_divide()
{
	step;
	for_rows(r, ALL_ROWS)
		link[r] = r;
	end_rows(r);
	n = 0;
	do
	:: n < ROWS * ROWS * SLOTS ->
		r = n / SLOTS % ROWS;
		if
		:: has(suspects, r) && object[r] != NONE ->
			t = cell[slot(object[r], n % SLOTS)];
			if
			:: t != NONE && object[place[t]] == t && has(suspects, place[t]) ->
				t = place[t];
				if
				:: link[t] < link[r] -> link[r] = link[t]
				:: else -> link[t] = link[r]
				fi
			:: else
			fi
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0;
	r = 0;
	t = 0
}

inline refisland_fail(row)
{
	if
	:: failed == NONE -> failed = row
	:: else
	fi
}

/* First reading. */
inline refisland_read_words()
{
	for_rows(r, members)
		step;
		o = object[r];
		if
		:: o == NONE -> refisland_fail(r)
		:: else ->
			old = word[o];
			looks_at(JUDGE, o);
			if
			:: removed(RULE_MARKED) -> old = old & ~MARKED
			:: else
			fi;
			if
			:: old & FLAGS || (count(old) <= pinned && !removed(RULE_ZERO)) ->
				refisland_fail(r)
			:: else -> snapshot[r] = snapshot[r] + old - pinned
			fi
		fi;
		o = NONE;
		old = 0;
	end_rows(r)
}

inline refedges_slot()
{
	refrow_find();
	if
	:: t != NONE && has(members, n) ->
		if
		:: count(snapshot[n]) == 0 && !removed(RULE_WORDS_LAST) -> refisland_fail(n)
		:: else -> snapshot[n] = snapshot[n] - 1; edges++
		fi
	:: else
	fi;
	n = 0
}

inline refisland_read_slots()
{
	for_rows(r, members)
		if
		:: failed == NONE ->
			refrow_walk(refedges_slot());
			if
			:: o == NONE -> refisland_fail(r)
			:: else -> o = NONE
			fi
		:: else
		fi;
	end_rows(r)
}

/* The closure rule, up to the second reading. */
inline refisland_judge()
{
	if
	:: removed(RULE_WORDS_LAST) ->
		refisland_read_slots();
		refisland_read_words()
	:: else ->
		refisland_read_words();
		refisland_read_slots()
	fi;
	/* refisland_closed() */
	for_rows(r, members)
		if
		:: count(snapshot[r]) -> refisland_fail(r)
		:: else
		fi;
		snapshot[r] = snapshot[r] & ~COUNT;
	end_rows(r)
}

/* Second reading, and the flag that tells acquirers. */
inline refisland_condemn_one()
{
	step;
	o = object[r];
	if
	:: o == NONE -> refisland_fail(r)
	:: else ->
		if
		:: !removed(RULE_VERSION) &&
		   ((word[o] & ~COUNT & ~(removed(RULE_MARKED) -> MARKED : 0)) != snapshot[r] ||
		    (!same_version(JUDGE, o) && !removed(RULE_WRAP))) ->
			refisland_fail(r)
		:: else ->
			if
			:: count(word[o]) == 0 && !removed(RULE_ZERO) -> refisland_fail(r)
			:: else ->
				references = references + count(word[o]);
				word[o] = word[o] | CONDEMNED
			fi
		fi
	fi;
	o = NONE
}

inline refisland_unmark()
{
	for_rows(r, members)
		step;
		o = object[r];
		if
		:: o != NONE && word[o] & CONDEMNED ->
			word[o] = word[o] & ~CONDEMNED;
			if
			:: removed(RULE_UNMARK_VERSION)
			:: else -> changed_version(o)
			fi
		:: else
		fi;
		o = NONE;
	end_rows(r)
}

/* From here on nobody acquires a member. */
inline refisland_dies()
{
	for_rows(r, members)
		add(group, object[r]);
	end_rows(r);
	c_code { check_dies(); };
	group = 0
}

/* Afterwards flag says whether the island is dead. */
inline refisland_condemn()
{
	step;
	verdict = VERDICT_TRYING;
	for_rows(r, members)
		if
		:: failed == NONE -> refisland_condemn_one()
		:: else
		fi;
	end_rows(r);
	step;
	if
	:: failed != NONE ||
	   (references != edges + pinned && !removed(RULE_SUM)) ->
		verdict = VERDICT_RESCUED
	:: else ->
		if
		:: verdict == VERDICT_TRYING ->
			verdict = VERDICT_DEAD;
			refisland_dies();
			flag = true
		:: else		/* rescued */
		fi
	fi;
	references = 0;
	if
	:: flag
	:: else -> refisland_unmark()
	fi
}

/*
 * A trial has failed. Whoever spoiled it, and what that leads to, or, if it was
 * nobody, all: are left for another collection.
 */
inline refisland_shrink()
{
	step;
	if
	:: failed == NONE -> live = live | members
	:: else -> add(live, failed); reftrace_spread_live(members)
	fi;
	some = members & live & root;
	members = members & ~live;
	/* refisland_remark() */
	for_rows(r, some)
		step;
		if
		:: object[r] != NONE && !removed(RULE_REMARK) -> mark[r] = 1
		:: else
		fi;
	end_rows(r);
	some = 0
}

/* The verdict word may be used for another island from here on. */
inline refisland_doom()
{
	for_rows(r, members)
		step;
		word[object[r]] = word[object[r]] | DEAD;
	end_rows(r)
}

inline refisland_settle()
{
	for_rows(r, members)
		add(some, object[r]);
	end_rows(r);
	refweak_kill(some);
	some = 0;
	if
	:: removed(RULE_STAMP)
	:: else -> refisland_doom()
	fi;
	doomed = doomed | members;
	members = 0
}

inline refisland_try()
{
	do
	:: members ->
		refisland_judge();
		if
		:: failed == NONE -> refisland_condemn()
		:: else
		fi;
		edges = 0;
		c_code { forget_snapshots(Prefheap_thread->snapshot); };
		if
		:: flag -> flag = false; refisland_settle()
		:: else -> refisland_shrink()
		fi;
		failed = NONE
	:: else -> break
	od
}

/* An edge inside the island ends in a dead object: no put releases it. */
inline refmember_empty()
{
	k = 0;
	do
	:: k < SLOTS ->
		step;
		puts = cell[slot(object[r], k)];
		cell[slot(object[r], k)] = NONE;
		k++;
		if
		:: puts != NONE -> refobj_drop()
		:: else
		fi;
		if
		:: zero != NONE ->
			refobj_stamp_dead();
			add(dead, zero);
			zero = NONE
		:: else
		fi
	:: else -> k = 0; break
	od
}

/* Client code: it finds all slots of the island empty. */
inline refmember_release()
{
	step;
	n = 0;
	do
	:: n < SLOTS ->
		demand(cell[slot(object[r], n)] == NONE,
		       "G4: released beside a slot that is not empty");
		n++
	:: else -> n = 0; break
	od
}

inline refmember_free()
{
	o = object[r];
	step;
	demand(count(word[o]) == 0, "G3: references remain to a reclaimed object");
	change_word(o, DEAD);
	step;
	refobj_free(o);
	o = NONE
}

inline refisland_reclaim()
{
	if
	:: removed(RULE_STAMP) -> refisland_doom()
	:: else
	fi;
	if
	:: removed(RULE_RELEASE_FIRST) ->
		for_rows(r, members)
			refmember_release();
		end_rows(r)
	:: else
	fi;
	for_rows(r, members)
		refmember_empty();
	end_rows(r);
	for_rows(r, members)
		refmember_release();
	end_rows(r);
	for_rows(r, members)
		refmember_free();
	end_rows(r);
	members = 0
}

/* The members of the first island in a set, which leave the set. */
inline refisland_next(set)
{
	t = NONE;
	for_rows(r, set)
		if
		:: t == NONE -> t = link[r]
		:: else
		fi;
		if
		:: link[r] == t -> add(members, r); drop(set, r)
		:: else
		fi;
	end_rows(r);
	t = 0
}

inline refisland_try_all()
{
	do
	:: suspects ->
		refisland_next(suspects);
		refisland_try()
	:: else -> break
	od;
	do
	:: doomed ->
		refisland_next(doomed);
		refisland_reclaim();
		refobj_put()		/* what it alone kept alive */
	:: else -> break
	od
}

inline reftrace_forget()
{
	seen = 0;
	root = 0;
	live = 0;
	expanded = 0;
	c_code { forget_all(Prefheap_thread->snapshot, Prefheap_thread->link); }
}

inline refthread_collect()
{
	refcandidate_take();
	reftrace_run();
	reftrace_find_suspects();
	refisland_divide();
	refisland_try_all();
	reftrace_forget()
}

proctype refheap_thread(byte me)
{
	byte hand = HANDS * me;
	byte dead, t, r, n, k, rounds;
	byte taken, seen, root, live, expanded, pending, suspects, some, members,
	     doomed, edges, references, pinned;
	byte o = NONE, p = NONE, zero = NONE, failed = NONE;
	byte link[ROWS];
	short snapshot[ROWS];
	short old;
	bool flag;		/* what the last function found */

	atomic {
		step;
		do
		:: deferred ->
			/* refheap_release_deferred() */
			dead = deferred;
			deferred = 0;
			step;
			refobj_put()
		:: !deferred && any_marked ->
			/* Garbage left alone must not need many of these. */
			if
			:: running == 0 -> rounds++
			:: else
			fi;
			demand(rounds < 4, "G3: no end of collections");
			step;
			refthread_collect()
		:: running && !deferred && !any_marked ->
			/* Asleep. */
			step
		:: !running && !deferred && !any_marked ->
			c_code { check_all_freed(); };
			break
		od
	}
}
