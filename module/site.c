// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation sites: who made the objects that are alive.
 *
 * When a heap is asked to, it notes for every new object the stack of its
 * allocation, in the kernel's stack depot, and its handle in an array beside
 * the chunk of the object's row.  A heap that has never been asked pays
 * nothing; one that has been writes a zero where it no longer notes.
 *
 * The report groups what is alive by type and site, the largest group first.
 * Without sites it groups by type.
 */
#define pr_fmt(fmt) "refheap: " fmt

#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sort.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>

#include "internal.h"

#define REFSITE_FRAMES	16
#define REFSITE_SHIFT	12	/* groups told apart: see refsites_find() */
#define REFSITE_LOGGED	16	/* groups written to the log */

/* Is this address one of refheap's own functions?  Built in, nobody knows. */
static bool refsite_own(unsigned long frame)
{
#ifdef MODULE
	return within_module(frame, THIS_MODULE);
#else
	return false;
#endif
}

#if defined(CONFIG_STACKDEPOT) && defined(CONFIG_STACKTRACE)
/* The stack from the client's call on. */
static u32 refsite_save(gfp_t gfp)
{
	unsigned long frames[REFSITE_FRAMES];
	unsigned int nr, own = 0;

	nr = stack_trace_save(frames, ARRAY_SIZE(frames), 0);
	while (own < nr && refsite_own(frames[own]))
		own++;
	return stack_depot_save(frames + own, nr - own, gfp | __GFP_NOWARN);
}

/* Where the stack cannot be walked there is nothing to keep. */
static int refsite_init(void)
{
	unsigned long frame;
	int err = stack_depot_init();

	if (err)
		return err;
	if (!stack_trace_save(&frame, 1, 0))
		return -EOPNOTSUPP;
	return refsite_save(GFP_KERNEL) ? 0 : -ENOMEM;
}

static unsigned int refsite_fetch(u32 site, unsigned long **frames)
{
	return site ? stack_depot_fetch(site, frames) : 0;
}
#else
static int refsite_init(void)
{
	return -EOPNOTSUPP;
}

static u32 refsite_save(gfp_t gfp)
{
	return 0;
}

static unsigned int refsite_fetch(u32 site, unsigned long **frames)
{
	return 0;
}
#endif

/* The sites of a chunk, made when the first one is noted. */
static u32 *refchunk_sites(struct refchunk *chunk, gfp_t gfp)
{
	u32 *sites = READ_ONCE(chunk->sites), *other;

	if (sites)
		return sites;
	sites = kcalloc(REFROW_PER_CHUNK, sizeof(*sites), gfp | __GFP_NOWARN);
	/* Pairs with the dependent loads of those who read it. */
	other = sites ? cmpxchg(&chunk->sites, NULL, sites) : NULL;
	if (!other)
		return sites;
	kfree(sites);
	return other;
}

/* Note where an object is allocated, as far as there is memory for that. */
void refsite_note(unsigned long place, gfp_t gfp)
{
	struct refchunk *chunk = place_chunk(place);
	u32 *sites = READ_ONCE(chunk->sites), site = 0;

	if (READ_ONCE(chunk->heap->tracking)) {
		site = refsite_save(gfp);
		sites = refchunk_sites(chunk, gfp);
	}
	if (sites)
		WRITE_ONCE(sites[place_index(place)], site);
}

/**
 * refheap_track_sites - note where objects are allocated, or no more
 * @heap: a heap
 * @track: whether to
 *
 * Costs each allocation a walk of the stack.  Objects that are there already
 * have no site.  See also %REFHEAP_TRACK_SITES.
 *
 * Context: process, may sleep.
 * Return: 0, -EOPNOTSUPP if the kernel has no stack depot or cannot walk the
 * stack, -ENOMEM.
 */
int refheap_track_sites(struct refheap *heap, bool track)
{
	int err;

	if (refpointer_bad(heap))
		return -EINVAL;
	err = track ? refsite_init() : 0;
	if (err)
		return err;
	/* What is allocated without a site must not inherit one. */
	if (track)
		WRITE_ONCE(heap->careful, true);
	WRITE_ONCE(heap->tracking, track);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_track_sites);

/* Objects of one type that were allocated at one place. */
struct refsite_group {
	const struct reftype *type;	/* NULL: of none yet */
	u32 site;			/* 0: unknown */
	u64 objects;
};

/* A hash table of groups; afterwards an array, the largest first. */
struct refsites {
	unsigned int nr;
	struct refsite_group group[1 << REFSITE_SHIFT];
};

