/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mutes: objects of types without any callback, which end without a word. So
 * they cannot count their ends: the heap's statistics tell.
 */
#ifndef REFHEAP_KUNIT_MUTE_H
#define REFHEAP_KUNIT_MUTE_H

#include "graph.h"

#define MUTE_SLOTS 3

/**
 * struct mute - an object with slots whose type has no callback
 * @value: its address and a pattern, as long as it is what it was made
 * @obj: the heap's header
 * @slot: its slots
 */
struct mute {
	unsigned long value;
	struct refobj obj;
	struct refslot slot[MUTE_SLOTS];
};

/**
 * struct plain - an object without slots whose type has no callback
 * @value: anything
 * @obj: the heap's header
 */
struct plain {
	u64 value;
	struct refobj obj;
};

static inline struct mute *mute_of(struct refobj *obj)
{
	return container_of(obj, struct mute, obj);
}

static inline void mute_put(struct mute *mute)
{
	refobj_put(&mute->obj);
}

struct reftype *mute_type(struct graph *g, const char *name);
struct reftype *plain_type(struct graph *g);

struct mute *mute_add(struct graph *g, struct reftype *type);
struct refobj *plain_add(struct graph *g, struct reftype *type);
bool mute_is_alive(const struct mute *mute);
void mute_link(struct graph *g, struct mute *from, unsigned int i,
	       struct refobj *to);
void mute_give(struct graph *g, struct mute *from, unsigned int i,
	       struct refobj *ref);
struct mute *mute_append(struct graph *g, struct mute *to, unsigned int i,
			 struct reftype *type);
struct mute *mute_chain(struct graph *g, struct reftype *type, unsigned int n,
			struct mute **last);

#endif /* REFHEAP_KUNIT_MUTE_H */
