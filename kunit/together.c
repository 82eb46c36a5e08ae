// SPDX-License-Identifier: GPL-2.0
/*
 * Collections in which all that has been seen is garbage: it is condemned as
 * one set, and if nobody has to be told of it, gone without further stages.
 * There have to be many members, or the module's parameter "together" be low.
 *
 * Whether a collection went that way is told by its phases.
 */
#include "crew.h"
#include "debugfile.h"
#include "mute.h"

#include <linux/bits.h>
#include <linux/rcupdate.h>
#include <trace/events/refheap.h>

/* More than the parameter's default. Checked memory is slow. */
#define MANY (IS_ENABLED(CONFIG_KASAN) ? 1200 : 2000)

/**
 * struct plot - a collection, and what is done in its midst
 * @g: the graph
 * @mute: a type without callbacks
 * @other: a second one
 * @member: of the set, each held once until plot_drop()
 * @members: how many
 * @phase: when to strike, at the @nth occurrence from 0
 * @nth: see there
 * @strike: what to do then, or NULL
 * @struck: it has been done
 * @at: what the phase's event said then
 * @first: what the first event of that phase said
 * @phases: bits of those that there were
 * @largest: members of the largest set whose words have been read
 * @objects: how many there were then, for some
 * @mine: what the strike has acquired, or NULL
 * @node: an object with a release, for the strike
 * @weak: a weak reference to a member, for the strike
 * @data: anything else for it
 */
struct plot {
	struct graph *g;
	struct reftype *mute, *other;
	struct mute **member;
	unsigned int members;
	enum refheap_phase phase;
	unsigned int nth;
	void (*strike)(struct plot *plot);
	bool struck;
	u64 at, first;
	unsigned long phases;
	u64 largest;
	u64 objects;
	struct refobj *mine;
	struct graph_node *node;
	struct refweak weak;
	void *data;
};

/* The plot that is being carried out, or NULL. */
static struct plot *stage;

static void plot_probe(void *data, struct refheap *heap,
		       enum refheap_phase phase, u64 members)
{
	struct plot *plot = READ_ONCE(stage);

	if (!plot || heap != plot->g->heap)
		return;
	plot->phases |= BIT(phase);
	if (phase == REFHEAP_PHASE_WORDS)
		plot->largest = max(plot->largest, members);
	if (!plot->strike || plot->struck || phase != plot->phase)
		return;
	if (plot->first == U64_MAX)
		plot->first = members;
	if (plot->nth--)
		return;
	plot->at = members;
	plot->struck = true;
	plot->strike(plot);
}

/* Once: it rewrites the kernel's code, on all CPUs. */
static int together_suite_init(struct kunit_suite *suite)
{
	return register_trace_refheap_phase(plot_probe, NULL);
}

static void together_suite_exit(struct kunit_suite *suite)
{
	unregister_trace_refheap_phase(plot_probe, NULL);
	tracepoint_synchronize_unregister();
}

static struct plot *plot_begin(struct graph *g, unsigned int members)
{
	struct kunit *test = g->test;
	struct plot *plot = kunit_kzalloc(test, sizeof(*plot), GFP_KERNEL);

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	KUNIT_ASSERT_NOT_NULL(test, plot);
	plot->member = kunit_kcalloc(test, members, sizeof(*plot->member),
				     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, plot->member);
	graph_stay_on_cpu();
	plot->g = g;
	plot->members = members;
	plot->first = U64_MAX;
	plot->mute = mute_type(g, "mute");
	plot->other = mute_type(g, "other");
	return plot;
}

/* Pairs of neighbours; @mixed if every second one is of the other type. */
static struct plot *plot_pairs_of(struct graph *g, unsigned int members,
				  bool mixed)
{
	struct plot *plot = plot_begin(g, members);
	unsigned int i;

	for (i = 0; i < members; i++)
		plot->member[i] = mute_add(g, mixed && i % 2 ? plot->other :
							       plot->mute);
	for (i = 0; i < members; i++)
		mute_link(g, plot->member[i], 0, &plot->member[i ^ 1]->obj);
	return plot;
}

static struct plot *plot_pairs(struct graph *g)
{
	return plot_pairs_of(g, MANY, false);
}

/* In the order of allocation, along slot 0. */
static struct plot *plot_ring(struct graph *g)
{
	struct plot *plot = plot_begin(g, MANY);
	unsigned int i;

