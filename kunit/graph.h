/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Graphs of heap objects that know whether they are alive.
 *
 * A graph is a heap whose objects, whatever their type, are of one structure,
 * so that one release counts them and looks at their canaries. Functions that
 * take a test's graph assert, and so may be called by the test's thread only;
 * those marked "any thread" report through the graph's own counters, which
 * graph_exit() judges.
 */
#ifndef REFHEAP_KUNIT_GRAPH_H
#define REFHEAP_KUNIT_GRAPH_H

#include <refheap.h>

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/types.h>

#define NODE_SLOTS 4

/* Of struct graph_node.canary: never zero, which is what fresh memory holds. */
#define NODE_ALIVE	0x600d0b1ec7a11fe5ULL
#define NODE_RELEASED	0xdead0b1ec7de1e7eULL

/* How long to wait for what must happen, before giving it up as lost. */
#define GRAPH_PATIENCE_US ((u64)graph_patience * USEC_PER_SEC)
extern unsigned int graph_patience;

enum node_kind {
	NODE,		/* NODE_SLOTS declared slots */
	LEAF,		/* none */
	VECTOR,		/* declared slots and an array */
	CUSTOM,		/* slots behind a visit callback and a lock bit */
	SLEEPER,	/* declared slots and a release that sleeps */
	FINAL,		/* declared slots and a finalizer */
	NODE_KINDS
};

/**
 * struct graph_node - an object of any kind
 * @canary: NODE_ALIVE from its construction to its release
 * @graph: the graph it belongs to
 * @id: its number, in order of construction
 * @obj: the heap's header
 * @slot: its slots, in kinds that have them
 * @array: more of them, of a VECTOR
 * @locked: bit 0 is the lock that the visit of a CUSTOM takes
 * @last_words: called at the end of its release, or NULL
 * @will: called by the finalizer of a FINAL, or NULL
 * @finalized: how often that was called
 * @data: for the test
 */
struct graph_node {
	u64 canary;
	struct graph *graph;
	u64 id;
	struct refobj obj;
	struct refslot slot[NODE_SLOTS];
	struct refarray *array;
	unsigned long locked;
	void (*last_words)(struct graph_node *node);
	void (*will)(struct graph_node *node);
	unsigned int finalized;
	void *data;
};

#define GRAPH_ORDER 32

/**
 * struct graph - a heap and what happened to its nodes
 * @test: whose it is
 * @heap: NULL once destroyed
 * @type: by kind, registered when first asked for
 * @made: nodes constructed
 * @released: nodes released
 * @finalized: finalizers called
 * @damaged: broken canaries and slots that were not empty at the release
 * @order: the ids of the first nodes released
 * @on_visit: called before each slot of a CUSTOM is reported, and after the
 *	      last (@step is then NODE_SLOTS); an error ends the visit
 * @visit_data: its own
 */
struct graph {
	struct kunit *test;
	struct refheap *heap;
	struct reftype *type[NODE_KINDS];
	atomic_long_t made;
	atomic_long_t released;
	atomic_long_t finalized;
	atomic_long_t damaged;
	u64 order[GRAPH_ORDER];
	int (*on_visit)(struct graph_node *node, unsigned int step);
	void *visit_data;
};

static inline struct graph_node *node_of(struct refobj *obj)
{
	return container_of(obj, struct graph_node, obj);
}

/* Any thread. */
static inline bool node_is_alive(const struct graph_node *node)
{
	return READ_ONCE(node->canary) == NODE_ALIVE;
}

/* Any thread. */
static inline void node_put(struct graph_node *node)
{
	refobj_put(&node->obj);
}

static inline struct graph_node *node_get(struct graph_node *node)
{
	refobj_get(&node->obj);
	return node;
}

/* A put that leaves references behind: what makes a candidate. */
static inline void node_touch(struct graph_node *node)
{
	node_put(node_get(node));
}

/* Make the count what a test needs it to be, leaving everything else. */
static inline void node_force_count(struct graph_node *node, u32 count)
{
	u64 word = atomic64_read(&node->obj.word);

	atomic64_set(&node->obj.word,
		     (word & ~(REFWORD_COUNT | REFWORD_DEAD)) | count);
}

static inline long graph_released(struct graph *g)
{
	return atomic_long_read(&g->released);
}

static inline long graph_finalized(struct graph *g)
{
	return atomic_long_read(&g->finalized);
}

static inline long graph_alive(struct graph *g)
{
	return atomic_long_read(&g->made) - graph_released(g);
}

/* Set up, and judged and destroyed, for every test of a suite. */
int graph_init(struct kunit *test);
void graph_exit(struct kunit *test);

const char *graph_new_name(char *buffer, size_t size);
struct graph *graph_create(struct kunit *test,
			   const struct refheap_params *params);
void graph_destroy(struct graph *g);
struct reftype *graph_type(struct graph *g, enum node_kind kind);

struct graph_node *graph_try_add(struct graph *g, enum node_kind kind,
				 gfp_t gfp);
struct graph_node *graph_add(struct graph *g, enum node_kind kind);
struct graph_node *graph_try_add_vector(struct graph *g, size_t length,
					gfp_t gfp);
struct graph_node *graph_add_vector(struct graph *g, size_t length);
void graph_link(struct graph_node *from, unsigned int i, struct graph_node *to);
struct graph_node *graph_append(struct graph_node *to, unsigned int i,
				enum node_kind kind);

struct graph_node *graph_chain(struct graph *g, unsigned int n,
			       struct graph_node **last);
struct graph_node *graph_ring_of(struct graph *g, enum node_kind kind,
				 unsigned int n);
struct graph_node *graph_ring(struct graph *g, unsigned int n);
struct graph_node *graph_double_ring(struct graph *g, unsigned int n);
struct graph_node *graph_comb(struct graph *g, unsigned int n);
struct graph_node *graph_tree(struct graph *g, unsigned int n);
struct graph_node *graph_hub(struct graph *g, unsigned int n);

/*
 * Objects that are allocated one after the other lie side by side, and memory
 * that is freed is used again, as long as all of it is done on one CPU. For the
 * rest of a test.
 */
void graph_stay_on_cpu(void);

long graph_collect(struct graph *g);
struct refheap_stats graph_stats(struct graph *g);
bool graph_wait_released(struct graph *g, long n);

/*
 * A warning that the test provokes, about an object of this kind: announced
 * in the log, so that whoever judges that lets it pass, and misses it if it
 * does not come.
 */
void graph_expect(struct graph *g, enum node_kind kind, const char *warning);
void graph_expect_end(void);

#endif /* REFHEAP_KUNIT_GRAPH_H */
