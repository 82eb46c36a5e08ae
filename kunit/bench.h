/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the two halves of the benchmark module. */
#ifndef REFHEAP_BENCH_H
#define REFHEAP_BENCH_H

#include <linux/types.h>

/* The last line says FAIL if one of these was ever called. */
void bench_failed(const char *what);

/* scale.c */
void bench_scale(unsigned long objects);

#endif /* REFHEAP_BENCH_H */
