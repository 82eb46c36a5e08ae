// SPDX-License-Identifier: GPL-2.0
/*
 * On every CPU four mutators: a thread, which also goes where it must not
 * sleep, a timer's softirq, a timer's hardirq and an irq_work. The interrupts
 * take as much time as their mutators need, but not all of it.
 */
#include "torture.h"

#include <linux/bottom_half.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/*
 * Of its time, a timer takes at most one part in so many: those of a CPU that
 * has gone come to another, and the heap's thread has to do the rest.
 */
#define TIMER_SHARE	16
#define TIMER_LEAST_NS	(200 * NSEC_PER_USEC)
#define WORK_EVERY	16

/**
 * struct torture_cpu - the mutators of a CPU
 * @cpu: its number
 * @task: the thread
 * @by_task: its mutator
 * @by_softirq: that of @soft
 * @by_hardirq: that of @hard
 * @by_work: that of @work
 * @soft: a timer whose handler runs in softirq context
 * @hard: one whose handler runs in hardirq context
 * @work: queued by the thread
 */
struct torture_cpu {
	unsigned int cpu;
	struct task_struct *task;
	struct mutator *by_task;
	struct mutator *by_softirq;
	struct mutator *by_hardirq;
	struct mutator *by_work;
	struct hrtimer soft;
	struct hrtimer hard;
	struct irq_work work;
};

static struct torture_cpu *torture_cpus;
static unsigned int nr_torture_cpus;

/*
 * May memory be allocated where not even a spinlock_t may be taken? Not on
 * PREEMPT_RT, nor where a kernel checks what would be illegal there.
 */
bool context_may_use_slab(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) &&
	       !IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING);
}

static unsigned int may_when_raw(void)
{
	return context_may_use_slab() ? NEEDS_SLAB : 0;
}

/* --- the thread --------------------------------------------------------- */

static void step_with_preemption_off(struct mutator *m)
{
	preempt_disable();
	mutator_step(m, CONTEXT_ATOMIC, may_when_raw());
	preempt_enable();
}

static void step_with_interrupts_off(struct mutator *m)
{
	unsigned long flags;

	local_irq_save(flags);
	mutator_step(m, CONTEXT_ATOMIC, may_when_raw());
	local_irq_restore(flags);
}

static void step_with_softirqs_off(struct mutator *m)
{
	local_bh_disable();
	mutator_step(m, CONTEXT_ATOMIC, NEEDS_SLAB);
	local_bh_enable();
}

static void step_as_reader(struct mutator *m)
{
	rcu_read_lock();
	mutator_step(m, CONTEXT_ATOMIC, NEEDS_SLAB);
	rcu_read_unlock();
}

static void step_under_spinlock(struct mutator *m)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	mutator_step(m, CONTEXT_ATOMIC, NEEDS_SLAB);
	spin_unlock(&lock);
}

static void step_under_raw_spinlock(struct mutator *m)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	mutator_step(m, CONTEXT_ATOMIC, may_when_raw());
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void step_where_it_may_sleep(struct mutator *m)
{
	mutator_step(m, CONTEXT_TASK, NEEDS_SLAB | NEEDS_SLEEP);
}

static void (* const task_steps[])(struct mutator *m) = {
	step_where_it_may_sleep,
	step_with_preemption_off,
	step_with_interrupts_off,
	step_with_softirqs_off,
	step_as_reader,
	step_under_spinlock,
	step_under_raw_spinlock,
};

static void task_step(struct mutator *m)
{
	unsigned int i = mutator_random(m, 2 * ARRAY_SIZE(task_steps));

	task_steps[i < ARRAY_SIZE(task_steps) ? i : 0](m);
}

static int context_thread(void *data)
{
	struct torture_cpu *cpu = data;
	unsigned int n = 0;

	hrtimer_start(&cpu->soft, TIMER_LEAST_NS, HRTIMER_MODE_REL_PINNED_SOFT);
	hrtimer_start(&cpu->hard, TIMER_LEAST_NS, HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		task_step(cpu->by_task);
		if (!(++n % WORK_EVERY))
			irq_work_queue(&cpu->work);
		cond_resched();
	}
	return 0;
}

