// SPDX-License-Identifier: GPL-2.0
/*
 * Finalizers: once each, on the intact island, and what they may bring back.
 * After CPython's test_finalization.py.
 */
#include "graph.h"

#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/spinlock.h>
#include <trace/events/refheap.h>

/* --- what a finalizer does ---------------------------------------------- */

/* Brought back by finalizers: one reference each, in the order of calls. */
#define SAVED 128

static struct refobj *saved[SAVED];
static unsigned int nr_saved;

static void resurrect(struct graph_node *node)
{
	if (nr_saved < SAVED)
		saved[nr_saved++] = refobj_get(&node->obj);
}

static void break_cycle(struct graph_node *node)
{
	refslot_clear(&node->obj, &node->slot[0]);
}

/* Everything that it leads to is alive, and leads back. */
static void look_around(struct graph_node *node)
{
	struct refobj *at = refobj_get(&node->obj), *next;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		next = refslot_load(&node_of(at)->slot[0]);
		refobj_put(at);
		at = next;
		if (!at || !node_is_alive(node_of(at)))
			break;
		if (at == &node->obj)
			break;
	}
	if (at != &node->obj)
		atomic_long_inc(&node->graph->damaged);
	if (at)
		refobj_put(at);
}

static void put_saved(void)
{
	while (nr_saved)
		refobj_put(saved[--nr_saved]);
}

static int finalize_init(struct kunit *test)
{
	nr_saved = 0;
	return graph_init(test);
}

/* --- the matrix --------------------------------------------------------- */

enum conduct { NONE, PLAIN, SAVES, BREAKS };

/**
 * struct matrix - one cell: a ring, and what its members' finalizers do
 * @name: of the cell
 * @length: of the ring; 0: one node, without an edge
 * @period: of the pattern in @conduct, which is repeated along the ring
 * @conduct: NONE is a node without a finalizer
 */
struct matrix {
	const char *name;
	unsigned int length;
	unsigned int period;
	enum conduct conduct[6];
};

static const struct matrix cells[] = {
	{ "alone_plain", 0, 1, { PLAIN } },
	{ "alone_saves", 0, 1, { SAVES } },
	{ "alone_breaks", 0, 1, { BREAKS } },
	{ "loop_plain", 1, 1, { PLAIN } },
	{ "loop_saves", 1, 1, { SAVES } },
	{ "loop_breaks", 1, 1, { BREAKS } },
	{ "pair_plain", 2, 1, { PLAIN } },
	{ "pair_saves", 2, 1, { SAVES } },
	{ "pair_breaks", 2, 1, { BREAKS } },
	{ "pair_saves_breaks", 2, 2, { SAVES, BREAKS } },
	{ "pair_of_which_one_plain", 2, 2, { NONE, PLAIN } },
	{ "pair_of_which_one_saves", 2, 2, { NONE, SAVES } },
	{ "pair_of_which_one_breaks", 2, 2, { NONE, BREAKS } },
	{ "ring_plain", 20, 1, { PLAIN } },
	{ "ring_saves", 20, 1, { SAVES } },
	{ "ring_breaks", 20, 1, { BREAKS } },
	{ "ring_mixed_plain", 20, 2, { NONE, PLAIN } },
	{ "ring_mixed_saves", 20, 2, { NONE, SAVES } },
	{ "ring_mixed_breaks", 20, 2, { NONE, BREAKS } },
	{ "two_and_two", 4, 4, { PLAIN, PLAIN, SAVES, SAVES } },
	{ "two_and_two_breaks", 4, 4, { PLAIN, BREAKS, PLAIN, BREAKS } },
	{ "two_and_two_both", 4, 4, { SAVES, BREAKS, BREAKS, SAVES } },
	{ "two_two_two", 6, 6, { PLAIN, SAVES, BREAKS, PLAIN, SAVES, BREAKS } },
	{ "two_two_two_behind", 6, 6, { BREAKS, BREAKS, PLAIN, PLAIN, SAVES,
					SAVES } },
	{ "two_two_two_without", 6, 6, { NONE, NONE, BREAKS, BREAKS, SAVES,
					 SAVES } },
};

