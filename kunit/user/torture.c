// SPDX-License-Identifier: GPL-2.0
/* kunit/torture/ as a program: it runs for a while. */
#include <linux/delay.h>
#include <linux/moduleparam.h>

#include "user.h"

static unsigned int seconds = 30;
module_param(seconds, uint, 0444);

int user_program(void)
{
	msleep(seconds * 1000);
	return 0;
}
