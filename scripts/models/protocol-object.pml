/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting, loading, releasing and allocating: object.c, release.c,
 * refobj_acquire() of judge.c, refobj_load() of slot.c.
 *
 * Those who do it have these variables: me, hand (where what they put is held),
 * old (the word last read), o (an object), zero (one whose count has become
 * zero), dead (a bit for each such object that is theirs to release), flag, t.
 */
#define count(w)	((w) & COUNT)

#define change_word(obj, new) \
	word[obj] = new; \
	changed_version(obj)

#define read_word(who, obj) \
	old = word[obj]; \
	looks_at(who, obj)

/*
 * A plain store of what was computed from the word when looked at. If it has
 * changed since, that change is lost, and the version may come to be the same.
 */
#define store_word(obj, new) \
	if \
	:: same_version(me, obj) -> changed_version(obj) \
	:: else -> looks_away(me, obj) \
	fi; \
	word[obj] = new

#define demand(condition, message) \
	if \
	:: (condition) \
	:: else -> c_code { uerror(message); } \
	fi

inline refobj_get(obj)
{
	demand(life[obj] == ALIVE, "G2: get of an object that is gone");
	change_word(obj, word[obj] + 1)
}

#define wants_mark(w)	(count(w) > 1 && !((w) & (MARKED | DEAD)))
#define wants_finalizer(obj, w) \
	(count(w) == 1 && !((w) & (DEAD | FINALIZED)) && (finalizers >> (obj) & 1))

/* The compare-and-swap of a put. */
inline refobj_drop_word(marked)
{
	zero = puts;
	puts = NONE;
	looks_at(me, zero);	/* for refobj_stamp_dead() */
	if
	:: wants_finalizer(zero, old) ->
		change_word(zero, (old & ~CONDEMNED) | FINALIZED)
	:: else ->
		change_word(zero, (old - 1) | marked);
		looks_at(me, zero);
		if
		:: count(old) == 1 && !(old & DEAD) ->
			demand(life[zero] == ALIVE, "G4: released twice");
			life[zero] = GONE
		:: removed(RULE_PUT_LATE) && wants_mark(old) -> flag = true
		:: else -> looks_away(me, zero); zero = NONE
		fi
	fi
}

/*
 * Give up the reference in @puts. Afterwards @zero is the object if that was
 * the last, else NONE. A last reference that is to be the finalizer's stays,
 * in nobody's hand.
 */
inline refobj_drop()
{
	do
	:: true ->
		step;
		demand(life[puts] != FREE, "G2: put of freed memory");
		read_word(me, puts);
		demand(count(old), "G9: put on zero");
		if
		:: !wants_mark(old) || removed(RULE_PUT_LATE) ->
			refobj_drop_word(0);
			break
		:: else ->
			/* refrow_mark() */
			mark[place[puts]] = 1;
			step;
			if
			:: removed(RULE_PUT_BLIND) ->
				/* Not asking what came between. */
				old = word[puts];
				refobj_drop_word(MARKED);
				break
			:: else
			fi;
			if
			:: same_word(me, puts, old) ->
				refobj_drop_word(MARKED);
				break
			:: else -> looks_away(me, puts)
			fi
		fi
	od;
	if
	:: flag ->
		/* put-late: what is not held any more is touched. */
		step;
		demand(life[zero] != FREE, "G2: use after free");
		mark[place[zero]] = 1;
		looks_away(me, zero);
		zero = NONE;
		flag = false
	:: else
	fi;
	old = 0
}

/* An object is at zero: its word says so, and no row shows it any more. */
inline refobj_stamp_dead()
{
	step;
	store_word(zero, DEAD);
	/* refobj_link() */
	step;
	object[place[zero]] = NONE
}

/* Free memory and a free row, not necessarily its last, become an object. */
inline refobj_alloc(ref)
{
	step;
	o = 0;
	do
	:: o < OBJECTS && life[o] == FREE -> break
	:: o < OBJECTS -> o++
	:: o == OBJECTS -> break
	od;
	row = 0;
	do
	:: row < ROWS && !(row_used >> row & 1) -> break
	:: row < ROWS -> row++
	:: row == ROWS -> break
	od;
	if
	:: o == OBJECTS || row == ROWS -> skip	/* no memory */
	:: else ->
		life[o] = GONE;
		row_used = row_used | 1 << row;
		if
		:: place[o] != row ->
			/* refobj_stamp() */
			change_word(o, DEAD);
			step;
			place[o] = row
		:: else
		fi;
		step;
		/* refrow_publish() */
		object[row] = o;
		looks_at(me, o);
		step;
		if
		:: removed(RULE_REUSE_VERSION) ->
			/* It begins anew, and may be what anybody has read. */
			stale[o] = 0;
			word[o] = (removed(RULE_FRESH) -> 1 : FRESH | 1)
		:: removed(RULE_FRESH) && !removed(RULE_REUSE_VERSION) ->
			store_word(o, 1)
		:: else -> store_word(o, FRESH | 1)
		fi;
		looks_away(me, o);
		born = born ^ 1 << o;
		life[o] = ALIVE;
		ref = o
	fi;
	row = 0;
	o = NONE
}