KUNIT_ARRAY_PARAM_DESC(cell, cells, name);

static enum conduct conduct_of(const struct matrix *cell, unsigned int i)
{
	return cell->conduct[i % cell->period];
}

static struct graph_node *cell_node(struct graph *g, enum conduct conduct)
{
	struct graph_node *node = graph_add(g, conduct == NONE ? NODE : FINAL);

	if (conduct == SAVES)
		node->will = resurrect;
	else if (conduct == BREAKS)
		node->will = break_cycle;
	return node;
}

#define CELL_MOST 20

/* The ring; the caller holds the first. Ids are places in it. */
static void cell_build(struct graph *g, const struct matrix *cell,
		       struct graph_node **node)
{
	unsigned int i, n = max(cell->length, 1U);

	for (i = 0; i < n; i++)
		node[i] = cell_node(g, conduct_of(cell, i));
	for (i = 0; i < cell->length; i++)
		graph_link(node[i], 0, node[(i + 1) % n]);
	for (i = 1; i < n; i++)
		node_put(node[i]);
}

/* Which members somebody refers to afterwards, by the definition. */
static unsigned int cell_survivors(const struct matrix *cell, bool *survives)
{
	unsigned int i, at, n = max(cell->length, 1U), nr = 0;

	memset(survives, 0, n * sizeof(*survives));
	for (i = 0; i < n; i++) {
		if (conduct_of(cell, i) != SAVES)
			continue;
		for (at = i; !survives[at]; at = (at + 1) % n) {
			survives[at] = true;
			if (conduct_of(cell, at) == BREAKS || !cell->length)
				break;
		}
	}
	for (i = 0; i < n; i++)
		nr += survives[i];
	return nr;
}

static bool cell_has(const struct matrix *cell, enum conduct conduct)
{
	unsigned int i;

	for (i = 0; i < max(cell->length, 1U); i++)
		if (conduct_of(cell, i) == conduct)
			return true;
	return false;
}

/*
 * Exactly the resurrected part survives, with its whole cargo; every
 * finalizer runs once; what survived goes without being asked again.
 */
static void g3_finalizer_matrix(struct kunit *test)
{
	const struct matrix *cell = test->param_value;
	unsigned int i, n = max(cell->length, 1U), final = 0, alive;
	bool cycle = cell->length && !cell_has(cell, BREAKS);
	struct graph_node *node[CELL_MOST];
	struct graph *g = test->priv;
	bool survives[CELL_MOST];

	cell_build(g, cell, node);
	alive = cell_survivors(cell, survives);
	for (i = 0; i < n; i++)
		final += conduct_of(cell, i) != NONE;

	node_put(node[0]);
	KUNIT_EXPECT_EQ(test, graph_collect(g), cycle && !alive ? n : 0);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), final);
	KUNIT_ASSERT_EQ(test, graph_alive(g), alive);
	for (i = 0; i < n; i++)
		if (survives[i]) {
			KUNIT_EXPECT_TRUE(test, node_is_alive(node[i]));
			KUNIT_EXPECT_EQ(test, refobj_is_finalized(&node[i]->obj),
					conduct_of(cell, i) != NONE);
		}
	/* What was brought back stays, however often one looks. */
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_ASSERT_EQ(test, graph_alive(g), alive);

	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), cycle ? alive : 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), final);
}

/* --- when ---------------------------------------------------------------- */

static void g4_island_is_intact(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 10), *node = ring;

	do {
		node->will = look_around;
		node = node_of(node->slot[0].target);
	} while (node != ring);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 10);
}

static void nothing_released_yet(struct graph_node *node)
{
	if (graph_released(node->graph))
		atomic_long_inc(&node->graph->damaged);
}

/* All finalizers of all islands come before the first release of any. */
static void g4_finalizers_before_releases(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		ring = graph_ring_of(g, i % 2 ? FINAL : NODE, 3);
		if (i % 2)
			ring->will = nothing_released_yet;
		node_put(ring);
	}
	KUNIT_EXPECT_EQ(test, graph_collect(g), 60);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 30);
}

