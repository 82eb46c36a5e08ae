/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate faults, to see the tests fail.  Compiled in by REFHEAP_BUSTED=1
 * only, and then chosen by the module parameter busted=<name>; in every other
 * build busted() is false and folded away.
 */
#ifndef _REFHEAP_BUSTED_H
#define _REFHEAP_BUSTED_H

#include <linux/types.h>

#ifdef REFHEAP_BUSTED
bool busted(const char *name);
#else
static inline bool busted(const char *name)
{
	return false;
}
#endif

#endif /* _REFHEAP_BUSTED_H */
