// SPDX-License-Identifier: GPL-2.0
/*
 * What finalizers and callbacks of weak references do, beside leaving a line
 * in the log.  "self" is the object that is finalized, or that the weak
 * reference is a part of, if it is part of one.
 *
 *   log		nothing else
 *   keep NAME		NAME = self
 *   cargo NAME		NAME = what the first slot refers to, if anything
 *   break		empty the own slots
 *   set NAME		let the first slot refer to what NAME does, if anything
 *   link NAME		let the first slot of what NAME refers to refer to self
 *   drop NAME		del NAME, if there is such a name
 *   load WEAK		load it, if there is such a weak reference, and log that
 *   make NAME		NAME = a new leaf
 *
 * They run once.  What they need is allocated together with the object, for
 * they may run where nothing can be allocated.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "shell.h"

struct shell_action_type {
	const char *word;
	bool named;			/* a name follows */
	bool binds;			/* and may be a new one */
	bool makes;			/* an object */
	bool called;			/* is something for callbacks, too */
	void (*run)(struct shell_action *action, struct refobj *self);
};

struct shell_action {
	const struct shell_action_type *type;
	struct shell_name *spare;	/* to bind */
	u32 serial;			/* of what it makes */
	char name[SHELL_NAME_MAX + 1];
};

static void bind(struct shell_action *action, struct refobj *ref)
{
	struct refobj *old __free(refobj) = NULL;

	old = shell_name_bind(no_free_ptr(action->spare), ref);
}

static void run_keep(struct shell_action *action, struct refobj *self)
{
	bind(action, refobj_get(self));
}

static void run_cargo(struct shell_action *action, struct refobj *self)
{
	struct refobj *cargo __free(refobj) = NULL;

	if (shell_nr_slots(self))
		cargo = refslot_load(shell_slot(self, 0));
	if (cargo)
		bind(action, no_free_ptr(cargo));
}

static void run_break(struct shell_action *action, struct refobj *self)
{
	u32 nr = shell_nr_slots(self), i;

	for (i = 0; i < nr; i++)
		refslot_clear(self, shell_slot(self, i));
}

static void run_set(struct shell_action *action, struct refobj *self)
{
	struct refobj *obj __free(refobj) = shell_name_get(action->name);

	if (obj && shell_nr_slots(self))
		refslot_set(self, shell_slot(self, 0), obj);
}

static void run_link(struct shell_action *action, struct refobj *self)
{
	struct refobj *owner __free(refobj) = shell_name_get(action->name);

	if (owner && shell_nr_slots(owner))
		refslot_set(owner, shell_slot(owner, 0), self);
}

static void run_drop(struct shell_action *action, struct refobj *self)
{
	struct refobj *obj __free(refobj) = shell_name_remove(action->name);
}

static void run_load(struct shell_action *action, struct refobj *self)
{
	struct refobj *obj __free(refobj) = NULL;

	if (shell_weak_load(action->name, &obj))
		shell_event(SHELL_LOADED, to_shell(self)->serial,
			    obj ? to_shell(obj)->serial : SHELL_NOBODY);
}

static void run_make(struct shell_action *action, struct refobj *self)
{
	struct refobj *obj __free(refobj) = shell_new_promised(action->serial);

	if (obj)
		bind(action, no_free_ptr(obj));
}

static const struct shell_action_type types[] = {
	{ .word = "log", .called = true },
	{ .word = "keep", .named = true, .binds = true, .run = run_keep },
	{ .word = "cargo", .named = true, .binds = true, .run = run_cargo },
	{ .word = "break", .run = run_break },
	{ .word = "set", .named = true, .run = run_set },
	{ .word = "link", .named = true, .run = run_link },
	{ .word = "drop", .named = true, .called = true, .run = run_drop },
	{ .word = "load", .named = true, .run = run_load },
	{ .word = "make", .named = true, .binds = true, .makes = true,
	  .run = run_make },
};

static const struct shell_action_type *find_type(const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].word, word))
			return &types[i];
	return NULL;
}

/*
 * Return: the words' meaning, or an error pointer.  What it makes gets its
 * number later, after the object itself.
 */
struct shell_action *shell_parse_action(char **words, unsigned int nr,
					bool callback)
{
	struct shell_action *action __free(shell_action) = NULL;
	const struct shell_action_type *type = find_type(words[0]);
	int err = 0;

	if (!type || (callback && !type->called))
		err = shell_refuse("no action '%s'", words[0]);
	else if (nr != 1 + type->named)
		err = shell_refuse("wrong number of words after '%s': %u",
				   words[0], nr - 1);
	else if (type->named)
		err = shell_check_name(words[1]);
	if (err)
		return ERR_PTR(err);
	action = kzalloc(sizeof(*action), GFP_KERNEL);
	if (action && type->binds)
		action->spare = shell_name_alloc(words[1]);
	if (!action || (type->binds && !action->spare))
		return ERR_PTR(-ENOMEM);
	action->type = type;
	if (type->named)
		strscpy(action->name, words[1], sizeof(action->name));
	return_ptr(action);
}

bool shell_action_makes(const struct shell_action *action)
{
	return action && action->type->makes;
}

void shell_action_promise(struct shell_action *action, u32 serial)
{
	action->serial = serial;
}

/* How many lines of the log it may take, with the one of its running. */
unsigned int shell_action_events(const struct shell_action *action)
{
	return action ? 1 + (action->type->run == run_load) : 0;
}

void shell_act(struct shell_action *action, struct refobj *self)
{
	if (action->type->run)
		action->type->run(action, self);
}

/* Nothing, if @action is NULL or an error pointer. */
void shell_free_action(struct shell_action *action)
{
	if (IS_ERR_OR_NULL(action))
		return;
	kfree(action->spare);
	kfree(action);
}
