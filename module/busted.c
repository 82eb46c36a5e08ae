// SPDX-License-Identifier: GPL-2.0
/* Which of the deliberate faults is planted: see busted.h. */
#include <linux/module.h>
#include <linux/string.h>

#include "internal.h"

enum refheap_fault refheap_fault;

#define FAULT(name) #name
static const char *const names[] = {
	"none",
#include "faults.h"
};

static int refheap_set_fault(const char *name, const struct kernel_param *param)
{
	int fault = match_string(names, ARRAY_SIZE(names), name);

	if (fault < 0)
		return fault;
	refheap_fault = fault;
	return 0;
}

static int refheap_get_fault(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", names[refheap_fault]);
}

static const struct kernel_param_ops fault_ops = {
	.set = refheap_set_fault,
	.get = refheap_get_fault,
};

module_param_cb(busted, &fault_ops, NULL, 0444);
MODULE_PARM_DESC(busted, "Deliberate fault of this test build");
