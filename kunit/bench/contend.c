// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: two threads on two CPUs that count references to one object,
 * beside two that do so with a kref.  A figure is what an operation takes the
 * one who makes it.
 */
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "bench.h"

#define CPUS 2

/*
 * Whose turn it is to have the cache line is decided by chance and for long,
 * so more rounds than elsewhere.
 */
#define ROUNDS 21

/* As large as ours. */
struct peer {
	struct kref kref;
	u64 payload[3];
};

/* Both counts have room for what all threads add. */
static unsigned long loops(void)
{
	return min(bench_loops, (unsigned long)INT_MAX / (2 * CPUS));
}

/* --- each is the work of one thread ------------------------------------- */

static void get_ours(void *data)
{
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++)
		refobj_get(data);
}

static void put_ours(void *data)
{
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++)
		refobj_put(data);
}

static void get_put_ours(void *data)
{
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++) {
		refobj_get(data);
		refobj_put(data);
	}
}

static void peer_release(struct kref *kref)
{
	kfree(container_of(kref, struct peer, kref));
}

static void get_peer(void *data)
{
	struct peer *peer = data;
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++)
		kref_get(&peer->kref);
}

static void put_peer(void *data)
{
	struct peer *peer = data;
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++)
		kref_put(&peer->kref, peer_release);
}

static void get_put_peer(void *data)
{
	struct peer *peer = data;
	unsigned long i, nr = loops();

	for (i = 0; i < nr; i++) {
		kref_get(&peer->kref);
		kref_put(&peer->kref, peer_release);
	}
}

/* --- measuring ---------------------------------------------------------- */

/* What is measured; what a single thread does before and after it. */
struct side {
	void (*work)(void *data);
	void (*before)(void *data);
	void (*after)(void *data);
};

static const struct contest {
	const char *name;
	struct side ours, peer;
} contests[] = {
	{ "get/contended", { get_ours, NULL, put_ours },
	  { get_peer, NULL, put_peer } },
	{ "put/contended", { put_ours, get_ours, NULL },
	  { put_peer, get_peer, NULL } },
	{ "get+put/contended", { get_put_ours }, { get_put_peer } },
};

static u64 contend(const struct side *side, void *subject)
{
	void *data[CPUS] = { subject, subject };
	unsigned int i;
	u64 took;

	for (i = 0; side->before && i < CPUS; i++)
		side->before(subject);
	took = bench_team(side->work, data, CPUS);
	for (i = 0; side->after && i < CPUS; i++)
		side->after(subject);
	return took;
}

static void measure(const struct contest *contest, struct refobj *obj,
		    struct peer *peer)
{
	struct bench_turn turns[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		turns[i].ours = contend(&contest->ours, obj);
		turns[i].peer = contend(&contest->peer, peer);
	}
	bench_compare(contest->name, "kref", turns, ROUNDS, loops());
}

void bench_contend(void)
{
	struct bench_graph graph;
	struct peer *peer;
	unsigned int i;

	if (!bench_two_cpus("contend") || !bench_graph_init(&graph, 1, 1))
		return;
	peer = kmalloc(sizeof(*peer), GFP_KERNEL);
	if (peer && bench_graph_fill(&graph)) {
		kref_init(&peer->kref);
		for (i = 0; i < ARRAY_SIZE(contests); i++)
			if (bench_wanted(contests[i].name))
				measure(&contests[i], graph.node[0], peer);
		kref_put(&peer->kref, peer_release);
	} else {
		kfree(peer);
		bench_failed("no memory");
	}
	bench_graph_exit(&graph);
}