static void g1_finalizer_comes_before_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, FINAL);

	graph_append(node, 0, LEAF);
	node->will = nothing_released_yet;
	KUNIT_EXPECT_FALSE(test, refobj_is_finalized(&node->obj));
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

/* Iterative, as releases are. */
static void g7_chain_of_finalizers(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_add(g, FINAL), *tail = head;
	unsigned int i, n = IS_ENABLED(CONFIG_KASAN) ? 2000 : 20000;

	for (i = 1; i < n; i++)
		tail = graph_append(tail, 0, FINAL);
	node_put(head);
	/* More than one put does by itself. */
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), n);
	KUNIT_EXPECT_EQ(test, graph_released(g), n);
}

static void g1_middle_of_a_chain_is_brought_back(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_add(g, FINAL), *tail = head;
	unsigned int i;

	for (i = 1; i < 10; i++) {
		tail = graph_append(tail, 0, FINAL);
		if (i == 4)
			tail->will = resurrect;
	}
	node_put(head);
	KUNIT_EXPECT_EQ(test, graph_released(g), 4);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 5);
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	KUNIT_EXPECT_EQ(test, refobj_count(saved[0]), 1);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 10);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
}

static void g3_resurrection_holds_up_nobody_else(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 3);
	unsigned int i;

	ring->will = resurrect;
	node_put(ring);
	for (i = 0; i < 100; i++)
		node_put(graph_ring_of(g, i % 2 ? FINAL : NODE, 2));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 200);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

/* What hangs on a resurrected member lives, what leads to it does not. */
static void g3_whole_cargo_comes_back(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *first = graph_ring_of(g, FINAL, 3);
	struct graph_node *second = graph_ring(g, 3), *final;

	graph_link(first, 1, second);
	graph_append(second, 1, LEAF);
	final = graph_append(second, 3, FINAL);
	final->will = resurrect;
	graph_link(final, 0, second);
	node_put(second);
	node_put(first);
	/* The first ring leads to the second: it dies, the second does not. */
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 5);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), 4);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void add_back_reference(struct graph_node *node)
{
	struct graph *g = node->graph;
	struct graph_node *extra = graph_try_add(g, NODE, GFP_KERNEL);

	if (!extra || refslot_set(&extra->obj, &extra->slot[0], &node->obj) ||
	    refslot_give(&node->obj, &node->slot[1], &extra->obj))
		atomic_long_inc(&g->damaged);
}

/*
 * A reference from an object made meanwhile brings back as any other does;
 * all of it goes in the next collection.
 */
static void g3_finalizer_adds_to_the_island(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring;

	graph_type(g, NODE);
	ring = graph_ring_of(g, FINAL, 2);
	ring->will = add_back_reference;
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 3);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 2);
}

/* The last node that a finalizer has put behind the one before. */
static struct graph_node *last;

static void append_to_list(struct graph_node *node)
{
	if (!last)
		resurrect(node);
	else if (refslot_set(&last->obj, &last->slot[1], &node->obj))
		atomic_long_inc(&node->graph->damaged);
	last = node;
}

static void tie_to_the_last(struct graph_node *node)
{
	if (last && refslot_set(&last->obj, &last->slot[1], &node->obj))
		atomic_long_inc(&node->graph->damaged);
	last = node;
}

static void loops_with_will(struct graph *g, unsigned int n,
			    void (*will)(struct graph_node *node))
{
	struct graph_node *loop;

	last = NULL;
	while (n--) {
		loop = graph_ring_of(g, FINAL, 1);
		loop->will = will;
		node_put(loop);
	}
}

/* Islands that finalizers hang up on one another: all of them come back. */
static void g3_finalizers_make_a_list(struct kunit *test)
{
	struct graph *g = test->priv;

	loops_with_will(g, 5, append_to_list);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 5);
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	KUNIT_EXPECT_EQ(test, refobj_count(saved[0]), 2);
	KUNIT_EXPECT_EQ(test, refobj_count(&last->obj), 2);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 5);
}

