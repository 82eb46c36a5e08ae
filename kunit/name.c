// SPDX-License-Identifier: GPL-2.0
/* Names: the roots of a heap. */
#include "crew.h"
#include "debugfile.h"
#include "graph.h"
#include "stepper.h"

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#define LONGEST "an-extremely-long-name-that-is-just-as-long-as-any-can-be-63-xx"

static int bind(struct graph *g, const char *name, struct graph_node *node)
{
	return refheap_bind(g->heap, name, &node->obj);
}

/* Bound to a name, and held by nobody else. */
static void bind_only(struct graph *g, const char *name,
		      struct graph_node *node)
{
	KUNIT_EXPECT_EQ(g->test, bind(g, name, node), 0);
	node_put(node);
}

static int unbind(struct graph *g, const char *name)
{
	return refheap_unbind(g->heap, name);
}

static u32 count(struct graph_node *node)
{
	return refobj_count(&node->obj);
}

/* --- one thread --------------------------------------------------------- */

static void g2_name_holds_its_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	KUNIT_EXPECT_EQ(test, bind(g, "spam", node), 0);
	KUNIT_EXPECT_EQ(test, count(node), 2);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), -ENOENT);
}

static void g2_name_holds_an_island(struct kunit *test)
{
	struct graph *g = test->priv;

	bind_only(g, "ring", graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, unbind(g, "ring"), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_NULL(test, refheap_lookup(g->heap, "ring"));
	/* What the name gave back was a candidate: no full pass. */
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 3);
}

static void g13_look_up_takes_a_reference(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct refobj *found;

	bind_only(g, "spam", node);
	found = refheap_lookup(g->heap, "spam");
	KUNIT_EXPECT_PTR_EQ(test, found, &node->obj);
	KUNIT_EXPECT_EQ(test, count(node), 2);
	KUNIT_EXPECT_NULL(test, refheap_lookup(g->heap, "spa"));
	KUNIT_EXPECT_NULL(test, refheap_lookup(g->heap, "spam "));
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), 0);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	refobj_put(found);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g13_look_up_of_the_saturated(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	struct refobj *found;

	KUNIT_EXPECT_EQ(test, bind(g, "spam", node), 0);
	node_force_count(node, REFCOUNT_ZONE_SATURATED);
	found = refheap_lookup(g->heap, "spam");
	KUNIT_EXPECT_PTR_EQ(test, found, &node->obj);
	node_force_count(node, 2);
	node_put(node);
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g1_binding_again_drops_the_old(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_add(g, NODE);

	bind_only(g, "spam", a);
	KUNIT_EXPECT_EQ(test, bind(g, "spam", b), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(test, g->order[0], 0);
	/* To what it refers to already: one reference, as before. */
	KUNIT_EXPECT_EQ(test, bind(g, "spam", b), 0);
	KUNIT_EXPECT_EQ(test, count(b), 2);
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), 0);
	KUNIT_EXPECT_EQ(test, count(b), 1);
	node_put(b);
}

static void g1_two_names_count_two(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, LEAF);

	KUNIT_EXPECT_EQ(test, bind(g, "spam", node), 0);
	bind_only(g, LONGEST, node);
	KUNIT_EXPECT_EQ(test, count(node), 2);
	KUNIT_EXPECT_EQ(test, unbind(g, "spam"), 0);
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	KUNIT_EXPECT_EQ(test, unbind(g, LONGEST), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

static void g9_bad_names(struct kunit *test)
{
	static const char * const bad[] = {
		NULL, "", " ", "two words", "line\n", "tab\t", "\x7f",
		LONGEST "x",
	};
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, bind(g, bad[i], node), -EINVAL,
				    "name %u", i);
	KUNIT_EXPECT_EQ(test, refheap_bind(g->heap, "spam", NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_bind(g->heap, "spam",
					   ERR_PTR(-ENOMEM)), -EINVAL);
	KUNIT_EXPECT_EQ(test, count(node), 1);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
	node_put(node);
}

static void g9_name_of_a_foreign_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	struct graph_node *stranger = graph_add(other, NODE);

	graph_expect(other, NODE, "may not refer to it");
	KUNIT_EXPECT_EQ(test, bind(g, "spam", stranger), -EXDEV);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, count(stranger), 1);
	KUNIT_EXPECT_NULL(test, refheap_lookup(g->heap, "spam"));
	KUNIT_EXPECT_EQ(test, debugfile_warnings(other), 1);
	node_put(stranger);
	graph_destroy(other);
}

