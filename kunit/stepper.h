/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A call that is executed one instruction at a time on a CPU of its own, with
 * interrupts off, and can be halted between any two of them for as long as
 * the rest of the machine needs.
 *
 * Only refheap's own instructions, and those of the tests, count as steps:
 * what they call elsewhere is of no interest. Needs x86 and two CPUs.
 */
#ifndef REFHEAP_KUNIT_STEPPER_H
#define REFHEAP_KUNIT_STEPPER_H

#include <linux/completion.h>
#include <linux/notifier.h>
#include <linux/types.h>

struct kunit;
struct pt_regs;
struct task_struct;

/**
 * struct stepper - the CPU that walks step by step
 * @call: what it executes in steps
 * @step: asked after each step whether to halt there
 * @data: for the test
 * @at: the step at which stepper_at() halts
 * @steps: taken in this run
 * @halts: how often it has halted in this run
 * @resumed: how often it was told to go on
 * @walking: the call is being executed
 * @done: it has returned
 * @quit: there will be no further run
 * @overdue: somebody did not come within the time that all patience lasts
 * @task: its thread
 * @begin: completed for each run
 * @trap: how it learns that a step has been taken
 */
struct stepper {
	void (*call)(struct stepper *stepper);
	bool (*step)(struct stepper *stepper, const struct pt_regs *regs);
	void *data;
	unsigned int at;
	unsigned int steps;
	unsigned int halts;
	unsigned int resumed;
	bool walking;
	bool done;
	bool quit;
	bool overdue;
	struct task_struct *task;
	struct completion begin;
	struct notifier_block trap;
};

/* The CPUs for everything else, the collector included; skips the test. */
const struct cpumask *stepper_other_cpus(struct kunit *test);

/* Between them, nobody may assert. */
bool stepper_start(struct stepper *stepper);
void stepper_stop(struct stepper *stepper);

void stepper_run(struct stepper *stepper);
bool stepper_await_halt(struct stepper *stepper, unsigned int nr);
void stepper_resume(struct stepper *stepper);
void stepper_finish(struct stepper *stepper);

bool stepper_at(struct stepper *stepper, const struct pt_regs *regs);
bool stepper_sees(const struct pt_regs *regs, u64 value);

#endif /* REFHEAP_KUNIT_STEPPER_H */
