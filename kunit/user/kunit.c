// SPDX-License-Identifier: GPL-2.0
/* The kernel's KUnit, which has no devices and no user space here. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "user.h"

/* What KUnit's own files say to one another. */
int kunit_bus_init(void);
void kunit_bus_shutdown(void);
int kunit_run_all_tests(void);

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

int user_program(void)
{
	return kunit_run_all_tests();
}
