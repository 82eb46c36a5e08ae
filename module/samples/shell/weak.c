// SPDX-License-Identifier: GPL-2.0
/*
 * Weak references that lie outside of the heap, by name.  They have serial
 * numbers like objects.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "shell.h"

static DEFINE_SPINLOCK(weak_lock);
static struct rb_root weaks = RB_ROOT;	/* W */

/**
 * struct shell_weak - a weak reference
 * @node: (W) in the tree, sorted by @text
 * @weak: the reference
 * @serial: its number
 * @action: of its callback, or NULL
 * @text: the name
 */
struct shell_weak {
	struct rb_node node;
	struct refweak weak;
	u32 serial;
	struct shell_action *action;
	char text[SHELL_NAME_MAX + 1];
};

static int compare_text(const void *key, const struct rb_node *node)
{
	return strcmp(key, rb_entry(node, struct shell_weak, node)->text);
}

static int compare_weaks(struct rb_node *new, const struct rb_node *node)
{
	return compare_text(rb_entry(new, struct shell_weak, node)->text, node);
}

static struct shell_weak *find_weak(const char *text)
{
	return rb_entry_safe(rb_find(text, &weaks, compare_text),
			     struct shell_weak, node);
}

bool shell_weak_exists(const char *text)
{
	bool exists;

	spin_lock(&weak_lock);
	exists = find_weak(text);
	spin_unlock(&weak_lock);
	return exists;
}

static void weak_called(struct refweak *ref)
{
	struct shell_weak *weak = container_of(ref, struct shell_weak, weak);

	shell_event(SHELL_CALLED, weak->serial, 0);
	shell_act(weak->action, NULL);
}

/* Nobody finds it any more, or nobody has yet. */
static void free_weak(struct shell_weak *weak)
{
	refweak_clear_sync(&weak->weak);
	shell_event_unreserve(shell_action_events(weak->action));
	shell_break_promise(weak->serial);
	shell_free_action(weak->action);
	kfree(weak);
}

static int set_weak(struct shell_weak *weak, struct refobj *target)
{
	int err = refweak_set(NULL, &weak->weak, target,
			      weak->action ? weak_called : NULL, GFP_KERNEL);

	if (err)
		return err;
	spin_lock(&weak_lock);
	rb_find_add(&weak->node, &weaks, compare_weaks);
	spin_unlock(&weak_lock);
	return 0;
}

/* Takes @callback over if it succeeds. */
int shell_weak_add(const char *text, struct refobj *target,
		   struct shell_action *callback)
{
	struct shell_weak *weak = kzalloc(sizeof(*weak), GFP_KERNEL);
	int err = weak ? shell_promise_serial(&weak->serial) : -ENOMEM;

	if (err)
		goto free;
	err = shell_event_reserve(shell_action_events(callback));
	if (err)
		goto free;
	strscpy(weak->text, text, sizeof(weak->text));
	weak->action = callback;
	err = set_weak(weak, target);
	if (!err)
		return 0;
	weak->action = NULL;
	shell_event_unreserve(shell_action_events(callback));
	shell_break_promise(weak->serial);
free:
	kfree(weak);
	return err;
}

/* Return: whether there is one; then @obj is its target, or NULL. */
bool shell_weak_load(const char *text, struct refobj **obj)
{
	struct shell_weak *weak;

	spin_lock(&weak_lock);
	weak = find_weak(text);
	if (weak)
		*obj = refweak_load(&weak->weak);
	spin_unlock(&weak_lock);
	return weak;
}

static bool remove_weak(const char *text)
{
	struct shell_weak *weak;

	spin_lock(&weak_lock);
	weak = text ? find_weak(text) :
		      rb_entry_safe(rb_first(&weaks), struct shell_weak, node);
	if (weak)
		rb_erase(&weak->node, &weaks);
	spin_unlock(&weak_lock);
	if (weak)
		free_weak(weak);
	return weak;
}

void shell_weak_remove(const char *text)
{
	remove_weak(text);
}

/* Return: whether there was one to remove. */
bool shell_weak_remove_any(void)
{
	return remove_weak(NULL);
}

/* Only commands add and remove them. */
void shell_print_weaks(void)
{
	struct rb_node *node;

	shell_print("weak");
	for (node = rb_first(&weaks); node; node = rb_next(node)) {
		struct shell_weak *weak = rb_entry(node, struct shell_weak,
						   node);
		struct refobj *obj __free(refobj) = refweak_load(&weak->weak);

		if (obj)
			shell_print(" %s=%u", weak->text,
				    to_shell(obj)->serial);
		else
			shell_print(" %s=dead", weak->text);
	}
	shell_print("\n");
}
