// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks and kernel threads are threads of the process.  Each that exists has
 * a number as a processor; it sleeps in schedule() until somebody sets its
 * state to running.  The memory of tasks is never given back: who wakes one
 * may come late.
 */
#include <linux/completion.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/sched/wake_q.h>
#include <linux/slab.h>

#include "user.h"

struct user_task {
	struct task_struct task;
	struct user_task *next;		/* unused */
	struct user_waker waker;
	int (*function)(void *data);
	void *data;
	bool stop, begun;
	int pin;
	int result;
	struct completion gone;
	char name[64];
};

__thread struct user_thread user_thread;

static arch_spinlock_t threads_lock;
static struct user_thread *threads[NR_CPUS];
static u64 generations[NR_CPUS];
static struct user_task *tasks_unused;
static pid_t last_pid;

static struct user_task *user_task(struct task_struct *task)
{
	return container_of(task, struct user_task, task);
}

/* --- threads as processors ---------------------------------------------- */

struct user_thread *user_threads_lock(unsigned int cpu, u64 *generation)
{
	arch_spin_lock(&threads_lock);
	*generation = generations[cpu];
	return threads[cpu];
}

void user_threads_unlock(void)
{
	arch_spin_unlock(&threads_lock);
}

void user_thread_begin(struct task_struct *task)
{
	unsigned int cpu = 0;

	arch_spin_lock(&threads_lock);
	while (cpu < NR_CPUS && threads[cpu])
		cpu++;
	if (cpu == NR_CPUS)
		panic("more than %d threads at a time", NR_CPUS);
	threads[cpu] = &user_thread;
	user_thread.cpu = cpu;
	user_thread.offset = __per_cpu_offset[cpu];
	user_thread.current_task = task;
	user_thread.online = cpu % num_online_cpus();
	task_thread_info(task)->cpu = user_thread.online;
	arch_spin_unlock(&threads_lock);
}

void user_thread_end(void)
{
	unsigned int cpu = user_thread.cpu;

	WARN_ON_ONCE(user_state());
	arch_spin_lock(&threads_lock);
	threads[cpu] = NULL;
	generations[cpu]++;
	user_thread.current_task = NULL;
	arch_spin_unlock(&threads_lock);
}

void cpu_relax(void)
{
	static __thread unsigned int times;

	if (!(++times % 64))
		host_yield();
	else
		__builtin_ia32_pause();
}

/* --- sleeping and waking ------------------------------------------------ */

/* Return: false if that moment came before somebody woke us. */
static bool user_sleep(u64 until)
{
	struct user_task *self = user_task(current);

	WARN_ONCE(user_state(), "scheduling while atomic: %s %llx",
		  current->comm, user_state());
	while (READ_ONCE(current->__state) != TASK_RUNNING) {
		unsigned int seen = user_waker_read(&self->waker);

		if (READ_ONCE(current->__state) == TASK_RUNNING)
			break;
		if (until != HOST_FOREVER && host_ns(1) >= until) {
			__set_current_state(TASK_RUNNING);
			return false;
		}
		host_wait(&self->waker.word, seen, until);
	}
	return true;
}

void schedule(void)
{
	if (READ_ONCE(current->__state) == TASK_RUNNING)
		host_yield();
	else
		user_sleep(HOST_FOREVER);
}

void schedule_preempt_disabled(void)
{
	preempt_enable();
	schedule();
	preempt_disable();
}

long schedule_timeout(long timeout)
{
	u64 until;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return timeout;
	}
	until = host_ns(1) + (u64)max(timeout, 0L) * (NSEC_PER_SEC / HZ);
	if (!user_sleep(until))
		return 0;
	return max_t(long, (long)(until - host_ns(1)) / (NSEC_PER_SEC / HZ), 0);
}

long schedule_timeout_interruptible(long timeout)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

long schedule_timeout_idle(long timeout)
{
	__set_current_state(TASK_IDLE);
	return schedule_timeout(timeout);
}

static int user_wake(struct task_struct *task, unsigned int states)
{
	unsigned int state;

	/* Pairs with the barrier in set_current_state(). */
	smp_mb();
	state = READ_ONCE(task->__state);
	do {
		if (!(state & states))
			return 0;
	} while (!try_cmpxchg(&task->__state, &state, TASK_RUNNING));
	user_waker_wake(&user_task(task)->waker);
	return 1;
}

