// SPDX-License-Identifier: GPL-2.0
/*
 * What an object looks like, in Python's notation.  Containers inside of
 * containers are dots: cycles would have no end, and recursion is not for the
 * kernel's stack.
 */
#include <linux/kernel.h>

#include "pydict.h"

/* One that is not a container. */
static size_t repr_plain(char *buf, size_t size, const struct refobj *obj)
{
	struct reftype *type = refobj_type(obj);

	if (type == py_int_type)
		return scnprintf(buf, size, "%ld", py_int_value(obj));
	if (type == py_str_type)
		return scnprintf(buf, size, "'%s'", py_str_text(obj));
	if (type == py_function_type) {
		struct refobj *name __free(refobj) = py_function_name(obj);

		return scnprintf(buf, size, "<function %s>", py_str_text(name));
	}
	if (type == py_list_type)
		return scnprintf(buf, size, "[...]");
	return scnprintf(buf, size, "{...}");
}

static size_t repr_list(char *buf, size_t size, const struct refobj *obj)
{
	size_t i, at = scnprintf(buf, size, "[");

	for (i = 0; i < py_list_length(obj); i++) {
		struct refobj *item __free(refobj) = py_list_get(obj, i);

		at += scnprintf(buf + at, size - at, i ? ", " : "");
		at += repr_plain(buf + at, size - at, item);
	}
	return at + scnprintf(buf + at, size - at, "]");
}

static size_t repr_dict(char *buf, size_t size, const struct refobj *obj)
{
	size_t pos = 0, at = scnprintf(buf, size, "{");
	struct refobj *next_key, *next_value;
	const char *comma = "";

	while (py_dict_next(obj, &pos, &next_key, &next_value)) {
		struct refobj *key __free(refobj) = next_key;
		struct refobj *value __free(refobj) = next_value;

		at += scnprintf(buf + at, size - at, "%s'%s': ", comma,
				py_str_text(key));
		at += repr_plain(buf + at, size - at, value);
		comma = ", ";
	}
	return at + scnprintf(buf + at, size - at, "}");
}

size_t py_repr(char *buf, size_t size, const struct refobj *obj)
{
	struct reftype *type = refobj_type(obj);

	if (type == py_list_type)
		return repr_list(buf, size, obj);
	if (type == py_dict_type)
		return repr_dict(buf, size, obj);
	return repr_plain(buf, size, obj);
}
