// SPDX-License-Identifier: GPL-2.0
/* Mutes: objects of types without any callback. */
#include "mute.h"

static unsigned long mute_value(const struct mute *mute)
{
	return (unsigned long)NODE_ALIVE ^ (unsigned long)mute;
}

struct reftype *mute_type(struct graph *g, const char *name)
{
	static const struct reffield fields[] = {
		REFFIELD(struct mute, slot),
	};
	const struct reftype_desc desc = {
		REFTYPE(struct mute, obj), .name = name,
		REFTYPE_FIELDS(fields),
	};
	struct reftype *type = refheap_register_type(g->heap, &desc);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(g->test, type);
	return type;
}

struct reftype *plain_type(struct graph *g)
{
	static const struct reftype_desc desc = {
		REFTYPE(struct plain, obj), .name = "plain",
	};
	struct reftype *type = refheap_register_type(g->heap, &desc);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(g->test, type);
	return type;
}

struct mute *mute_add(struct graph *g, struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);
	struct mute *mute;

	KUNIT_ASSERT_NOT_NULL(g->test, obj);
	mute = mute_of(obj);
	mute->value = mute_value(mute);
	return mute;
}

struct refobj *plain_add(struct graph *g, struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(g->test, obj);
	return obj;
}

bool mute_is_alive(const struct mute *mute)
{
	return READ_ONCE(mute->value) == mute_value(mute);
}

void mute_link(struct graph *g, struct mute *from, unsigned int i,
	       struct refobj *to)
{
	KUNIT_ASSERT_EQ(g->test, refslot_set(&from->obj, &from->slot[i], to),
			0);
}

void mute_give(struct graph *g, struct mute *from, unsigned int i,
	       struct refobj *ref)
{
	KUNIT_ASSERT_EQ(g->test, refslot_give(&from->obj, &from->slot[i], ref),
			0);
}

/* A new one, held by slot @i of @to alone. */
struct mute *mute_append(struct graph *g, struct mute *to, unsigned int i,
			 struct reftype *type)
{
	struct mute *mute = mute_add(g, type);

	mute_give(g, to, i, &mute->obj);
	return mute;
}

struct mute *mute_chain(struct graph *g, struct reftype *type, unsigned int n,
			struct mute **last)
{
	struct mute *head = mute_add(g, type), *tail = head;

	while (--n)
		tail = mute_append(g, tail, 0, type);
	if (last)
		*last = tail;
	return head;
}
