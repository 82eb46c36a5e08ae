/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ThreadSanitizer has to see that a marked access is one.  A dependency orders
 * what follows a READ_ONCE() in the kernel, and it knows none: an acquire.
 *
 * rhashtable_rehash_one() and xas_shrink() store pointers to what others have
 * published, under the lock under which they did: that orders what they point to
 * for who follows them, but not for ThreadSanitizer.  There, and nowhere else,
 * stores are releases.
 */
#ifndef _ASM_RWONCE_H
#define _ASM_RWONCE_H

#ifdef USER_TSAN
#define __READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#endif

#include <asm-generic/rwonce.h>

#ifdef USER_TSAN
#undef __WRITE_ONCE
#ifdef USER_LOCKED_STORES
#define __WRITE_ONCE(x, val)	__atomic_store_n(&(x), val, __ATOMIC_RELEASE)
#else
#define __WRITE_ONCE(x, val)	__atomic_store_n(&(x), val, __ATOMIC_RELAXED)
#endif
#endif

#endif /* _ASM_RWONCE_H */
