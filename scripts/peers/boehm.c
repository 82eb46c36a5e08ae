// SPDX-License-Identifier: GPL-2.0
/*
 * What Boehm's collector takes for the graphs that refheap is measured on.
 *
 * usage: boehm PART [OBJECTS]    (build: cc -O2 boehm.c -lgc -pthread)
 *
 * Prints "refheap-bench: peer ..." lines; README.md tells what is timed. This
 * collector marks what is alive and does not look at the rest: later allocations
 * sweep it and put it on free lists. So what it left undone is added to the time
 * of a collection: what allocating as many objects takes then, above what it
 * takes from free lists that are ready.
 *
 * A chain that is dropped costs the same as a ring: there are no counts.
 */
#define GC_THREADS
#include <gc.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define PAIRS_AT_HUB 1000
#define ROUNDS 3
#define LIVE_ROUNDS 5
#define STALL_ROUNDS 9

struct node {
	struct node *next;
	long payload;	/* memory is handed out by 16 bytes */
};

/* With room for the other neighbour, or the other child and the parent. */
struct list_node {
	struct list_node *next, *prev;
};

struct tree_node {
	struct tree_node *left, *right, *parent;
	long payload;
};

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static double median(long *times, int n)
{
	qsort(times, n, sizeof(*times), compare);
	return times[n / 2];
}

static void peer(const char *name, double number, const char *unit)
{
	printf("refheap-bench: peer %s boehm %.3f %s\n", name, number, unit);
	fflush(stdout);
}

static void fail(const char *why)
{
	fprintf(stderr, "boehm: %s\n", why);
	exit(1);
}

static void make_pairs(long n)
{
	for (long i = 0; i < n; i += 2) {
		struct node *a = GC_MALLOC(sizeof(*a));
		struct node *b = GC_MALLOC(sizeof(*b));

		a->next = b;
		b->next = a;
	}
}

static void make_ring(long n)
{
	struct node *first = GC_MALLOC(sizeof(*first)), *last = first;

	for (long i = 1; i < n; i++)
		last = last->next = GC_MALLOC(sizeof(*last));
	last->next = first;
}

static void make_list(long n)
{
	struct list_node *last = GC_MALLOC(sizeof(*last));

	for (long i = 1; i < n; i++) {
		struct list_node *node = GC_MALLOC(sizeof(*node));

		last->next = node;
		node->prev = last;
		last = node;
	}
}

/* The nodes in the order of a heap: node i is above 2i + 1 and 2i + 2. */
static void make_tree(long n)
{
	struct tree_node **nodes = GC_MALLOC(n * sizeof(*nodes));

	for (long i = 0; i < n; i++) {
		struct tree_node *node = nodes[i] = GC_MALLOC(sizeof(*node));
		struct tree_node *parent = i ? nodes[(i - 1) / 2] : NULL;

		node->parent = parent;
		if (i)
			*(i % 2 ? &parent->left : &parent->right) = node;
	}
	GC_FREE(nodes);
}

static const struct shape {
	const char *name;
	void (*make)(long n);
	size_t size;
} shapes[] = {
	{ "pairs", make_pairs, sizeof(struct node) },
	{ "ring", make_ring, sizeof(struct node) },
	{ "list", make_list, sizeof(struct list_node) },
	{ "tree", make_tree, sizeof(struct tree_node) },
};

static size_t in_use(void)
{
	return GC_get_heap_size() - GC_get_free_bytes();
}

/* What is made, and how many; how long it took. */
struct order {
	const struct shape *shape;
	long n;
	long took;
};

/*
 * Objects are handled on a stack that goes: memory is used again, and a word
 * that is left on this one would keep the next graph alive.
 */
static void elsewhere(void *(*work)(void *), struct order *order)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, order))
		fail("no thread");
	pthread_join(thread, NULL);
}

static void *make(void *arg)
{
	struct order *order = arg;

	GC_disable();
	order->shape->make(order->n);
	GC_enable();
	return NULL;
}

/* With the collector off, so that it is what it says. */
static long time_to_allocate(void **objects, long n, size_t size)
{
	long start;

	GC_disable();
	start = now();
	for (long i = 0; i < n; i++)
		objects[i] = GC_MALLOC(size);
	start = now() - start;
	GC_enable();
	return start;
}

/* Back to the free lists one by one, so that they come in the same order. */
static void free_all(void **objects, long n)
{
	while (n--)
		GC_FREE(objects[n]);
}

static long time_to_collect(void)
{
	long start = now();

	GC_gcollect();
	return now() - start;
}

/* What a collection has left for the next allocations to do. */
static void *time_sweep(void *arg)
{
	struct order *order = arg;
	size_t size = order->shape->size;
	long n = order->n;
	/* Not memory that it scans. */
	void **objects = calloc(n, sizeof(*objects));

	if (!objects)
		fail("no memory");
	order->took = time_to_allocate(objects, n, size);
	free_all(objects, n);
	order->took -= time_to_allocate(objects, n, size);
	free_all(objects, n);
	free(objects);
	return NULL;
}

/*
 * A word that looks like a pointer may still keep a graph alive: then this round
 * does not count, nor the next one, which would find the graph there.
 */
static bool clean(const struct order *order)
{
	return in_use() < order->n * order->shape->size / 2;
}

