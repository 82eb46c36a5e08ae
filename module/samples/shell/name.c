// SPDX-License-Identifier: GPL-2.0
/*
 * The names.  Each holds a counted reference, as a Python variable does.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "shell.h"

static DEFINE_SPINLOCK(name_lock);
static struct rb_root names = RB_ROOT;	/* N */

static int compare_text(const void *key, const struct rb_node *node)
{
	return strcmp(key, rb_entry(node, struct shell_name, node)->text);
}

static int compare_names(struct rb_node *new, const struct rb_node *node)
{
	return compare_text(rb_entry(new, struct shell_name, node)->text, node);
}

static struct shell_name *find_name(const char *text)
{
	return rb_entry_safe(rb_find(text, &names, compare_text),
			     struct shell_name, node);
}

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

int shell_check_name(const char *word)
{
	size_t i;

	for (i = 0; word[i]; i++)
		if (i >= SHELL_NAME_MAX || !name_char(word[i], !i))
			return shell_refuse("'%s' is no name", word);
	return 0;
}

bool shell_name_exists(const char *text)
{
	bool exists;

	spin_lock(&name_lock);
	exists = find_name(text);
	spin_unlock(&name_lock);
	return exists;
}

struct refobj *shell_name_get(const char *text)
{
	struct refobj *obj = NULL;
	struct shell_name *name;

	spin_lock(&name_lock);
	name = find_name(text);
	if (name)
		obj = refobj_get(name->obj);
	spin_unlock(&name_lock);
	return obj;
}

struct shell_name *shell_name_alloc(const char *text)
{
	struct shell_name *name = kzalloc(sizeof(*name), GFP_KERNEL);

	if (name)
		strscpy(name->text, text, sizeof(name->text));
	return name;
}

/*
 * Let an existing name refer to something else: it takes @ref over.
 * Return: the reference that it held.
 */
struct refobj *shell_name_set(const char *text, struct refobj *ref)
{
	struct shell_name *name;

	spin_lock(&name_lock);
	name = find_name(text);
	if (name)
		swap(name->obj, ref);
	spin_unlock(&name_lock);
	return ref;
}

/*
 * Bind a name in a callback, where nothing may be allocated: @spare becomes
 * the name unless there is one like it.  It takes @ref over.
 * Return: the reference that the name held before, or NULL.
 */
struct refobj *shell_name_bind(struct shell_name *spare, struct refobj *ref)
{
	struct rb_node *old;

	spare->obj = ref;
	spin_lock(&name_lock);
	old = rb_find_add(&spare->node, &names, compare_names);
	if (old)
		swap(rb_entry(old, struct shell_name, node)->obj, spare->obj);
	spin_unlock(&name_lock);
	if (!old)
		return NULL;
	ref = no_free_ptr(spare->obj);
	kfree(spare);
	return ref;
}

/* Return: 0 or -ENOMEM. */
int shell_name_add(const char *text, struct refobj *obj)
{
	struct shell_name *name = shell_name_alloc(text);
	struct refobj *old __free(refobj) = NULL;

	if (!name)
		return -ENOMEM;
	/* With automatic collection a finalizer may have been faster. */
	old = shell_name_bind(name, refobj_get(obj));
	return 0;
}

/* The name goes; its reference is now the caller's. */
struct refobj *shell_name_remove(const char *text)
{
	struct refobj *obj __free(refobj) = NULL;
	struct shell_name *name;

	spin_lock(&name_lock);
	name = find_name(text);
	if (name)
		rb_erase(&name->node, &names);
	spin_unlock(&name_lock);
	if (name)
		obj = no_free_ptr(name->obj);
	kfree(name);
	return_ptr(obj);
}

/* Return: whether there was one to remove. */
bool shell_name_remove_any(void)
{
	struct refobj *obj __free(refobj) = NULL;
	struct shell_name *name;

	spin_lock(&name_lock);
	name = rb_entry_safe(rb_first(&names), struct shell_name, node);
	if (name)
		rb_erase(&name->node, &names);
	spin_unlock(&name_lock);
	if (!name)
		return false;
	obj = no_free_ptr(name->obj);
	kfree(name);
	return true;
}

/* Callbacks have been waited for, and names change in nothing else. */
void shell_print_names(void)
{
	struct rb_node *node;

	shell_print("names");
	for (node = rb_first(&names); node; node = rb_next(node)) {
		struct shell_name *name = rb_entry(node, struct shell_name,
						   node);

		shell_print(" %s=%u", name->text, to_shell(name->obj)->serial);
	}
	shell_print("\n");
}