int wake_up_process(struct task_struct *task)
{
	return user_wake(task, TASK_NORMAL);
}

int wake_up_state(struct task_struct *task, unsigned int state)
{
	return user_wake(task, state);
}

int default_wake_function(struct wait_queue_entry *wait, unsigned int mode,
			  int flags, void *key)
{
	return user_wake(wait->private, mode);
}

static bool user_wake_q_add(struct wake_q_head *head, struct task_struct *task)
{
	struct wake_q_node *node = &task->wake_q;

	/* Pairs with the barrier in user_wake(). */
	smp_mb__before_atomic();
	if (cmpxchg_relaxed(&node->next, NULL, WAKE_Q_TAIL))
		return false;
	*head->lastp = node;
	head->lastp = &node->next;
	return true;
}

void wake_q_add(struct wake_q_head *head, struct task_struct *task)
{
	if (user_wake_q_add(head, task))
		get_task_struct(task);
}

void wake_q_add_safe(struct wake_q_head *head, struct task_struct *task)
{
	if (!user_wake_q_add(head, task))
		put_task_struct(task);
}

void wake_up_q(struct wake_q_head *head)
{
	struct wake_q_node *node = head->first;

	while (node != WAKE_Q_TAIL) {
		struct task_struct *task;

		task = container_of(node, struct task_struct, wake_q);
		node = READ_ONCE(node->next);
		/* Pairs with the exchange in user_wake_q_add(). */
		WRITE_ONCE(task->wake_q.next, NULL);
		wake_up_process(task);
		put_task_struct(task);
	}
}

int __cond_resched(void)
{
	return 0;
}

void yield(void)
{
	host_yield();
}

int io_schedule_prepare(void)
{
	return 0;
}

void io_schedule_finish(int token)
{
}

/* --- the freezer never comes -------------------------------------------- */

struct static_key_false freezer_active;

bool set_freezable(void)
{
	current->flags &= ~PF_NOFREEZE;
	return false;
}

bool freezing_slow_path(struct task_struct *task)
{
	return false;
}

bool __refrigerator(bool check_stop)
{
	return false;
}

void set_user_nice(struct task_struct *task, long nice)
{
	if (task == current)
		host_nice(nice);
}

/* --- kernel threads ----------------------------------------------------- */

static struct user_task *user_task_alloc(void)
{
	struct user_task *self;

	arch_spin_lock(&threads_lock);
	self = tasks_unused;
	if (self)
		tasks_unused = self->next;
	arch_spin_unlock(&threads_lock);
	if (!self)
		self = host_map(PAGE_ALIGN(sizeof(*self)), PAGE_SIZE);
	return self;
}

void __put_task_struct(struct task_struct *task)
{
	struct user_task *self = user_task(task);

	arch_spin_lock(&threads_lock);
	self->next = tasks_unused;
	tasks_unused = self;
	arch_spin_unlock(&threads_lock);
}

static void user_task_init(struct user_task *self, const char *name)
{
	struct task_struct *task = &self->task;

	refcount_set(&task->usage, 1);
	task->flags = PF_KTHREAD | PF_NOFREEZE;
	task->pid = __atomic_add_fetch(&last_pid, 1, __ATOMIC_RELAXED);
	task->cpus_ptr = &task->cpus_mask;
	cpumask_copy(&task->cpus_mask, cpu_online_mask);
	task->nr_cpus_allowed = num_online_cpus();
	raw_spin_lock_init(&task->pi_lock);
	spin_lock_init(&task->alloc_lock);
	WRITE_ONCE(task->wake_q.next, NULL);
	strscpy(self->name, name, sizeof(self->name));
	strscpy(task->comm, name, sizeof(task->comm));
	self->stop = false;
	self->begun = false;
	self->pin = -1;
	init_completion(&self->gone);
	/* Where KUnit waits for a thread of its own. */
	task->vfork_done = &self->gone;
}

static void user_stack_note(struct task_struct *task)
{
	unsigned long low, bytes;

	host_stack(&low, &bytes);
	task->stack = (void *)(low + bytes - THREAD_SIZE);
}

/* Those that modules have made; what the machine itself has never ends. */
static atomic_t kthreads;

