// SPDX-License-Identifier: GPL-2.0
/*
 * Verbs that change something.  Each looks at all of its words before it does
 * anything, so that what is refused has had no effect.
 */
#include <linux/string.h>

#include "shell.h"

/* --- names --------------------------------------------------------------- */

static int check_new_name(const char *word)
{
	int err = shell_check_name(word);

	if (!err && shell_name_exists(word))
		return shell_refuse("there is a name '%s' already", word);
	return err;
}

static int check_old_name(const char *word)
{
	int err = shell_check_name(word);

	if (!err && !shell_name_exists(word))
		return shell_refuse("there is no name '%s'", word);
	return err;
}

static int new_name(const char *word, struct refobj *new)
{
	struct refobj *obj __free(refobj) = new;

	return IS_ERR(obj) ? PTR_ERR(obj) : shell_name_add(word, obj);
}

/* What follows, if anything does. */
static int parse_action(char **words, unsigned int nr, bool callback,
			struct shell_action **action)
{
	*action = nr ? shell_parse_action(words, nr, callback) : NULL;
	return PTR_ERR_OR_ZERO(*action);
}

/* NAME weakref PATH [ACTION] */
static int new_weakref(char **words, unsigned int nr)
{
	struct shell_action *action __free(shell_action) = NULL;
	struct refobj *target __free(refobj) = NULL;
	struct refobj *obj __free(refobj) = NULL;
	int err;

	if (nr < 3)
		return shell_refuse("a weakref to what?");
	target = shell_resolve(words[2]);
	err = target ? parse_action(words + 3, nr - 3, true, &action) :
		       -EINVAL;
	if (err)
		return err;
	obj = shell_new_weakref(target, action);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	action = NULL;		/* the object's */
	return shell_name_add(words[0], obj);
}

/* NAME TYPE [ACTION] */
static int new_object(char **words, unsigned int nr)
{
	struct shell_action *action __free(shell_action) = NULL;
	struct refobj *obj __free(refobj) = NULL;
	struct shell_type type;
	int err = shell_parse_type(words[1], &type);

	err = err ?: parse_action(words + 2, nr - 2, false, &action);
	if (err)
		return err;
	obj = shell_new(&type, action);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	action = NULL;		/* the object's */
	return shell_name_add(words[0], obj);
}

static int run_new(char **words, unsigned int nr)
{
	int err = check_new_name(words[0]);

	if (err)
		return err;
	return strcmp(words[1], "weakref") ? new_object(words, nr) :
					     new_weakref(words, nr);
}

static int run_name(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = NULL;
	int err = check_new_name(words[0]);

	if (err)
		return err;
	obj = shell_resolve(words[1]);
	return obj ? shell_name_add(words[0], obj) : -EINVAL;
}

static int run_rename(char **words, unsigned int nr)
{
	struct refobj *old __free(refobj) = NULL;
	struct refobj *obj __free(refobj) = NULL;
	int err = check_old_name(words[0]);

	if (err)
		return err;
	obj = shell_resolve(words[1]);
	if (!obj)
		return -EINVAL;
	old = shell_name_set(words[0], no_free_ptr(obj));
	return 0;
}

static int run_del(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = NULL;
	int err = check_old_name(words[0]);

	if (err)
		return err;
	obj = shell_name_remove(words[0]);
	return 0;
}

/* --- slots --------------------------------------------------------------- */

static struct refslot *resolve_full_slot(const struct refobj *owner,
					 const char *word)
{
	struct refslot *slot = shell_resolve_slot(owner, word);

	if (!slot || !refslot_empty(slot))
		return slot;
	shell_refuse("slot %s of object %u is empty", word,
		     to_shell(owner)->serial);
	return NULL;
}

static int run_ref(char **words, unsigned int nr)
{
	struct refobj *owner __free(refobj) = shell_resolve(words[0]);
	struct refslot *slot = owner ? shell_resolve_slot(owner, words[1]) :
				       NULL;
	struct refobj *target __free(refobj) = shell_resolve(words[2]);

	return slot && target ? refslot_set(owner, slot, target) : -EINVAL;
}

static int run_unref(char **words, unsigned int nr)
{
	struct refobj *owner __free(refobj) = shell_resolve(words[0]);
	struct refslot *slot = owner ? resolve_full_slot(owner, words[1]) :
				       NULL;

	if (!slot)
		return -EINVAL;
	refslot_clear(owner, slot);
	return 0;
}

static int run_move(char **words, unsigned int nr)
{
	struct refobj *to __free(refobj) = shell_resolve(words[0]);
	struct refslot *into = to ? shell_resolve_slot(to, words[1]) : NULL;
	struct refobj *from __free(refobj) = shell_resolve(words[2]);
	struct refslot *out = from ? resolve_full_slot(from, words[3]) : NULL;

	return into && out ? refslot_move(to, into, from, out) : -EINVAL;
}

