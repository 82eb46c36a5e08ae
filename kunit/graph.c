// SPDX-License-Identifier: GPL-2.0
/* Graphs of heap objects that know whether they are alive. */
#include "graph.h"

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

unsigned int graph_patience = 60;
module_param_named(patience, graph_patience, uint, 0444);
MODULE_PARM_DESC(patience, "Seconds to wait for what must happen, before it is given up as lost");

/* --- the types ---------------------------------------------------------- */

static bool node_slots_are_empty(const struct graph_node *node)
{
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		if (READ_ONCE(node->slot[i].target))
			return false;
	return true;
}

/* In any context, the collector's thread included. */
static void node_release(struct refobj *obj)
{
	struct graph_node *node = node_of(obj);
	struct graph *g = node->graph;
	long n;

	if (cmpxchg(&node->canary, NODE_ALIVE, NODE_RELEASED) != NODE_ALIVE ||
	    !node_slots_are_empty(node))
		atomic_long_inc(&g->damaged);
	n = atomic_long_inc_return(&g->released);
	if (n <= GRAPH_ORDER)
		g->order[n - 1] = node->id;
	if (node->last_words)
		node->last_words(node);
}

/* Once in a node's life, before its release. */
static void node_finalize(struct refobj *obj)
{
	struct graph_node *node = node_of(obj);

	if (!node_is_alive(node) || node->finalized++)
		atomic_long_inc(&node->graph->damaged);
	atomic_long_inc(&node->graph->finalized);
	if (node->will)
		node->will(node);
}

/* Only ever where sleeping is legal. */
static void node_release_slowly(struct refobj *obj)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) &&
	    (!preemptible() || rcu_preempt_depth()))
		atomic_long_inc(&node_of(obj)->graph->damaged);
	else
		usleep_range(10, 20);
	node_release(obj);
}

static int node_report(struct graph_node *node, struct refvisitor *visitor)
{
	struct graph *g = node->graph;
	unsigned int i;
	int err;

	for (i = 0; i <= NODE_SLOTS; i++) {
		if (g && g->on_visit) {
			err = g->on_visit(node, i);
			if (err)
				return err;
		}
		if (i < NODE_SLOTS)
			refvisit(visitor, &node->slot[i]);
	}
	return 0;
}

static int node_visit(struct refobj *obj, struct refvisitor *visitor)
{
	struct graph_node *node = node_of(obj);
	int err;

	if (test_and_set_bit_lock(0, &node->locked))
		return -EBUSY;
	err = node_report(node, visitor);
	clear_bit_unlock(0, &node->locked);
	return err;
}

static const struct reffield node_fields[] = {
	REFFIELD(struct graph_node, slot),
};

static const struct reftype_desc node_types[NODE_KINDS] = {
	[NODE] = {
		REFTYPE(struct graph_node, obj), .name = "node",
		REFTYPE_FIELDS(node_fields), .release = node_release,
	},
	[LEAF] = {
		REFTYPE(struct graph_node, obj), .name = "leaf",
		.release = node_release,
	},
	[VECTOR] = {
		REFTYPE(struct graph_node, obj), .name = "vector",
		REFTYPE_FIELDS(node_fields),
		REFTYPE_ARRAY(struct graph_node, array),
		.release = node_release,
	},
	[CUSTOM] = {
		REFTYPE(struct graph_node, obj), .name = "custom",
		.visit = node_visit, .release = node_release,
	},
	[SLEEPER] = {
		REFTYPE(struct graph_node, obj), .name = "sleeper",
		REFTYPE_FIELDS(node_fields), .release = node_release_slowly,
		.flags = REFTYPE_RELEASE_SLEEPS,
	},
	[FINAL] = {
		REFTYPE(struct graph_node, obj), .name = "final",
		REFTYPE_FIELDS(node_fields), .finalize = node_finalize,
		.release = node_release,
	},
};