	for (i = 0; i < MANY; i++)
		plot->member[i] = mute_add(g, plot->mute);
	for (i = 0; i < MANY; i++)
		mute_link(g, plot->member[i], 0,
			  &plot->member[(i + 1) % MANY]->obj);
	return plot;
}

/* All but one, which the test goes on holding. */
static void plot_drop_but(struct plot *plot, const struct mute *held)
{
	unsigned int i;

	for (i = 0; i < plot->members; i++)
		if (plot->member[i] != held)
			mute_put(plot->member[i]);
}

static void plot_drop(struct plot *plot)
{
	plot_drop_but(plot, NULL);
}

static long plot_collect(struct plot *plot)
{
	long reclaimed;

	plot->phases = 0;
	plot->largest = 0;
	WRITE_ONCE(stage, plot);
	reclaimed = refheap_collect(plot->g->heap, 0);
	WRITE_ONCE(stage, NULL);
	/* The thread may be in a collection of its own, and use the plot. */
	KUNIT_EXPECT_EQ(plot->g->test, refheap_drain(plot->g->heap), 0);
	return reclaimed;
}

static u64 plot_objects(struct plot *plot)
{
	return graph_stats(plot->g).objects;
}

/* At least @members were tried as one set, which is gone, in stages or not. */
static void expect_together(struct plot *plot, u64 members, bool in_stages)
{
	struct kunit *test = plot->g->test;

	KUNIT_EXPECT_GE(test, plot->largest, members);
	KUNIT_EXPECT_TRUE(test, plot->phases & BIT(REFHEAP_PHASE_VERDICT));
	KUNIT_EXPECT_EQ(test, !!(plot->phases & BIT(REFHEAP_PHASE_EMPTIED)),
			in_stages);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).islands, 1);
}

/* What is left alone is gone after two collections of candidates at most. */
static void expect_gone_soon(struct plot *plot, u64 left)
{
	struct kunit *test = plot->g->test;

	refheap_collect(plot->g->heap, 0);
	if (plot_objects(plot) != left)
		refheap_collect(plot->g->heap, 0);
	KUNIT_EXPECT_EQ(test, refheap_drain(plot->g->heap), 0);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), left);
}

/* --- sets --------------------------------------------------------------- */

static void g3_pairs_go_together(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);

	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, false);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).reclaimed, MANY);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	/* And nothing of it is left to look at. */
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	KUNIT_EXPECT_EQ(test, plot->phases & BIT(REFHEAP_PHASE_WORDS), 0);
}

static void g3_ring_goes_together(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, false);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

static void g3_two_types_go_together(struct kunit *test)
{
	struct plot *plot = plot_pairs_of(test->priv, MANY, true);

	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, false);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* Those that were looked at before are found along the edges. */
static void g3_what_hangs_on_candidates_goes_with_them(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	unsigned int i;

	for (i = 0; i < MANY; i += 4)
		mute_append(plot->g, plot->member[i], 1,
			    i % 8 ? plot->other : plot->mute);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY + MANY / 4);
	expect_together(plot, MANY + MANY / 4, false);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* The memory can be used again, and what is in it does not remember. */
static void g3_memory_is_used_again(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv), again = *plot;
	struct graph *g = test->priv;
	unsigned int i, j, round;

	for (round = 0; round < 2; round++) {
		plot_drop(plot);
		KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
		for (i = 0; i < MANY; i++) {
			again.member[i] = mute_add(g, again.mute);
			for (j = 0; j < MUTE_SLOTS; j++)
				KUNIT_ASSERT_NULL(test,
						  again.member[i]->slot[j].target);
		}
		for (i = 0; i < MANY; i++)
			mute_link(g, again.member[i], 1,
				  &again.member[i ^ 1]->obj);
	}
	plot_drop(&again);
	KUNIT_EXPECT_EQ(test, plot_collect(&again), MANY);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* --- whose end is to be told of ------------------------------------------ */

struct watch {
	struct refweak weak;
	struct graph *g;
	atomic_t calls;
	bool early;		/* called before all of it was gone */
};

static void watch_called(struct refweak *weak)
{
	struct watch *watch = container_of(weak, struct watch, weak);
	struct refobj *obj = refweak_load(weak);

	if (obj)
		refobj_put(obj);
	if (obj || graph_stats(watch->g).objects)
		watch->early = true;
	atomic_inc(&watch->calls);
}