/* Tied together, and still nobody else's: one island, gone at once. */
static void g3_finalizers_tie_islands_together(struct kunit *test)
{
	struct graph *g = test->priv;

	loops_with_will(g, 5, tie_to_the_last);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 5);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- what a finalizer may do --------------------------------------------- */

static long collect_result;

static void do_a_lot(struct graph_node *node)
{
	struct graph *g = node->graph;
	struct graph_node *temporary = graph_try_add(g, FINAL, GFP_KERNEL);

	collect_result = refheap_collect(g->heap, REFHEAP_COLLECT_FULL);
	refheap_kick(g->heap);
	if (!temporary || refslot_set(&node->obj, &node->slot[3],
				      &temporary->obj))
		atomic_long_inc(&g->damaged);
	if (temporary)
		node_put(temporary);
	node_put(node->data);
}

/* Writes to its object, collects, allocates, drops another's last reference. */
static void g2_finalizer_does_a_lot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 2);

	ring->will = do_a_lot;
	ring->data = graph_add(g, FINAL);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_EXPECT_EQ(test, collect_result, -EDEADLK);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 4);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g2_last_put_finalizer_does_a_lot(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, FINAL);

	node->will = do_a_lot;
	node->data = graph_add(g, FINAL);
	node_put(node);
	KUNIT_EXPECT_EQ(test, collect_result, -EDEADLK);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 3);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static DEFINE_SPINLOCK(finalize_lock);
static atomic_t slow_finalizers;

static void finalize_slowly(struct refobj *obj)
{
	if (preemptible() && !rcu_preempt_depth())
		usleep_range(10, 20);
	else
		atomic_add(1000, &slow_finalizers);
	atomic_inc(&slow_finalizers);
}

/* Its last reference is put where finalizers that sleep may not run. */
static void g6_sleeping_finalizer_in_atomic_context(struct kunit *test)
{
	struct reftype_desc desc = {
		REFTYPE(struct graph_node, obj), .name = "slow",
		.flags = REFTYPE_RELEASE_SLEEPS, .finalize = finalize_slowly,
	};
	struct graph *g = test->priv;
	struct reftype *type = refheap_register_type(g->heap, &desc);
	struct refobj *obj;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	obj = refobj_alloc(type, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	atomic_set(&slow_finalizers, 0);
	spin_lock(&finalize_lock);
	refobj_put(obj);
	spin_unlock(&finalize_lock);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&slow_finalizers), 1);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

/* --- beside weak references ---------------------------------------------- */

static struct refweak weak;
static int weak_error;

static void load_weak(struct graph_node *node)
{
	saved[0] = refweak_load(&weak);
	if (saved[0])
		nr_saved = 1;
}

/* At the last put they work; who loads one in the finalizer brings it back. */
static void g13_weak_reference_survives_resurrection_at_zero(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, FINAL);

	node->will = load_weak;
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, &node->obj, NULL,
					  GFP_KERNEL), 0);
	node_put(node);
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	KUNIT_EXPECT_PTR_EQ(test, saved[0], &node->obj);
	load_weak(node);
	KUNIT_EXPECT_EQ(test, refobj_count(saved[0]), 2);
	refobj_put(saved[0]);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak));
}

/* In an island they are dead before, and remain so. */
static void g13_weak_reference_dies_before_island_finalizers(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 3);

	node_of(ring->slot[0].target)->will = load_weak;
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, &ring->obj, NULL,
					  GFP_KERNEL), 0);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, nr_saved, 0);
}

static void g13_weak_reference_to_the_resurrected_is_dead(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 3);
	struct refweak second = {};

	ring->will = resurrect;
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, ring->slot[0].target,
					  NULL, GFP_KERNEL), 0);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak));
	/* New ones may be made again. */
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &second, saved[0], NULL,
					  GFP_KERNEL), 0);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_NULL(test, refweak_load(&second));
}

static void set_weak(struct graph_node *node)
{
	weak_error = refweak_set(NULL, &weak, &node->obj, NULL, GFP_KERNEL);
}

static void g13_new_weak_reference_in_an_island_is_refused(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 2);

	ring->will = set_weak;
	weak_error = 0;
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_EXPECT_EQ(test, weak_error, -ESTALE);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak));
}

