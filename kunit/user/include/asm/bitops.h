/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_BITOPS_H
#define _ASM_BITOPS_H

#include <asm-generic/bitops.h>

#endif /* _ASM_BITOPS_H */
