// SPDX-License-Identifier: GPL-2.0
/*
 * function: a C function as an object.
 *
 * In Python a function refers to the global names of its module, and the
 * module's names refer to the function: a cycle that nobody made on purpose.
 */
#include "pydict.h"

struct reftype *py_function_type;

static const struct reffield function_fields[] = {
	REFFIELD(struct py_function, name),
	REFFIELD(struct py_function, globals),
};

const struct reftype_desc py_function_desc = {
	REFTYPE(struct py_function, obj),
	REFTYPE_FIELDS(function_fields),
	.name = "function",
};

static struct py_function *to_function(const struct refobj *obj)
{
	return container_of(obj, struct py_function, obj);
}

struct refobj *py_function_new(const char *name, py_callee callee,
			       struct refobj *globals)
{
	struct refobj *obj __free(refobj) = refobj_alloc(py_function_type,
							 GFP_KERNEL);
	struct refobj *str __free(refobj) = py_str_new(name);
	struct py_function *function;

	if (!obj || !str)
		return NULL;
	function = to_function(obj);
	function->callee = callee;
	if (refslot_set(obj, &function->name, str) ||
	    refslot_set(obj, &function->globals, globals))
		return NULL;
	return_ptr(obj);
}

/* obj() */
struct refobj *py_function_call(const struct refobj *obj)
{
	struct py_function *function = to_function(obj);
	struct refobj *globals __free(refobj) =
		refslot_load(&function->globals);

	return function->callee(globals);
}

struct refobj *py_function_name(const struct refobj *obj)
{
	return refslot_load(&to_function(obj)->name);
}
