// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: a heap's objects, a line each.
 *
 *   id type count flags age refers-to
 *
 * Walks the object table without a lock and without holding objects: what is
 * printed of an object was true at that moment, or belongs to the one that
 * took its place.  The position in the file is the row, so reading can stop
 * and go on anywhere.
 */
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "internal.h"

#define REFOBJECTS_REFERENTS	32	/* ids printed of one object */
#define REFOBJECTS_STRETCH	256	/* chunks looked through at a time */

struct refobjects {
	struct refheap *heap;
	struct refchunk *chunk;
	unsigned int index;
};

/* Find the first object at or behind *@pos - 1; called under RCU. */
static void *refobjects_find(struct refobjects *cursor, loff_t *pos)
{
	struct xarray *chunks = &cursor->heap->chunks;
	unsigned long number = (*pos - 1) >> REFROW_SHIFT;
	unsigned int index = (*pos - 1) & REFROW_INDEX, nr = 0;
	struct refchunk *chunk;

	for (chunk = xa_find(chunks, &number, ULONG_MAX, XA_PRESENT); chunk;
	     chunk = xa_find_after(chunks, &number, ULONG_MAX, XA_PRESENT)) {
		if (number != (*pos - 1) >> REFROW_SHIFT)
			index = 0;
		for (; index < REFROW_PER_CHUNK; index++) {
			if (!chunk_object(chunk, index))
				continue;
			cursor->chunk = chunk;
			cursor->index = index;
			*pos = ((loff_t)number << REFROW_SHIFT | index) + 1;
			return cursor;
		}
		if (++nr % REFOBJECTS_STRETCH)
			continue;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
	}
	return NULL;
}

static void *refobjects_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	struct refobjects *cursor = seq->private;

	rcu_read_lock();
	return *pos ? refobjects_find(cursor, pos) : SEQ_START_TOKEN;
}

static void *refobjects_next(struct seq_file *seq, void *at, loff_t *pos)
{
	++*pos;
	return refobjects_find(seq->private, pos);
}

static void refobjects_stop(struct seq_file *seq, void *at)
	__releases(RCU)
{
	rcu_read_unlock();
}

struct refreferents {
	struct refvisitor visitor;
	struct seq_file *seq;
	unsigned int nr;
};

static void refreferents_slot(struct refvisitor *visitor, struct refslot *slot)
{
	struct refreferents *referents = container_of(visitor,
						      struct refreferents,
						      visitor);
	struct refobj *target = READ_ONCE(slot->target);
	unsigned long place;

	if (!target || referents->nr++ >= REFOBJECTS_REFERENTS)
		return;
	/* An edge a moment ago: its header may be read, see chunk_object(). */
	place = READ_ONCE(target->place);
	seq_printf(referents->seq, " %u",
		   chunk_row(place_chunk(place), place_index(place)));
}

static void refobjects_show_referents(struct seq_file *seq, struct refobj *obj,
				      struct reftype *type)
{
	struct refreferents referents = {
		.visitor.slot = refreferents_slot,
		.seq = seq,
	};
	long at = refobj_walk(obj, type, 0, REFOBJECTS_REFERENTS,
			      &referents.visitor);

	if (at < 0)
		seq_puts(seq, " busy");
	else if (at > 0 || referents.nr > REFOBJECTS_REFERENTS)
		seq_puts(seq, " ...");
}

/* A letter each, as README.md explains them. */
static void refobjects_show_flags(struct seq_file *seq, u64 word)
{
	static const struct {
		u64 flag;
		char letter;
	} flags[] = {
		{ REFWORD_LEAF, 'l' },
		{ REFWORD_FRESH, 'f' },
		{ REFWORD_MARKED, 'm' },
		{ REFWORD_DEAD, 'd' },
		{ REFWORD_CONDEMNED, 'c' },
		{ REFWORD_WEAK, 'w' },
		{ REFWORD_FINALIZED, 'z' },
	};
	bool saturated = refword_saturated(word);
	unsigned int i;

	/* It says so, but is no candidate. */
	if (word & REFWORD_LEAF)
		word &= ~REFWORD_MARKED;
	if (!(word & (WORD_FLAGS | WORD_LIFE)) && !saturated)
		seq_putc(seq, '-');
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (word & flags[i].flag)
			seq_putc(seq, flags[i].letter);
	if (saturated)
		seq_putc(seq, refword_immortal(word) ? 'i' : 's');
}

static int refobjects_show(struct seq_file *seq, void *at)
{
	struct refobjects *cursor = seq->private;
	struct refchunk *chunk = cursor->chunk;
	struct refobj *obj;
	u64 word;

	if (at == SEQ_START_TOKEN) {
		seq_puts(seq, "id type count flags age refers-to\n");
		return 0;
	}
	obj = chunk_object(chunk, cursor->index);
	if (!obj)
		return SEQ_SKIP;
	/* Not condemned yet: what its slots lead to is not gone. */
	word = refword_read_acquire(obj);
	seq_printf(seq, "%u %s %u ", chunk_row(chunk, cursor->index),
		   chunk->type->desc.name,
		   refword_counted(word) ? refword_count(word) : 0);
	if (!chunk->type->desc.finalize)
		word &= ~REFWORD_FINALIZED;
	refobjects_show_flags(seq, word);
	seq_printf(seq, " %u", chunk->type->leaf ? 0 :
			       refrow_age(chunk, cursor->index));
	if (!(word & (REFWORD_LEAF | REFWORD_CONDEMNED | REFWORD_DEAD)))
		refobjects_show_referents(seq, obj, chunk->type);
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations refobjects_ops = {
	.start = refobjects_start,
	.next = refobjects_next,
	.stop = refobjects_stop,
	.show = refobjects_show,
};

static int refobjects_open(struct inode *inode, struct file *file)
{
	struct refobjects *cursor = __seq_open_private(file, &refobjects_ops,
						       sizeof(*cursor));

	if (!cursor)
		return -ENOMEM;
	cursor->heap = inode->i_private;
	return 0;
}

const struct file_operations refobjects_fops = {
	.owner = THIS_MODULE,
	.open = refobjects_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};
