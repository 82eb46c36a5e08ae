/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a run begins with, from the environment, and what must hold.
 *
 *  RULE      names of rules to remove, joined by "+": see the table below
 *  CELLS     what each slot, then each weak reference, refers to at first:
 *            a digit, "-" for nothing, "?" for each possibility in turn
 *  HELD      two for each mutator: what its variables refer to, likewise
 *  MARKED    the objects that are candidates at first (else all are)
 *  PROGRAM   for each mutator a letter for each operation: l(oad), w(eak load,
 *            v: of the second), s(et), c(lear), t(ake), g(ive), m(ove), p(ut),
 *            a(lloc); more than one letter: any of these. Operations are
 *            separated by ",", mutators by "/"; without either, it is for all.
 *  ANY       not empty: any set may be judged while mutators run, not only
 *            what the trace suspects
 */
c_decl {
\#include <stdlib.h>
\#include <string.h>

extern void (*uerror)(char *);

enum {
	RULE_VERSION,
	RULE_WRAP,
	RULE_MARKED,
	RULE_WORDS_LAST,
	RULE_ZERO,
	RULE_UNMARK_VERSION,
	RULE_VERDICT,
	RULE_RESCUE,
	RULE_SUM,
	RULE_MOVE_VERSION,
	RULE_MOVE,
	RULE_GIVE_MARK,
	RULE_LOOK_AGAIN,
	RULE_PUT_BLIND,
	RULE_PUT_LATE,
	RULE_FRESH,
	RULE_REUSE_VERSION,
	RULE_TAKE_VERSION,
	RULE_TAKE_MARKED,
	RULE_TAKE_ORDER,
	RULE_LOOK_PLACE,
	RULE_REMARK,
	RULE_RELEASE_FIRST,
	RULE_STAMP,
	RULE_WEAK_KILL,
	RULE_FIND,
	NR_RULES
};

static const char *const rule_names[NR_RULES] = {
	[RULE_VERSION] = "version",
	[RULE_WRAP] = "wrap",
	[RULE_MARKED] = "marked",
	[RULE_WORDS_LAST] = "words-last",
	[RULE_ZERO] = "zero",
	[RULE_UNMARK_VERSION] = "unmark-version",
	[RULE_VERDICT] = "verdict",
	[RULE_RESCUE] = "rescue",
	[RULE_SUM] = "sum",
	[RULE_MOVE_VERSION] = "move-version",
	[RULE_MOVE] = "move",
	[RULE_GIVE_MARK] = "give-mark",
	[RULE_LOOK_AGAIN] = "look-again",
	[RULE_PUT_BLIND] = "put-blind",
	[RULE_PUT_LATE] = "put-late",
	[RULE_FRESH] = "fresh",
	[RULE_REUSE_VERSION] = "reuse-version",
	[RULE_TAKE_VERSION] = "take-version",
	[RULE_TAKE_MARKED] = "take-marked",
	[RULE_TAKE_ORDER] = "take-order",
	[RULE_LOOK_PLACE] = "look-place",
	[RULE_REMARK] = "remark",
	[RULE_RELEASE_FIRST] = "release-first",
	[RULE_STAMP] = "stamp",
	[RULE_WEAK_KILL] = "weak-kill",
	[RULE_FIND] = "find",
};

static char is_removed[NR_RULES];

/* What may be where at first; what operations a mutator may do when. */
static char at_first[CELLS + HANDS * MUTATORS][NONE + 1];
static unsigned int operations[MUTATORS][OPERATIONS + 1];
static int marked_first, any_set;
}

/* A rule that is removed in this run. */
#define removed(rule) \
	c_expr { is_removed[rule] }
#define may(letter) \
	c_expr { operations[Pmutator->me][Pmutator->turn] >> ((letter) - 'a') & 1 }