/* One is enough: no member's word is then what the trace has read. */
static void g13_weak_reference_to_one_of_many(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct watch watch = { .g = plot->g };

	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &watch.weak,
					  &plot->member[77]->obj, watch_called,
					  GFP_KERNEL), 0);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, false);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&watch.calls), 1);
	KUNIT_EXPECT_FALSE(test, watch.early);
	KUNIT_EXPECT_NULL(test, refweak_load(&watch.weak));
	KUNIT_EXPECT_FALSE(test, refweak_clear(&watch.weak));
	KUNIT_EXPECT_EQ(test, debugfile_warnings(plot->g), 0);
}

/* Each tenth has a release, and a place in a pair. */
static void g1_members_with_a_release_go_together(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;
	struct graph_node *node;
	unsigned int i;

	for (i = 0; i < MANY; i += 10) {
		node = graph_add(g, NODE);
		KUNIT_ASSERT_EQ(test, refslot_set(&node->obj, &node->slot[0],
						  &plot->member[i]->obj), 0);
		mute_give(g, plot->member[i], 1, &node->obj);
	}
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY + MANY / 10);
	expect_together(plot, MANY + MANY / 10, true);
	KUNIT_EXPECT_EQ(test, graph_released(g), MANY / 10);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* Its finalizer finds the whole of its island, and everything dies later. */
static void g3_one_of_many_is_finalized(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;
	struct graph_node *node = graph_add(g, FINAL);

	KUNIT_ASSERT_EQ(test, refslot_set(&node->obj, &node->slot[0],
					  &plot->member[0]->obj), 0);
	mute_give(g, plot->member[1], 1, &node->obj);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY + 1);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* --- edges that lead out of the set -------------------------------------- */

static void g1_leaves_of_members_go_too(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;
	struct reftype *plain = plain_type(g);
	unsigned int i;

	for (i = 0; i < MANY; i++)
		mute_give(g, plot->member[i], 1, i % 4 ? plain_add(g, plain) :
				&graph_add(g, LEAF)->obj);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, true);
	KUNIT_EXPECT_EQ(test, graph_released(g), MANY / 4);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* What they lead to lives on, with the references of the living alone. */
static void g2_members_lead_to_the_living(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;
	struct graph_node *node = graph_add(g, NODE);
	struct graph_node *leaf = graph_add(g, LEAF);
	struct mute *mute = mute_add(g, plot->mute);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		mute_link(g, plot->member[i], 1, &node->obj);
		mute_link(g, plot->member[i + 100], 2, &leaf->obj);
		mute_link(g, plot->member[i + 200], 1, &mute->obj);
	}
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 3);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&node->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&leaf->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&mute->obj), 1);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(mute));
	node_put(node);
	node_put(leaf);
	mute_put(mute);
}

/* The set is closed as far as it was traced: frozen objects are not. */
static void g2_members_lead_to_the_frozen(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = mute_type(g, "frozen");
	struct mute *frozen = mute_add(g, type);
	struct plot *plot;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, refheap_freeze(g->heap), 0);
	plot = plot_pairs(g);
	for (i = 0; i < MANY; i += 100)
		mute_link(g, plot->member[i], 1, &frozen->obj);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, true);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&frozen->obj), 1);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(frozen));
	mute_put(frozen);
}

/* One that lives for ever spoils the set, and keeps what it leads to. */
static void g2_one_of_many_is_immortal(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;

	KUNIT_EXPECT_TRUE(test, refobj_make_immortal(&plot->member[0]->obj));
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY - 2);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->member[0]));
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->member[1]));
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
}

static void g2_one_of_many_is_held(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);

	plot_drop_but(plot, plot->member[1001]);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY - 2);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->member[1000]));
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->member[1001]));
	mute_put(plot->member[1001]);
	expect_gone_soon(plot, 0);
}

/* --- heaps that want to know --------------------------------------------- */

/* What was charged comes back. */
static void g3_limits_after_many_have_gone(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .max_objects = MANY,
	};
	struct graph *g = graph_create(test, &params);
	struct plot *plot = plot_pairs(g);
	unsigned int i;

	KUNIT_EXPECT_NULL(test, refobj_alloc(plot->mute, GFP_KERNEL));
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	expect_together(plot, MANY, true);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	for (i = 0; i < MANY; i++)
		plot->member[i] = mute_add(g, plot->mute);
	KUNIT_EXPECT_NULL(test, refobj_alloc(plot->mute, GFP_KERNEL));
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	graph_destroy(g);
}

