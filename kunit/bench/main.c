// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: what refheap costs beside kref and the slab, and collecting
 * beside the number of objects.
 *
 * Everything is measured in this one run, ours and its peer in turn, and only
 * the ratios mean anything on an emulated processor.  The last line is PASS or
 * FAIL; FAIL, and a module that does not load, means that something was not
 * reclaimed or the stack grew, never that it was slow.
 */
#define pr_fmt(fmt) "refheap-bench: " fmt

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "bench.h"

unsigned long bench_loops = 100000;
module_param_named(loops, bench_loops, ulong, 0444);
MODULE_PARM_DESC(loops, "Operations in each measurement");

unsigned long bench_objects = 1000000;
module_param_named(objects, bench_objects, ulong, 0444);
MODULE_PARM_DESC(objects, "Objects of the graphs that are collected");

unsigned long bench_rounds = 5;
module_param_named(rounds, bench_rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "Rounds of each measurement, of which the median counts");

static unsigned long scale = 10000000;
module_param(scale, ulong, 0444);
MODULE_PARM_DESC(scale, "Objects of the large structures");

static char *parts = "count,scale";
module_param(parts, charp, 0444);
MODULE_PARM_DESC(parts, "What to measure: count, scale, reclaim, live, hub, churn, contend, scaling, stall, memory, unix");

static char *only = "";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "What measurements' names begin with, or nothing for all");

static bool power_off;
module_param_named(halt, power_off, bool, 0444);
MODULE_PARM_DESC(halt, "Switch the machine off at the end");

static bool failed;

void bench_failed(const char *what)
{
	pr_err("%s\n", what);
	failed = true;
}

bool bench_wanted(const char *name)
{
	return !strncmp(name, only, strlen(only));
}

void bench_value(const char *name, u64 thousandths, const char *unit)
{
	pr_info("value %s %llu.%03llu %s\n", name, thousandths / 1000,
		thousandths % 1000, unit);
}

void bench_peer(const char *name, const char *peer, u64 thousandths,
		const char *unit)
{
	pr_info("peer %s %s %llu.%03llu %s\n", name, peer, thousandths / 1000,
		thousandths % 1000, unit);
}

void bench_point(const char *curve, u64 x, u64 thousandths)
{
	pr_info("point %s %llu %llu.%03llu\n", curve, x, thousandths / 1000,
		thousandths % 1000);
}

static int compare_figures(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

u64 bench_median(u64 *figures, unsigned int nr)
{
	sort(figures, nr, sizeof(*figures), compare_figures, NULL);
	return figures[nr / 2];
}

static int compare_turns(const void *a, const void *b)
{
	const struct bench_turn *x = a, *y = b;
	u64 left = x->ours * y->peer, right = y->ours * x->peer;

	return left < right ? -1 : left > right;
}

void bench_note(const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list args;

	va_start(args, format);
	text.va = &args;
	pr_info("note %pV\n", &text);
	va_end(args);
}

/* Report the turn whose ratio is the median; figures are of @unit. */
static void compare(const char *name, const char *peer,
		    struct bench_turn *turns, unsigned int nr, u64 operations,
		    const char *unit)
{
	struct bench_turn *turn = &turns[nr / 2];
	u64 ratio;

	sort(turns, nr, sizeof(*turns), compare_turns, NULL);
	bench_value(name, div64_u64(turn->ours * 1000, operations), unit);
	bench_peer(name, peer, div64_u64(turn->peer * 1000, operations), unit);
	ratio = div64_u64(turn->ours * 1000, max(turn->peer, 1ULL));
	pr_info("ratio %s %s %llu.%03llu\n", name, peer, ratio / 1000,
		ratio % 1000);
}

/* Of turns that took so many nanoseconds for so many operations. */
void bench_compare(const char *name, const char *peer,
		   struct bench_turn *turns, unsigned int nr, u64 operations)
{
	compare(name, peer, turns, nr, operations, "ns");
}

/* Of turns whose figures are ratios, in thousandths. */
void bench_compare_ratios(const char *name, const char *peer,
			  struct bench_turn *turns, unsigned int nr)
{
	compare(name, peer, turns, nr, 1000, "ratio");
}

static bool wanted(const char *part)
{
	size_t length = strlen(part);
	const char *at;

	for (at = parts; *at; at = strchrnul(at, ','), at += *at == ',')
		if (!strncmp(at, part, length) &&
		    (!at[length] || at[length] == ','))
			return true;
	return false;
}

static void bench_run(void)
{
	if (wanted("count"))
		bench_count();
	if (wanted("reclaim"))
		bench_reclaim();
	if (wanted("live"))
		bench_live();
	if (wanted("hub"))
		bench_hub();
	if (wanted("churn"))
		bench_churn();
	if (wanted("contend"))
		bench_contend();
	if (wanted("scaling"))
		bench_scaling();
	if (wanted("stall"))
		bench_latency();
	if (wanted("memory"))
		bench_allocation();
	if (wanted("unix"))
		bench_unix();
	if (wanted("scale"))
		bench_scale(scale);
}

static int __init bench_init(void)
{
	if (!bench_loops || bench_loops > INT_MAX || bench_objects < 1000 ||
	    !bench_rounds || bench_rounds > BENCH_ROUNDS_MOST)
		return -EINVAL;
	bench_run();
	pr_info("%s\n", failed ? "FAIL" : "PASS");
	if (power_off)
		kernel_power_off();
	return failed ? -EIO : 0;
}

static void __exit bench_exit(void)
{
}

/* Built in, it waits for the console. */
late_initcall(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of refheap");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
