// SPDX-License-Identifier: GPL-2.0
/*
 * Verbs that show something.
 */
#include <linux/sched.h>

#include "shell.h"

/* The references that someone else holds: the caller, who looks, has one. */
static u32 count_of(const struct refobj *obj)
{
	return refobj_count(obj) - 1;
}

static void print_slots(const struct refobj *obj)
{
	u32 nr = shell_nr_slots(obj), i;

	for (i = 0; i < nr; i++) {
		struct refobj *target __free(refobj) =
			refslot_load(shell_slot(obj, i));

		if (target)
			shell_print(" %u", to_shell(target)->serial);
		else
			shell_print(" -");
	}
	shell_print("\n");
}

static void print_target(const struct refobj *obj)
{
	struct refobj *target __free(refobj) =
		refweak_load(shell_weak_of(obj));

	if (target)
		shell_print(" to %u", to_shell(target)->serial);
	else
		shell_print(" to dead");
}

/* SERIAL TYPE COUNT FINALIZED WEAKS [to TARGET] SLOT... */
static void print_object(const struct refobj *obj)
{
	shell_print("%u %s %u %s %u", to_shell(obj)->serial,
		    shell_kind_name(to_shell(obj)->kind), count_of(obj),
		    refobj_is_finalized(obj) ? "f" : "-",
		    refobj_weak_count(obj));
	if (to_shell(obj)->kind == SHELL_WEAKREF)
		print_target(obj);
	print_slots(obj);
}

static void print_objects(void)
{
	u32 serial = 0;

	while (true) {
		struct refobj *obj __free(refobj) = shell_next_living(&serial);

		if (!obj)
			break;
		print_object(obj);
		serial++;
		cond_resched();
	}
}

static int run_state(char **words, unsigned int nr)
{
	int err;

	if (nr && strcmp(words[0], "all"))
		return shell_refuse("what state? '%s'", words[0]);
	err = shell_settle();
	if (err)
		return err;
	print_objects();
	shell_print_names();
	shell_print_weaks();
	return shell_print_events(nr);
}

static int run_log(char **words, unsigned int nr)
{
	int err = shell_settle();

	if (!err)
		shell_print_log();
	return err;
}

static int run_forget(char **words, unsigned int nr)
{
	int err = shell_settle();

	if (!err)
		shell_forget_events();
	return err;
}

static int run_count(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = shell_resolve(words[0]);

	if (!obj)
		return -EINVAL;
	shell_print("count %u\n", count_of(obj));
	return 0;
}

static int run_slots(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = shell_resolve(words[0]);

	if (!obj)
		return -EINVAL;
	shell_print("slots");
	print_slots(obj);
	return 0;
}

static int run_type(char **words, unsigned int nr)
{
	struct refobj *obj __free(refobj) = shell_resolve(words[0]);

	if (!obj)
		return -EINVAL;
	shell_print("type %s\n", shell_kind_name(to_shell(obj)->kind));
	return 0;
}

/* The numbers of which that is so, as NUMBER or NUMBER-NUMBER. */
static int print_ranges(const char *title, bool (*is_so)(u32 serial))
{
	u32 nr = shell_nr_serials(), i, from;
	int err = shell_settle();

	if (err)
		return err;
	shell_print("%s", title);
	for (i = 0; i < nr; i++) {
		if (!is_so(i))
			continue;
		from = i;
		while (i + 1 < nr && is_so(i + 1))
			i++;
		shell_print(" %u", from);
		if (i > from)
			shell_print("-%u", i);
		cond_resched();
	}
	shell_print("\n");
	return 0;
}

static bool is_dead(u32 serial)
{
	return !shell_is_known(serial);
}

static int run_living(char **words, unsigned int nr)
{
	return print_ranges("living", shell_is_living);
}

static int run_dead(char **words, unsigned int nr)
{
	return print_ranges("dead", is_dead);
}

/* Of every number in turn, so that they need not be printed. */
static int run_counts(char **words, unsigned int nr)
{
	u32 serials = shell_nr_serials(), serial;
	int err = shell_settle();

	if (err)
		return err;
	shell_print("counts");
	for (serial = 0; serial < serials; serial++) {
		struct refobj *obj __free(refobj) = shell_living(serial);

		if (obj)
			shell_print(" %u", count_of(obj));
		else
			shell_print(" -");
		cond_resched();
	}
	shell_print("\n");
	return 0;
}

static int run_heap(char **words, unsigned int nr)
{
	struct refheap_stats stats;
	int err = shell_settle();

	if (err)
		return err;
	refheap_get_stats(shell_heap, &stats);
	shell_print("heap %llu objects, %llu reclaimed, %llu collections\n",
		    stats.objects, stats.reclaimed, stats.collections);
	return 0;
}

static int run_echo(char **words, unsigned int nr)
{
	shell_print("%s\n", words[0]);
	return 0;
}

const struct shell_verb shell_queries[] = {
	{ "state", 0, 1, run_state },
	{ "log", 0, 0, run_log },
	{ "forget", 0, 0, run_forget },
	{ "count", 1, 1, run_count },
	{ "slots", 1, 1, run_slots },
	{ "type", 1, 1, run_type },
	{ "living", 0, 0, run_living },
	{ "dead", 0, 0, run_dead },
	{ "counts", 0, 0, run_counts },
	{ "heap", 0, 0, run_heap },
	{ "echo", 1, 1, run_echo },
	{ }
};