static void g13_new_weak_reference_at_zero_dies(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, FINAL);

	node->will = set_weak;
	node->last_words = set_weak;
	node_put(node);
	KUNIT_EXPECT_EQ(test, weak_error, -ESTALE);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak));
}

/* --- while an object waits for its finalizer ----------------------------- */

static u64 collections(struct graph *g)
{
	return graph_stats(g).collections;
}

/*
 * Two, for one may have been under way.  Each is asked for when the one before
 * has begun, so that none is still to come.
 */
static bool wait_for_collection(struct graph *g)
{
	u64 before = collections(g), now;
	unsigned int i;

	for (i = 1; i <= 2; i++) {
		refheap_kick(g->heap);
		if (read_poll_timeout(collections, now, now >= before + i, 100,
				      GRAPH_PATIENCE_US, false, g))
			return false;
	}
	return true;
}

/*
 * Comes by a weak reference to an object that is queued for its finalizer,
 * makes it a cycle, leaves it, and lets a collection go by.
 */
static void tie_the_queued(struct graph_node *node)
{
	struct refobj *obj = refweak_load(&weak);

	if (!obj || refslot_set(obj, &node_of(obj)->slot[0], obj))
		atomic_long_inc(&node->graph->damaged);
	if (obj)
		refobj_put(obj);
	if (!wait_for_collection(node->graph))
		atomic_long_inc(&node->graph->damaged);
}

/* The mark of that put is found although nobody saw the object then. */
static void g3_mark_of_a_queued_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head = graph_add(g, NODE), *final;

	graph_append(head, 0, SLEEPER)->last_words = tie_the_queued;
	final = graph_append(head, 1, FINAL);
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, &final->obj, NULL,
					  GFP_KERNEL), 0);
	node_put(head);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 1);
	/* Candidates only: a full pass would find it in any case. */
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 1);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
}

/* --- between the trials -------------------------------------------------- */

/**
 * struct trial - where, in the collection of a ring with finalizers
 * @name: of the point
 * @phase: when to look the members up
 * @nth: of the phase's occurrences, from 0
 * @alive: may they be acquired there?
 */
struct trial {
	const char *name;
	enum refheap_phase phase;
	unsigned int nth;
	bool alive;
};

static const struct trial trials[] = {
	{ "first_words", REFHEAP_PHASE_WORDS, 0, true },
	{ "first_condemned", REFHEAP_PHASE_CONDEMNED, 0, true },
	{ "first_verdict", REFHEAP_PHASE_VERDICT, 0, false },
	{ "revived", REFHEAP_PHASE_REVIVED, 0, true },
	{ "finalized", REFHEAP_PHASE_FINALIZED, 0, true },
	{ "second_words", REFHEAP_PHASE_WORDS, 1, true },
	{ "second_slots", REFHEAP_PHASE_SLOTS, 1, true },
	{ "second_condemn_0", REFHEAP_PHASE_CONDEMN, 3, true },
	{ "second_condemn_2", REFHEAP_PHASE_CONDEMN, 5, true },
	{ "second_condemned", REFHEAP_PHASE_CONDEMNED, 1, true },
	{ "second_verdict", REFHEAP_PHASE_VERDICT, 1, false },
	{ "stamped", REFHEAP_PHASE_STAMPED, 0, false },
	{ "emptied", REFHEAP_PHASE_EMPTIED, 0, false },
};

KUNIT_ARRAY_PARAM_DESC(trial, trials, name);

/* What the probe does, and finds. */
static struct look_up {
	struct graph *g;
	const struct trial *trial;
	struct graph_node *member[3];
	bool keep;		/* the references acquired, or leave again */
	unsigned int left;
	bool struck;
	unsigned int acquired;
} look_up;

static void look_up_probe(void *data, struct refheap *heap,
			  enum refheap_phase phase, u64 members)
{
	unsigned int i;

