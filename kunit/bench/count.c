// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark: references beside kref, allocations beside the slab.
 */
#define pr_fmt(fmt) "refheap-bench: " fmt

#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

/* So many turns of each measurement. */
#define ROUNDS 7

/* Objects that are measured in rows, and not the same one all the time. */
#define MANY 20000

/* --- what is measured --------------------------------------------------- */

/* 64 bytes each, of which the peer needs no slot and no heap header. */
struct ours {
	struct refobj obj;
	struct refslot slot[2];
	u64 payload[4];
};

struct peer {
	struct kref kref;
	u64 payload[7];
};

static const struct reffield ours_fields[] = {
	REFFIELD(struct ours, slot),
};

static struct refheap *heap;
static struct reftype *leaf, *leaf_released, *container, *container_released;
static struct kmem_cache *peers;
static struct refobj **our_many;
static struct peer **peer_many;
static unsigned long our_releases, peer_releases;

static void ours_release(struct refobj *obj)
{
	our_releases++;
}

static void peer_release(struct kref *kref)
{
	peer_releases++;
	kmem_cache_free(peers, container_of(kref, struct peer, kref));
}

/* A constructor keeps the cache from being merged, as ours never is. */
static void peer_construct(void *memory)
{
}

static struct peer *peer_alloc(void)
{
	struct peer *peer = kmem_cache_alloc(peers, GFP_KERNEL);

	if (peer)
		kref_init(&peer->kref);
	return peer;
}

/* What a measurement works on. */
struct subject {
	struct reftype *type;
	struct refobj *obj;
	struct peer *peer;
};

/* Each returns the nanoseconds of @bench_loops operations. */

static u64 our_gets(struct subject *s)
{
	struct refobj *obj = s->obj;
	u64 begun = ktime_get_ns(), took;
	unsigned long i;

	for (i = 0; i < bench_loops; i++)
		refobj_get(obj);
	took = ktime_get_ns() - begun;
	for (i = 0; i < bench_loops; i++)
		refobj_put(obj);
	return took;
}

static u64 peer_gets(struct subject *s)
{
	struct peer *peer = s->peer;
	u64 begun = ktime_get_ns(), took;
	unsigned long i;

	for (i = 0; i < bench_loops; i++)
		kref_get(&peer->kref);
	took = ktime_get_ns() - begun;
	for (i = 0; i < bench_loops; i++)
		kref_put(&peer->kref, peer_release);
	return took;
}

static u64 our_puts(struct subject *s)
{
	struct refobj *obj = s->obj;
	unsigned long i;
	u64 begun;

	for (i = 0; i < bench_loops; i++)
		refobj_get(obj);
	begun = ktime_get_ns();
	for (i = 0; i < bench_loops; i++)
		refobj_put(obj);
	return ktime_get_ns() - begun;
}

static u64 peer_puts(struct subject *s)
{
	struct peer *peer = s->peer;
	unsigned long i;
	u64 begun;

	for (i = 0; i < bench_loops; i++)
		kref_get(&peer->kref);
	begun = ktime_get_ns();
	for (i = 0; i < bench_loops; i++)
		kref_put(&peer->kref, peer_release);
	return ktime_get_ns() - begun;
}

static u64 our_pairs(struct subject *s)
{
	struct refobj *obj = s->obj;
	u64 begun = ktime_get_ns();
	unsigned long i;

	for (i = 0; i < bench_loops; i++) {
		refobj_get(obj);
		refobj_put(obj);
	}
	return ktime_get_ns() - begun;
}

static u64 peer_pairs(struct subject *s)
{
	struct peer *peer = s->peer;
	u64 begun = ktime_get_ns();
	unsigned long i;

	for (i = 0; i < bench_loops; i++) {
		kref_get(&peer->kref);
		kref_put(&peer->kref, peer_release);
	}
	return ktime_get_ns() - begun;
}