static void g9_many_go_into_quarantine(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUARANTINE,
	};
	struct graph *g = graph_create(test, &params);
	struct plot *plot = plot_pairs(g);
	unsigned int i, used = 0;
	struct mute *others;

	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	/* Others do not get the memory: it can be recognised. */
	others = mute_chain(g, plot->mute, MANY, NULL);
	for (i = 0; i < MANY; i++)
		used += refobj_count(&plot->member[i]->obj);
	KUNIT_EXPECT_EQ(test, used, 0);
	mute_put(others);
	graph_destroy(g);
}

static void g10_destroy_reclaims_many_together(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	struct graph *g = plot->g;

	mute_give(g, plot->member[9], 1, &graph_add(g, LEAF)->obj);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

/* --- a mutator in the midst of it ---------------------------------------- */

static bool look_up(struct plot *plot, struct mute *mute)
{
	bool got = refobj_get_unless_zero(&mute->obj);

	if (got)
		plot->mine = &mute->obj;
	return got;
}

static void look_one_up(struct plot *plot)
{
	look_up(plot, plot->member[MANY / 2]);
}

static void expect_whole(struct plot *plot, unsigned int first,
			 unsigned int last)
{
	struct kunit *test = plot->g->test;
	bool whole = true;
	unsigned int i;

	for (i = first; i <= last; i++)
		whole = whole && mute_is_alive(plot->member[i]) &&
			!refslot_empty(&plot->member[i]->slot[0]) &&
			!(atomic64_read(&plot->member[i]->obj.word) &
			  (REFWORD_CONDEMNED | REFWORD_DEAD));
	KUNIT_EXPECT_TRUE(test, whole);
}

/* When all have been condemned, one acquirer saves them all. */
static void g13_one_of_many_is_acquired_before_the_verdict(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	plot->phase = REFHEAP_PHASE_CONDEMNED;
	plot->strike = look_one_up;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	KUNIT_ASSERT_TRUE(test, plot->struck);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	KUNIT_ASSERT_EQ(test, plot_objects(plot), MANY);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).rescued, 1);
	expect_whole(plot, 0, MANY - 1);
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
}

/* Of many pairs they save their own at least. */
static void g13_one_of_a_pair_is_acquired_before_the_verdict(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);
	u64 left;

	plot->phase = REFHEAP_PHASE_CONDEMNED;
	plot->strike = look_one_up;
	plot_drop(plot);
	KUNIT_EXPECT_GE(test, plot_collect(plot), 0);
	KUNIT_ASSERT_TRUE(test, plot->struck);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	left = plot_objects(plot);
	KUNIT_EXPECT_EQ(test, left % 2, 0);
	KUNIT_ASSERT_GE(test, left, 2);
	expect_whole(plot, MANY / 2, MANY / 2 + 1);
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
}

static void load_weakly(struct plot *plot)
{
	plot->mine = refweak_load(&plot->weak);
}

static void g13_weak_load_before_the_verdict(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &plot->weak,
					  &plot->member[3]->obj, NULL,
					  GFP_KERNEL), 0);
	plot->phase = REFHEAP_PHASE_CONDEMNED;
	plot->strike = load_weakly;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	KUNIT_ASSERT_PTR_EQ(test, plot->mine, &plot->member[3]->obj);
	KUNIT_ASSERT_EQ(test, plot_objects(plot), MANY);
	expect_whole(plot, 0, MANY - 1);
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
	KUNIT_EXPECT_NULL(test, refweak_load(&plot->weak));
	refweak_clear(&plot->weak);
}

static void look_all_up(struct plot *plot)
{
	unsigned int i;

	for (i = 0; i < MANY; i += 7)
		look_up(plot, plot->member[i]);
	if (!plot->mine)
		load_weakly(plot);
}

static void g13_nobody_is_acquired_behind_the_verdict(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);

	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &plot->weak,
					  &plot->member[3]->obj, NULL,
					  GFP_KERNEL), 0);
	plot->phase = REFHEAP_PHASE_VERDICT;
	plot->strike = look_all_up;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), MANY);
	KUNIT_EXPECT_TRUE(test, plot->struck);
	KUNIT_EXPECT_NULL(test, plot->mine);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
	refweak_clear(&plot->weak);
}

/* --- parts that go while the rest is read -------------------------------- */

/* So many that closed parts of them are enough to be tried on their own. */
#define PARTS 12000