/* --- interrupts --------------------------------------------------------- */

static enum hrtimer_restart timer_steps(struct hrtimer *timer,
					struct mutator *m,
					enum torture_context context,
					unsigned int may)
{
	u64 start = ktime_get_ns(), took;
	unsigned int n = 1 + mutator_random(m, 8);

	if (torture_is_stopping())
		return HRTIMER_NORESTART;
	while (n--)
		mutator_step(m, context, may);
	took = ktime_get_ns() - start;
	hrtimer_forward_now(timer, ns_to_ktime(max_t(u64, TIMER_LEAST_NS,
						     TIMER_SHARE * took)));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart soft_expired(struct hrtimer *timer)
{
	struct torture_cpu *cpu = container_of(timer, struct torture_cpu, soft);

	return timer_steps(timer, cpu->by_softirq, CONTEXT_SOFTIRQ, NEEDS_SLAB);
}

static enum hrtimer_restart hard_expired(struct hrtimer *timer)
{
	struct torture_cpu *cpu = container_of(timer, struct torture_cpu, hard);

	return timer_steps(timer, cpu->by_hardirq, CONTEXT_HARDIRQ,
			   may_when_raw());
}

static void work_steps(struct irq_work *work)
{
	struct torture_cpu *cpu = container_of(work, struct torture_cpu, work);

	mutator_step(cpu->by_work, CONTEXT_IRQ_WORK, may_when_raw());
}

/* --- all of them -------------------------------------------------------- */

static void context_init_interrupts(struct torture_cpu *cpu)
{
	hrtimer_init(&cpu->soft, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_SOFT);
	cpu->soft.function = soft_expired;
	hrtimer_init(&cpu->hard, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	cpu->hard.function = hard_expired;
	cpu->work = IRQ_WORK_INIT_HARD(work_steps);
}

static int context_start_cpu(struct torture_cpu *cpu, unsigned int nr, u64 seed)
{
	struct task_struct *task;

	cpu->cpu = nr;
	cpu->by_task = mutator_create(seed);
	cpu->by_softirq = mutator_create(seed);
	cpu->by_hardirq = mutator_create(seed);
	cpu->by_work = mutator_create(seed);
	if (!cpu->by_task || !cpu->by_softirq || !cpu->by_hardirq ||
	    !cpu->by_work)
		return -ENOMEM;
	context_init_interrupts(cpu);
	task = kthread_create(context_thread, cpu, "refheap-torture/%u", nr);
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* Not bound for good: its CPU may go and come back. */
	set_cpus_allowed_ptr(task, cpumask_of(nr));
	cpu->task = task;
	return 0;
}

static void context_free(void)
{
	kfree(torture_cpus);
	torture_cpus = NULL;
	nr_torture_cpus = 0;
}

int context_start(u64 seed)
{
	unsigned int cpu, i;
	int err = 0;

	torture_cpus = kcalloc(nr_cpu_ids, sizeof(*torture_cpus), GFP_KERNEL);
	if (!torture_cpus)
		return -ENOMEM;
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = context_start_cpu(&torture_cpus[nr_torture_cpus], cpu,
					seed);
		if (err)
			break;
		nr_torture_cpus++;
	}
	cpus_read_unlock();
	if (err) {
		context_stop();
		return err;
	}
	for (i = 0; i < nr_torture_cpus; i++)
		wake_up_process(torture_cpus[i].task);
	return 0;
}

void context_stop(void)
{
	struct torture_cpu *cpu;
	unsigned int i;

	for (i = 0; i < nr_torture_cpus; i++) {
		cpu = &torture_cpus[i];
		/* Before the timers: it starts them. */
		kthread_stop(cpu->task);
		hrtimer_cancel(&cpu->soft);
		hrtimer_cancel(&cpu->hard);
		irq_work_sync(&cpu->work);
	}
	mutator_destroy_all();
	context_free();
}

/* A CPU has come back: its thread belongs there. */
void context_return(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr_torture_cpus; i++)
		if (torture_cpus[i].cpu == nr)
			set_cpus_allowed_ptr(torture_cpus[i].task,
					     cpumask_of(nr));
}
