// SPDX-License-Identifier: GPL-2.0
/*
 * Releases of objects without callbacks: those go one after the other, without
 * a cascade that others could find, until one comes that has a callback.
 */
#include "mute.h"

#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched.h>

/* Checked memory is hundreds of times slower. */
#define SILENT_MANY	(IS_ENABLED(CONFIG_KASAN) ? 3000 : 100000)

/* What may be spent at once, in objects and slots: see refobj_put(). */
#define SILENT_BUDGET		65536
#define SILENT_BUDGET_ATOMIC	256

/* Nothing is left, and the thread had as much to do with it as it says. */
static void expect_gone(struct graph *g)
{
	KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(g->test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(g->test, graph_stats(g).freed,
			graph_stats(g).allocated);
}

/* --- shapes ------------------------------------------------------------- */

static struct mute *make_chain(struct graph *g, struct reftype *type)
{
	return mute_chain(g, type, SILENT_MANY, NULL);
}

/* A spine along a slot, a tooth on each. */
static struct mute *make_comb_along(struct graph *g, struct reftype *type,
				    unsigned int slot)
{
	struct mute *head = mute_add(g, type), *spine = head;
	unsigned int i;

	for (i = 0; i < SILENT_MANY / 2; i++) {
		mute_append(g, spine, !slot, type);
		spine = mute_append(g, spine, slot, type);
	}
	return head;
}

static struct mute *make_comb(struct graph *g, struct reftype *type)
{
	return make_comb_along(g, type, 0);
}

/* The teeth come before the spine. */
static struct mute *make_comb_backwards(struct graph *g, struct reftype *type)
{
	return make_comb_along(g, type, 1);
}

static struct mute *make_tree(struct graph *g, struct reftype *type)
{
	struct mute **mutes, *root;
	unsigned int i;

	mutes = kvmalloc_array(SILENT_MANY, sizeof(*mutes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->test, mutes);
	mutes[0] = mute_add(g, type);
	for (i = 1; i < SILENT_MANY; i++)
		mutes[i] = mute_append(g, mutes[(i - 1) / 2], (i - 1) % 2,
				       type);
	root = mutes[0];
	kvfree(mutes);
	return root;
}

/* Each refers to the next two: every second put is the last. */
static struct mute *make_ladder(struct graph *g, struct reftype *type)
{
	struct mute *head = mute_add(g, type), *next = mute_add(g, type);
	struct mute *before;
	unsigned int i;

	for (i = 0; i < SILENT_MANY; i++) {
		before = mute_add(g, type);
		mute_link(g, before, 1, &next->obj);
		mute_give(g, before, 0, &head->obj);
		mute_put(next);
		next = head;
		refobj_get(&next->obj);
		head = before;
	}
	mute_put(next);
	return head;
}

struct shape {
	const char *name;
	struct mute *(*make)(struct graph *g, struct reftype *type);
};

static const struct shape shapes[] = {
	{ "chain", make_chain },
	{ "comb", make_comb },
	{ "comb_backwards", make_comb_backwards },
	{ "tree", make_tree },
	{ "ladder", make_ladder },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

/* Of any size: a stack that grew with it would not do. */
static void g7_long_silence(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct graph *g = test->priv;
	struct mute *head = shape->make(g, mute_type(g, "mute"));
	u64 objects = graph_stats(g).objects;

	KUNIT_EXPECT_GE(test, objects, SILENT_MANY);
	mute_put(head);
	/* At least what the budget lasts for. */
	KUNIT_EXPECT_LE(test, graph_stats(g).objects,
			objects - min_t(u64, objects, SILENT_BUDGET /
					(MUTE_SLOTS + 2)));
	expect_gone(g);
}

#define WIDE_SLOTS 400

struct wide {
	struct refobj obj;
	struct refslot slot[WIDE_SLOTS];
};

static struct wide *wide_of(struct refobj *obj)
{
	return container_of(obj, struct wide, obj);
}

static struct reftype *wide_type(struct graph *g)
{
	static const struct reffield fields[] = {
		REFFIELD(struct wide, slot),
	};
	static const struct reftype_desc desc = {
		REFTYPE(struct wide, obj), .name = "wide",
		REFTYPE_FIELDS(fields),
	};
	struct reftype *type = refheap_register_type(g->heap, &desc);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(g->test, type);
	return type;
}

static struct refobj *wide_add(struct graph *g, struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(g->test, obj);
	return obj;
}

/* Many at once, each of which keeps two more. */
static void g1_wide_silence(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refobj *obj = wide_add(g, wide_type(g));
	struct reftype *type = mute_type(g, "mute");
	struct mute *mute;
	unsigned int i;
	int err = 0;

	for (i = 0; i < WIDE_SLOTS; i++) {
		mute = mute_add(g, type);
		mute_append(g, mute, 1, type);
		mute_append(g, mute, 2, type);
		err |= refslot_give(obj, &wide_of(obj)->slot[i], &mute->obj);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	refobj_put(obj);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).deferred, 0);
}

static void g1_silent_diamond(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct mute *top = mute_add(g, type), *bottom = mute_add(g, type);

	mute_link(g, mute_append(g, top, 0, type), 0, &bottom->obj);
	mute_link(g, mute_append(g, top, 1, type), 1, &bottom->obj);
	mute_link(g, top, 2, &bottom->obj);
	mute_put(bottom);
	KUNIT_EXPECT_EQ(test, refobj_count(&bottom->obj), 3);
	mute_put(top);
	KUNIT_EXPECT_EQ(test, graph_stats(g).freed, 4);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

/* What somebody else holds stays, and is garbage of his alone later. */
static void g2_silence_ends_at_what_is_held(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct mute *tail, *head = mute_chain(g, type, 100, &tail);
	struct mute *rest = mute_append(g, tail, 1, type);

	mute_append(g, rest, 0, type);
	refobj_get(&rest->obj);
	mute_put(head);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(rest));
	KUNIT_EXPECT_EQ(test, refobj_count(&rest->obj), 1);
	mute_put(rest);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

/* --- the budget --------------------------------------------------------- */

static void g1_atomic_silence_has_a_smaller_budget(struct kunit *test)
{
	struct graph *g = test->priv;
	struct mute *head = mute_chain(g, mute_type(g, "mute"), 2000, NULL);
	unsigned long flags;
	u64 freed;

	local_irq_save(flags);
	mute_put(head);
	freed = graph_stats(g).freed;
	local_irq_restore(flags);
	/* The thread may have done the rest by now; see what was left to it. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    !IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING))
		KUNIT_EXPECT_GE(test, freed,
				SILENT_BUDGET_ATOMIC / (MUTE_SLOTS + 2));
	expect_gone(g);
	KUNIT_EXPECT_GT(test, graph_stats(g).deferred, 0);
}

/* Slots count as well as objects. */
static void g1_silence_beyond_the_budget_is_handed_over(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = wide_type(g);
	struct refobj *head = wide_add(g, type), *next;
	unsigned int i;

	for (i = 0; i < 2 * SILENT_BUDGET / WIDE_SLOTS; i++) {
		next = wide_add(g, type);
		KUNIT_ASSERT_EQ(test, refslot_give(next, wide_of(next)->slot,
						   head), 0);
		head = next;
	}
	refobj_put(head);
	KUNIT_EXPECT_GT(test, graph_stats(g).deferred, 0);
	expect_gone(g);
}

static void g1_silence_within_the_budget_is_done_at_once(struct kunit *test)
{
	struct graph *g = test->priv;

	mute_put(mute_chain(g, mute_type(g, "mute"), 1000, NULL));
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).deferred, 0);
}

/* --- the end of silence ------------------------------------------------- */

/* Where one that has a release comes in, beside and below the others. */
static void g1_silence_leads_to_a_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct mute *tail, *head = mute_chain(g, type, 20, &tail);
	struct graph_node *node = graph_add(g, NODE);
	struct mute *below = mute_chain(g, type, 20, NULL);

	KUNIT_ASSERT_EQ(test, refslot_give(&node->obj, &node->slot[0],
					   &below->obj), 0);
	mute_give(g, below, 1, &graph_add(g, LEAF)->obj);
	mute_give(g, tail, 0, &node->obj);
	mute_give(g, tail, 1, &mute_chain(g, type, 3, NULL)->obj);
	mute_give(g, head, 2, &graph_add(g, NODE)->obj);
	mute_put(head);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).deferred, 0);
}