static int run_take(char **words, unsigned int nr)
{
	struct refobj *owner __free(refobj) = NULL;
	struct refslot *slot;
	int err = check_new_name(words[0]);

	if (err)
		return err;
	owner = shell_resolve(words[1]);
	slot = owner ? resolve_full_slot(owner, words[2]) : NULL;
	return slot ? new_name(words[0], refslot_take(owner, slot)) : -EINVAL;
}

static int run_give(char **words, unsigned int nr)
{
	struct refobj *owner __free(refobj) = shell_resolve(words[0]);
	struct refslot *slot = owner ? shell_resolve_slot(owner, words[1]) :
				       NULL;
	int err = slot ? check_old_name(words[2]) : -EINVAL;

	return err ?: refslot_give(owner, slot, shell_name_remove(words[2]));
}

/* --- weak references ----------------------------------------------------- */

static int check_old_weak(const char *word)
{
	int err = shell_check_name(word);

	if (!err && !shell_weak_exists(word))
		return shell_refuse("there is no weak reference '%s'", word);
	return err;
}

/* NAME PATH [ACTION] */
static int run_weak(char **words, unsigned int nr)
{
	struct shell_action *action __free(shell_action) = NULL;
	struct refobj *target __free(refobj) = NULL;
	int err = shell_check_name(words[0]);

	if (!err && shell_weak_exists(words[0]))
		err = shell_refuse("there is a weak reference '%s' already",
				   words[0]);
	if (err)
		return err;
	target = shell_resolve(words[1]);
	err = target ? parse_action(words + 2, nr - 2, true, &action) :
		       -EINVAL;
	err = err ?: shell_weak_add(words[0], target, action);
	if (!err)
		action = NULL;	/* the weak reference's */
	return err;
}

static int run_unweak(char **words, unsigned int nr)
{
	int err = check_old_weak(words[0]);

	if (!err)
		shell_weak_remove(words[0]);
	return err;
}

static int run_load(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = NULL;
	int err = check_new_name(words[0]) ?: check_old_weak(words[1]);

	if (err)
		return err;
	shell_weak_load(words[1], &obj);
	if (obj)
		return shell_name_add(words[0], obj);
	shell_print("dead\n");
	return 0;
}

/* --- by the thousand ----------------------------------------------------- */

/* TYPE or TYPE*COUNT */
static int parse_make(char *word, struct shell_type *type, u32 *count)
{
	char *number = strchr(word, '*');
	int err;

	*count = 1;
	if (number)
		*number = '\0';
	err = shell_parse_type(word, type);
	if (number)
		*number = '*';
	return err ?: number ? shell_number(number + 1, U32_MAX, count) : 0;
}

static int make_one(const struct shell_type *type)
{
	struct refobj *obj __free(refobj) = shell_new(type, NULL);

	return IS_ERR(obj) ? PTR_ERR(obj) : shell_hold(obj);
}

static int make_many(const struct shell_type *type, u32 count)
{
	int err = 0;

	for (; count && !err; count--) {
		err = make_one(type);
		cond_resched();
	}
	return err;
}

static void drop_number(u32 serial)
{
	struct refobj *obj __free(refobj) = shell_drop(serial);
}

/* For want of memory: what has been made of them goes. */
static void unmake(u32 from)
{
	while (from < shell_nr_serials())
		drop_number(from++);
}

static int run_make(char **words, unsigned int nr)
{
	u32 from = shell_nr_serials(), count;
	struct shell_type type;
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = parse_make(words[i], &type, &count);
	if (err)
		return err;
	for (i = 0; i < nr && !err; i++)
		err = parse_make(words[i], &type, &count) ?:
		      make_many(&type, count);
	if (err)
		unmake(from);
	return err;
}

static struct refobj *targets[SHELL_WORDS_MAX];	/* M: counted */

static int resolve_targets(char **words, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(words[i], "-"))
			continue;
		targets[i] = shell_resolve(words[i]);
		if (!targets[i])
			return -EINVAL;
	}
	return 0;
}

/* Without an owner nothing is set, but the references end. */
static void set_targets(struct refobj *owner, u32 first, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct refobj *target __free(refobj) = no_free_ptr(targets[i]);

		if (owner && target)
			refslot_set(owner, shell_slot(owner, first + i),
				    target);
		else if (owner)
			refslot_clear(owner, shell_slot(owner, first + i));
	}
}

