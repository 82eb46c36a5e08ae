/* SPDX-License-Identifier: GPL-2.0 */
/* Atomic operations by the compiler's builtins, which sanitizers understand. */
#ifndef _ASM_ATOMIC_H
#define _ASM_ATOMIC_H

#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/cmpxchg.h>

#define ATOMIC64_INIT(i)	{ (i) }

#define arch_atomic_read(v)	READ_ONCE((v)->counter)
#define arch_atomic_set(v, i)	WRITE_ONCE((v)->counter, i)
#define arch_atomic64_read(v)	READ_ONCE((v)->counter)
#define arch_atomic64_set(v, i)	WRITE_ONCE((v)->counter, i)

/*
 * Behind the last put comes smp_acquire__after_ctrl_dep(), which ThreadSanitizer
 * does not know: to it the put acquires at once.
 */
#ifdef USER_TSAN
#define __USER_ATOMIC_RELEASE	__ATOMIC_ACQ_REL
#else
#define __USER_ATOMIC_RELEASE	__ATOMIC_RELEASE
#endif

#define __USER_ATOMIC_ORDERED(atomic, type, op, suffix, order)		\
static __always_inline type						\
arch_##atomic##_##op##_return##suffix(type i, atomic##_t *v)		\
{									\
	return __atomic_##op##_fetch(&v->counter, i, order);		\
}									\
									\
static __always_inline type						\
arch_##atomic##_fetch_##op##suffix(type i, atomic##_t *v)		\
{									\
	return __atomic_fetch_##op(&v->counter, i, order);		\
}

#define __USER_ATOMIC_FETCH(atomic, type, op, suffix, order)		\
static __always_inline type						\
arch_##atomic##_fetch_##op##suffix(type i, atomic##_t *v)		\
{									\
	return __atomic_fetch_##op(&v->counter, i, order);		\
}

#define __USER_ATOMIC(make, atomic, type, op)				\
static __always_inline void						\
arch_##atomic##_##op(type i, atomic##_t *v)				\
{									\
	__atomic_fetch_##op(&v->counter, i, __ATOMIC_RELAXED);		\
}									\
									\
make(atomic, type, op, , __ATOMIC_SEQ_CST)				\
make(atomic, type, op, _acquire, __ATOMIC_ACQUIRE)			\
make(atomic, type, op, _release, __USER_ATOMIC_RELEASE)			\
make(atomic, type, op, _relaxed, __ATOMIC_RELAXED)

__USER_ATOMIC(__USER_ATOMIC_ORDERED, atomic, int, add)
__USER_ATOMIC(__USER_ATOMIC_ORDERED, atomic, int, sub)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic, int, and)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic, int, or)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic, int, xor)
__USER_ATOMIC(__USER_ATOMIC_ORDERED, atomic64, s64, add)
__USER_ATOMIC(__USER_ATOMIC_ORDERED, atomic64, s64, sub)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic64, s64, and)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic64, s64, or)
__USER_ATOMIC(__USER_ATOMIC_FETCH, atomic64, s64, xor)

