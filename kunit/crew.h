/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A crew of threads, one bound to each CPU, with random numbers that a seed
 * brings back. Hands report what they find wrong through the crew: a KUnit
 * test can only fail in its own thread.
 */
#ifndef REFHEAP_KUNIT_CREW_H
#define REFHEAP_KUNIT_CREW_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/prandom.h>
#include <linux/types.h>

struct crew;
struct graph;
struct kunit;
struct task_struct;

/**
 * struct hand - one thread of a crew
 * @crew: its crew
 * @number: 0 and up
 * @task: (crew) the thread
 * @rnd: its random numbers
 */
struct hand {
	struct crew *crew;
	unsigned int number;
	struct task_struct *task;
	struct rnd_state rnd;
};

/**
 * struct crew - the threads of one test
 * @g: what they work on
 * @data: for the test
 * @work: done once by each hand
 * @wrong: what the hands found wrong
 * @working: hands not yet done
 * @until: jiffies at which hands stop, wherever they are
 * @present: completed by each hand when it runs
 * @begin: completed when all hands are there
 * @hands: number of them
 * @hand: the hands
 */
struct crew {
	struct graph *g;
	void *data;
	void (*work)(struct hand *hand);
	atomic_t wrong;
	atomic_t working;
	unsigned long until;
	struct completion present;
	struct completion begin;
	unsigned int hands;
	struct hand hand[];
};

struct crew *crew_start(struct graph *g, void (*work)(struct hand *hand),
			void *data);
void crew_finish(struct crew *crew);

void crew_need_two_cpus(struct kunit *test);
unsigned int crew_rounds(void);
u64 crew_new_seed(void);

static inline bool crew_is_working(struct crew *crew)
{
	return atomic_read(&crew->working);
}

/* Asked in each round: where others want these CPUs too, fewer have to do. */
static inline bool hand_goes_on(const struct hand *hand)
{
	return time_before(jiffies, hand->crew->until);
}

static inline u32 hand_random(struct hand *hand, u32 below)
{
	return prandom_u32_state(&hand->rnd) % below;
}

#endif /* REFHEAP_KUNIT_CREW_H */