/* As many sets as there are parts, and the rest. */
static void g12_closed_parts_go_early(struct kunit *test)
{
	struct plot *plot = plot_pairs_of(test->priv, PARTS, false);

	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), PARTS);
	KUNIT_EXPECT_LT(test, plot->largest, PARTS / 2);
	KUNIT_EXPECT_GT(test, graph_stats(plot->g).islands, 1);
	KUNIT_EXPECT_LT(test, graph_stats(plot->g).islands, 5);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).reclaimed, PARTS);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

static void look_last_up(struct plot *plot)
{
	plot->objects = plot_objects(plot);
	plot->data = plot->member[0];
	if (!mute_is_alive(plot->data))
		plot->data = plot->member[PARTS - 1];
	look_up(plot, plot->data);
}

/* What has gone is gone, and of the others nothing has been decided. */
static void g13_behind_early_parts_nothing_is_decided(struct kunit *test)
{
	struct plot *plot = plot_pairs_of(test->priv, PARTS, false);

	plot->phase = REFHEAP_PHASE_TAKEN;
	plot->nth = PARTS / REFROW_PER_CHUNK - 10;
	plot->strike = look_last_up;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), PARTS - 2);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	KUNIT_EXPECT_LT(test, plot->objects, PARTS / 2);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->data));
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
}

static void look_condemned_up(struct plot *plot)
{
	unsigned int i;

	for (i = 0; i < PARTS && !plot->mine; i++) {
		plot->data = plot->member[i];
		if (mute_is_alive(plot->data) &&
		    atomic64_read(&plot->member[i]->obj.word) &
		    REFWORD_CONDEMNED)
			look_up(plot, plot->data);
	}
}

/* A part that is rescued is not lost, and keeps none of the others. */
static void g13_one_of_an_early_part_is_acquired(struct kunit *test)
{
	struct plot *plot = plot_pairs_of(test->priv, PARTS, false);

	plot->phase = REFHEAP_PHASE_CONDEMNED;
	plot->strike = look_condemned_up;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), PARTS - 2);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	KUNIT_EXPECT_LT(test, plot->first, PARTS / 2);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).rescued, 1);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(plot->data));
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
}

/* Clients are told when all is decided: there is one set, or one at a time. */
static void g4_no_part_with_a_release_goes_early(struct kunit *test)
{
	struct plot *plot = plot_pairs_of(test->priv, PARTS, false);
	struct graph *g = plot->g;
	unsigned int i;

	/* In every chunk. */
	for (i = 0; i < PARTS; i += REFROW_PER_CHUNK / 2)
		mute_give(g, plot->member[i], 1, &graph_add(g, LEAF)->obj);
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), PARTS);
	KUNIT_EXPECT_GE(test, plot->largest, PARTS);
	KUNIT_EXPECT_EQ(test, graph_stats(g).islands, 1);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* Nor do parts whose members are told themselves, and hold nothing else. */
static void g4_no_part_that_is_told_goes_early(struct kunit *test)
{
	struct plot *plot = plot_begin(test->priv, 0);
	unsigned int i;

	for (i = 0; i < PARTS; i += 2)
		node_put(graph_ring(plot->g, 2));
	KUNIT_EXPECT_EQ(test, plot_collect(plot), PARTS);
	KUNIT_EXPECT_GE(test, plot->largest, PARTS);
	KUNIT_EXPECT_EQ(test, graph_stats(plot->g).islands, 1);
	KUNIT_EXPECT_EQ(test, graph_released(plot->g), PARTS);
}

/* --- what mutators do meanwhile ----------------------------------------- */

static struct mute *plot_uncondemned(struct plot *plot)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (!(atomic64_read(&plot->member[i]->obj.word) &
		      REFWORD_CONDEMNED))
			return plot->member[i];
	return NULL;
}

/* Acquired and left again: garbage as before, but its word has changed. */
static void look_in(struct plot *plot)
{
	struct mute *mute = plot_uncondemned(plot);

	if (mute && look_up(plot, mute))
		mute_put(mute);
}

static void g3_one_of_many_has_changed(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	plot->phase = REFHEAP_PHASE_CONDEMN;
	plot->nth = MANY / 2;
	plot->strike = look_in;
	plot_drop(plot);
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	KUNIT_EXPECT_TRUE(test, plot->struck);
	KUNIT_EXPECT_NOT_NULL(test, plot->mine);
	KUNIT_EXPECT_GE(test, graph_stats(plot->g).aborted, 1);
	KUNIT_ASSERT_EQ(test, plot_objects(plot), MANY);
	expect_whole(plot, 0, MANY - 1);
	expect_gone_soon(plot, 0);
}

