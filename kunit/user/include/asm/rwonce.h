/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ThreadSanitizer has to see that a marked access is one.  A dependency orders
 * what follows a READ_ONCE() in the kernel, and it knows none: an acquire.
 */
#ifndef _ASM_RWONCE_H
#define _ASM_RWONCE_H

#ifdef USER_TSAN
#define __READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#endif

#include <asm-generic/rwonce.h>

#ifdef USER_TSAN
#undef __WRITE_ONCE
#define __WRITE_ONCE(x, val)	__atomic_store_n(&(x), val, __ATOMIC_RELAXED)
#endif

#endif /* _ASM_RWONCE_H */
