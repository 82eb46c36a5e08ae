/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel keeps for each processor is kept for each thread here, which
 * is a processor of its own as long as it lives.
 */
#ifndef _ASM_CURRENT_H
#define _ASM_CURRENT_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct task_struct;

/**
 * struct user_thread - a thread as a processor
 * @state: preempt_count(), and above it USER_IRQS_OFF; a thread in which it is
 *	   not zero is an RCU reader
 * @passed: how often it has become zero
 * @offset: of its per-CPU data
 * @current_task: its task
 * @cpu: its number
 * @online: that of a processor that is online: see asm/smp.h
 */
struct user_thread {
	u64 state;
	u64 passed;
	unsigned long offset;
	struct task_struct *current_task;
	unsigned int cpu;
	unsigned int online;
};

#define USER_IRQS_OFF	BIT_ULL(32)

extern __thread struct user_thread user_thread;

#define get_current()	(user_thread.current_task)
#define current		get_current()

#ifdef USER_TSAN
static __always_inline u64 user_state(void)
{
	return __atomic_load_n(&user_thread.state, __ATOMIC_RELAXED);
}

static __always_inline void user_state_add(u64 what)
{
	/* Pairs with what synchronize_rcu() reads. */
	__atomic_fetch_add(&user_thread.state, what, __ATOMIC_SEQ_CST);
}

static __always_inline void user_state_sub(u64 what)
{
	/* Likewise. */
	if (__atomic_sub_fetch(&user_thread.state, what, __ATOMIC_SEQ_CST))
		return;
	__atomic_fetch_add(&user_thread.passed, 1, __ATOMIC_RELEASE);
}
#else
static __always_inline u64 user_state(void)
{
	return *(volatile u64 *)&user_thread.state;
}

static __always_inline void user_state_add(u64 what)
{
	user_thread.state += what;
	/* The processor's part: membarrier() in synchronize_rcu(). */
	barrier();
}

static __always_inline void user_state_sub(u64 what)
{
	barrier();
	user_thread.state -= what;
	if (!user_thread.state)
		user_thread.passed++;
}
#endif

#endif /* _ASM_CURRENT_H */
