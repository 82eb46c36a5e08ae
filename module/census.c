// SPDX-License-Identifier: GPL-2.0
/*
 * A census: how many containers of each type and age there are.
 *
 * Nobody counts them as they come, go and grow older; they are counted when
 * somebody asks.
 */
#include <linux/mm.h>

#include "internal.h"

static void refcensus_count(struct refcensus *census,
			    const struct refchunk *chunk)
{
	unsigned int index;

	for (index = 0; index < REFROW_PER_CHUNK; index++)
		if (chunk_object(chunk, index))
			census->age[refrow_age(chunk, index)]++;
}

/*
 * Count the containers of the first @nr types of a heap.
 *
 * Context: process, may sleep.
 * Return: a census for each of them, for kvfree(), or NULL without memory.
 */
struct refcensus *refheap_census(struct refheap *heap, unsigned int nr)
{
	struct refcensus *census = kvcalloc(max(nr, 1U), sizeof(*census),
					    GFP_KERNEL | __GFP_NOWARN);
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;

	if (!census)
		return NULL;
	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		if (chunk->type->leaf || chunk->type->number >= nr)
			continue;
		refcensus_count(&census[chunk->type->number], chunk);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	return census;
}