static void look_up_uncondemned(struct plot *plot)
{
	struct mute *mute = plot_uncondemned(plot);

	if (mute)
		look_up(plot, mute);
}

static void g2_one_of_many_is_acquired_while_condemning(struct kunit *test)
{
	struct plot *plot = plot_pairs(test->priv);

	plot->phase = REFHEAP_PHASE_CONDEMN;
	plot->nth = MANY / 2;
	plot->strike = look_up_uncondemned;
	plot_drop(plot);
	KUNIT_EXPECT_GE(test, plot_collect(plot), 0);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	KUNIT_ASSERT_GE(test, plot_objects(plot), 2);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(mute_of(plot->mine)));
	refobj_put(plot->mine);
	expect_gone_soon(plot, 0);
}

/* --- edges that are edited while marks are taken -------------------------- */

static u32 chunk_of(const struct refobj *obj)
{
	return refobj_id(obj) >> REFROW_SHIFT;
}

/*
 * A member that has been read, with its successor, when the marks of its chunk
 * were taken first. Its chunk was marked last, and is that of the members with
 * the highest numbers, or nearly so.
 */
static unsigned int plot_read_member(struct plot *plot)
{
	unsigned int i;

	for (i = 0; i + 1 < MANY; i++)
		if (chunk_of(&plot->member[i]->obj) == plot->first &&
		    chunk_of(&plot->member[i + 1]->obj) == plot->first)
			return i;
	return MANY;
}

/* The one in the middle, and who leads there, have not been read. */
static struct mute *plot_unread_member(struct plot *plot)
{
	return plot->member[MANY / 2];
}

static bool plot_is_unread(struct plot *plot, unsigned int i)
{
	u32 chunk = chunk_of(&plot->member[i]->obj);

	return chunk != plot->first && chunk != plot->at;
}

static bool plot_may_strike(struct plot *plot)
{
	if (plot_read_member(plot) < MANY &&
	    plot_is_unread(plot, MANY / 2) &&
	    plot_is_unread(plot, MANY / 2 - 1))
		return true;
	atomic_long_inc(&plot->g->damaged);
	return false;
}

/* The held member's chain leads to the owner of the slot. */
static void store_and_leave(struct plot *plot)
{
	struct mute *owner;

	if (!plot_may_strike(plot))
		return;
	owner = plot->member[plot_read_member(plot)];
	if (refslot_set(&owner->obj, &owner->slot[2], &plot->node->obj))
		atomic_long_inc(&plot->g->damaged);
	mute_put(plot_unread_member(plot));
	node_put(plot->node);
}

/*
 * An empty slot was read, and is filled, by somebody who has let go of the set
 * before the member was read by which he held it. What is in the slot goes
 * with its owner.
 */
static void g3_edge_is_stored_behind_the_reading(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	plot->node = graph_add(plot->g, NODE);
	plot->phase = REFHEAP_PHASE_TAKEN;
	plot->strike = store_and_leave;
	plot_drop_but(plot, plot_unread_member(plot));
	KUNIT_EXPECT_GE(test, plot_collect(plot), 0);
	KUNIT_EXPECT_TRUE(test, plot->struck);
	expect_gone_soon(plot, 0);
	KUNIT_EXPECT_EQ(test, graph_released(plot->g), 1);
}

/* The edge has been read, and is moved out before the member is. */
static void take_and_leave(struct plot *plot)
{
	struct mute *owner;

	if (!plot_may_strike(plot))
		return;
	owner = plot->member[plot_read_member(plot)];
	plot->mine = refslot_take(&owner->obj, &owner->slot[0]);
	mute_put(plot_unread_member(plot));
}

/*
 * All counts add up: what was an edge when it was read is a reference that the
 * mutator has moved to itself since. It leads to all of the set.
 */
