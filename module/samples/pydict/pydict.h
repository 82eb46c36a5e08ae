/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Python's objects on a refheap.
 *
 * Everything is an object: its structure begins with a struct refobj, and the
 * rest of this module passes it around as a struct refobj pointer, as CPython
 * does with PyObject.
 *
 *  int, str	value.c		leaves: no slots, nothing to visit
 *  table	table.c		an array of slots; the inside of list and dict
 *  list, dict	list.c, dict.c	containers that grow
 *  function	function.c	a C function that refers to its globals
 *
 * Who owns what
 * =============
 *
 * A function that returns an object returns a counted reference that is the
 * caller's.  py_list_append(), py_dict_set() and the constructors count one of
 * their own for what they are given; the caller keeps his.
 *
 * Locking
 * =======
 *
 * The objects have no locks: the program (program.c) is one thread, as if it
 * held Python's interpreter lock.  With more threads a lock would be needed
 * around the bookkeeping of a container (its size, which key is where), but
 * not against the collector: it reads slots while they are being changed.
 */
#ifndef _PYDICT_H
#define _PYDICT_H

#include <refheap.h>
#include <linux/types.h>

/* A str's bytes are outside the object, so that all strs have one size. */
struct py_str {
	struct refobj obj;
	u32 hash;
	const char *text;
};

/* An array of slots: its length is chosen when it is allocated, for good. */
struct py_table {
	struct refobj obj;
	struct refarray *slots;
};

/* Grows by replacing the table. */
struct py_list {
	struct refobj obj;
	struct refslot table;
	size_t length;
};

/* Entry i has its key in slot 2i of the table and its value in 2i + 1. */
struct py_dict {
	struct refobj obj;
	struct refslot table;
	size_t used;
};

typedef struct refobj *(*py_callee)(struct refobj *globals);

struct py_function {
	struct refobj obj;
	struct refslot name;
	struct refslot globals;
	py_callee callee;
};

/* What main.c registers, and the types that it gets. */
extern const struct reftype_desc py_int_desc, py_str_desc, py_table_desc;
extern const struct reftype_desc py_list_desc, py_dict_desc, py_function_desc;
extern struct reftype *py_int_type, *py_str_type, *py_table_type;
extern struct reftype *py_list_type, *py_dict_type, *py_function_type;

/* value.c */
struct refobj *py_int_new(long value);
long py_int_value(const struct refobj *obj);
struct refobj *py_str_new(const char *text);
const char *py_str_text(const struct refobj *obj);
u32 py_str_hash(const struct refobj *obj);
u32 py_hash(const char *text);

/* table.c */
struct refobj *py_table_new(size_t length);
size_t py_table_length(const struct refobj *table);
struct refslot *py_table_slot(const struct refobj *table, size_t i);

/* list.c */
struct refobj *py_list_new(void);
size_t py_list_length(const struct refobj *obj);
int py_list_append(struct refobj *obj, struct refobj *value);
struct refobj *py_list_get(const struct refobj *obj, size_t i);

/* dict.c */
struct refobj *py_dict_new(void);
int py_dict_set(struct refobj *obj, const char *key, struct refobj *value);
struct refobj *py_dict_get(const struct refobj *obj, const char *key);
int py_dict_del(struct refobj *obj, const char *key);
bool py_dict_next(const struct refobj *obj, size_t *pos, struct refobj **key,
		  struct refobj **value);

/* function.c */
struct refobj *py_function_new(const char *name, py_callee callee,
			       struct refobj *globals);
struct refobj *py_function_call(const struct refobj *obj);
struct refobj *py_function_name(const struct refobj *obj);

/* repr.c */
size_t py_repr(char *buf, size_t size, const struct refobj *obj);

/* program.c */
int py_program(struct refheap *heap, struct refobj *globals,
	       unsigned int limit_ms);

#endif /* _PYDICT_H */