/* In the midst of a chain, and behind more than is freed one by one. */
static void g3_silence_leads_to_a_finalizer(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct graph_node *node = graph_add(g, FINAL);
	struct mute *tail, *head = mute_chain(g, type, 1000, &tail);

	KUNIT_ASSERT_EQ(test, refslot_give(&node->obj, &node->slot[0],
					   &mute_add(g, type)->obj), 0);
	mute_give(g, tail, 0, &node->obj);
	mute_put(head);
	expect_gone(g);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void look_around(struct graph_node *node)
{
	struct refheap_stats stats;

	refheap_get_stats(node->graph->heap, &stats);
	*(u64 *)node->data = stats.objects;
}

/* However many there were: who is told of an end finds nothing of them. */
static void g1_what_went_before_a_release_has_gone(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, LEAF);
	struct mute *tail, *head;
	u64 objects = 0;

	node->data = &objects;
	node->last_words = look_around;
	head = mute_chain(g, mute_type(g, "mute"), 1000, &tail);
	mute_give(g, tail, 0, &node->obj);
	mute_put(head);
	expect_gone(g);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, objects, 1);
}

/* Every second one; each release drops the next two. */
static void g7_silence_is_broken_again_and_again(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct mute *mute = mute_add(g, type);
	struct graph_node *node;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		node = graph_add(g, NODE);
		KUNIT_ASSERT_EQ(test, refslot_give(&node->obj, &node->slot[1],
						   &mute->obj), 0);
		mute = mute_add(g, type);
		mute_give(g, mute, i % MUTE_SLOTS, &node->obj);
	}
	mute_put(mute);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1000);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

