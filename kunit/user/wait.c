// SPDX-License-Identifier: GPL-2.0
/* Wait queues and completions are the kernel's own. */
#include <linux/completion.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/swait.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <uapi/asm-generic/poll.h>
#include <uapi/linux/eventpoll.h>

/* What kernel/sched/sched.h would say of them. */
void swake_up_all_locked(struct swait_queue_head *q);
void __prepare_to_swait(struct swait_queue_head *q, struct swait_queue *wait);
bool kthread_should_stop_or_park(void);
int try_to_wake_up(struct task_struct *task, unsigned int state, int flags);

/* Hints for a scheduler. */
#define WF_SYNC		0
#define WF_CURRENT_CPU	0

int try_to_wake_up(struct task_struct *task, unsigned int state, int flags)
{
	return wake_up_state(task, state);
}

#include <kernel/sched/wait.c>
#include <kernel/sched/wait_bit.c>
#include <kernel/sched/swait.c>
#include <kernel/sched/completion.c>