static u64 our_lives(struct subject *s)
{
	u64 begun = ktime_get_ns();
	struct refobj *obj;
	unsigned long i;

	for (i = 0; i < bench_loops; i++) {
		obj = refobj_alloc(s->type, GFP_KERNEL);
		if (likely(obj))
			refobj_put(obj);
	}
	return ktime_get_ns() - begun;
}

static u64 peer_lives(struct subject *s)
{
	u64 begun = ktime_get_ns();
	struct peer *peer;
	unsigned long i;

	for (i = 0; i < bench_loops; i++) {
		peer = peer_alloc();
		if (likely(peer))
			kref_put(&peer->kref, peer_release);
	}
	return ktime_get_ns() - begun;
}

/* Allocations in a row, and then frees in a row: cold, as it mostly is. */
static u64 our_generations(struct subject *s)
{
	u64 begun = ktime_get_ns();
	unsigned long i, n;

	for (n = 0; n < bench_loops; n += MANY) {
		for (i = 0; i < MANY; i++)
			our_many[i] = refobj_alloc(s->type, GFP_KERNEL);
		for (i = 0; i < MANY; i++)
			if (likely(our_many[i]))
				refobj_put(our_many[i]);
	}
	return div64_ul((ktime_get_ns() - begun) * bench_loops, n);
}

static u64 peer_generations(struct subject *s)
{
	u64 begun = ktime_get_ns();
	unsigned long i, n;

	for (n = 0; n < bench_loops; n += MANY) {
		for (i = 0; i < MANY; i++)
			peer_many[i] = peer_alloc();
		for (i = 0; i < MANY; i++)
			if (likely(peer_many[i]))
				kref_put(&peer_many[i]->kref, peer_release);
	}
	return div64_ul((ktime_get_ns() - begun) * bench_loops, n);
}

/*
 * The first put since the collector looked, on each of many objects. They
 * live from one round to the next.
 */
static u64 our_first_puts(struct subject *s)
{
	unsigned long i;
	u64 begun;

	/* Look at them, and so clear their marks. */
	if (refheap_collect(heap, REFHEAP_COLLECT_FULL))
		bench_failed("something live was reclaimed");
	for (i = 0; i < MANY; i++)
		refobj_get(our_many[i]);
	begun = ktime_get_ns();
	for (i = 0; i < MANY; i++)
		refobj_put(our_many[i]);
	return (ktime_get_ns() - begun) * bench_loops / MANY;
}

static u64 peer_first_puts(struct subject *s)
{
	unsigned long i;
	u64 begun;

	for (i = 0; i < MANY; i++)
		kref_get(&peer_many[i]->kref);
	begun = ktime_get_ns();
	for (i = 0; i < MANY; i++)
		kref_put(&peer_many[i]->kref, peer_release);
	return (ktime_get_ns() - begun) * bench_loops / MANY;
}

/* --- measuring ---------------------------------------------------------- */

struct measure {
	const char *what;
	u64 (*ours)(struct subject *s);
	const char *peer_name;
	u64 (*peer)(struct subject *s);
	struct reftype **type;
};

static const struct measure measures[] = {
	{ "get/leaf", our_gets, "kref", peer_gets, &leaf },
	{ "get", our_gets, "kref", peer_gets, &container },
	{ "put/leaf", our_puts, "kref", peer_puts, &leaf },
	{ "put", our_puts, "kref", peer_puts, &container },
	{ "get+put/leaf", our_pairs, "kref", peer_pairs, &leaf },
	{ "get+put", our_pairs, "kref", peer_pairs,
	  &container },
	{ "alloc+free/leaf", our_lives, "kmem_cache+kref", peer_lives,
	  &leaf },
	{ "alloc+free/leaf+release", our_lives, "kmem_cache+kref", peer_lives,
	  &leaf_released },
	{ "alloc+free/container", our_lives, "kmem_cache+kref", peer_lives,
	  &container },
	{ "alloc+free/container+release", our_lives, "kmem_cache+kref",
	  peer_lives, &container_released },
	{ "allocs,frees/leaf", our_generations, "kmem_cache+kref",
	  peer_generations, &leaf },
	{ "allocs,frees/leaf+release", our_generations, "kmem_cache+kref",
	  peer_generations, &leaf_released },
	{ "allocs,frees/container", our_generations, "kmem_cache+kref",
	  peer_generations, &container },
};