static int answer;

static void bind_oneself(struct graph_node *node)
{
	answer = bind(node->graph, "zombie", node);
}

static void g9_name_of_a_dead_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);

	node->last_words = bind_oneself;
	graph_expect(g, SLEEPER, "dead object bound to a name");
	node_put(node);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, answer, -EINVAL);
	KUNIT_EXPECT_NULL(test, refheap_lookup(g->heap, "zombie"));
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 1);
}

static void g12_many_names(struct kunit *test)
{
	const unsigned int nr = IS_ENABLED(CONFIG_KASAN) ? 300 : 3000;
	struct graph *g = test->priv;
	struct refobj *found;
	unsigned int i, lost = 0;
	char name[16];

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		bind_only(g, name, graph_add(g, LEAF));
	}
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		found = refheap_lookup(g->heap, name);
		lost += !found || node_of(found)->id != i || unbind(g, name);
		if (found)
			refobj_put(found);
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), nr);
}

/* --- the release of what was bound -------------------------------------- */

struct errand {
	struct work_struct work;
	struct completion done;
	struct graph_node *node;
};

static void errand_run(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);

	if (bind(errand->node->graph, "eggs", errand->node))
		atomic_long_inc(&errand->node->graph->damaged);
	complete(&errand->done);
}

/* Somebody else can bind while the release runs: no lock is held over it. */
static void run_errand(struct graph_node *node)
{
	struct errand *errand = node->data;

	queue_work(system_unbound_wq, &errand->work);
	if (!wait_for_completion_timeout(&errand->done, 30 * HZ))
		atomic_long_inc(&node->graph->damaged);
}

static void released_outside(struct kunit *test,
			     void (*let_go)(struct graph *g,
					    struct graph_node *other))
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);
	struct errand errand = { .node = graph_add(g, NODE) };

	INIT_WORK_ONSTACK(&errand.work, errand_run);
	init_completion(&errand.done);
	node->data = &errand;
	node->last_words = run_errand;
	bind_only(g, "spam", node);
	let_go(g, errand.node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	flush_work(&errand.work);
	destroy_work_on_stack(&errand.work);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->damaged), 0);
	KUNIT_EXPECT_EQ(test, unbind(g, "eggs"), 0);
	node_put(errand.node);
}

static void let_go_by_unbind(struct graph *g, struct graph_node *other)
{
	KUNIT_EXPECT_EQ(g->test, unbind(g, "spam"), 0);
}

static void let_go_by_bind(struct graph *g, struct graph_node *other)
{
	KUNIT_EXPECT_EQ(g->test, bind(g, "spam", other), 0);
	KUNIT_EXPECT_EQ(g->test, graph_released(g), 1);
	KUNIT_EXPECT_EQ(g->test, unbind(g, "spam"), 0);
}

static void g5_release_by_unbind_under_no_lock(struct kunit *test)
{
	released_outside(test, let_go_by_unbind);
}

static void g5_release_by_bind_under_no_lock(struct kunit *test)
{
	released_outside(test, let_go_by_bind);
}

/* --- the end of the heap ------------------------------------------------ */

static void bind_late(struct graph_node *node)
{
	answer = bind(node->graph, "late", node->data);
	node_put(node->data);
}

static void g10_destroy_unbinds_and_then_collects(struct kunit *test)
{
	struct graph *g = graph_create(test, NULL);
	struct graph_node *node = graph_add(g, SLEEPER);

	answer = 0;
	node->data = graph_add(g, NODE);
	node->last_words = bind_late;
	bind_only(g, "ring", graph_ring(g, 3));
	bind_only(g, "chain", graph_chain(g, 5, NULL));
	bind_only(g, "sleeper", node);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(test, answer, -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->damaged), 0);
}

/* --- walks -------------------------------------------------------------- */

static void names_are(struct graph *g, const char *expected)
{
	char text[64] = "";

	refheap_for_each_name(cursor, g->heap) {
		strlcat(text, cursor.name, sizeof(text));
		strlcat(text, " ", sizeof(text));
		if (!node_is_alive(node_of(cursor.obj)))
			atomic_long_inc(&g->damaged);
	}
	KUNIT_EXPECT_STREQ(g->test, text, expected);
}

