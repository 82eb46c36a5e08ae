// SPDX-License-Identifier: GPL-2.0
/* Objects that can be found: by names, by numbers, by other objects. */
#include "torture.h"

#define NAMES	16
#define KEYS	64

static struct torture_object *some_held(struct mutator *m)
{
	return m->held[mutator_random(m, MUTATOR_HANDS)];
}

static const char *some_name(struct mutator *m)
{
	static const char * const names[NAMES] = {
		"a", "b", "c", "d", "e", "f", "g", "h",
		"i", "j", "k", "l", "m", "n", "o", "p",
	};

	return names[mutator_random(m, NAMES)];
}

static void hold_found(struct mutator *m, struct refobj *obj)
{
	if (obj)
		mutator_hold(m, mutator_random(m, MUTATOR_HANDS), obj);
}

void named_bind(struct mutator *m)
{
	struct torture_object *object = some_held(m);
	int err;

	if (!object)
		return;
	err = refheap_bind(torture.heap, some_name(m), &object->obj);
	if (err && err != -ENOMEM)
		torture_wrong("a name could not be bound: %d", err);
}

void named_unbind(struct mutator *m)
{
	int err = refheap_unbind(torture.heap, some_name(m));

	if (err && err != -ENOENT)
		torture_wrong("a name could not be unbound: %d", err);
}

void named_look_up(struct mutator *m)
{
	hold_found(m, refheap_lookup(torture.heap, some_name(m)));
}

/* Weak references to what is about to be finalized are refused. */
static void check_mapped(int err)
{
	if (err && err != -ENOMEM && err != -ESTALE)
		torture_wrong("an object could not be mapped: %d", err);
}

void named_map(struct mutator *m)
{
	struct torture_object *object = some_held(m);

	if (object)
		check_mapped(refmap_set(torture.values, mutator_random(m, KEYS),
					&object->obj));
}

void named_unmap(struct mutator *m)
{
	refmap_remove(torture.values, mutator_random(m, KEYS));
}

void named_map_look_up(struct mutator *m)
{
	hold_found(m, refmap_lookup(torture.values, mutator_random(m, KEYS)));
}

void named_pair(struct mutator *m)
{
	struct torture_object *key = some_held(m), *value = some_held(m);

	if (key && value)
		check_mapped(refmap_set_obj(torture.keys, &key->obj,
					    &value->obj));
}

void named_pair_look_up(struct mutator *m)
{
	struct torture_object *key = some_held(m);

	if (key)
		hold_found(m, refmap_lookup_obj(torture.keys, &key->obj));
}

void named_forget_all(void)
{
	refheap_for_each_name(cursor, torture.heap)
		refheap_unbind(torture.heap, cursor.name);
	refmap_destroy(torture.values);
	refmap_destroy(torture.keys);
	torture.values = NULL;
	torture.keys = NULL;
}