	if (!look_up.g || heap != look_up.g->heap || look_up.struck ||
	    phase != look_up.trial->phase || look_up.left--)
		return;
	look_up.struck = true;
	for (i = 0; i < ARRAY_SIZE(look_up.member); i++) {
		if (!refobj_get_unless_zero(&look_up.member[i]->obj))
			continue;
		look_up.acquired++;
		if (look_up.keep)
			saved[nr_saved++] = &look_up.member[i]->obj;
		else
			node_put(look_up.member[i]);
	}
}

static void look_up_at(struct kunit *test, bool keep)
{
	const struct trial *trial = test->param_value;
	struct graph *g = test->priv;
	struct graph_node *node = graph_ring_of(g, FINAL, 3);
	unsigned int i;

	look_up = (struct look_up){
		.g = g, .trial = trial, .left = trial->nth, .keep = keep,
	};
	for (i = 0; i < 3; i++) {
		look_up.member[i] = node;
		node = node_of(node->slot[0].target);
	}
	node_put(node);
	refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	look_up.g = NULL;
	KUNIT_EXPECT_TRUE(test, look_up.struck);
	/* All of the island or nothing. */
	KUNIT_EXPECT_EQ(test, look_up.acquired, trial->alive ? 3 : 0);
}

/* Acquired between two trials: saved. Garbage afterwards: reclaimed. */
static void g13_acquired_between_the_trials(struct kunit *test)
{
	const struct trial *trial = test->param_value;
	struct graph *g = test->priv;

	look_up_at(test, true);
	KUNIT_EXPECT_EQ(test, graph_alive(g), trial->alive ? 3 : 0);
	put_saved();
	refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 3);
}

static void g3_looked_up_between_the_trials(struct kunit *test)
{
	struct graph *g = test->priv;

	look_up_at(test, false);
	refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 3);
}

/*
 * In the middle of condemning a pair, somebody who has come by one of them
 * takes the last reference from the other, which is condemned already, and
 * now waits for its finalizer.
 */
static struct cut {
	struct graph *g;
	struct graph_node *pair[2];
	struct graph_node *condemned;
} cut;

static void save_condemned(struct graph_node *node)
{
	if (node == cut.condemned)
		resurrect(node);
}

static void cut_probe(void *data, struct refheap *heap,
		      enum refheap_phase phase, u64 nr)
{
	struct graph_node *other;
	unsigned int i;

	if (!cut.g || heap != cut.g->heap || cut.condemned ||
	    phase != REFHEAP_PHASE_CONDEMN || nr != 1)
		return;
	i = !(atomic64_read(&cut.pair[0]->obj.word) & REFWORD_CONDEMNED);
	cut.condemned = cut.pair[i];
	other = cut.pair[!i];
	if (!refobj_get_unless_zero(&other->obj)) {
		atomic_long_inc(&cut.g->damaged);
		return;
	}
	refslot_clear(&other->obj, &other->slot[0]);
	node_put(other);
}

/* It lives on like any other: can be found, and collected. */
static void g13_condemned_while_it_awaits_its_finalizer(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, FINAL, 2), *node;
	struct refobj *found;

	node = node_of(ring->slot[0].target);
	cut = (struct cut){ .g = g, .pair = { ring, node } };
	ring->will = save_condemned;
	node->will = save_condemned;
	node_put(ring);
	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(cut_probe, NULL), 0);
	graph_collect(g);
	unregister_trace_refheap_phase(cut_probe, NULL);
	tracepoint_synchronize_unregister();
	cut.g = NULL;
	KUNIT_ASSERT_NOT_NULL(test, cut.condemned);
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	/* Another island dies: that verdict is none of its business. */
	node_put(graph_ring(g, 2));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, saved[0], NULL,
					  GFP_KERNEL), 0);
	found = refweak_load(&weak);
	KUNIT_EXPECT_PTR_EQ(test, found, saved[0]);
	if (found)
		refobj_put(found);
	node = node_of(saved[0]);
	graph_link(node, 0, node);
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- the end of the heap -------------------------------------------------- */

static void g10_finalizers_at_destroy(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring_of(g, FINAL, 5));
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 5);
	KUNIT_EXPECT_EQ(test, graph_released(g), 5);
}