/*
 * Get unless zero, dead, or condemned to death. Afterwards flag says whether
 * the reference is in @puts; if it is not, old is the word that was refused.
 */
inline refobj_acquire()
{
	do
	:: true ->
		step;
		read_word(me, o);
		if
		:: count(old) == 0 || old & DEAD ->
			flag = false;
			break
		:: else
		fi;
		if
		:: old & CONDEMNED ->
			refobj_condemned();
			if
			:: flag ->
				/* refobj_get_unless_zero() has no second look. */
				demand(life[o] != ALIVE, "G13: refused, though it lives");
				flag = false;
				break
			:: else
			fi;
			step
		:: else
		fi;
		if
		:: same_word(me, o, old) ->
			demand(life[o] == ALIVE, "G4: acquired, though its island is dead");
			change_word(o, old + 1);
			puts = o;
			old = 0;
			flag = true;
			break
		:: else
		fi
	od
}

/* Is the island dead?  If it is on trial, it is not from now on. */
inline refobj_condemned()
{
	flag = false;
	if
	:: removed(RULE_RESCUE) -> flag = true
	:: else ->
		step;
		if
		:: verdict == VERDICT_TRYING -> verdict = VERDICT_RESCUED
		:: verdict == VERDICT_DEAD ->
			if
			:: removed(RULE_VERDICT) -> flag = true
			:: else ->
				step;
				/* Is it this island's verdict? */
				flag = same_word(me, o, old)
			fi
		:: else
		fi
	fi
}

/*
 * Acquire what a cell refers to. The reference is in @puts; if it is that of a
 * stranger, who was not there any more when looked at again, it is put.
 */
inline refobj_load(from)
{
	do
	:: true ->
		step;
		o = cell[from];
		if
		:: o == NONE -> break
		:: else
		fi;
		was = born >> o & 1;
		refobj_acquire();
		if
		:: flag ->
			flag = false;
			step;
			if
			:: cell[from] == o || removed(RULE_LOOK_AGAIN) ->
				demand(was == (born >> o & 1),
				       "G13: what is found was never there");
				break
			:: else -> refobj_put_stranger()
			fi
		:: else ->
			step;
			flag = cell[from] == o;
			step;
			if
			:: flag && same_word(me, o, old) ->
				demand(life[o] != ALIVE, "G13: not found, though it lives");
				flag = false;
				break
			:: else -> looks_away(me, o); flag = false
			fi
		fi
	od;
	if
	:: o != NONE -> looks_away(me, o)
	:: else
	fi;
	old = 0;
	was = 0;
	o = NONE
}

/* Its release must not run here: refobj_defer(). */
inline refobj_put_stranger()
{
	o = NONE;
	refobj_drop();
	if
	:: zero != NONE ->
		refobj_stamp_dead();
		step;
		deferred = deferred | 1 << zero;
		zero = NONE
	:: else
	fi
}

/*
 * Work off what is dead: refcascade_run(). Begins with a put of what is in
 * @puts, if there is something; each slot's reference goes through @puts.
 */
inline refobj_put()
{
	do
	:: puts != NONE ->
		refobj_drop();
		if
		:: zero != NONE ->
			refobj_stamp_dead();
			dead = dead | 1 << zero;
			zero = NONE
		:: else
		fi
	:: puts == NONE && dead ->
		zero = 0;
		do
		:: dead >> zero & 1 -> break
		:: else -> zero++
		od;
		t = 0;
		do
		:: t < SLOTS && cell[slot(zero, t)] == NONE -> t++
		:: else -> break
		od;
		if
		:: t < SLOTS ->
			/* refclear_slot() */
			step;
			puts = cell[slot(zero, t)];
			cell[slot(zero, t)] = NONE;
			t = 0
		:: else ->
			/* refcascade_finish() */
			refweak_kill(1 << zero);
			step;
			refobj_free(zero);
			dead = dead & ~(1 << zero)
		fi;
		zero = NONE
	:: puts == NONE && !dead -> break
	od
}

/* The weak references to these objects find nothing any more. */
inline refweak_kill(objects)
{
	t = 0;
	do
	:: t < WEAKS ->
		if
		:: cell[weak(t)] != NONE && ((objects) >> cell[weak(t)] & 1) &&
		   !removed(RULE_WEAK_KILL) ->
			step;
			cell[weak(t)] = NONE
		:: else
		fi;
		t++
	:: else -> break
	od;
	t = 0
}

/* The memory and the row may be used again from here on. */
inline refobj_free(obj)
{
	subject = obj;
	c_code { check_freed(now.subject); };
	subject = 0;
	life[obj] = FREE;
	object[place[obj]] = NONE;
	row_used = row_used & ~(1 << place[obj])
}