/* The kernel fills in what is not defined: by a name as a macro it sees it. */
#define arch_atomic_add_return arch_atomic_add_return
#define arch_atomic_add_return_acquire arch_atomic_add_return_acquire
#define arch_atomic_add_return_release arch_atomic_add_return_release
#define arch_atomic_add_return_relaxed arch_atomic_add_return_relaxed
#define arch_atomic_fetch_add arch_atomic_fetch_add
#define arch_atomic_fetch_add_acquire arch_atomic_fetch_add_acquire
#define arch_atomic_fetch_add_release arch_atomic_fetch_add_release
#define arch_atomic_fetch_add_relaxed arch_atomic_fetch_add_relaxed
#define arch_atomic_sub_return arch_atomic_sub_return
#define arch_atomic_sub_return_acquire arch_atomic_sub_return_acquire
#define arch_atomic_sub_return_release arch_atomic_sub_return_release
#define arch_atomic_sub_return_relaxed arch_atomic_sub_return_relaxed
#define arch_atomic_fetch_sub arch_atomic_fetch_sub
#define arch_atomic_fetch_sub_acquire arch_atomic_fetch_sub_acquire
#define arch_atomic_fetch_sub_release arch_atomic_fetch_sub_release
#define arch_atomic_fetch_sub_relaxed arch_atomic_fetch_sub_relaxed
#define arch_atomic_fetch_and arch_atomic_fetch_and
#define arch_atomic_fetch_and_acquire arch_atomic_fetch_and_acquire
#define arch_atomic_fetch_and_release arch_atomic_fetch_and_release
#define arch_atomic_fetch_and_relaxed arch_atomic_fetch_and_relaxed
#define arch_atomic_fetch_or arch_atomic_fetch_or
#define arch_atomic_fetch_or_acquire arch_atomic_fetch_or_acquire
#define arch_atomic_fetch_or_release arch_atomic_fetch_or_release
#define arch_atomic_fetch_or_relaxed arch_atomic_fetch_or_relaxed
#define arch_atomic_fetch_xor arch_atomic_fetch_xor
#define arch_atomic_fetch_xor_acquire arch_atomic_fetch_xor_acquire
#define arch_atomic_fetch_xor_release arch_atomic_fetch_xor_release
#define arch_atomic_fetch_xor_relaxed arch_atomic_fetch_xor_relaxed
#define arch_atomic64_add_return arch_atomic64_add_return
#define arch_atomic64_add_return_acquire arch_atomic64_add_return_acquire
#define arch_atomic64_add_return_release arch_atomic64_add_return_release
#define arch_atomic64_add_return_relaxed arch_atomic64_add_return_relaxed
#define arch_atomic64_fetch_add arch_atomic64_fetch_add
#define arch_atomic64_fetch_add_acquire arch_atomic64_fetch_add_acquire
#define arch_atomic64_fetch_add_release arch_atomic64_fetch_add_release
#define arch_atomic64_fetch_add_relaxed arch_atomic64_fetch_add_relaxed
#define arch_atomic64_sub_return arch_atomic64_sub_return
#define arch_atomic64_sub_return_acquire arch_atomic64_sub_return_acquire
#define arch_atomic64_sub_return_release arch_atomic64_sub_return_release
#define arch_atomic64_sub_return_relaxed arch_atomic64_sub_return_relaxed
#define arch_atomic64_fetch_sub arch_atomic64_fetch_sub
#define arch_atomic64_fetch_sub_acquire arch_atomic64_fetch_sub_acquire
#define arch_atomic64_fetch_sub_release arch_atomic64_fetch_sub_release
#define arch_atomic64_fetch_sub_relaxed arch_atomic64_fetch_sub_relaxed
#define arch_atomic64_fetch_and arch_atomic64_fetch_and
#define arch_atomic64_fetch_and_acquire arch_atomic64_fetch_and_acquire
#define arch_atomic64_fetch_and_release arch_atomic64_fetch_and_release
#define arch_atomic64_fetch_and_relaxed arch_atomic64_fetch_and_relaxed
#define arch_atomic64_fetch_or arch_atomic64_fetch_or
#define arch_atomic64_fetch_or_acquire arch_atomic64_fetch_or_acquire
#define arch_atomic64_fetch_or_release arch_atomic64_fetch_or_release
#define arch_atomic64_fetch_or_relaxed arch_atomic64_fetch_or_relaxed
#define arch_atomic64_fetch_xor arch_atomic64_fetch_xor
#define arch_atomic64_fetch_xor_acquire arch_atomic64_fetch_xor_acquire
#define arch_atomic64_fetch_xor_release arch_atomic64_fetch_xor_release
#define arch_atomic64_fetch_xor_relaxed arch_atomic64_fetch_xor_relaxed

#endif /* _ASM_ATOMIC_H */