static void bind_abc(struct graph *g)
{
	bind_only(g, "a", graph_add(g, NODE));
	bind_only(g, "b", graph_add(g, NODE));
	bind_only(g, "c", graph_add(g, NODE));
}

static void unbind_abc(struct graph *g)
{
	unbind(g, "a");
	unbind(g, "b");
	unbind(g, "c");
}

static void g13_names_in_order_of_binding(struct kunit *test)
{
	struct graph *g = test->priv;

	names_are(g, "");
	bind_abc(g);
	names_are(g, "a b c ");
	bind_only(g, "a", graph_add(g, NODE));
	names_are(g, "a b c ");
	KUNIT_EXPECT_EQ(test, unbind(g, "b"), 0);
	names_are(g, "a c ");
	bind_only(g, "b", graph_add(g, NODE));
	names_are(g, "a c b ");
	unbind_abc(g);
}

static void g13_walk_while_names_come_and_go(struct kunit *test)
{
	struct graph *g = test->priv;
	char text[16] = "";

	bind_abc(g);
	refheap_for_each_name(cursor, g->heap) {
		strlcat(text, cursor.name, sizeof(text));
		if (*cursor.name == 'a') {
			/* Where it stands, and the one it would come to. */
			KUNIT_EXPECT_EQ(test, unbind(g, "a"), 0);
			KUNIT_EXPECT_EQ(test, unbind(g, "b"), 0);
			bind_only(g, "d", graph_add(g, NODE));
			KUNIT_EXPECT_TRUE(test,
					  node_is_alive(node_of(cursor.obj)));
			KUNIT_EXPECT_STREQ(test, cursor.name, "a");
			/* b is gone at once, a when the walk goes on. */
			KUNIT_EXPECT_EQ(test, graph_released(g), 1);
		}
	}
	KUNIT_EXPECT_STREQ(test, text, "acd");
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
	unbind_abc(g);
	unbind(g, "d");
}

static struct refobj *find_by_walk(struct graph *g, const char *name)
{
	refheap_for_each_name(cursor, g->heap)
		if (!strcmp(cursor.name, name))
			return refobj_take(cursor.obj);
	return NULL;
}

static void g1_walk_left_in_the_midst(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refobj *b;

	bind_abc(g);
	KUNIT_EXPECT_NULL(test, find_by_walk(g, "d"));
	b = find_by_walk(g, "b");
	KUNIT_ASSERT_NOT_NULL(test, b);
	refheap_for_each_name(cursor, g->heap)
		break;
	unbind_abc(g);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
	refobj_put(b);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
}

/* --- debugfs ------------------------------------------------------------ */

static void g12_names_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	char expected[80];

	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "names"),
			   "name id type count\n");
	KUNIT_EXPECT_EQ(test, bind(g, "spam", node), 0);
	KUNIT_EXPECT_EQ(test, bind(g, "eggs", node), 0);
	snprintf(expected, sizeof(expected),
		 "name id type count\nspam %u node 3\neggs %u node 3\n",
		 refobj_id(&node->obj), refobj_id(&node->obj));
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "names"), expected);
	unbind(g, "spam");
	unbind(g, "eggs");
	node_put(node);
}

/* Looking makes no candidate: an idle heap stays idle. */
static void g11_names_file_changes_nothing(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	u64 word;

	bind_only(g, "spam", node);
	graph_collect(g);
	word = atomic64_read(&node->obj.word);
	debugfile_read(g, "names");
	KUNIT_EXPECT_EQ(test, word, (u64)atomic64_read(&node->obj.word));
	unbind(g, "spam");
}

static void g9_control_unbind(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;
	static const char * const nonsense[] = {
		"unbind", "unbind=", "unbind spam", "unbind=spam eggs",
		"unbind= spam", "unbind=spam\n\n", "unbind=" LONGEST "x",
		"Unbind=spam",
	};

	bind_only(g, "spam", graph_add(g, NODE));
	bind_only(g, "=", graph_add(g, NODE));
	bind_only(g, LONGEST, graph_add(g, NODE));
	for (i = 0; i < ARRAY_SIZE(nonsense); i++)
		KUNIT_EXPECT_EQ_MSG(test, debugfile_write(g, "control",
							  nonsense[i]),
				    -EINVAL, "\"%s\"", nonsense[i]);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unbind=eggs"),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unbind=spam\n"),
			12);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unbind=="), 8);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "unbind=" LONGEST),
			7 + strlen(LONGEST));
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
}

