// SPDX-License-Identifier: GPL-2.0
/*
 * Referents and referrers: the edges of one object, in both directions.
 */
#include <linux/sched.h>

#include "internal.h"

/* References found; the first @most of them counted, and the caller's. */
struct reffound {
	struct refobj **list;
	unsigned int most;
	long nr;
};

static void reffound_add(struct reffound *found, struct refobj *obj)
{
	if (found->nr < found->most)
		found->list[found->nr] = obj;
	found->nr++;
}

static bool reffound_wants(const struct reffound *found)
{
	return found->nr < found->most;
}

/* An incomplete answer is none. */
static void reffound_put(struct reffound *found)
{
	while (found->nr--)
		if (found->nr < found->most)
			refobj_put(found->list[found->nr]);
}

/* Of the dead there is nothing to tell, and their visit is over. */
static bool refobj_may_be_asked(const struct refobj *obj,
				struct refobj **list, unsigned int nr)
{
	if (refpointer_bad(obj) || (nr && refpointer_bad(list)))
		return false;
	if (refword_alive(refword_read(obj)))
		return true;
	refobj_warn(obj, "edges of a dead object asked for");
	return false;
}

struct refreferents {
	struct refvisitor visitor;
	struct reffound found;
};

/* The client's lock may be held: nothing is released here. */
static void refreferents_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refreferents *referents = container_of(visitor,
						      struct refreferents,
						      visitor);
	struct refobj *target = NULL;

	if (refslot_empty(slot))
		return;
	if (reffound_wants(&referents->found)) {
		target = refslot_load(slot);
		if (!target)
			return;
	}
	reffound_add(&referents->found, target);
}

/**
 * refobj_referents - what an object refers to
 * @obj: a held object
 * @list: filled with counted references, which the caller puts
 * @nr: length of @list; 0 to count only
 *
 * One for each slot that is not empty, in the order in which they are
 * declared or visited, and so some perhaps more than once.
 *
 * Context: process, may sleep.
 * Return: how many there are, which may be more than @nr; 0 for a leaf;
 * -EBUSY if &reftype_desc.visit could not report them, and -EINVAL with a
 * warning if @obj is dead; then @list holds none.
 */
long refobj_referents(struct refobj *obj, struct refobj **list,
		      unsigned int nr)
{
	struct refreferents referents = {
		.visitor.slot = refreferents_slot,
		.found = { .list = list, .most = nr },
	};
	struct reftype *type;
	long at = 0;

	might_sleep();
	if (!refobj_may_be_asked(obj, list, nr))
		return -EINVAL;
	type = refobj_type(obj);
	do {
		rcu_read_lock();
		at = refobj_walk(obj, type, at, 256, &referents.visitor);
		rcu_read_unlock();
		cond_resched();
	} while (at > 0);
	if (!at)
		return referents.found.nr;
	reffound_put(&referents.found);
	return -EBUSY;
}
EXPORT_SYMBOL_REFHEAP(refobj_referents);

struct refsearch {
	struct refvisitor visitor;
	const struct refobj *target;
	bool found;
};

static void refsearch_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refsearch *search = container_of(visitor, struct refsearch,
						visitor);

	if (READ_ONCE(slot->target) == search->target)
		search->found = true;
}

/* Return: 1 if the object in a row refers to @target, 0 if not, -EBUSY. */
static int refrow_refers(struct refwalk *walk, struct refchunk *chunk,
			 unsigned int index, const struct refobj *target)
{
	struct refsearch search = {
		.visitor.slot = refsearch_slot,
		.target = target,
	};
	int err;

	if (!chunk_object(chunk, index))
		return 0;
	err = refrow_walk(walk, chunk, index, &search.visitor);
	return err == -EBUSY ? err : search.found;
}

/*
 * Add the object in a row if it refers to @target: first looked at without
 * touching it, and then, held, once more.  A slot of a dead object may lead to
 * memory that has been used again, so that is asked for a mere count, too.
 */
static int refreferrers_row(struct reffound *found, struct refwalk *walk,
			    struct refchunk *chunk, unsigned int index,
			    const struct refobj *target)
{
	int refers = refrow_refers(walk, chunk, index, target);
	bool wanted = reffound_wants(found);
	struct refobj *owner;

	if (refers <= 0)
		return refers;
	owner = refrow_acquire(chunk, index);
	if (!owner)
		return 0;
	refers = refrow_refers(walk, chunk, index, target);
	if (refers > 0)
		reffound_add(found, owner);
	if (refers <= 0 || !wanted)
		/* No client code under RCU. */
		refobj_put_stranger(owner);
	return min(refers, 0);
}

static int refreferrers_chunk(struct reffound *found, struct refwalk *walk,
			      struct refchunk *chunk,
			      const struct refobj *target)
{
	unsigned int index;
	int err = 0;

	for (index = 0; index < REFROW_PER_CHUNK && !err; index++)
		err = refreferrers_row(found, walk, chunk, index, target);
	refwalk_pause(walk, REFROW_PER_CHUNK);
	return err;
}

/**
 * refobj_referrers - which objects of the heap refer to an object
 * @obj: a held object
 * @list: filled with counted references, which the caller puts
 * @nr: length of @list; 0 to count only
 *
 * Looks at the slots of every container of the heap.  Each referrer is
 * counted once, whatever the number of its slots that refer to @obj; those
 * that come or go meanwhile may or may not be.
 *
 * Context: process, may sleep.
 * Return: how many there are, which may be more than @nr; -EBUSY if some
 * &reftype_desc.visit could not report, so that the answer might not be
 * complete, and -EINVAL with a warning if @obj is dead; then @list holds none.
 */
long refobj_referrers(struct refobj *obj, struct refobj **list,
		      unsigned int nr)
{
	struct reffound found = { .list = list, .most = nr };
	struct refchunk *chunk;
	struct refwalk walk;
	struct refheap *heap;
	unsigned long number;
	int err = 0;

	might_sleep();
	if (!refobj_may_be_asked(obj, list, nr))
		return -EINVAL;
	heap = refobj_heap(obj);
	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf)
			continue;
		err = refreferrers_chunk(&found, &walk, chunk, obj);
		if (err)
			break;
	}
	refwalk_end(&walk);
	if (!err)
		return found.nr;
	reffound_put(&found);
	return err;
}
EXPORT_SYMBOL_REFHEAP(refobj_referrers);

/**
 * refobj_is_unique - is the caller's reference the only one?
 * @obj: an object to which the caller holds a counted reference
 *
 * If it is, nobody else can come to the object but by the caller's doing, so
 * that its payload may be changed without telling anyone, as before it was
 * first shared: no slot refers to it, no other pointer is held, and no weak
 * reference has ever been set to it.  Pointers that are borrowed under RCU
 * and enumerations (refheap_for_each(), debugfs) do not count: a client that
 * uses the former, or the latter for more than looking, has to exclude them.
 *
 * Acquire ordering if it is: what others did before they put their references
 * is seen.
 *
 * Context: any.
 * Return: true if the count is 1, and there never was a weak reference.
 */
bool refobj_is_unique(const struct refobj *obj)
{
	u64 word;

	if (refpointer_bad(obj))
		return false;
	word = refword_read_acquire(obj);
	return refword_count(word) == 1 && !(word & REFWORD_WEAK);
}
EXPORT_SYMBOL_REFHEAP(refobj_is_unique);