/* When the table is nearly full, sites are no longer told apart. */
static struct refsite_group *refsites_find(struct refsites *sites,
					   const struct reftype *type,
					   u32 site)
{
	const unsigned int size = ARRAY_SIZE(sites->group);
	struct refsite_group *group;
	u64 key;
	u32 i;

	if (sites->nr > size / 2)
		site = 0;
	key = (u64)site << 32 | type->number;
	for (i = hash_64(key, REFSITE_SHIFT);; i = (i + 1) % size) {
		group = &sites->group[i];
		if (group->type == type && group->site == site)
			return group;
		if (!group->type)
			break;
	}
	/* A place is left over for a type that comes when all are taken. */
	if (sites->nr < size - 1) {
		sites->nr++;
		group->type = type;
		group->site = site;
	}
	return group;
}

static const char *refsite_name(const struct refsite_group *group)
{
	return group->type ? group->type->desc.name : "(others)";
}

static void refsites_count(struct refsites *sites, struct refchunk *chunk)
{
	u32 *noted = READ_ONCE(chunk->sites);
	unsigned int index;

	for (index = 0; index < REFROW_PER_CHUNK; index++)
		if (chunk_object(chunk, index))
			refsites_find(sites, chunk->type, noted ?
				      READ_ONCE(noted[index]) : 0)->objects++;
}

static int refsites_compare(const void *a, const void *b)
{
	const struct refsite_group *one = a, *two = b;

	if (one->objects == two->objects)
		return 0;
	return one->objects > two->objects ? -1 : 1;
}

static struct refsites *refheap_sites(struct refheap *heap)
{
	struct refsites *sites = kvzalloc(sizeof(*sites),
					  GFP_KERNEL | __GFP_NOWARN);
	struct refchunk *chunk;
	struct refwalk walk;
	unsigned long number;

	if (!sites)
		return NULL;
	refwalk_begin(&walk);
	xa_for_each(&heap->chunks, number, chunk) {
		refsites_count(sites, chunk);
		refwalk_pause(&walk, REFROW_PER_CHUNK);
	}
	refwalk_end(&walk);
	sort(sites->group, ARRAY_SIZE(sites->group), sizeof(*sites->group),
	     refsites_compare, NULL);
	return sites;
}

static void refsites_show_group(struct seq_file *seq,
				const struct refsite_group *group)
{
	unsigned long *frames;
	unsigned int i, nr;

	seq_printf(seq, "%llu %s%s\n", group->objects, refsite_name(group),
		   group->site ? "" : " (site unknown)");
	nr = refsite_fetch(group->site, &frames);
	for (i = 0; i < nr; i++)
		seq_printf(seq, "  %pS\n", (void *)frames[i]);
}

/* debugfs: all groups, each with its stack; the table may be full. */
int refsites_show(struct seq_file *seq, void *unused)
{
	struct refsites *sites = refheap_sites(seq->private);
	unsigned int i;

	if (!sites)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(sites->group) && sites->group[i].objects; i++)
		refsites_show_group(seq, &sites->group[i]);
	kvfree(sites);
	return 0;
}

static void refsite_log_group(const struct refheap *heap,
			      const struct refsite_group *group)
{
	unsigned long *frames;
	unsigned int i, nr;

	pr_info("%s/%s: %llu objects alive%s\n", heap->name,
		refsite_name(group), group->objects,
		group->site ? ", allocated at" : "");
	nr = refsite_fetch(group->site, &frames);
	for (i = 0; i < nr; i++)
		pr_info("  %pS\n", (void *)frames[i]);
}

/**
 * refheap_report - write to the log what is alive
 * @heap: a heap
 *
 * The objects grouped by type and, where it is known, allocation site, the
 * largest groups first and not more than 16 of them.
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int refheap_report(struct refheap *heap)
{
	struct refsites *sites;
	unsigned int i;

	if (refpointer_bad(heap))
		return -EINVAL;
	sites = refheap_sites(heap);
	if (!sites)
		return -ENOMEM;
	if (!sites->nr)
		pr_info("%s: no object is alive\n", heap->name);
	for (i = 0; i < REFSITE_LOGGED && sites->group[i].objects; i++)
		refsite_log_group(heap, &sites->group[i]);
	if (sites->group[i].objects)
		pr_info("%s: %u groups in all, see the file sites\n",
			heap->name, sites->nr);
	kvfree(sites);
	return 0;
}
EXPORT_SYMBOL_REFHEAP(refheap_report);