/* Registration sleeps: ask before threads or atomic sections need the type. */
struct reftype *graph_type(struct graph *g, enum node_kind kind)
{
	if (!g->type[kind])
		g->type[kind] = refheap_register_type(g->heap,
						      &node_types[kind]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(g->test, g->type[kind]);
	return g->type[kind];
}

/* --- the graph ---------------------------------------------------------- */

/* Names are never used twice: a test that fails may leave its heap behind. */
const char *graph_new_name(char *buffer, size_t size)
{
	static atomic_t serial;

	snprintf(buffer, size, "kunit%u", atomic_inc_return(&serial));
	return buffer;
}

struct graph *graph_create(struct kunit *test,
			   const struct refheap_params *params)
{
	struct graph *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	char name[24];

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->test = test;
	g->heap = refheap_create(graph_new_name(name, sizeof(name)), params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g->heap);
	return g;
}

/* Everything must be gone by now, and the heap must have noticed. */
void graph_destroy(struct graph *g)
{
	struct refheap_stats stats;

	KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
	/* What has a visit callback is freed a grace period after its end. */
	if (g->type[CUSTOM])
		rcu_barrier();
	refheap_get_stats(g->heap, &stats);
	KUNIT_EXPECT_EQ(g->test, stats.objects, 0);
	KUNIT_EXPECT_EQ(g->test, stats.bytes, 0);
	KUNIT_EXPECT_EQ(g->test, stats.allocated, stats.freed);
	KUNIT_EXPECT_EQ(g->test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(g->test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(g->test, atomic_long_read(&g->damaged), 0);
	g->heap = NULL;
}

/* The tests decide when to collect: by default nobody else does. */
int graph_init(struct kunit *test)
{
	static const struct refheap_params params = {
		.flags = REFHEAP_STOPPED,
	};

	test->priv = graph_create(test, &params);
	return 0;
}

void graph_exit(struct kunit *test)
{
	struct graph *g = test->priv;

	if (g && g->heap)
		graph_destroy(g);
}

/* --- nodes -------------------------------------------------------------- */

static struct graph_node *node_construct(struct graph *g, struct refobj *obj)
{
	struct graph_node *node;

	if (IS_ERR_OR_NULL(obj))
		return NULL;
	node = node_of(obj);
	if (node->canary || node->graph || node->data || node->last_words ||
	    node->will || node->finalized ||
	    !node_slots_are_empty(node))
		atomic_long_inc(&g->damaged);
	node->graph = g;
	node->id = atomic_long_inc_return(&g->made) - 1;
	WRITE_ONCE(node->canary, NODE_ALIVE);
	return node;
}

/* Any thread, any context that @gfp allows; NULL when refused. */
struct graph_node *graph_try_add(struct graph *g, enum node_kind kind,
				 gfp_t gfp)
{
	return node_construct(g, refobj_alloc(g->type[kind], gfp));
}

struct graph_node *graph_add(struct graph *g, enum node_kind kind)
{
	struct graph_node *node;

	graph_type(g, kind);
	node = graph_try_add(g, kind, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, node);
	return node;
}

struct graph_node *graph_try_add_vector(struct graph *g, size_t length,
					gfp_t gfp)
{
	return node_construct(g, refobj_alloc_array(g->type[VECTOR], length,
						    gfp));
}

struct graph_node *graph_add_vector(struct graph *g, size_t length)
{
	struct graph_node *node;

	graph_type(g, VECTOR);
	node = graph_try_add_vector(g, length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, node);
	KUNIT_ASSERT_NOT_NULL(g->test, node->array);
	KUNIT_ASSERT_EQ(g->test, node->array->length, length);
	return node;
}

void graph_link(struct graph_node *from, unsigned int i, struct graph_node *to)
{
	int err = refslot_set(&from->obj, &from->slot[i], &to->obj);

	KUNIT_ASSERT_EQ(from->graph->test, err, 0);
}

/* A new node, held by slot @i of @to alone. */
struct graph_node *graph_append(struct graph_node *to, unsigned int i,
				enum node_kind kind)
{
	struct graph_node *node = graph_add(to->graph, kind);
	int err = refslot_give(&to->obj, &to->slot[i], &node->obj);

	KUNIT_ASSERT_EQ(to->graph->test, err, 0);
	return node;
}

/* --- shapes; the caller holds what is returned, and nothing else -------- */

struct graph_node *graph_chain(struct graph *g, unsigned int n,
			       struct graph_node **last)
{
	struct graph_node *head = graph_add(g, NODE);
	struct graph_node *tail = head;

	while (--n)
		tail = graph_append(tail, 0, NODE);
	if (last)
		*last = tail;
	return head;
}

struct graph_node *graph_ring_of(struct graph *g, enum node_kind kind,
				 unsigned int n)
{
	struct graph_node *head = graph_add(g, kind);
	struct graph_node *tail = head;

	while (--n)
		tail = graph_append(tail, 0, kind);
	graph_link(tail, 0, head);
	return head;
}

struct graph_node *graph_ring(struct graph *g, unsigned int n)
{
	return graph_ring_of(g, NODE, n);
}

/* Slot 0 leads forward, slot 1 back. */
struct graph_node *graph_double_ring(struct graph *g, unsigned int n)
{
	struct graph_node *head = graph_add(g, NODE);
	struct graph_node *tail = head;
	struct graph_node *next;

	while (--n) {
		next = graph_append(tail, 0, NODE);
		graph_link(next, 1, tail);
		tail = next;
	}
	graph_link(tail, 0, head);
	graph_link(head, 1, tail);
	return head;
}

/* A spine of @n along slot 0, a tooth on each, all teeth lead to its head. */
struct graph_node *graph_comb(struct graph *g, unsigned int n)
{
	struct graph_node *head = graph_add(g, NODE);
	struct graph_node *spine = head;

	for (;;) {
		graph_link(graph_append(spine, 1, NODE), 0, head);
		if (!--n)
			return head;
		spine = graph_append(spine, 0, NODE);
	}
}

/* A complete binary tree; slots 0 and 1 hold children, slot 2 the parent. */
struct graph_node *graph_tree(struct graph *g, unsigned int n)
{
	struct graph_node **nodes, *root, *parent;
	unsigned int i;

	nodes = kvmalloc_array(n, sizeof(*nodes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, nodes);
	nodes[0] = graph_add(g, NODE);
	for (i = 1; i < n; i++) {
		parent = nodes[(i - 1) / 2];
		nodes[i] = graph_append(parent, (i - 1) % 2, NODE);
		graph_link(nodes[i], 2, parent);
	}
	root = nodes[0];
	kvfree(nodes);
	return root;
}

/* A vector of @n nodes, each of which points back at it. */
struct graph_node *graph_hub(struct graph *g, unsigned int n)
{
	struct graph_node *hub = graph_add_vector(g, n);
	struct graph_node *spoke;
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		spoke = graph_add(g, NODE);
		graph_link(spoke, 0, hub);
		err = refslot_give(&hub->obj, &hub->array->slot[i],
				   &spoke->obj);
		KUNIT_ASSERT_EQ(g->test, err, 0);
	}
	return hub;
}

/* --- what the heap did -------------------------------------------------- */

/* KUnit has a thread for each test. */
void graph_stay_on_cpu(void)
{
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
}

long graph_collect(struct graph *g)
{
	return refheap_collect(g->heap, REFHEAP_COLLECT_FULL);
}

struct refheap_stats graph_stats(struct graph *g)
{
	struct refheap_stats stats;

	refheap_get_stats(g->heap, &stats);
	return stats;
}

/* True when @n nodes have been released in all before patience ran out. */
bool graph_wait_released(struct graph *g, long n)
{
	long released;

	return !read_poll_timeout(graph_released, released, released >= n,
				  1000, GRAPH_PATIENCE_US, false, g);
}

void graph_expect(struct graph *g, enum node_kind kind, const char *warning)
{
	pr_info("refheap-expect: begin refheap: %s/%s: .*%s\n",
		refheap_name(g->heap), node_types[kind].name, warning);
}

void graph_expect_end(void)
{
	pr_info("refheap-expect: end\n");
}

MODULE_DESCRIPTION("KUnit tests of refheap");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
