/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading and writing the heap's debugfs files from inside the kernel, with
 * or without a user space that has mounted debugfs.
 */
#ifndef REFHEAP_KUNIT_DEBUGFILE_H
#define REFHEAP_KUNIT_DEBUGFILE_H

#include <linux/types.h>

struct graph;

char *debugfile_read(struct graph *g, const char *name);
long debugfile_try_read(struct graph *g, const char *name);
long debugfile_write(struct graph *g, const char *name, const char *text);
s64 debugfile_stat(struct graph *g, const char *key);
s64 debugfile_warnings(struct graph *g);

#endif /* REFHEAP_KUNIT_DEBUGFILE_H */