static void drop_data(struct graph_node *node)
{
	if (node->data)
		node_put(node->data);
}

/* Each island is revealed by the release of the one before, and breaks up. */
static void g10_islands_one_behind_the_other(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *loop, *before = NULL;
	unsigned int i;

	for (i = 0; i < 40; i++) {
		loop = graph_ring_of(g, FINAL, 1);
		loop->will = i % 2 ? break_cycle : NULL;
		loop->data = before;
		loop->last_words = drop_data;
		before = loop;
	}
	node_put(before);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 40);
	KUNIT_EXPECT_EQ(test, graph_released(g), 40);
}

/* Brought back at the end: held like any other, and freed without a call. */
static void g10_resurrected_at_destroy(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUIET,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *ring = graph_ring_of(g, FINAL, 3);

	ring->will = resurrect;
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 3);
	g->heap = NULL;
	KUNIT_ASSERT_EQ(test, nr_saved, 1);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node_of(saved[0])));
	/* Not left to the zombie's thread, which takes its time. */
	break_cycle(node_of(saved[0]));
	put_saved();
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

/* After the end nobody calls finalizers, and objects go all the same. */
static void g10_held_at_destroy_is_not_finalized(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUIET,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *node = graph_add(g, FINAL);

	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 1);
	g->heap = NULL;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 0);
}

static int finalize_suite_init(struct kunit_suite *suite)
{
	return register_trace_refheap_phase(look_up_probe, NULL);
}

static void finalize_suite_exit(struct kunit_suite *suite)
{
	unregister_trace_refheap_phase(look_up_probe, NULL);
	tracepoint_synchronize_unregister();
}

static struct kunit_case finalize_cases[] = {
	KUNIT_CASE_PARAM(g3_finalizer_matrix, cell_gen_params),
	KUNIT_CASE(g4_island_is_intact),
	KUNIT_CASE(g4_finalizers_before_releases),
	KUNIT_CASE(g1_finalizer_comes_before_release),
	KUNIT_CASE(g7_chain_of_finalizers),
	KUNIT_CASE(g1_middle_of_a_chain_is_brought_back),
	KUNIT_CASE(g3_resurrection_holds_up_nobody_else),
	KUNIT_CASE(g3_whole_cargo_comes_back),
	KUNIT_CASE(g3_finalizer_adds_to_the_island),
	KUNIT_CASE(g3_finalizers_make_a_list),
	KUNIT_CASE(g3_finalizers_tie_islands_together),
	KUNIT_CASE(g2_finalizer_does_a_lot),
	KUNIT_CASE(g2_last_put_finalizer_does_a_lot),
	KUNIT_CASE(g6_sleeping_finalizer_in_atomic_context),
	KUNIT_CASE(g13_weak_reference_survives_resurrection_at_zero),
	KUNIT_CASE(g13_weak_reference_dies_before_island_finalizers),
	KUNIT_CASE(g13_weak_reference_to_the_resurrected_is_dead),
	KUNIT_CASE(g13_new_weak_reference_in_an_island_is_refused),
	KUNIT_CASE(g13_new_weak_reference_at_zero_dies),
	KUNIT_CASE(g3_mark_of_a_queued_object),
	KUNIT_CASE_PARAM(g13_acquired_between_the_trials, trial_gen_params),
	KUNIT_CASE_PARAM(g3_looked_up_between_the_trials, trial_gen_params),
	KUNIT_CASE(g13_condemned_while_it_awaits_its_finalizer),
	KUNIT_CASE(g10_finalizers_at_destroy),
	KUNIT_CASE(g10_islands_one_behind_the_other),
	KUNIT_CASE(g10_resurrected_at_destroy),
	KUNIT_CASE(g10_held_at_destroy_is_not_finalized),
	{}
};

static struct kunit_suite finalize_suite = {
	.name = "refheap_finalize",
	.suite_init = finalize_suite_init,
	.suite_exit = finalize_suite_exit,
	.init = finalize_init,
	.exit = graph_exit,
	.test_cases = finalize_cases,
};

kunit_test_suite(finalize_suite);
