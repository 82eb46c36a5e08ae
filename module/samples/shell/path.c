// SPDX-License-Identifier: GPL-2.0
/*
 * Paths: a name, or # and the number of a held object, and then any number of
 * slots: "a", "a.0", "#17.3.0".
 */
#include <linux/string.h>

#include "shell.h"

/* A word's part up to the next dot becomes a string of its own. */
static const char *cut(char *part, size_t size, const char *from)
{
	size_t length = strcspn(from, ".");

	strscpy(part, from, min(size, length + 1));
	return from + length;
}

static struct refobj *find_root(const char *text)
{
	u32 serial;

	if (*text != '#')
		return shell_name_get(text);
	return shell_number(text + 1, U32_MAX, &serial) ? NULL :
	       shell_held(serial);
}

struct refslot *shell_resolve_slot(const struct refobj *owner, const char *word)
{
	u32 nr = shell_nr_slots(owner), i;

	if (shell_number(word, U32_MAX, &i))
		return NULL;
	if (i < nr)
		return shell_slot(owner, i);
	shell_refuse("no slot %u: object %u has %u", i,
		     to_shell(owner)->serial, nr);
	return NULL;
}

/* From an owner, whose reference ends here, to what its slot refers to. */
static struct refobj *step(struct refobj *from, const char *word)
{
	struct refobj *owner __free(refobj) = from;
	struct refslot *slot = shell_resolve_slot(owner, word);
	struct refobj *obj = slot ? refslot_load(slot) : NULL;

	if (slot && !obj)
		shell_refuse("slot %s of object %u is empty", word,
			     to_shell(owner)->serial);
	return obj;
}

/* Return: the object, counted, or NULL after a message. */
struct refobj *shell_resolve(const char *path)
{
	struct refobj *obj __free(refobj) = NULL;
	char part[SHELL_NAME_MAX + 2];
	const char *rest = cut(part, sizeof(part), path);

	obj = find_root(part);
	if (!obj)
		shell_refuse("'%s' refers to nothing", part);
	while (obj && *rest) {
		rest = cut(part, sizeof(part), rest + 1);
		obj = step(no_free_ptr(obj), part);
	}
	return_ptr(obj);
}
