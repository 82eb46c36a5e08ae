/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_CMPXCHG_H
#define _ASM_CMPXCHG_H

#define __user_xchg(p, v, order)					\
	__atomic_exchange_n(p, (typeof(*(p)))(v), order)

#define __user_cmpxchg(p, old, new, order) ({				\
	typeof(*(p)) __seen = (typeof(*(p)))(old);			\
									\
	__user_try_cmpxchg(p, &__seen, new, order);			\
	__seen;								\
})

#define __user_try_cmpxchg(p, old, new, order)				\
	__atomic_compare_exchange_n(p, (typeof(&*(p)))(old),		\
				    (typeof(*(p)))(new), false, order,	\
				    __ATOMIC_RELAXED)

#define arch_xchg(p, v)		__user_xchg(p, v, __ATOMIC_SEQ_CST)
#define arch_xchg_acquire(p, v)	__user_xchg(p, v, __ATOMIC_ACQUIRE)
#define arch_xchg_release(p, v)	__user_xchg(p, v, __ATOMIC_RELEASE)
#define arch_xchg_relaxed(p, v)	__user_xchg(p, v, __ATOMIC_RELAXED)

#define arch_cmpxchg(p, o, n)	__user_cmpxchg(p, o, n, __ATOMIC_SEQ_CST)
#define arch_cmpxchg_acquire(p, o, n) \
	__user_cmpxchg(p, o, n, __ATOMIC_ACQUIRE)
#define arch_cmpxchg_release(p, o, n) \
	__user_cmpxchg(p, o, n, __ATOMIC_RELEASE)
#define arch_cmpxchg_relaxed(p, o, n) \
	__user_cmpxchg(p, o, n, __ATOMIC_RELAXED)
#define arch_cmpxchg_local	arch_cmpxchg
#define arch_cmpxchg64_local	arch_cmpxchg

#define arch_cmpxchg64		arch_cmpxchg
#define arch_cmpxchg64_acquire	arch_cmpxchg_acquire
#define arch_cmpxchg64_release	arch_cmpxchg_release
#define arch_cmpxchg64_relaxed	arch_cmpxchg_relaxed

#define arch_try_cmpxchg(p, o, n) \
	__user_try_cmpxchg(p, o, n, __ATOMIC_SEQ_CST)
#define arch_try_cmpxchg_acquire(p, o, n) \
	__user_try_cmpxchg(p, o, n, __ATOMIC_ACQUIRE)
#define arch_try_cmpxchg_release(p, o, n) \
	__user_try_cmpxchg(p, o, n, __ATOMIC_RELEASE)
#define arch_try_cmpxchg_relaxed(p, o, n) \
	__user_try_cmpxchg(p, o, n, __ATOMIC_RELAXED)
#define arch_try_cmpxchg64		arch_try_cmpxchg
#define arch_try_cmpxchg64_acquire	arch_try_cmpxchg_acquire
#define arch_try_cmpxchg64_release	arch_try_cmpxchg_release
#define arch_try_cmpxchg64_relaxed	arch_try_cmpxchg_relaxed

#endif /* _ASM_CMPXCHG_H */
