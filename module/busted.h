/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate faults, to see the tests fail.  Compiled in by REFHEAP_BUSTED=1
 * only, and then chosen by the module parameter busted=<name>; in every other
 * build busted() is a constant false.
 */
#ifndef _REFHEAP_BUSTED_H
#define _REFHEAP_BUSTED_H

#ifdef REFHEAP_BUSTED
bool refheap_busted(const char *name);
#define busted(name) unlikely(refheap_busted(name))
#else
#define busted(name) false
#endif

#endif /* _REFHEAP_BUSTED_H */
