// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that more slots refer to than their count says: somebody has put what
 * was not his.  Such an object is saturated, before the next put frees it under
 * the others.
 *
 * A trace only suspects it.  It reads slots some time after it has looked at
 * their owner; if that has died meanwhile, its memory, slots included, may be
 * another object's, which the trace reads as well, and so it meets one reference
 * twice.  What is suspected is counted again here, when the trace is over: by a
 * look at a row, at the slots of the object in it, and at the row again, for an
 * object leaves its row before its memory is used again.  If the word of the
 * object referred to has not changed meanwhile, all those references exist, each
 * in a slot of its own (judge.c, (1)).
 */
#include "internal.h"

struct refexcess {
	struct refvisitor visitor;
	const struct refobj *target;
	u64 edges;
};

/* Suspected, in a trace. The row stays a candidate, if there is no room. */
void refexcess_suspect(struct refchunk *chunk, unsigned int index)
{
	struct refheap *heap = chunk->heap;

	if (heap->nr_excess < ARRAY_SIZE(heap->excess))
		heap->excess[heap->nr_excess++] = chunk_place(chunk, index);
}

static void refexcess_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refexcess *excess = container_of(visitor, struct refexcess,
						visitor);

	excess->edges += READ_ONCE(slot->target) == excess->target;
}

/* How many slots of the object in a row refer to the target? */
static u64 refexcess_count(struct refwalk *walk, struct refchunk *chunk,
			   unsigned int index, const struct refobj *target)
{
	struct refexcess excess = {
		.visitor.slot = refexcess_slot,
		.target = target,
	};
	struct refobj *obj = chunk_object(chunk, index);

	if (!obj || refrow_walk(walk, chunk, index, &excess.visitor))
		return 0;
	/*
	 * Who has stored in a slot of a later object in that memory did so behind
	 * its coming to life.  Pairs with the smp_wmb() in refobj_init().
	 */
	smp_rmb();
	return chunk_object(chunk, index) == obj ? excess.edges : 0;
}

/* The same of all whose slots the trace has read. */
static u64 refexcess_count_all(struct refwalk *walk, struct refheap *heap,
			       const struct refobj *target)
{
	struct refchunk *chunk, *next;
	unsigned int index;
	u64 edges = 0;

	if (busted(FAULT_excess))
		return U64_MAX;
	refheap_for_each_touched(heap, chunk, next) {
		for (index = 0; index < REFROW_PER_CHUNK; index++)
			if (chunk->state[index] & ROW_EXPANDED)
				edges += refexcess_count(walk, chunk, index,
							 target);
		refwalk_pause(walk, 1);
	}
	return edges;
}

static void refexcess_judge_row(struct refheap *heap, unsigned long place)
{
	struct refchunk *chunk = place_chunk(place);
	unsigned int index = place_index(place);
	struct refobj *target;
	struct refwalk walk;
	u64 word, edges;

	refwalk_begin(&walk);
	target = chunk_object(chunk, index);
	/* Acquire: the slots are read after it. */
	word = target ? refword_read_acquire(target) : 0;
	if (refword_counted(word) && !(word & REFWORD_DEAD)) {
		edges = refexcess_count_all(&walk, heap, target);
		/* Fully ordered: the word is compared after the slots were read. */
		if (edges > refword_count(word) &&
		    chunk_object(chunk, index) == target &&
		    refobj_saturate(target, word))
			refobj_warn(target, "count is lower than the number of references");
	}
	refwalk_end(&walk);
}

/* When a trace is over: who was suspected rightly? */
void refexcess_judge(struct refheap *heap)
{
	while (heap->nr_excess)
		refexcess_judge_row(heap, heap->excess[--heap->nr_excess]);
}