static void g2_edge_is_moved_out_behind_the_reading(struct kunit *test)
{
	struct plot *plot = plot_ring(test->priv);

	plot->phase = REFHEAP_PHASE_TAKEN;
	/* What has been gathered from the first chunk is looked at behind it. */
	plot->nth = 1;
	plot->strike = take_and_leave;
	plot_drop_but(plot, plot_unread_member(plot));
	KUNIT_EXPECT_EQ(test, plot_collect(plot), 0);
	KUNIT_ASSERT_NOT_NULL(test, plot->mine);
	KUNIT_ASSERT_EQ(test, plot_objects(plot), MANY);
	KUNIT_EXPECT_TRUE(test, mute_is_alive(mute_of(plot->mine)));
	/* Nothing leads to it any more: the rest of the ring is a chain. */
	refobj_put(plot->mine);
	KUNIT_EXPECT_EQ(test, refheap_drain(plot->g->heap), 0);
	KUNIT_EXPECT_EQ(test, plot_objects(plot), 0);
}

/* A ring of three is closed, and let go, when its first has been read. */
static void close_and_leave(struct plot *plot)
{
	struct mute **member = plot->member;

	if (plot->at != chunk_of(&member[0]->obj) ||
	    refslot_set(&member[0]->obj, &member[0]->slot[1],
			&member[2]->obj))
		atomic_long_inc(&plot->g->damaged);
	mute_put(member[2]);
	mute_put(member[1]);
}

/*
 * The edge was not seen, and the puts of those two were before their marks
 * were taken: they look like held by somebody, and nobody will mark them
 * again.
 */
static void g3_edge_is_stored_before_the_last_mark_is_taken(struct kunit *test)
{
	struct plot *plot = plot_begin(test->priv, 3);
	struct graph *g = plot->g;
	struct mute **member = plot->member;
	unsigned int i;

	for (i = 0; i < 3; i++)
		member[i] = mute_add(g, i ? plot->other : plot->mute);
	mute_link(g, member[1], 0, &member[0]->obj);
	mute_link(g, member[2], 0, &member[1]->obj);
	/* The chunk that is marked last is taken first. */
	refobj_put(refobj_get(&member[1]->obj));
	refobj_put(refobj_get(&member[2]->obj));
	mute_put(member[0]);
	plot->phase = REFHEAP_PHASE_TAKEN;
	plot->strike = close_and_leave;
	KUNIT_EXPECT_GE(test, plot_collect(plot), 0);
	KUNIT_EXPECT_TRUE(test, plot->struck);
	expect_gone_soon(plot, 0);
}

/* --- an edge that is removed while it is read ------------------------------ */

#define RACE_OVER	UINT_MAX

/**
 * struct race - the owner's slot leads to the target, or not; the target is
 *		 held, and leads to the owner
 * @plot: tells when the owner has been read, and its slots are next
 * @owner: alone in its chunk
 * @target: in another
 * @taken: the owner has been read
 * @asked: the round in which a collection is wanted
 * @done: the round in which there has been one
 */
struct race {
	struct plot *plot;
	struct mute *owner, *target;
	bool taken;
	unsigned int asked, done;
};

static void race_taken(struct plot *plot)
{
	struct race *race = plot->data;

	if (plot->at == chunk_of(&race->owner->obj))
		WRITE_ONCE(race->taken, true);
}

static bool race_is_done(struct race *race, unsigned int round)
{
	/* Pairs with race_collect(): what there is to see is there. */
	return smp_load_acquire(&race->done) == round;
}

static void race_round(struct hand *hand, struct race *race,
		       unsigned int round)
{
	struct mute *owner = race->owner;
	unsigned int spins = hand_random(hand, 1 << hand_random(hand, 12));

	if (refslot_set(&owner->obj, &owner->slot[0], &race->target->obj))
		atomic_inc(&hand->crew->wrong);
	/* Marked last, and so taken first. */
	refobj_put(refobj_get(&owner->obj));
	race->taken = false;
	race->plot->nth = 0;
	race->plot->struck = false;
	/* Pairs with race_collect(). */
	smp_store_release(&race->asked, round);
	while (!READ_ONCE(race->taken) && !race_is_done(race, round))
		cond_resched();
	while (spins--)
		cpu_relax();
	refslot_clear(&owner->obj, &owner->slot[0]);
	while (!race_is_done(race, round))
		cond_resched();
}

static void race_edit(struct hand *hand, struct race *race)
{
	unsigned int round, rounds = crew_rounds() / 2;

	for (round = 1; round <= rounds && hand_goes_on(hand); round++) {
		race_round(hand, race, round);
		if (plot_objects(race->plot) == 2)
			continue;
		atomic_inc(&hand->crew->wrong);
		break;
	}
	/* Pairs with race_collect(). */
	smp_store_release(&race->asked, RACE_OVER);
}

