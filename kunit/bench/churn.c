// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: cyclic garbage made as fast as one CPU can.
 */
#include "bench.h"

void bench_churn(void)
{
}
