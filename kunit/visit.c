// SPDX-License-Identifier: GPL-2.0
/*
 * Visit callbacks: ones that cannot answer for a while, and ones in the midst
 * of which, between the reading of one slot and the next, a mutator strikes.
 *
 * The callback runs in the thread that collects, so what it does there is one
 * interleaving exactly, that of a mutator on another CPU which was fast just
 * then. The finest places are between a slot and the next of the same object,
 * and between the slots of one member and the word of another.
 */
#include "debugfile.h"
#include "graph.h"

#include <linux/bitops.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

/* --- busy ones ---------------------------------------------------------- */

static void lock_visit(struct graph_node *node)
{
	while (test_and_set_bit_lock(0, &node->locked))
		cpu_relax();
}

static void unlock_visit(struct graph_node *node)
{
	clear_bit_unlock(0, &node->locked);
}

static void g3_visited_ring(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring_of(g, CUSTOM, 10));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
}

/* The mutator holds the lock of a member for a while: alive that long. */
static void g3_busy_member_is_judged_later(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, CUSTOM, 4);

	lock_visit(ring);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 4);
	unlock_visit(ring);
	if (!graph_collect(g))
		graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* It stays a candidate: no full pass is needed, nor another put. */
static void g3_busy_member_stays_a_candidate(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, CUSTOM, 4);
	struct graph_node *third = node_of(node_of(ring->slot[0].target)
				     ->slot[0].target);

	lock_visit(third);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	unlock_visit(third);
	if (!refheap_collect(g->heap, 0))
		refheap_collect(g->heap, 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g3_busy_island_does_not_hold_up_others(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *busy = graph_ring_of(g, CUSTOM, 4);
	unsigned int i;

	lock_visit(busy);
	node_put(busy);
	for (i = 0; i < 100; i++)
		node_put(graph_ring(g, 2));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 200);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 4);
	unlock_visit(busy);
	if (!graph_collect(g))
		graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* An earlier reader still has the lock of an object whose count is zero. */
static void g1_busy_member_at_its_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, CUSTOM);

	graph_append(node, 2, LEAF);
	rcu_read_lock();
	lock_visit(node);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	unlock_visit(node);
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 2));
}

/* --- a lock of its own -------------------------------------------------- */

struct locked {
	u64 canary;
	spinlock_t lock;		/* of @slots; initialised by init */
	struct refobj obj;
	struct refslot *slots;		/* guarded by @lock */
	struct refslot slot[2];
};

static struct locked *to_locked(struct refobj *obj)
{
	return container_of(obj, struct locked, obj);
}

static unsigned int locked_inits;

static void locked_init(struct refobj *obj)
{
	struct locked *locked = to_locked(obj);

	spin_lock_init(&locked->lock);
	locked->canary = NODE_ALIVE;
	locked_inits++;
}

static int locked_visit(struct refobj *obj, struct refvisitor *visitor)
{
	struct locked *locked = to_locked(obj);

	if (!spin_trylock(&locked->lock))
		return -EBUSY;
	if (locked->slots) {
		refvisit(visitor, &locked->slots[0]);
		refvisit(visitor, &locked->slots[1]);
	}
	spin_unlock(&locked->lock);
	return 0;
}

static const struct reftype_desc locked_type = {
	REFTYPE(struct locked, obj), .name = "locked",
	.init = locked_init, .visit = locked_visit,
};