static void put_data(struct graph_node *node)
{
	refobj_put(node->data);
}

/* A put inside a release joins its cascade. */
static void g1_release_drops_a_silent_chain(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct graph_node *node = graph_add(g, NODE);
	struct mute *tail;

	node->data = &mute_chain(g, type, 50, &tail)->obj;
	node->last_words = put_data;
	mute_give(g, tail, 2, &graph_add(g, LEAF)->obj);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

static void note_task(struct graph_node *node)
{
	WRITE_ONCE(*(struct task_struct **)node->data, current);
}

/*
 * Nobody is told where nobody may sleep, but by the thread, once.  It may be at
 * work on another CPU, and do so before we look.
 */
static void g6_atomic_silence_leads_to_a_sleeping_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);
	struct task_struct *teller = NULL;
	struct mute *tail, *head;
	unsigned long flags;

	node->data = &teller;
	node->last_words = note_task;
	head = mute_chain(g, mute_type(g, "mute"), 5, &tail);
	mute_give(g, tail, 0, &node->obj);
	local_irq_save(flags);
	mute_put(head);
	KUNIT_EXPECT_PTR_NE(test, READ_ONCE(teller), current);
	local_irq_restore(flags);
	expect_gone(g);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_NOT_NULL(test, teller);
	KUNIT_EXPECT_PTR_NE(test, teller, current);
}

/* Of both sorts, shared and not. */
static void g1_silence_leads_to_leaves(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute"), *plain = plain_type(g);
	struct mute *head = mute_add(g, type), *mute = head;
	struct refobj *shared = plain_add(g, plain);
	struct graph_node *leaf = graph_add(g, LEAF);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		mute_link(g, mute, 1, i % 2 ? shared : &leaf->obj);
		mute_give(g, mute, 2, plain_add(g, plain));
		mute = mute_append(g, mute, 0, type);
	}
	refobj_put(&leaf->obj);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 23);
	mute_put(head);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(shared), 1);
	refobj_put(shared);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