/* --- several CPUs ------------------------------------------------------- */

static void check_alive(struct hand *hand, struct refobj *obj)
{
	if (!node_is_alive(node_of(obj)))
		atomic_inc(&hand->crew->wrong);
}

/* The first binds new objects, of which some are rings; the others look. */
static void rebind_or_look(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	struct graph_node *node;
	struct refobj *obj;
	unsigned int i;

	for (i = 0; i < crew_rounds() / 4 && hand_goes_on(hand); i++) {
		if (hand->number) {
			obj = refheap_lookup(g->heap, "spam");
			if (!obj) {
				atomic_inc(&hand->crew->wrong);
				continue;
			}
			check_alive(hand, obj);
			refobj_put(obj);
			continue;
		}
		node = graph_try_add(g, NODE, GFP_KERNEL);
		if (!node)
			continue;
		if ((i & 1 && refslot_set(&node->obj, &node->slot[0],
					  &node->obj)) ||
		    bind(g, "spam", node))
			atomic_inc(&hand->crew->wrong);
		node_put(node);
		if (!(i % 8))
			refheap_kick(g->heap);
	}
}

static void crew_on_a_name(struct kunit *test,
			   void (*work)(struct hand *hand))
{
	struct graph *g = test->priv;

	crew_need_two_cpus(test);
	bind_only(g, "spam", graph_add(g, NODE));
	refheap_start(g->heap);
	crew_finish(crew_start(g, work, NULL));
	unbind(g, "spam");
	graph_collect(g);
	graph_collect(g);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g13_look_up_while_bound_again(struct kunit *test)
{
	crew_on_a_name(test, rebind_or_look);
}

/* Everyone does everything to one name. */
static void bind_unbind_and_look(struct hand *hand)
{
	struct graph *g = hand->crew->g;
	struct graph_node *node;
	struct refobj *obj;
	unsigned int i;

	for (i = 0; i < crew_rounds() / 4 && hand_goes_on(hand); i++) {
		switch (hand_random(hand, 4)) {
		case 0:
			node = graph_try_add(g, NODE, GFP_KERNEL);
			if (node) {
				bind(g, "spam", node);
				check_alive(hand, &node->obj);
				node_put(node);
			}
			break;
		case 1:
			unbind(g, "spam");
			break;
		case 2:
			obj = refheap_lookup(g->heap, "spam");
			if (obj) {
				check_alive(hand, obj);
				refobj_put(obj);
			}
			break;
		case 3:
			refheap_for_each_name(cursor, g->heap)
				check_alive(hand, cursor.obj);
			break;
		}
	}
}

static void g2_everything_at_once(struct kunit *test)
{
	crew_on_a_name(test, bind_unbind_and_look);
}

/* --- a look-up that stalls ---------------------------------------------- */

/**
 * struct halted - a look-up that is halted between two instructions
 * @stepper: executes it
 * @g: the graph
 * @spare: nodes made meanwhile, in the memory of the dead perhaps
 * @got: what it found
 */
struct halted {
	struct stepper stepper;
	struct graph *g;
	struct graph_node *spare[40];
	struct refobj *got;
};

static void halted_look_up(struct stepper *stepper)
{
	struct halted *halted = container_of(stepper, struct halted, stepper);

	halted->got = refheap_lookup(halted->g->heap, "ring");
}

static void unbind_and_collect(struct halted *halted)
{
	unsigned int i;

	unbind(halted->g, "ring");
	refheap_collect(halted->g->heap, 0);
	/* Nobody may take them for what had the name. */
	for (i = 0; i < ARRAY_SIZE(halted->spare); i++)
		halted->spare[i] = graph_try_add(halted->g, NODE, GFP_KERNEL);
}

static void bind_another_and_collect(struct halted *halted)
{
	struct graph *g = halted->g;

	bind_only(g, "ring", graph_ring(g, 3));
	refheap_collect(g->heap, 0);
}

static bool halted_got_a_spare(struct halted *halted)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(halted->spare); i++)
		if (halted->got && halted->spare[i] &&
		    halted->got == &halted->spare[i]->obj)
			return true;
	return false;
}

