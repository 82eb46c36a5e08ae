// SPDX-License-Identifier: GPL-2.0
/*
 * Start what a kernel would, load the modules linked in, and unload them.
 *
 * usage: program [module.]parameter=value...
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "user.h"

extern initcall_t __initcall_start[], __initcall_end[];
extern exitcall_t __exitcall_start[], __exitcall_end[];
extern const struct kernel_param __start___param[], __stop___param[];

/* What a program does besides loading its modules. */
int __weak user_program(void)
{
	return 0;
}

int user_parameter(char *word)
{
	const struct kernel_param *param;
	char *value = strchr(word, '=');
	size_t n;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	for (param = __start___param; param < __stop___param; param++) {
		n = strlen(param->name);
		if (!strcmp(param->name, word) ||
		    (n > strlen(word) &&
		     param->name[n - strlen(word) - 1] == '.' &&
		     !strcmp(param->name + n - strlen(word), word)))
			return param->ops->set(value, param);
	}
	return -ENOENT;
}

int user_load(void)
{
	initcall_t *call;
	int err;

	for (call = __initcall_start; call < __initcall_end; call++) {
		err = (*call)();
		if (err)
			return err;
	}
	return 0;
}

#define USER_UNLOAD_PATIENCE	(10 * HZ)

/*
 * In the opposite order.  The first, which is the core, is kept by the heaps that
 * are left: what rmmod refuses until the thread of each has ended.
 */
static void user_unload(void)
{
	exitcall_t *call = __exitcall_end;
	unsigned int ticks = 0;

	while (call-- > __exitcall_start) {
		while (call == __exitcall_start && user_kthreads_left() &&
		       ticks++ < USER_UNLOAD_PATIENCE)
			schedule_timeout_uninterruptible(1);
		(*call)();
	}
}

void user_start(void)
{
	user_percpu_init();
	wait_bit_init();
	user_thread_init();
	user_rcu_init();
	user_irq_work_init();
	user_workqueue_init();
	user_timer_init();
	radix_tree_init();
	seq_file_init();
}

/* libFuzzer has one of its own. */
#ifndef USER_FUZZ
int main(int argc, char **argv);

int main(int argc, char **argv)
{
	int err, i;

	user_start();
	for (i = 1; i < argc; i++) {
		err = user_parameter(argv[i]);
		if (err) {
			pr_err("parameter %s: error %d\n", argv[i], err);
			host_exit(2);
		}
	}
	err = user_load();
	if (err) {
		pr_err("a module does not load: error %d\n", err);
		host_exit(1);
	}
	err = user_program();
	user_unload();
	host_exit(err ? 1 : 0);
}
#endif