/* --- weak references ---------------------------------------------------- */

struct watch {
	struct refweak weak;
	atomic_t calls;
};

static void watch_called(struct refweak *weak)
{
	atomic_inc(&container_of(weak, struct watch, weak)->calls);
}

static void g13_weak_references_along_a_silent_chain(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "mute");
	struct mute *tail, *head = mute_chain(g, type, 10, &tail);
	struct mute *middle = mute_of(head->slot[0].target);
	struct mute *mutes[] = { head, middle, tail };
	struct watch watch[ARRAY_SIZE(mutes)] = {};
	struct refobj *obj;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mutes); i++)
		KUNIT_ASSERT_EQ(test, refweak_set(NULL, &watch[i].weak,
						  &mutes[i]->obj, watch_called,
						  GFP_KERNEL), 0);
	obj = refweak_load(&watch[2].weak);
	KUNIT_EXPECT_PTR_EQ(test, obj, &tail->obj);
	mute_put(head);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 1);
	if (obj)
		refobj_put(obj);
	expect_gone(g);
	for (i = 0; i < ARRAY_SIZE(mutes); i++) {
		KUNIT_EXPECT_NULL(test, refweak_load(&watch[i].weak));
		KUNIT_EXPECT_EQ(test, atomic_read(&watch[i].calls), 1);
		KUNIT_EXPECT_FALSE(test, refweak_clear(&watch[i].weak));
	}
}

/* --- the end of the heap ------------------------------------------------ */

/* What was handed over to the thread is done before the heap is gone. */
static void g10_destroy_behind_an_atomic_silence(struct kunit *test)
{
	struct graph *g = test->priv;
	struct mute *tail, *head;
	unsigned long flags;

	head = mute_chain(g, mute_type(g, "mute"), 2000, &tail);
	mute_give(g, tail, 0, &graph_add(g, NODE)->obj);
	local_irq_save(flags);
	mute_put(head);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

/* A late put frees, and calls nobody. */
static void g10_held_silent_chain(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUIET,
	};
	struct graph *g = graph_create(test, &params);
	struct mute *tail, *head;

	head = mute_chain(g, mute_type(g, "mute"), 100, &tail);
	mute_give(g, tail, 0, &graph_add(g, NODE)->obj);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 101);
	g->heap = NULL;
	KUNIT_EXPECT_TRUE(test, mute_is_alive(tail));
	mute_put(head);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

static struct kunit_case silent_cases[] = {
	KUNIT_CASE_PARAM(g7_long_silence, shape_gen_params),
	KUNIT_CASE(g1_wide_silence),
	KUNIT_CASE(g1_silent_diamond),
	KUNIT_CASE(g2_silence_ends_at_what_is_held),
	KUNIT_CASE(g1_atomic_silence_has_a_smaller_budget),
	KUNIT_CASE(g1_silence_beyond_the_budget_is_handed_over),
	KUNIT_CASE(g1_silence_within_the_budget_is_done_at_once),
	KUNIT_CASE(g1_silence_leads_to_a_release),
	KUNIT_CASE(g3_silence_leads_to_a_finalizer),
	KUNIT_CASE(g1_what_went_before_a_release_has_gone),
	KUNIT_CASE(g7_silence_is_broken_again_and_again),
	KUNIT_CASE(g1_release_drops_a_silent_chain),
	KUNIT_CASE(g6_atomic_silence_leads_to_a_sleeping_release),
	KUNIT_CASE(g1_silence_leads_to_leaves),
	KUNIT_CASE(g13_weak_references_along_a_silent_chain),
	KUNIT_CASE(g10_destroy_behind_an_atomic_silence),
	KUNIT_CASE(g10_held_silent_chain),
	{}
};

static struct kunit_suite silent_suite = {
	.name = "refheap_silent",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = silent_cases,
};

kunit_test_suite(silent_suite);
