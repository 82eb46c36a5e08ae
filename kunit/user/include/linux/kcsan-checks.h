/* SPDX-License-Identifier: GPL-2.0 */
/* What data_race() says to KCSAN it says to ThreadSanitizer. */
#ifndef _USER_LINUX_KCSAN_CHECKS_H
#define _USER_LINUX_KCSAN_CHECKS_H

#include_next <linux/kcsan-checks.h>

#ifdef USER_TSAN
#undef __kcsan_disable_current
#undef __kcsan_enable_current

void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

#define __kcsan_disable_current() do {					\
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);			\
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);			\
} while (0)

#define __kcsan_enable_current() do {					\
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);			\
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);			\
} while (0)
#endif

#endif /* _USER_LINUX_KCSAN_CHECKS_H */
