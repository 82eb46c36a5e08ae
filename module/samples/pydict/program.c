// SPDX-License-Identifier: GPL-2.0
/*
 * The program: each step is a statement of Python and what that is in C.
 *
 * A name is an entry of the dict of globals, which is a counted reference like
 * any other.  Only the globals themselves are held from outside of the heap,
 * by a pointer in main.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/printk.h>

#include "pydict.h"

#define REPR_SIZE	96

/* Print a name, its object, and the number of references to that. */
static void show_name(const struct refobj *name, const struct refobj *obj)
{
	char repr[REPR_SIZE];

	py_repr(repr, sizeof(repr), obj);
	/* One of the references is that of the caller, who is looking. */
	pr_info("        %-8s -> %s  count %u\n", py_str_text(name), repr,
		refobj_count(obj) - 1);
}

/* Print a statement that was executed, and what all names refer to now. */
static int did(const char *statement, int err, const struct refobj *globals)
{
	struct refobj *next_key, *next_value;
	size_t pos = 0;

	if (err) {
		pr_err(">>> %s: error %d\n", statement, err);
		return err;
	}
	pr_info(">>> %s\n", statement);
	while (py_dict_next(globals, &pos, &next_key, &next_value)) {
		struct refobj *name __free(refobj) = next_key;
		struct refobj *obj __free(refobj) = next_value;

		show_name(name, obj);
	}
	return 0;
}

/*
 * name = a new object.  The constructor's reference is passed on to here; the
 * name counts one of its own, and this one ends with its scope.
 */
static int assign_new(struct refobj *globals, const char *name,
		      struct refobj *new)
{
	struct refobj *obj __free(refobj) = new;

	return obj ? py_dict_set(globals, name, obj) : -ENOMEM;
}

/* name = other */
static int assign(struct refobj *globals, const char *name, const char *other)
{
	struct refobj *obj __free(refobj) = py_dict_get(globals, other);

	return obj ? py_dict_set(globals, name, obj) : -ENOENT;
}

/* name[key] = other */
static int set_item(struct refobj *globals, const char *name, const char *key,
		    const char *other)
{
	struct refobj *dict __free(refobj) = py_dict_get(globals, name);
	struct refobj *obj __free(refobj) = py_dict_get(globals, other);

	return dict && obj ? py_dict_set(dict, key, obj) : -ENOENT;
}

/* name.append(a new object) */
static int append_new(struct refobj *globals, const char *name,
		      struct refobj *new)
{
	struct refobj *obj __free(refobj) = new;
	struct refobj *list __free(refobj) = py_dict_get(globals, name);

	if (!obj)
		return -ENOMEM;
	return list ? py_list_append(list, obj) : -ENOENT;
}

/* An object lives as long as something refers to it, and no longer. */
static int names(struct refobj *g)
{
	int err;

	err = did("spam = 42", assign_new(g, "spam", py_int_new(42)), g);
	/* A second name: one object, two references. */
	err = err ?: did("eggs = []", assign_new(g, "eggs", py_list_new()), g);
	err = err ?: did("eggs.append('white')",
			 append_new(g, "eggs", py_str_new("white")), g);
	err = err ?: did("ham = eggs", assign(g, "ham", "eggs"), g);
	/* Reassignment: 42 is freed before the statement is over. */
	err = err ?: did("spam = 'lovely'",
			 assign_new(g, "spam", py_str_new("lovely")), g);
	err = err ?: did("del eggs", py_dict_del(g, "eggs"), g);
	/* The list's last name: it goes, and 'white' with it. */
	err = err ?: did("del ham", py_dict_del(g, "ham"), g);
	return err;
}

/* The body of the function below. */
static struct refobj *breakfast(struct refobj *globals)
{
	/* A local variable: gone, with what it alone refers to, at return. */
	struct refobj *menu __free(refobj) = py_list_new();
	struct refobj *spam __free(refobj) = py_dict_get(globals, "spam");

	if (!menu || !spam || py_list_append(menu, spam))
		return NULL;
	pr_info("        (in the function: menu -> ['lovely'], and 'lovely' has count %u)\n",
		refobj_count(spam) - 1);
	return py_list_get(menu, 0);
}

/* A function refers to its globals, and a global name to the function. */
static int scope(struct refobj *g)
{
	int err;

	err = did("def breakfast(): menu = [spam]; return menu[0]",
		  assign_new(g, "breakfast",
			     py_function_new("breakfast", breakfast, g)), g);
	if (!err) {
		struct refobj *f __free(refobj) = py_dict_get(g, "breakfast");

		err = f ? assign_new(g, "meal", py_function_call(f)) : -ENOENT;
	}
	err = did("meal = breakfast()", err, g);
	err = err ?: did("del spam", py_dict_del(g, "spam"), g);
	err = err ?: did("del meal", py_dict_del(g, "meal"), g);
	return err;
}

/* The program of the project's origin. */
static int origin(struct refobj *g)
{
	int err;

	err = did("obj_a = {}", assign_new(g, "obj_a", py_dict_new()), g);
	err = err ?: did("obj_b = {}",
			 assign_new(g, "obj_b", py_dict_new()), g);
	err = err ?: did("obj_a['b_ref'] = obj_b",
			 set_item(g, "obj_a", "b_ref", "obj_b"), g);
	err = err ?: did("obj_b['a_ref'] = obj_a",
			 set_item(g, "obj_b", "a_ref", "obj_a"), g);
	err = err ?: did("del obj_a", py_dict_del(g, "obj_a"), g);
	err = err ?: did("del obj_b", py_dict_del(g, "obj_b"), g);
	return err;
}

/* Is all that was made since there were @before objects gone again? */
static bool island_gone(struct refheap *heap, u64 before)
{
	struct refheap_stats stats;

	refheap_get_stats(heap, &stats);
	return stats.reclaimed && stats.objects <= before;
}

/*
 * No name leads to obj_a and obj_b, yet each keeps the other's count at one.
 * Nobody asks for a collection here: the heap's thread comes by itself.
 */
static int wait_for_thread(struct refheap *heap, u64 before,
			   unsigned int limit_ms)
{
	ktime_t since = ktime_get();
	struct refheap_stats stats;
	bool gone;
	s64 ms;
	int err;

	err = read_poll_timeout(island_gone, gone, gone, 5000,
				(u64)USEC_PER_MSEC * limit_ms, false, heap,
				before);
	if (err) {
		pr_err("the island was not reclaimed within %u ms\n", limit_ms);
		return err;
	}
	ms = ktime_ms_delta(ktime_get(), since);
	refheap_drain(heap);	/* the thread may still be adding up */
	refheap_get_stats(heap, &stats);
	pr_info("the heap's thread came after %lld ms and reclaimed %llu objects (two dicts,\n",
		ms, stats.reclaimed);
	pr_info("each with a table) as %llu island; their keys were released with them\n",
		stats.islands);
	return 0;
}

int py_program(struct refheap *heap, struct refobj *globals,
	       unsigned int limit_ms)
{
	struct refheap_stats before;
	int err = names(globals) ?: scope(globals);

	if (err)
		return err;
	refheap_get_stats(heap, &before);
	return origin(globals) ?:
	       wait_for_thread(heap, before.objects, limit_ms);
}
