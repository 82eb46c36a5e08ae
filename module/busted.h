/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate faults, to see the tests fail.  Compiled in by REFHEAP_BUSTED=1
 * only, and then chosen by the module parameter busted=<name>; in every other
 * build busted() is false and folded away.
 */
#ifndef _REFHEAP_BUSTED_H
#define _REFHEAP_BUSTED_H

#include <linux/compiler.h>
#include <linux/types.h>

#define FAULT(name) FAULT_##name
enum refheap_fault {
	FAULT_none,
#include "faults.h"
};

#undef FAULT

#ifdef REFHEAP_BUSTED
/* busted.c; set before anything else of the module runs. */
extern enum refheap_fault refheap_fault;
#endif

static inline bool busted(enum refheap_fault fault)
{
#ifdef REFHEAP_BUSTED
	return unlikely(refheap_fault == fault);
#else
	return false;
#endif
}

#endif /* _REFHEAP_BUSTED_H */
