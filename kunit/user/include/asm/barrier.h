/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Barriers of the processor the kernel runs on.  ThreadSanitizer does not know
 * fences; that a read-modify-write of one variable orders all that do it, it
 * does, and so a full barrier is more to it than it is.
 */
#ifndef _ASM_BARRIER_H
#define _ASM_BARRIER_H

/* For a test of the tests: nothing is ordered. */
#ifdef USER_UNORDERED
#define __smp_mb()	barrier()
#define __smp_rmb()	barrier()
#define __smp_wmb()	barrier()
#define __USER_RELEASE	__ATOMIC_RELAXED
#elif defined(USER_TSAN)
extern int user_fence;
#define __USER_RELEASE	__ATOMIC_RELEASE
#define __smp_mb()	((void)__atomic_fetch_add(&user_fence, 1, __ATOMIC_SEQ_CST))
#define __smp_rmb()	__smp_mb()
#define __smp_wmb()	__smp_mb()
#else
#define __USER_RELEASE	__ATOMIC_RELEASE
#define __smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define __smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define __smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#endif

#define __mb()	__smp_mb()
#define __rmb()	__smp_rmb()
#define __wmb()	__smp_wmb()

#define __smp_store_release(p, v) do {					\
	compiletime_assert_atomic_type(*(p));				\
	__atomic_store_n(p, v, __USER_RELEASE);			\
} while (0)

#define __smp_load_acquire(p) ({					\
	compiletime_assert_atomic_type(*(p));				\
	__atomic_load_n(p, __ATOMIC_ACQUIRE);				\
})

#define __smp_mb__before_atomic()	barrier()
#define __smp_mb__after_atomic()	barrier()

#ifdef USER_TSAN
#undef __smp_mb__before_atomic
#undef __smp_mb__after_atomic
#define __smp_mb__before_atomic()	__smp_mb()
#define __smp_mb__after_atomic()	__smp_mb()
#endif

#include <asm-generic/barrier.h>

#endif /* _ASM_BARRIER_H */
