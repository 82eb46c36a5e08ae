// SPDX-License-Identifier: GPL-2.0
/* The kernel's KUnit, which has no devices and no user space here. */
#include <kunit/test.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "user.h"

/* What KUnit's own files say to one another. */
int kunit_bus_init(void);
void kunit_bus_shutdown(void);
int kunit_run_all_tests(void);
extern struct kunit_suite *__kunit_suites_start[], *__kunit_suites_end[];

int kunit_bus_init(void)
{
	return 0;
}

void kunit_bus_shutdown(void)
{
}

unsigned long kunit_vm_mmap(struct kunit *test, struct file *file,
			    unsigned long address, unsigned long bytes,
			    unsigned long protection, unsigned long flags,
			    unsigned long offset)
{
	return (unsigned long)kunit_kzalloc(test, bytes, GFP_KERNEL);
}

/* --- what cannot be tested here ----------------------------------------- */

static const struct user_unfit {
	const char *name;
	const char *why;
} unfit[] = {
	{ "g1_atomic_cascade_has_a_smaller_budget",
	  "a thread with preemption off loses its processor all the same" },
};

static const struct user_unfit *user_find_unfit(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unfit); i++)
		if (!strcmp(unfit[i].name, name))
			return &unfit[i];
	return NULL;
}

static void user_skip(struct kunit *test)
{
	kunit_skip(test, "%s", user_find_unfit(test->name)->why);
}

static void user_skip_unfit(struct kunit_suite *suite)
{
	struct kunit_case *test;

	kunit_suite_for_each_test_case(suite, test)
		if (user_find_unfit(test->name))
			test->run_case = user_skip;
}

/* For a test of the tests: more than an int has is undefined. */
static unsigned int plant_shift;
module_param(plant_shift, uint, 0444);

int user_program(void)
{
	struct kunit_suite **suite = __kunit_suites_start;

	if (plant_shift)
		pr_info("planted: %d\n", 1 << plant_shift);

	for (; suite < __kunit_suites_end; suite++)
		user_skip_unfit(*suite);
	return kunit_run_all_tests();
}