static void race_collect(struct race *race)
{
	unsigned int round;

	/* Pairs with race_round(). */
	while ((round = smp_load_acquire(&race->asked)) != RACE_OVER) {
		if (round != race->done) {
			refheap_collect(race->plot->g->heap, 0);
			/* Pairs with race_is_done(). */
			smp_store_release(&race->done, round);
		}
		cond_resched();
	}
}

static void race_work(struct hand *hand)
{
	struct race *race = hand->crew->data;

	if (hand->number == 0)
		race_edit(hand, race);
	else if (hand->number == 1)
		race_collect(race);
}

/*
 * A slot is read, the edge removed and its reference given back, and only then
 * the target's word is read: the count is what is held, and no edge.
 */
static void g2_edge_is_removed_while_it_is_read(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };
	struct race race = {};
	struct cpumask *cpus;
	struct graph *g;
	struct crew *crew;

	crew_need_two_cpus(test);
	cpus = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpus);
	/* The first hand's CPU is the first. */
	cpumask_andnot(cpus, cpu_online_mask,
		       cpumask_of(cpumask_first(cpu_online_mask)));
	params.cpus = cpus;
	g = graph_create(test, &params);
	race.plot = plot_begin(g, 2);
	race.plot->phase = REFHEAP_PHASE_TAKEN;
	race.plot->strike = race_taken;
	race.plot->data = &race;
	race.target = mute_add(g, race.plot->other);
	race.owner = mute_append(g, race.target, 0, race.plot->mute);
	WRITE_ONCE(stage, race.plot);
	crew = crew_start(g, race_work, &race);
	crew_finish(crew);
	WRITE_ONCE(stage, NULL);
	KUNIT_ASSERT_EQ(test, plot_objects(race.plot), 2);
	mute_put(race.target);
	graph_destroy(g);
}

static struct kunit_case together_cases[] = {
	KUNIT_CASE(g3_pairs_go_together),
	KUNIT_CASE(g3_ring_goes_together),
	KUNIT_CASE(g3_two_types_go_together),
	KUNIT_CASE(g3_what_hangs_on_candidates_goes_with_them),
	KUNIT_CASE(g3_memory_is_used_again),
	KUNIT_CASE(g13_weak_reference_to_one_of_many),
	KUNIT_CASE(g1_members_with_a_release_go_together),
	KUNIT_CASE(g3_one_of_many_is_finalized),
	KUNIT_CASE(g1_leaves_of_members_go_too),
	KUNIT_CASE(g2_members_lead_to_the_living),
	KUNIT_CASE(g2_members_lead_to_the_frozen),
	KUNIT_CASE(g2_one_of_many_is_immortal),
	KUNIT_CASE(g2_one_of_many_is_held),
	KUNIT_CASE(g12_closed_parts_go_early),
	KUNIT_CASE(g13_behind_early_parts_nothing_is_decided),
	KUNIT_CASE(g13_one_of_an_early_part_is_acquired),
	KUNIT_CASE(g4_no_part_with_a_release_goes_early),
	KUNIT_CASE(g4_no_part_that_is_told_goes_early),
	KUNIT_CASE(g3_limits_after_many_have_gone),
	KUNIT_CASE(g9_many_go_into_quarantine),
	KUNIT_CASE(g10_destroy_reclaims_many_together),
	KUNIT_CASE(g13_one_of_many_is_acquired_before_the_verdict),
	KUNIT_CASE(g13_one_of_a_pair_is_acquired_before_the_verdict),
	KUNIT_CASE(g13_weak_load_before_the_verdict),
	KUNIT_CASE(g13_nobody_is_acquired_behind_the_verdict),
	KUNIT_CASE(g3_one_of_many_has_changed),
	KUNIT_CASE(g2_one_of_many_is_acquired_while_condemning),
	KUNIT_CASE(g3_edge_is_stored_behind_the_reading),
	KUNIT_CASE(g2_edge_is_moved_out_behind_the_reading),
	KUNIT_CASE(g3_edge_is_stored_before_the_last_mark_is_taken),
	KUNIT_CASE(g2_edge_is_removed_while_it_is_read),
	{}
};

static struct kunit_suite together_suite = {
	.name = "refheap_together",
	.suite_init = together_suite_init,
	.suite_exit = together_suite_exit,
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = together_cases,
};

kunit_test_suite(together_suite);
