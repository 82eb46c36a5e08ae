// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: threads that begin together, each on a CPU of its own.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/processor.h>
#include <linux/sched/task.h>

#include "bench.h"

#define TEAM_MOST 2

struct team;

struct member {
	struct team *team;
	void *data;
	struct task_struct *task;
	struct completion done;
	u64 ended;
};

struct team {
	void (*work)(void *data);
	unsigned int nr;
	atomic_t present;
	bool off;			/* somebody is missing */
	u64 began;
	struct member member[TEAM_MOST];
};

bool bench_two_cpus(const char *part)
{
	if (num_online_cpus() >= 2)
		return true;
	bench_note("%s: needs two CPUs, nothing was measured", part);
	return false;
}

/* They spin, as who was woken would come late. */
static int member_run(void *data)
{
	struct member *member = data;
	struct team *team = member->team;

	if (atomic_inc_return(&team->present) == team->nr)
		team->began = ktime_get_ns();
	while (atomic_read(&team->present) < team->nr && !READ_ONCE(team->off))
		cpu_relax();
	if (!READ_ONCE(team->off))
		team->work(member->data);
	member->ended = ktime_get_ns();
	complete(&member->done);
	return 0;
}

static bool member_create(struct member *member, unsigned int cpu)
{
	struct task_struct *task;

	task = kthread_create(member_run, member, "bench/%u", cpu);
	if (IS_ERR(task))
		return false;
	kthread_bind(task, cpu);
	init_completion(&member->done);
	get_task_struct(task);
	member->task = task;
	return true;
}

/* Return: when the last was done. */
static u64 team_finish(struct team *team)
{
	struct member *member;
	u64 ended = 0;

	for (member = team->member; member < team->member + team->nr; member++) {
		if (!member->task)
			continue;
		/* Who is stopped before it runs never does. */
		wait_for_completion(&member->done);
		kthread_stop(member->task);
		put_task_struct(member->task);
		ended = max(ended, member->ended);
	}
	return ended;
}

/*
 * Have so many threads, one or two, do the work, each with its own data.
 *
 * Return: nanoseconds from when all were there until the last was done.
 */
u64 bench_team(void (*work)(void *data), void *const *data, unsigned int nr)
{
	struct team team = { .work = work, .nr = nr };
	unsigned int cpu, i = 0;

	for_each_online_cpu(cpu) {
		if (i == nr)
			break;
		team.member[i].team = &team;
		team.member[i].data = data[i];
		if (!member_create(&team.member[i++], cpu)) {
			bench_failed("no memory for a thread");
			team.off = true;
		}
	}
	for (i = 0; i < nr; i++)
		if (team.member[i].task)
			wake_up_process(team.member[i].task);
	return team_finish(&team) - team.began;
}