/* Return 0 if the round does not count. */
static long time_round(struct order *order)
{
	bool clean_before;
	long time;

	GC_gcollect();
	clean_before = clean(order);
	elsewhere(make, order);
	time = time_to_collect();
	if (!clean_before || !clean(order))
		return 0;
	elsewhere(time_sweep, order);
	return order->took > 0 ? time + order->took : time;
}

static void reclaim(const struct shape *shape, long n)
{
	struct order order = { shape, n, 0 };
	long best = LONG_MAX, time;
	int round = 0;
	char name[32];

	for (int tries = 0; round < ROUNDS && tries < 100; tries++) {
		time = time_round(&order);
		round += !!time;
		if (time && time < best)
			best = time;
	}
	if (round < ROUNDS) {
		/* Some number looks like an address, where this process has it. */
		fprintf(stderr, "boehm: something keeps the graph alive\n");
		exit(EX_TEMPFAIL);
	}
	snprintf(name, sizeof(name), "reclaim/%s", shape->name);
	peer(name, (double)best / n, "ns");
}

static struct node **make_live(long n)
{
	struct node **objects = GC_MALLOC(n * sizeof(*objects));

	GC_disable();
	for (long i = 0; i < n; i++)
		objects[i] = GC_MALLOC(sizeof(**objects));
	for (long i = 0; i < n; i++)
		objects[i]->next = objects[(i + 1) % n];
	GC_enable();
	return objects;
}

/* Nothing is recorded of what a program touches: every pass is the same. */
static void live(long n)
{
	struct node **objects = make_live(n);
	long times[LIVE_ROUNDS];

	for (int i = 0; i < LIVE_ROUNDS; i++)
		times[i] = time_to_collect();
	peer("live/touched", median(times, LIVE_ROUNDS) / n, "ns");
	peer("live/touched-again", median(times, LIVE_ROUNDS) / n, "ns");
	GC_reachable_here(objects);
}

/* A thousand garbage pairs beside n live objects, all of which their hub holds. */
static void hub(long n)
{
	struct node **objects = make_live(n);
	long times[LIVE_ROUNDS];
	char name[32];

	for (int i = 0; i < LIVE_ROUNDS; i++) {
		for (int j = 0; j < PAIRS_AT_HUB; j++) {
			struct list_node *a = GC_MALLOC(sizeof(*a));
			struct list_node *b = GC_MALLOC(sizeof(*b));

			a->next = b;
			b->next = a;
			a->prev = b->prev = (void *)objects;
		}
		times[i] = time_to_collect();
	}
	snprintf(name, sizeof(name), "hub/%ld", n);
	peer(name, median(times, LIVE_ROUNDS), "ns");
	GC_reachable_here(objects);
}

/* --- stalls ---------------------------------------------------------------- */

struct bystander {
	atomic_bool running, end;
	atomic_long longest;
};

/* Changes an object of its own all the time, and notes the longest wait. */
static void *stand_by(void *arg)
{
	struct bystander *self = arg;
	struct node *own = GC_MALLOC(sizeof(*own));
	long last = now(), at;

	while (!atomic_load_explicit(&self->end, memory_order_relaxed)) {
		*(struct node *volatile *)&own->next = own;
		at = now();
		if (at - last > atomic_load_explicit(&self->longest, memory_order_relaxed))
			atomic_store(&self->longest, at - last);
		last = at;
		atomic_store_explicit(&self->running, true, memory_order_relaxed);
	}
	return NULL;
}

static void sleep_ns(long ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&t, NULL);
}

/* Beside a collection, or beside a sleep of so many nanoseconds. */
static long longest_beside(long sleep, long *took)
{
	struct bystander bystander = { 0 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, stand_by, &bystander))
		fail("no thread");
	while (!atomic_load(&bystander.running))
		sleep_ns(1000000);
	atomic_store(&bystander.longest, 0);
	if (sleep)
		sleep_ns(sleep);
	else
		*took = time_to_collect();
	sleep_ns(1000000);
	atomic_store(&bystander.end, true);
	pthread_join(thread, NULL);
	return atomic_load(&bystander.longest);
}

static void stall(const char *name, long n, bool garbage)
{
	struct node **objects = garbage ? NULL : make_live(n);
	struct order order = { &shapes[0], n, 0 };
	long above[STALL_ROUNDS], took;

	for (int i = 0; i < STALL_ROUNDS; i++) {
		GC_gcollect();
		if (garbage)
			elsewhere(make, &order);
		above[i] = longest_beside(0, &took);
		above[i] -= longest_beside(took, NULL);
	}
	peer(name, median(above, STALL_ROUNDS) / 1000, "us");
	GC_reachable_here(objects);
}

/* --------------------------------------------------------------------------- */

static void version(void)
{
	unsigned int v = GC_get_version();

	printf("refheap-bench: note Boehm-Demers-Weiser collector %u.%u.%u\n",
	       v >> 16, v >> 8 & 0xff, v & 0xff);
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 1000000;

	GC_INIT();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (!strcmp(part, shapes[i].name)) {
			reclaim(&shapes[i], n);
			return 0;
		}
	}
	if (!strcmp(part, "live")) {
		live(n);
	} else if (!strcmp(part, "hub")) {
		hub(n);
	} else if (!strcmp(part, "stall")) {
		stall("stall/garbage", n, true);
		stall("stall/live", n, false);
	} else if (!strcmp(part, "version")) {
		version();
	} else {
		fail("no such part");
	}
	return 0;
}
