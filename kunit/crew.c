// SPDX-License-Identifier: GPL-2.0
/* A crew of threads, one bound to each CPU. */
#include "crew.h"
#include "graph.h"

#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sched/task.h>

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Of the random numbers, 0: another one each time");

static unsigned int rounds;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "Of each concurrent test's threads, 0: what suits");

/* A test of KUnit's is given 300 seconds. */
#define CREW_SECONDS 60

/* Checked memory is hundreds of times slower. */
unsigned int crew_rounds(void)
{
	if (rounds)
		return rounds;
	return IS_ENABLED(CONFIG_KASAN) ? 4000 : 100000;
}

u64 crew_new_seed(void)
{
	return seed ?: get_random_u64();
}

void crew_need_two_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
}

static int hand_thread(void *data)
{
	struct hand *hand = data;

	complete(&hand->crew->present);
	wait_for_completion(&hand->crew->begin);
	hand->crew->work(hand);
	atomic_dec(&hand->crew->working);
	return 0;
}

static int crew_hire(struct crew *crew, unsigned int cpu, u64 crew_seed)
{
	struct hand *hand = &crew->hand[crew->hands];
	struct task_struct *task;

	task = kthread_create(hand_thread, hand, "refheap-hand/%u", cpu);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	hand->crew = crew;
	hand->number = crew->hands++;
	hand->task = get_task_struct(task);
	prandom_seed_state(&hand->rnd, crew_seed + hand->number);
	atomic_inc(&crew->working);
	wake_up_process(task);
	return 0;
}

/* Whoever starts a crew must not assert before crew_finish(). */
struct crew *crew_start(struct graph *g, void (*work)(struct hand *hand),
			void *data)
{
	u64 crew_seed = crew_new_seed();
	struct crew *crew;
	unsigned int cpu, i;

	crew = kunit_kzalloc(g->test, struct_size(crew, hand, nr_cpu_ids),
			     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, crew);
	crew->g = g;
	crew->work = work;
	crew->data = data;
	init_completion(&crew->present);
	init_completion(&crew->begin);
	cpus_read_lock();
	for_each_online_cpu(cpu)
		if (crew_hire(crew, cpu, crew_seed))
			break;
	cpus_read_unlock();
	kunit_info(g->test, "seed=%llu rounds=%u, %u threads\n", crew_seed,
		   crew_rounds(), crew->hands);
	/* A thread that is stopped before it ran would not run at all. */
	for (i = 0; i < crew->hands; i++)
		wait_for_completion(&crew->present);
	crew->until = jiffies + (rounds ? MAX_JIFFY_OFFSET : CREW_SECONDS * HZ);
	complete_all(&crew->begin);
	return crew;
}

void crew_finish(struct crew *crew)
{
	struct kunit *test = crew->g->test;
	unsigned int i;

	for (i = 0; i < crew->hands; i++) {
		kthread_stop(crew->hand[i].task);
		put_task_struct(crew->hand[i].task);
	}
	KUNIT_EXPECT_GT(test, crew->hands, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crew->wrong), 0);
}
