// SPDX-License-Identifier: GPL-2.0
/*
 * A module that runs a small Python program on a heap of its own, and keeps
 * the heap until it is unloaded: look at it in
 * /sys/kernel/debug/refheap/pydict/.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "pydict.h"

static unsigned int limit_ms = 10000;
module_param(limit_ms, uint, 0444);
MODULE_PARM_DESC(limit_ms, "how long the heap's thread may take to reclaim the cycle, 0: no limit");

#define PERIOD_MS	200

static struct refheap *heap;
static struct refobj *globals;	/* the one reference from outside */

static const struct {
	const struct reftype_desc *desc;
	struct reftype **type;
} types[] = {
	{ &py_int_desc, &py_int_type },
	{ &py_str_desc, &py_str_type },
	{ &py_table_desc, &py_table_type },
	{ &py_list_desc, &py_list_type },
	{ &py_dict_desc, &py_dict_type },
	{ &py_function_desc, &py_function_type },
};

static int register_types(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct reftype *type = refheap_register_type(heap,
							     types[i].desc);

		if (IS_ERR(type))
			return PTR_ERR(type);
		*types[i].type = type;
	}
	return 0;
}

static int run(void)
{
	int err = register_types();

	if (err)
		return err;
	globals = py_dict_new();
	return globals ? py_program(heap, globals, limit_ms) : -ENOMEM;
}

/*
 * When the last pointer from outside is gone, what remains are the globals
 * and the function that refers back to them.  refheap_destroy() reclaims such
 * islands, and waits for callbacks that still run this module's code.
 */
static void clean_up(void)
{
	refobj_assign(globals, NULL);
	refheap_destroy(heap);
}

static int __init pydict_init(void)
{
	static const struct refheap_params params = { .period_ms = PERIOD_MS };
	int err;

	heap = refheap_create("pydict", &params);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = run();
	if (err)
		clean_up();
	return err;
}
module_init(pydict_init);

static void __exit pydict_exit(void)
{
	clean_up();
}
module_exit(pydict_exit);

MODULE_DESCRIPTION("Python's objects on a refheap");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
