/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of this folder. */
#ifndef _USER_H
#define _USER_H

#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "host.h"

/**
 * struct user_waker - one thread that waits for work, of any number of others
 * @word: changes with every call of user_waker_wake()
 */
struct user_waker {
	unsigned int word;
};

static inline unsigned int user_waker_read(struct user_waker *waker)
{
	return __atomic_load_n(&waker->word, __ATOMIC_ACQUIRE);
}

static inline void user_waker_wake(struct user_waker *waker)
{
	__atomic_fetch_add(&waker->word, 1, __ATOMIC_SEQ_CST);
	host_wake(&waker->word);
}

/* thread.c */
struct task_struct *user_thread_new(int (*function)(void *data), void *data,
				    const char *name);
void user_thread_begin(struct task_struct *task);
void user_thread_end(void);
struct user_thread *user_threads_lock(unsigned int cpu, u64 *generation);
void user_threads_unlock(void);
bool user_kthreads_left(void);

/* main.c */
void user_start(void);
int user_parameter(char *word);
int user_load(void);
int user_program(void);

void user_percpu_init(void);
void user_thread_init(void);
void user_rcu_init(void);
void user_irq_work_init(void);
void user_workqueue_init(void);
void user_timer_init(void);
void radix_tree_init(void);

/* slab.c: how the memory of type-stable objects is reused. */
extern bool user_slab_debug;

/* What the tests let fail: see fault.c. */
extern bool (*user_fail_alloc)(gfp_t gfp);

static inline bool user_alloc_fails(gfp_t gfp)
{
	bool (*fail)(gfp_t gfp) = READ_ONCE(user_fail_alloc);

	return unlikely(fail) && !(gfp & __GFP_NOFAIL) && fail(gfp);
}

void user_slab_give_back(void);

#endif /* _USER_H */
