/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of a collection ask of one another.  Part of internal.h. */
#ifndef _REFHEAP_ISLAND_H
#define _REFHEAP_ISLAND_H

/* judge.c */
struct refisland {
	struct refheap *heap;
	u32 first;		/* row; members are a ring through link[] */
	u64 members;
	u64 edges;		/* counted from members to members */
	u64 slots;		/* of members of silent types, not empty */
	bool edited;		/* slots were, since they were read */
	bool pinned;		/* each has a reference of the collector's */
	bool together;		/* all that has been seen: not a ring */
	bool early;		/* so, and others have not been seen yet */
	struct refchunk *failed; /* a member that spoiled the trial, or NULL */
	unsigned int failed_index;
};

bool refobj_acquire(struct refobj *obj, u64 *seen);
bool refisland_judge(struct refisland *island);
bool refisland_judge_seen(struct refisland *island);
bool refisland_condemn(struct refisland *island);
void refisland_revive(struct refisland *island);

/* candidate.c */
struct reftrace;

void refcandidate_stage(struct refheap *heap);
u64 refcandidate_take(struct reftrace *trace, enum refscope scope);
void refcandidate_park_touched(struct refheap *heap);
unsigned long refheap_edits(struct refheap *heap);
void refcandidate_settle(struct refheap *heap);
bool refcandidate_pending(const struct refheap *heap);

/* trace.c, root.c */
#define REFTRACE_CREDIT	4096		/* slots: see trace.c */
#define TRACE_YOUNG	REFWORD_FRESH	/* nobody had looked before */
#define TRACE_CHARGED	REFWORD_LEAF	/* expanded on the budget */
#define TRACE_TOUCHED	REFWORD_MARKED	/* a mutator marked it */
#define refheap_for_each_touched(heap, chunk, next) \
	for (chunk = (heap)->touched; \
	     chunk && (next = refchunk_next(chunk), true); \
	     chunk = next)
void reftrace_push(struct refheap *heap, struct refchunk *chunk,
		   unsigned int index);
void reftrace_roots(struct reftrace *trace, struct refchunk *chunk,
		    const unsigned long *rows, const unsigned long *touched,
		    const struct refchunk *next);
void reftrace_pause(struct reftrace *trace, unsigned int cost);
struct refheap *reftrace_heap(const struct reftrace *trace);
bool reftrace_pop(struct refheap *heap, struct refwalk *walk,
		  struct refchunk **chunk, unsigned int *index);
void reftrace_try_early(struct reftrace *trace);
u64 reftrace_run(struct refheap *heap, enum refscope scope, long *reclaimed);

/* excess.c */
void refexcess_suspect(struct refchunk *chunk, unsigned int index);
void refexcess_judge(struct refheap *heap);

/* suspect.c */
bool reftrace_find_suspects(struct refheap *heap);
void reftrace_spread_live(struct refheap *heap, u8 among);
void reftrace_forget(struct refheap *heap, unsigned int age);

/* island.c */
u64 refisland_divide(struct refheap *heap, bool revived);
long refisland_try_all(struct refheap *heap);
bool refisland_early_enough(const struct refheap *heap);
bool refisland_try_together(struct refheap *heap, bool early, long *reclaimed);

/*
 * The states of a suspect: ROW_SEEN; on trial, ROW_SEEN and ROW_MEMBER; then
 * ROW_SEEN and ROW_LIVE, or settled, that is ROW_MEMBER alone: dead, or
 * brought back for the finalizers and on trial once more.
 */
static inline bool row_settled(const struct refchunk *chunk, unsigned int index)
{
	return (READ_ONCE(chunk->state[index]) & (ROW_SEEN | ROW_MEMBER)) ==
	       ROW_MEMBER;
}

static inline bool row_on_trial(const struct refchunk *chunk,
				unsigned int index)
{
	u8 both = ROW_SEEN | ROW_MEMBER;

	return (chunk->state[index] & (both | ROW_LIVE)) == both;
}

static inline bool row_dead(const struct refchunk *chunk, unsigned int index)
{
	return refword_read(chunk_object(chunk, index)) & REFWORD_DEAD;
}

static inline bool row_doomed(const struct refchunk *chunk, unsigned int index)
{
	return row_settled(chunk, index) && row_dead(chunk, index);
}

static inline bool row_revived(const struct refchunk *chunk, unsigned int index)
{
	return row_settled(chunk, index) && !row_dead(chunk, index);
}

/* finalize.c */
bool refisland_unfinalized(struct refisland *island);
void refheap_finalize_members(struct refheap *heap);
void refisland_look_again(struct refisland *island);
u64 refisland_count_loose(struct refisland *island);

/* reclaim.c */
void refisland_doom(struct refisland *island);
void refisland_kill_weaks(struct refisland *island);
long refisland_reclaim(struct refheap *heap, u32 first);
long refisland_reclaim_together(struct refisland *island);

typedef void (*refmember_function)(struct refheap *heap,
				   struct refchunk *chunk, unsigned int index,
				   void *data);
void refisland_for_members(struct refheap *heap, u32 first,
			   refmember_function function, void *data);

#endif /* _REFHEAP_ISLAND_H */
