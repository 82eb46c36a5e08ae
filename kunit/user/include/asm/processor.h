/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_PROCESSOR_H
#define _ASM_PROCESSOR_H

#include <asm/page.h>

struct task_struct;

struct thread_struct {
};

#define INIT_THREAD	{ }
#define TASK_SIZE	(_AC(1, UL) << 47)
#define TASK_UNMAPPED_BASE	PAGE_SIZE
#define STACK_TOP	TASK_SIZE
#define STACK_TOP_MAX	STACK_TOP

/* There are seldom as many processors as threads. */
void cpu_relax(void);

#define task_pt_regs(task)	((struct pt_regs *)NULL)
#define KSTK_EIP(task)		0
#define KSTK_ESP(task)		0

#endif /* _ASM_PROCESSOR_H */