static const struct measure first_put = {
	"put/first", our_first_puts, "kref", peer_first_puts, &container
};

static void measure(const struct measure *m, struct subject *s)
{
	struct bench_turn turns[ROUNDS];
	unsigned int i;

	/* Once for the caches. */
	m->ours(s);
	m->peer(s);
	for (i = 0; i < ROUNDS; i++) {
		turns[i].ours = m->ours(s);
		cond_resched();
		turns[i].peer = m->peer(s);
		cond_resched();
	}
	bench_compare(m->what, m->peer_name, turns, ROUNDS, bench_loops);
}

static void measure_one(const struct measure *m)
{
	struct subject s = { .type = *m->type };

	s.obj = refobj_alloc(s.type, GFP_KERNEL);
	s.peer = peer_alloc();
	if (s.obj && s.peer) {
		/* Marked, if it can be: the first put is measured later. */
		refobj_get(s.obj);
		refobj_put(s.obj);
		measure(m, &s);
	} else {
		bench_failed("no memory");
	}
	if (s.obj)
		refobj_put(s.obj);
	if (s.peer)
		kref_put(&s.peer->kref, peer_release);
}

static void measure_first_put(void)
{
	struct subject s = {};
	unsigned long i, n;

	for (n = 0; n < MANY; n++) {
		our_many[n] = refobj_alloc(container, GFP_KERNEL);
		peer_many[n] = peer_alloc();
		if (!our_many[n] || !peer_many[n])
			break;
	}
	if (n == MANY)
		measure(&first_put, &s);
	else
		bench_failed("no memory");
	for (i = 0; i < MANY && i <= n; i++) {
		if (our_many[i])
			refobj_put(our_many[i]);
		if (peer_many[i])
			kref_put(&peer_many[i]->kref, peer_release);
	}
}

/* --- the module --------------------------------------------------------- */

static struct reftype *bench_type(const char *name, bool slots,
				  void (*release)(struct refobj *obj))
{
	struct reftype_desc desc = {
		REFTYPE(struct ours, obj), .name = name, .release = release,
		.fields = slots ? ours_fields : NULL,
		.nr_fields = slots ? ARRAY_SIZE(ours_fields) : 0,
	};
	struct reftype *type = refheap_register_type(heap, &desc);

	return IS_ERR(type) ? NULL : type;
}

static int bench_set_up(void)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };

	BUILD_BUG_ON(sizeof(struct ours) != sizeof(struct peer));
	heap = refheap_create("bench", &params);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	leaf = bench_type("leaf", false, NULL);
	leaf_released = bench_type("leaf_released", false, ours_release);
	container = bench_type("container", true, NULL);
	container_released = bench_type("container_released", true,
					ours_release);
	peers = kmem_cache_create("refheap_bench_peer", sizeof(struct peer), 0,
				  0, peer_construct);
	our_many = kvcalloc(MANY, sizeof(*our_many), GFP_KERNEL);
	peer_many = kvcalloc(MANY, sizeof(*peer_many), GFP_KERNEL);
	if (!leaf || !leaf_released || !container || !container_released ||
	    !peers || !our_many ||
	    !peer_many)
		return -ENOMEM;
	return 0;
}

static void bench_tear_down(void)
{
	kvfree(peer_many);
	kvfree(our_many);
	kmem_cache_destroy(peers);
	if (refheap_destroy(heap))
		bench_failed("objects were left");
}

void bench_count(void)
{
	unsigned int i;

	bench_value("memory/header", sizeof(struct refobj) * 1000, "bytes");
	if (!bench_set_up()) {
		for (i = 0; i < ARRAY_SIZE(measures); i++)
			if (bench_wanted(measures[i].what))
				measure_one(&measures[i]);
		if (bench_wanted(first_put.what))
			measure_first_put();
	} else {
		bench_failed("no memory");
	}
	bench_tear_down();
}
