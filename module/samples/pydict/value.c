// SPDX-License-Identifier: GPL-2.0
/*
 * int and str: objects that refer to nothing.
 *
 * A type without slots is a leaf.  It can be no part of a cycle, so the
 * collector never looks at it and counting it costs no more than a kref.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pydict.h"

struct py_int {
	struct refobj obj;
	long value;
};

struct reftype *py_int_type, *py_str_type;

const struct reftype_desc py_int_desc = {
	REFTYPE(struct py_int, obj),
	.name = "int",
};

struct refobj *py_int_new(long value)
{
	struct refobj *obj = refobj_alloc(py_int_type, GFP_KERNEL);

	if (obj)
		container_of(obj, struct py_int, obj)->value = value;
	return obj;
}

long py_int_value(const struct refobj *obj)
{
	return container_of(obj, struct py_int, obj)->value;
}

/*
 * The last words of a str.  A release callback is for what the heap does not
 * know of; slots need none.  The payload was zero at birth, so this is right
 * for a half-made str, too.
 */
static void py_str_release(struct refobj *obj)
{
	kfree(container_of(obj, struct py_str, obj)->text);
}

const struct reftype_desc py_str_desc = {
	REFTYPE(struct py_str, obj),
	.name = "str",
	.release = py_str_release,
};

u32 py_hash(const char *text)
{
	return jhash(text, strlen(text), 0);
}

struct refobj *py_str_new(const char *text)
{
	struct refobj *obj __free(refobj) = refobj_alloc(py_str_type,
							 GFP_KERNEL);
	struct py_str *str;

	if (!obj)
		return NULL;
	str = container_of(obj, struct py_str, obj);
	str->hash = py_hash(text);
	str->text = kstrdup(text, GFP_KERNEL);
	if (!str->text)
		return NULL;	/* obj leaves its scope and is put */
	return_ptr(obj);	/* obj leaves its scope and is handed on */
}

const char *py_str_text(const struct refobj *obj)
{
	return container_of(obj, struct py_str, obj)->text;
}

u32 py_str_hash(const struct refobj *obj)
{
	return container_of(obj, struct py_str, obj)->hash;
}
