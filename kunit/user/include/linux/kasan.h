/* SPDX-License-Identifier: GPL-2.0 */
/* AddressSanitizer stands in for KASAN, and has no need of its hooks. */
#ifndef _USER_LINUX_KASAN_H
#define _USER_LINUX_KASAN_H

#ifdef CONFIG_KASAN
#undef CONFIG_KASAN
#include_next <linux/kasan.h>
#define CONFIG_KASAN 1
#else
#include_next <linux/kasan.h>
#endif

#endif /* _USER_LINUX_KASAN_H */
