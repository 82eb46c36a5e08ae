// SPDX-License-Identifier: GPL-2.0
/*
 * A call that is executed one instruction at a time.
 *
 * The processor's trap flag makes it raise a debug exception after each
 * instruction, and the kernel offers those to whoever listens. Interrupts are
 * off for the whole call, so that nothing else runs with the flag set; what
 * it waits for happens on another CPU.
 */
#include "stepper.h"
#include "crew.h"
#include "graph.h"

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>

/* Less than it takes the watchdogs to bark: a CPU has its interrupts off. */
#define STEPPER_PATIENCE_US (8 * USEC_PER_SEC)

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

#include <asm/processor-flags.h>

#define STEPPER_TRAP	DIE_DEBUG

/* Interrupts are off, and stay so. */
static __always_inline void trap_on(void)
{
	unsigned long flags = X86_EFLAGS_FIXED | X86_EFLAGS_TF;

	asm volatile("push %0; popf" : : "r" (flags) : "memory", "cc");
}

static void trap_off(struct pt_regs *regs)
{
	regs->flags &= ~X86_EFLAGS_TF;
}

/*
 * What is no step runs at full speed: it has just been called, so on top of
 * the stack is where it will return to. Have it return to where the trap flag
 * is set again first. There is one stepper at a time.
 */
extern const char stepper_return[];
unsigned long stepper_returns_to;

asm(".pushsection .text\n"
	"stepper_return:\n"
	"	pushq stepper_returns_to(%rip)\n"
	"	pushfq\n"
	"	orq $0x100, (%rsp)\n"
	"	popfq\n"
	"	ret\n"
	".popsection\n");

static void trap_at_return(struct pt_regs *regs)
{
	unsigned long *top = (unsigned long *)regs->sp;

	stepper_returns_to = *top;
	*top = (unsigned long)stepper_return;
	trap_off(regs);
}

/* The general registers come first, all of them unsigned longs. */
bool stepper_sees(const struct pt_regs *regs, u64 value)
{
	const unsigned long *reg = (const unsigned long *)regs;
	unsigned int i;

	for (i = 0; i < offsetof(struct pt_regs, orig_ax) / sizeof(*reg); i++)
		if (reg[i] == value)
			return true;
	return false;
}

#else

#define STEPPER_TRAP	0

static void trap_on(void)
{
}

static void trap_off(struct pt_regs *regs)
{
}

static void trap_at_return(struct pt_regs *regs)
{
}

bool stepper_sees(const struct pt_regs *regs, u64 value)
{
	return false;
}

#endif

const struct cpumask *stepper_other_cpus(struct kunit *test)
{
	if (!STEPPER_TRAP)
		kunit_skip(test, "this processor is not walked step by step");
	crew_need_two_cpus(test);
	return cpumask_of(cpumask_first(cpu_online_mask));
}

/* Modules lie together, far from everything else. */
static bool stepper_counts(struct pt_regs *regs)
{
	unsigned long base = (unsigned long)refobj_get_unless_zero - SZ_16M;

	return instruction_pointer(regs) - base < 2 * SZ_16M;
}

/* Any context; false when it did not come to it in time. */
static bool stepper_await(struct stepper *stepper, const unsigned int *counter,
			  unsigned int value)
{
	unsigned long left = STEPPER_PATIENCE_US;

	/* Pairs with the releases of all who count. */
	while (smp_load_acquire(counter) < value) {
		if (READ_ONCE(stepper->done))
			return false;
		if (!left--) {
			WRITE_ONCE(stepper->overdue, true);
			return false;
		}
		/* No clock need go on while a CPU is halted. */
		udelay(1);
	}
	return true;
}

static void stepper_halt(struct stepper *stepper)
{
	unsigned int nr = stepper->halts + 1;

	/* Pairs with stepper_await_halt(). */
	smp_store_release(&stepper->halts, nr);
	stepper_await(stepper, &stepper->resumed, nr);
}

static int stepper_trapped(struct notifier_block *block, unsigned long event,
			   void *data)
{
	struct stepper *stepper = container_of(block, struct stepper, trap);
	struct die_args *args = data;

	if (event != STEPPER_TRAP || current != stepper->task)
		return NOTIFY_DONE;
	if (!stepper->walking) {
		trap_off(args->regs);
	} else if (!stepper_counts(args->regs)) {
		trap_at_return(args->regs);
	} else {
		stepper->steps++;
		if (stepper->step(stepper, args->regs))
			stepper_halt(stepper);
	}
	return NOTIFY_STOP;
}

static void stepper_walk(struct stepper *stepper)
{
	unsigned long flags;

	local_irq_save(flags);
	WRITE_ONCE(stepper->walking, true);
	trap_on();
	stepper->call(stepper);
	/* The trap after this is the last. */
	WRITE_ONCE(stepper->walking, false);
	/* Pairs with stepper_finish(). */
	smp_store_release(&stepper->done, true);
	local_irq_restore(flags);
}

static int stepper_thread(void *data)
{
	struct stepper *stepper = data;

	for (;;) {
		wait_for_completion(&stepper->begin);
		if (READ_ONCE(stepper->quit))
			return 0;
		stepper_walk(stepper);
	}
}

/* Return: whether it is there. The caller moves off its CPU. */
bool stepper_start(struct stepper *stepper)
{
	unsigned int here = cpumask_first(cpu_online_mask);
	struct task_struct *task;

	init_completion(&stepper->begin);
	stepper->done = true;
	stepper->trap.notifier_call = stepper_trapped;
	stepper->trap.priority = INT_MAX;
	set_cpus_allowed_ptr(current, cpumask_of(here));
	task = kthread_create(stepper_thread, stepper, "refheap-stepper");
	if (IS_ERR(task))
		return false;
	kthread_bind(task, cpumask_next(here, cpu_online_mask));
	stepper->task = get_task_struct(task);
	register_die_notifier(&stepper->trap);
	wake_up_process(task);
	return true;
}

void stepper_stop(struct stepper *stepper)
{
	WRITE_ONCE(stepper->quit, true);
	complete(&stepper->begin);
	kthread_stop(stepper->task);
	put_task_struct(stepper->task);
	unregister_die_notifier(&stepper->trap);
}

/* Begin the call anew. */
void stepper_run(struct stepper *stepper)
{
	stepper->steps = 0;
	stepper->halts = 0;
	stepper->resumed = 0;
	stepper->done = false;
	complete(&stepper->begin);
}

/* Return: true once it has halted @nr times, false if it is done instead. */
bool stepper_await_halt(struct stepper *stepper, unsigned int nr)
{
	return stepper_await(stepper, &stepper->halts, nr);
}

void stepper_resume(struct stepper *stepper)
{
	/* Pairs with stepper_halt(). */
	smp_store_release(&stepper->resumed, stepper->resumed + 1);
}

/* Let it go on to the end. */
void stepper_finish(struct stepper *stepper)
{
	/* Pairs with stepper_halt(). */
	smp_store_release(&stepper->resumed, UINT_MAX);
	stepper_await_halt(stepper, UINT_MAX);
	/* Pairs with stepper_walk(). */
	smp_load_acquire(&stepper->done);
}

/* Halt once, at a given step. */
bool stepper_at(struct stepper *stepper, const struct pt_regs *regs)
{
	return stepper->steps == stepper->at;
}
