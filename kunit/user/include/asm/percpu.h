/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A processor's data are one thread's: what it does to them is atomic for it,
 * and others may read them.
 */
#ifndef _ASM_PERCPU_H
#define _ASM_PERCPU_H

#include <asm/current.h>

#define __my_cpu_offset	(user_thread.offset)

#define __user_cpu_op(pcp, val, op) ({					\
	typeof(&(pcp)) __p = raw_cpu_ptr(&(pcp));			\
	typeof(pcp) __v = READ_ONCE(*__p);				\
									\
	__v op val;							\
	WRITE_ONCE(*__p, __v);						\
	__v;								\
})

#define this_cpu_write_4(pcp, val)	((void)__user_cpu_op(pcp, val, =))
#define this_cpu_write_8(pcp, val)	((void)__user_cpu_op(pcp, val, =))
#define this_cpu_add_4(pcp, val)	((void)__user_cpu_op(pcp, val, +=))
#define this_cpu_add_8(pcp, val)	((void)__user_cpu_op(pcp, val, +=))
#define this_cpu_add_return_4(pcp, val)	__user_cpu_op(pcp, val, +=)
#define this_cpu_add_return_8(pcp, val)	__user_cpu_op(pcp, val, +=)

#include <asm-generic/percpu.h>

#endif /* _ASM_PERCPU_H */
