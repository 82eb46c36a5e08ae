/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_PGTABLE_H
#define _ASM_PGTABLE_H

#include <asm-generic/pgtable-nopud.h>
#include <asm/page.h>

#define PAGE_NONE	__pgprot(0)
#define PAGE_SHARED	__pgprot(0)
#define PAGE_COPY	__pgprot(0)
#define PAGE_READONLY	__pgprot(0)
#define PAGE_KERNEL	__pgprot(0)
#define VMALLOC_START	0UL
#define VMALLOC_END	(~0UL)
#define ZERO_PAGE(address)	((struct page *)NULL)

#endif /* _ASM_PGTABLE_H */