static void halted_put_spares(struct halted *halted)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(halted->spare); i++) {
		if (halted->spare[i])
			node_put(halted->spare[i]);
		halted->spare[i] = NULL;
	}
}

/* Whole rings or nothing, and what was found is alive. */
static bool halted_is_good(struct halted *halted, bool must_find)
{
	struct graph *g = halted->g;
	bool good = !halted_got_a_spare(halted);

	halted_put_spares(halted);
	good = good && !(graph_alive(g) % 3);
	if (!halted->got)
		return good && !must_find;
	good = good && graph_alive(g) && node_is_alive(node_of(halted->got));
	refobj_assign(halted->got, NULL);
	return good;
}

/* Return: whether there was such a step. */
static bool halted_once(struct halted *halted, unsigned int at,
			void (*meanwhile)(struct halted *halted), bool *good)
{
	struct graph *g = halted->g;
	bool must_find = meanwhile != unbind_and_collect, there;

	bind_only(g, "ring", graph_ring(g, 3));
	halted->stepper.at = at;
	stepper_run(&halted->stepper);
	there = stepper_await_halt(&halted->stepper, 1);
	if (there)
		meanwhile(halted);
	stepper_finish(&halted->stepper);
	*good = halted_is_good(halted, must_find || !there);
	unbind(g, "ring");
	refheap_collect(g->heap, 0);
	refheap_collect(g->heap, 0);
	*good = *good && !graph_alive(g);
	return there;
}

static void halted_test(struct kunit *test,
			void (*meanwhile)(struct halted *halted))
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .cpus = stepper_other_cpus(test),
	};
	struct halted halted = {
		.stepper.call = halted_look_up, .stepper.step = stepper_at,
		.g = graph_create(test, &params),
	};
	unsigned int at;
	bool good = true;

	graph_type(halted.g, NODE);
	KUNIT_ASSERT_TRUE(test, stepper_start(&halted.stepper));
	for (at = 1; halted_once(&halted, at, meanwhile, &good) && good; )
		at += IS_ENABLED(CONFIG_KASAN) ? 7 : 1;
	stepper_stop(&halted.stepper);
	KUNIT_EXPECT_TRUE_MSG(test, good, "step %u", at);
	KUNIT_EXPECT_GT(test, at, 10);
	KUNIT_EXPECT_FALSE(test, halted.stepper.overdue);
	graph_destroy(halted.g);
}

/* It finds nothing, or saves the whole island. */
static void g13_unbound_and_collected_during_a_look_up(struct kunit *test)
{
	halted_test(test, unbind_and_collect);
}

static void g13_bound_again_during_a_look_up(struct kunit *test)
{
	halted_test(test, bind_another_and_collect);
}

static struct kunit_case name_cases[] = {
	KUNIT_CASE(g2_name_holds_its_object),
	KUNIT_CASE(g2_name_holds_an_island),
	KUNIT_CASE(g13_look_up_takes_a_reference),
	KUNIT_CASE(g13_look_up_of_the_saturated),
	KUNIT_CASE(g1_binding_again_drops_the_old),
	KUNIT_CASE(g1_two_names_count_two),
	KUNIT_CASE(g9_bad_names),
	KUNIT_CASE(g9_name_of_a_foreign_object),
	KUNIT_CASE(g9_name_of_a_dead_object),
	KUNIT_CASE(g12_many_names),
	KUNIT_CASE(g5_release_by_unbind_under_no_lock),
	KUNIT_CASE(g5_release_by_bind_under_no_lock),
	KUNIT_CASE(g10_destroy_unbinds_and_then_collects),
	KUNIT_CASE(g13_names_in_order_of_binding),
	KUNIT_CASE(g13_walk_while_names_come_and_go),
	KUNIT_CASE(g1_walk_left_in_the_midst),
	KUNIT_CASE(g12_names_file),
	KUNIT_CASE(g11_names_file_changes_nothing),
	KUNIT_CASE(g9_control_unbind),
	KUNIT_CASE(g13_look_up_while_bound_again),
	KUNIT_CASE(g2_everything_at_once),
	KUNIT_CASE(g13_unbound_and_collected_during_a_look_up),
	KUNIT_CASE(g13_bound_again_during_a_look_up),
	{}
};

static struct kunit_suite name_suite = {
	.name = "refheap_name",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = name_cases,
};

kunit_test_suite(name_suite);