/* The structure stays until kthread_stop(), or who else has it, puts it. */
static void __noreturn user_leave(int result)
{
	struct user_task *self = user_task(current);

	self->result = result;
	atomic_dec(&kthreads);
	complete(&self->gone);
	user_thread_end();
	put_task_struct(&self->task);
	host_thread_exit();
}

static void user_pin(int cpu)
{
	host_pin(cpu);
	if (cpu >= 0)
		user_thread.online = cpu;
}

static void user_run(void *data)
{
	struct user_task *self = data;

	user_thread_begin(&self->task);
	user_stack_note(&self->task);
	host_name_thread(self->task.comm);
	user_sleep(HOST_FOREVER);
	if (self->pin >= 0)
		user_pin(self->pin);
	WRITE_ONCE(self->begun, true);
	user_leave(READ_ONCE(self->stop) ? -EINTR : self->function(self->data));
}

struct task_struct *user_thread_new(int (*function)(void *data), void *data,
				    const char *name)
{
	struct user_task *self;

	if (user_alloc_fails(GFP_KERNEL))
		return ERR_PTR(-ENOMEM);
	self = user_task_alloc();
	if (!self)
		return ERR_PTR(-ENOMEM);
	user_task_init(self, name);
	self->function = function;
	self->data = data;
	WRITE_ONCE(self->task.__state, TASK_UNINTERRUPTIBLE);
	if (host_thread(user_run, self)) {
		put_task_struct(&self->task);
		return ERR_PTR(-ENOMEM);
	}
	return &self->task;
}

struct task_struct *kthread_create_on_node(int (*function)(void *data),
					   void *data, int node,
					   const char format[], ...)
{
	struct task_struct *task;
	va_list args;
	char name[64];

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	atomic_inc(&kthreads);
	task = user_thread_new(function, data, name);
	if (IS_ERR(task))
		atomic_dec(&kthreads);
	return task;
}

bool user_kthreads_left(void)
{
	return atomic_read(&kthreads);
}

void kthread_bind(struct task_struct *task, unsigned int cpu)
{
	user_task(task)->pin = cpu;
	cpumask_copy(&task->cpus_mask, cpumask_of(cpu));
	task->nr_cpus_allowed = 1;
}

void kthread_bind_mask(struct task_struct *task, const struct cpumask *mask)
{
	cpumask_copy(&task->cpus_mask, mask);
	task->nr_cpus_allowed = cpumask_weight(mask);
	if (task->nr_cpus_allowed == 1)
		user_task(task)->pin = cpumask_first(mask);
}

int set_cpus_allowed_ptr(struct task_struct *task, const struct cpumask *mask)
{
	kthread_bind_mask(task, mask);
	if (task == current)
		user_pin(task->nr_cpus_allowed == 1 ? cpumask_first(mask) : -1);
	return 0;
}

struct task_struct *kthread_create_on_cpu(int (*function)(void *data),
					  void *data, unsigned int cpu,
					  const char *format)
{
	struct task_struct *task;

	task = kthread_create_on_node(function, data, NUMA_NO_NODE, format,
				      cpu);
	if (!IS_ERR(task))
		kthread_bind(task, cpu);
	return task;
}

bool kthread_should_stop(void)
{
	return READ_ONCE(user_task(current)->stop);
}

bool kthread_should_park(void)
{
	return false;
}

bool kthread_should_stop_or_park(void)
{
	return kthread_should_stop();
}

int kthread_stop(struct task_struct *task)
{
	struct user_task *self = user_task(task);
	int result;

	get_task_struct(task);
	WRITE_ONCE(self->stop, true);
	wake_up_process(task);
	wait_for_completion(&self->gone);
	result = self->result;
	put_task_struct(task);
	return result;
}

int kthread_stop_put(struct task_struct *task)
{
	int result = kthread_stop(task);

	put_task_struct(task);
	return result;
}

void kthread_exit(long result)
{
	user_leave(result);
}

void kthread_complete_and_exit(struct completion *done, long result)
{
	if (done)
		complete(done);
	user_leave(result);
}

void __module_put_and_kthread_exit(struct module *module, long result)
{
	user_leave(result);
}

void user_thread_init(void)
{
	struct user_task *self = user_task_alloc();

	user_task_init(self, "main");
	self->begun = true;
	WRITE_ONCE(self->task.__state, TASK_RUNNING);
	user_thread_begin(&self->task);
	user_stack_note(&self->task);
}
