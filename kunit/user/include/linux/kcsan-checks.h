/* SPDX-License-Identifier: GPL-2.0 */
/* What data_race() says to KCSAN it says to ThreadSanitizer. */
#ifdef USER_TSAN
#define __kcsan_disable_current	__kcsan_disable_unused
#define __kcsan_enable_current	__kcsan_enable_unused
#endif

#include_next <linux/kcsan-checks.h>

#if defined(USER_TSAN) && !defined(_USER_LINUX_KCSAN_CHECKS_H)
#define _USER_LINUX_KCSAN_CHECKS_H
#undef __kcsan_disable_current
#undef __kcsan_enable_current

void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

static __always_inline void __kcsan_disable_current(void)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static __always_inline void __kcsan_enable_current(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#endif
