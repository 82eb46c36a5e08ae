/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the parts of the benchmark module.
 *
 * Each part prints what it has measured, in lines that scripts/bench collects:
 *
 *   refheap-bench: value <name> <figure> <unit>
 *   refheap-bench: peer <name> <peer> <figure> <unit>
 *   refheap-bench: ratio <name> <peer> <median of paired ratios>
 *   refheap-bench: point <curve> <x> <y>
 *   refheap-bench: note <text>
 *
 * Figures are in thousandths here and have three places there.
 */
#ifndef REFHEAP_BENCH_H
#define REFHEAP_BENCH_H

#include <linux/types.h>

#include <refheap.h>

/* main.c: parameters */
extern unsigned long bench_loops;
extern unsigned long bench_objects;
extern unsigned long bench_rounds;

/* Rounds of which the median counts; the parameter is no more. */
#define BENCH_ROUNDS_MOST 15

/* Is a measurement asked for? */
bool bench_wanted(const char *name);

/* The last line says FAIL if one of these was ever called. */
void bench_failed(const char *what);

void bench_value(const char *name, u64 thousandths, const char *unit);
void bench_peer(const char *name, const char *peer, u64 thousandths,
		const char *unit);
void bench_point(const char *curve, u64 x, u64 thousandths);
u64 bench_median(u64 *figures, unsigned int nr);

/* What two neighbours in time took: the machine was in the same mood. */
struct bench_turn {
	u64 ours;
	u64 peer;
};

void bench_compare(const char *name, const char *peer,
		   struct bench_turn *turns, unsigned int nr, u64 operations);
void bench_compare_ratios(const char *name, const char *peer,
			  struct bench_turn *turns, unsigned int nr);
void bench_note(const char *format, ...) __printf(1, 2);

/* graph.c: structures of objects with a word of payload and some slots */
struct bench_node {
	struct refobj obj;
	u64 id;
	struct refslot slot[];
};

struct bench_graph {
	struct refheap *heap;
	struct reftype *type;
	struct refobj **node;	/* held until bench_graph_drop(); no more is freed */
	unsigned long nr;
	unsigned int slots;
	bool shuffled;
};

static inline struct refslot *bench_slot(struct refobj *obj, unsigned int i)
{
	return &container_of(obj, struct bench_node, obj)->slot[i];
}

bool bench_graph_init(struct bench_graph *graph, unsigned int slots,
		      unsigned long nr);
bool bench_graph_init_heap(struct bench_graph *graph, unsigned int slots,
			   unsigned long nr,
			   const struct refheap_params *params);
bool bench_graph_fill(struct bench_graph *graph);
void bench_graph_shuffle(struct bench_graph *graph);
void bench_tie_pairs(struct refobj **node, unsigned long nr);
void bench_graph_drop(struct bench_graph *graph);
void bench_graph_exit(struct bench_graph *graph);

/* team.c: threads that begin together, each on a CPU of its own */
bool bench_two_cpus(const char *part);
u64 bench_team(void (*work)(void *data), void *const *data, unsigned int nr);

/* The parts. */
void bench_count(void);
void bench_scale(unsigned long objects);
void bench_reclaim(void);
void bench_live(void);
void bench_hub(void);
void bench_churn(void);
void bench_contend(void);
void bench_scaling(void);
void bench_latency(void);
void bench_allocation(void);

/* Only built into a kernel that has Unix sockets: see kunit/Kbuild. */
#ifdef BENCH_UNIX
void bench_unix(void);
#else
static inline void bench_unix(void)
{
	bench_note("unix: only in a kernel that has all built in");
}
#endif

#endif /* REFHEAP_BENCH_H */
