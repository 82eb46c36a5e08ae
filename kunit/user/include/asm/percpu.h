/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A processor's data are one thread's: what it does to them is atomic for it,
 * and others may read them.
 */
#ifndef _ASM_PERCPU_H
#define _ASM_PERCPU_H

#include <asm/current.h>

#define __my_cpu_offset	(user_thread.offset)

#ifdef USER_TSAN
#define raw_cpu_generic_to_op(pcp, val, op) do {			\
	typeof(&(pcp)) __p = raw_cpu_ptr(&(pcp));			\
	typeof(pcp) __v = __atomic_load_n(__p, __ATOMIC_RELAXED);	\
									\
	__v op val;							\
	__atomic_store_n(__p, __v, __ATOMIC_RELAXED);			\
} while (0)

#define raw_cpu_generic_add_return(pcp, val) ({				\
	typeof(&(pcp)) __p = raw_cpu_ptr(&(pcp));			\
	typeof(pcp) __v = __atomic_load_n(__p, __ATOMIC_RELAXED) + val;	\
									\
	__atomic_store_n(__p, __v, __ATOMIC_RELAXED);			\
	__v;								\
})
#endif

#define this_cpu_write_4(pcp, val)	raw_cpu_generic_to_op(pcp, val, =)
#define this_cpu_write_8(pcp, val)	raw_cpu_generic_to_op(pcp, val, =)
#define this_cpu_add_4(pcp, val)	raw_cpu_generic_to_op(pcp, val, +=)
#define this_cpu_add_8(pcp, val)	raw_cpu_generic_to_op(pcp, val, +=)
#define this_cpu_add_return_4(pcp, val)	raw_cpu_generic_add_return(pcp, val)
#define this_cpu_add_return_8(pcp, val)	raw_cpu_generic_add_return(pcp, val)

#include <asm-generic/percpu.h>

#endif /* _ASM_PERCPU_H */
