/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_PREEMPT_H
#define _ASM_PREEMPT_H

#include <asm/current.h>

#define PREEMPT_ENABLED	0

static __always_inline int preempt_count(void)
{
	return user_state();
}

static __always_inline void __preempt_count_add(int what)
{
	user_state_add((unsigned int)what);
}

static __always_inline void __preempt_count_sub(int what)
{
	user_state_sub((unsigned int)what);
}

static __always_inline bool __preempt_count_dec_and_test(void)
{
	__preempt_count_sub(1);
	return false;
}

static __always_inline bool should_resched(int offset)
{
	return false;
}

static __always_inline void set_preempt_need_resched(void)
{
}

static __always_inline void clear_preempt_need_resched(void)
{
}

static __always_inline bool test_preempt_need_resched(void)
{
	return false;
}

#endif /* _ASM_PREEMPT_H */
