// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: refheap/heaps, and for each heap stats, types, ages, objects,
 * names, sites, garbage, control.
 *
 * Files for reading are 0444 or 0400 and control is write-only: under
 * lockdown anything else would be refused.  debugfs_remove() waits for
 * readers, so a file's heap is there as long as it is read.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "internal.h"

static struct dentry *refdebugfs_root;

static const char *refheap_state(const struct refheap *heap)
{
	if (READ_ONCE(heap->closing))
		return READ_ONCE(heap->zombie) ? "zombie" : "closing";
	return READ_ONCE(heap->stopped) ? "stopped" : "running";
}

static int heaps_show(struct seq_file *seq, void *unused)
{
	struct refheap_stats stats;
	struct refheap *heap;

	seq_printf(seq, "%-24s %12s %14s %12s %12s %s\n", "name", "objects",
		   "bytes", "collections", "reclaimed", "state");
	mutex_lock(&refheap_list_lock);
	list_for_each_entry(heap, &refheap_list, node) {
		refheap_get_stats(heap, &stats);
		seq_printf(seq, "%-24s %12llu %14llu %12llu %12llu %s\n",
			   heap->name, stats.objects, stats.bytes,
			   stats.collections, stats.reclaimed,
			   refheap_state(heap));
	}
	mutex_unlock(&refheap_list_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(heaps);

/* The object table's share of a heap's memory. */
static u64 refheap_table_bytes(struct refheap *heap)
{
	struct reftype *type;
	u64 bytes = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(type, &heap->types, node)
		bytes += READ_ONCE(type->nr_chunks) *
			 kmem_cache_size(type->leaf ? refchunk_leaf_cache :
						      refchunk_cache);
	rcu_read_unlock();
	return bytes;
}

/* A table of what stats shows: name, and where in struct refheap_stats. */
static const struct {
	const char *name;
	size_t offset;
} refstats[] = {
#define REFSTAT(member) { #member, offsetof(struct refheap_stats, member) }
	REFSTAT(objects),
	REFSTAT(bytes),
	REFSTAT(allocated),
	REFSTAT(freed),
	REFSTAT(collections),
	REFSTAT(full),
	REFSTAT(traced),
	REFSTAT(islands),
	REFSTAT(reclaimed),
	REFSTAT(kept),
	REFSTAT(rescued),
	REFSTAT(aborted),
	REFSTAT(deferred),
	REFSTAT(last_ns),
	REFSTAT(longest_ns),
#undef REFSTAT
};

static_assert(ARRAY_SIZE(refstats) * sizeof(u64) ==
	      sizeof(struct refheap_stats));

static int stats_show(struct seq_file *seq, void *unused)
{
	struct refheap *heap = seq->private;
	struct refheap_stats stats;
	unsigned int i;

	refheap_get_stats(heap, &stats);
	for (i = 0; i < ARRAY_SIZE(refstats); i++)
		seq_printf(seq, "%s %llu\n", refstats[i].name,
			   *(u64 *)((void *)&stats + refstats[i].offset));
	seq_printf(seq, "table_bytes %llu\n", refheap_table_bytes(heap));
	seq_printf(seq, "warnings %lld\n",
		   (s64)atomic64_read(&heap->warnings));
	seq_printf(seq, "unfinished %d\n", READ_ONCE(heap->unfinished));
	seq_printf(seq, "quarantined %u\n", READ_ONCE(heap->nr_quarantined));
	seq_printf(seq, "tracking %d\n", READ_ONCE(heap->tracking));
	seq_printf(seq, "save_all %d\n", READ_ONCE(heap->save_all));
	seq_printf(seq, "stopped %d\n", READ_ONCE(heap->stopped));
	seq_printf(seq, "period_ms %u\n", READ_ONCE(heap->params.period_ms));
	seq_printf(seq, "threshold %u\n", READ_ONCE(heap->params.threshold));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* A line for each age; that of the frozen ends after their number. */
static void ages_show_line(struct seq_file *seq, struct refheap *heap,
			   unsigned int age, u64 objects)
{
	unsigned int thresholds[REFHEAP_AGES], counts[REFHEAP_AGES];
	struct refheap_age_stats stats;

	if (refheap_get_age_stats(heap, age, &stats)) {
		seq_printf(seq, "%-6s %12llu\n", "frozen", objects);
		return;
	}
	refheap_get_thresholds(heap, thresholds);
	refheap_get_counts(heap, counts);
	seq_printf(seq, "%-6u %12llu %10u %10u %12llu %12llu %12llu %8llu %8llu %8llu %14llu %12llu %12llu\n",
		   age, objects, thresholds[age], counts[age],
		   stats.collections, stats.candidates, stats.reclaimed,
		   stats.kept, stats.rescued, stats.aborted, stats.total_ns,
		   stats.last_ns, stats.longest_ns);
}

static int ages_show(struct seq_file *seq, void *unused)
{
	struct refheap *heap = seq->private;
	unsigned int age, i, nr = READ_ONCE(heap->nr_types);
	struct refcensus *census = refheap_census(heap, nr);
	u64 objects;

	if (!census)
		return -ENOMEM;
	seq_printf(seq, "%-6s %12s %10s %10s %12s %12s %12s %8s %8s %8s %14s %12s %12s\n",
		   "age", "objects", "threshold", "count", "collections",
		   "candidates", "reclaimed", "kept", "rescued", "aborted",
		   "total_ns", "last_ns", "longest_ns");
	for (age = 0; age <= REFAGE_FROZEN; age++) {
		for (i = 0, objects = 0; i < nr; i++)
			objects += census[i].age[age];
		ages_show_line(seq, heap, age, objects);
	}
	kvfree(census);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ages);

static void types_show_line(struct seq_file *seq, const struct reftype *type,
			    const struct refcensus *census)
{
	unsigned int age;

	seq_printf(seq, "%-24s %10zu %12llu %14llu %14llu",
		   type->desc.name, type->desc.size, reftype_objects(type),
		   reftype_bytes(type), reftype_allocated(type));
	for (age = 0; age <= REFAGE_FROZEN; age++)
		seq_printf(seq, " %10llu", census->age[age]);
	seq_printf(seq, " %s\n", type->leaf ? "leaf" : "container");
}

static int types_show(struct seq_file *seq, void *unused)
{
	struct refheap *heap = seq->private;
	unsigned int nr = READ_ONCE(heap->nr_types);
	struct refcensus *census = refheap_census(heap, nr);
	struct reftype *type;

	if (!census)
		return -ENOMEM;
	seq_printf(seq, "%-24s %10s %12s %14s %14s %10s %10s %10s %10s %s\n",
		   "name", "size", "objects", "bytes", "allocated", "age0",
		   "age1", "age2", "frozen", "kind");
	mutex_lock(&heap->types_lock);
	list_for_each_entry(type, &heap->types, node)
		if (type->number < nr)
			types_show_line(seq, type, &census[type->number]);
	mutex_unlock(&heap->types_lock);
	kvfree(census);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(types);

/* Those in the garbage list, a line each; objects tells more of them. */
static void garbage_show_row(struct seq_file *seq, struct refheap *heap,
			     unsigned long row)
{
	struct refchunk *chunk = xa_load(&heap->chunks, row >> REFROW_SHIFT);
	struct refobj *obj;

	rcu_read_lock();
	obj = xa_load(&heap->garbage, row);
	if (obj)
		seq_printf(seq, "%lu %s %u\n", row, chunk->type->desc.name,
			   refobj_count(obj));
	rcu_read_unlock();
}

static int garbage_show(struct seq_file *seq, void *unused)
{
	struct refheap *heap = seq->private;
	struct refobj *obj;
	unsigned long row;

	seq_puts(seq, "id type count\n");
	xa_for_each(&heap->garbage, row, obj) {
		garbage_show_row(seq, heap, row);
		cond_resched();
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(garbage);

DEFINE_SHOW_ATTRIBUTE(refsites);

static void refdebugfs_add_dir(struct refheap *heap)
{
	debugfs_create_file("stats", 0444, heap->debugfs, heap, &stats_fops);
	debugfs_create_file("types", 0444, heap->debugfs, heap, &types_fops);
	debugfs_create_file("ages", 0444, heap->debugfs, heap, &ages_fops);
	debugfs_create_file("objects", 0400, heap->debugfs, heap,
			    &refobjects_fops);
	debugfs_create_file("names", 0400, heap->debugfs, heap, &refnames_fops);
	debugfs_create_file("sites", 0400, heap->debugfs, heap,
			    &refsites_fops);
	debugfs_create_file("garbage", 0400, heap->debugfs, heap,
			    &garbage_fops);
	debugfs_create_file("control", 0200, heap->debugfs, heap,
			    &refcontrol_fops);
}

/* A heap works without its folder: no error is passed on. */
void refdebugfs_add(struct refheap *heap)
{
	heap->debugfs = debugfs_create_dir(heap->name, refdebugfs_root);
	refdebugfs_add_dir(heap);
}

void refdebugfs_remove(struct refheap *heap)
{
	debugfs_remove_recursive(heap->debugfs);
	heap->debugfs = NULL;
}

int refdebugfs_init(void)
{
	refdebugfs_root = debugfs_create_dir("refheap", NULL);
	debugfs_create_file("heaps", 0444, refdebugfs_root, NULL, &heaps_fops);
	return 0;
}

void refdebugfs_exit(void)
{
	debugfs_remove_recursive(refdebugfs_root);
}