/* Once for each object, on a zeroed payload, before anyone can visit it. */
static void g3_init_prepares_what_visit_needs(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = refheap_register_type(g->heap, &locked_type);
	struct locked *a;
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	locked_inits = 0;
	for (i = 1; i <= 20; i++) {
		a = to_locked(refobj_alloc(type, GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, a);
		KUNIT_EXPECT_EQ(test, locked_inits, i);
		KUNIT_EXPECT_EQ(test, a->canary, NODE_ALIVE);
		KUNIT_EXPECT_NULL(test, a->slots);
		KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
		spin_lock(&a->lock);
		a->slots = a->slot;
		spin_unlock(&a->lock);
		KUNIT_EXPECT_EQ(test, refslot_set(&a->obj, &a->slot[1],
						  &a->obj), 0);
		refobj_put(&a->obj);
		KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
	}
	rcu_barrier();
}

/* --- struck visits ------------------------------------------------------ */

/**
 * struct stroke - what a mutator does in the midst of a visit
 * @at: the steps until then
 * @done: it has been done
 * @act: it
 * @a: a ring of three, entered at @a
 * @b: the next
 * @c: the last
 * @holder: a live object; its slot 0 may hold @a
 * @mine: a reference of the mutator's, or NULL
 */
struct stroke {
	unsigned int at;
	bool done;
	void (*act)(struct stroke *stroke);
	struct graph_node *a, *b, *c;
	struct graph_node *holder;
	struct refobj *mine;
};

static int strike(struct graph_node *node, unsigned int step)
{
	struct stroke *stroke = node->graph->visit_data;

	if (stroke->done || stroke->at--)
		return 0;
	stroke->done = true;
	stroke->act(stroke);
	return 0;
}

static void stroke_arrange(struct stroke *stroke, struct graph *g)
{
	stroke->holder = graph_add(g, NODE);
	stroke->a = graph_ring_of(g, CUSTOM, 3);
	stroke->b = node_of(stroke->a->slot[0].target);
	stroke->c = node_of(stroke->b->slot[0].target);
	node_touch(stroke->b);
	node_touch(stroke->c);
}

static void move_edge(struct graph_node *to, unsigned int i,
		      struct graph_node *from, unsigned int j)
{
	if (refslot_move(&to->obj, &to->slot[i], &from->obj, &from->slot[j]))
		atomic_long_inc(&to->graph->damaged);
}

/* From a slot already read to one that is not: the edge is seen twice. */
static void move_forward(struct stroke *stroke)
{
	move_edge(stroke->a, 3, stroke->a, 0);
	move_edge(stroke->b, 3, stroke->b, 0);
	move_edge(stroke->c, 3, stroke->c, 0);
}

/* And the other way round: it is not seen at all. */
static void move_back(struct stroke *stroke)
{
	move_edge(stroke->a, 3, stroke->a, 0);
	move_edge(stroke->a, 0, stroke->a, 3);
	move_edge(stroke->b, 1, stroke->b, 0);
	move_edge(stroke->b, 0, stroke->b, 1);
}

/*
 * The mutator holds @a, and through it the others. It takes the ring's last
 * edge, which leads to @a, and gives @a back: it holds @a as before, by the
 * reference that was the edge, and @a's count is the number of edges that a
 * collector has seen if it read @c's slots before and @a's word after.
 */
static void take_along_the_chain(struct stroke *stroke)
{
	struct refobj *taken = refslot_take(&stroke->c->obj,
					    &stroke->c->slot[0]);

	refobj_put(stroke->mine);
	stroke->mine = taken;
}

/* Hand over hand along the ring. */
static void walk_on(struct stroke *stroke)
{
	struct refobj *next = refslot_load(&node_of(stroke->mine)->slot[0]);

	refobj_put(stroke->mine);
	stroke->mine = next;
}

static void take_from_the_holder(struct stroke *stroke)
{
	struct graph_node *holder = stroke->holder;

	refobj_put(stroke->mine);
	stroke->mine = refslot_take(&holder->obj, &holder->slot[0]);
}

static void load_from_the_holder(struct stroke *stroke)
{
	struct graph_node *holder = stroke->holder;

	refobj_put(stroke->mine);
	stroke->mine = refslot_load(&holder->slot[0]);
	refslot_clear(&holder->obj, &holder->slot[0]);
}

static void give_to_the_holder(struct stroke *stroke)
{
	struct graph_node *holder = stroke->holder;

	if (refslot_give(&holder->obj, &holder->slot[1], stroke->mine))
		atomic_long_inc(&holder->graph->damaged);
	stroke->mine = NULL;
}

static void drop(struct stroke *stroke)
{
	refobj_put(stroke->mine);
	stroke->mine = NULL;
}

/* Garbage without a put, while it is being looked at. */
static void give_to_itself(struct stroke *stroke)
{
	if (refslot_give(&stroke->b->obj, &stroke->b->slot[1], stroke->mine))
		atomic_long_inc(&stroke->b->graph->damaged);
	stroke->mine = NULL;
}

static void look_up(struct stroke *stroke)
{
	if (refobj_get_unless_zero(&stroke->b->obj))
		stroke->mine = &stroke->b->obj;
}

/* Acquire, move about, and leave: garbage again, and nothing as it was read. */
static void look_up_and_walk(struct stroke *stroke)
{
	look_up(stroke);
	if (!stroke->mine)
		return;
	walk_on(stroke);
	walk_on(stroke);
	drop(stroke);
}

static void look_up_and_shift(struct stroke *stroke)
{
	look_up(stroke);
	if (!stroke->mine)
		return;
	move_forward(stroke);
	drop(stroke);
}

/* Acquire, and hold on to the next one by what was the edge to it. */
static void look_up_and_take(struct stroke *stroke)
{
	struct refobj *taken;

	look_up(stroke);
	if (!stroke->mine)
		return;
	taken = refslot_take(&stroke->b->obj, &stroke->b->slot[0]);
	refobj_put(stroke->mine);
	stroke->mine = taken;
}

struct strike_case {
	const char *name;
	void (*act)(struct stroke *stroke);
	bool held;		/* by the mutator, when it strikes */
	bool in_holder;		/* by the holder's slot as well */
	bool garbage;		/* after the stroke nobody holds it */
};

static const struct strike_case strike_cases[] = {
	{ "move_forward", move_forward, .held = true },
	{ "move_back", move_back, .held = true },
	{ "take_along_the_chain", take_along_the_chain, .held = true },
	{ "walk_on", walk_on, .held = true },
	{ "take_from_the_holder", take_from_the_holder, .held = true,
	  .in_holder = true },
	{ "load_from_the_holder", load_from_the_holder, .held = true,
	  .in_holder = true },
	{ "give_to_the_holder", give_to_the_holder, .held = true },
	{ "drop", drop, .held = true, .garbage = true },
	{ "give_to_itself", give_to_itself, .held = true, .garbage = true },
	{ "look_up", look_up, .garbage = true },
	{ "look_up_and_walk", look_up_and_walk, .garbage = true },
	{ "look_up_and_shift", look_up_and_shift, .garbage = true },
	{ "look_up_and_take", look_up_and_take, .garbage = true },
};

KUNIT_ARRAY_PARAM_DESC(strike, strike_cases, name);

/* One collection with the stroke at step @at; tells whether it came to it. */
static bool strike_once(struct kunit *test, unsigned int at,
			unsigned int flags)
{
	const struct strike_case *how = test->param_value;
	struct graph *g = test->priv;
	struct stroke stroke = { .at = at, .act = how->act };
	bool came;

	stroke_arrange(&stroke, g);
	if (how->in_holder)
		graph_link(stroke.holder, 0, stroke.a);
	if (how->held)
		stroke.mine = &stroke.a->obj;
	else
		node_put(stroke.a);

	g->visit_data = &stroke;
	WRITE_ONCE(g->on_visit, strike);
	refheap_collect(g->heap, flags);
	WRITE_ONCE(g->on_visit, NULL);
	came = stroke.done;
	if (!came)
		stroke.done = true;
	if (!came && how->held)
		how->act(&stroke);

	/* All or nothing, and nothing that somebody holds. */
	if (stroke.mine || !how->garbage)
		KUNIT_EXPECT_EQ_MSG(test, graph_alive(g), 4, "step %u", at);
	else if (graph_alive(g) != 4)
		KUNIT_EXPECT_EQ_MSG(test, graph_alive(g), 1, "step %u", at);
	if (stroke.mine)
		refobj_put(stroke.mine);
	node_put(stroke.holder);
	graph_collect(g);
	graph_collect(g);
	KUNIT_EXPECT_EQ_MSG(test, graph_alive(g), 0, "step %u", at);
	return came;
}

static void strike_everywhere(struct kunit *test, unsigned int flags)
{
	unsigned int at = 0;

	while (at < 200 && strike_once(test, at, flags))
		at++;
	kunit_info(test, "struck at each of %u steps\n", at);
	KUNIT_EXPECT_GT(test, at, 3 * (NODE_SLOTS + 1));
}

static void g2_mutator_strikes_during_a_visit(struct kunit *test)
{
	struct graph *g = test->priv;

	strike_everywhere(test, REFHEAP_COLLECT_FULL);
	strike_everywhere(test, 0);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
}

/* An edge ahead of every reading: it moves between the first slot and the last. */
static int swing(struct graph_node *node, unsigned int step)
{
	if (node != node->graph->visit_data)
		return 0;
	if (!step && node->slot[3].target)
		move_edge(node, 0, node, 3);
	else if (step == 3 && node->slot[0].target)
		move_edge(node, 3, node, 0);
	return 0;
}

/*
 * The first of the ring is held; with the edge that is seen twice its count is
 * complete, in the trace and at the judgement. Nothing but the version tells.
 */
static void g2_edge_is_seen_twice_each_time(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_ring_of(g, CUSTOM, 3);
	struct graph_node *b = node_of(a->slot[0].target);
	unsigned int i;

	g->visit_data = node_of(b->slot[0].target);
	WRITE_ONCE(g->on_visit, swing);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
		KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
		refobj_put(refobj_get(&a->obj));
	}
	WRITE_ONCE(g->on_visit, NULL);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

static struct kunit_case visit_cases[] = {
	KUNIT_CASE(g3_visited_ring),
	KUNIT_CASE(g3_busy_member_is_judged_later),
	KUNIT_CASE(g3_busy_member_stays_a_candidate),
	KUNIT_CASE(g3_busy_island_does_not_hold_up_others),
	KUNIT_CASE(g1_busy_member_at_its_release),
	KUNIT_CASE(g3_init_prepares_what_visit_needs),
	KUNIT_CASE_PARAM(g2_mutator_strikes_during_a_visit, strike_gen_params),
	KUNIT_CASE(g2_edge_is_seen_twice_each_time),
	{}
};

static struct kunit_suite visit_suite = {
	.name = "refheap_visit",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = visit_cases,
};

kunit_test_suite(visit_suite);
