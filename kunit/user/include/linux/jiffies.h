/* SPDX-License-Identifier: GPL-2.0 */
/* Nobody ticks: jiffies are read off the clock. */
#ifndef _USER_LINUX_JIFFIES_H
#define _USER_LINUX_JIFFIES_H

#include_next <linux/jiffies.h>

const unsigned long *user_jiffies(void);

/* Not where parameters are called so. */
#ifndef USER_TIME
#define jiffies		(*user_jiffies())
#endif

#endif /* _USER_LINUX_JIFFIES_H */
