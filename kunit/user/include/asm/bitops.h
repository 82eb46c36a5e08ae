/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_BITOPS_H
#define _ASM_BITOPS_H

#include <asm-generic/bitops.h>

#ifdef USER_TSAN
/* A marked access, which the generic one is as it is volatile. */
static __always_inline bool
user_test_bit(unsigned long nr, const volatile unsigned long *address)
{
	return __atomic_load_n(address + BIT_WORD(nr), __ATOMIC_ACQUIRE) &
	       BIT_MASK(nr);
}

#undef arch_test_bit
#define arch_test_bit	user_test_bit
#endif

#endif /* _ASM_BITOPS_H */