static int run_fill(char **words, unsigned int nr)
{
	struct refobj *owner __free(refobj) = shell_resolve(words[0]);
	u32 first, slots = owner ? shell_nr_slots(owner) : 0;
	int err = owner ? shell_number(words[1], U32_MAX, &first) : -EINVAL;

	nr -= 2;
	if (err)
		return err;
	if (first > slots || nr > slots - first)
		return shell_refuse("object %u has %u slots, not %llu",
				    to_shell(owner)->serial, slots,
				    (u64)first + nr);
	err = resolve_targets(words + 2, nr);
	set_targets(err ? NULL : owner, first, nr);
	return err;
}

/* NUMBER or NUMBER-NUMBER, all of them held. */
static int parse_range(char *word, u32 *from, u32 *to)
{
	char *dash = strchr(word, '-');
	int err;

	if (dash)
		*dash = '\0';
	err = shell_number(word, U32_MAX, from);
	if (dash)
		*dash = '-';
	*to = *from;
	err = err ?: dash ? shell_number(dash + 1, U32_MAX, to) : 0;
	if (!err && *from > *to)
		return shell_refuse("'%s' is no range", word);
	return err;
}

static int check_held(u32 from, u32 to)
{
	u64 i;

	for (i = from; i <= to; i++) {
		struct refobj *obj __free(refobj) = shell_held(i);

		if (!obj)
			return shell_refuse("#%llu refers to nothing", i);
	}
	return 0;
}

static int run_drop(char **words, unsigned int nr)
{
	unsigned int i;
	int err = 0;
	u32 from, to;

	for (i = 0; i < nr && !err; i++)
		err = parse_range(words[i], &from, &to) ?:
		      check_held(from, to);
	if (err)
		return err;
	for (i = 0; i < nr; i++) {
		parse_range(words[i], &from, &to);
		while (from <= to)
			drop_number(from++);
	}
	return 0;
}

/* --- the heap ------------------------------------------------------------ */

static int run_collect(char **words, unsigned int nr)
{
	long reclaimed;

	if (nr && strcmp(words[0], "candidates"))
		return shell_refuse("collect what? '%s'", words[0]);
	reclaimed = refheap_collect(shell_heap,
				    nr ? 0 : REFHEAP_COLLECT_FULL);
	if (reclaimed < 0)
		return reclaimed;
	shell_print("collected %ld\n", reclaimed);
	return 0;
}

static int run_drain(char **words, unsigned int nr)
{
	return shell_settle();
}

/* What a reset could not get rid of, and the next one is not blamed for. */
static u64 left_behind;		/* M */

static u64 count_objects(void)
{
	struct refheap_stats stats;

	refheap_get_stats(shell_heap, &stats);
	return stats.objects;
}

static void drop_everything(void)
{
	while (shell_weak_remove_any())
		cond_resched();
	while (shell_name_remove_any())
		cond_resched();
	shell_drop_all();
}

/* Finalizers may bind names and make objects, but each runs only once. */
#define EMPTY_ROUNDS	8

/* Return: how many objects remain, or an error. */
s64 shell_empty(void)
{
	unsigned int round = 0;
	long ret;
	u64 left;

	do {
		drop_everything();
		ret = shell_settle() ?:
		      refheap_collect(shell_heap, REFHEAP_COLLECT_FULL);
		if (ret < 0)
			return ret;
		left = count_objects() - left_behind;
	} while (left && ++round < EMPTY_ROUNDS);
	return left;
}

static int run_reset(char **words, unsigned int nr)
{
	s64 left = shell_empty();

	if (left < 0)
		return left;
	if (left)
		shell_print("left %lld\n", left);
	else
		shell_print("empty\n");
	left_behind += left;
	shell_forget_events();
	shell_forget_living();
	return 0;
}

const struct shell_verb shell_operations[] = {
	{ "new", 2, 5, run_new },
	{ "name", 2, 2, run_name },
	{ "rename", 2, 2, run_rename },
	{ "del", 1, 1, run_del },
	{ "ref", 3, 3, run_ref },
	{ "unref", 2, 2, run_unref },
	{ "move", 4, 4, run_move },
	{ "take", 3, 3, run_take },
	{ "give", 3, 3, run_give },
	{ "weak", 2, 4, run_weak },
	{ "unweak", 1, 1, run_unweak },
	{ "load", 2, 2, run_load },
	{ "make", 1, SHELL_WORDS_MAX, run_make },
	{ "fill", 3, SHELL_WORDS_MAX, run_fill },
	{ "drop", 1, SHELL_WORDS_MAX, run_drop },
	{ "collect", 0, 1, run_collect },
	{ "drain", 0, 0, run_drain },
	{ "reset", 0, 0, run_reset },
	{ }
};