c_code {
static const char *setting(const char *name)
{
	const char *text = getenv(name);

	return text ? text : "";
}

static void set_rule(const char *name, int length)
{
	unsigned int i;

	for (i = 0; i < NR_RULES; i++)
		if (!strncmp(name, rule_names[i], length) && !rule_names[i][length]) {
			is_removed[i] = 1;
			return;
		}
	fprintf(stderr, "no rule is called %s\n", name);
	exit(2);
}

static void set_rules(void)
{
	const char *name;
	int length;

	for (name = setting("RULE"); *name; name += length + !!name[length]) {
		length = strcspn(name, "+");
		set_rule(name, length);
	}
}

/* By the letter at a place of a setting. */
static void set_first(int what, const char *text, int at)
{
	int letter = at < (int)strlen(text) ? text[at] : '?', i;

	for (i = 0; i < OBJECTS; i++)
		at_first[what][i] = letter == '?' || letter == '0' + i;
	at_first[what][NONE] = letter == '?' || letter == '-';
}

static void set_graph(void)
{
	int i;

	for (i = 0; i < CELLS; i++)
		set_first(i, setting("CELLS"), i);
	for (i = 0; i < HANDS * MUTATORS; i++)
		if (i % HANDS == HANDS - 1)
			at_first[CELLS + i][NONE] = 1;
		else
			set_first(CELLS + i, setting("HELD"),
				  i / HANDS * (HANDS - 1) + i % HANDS);
	marked_first = 0;
	if (getenv("MARKED"))
		for (i = 0; i < (int)strlen(setting("MARKED")); i++)
			marked_first |= 1 << (setting("MARKED")[i] - '0');
	else
		marked_first = ~0;
}

static void set_operations(void)
{
	const char *text = setting("PROGRAM");
	int all = !*text || !strpbrk(text, ",/");
	int me = 0, turn = 0, i;

	for (; *text; text++)
		if (*text == '/') {
			me++;
			turn = 0;
		} else if (*text == ',') {
			turn++;
		} else if (me < MUTATORS && turn < OPERATIONS) {
			operations[me][turn] |= *text == '?' ? ~0U :
						1U << (*text - 'a');
		}
	for (i = 0; all && i < MUTATORS * OPERATIONS; i++)
		operations[i / OPERATIONS][i % OPERATIONS] =
			operations[0][0] ? operations[0][0] : ~0U;
}

/* G2: members die: nobody holds one, and no slot of another object does. */
static void check_dies(void)
{
	int o, i;

	for (o = 0; o < OBJECTS; o++) {
		if (!(now.group >> o & 1))
			continue;
		if (now.life[o] != ALIVE)
			uerror("released twice");
		for (i = 0; i < HANDS * MUTATORS + 1; i++)
			if (now.held[i] == o)
				uerror("G2: condemned while somebody holds it");
		for (i = 0; i < OBJECTS * SLOTS; i++)
			if (now.cell[i] == o && !(now.group >> i / SLOTS & 1))
				uerror("G2: condemned while a slot refers to it");
		now.life[o] = GONE;
	}
}

/* G2: memory goes back that nothing refers to, weakly either. */
static void check_freed(int o)
{
	int i;

	if (now.life[o] != GONE)
		uerror("G2: a living object is freed");
	for (i = 0; i < HANDS * MUTATORS + 1; i++)
		if (now.held[i] == o)
			uerror("G2: freed while somebody holds it");
	for (i = 0; i < CELLS; i++)
		if (now.cell[i] == o)
			uerror(i < OBJECTS * SLOTS ?
			       "G2: freed while a slot refers to it" :
			       "G13: freed while a weak reference refers to it");
	for (i = 0; i < SLOTS; i++)
		if (now.cell[o * SLOTS + i] != NONE)
			uerror("G3: freed with a reference in its slot");
}

/* What is not compared any more shall not tell states apart. */
static void forget_snapshots(short *snapshot)
{
	int i;

	for (i = 0; i < ROWS; i++)
		snapshot[i] = 0;
	for (i = 0; i < OBJECTS; i++)
		now.stale[i] |= 1 << JUDGE;
}

static void forget_all(short *snapshot, unsigned char *link)
{
	forget_snapshots(snapshot);
	memset(link, 0, ROWS);
}

/* G3: when all are quiet and nothing is a candidate, nothing is left. */
static void check_all_freed(void)
{
	int o;

	for (o = 0; o < OBJECTS; o++)
		if (now.life[o] != FREE)
			uerror("G3: garbage is never reclaimed");
}
}

/* The first graph: any that is allowed in which every count is right. */
inline set_up()
{
	c_code {
		set_rules();
		any_set = !!*setting("ANY");
		set_graph();
		set_operations();
	};
	i = 0;
	do
	:: i < CELLS + HANDS * MUTATORS + 1 ->
		t = 0;
		do
		:: t < OBJECTS -> t++
		:: break
		od;
		if
		:: t == OBJECTS -> t = NONE
		:: else
		fi;
		if
		:: i < CELLS + HANDS * MUTATORS &&
		   c_expr { at_first[Pinit->i][Pinit->t] }
		:: i == CELLS + HANDS * MUTATORS && t == NONE
		:: else -> goto out
		fi;
		if
		:: i < CELLS -> cell[i] = t
		:: else -> held[i - CELLS] = t
		fi;
		if
		:: t != NONE && (i < OBJECTS * SLOTS || i >= CELLS) ->
			word[t] = word[t] + 1
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < OBJECTS ->
		stale[i] = EVERYBODY;
		place[i] = i;
		object[i] = NONE;
		if
		:: word[i] > 0 ->
			life[i] = ALIVE;
			object[i] = i;
			row_used = row_used | 1 << i;
			if
			:: c_expr { marked_first >> Pinit->i & 1 } ->
				mark[i] = 1;
				word[i] = word[i] | MARKED
			:: else
			fi
		:: else ->
			word[i] = DEAD
		fi;
		i++
	:: else -> break
	od;
	c_code {
		int n;

		/* Memory without an object has nothing in its slots. */
		for (n = 0; n < CELLS; n++) {
			if (n < OBJECTS * SLOTS && now.life[n / SLOTS] == FREE &&
			    now.cell[n] != NONE)
				Pinit->t = 100;
			if (n >= OBJECTS * SLOTS && now.cell[n] != NONE &&
			    now.life[now.cell[n]] == FREE)
				Pinit->t = 100;
		}
	};
	if
	:: t == 100 -> goto out
	:: else
	fi
}
