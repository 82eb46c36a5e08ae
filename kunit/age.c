// SPDX-License-Identifier: GPL-2.0
/* Ages: which collection looks at what, when it comes, and what it counts. */
#include "debugfile.h"
#include "graph.h"

#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/string.h>

#define A_DAY_MS (24 * 60 * 60 * 1000U)

static struct refheap_age_stats age_stats(struct graph *g, unsigned int age)
{
	struct refheap_age_stats stats = {};

	KUNIT_EXPECT_EQ(g->test, refheap_get_age_stats(g->heap, age, &stats),
			0);
	return stats;
}

static void set_thresholds(struct graph *g, unsigned int marks,
			   unsigned int young, unsigned int middle)
{
	const unsigned int thresholds[REFHEAP_AGES] = { marks, young, middle };

	refheap_set_thresholds(g->heap, thresholds);
}

/* A heap that collects by itself, but not for the period's sake. */
static struct graph *graph_running(struct kunit *test)
{
	const struct refheap_params params = { .period_ms = A_DAY_MS };

	return graph_create(test, &params);
}

/* --- growing older ------------------------------------------------------ */

static void g12_survivors_grow_older(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_ring(g, 1);

	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 1);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 1);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 1), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 2);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 2), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 2);
	node_put(node);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 1);
}

static void g12_survivor_of_an_old_collection(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_ring(g, 1);

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&node->obj), 2);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

/* A collection of candidates does not look for those that nobody touched. */
static void g12_candidates_alone(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *idle = graph_ring(g, 1);
	struct graph_node *touched = graph_ring(g, 1);

	node_touch(touched);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&idle->obj), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&touched->obj), 1);
	KUNIT_EXPECT_EQ(test, age_stats(g, 0).candidates, 1);
	node_put(idle);
	node_put(touched);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
}

/* What is older than the collection is not looked at without a reason. */
static void g12_older_ones_are_left_alone(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *old = graph_ring(g, 10);
	struct graph_node *middle;

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	middle = graph_ring(g, 4);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, age_stats(g, 0).candidates, 4);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, age_stats(g, 0).candidates, 4);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 1), 0);
	KUNIT_EXPECT_EQ(test, age_stats(g, 1).candidates, 4);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 1), 0);
	KUNIT_EXPECT_EQ(test, age_stats(g, 1).candidates, 4);
	node_put(old);
	node_put(middle);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 14);
}

/* Age belongs to an object, not to its memory. */
static void g12_reused_memory_is_young(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[100];
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(node); i++) {
			node[i] = graph_add(g, NODE);
			KUNIT_EXPECT_EQ(test, refobj_age(&node[i]->obj), 0);
		}
		KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
		for (i = 0; i < ARRAY_SIZE(node); i++) {
			KUNIT_EXPECT_EQ(test, refobj_age(&node[i]->obj), 2);
			node_put(node[i]);
		}
	}
}

static void g12_leaves_are_not_tracked(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *node = graph_add(g, NODE);

	KUNIT_EXPECT_FALSE(test, refobj_is_tracked(&leaf->obj));
	KUNIT_EXPECT_TRUE(test, refobj_is_tracked(&node->obj));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refobj_age(&leaf->obj), 0);
	node_put(leaf);
	node_put(node);
}

static void g9_ages_that_do_not_exist(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refheap_age_stats stats;

	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, UINT_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_get_age_stats(g->heap, 3, &stats),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 0);
}

static long answer;

static void collect_in_release(struct graph_node *node)
{
	answer = refheap_collect_age(node->graph->heap, 1);
}

static void g10_collect_an_age_in_a_callback(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	node->last_words = collect_in_release;
	node_put(node);
	KUNIT_EXPECT_EQ(test, answer, -EDEADLK);
}

/* --- statistics --------------------------------------------------------- */

static void g12_statistics_of_each_age(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refheap_age_stats stats;
	unsigned int age;

	for (age = 0; age < REFHEAP_AGES; age++) {
		node_put(graph_ring(g, 5 + age));
		KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, age),
				5 + age);
		KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, age), 0);
		stats = age_stats(g, age);
		KUNIT_EXPECT_EQ(test, stats.collections, 2);
		KUNIT_EXPECT_EQ(test, stats.candidates, 5 + age);
		KUNIT_EXPECT_EQ(test, stats.reclaimed, 5 + age);
		KUNIT_EXPECT_EQ(test, stats.rescued, 0);
		KUNIT_EXPECT_EQ(test, stats.aborted, 0);
		KUNIT_EXPECT_GE(test, stats.longest_ns, stats.last_ns);
		KUNIT_EXPECT_GE(test, stats.total_ns, stats.longest_ns);
		KUNIT_EXPECT_GT(test, stats.last_ns, 0);
	}
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 6);
	KUNIT_EXPECT_EQ(test, graph_stats(g).full, 2);
	KUNIT_EXPECT_EQ(test, graph_stats(g).reclaimed, 18);
}

static void expect_counts(struct graph *g, unsigned int young,
			  unsigned int middle)
{
	unsigned int counts[REFHEAP_AGES];

	refheap_get_counts(g->heap, counts);
	KUNIT_EXPECT_EQ(g->test, counts[1], young);
	KUNIT_EXPECT_EQ(g->test, counts[2], middle);
}

/* As those of Python's gc.get_count(). */
static void g12_counts(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_counts(g, 0, 0);
	refheap_collect_age(g->heap, 0);
	refheap_collect(g->heap, 0);
	expect_counts(g, 2, 0);
	refheap_collect_age(g->heap, 1);
	expect_counts(g, 0, 1);
	refheap_collect_age(g->heap, 0);
	expect_counts(g, 1, 1);
	refheap_collect_age(g->heap, 2);
	expect_counts(g, 0, 0);
}

/* Below 1024 all marks are counted. */
static void g12_count_of_candidates(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int counts[REFHEAP_AGES], i;
	struct graph_node *node[20];

	set_thresholds(g, 1000, 0, 0);
	for (i = 0; i < ARRAY_SIZE(node); i++) {
		node[i] = graph_add(g, NODE);
		node_touch(node[i]);
	}
	refheap_get_counts(g->heap, counts);
	KUNIT_EXPECT_EQ(test, counts[0], ARRAY_SIZE(node));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	refheap_get_counts(g->heap, counts);
	KUNIT_EXPECT_EQ(test, counts[0], 0);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
}

/* --- thresholds --------------------------------------------------------- */

static void g12_thresholds_are_kept(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int thresholds[REFHEAP_AGES];

	refheap_get_thresholds(g->heap, thresholds);
	KUNIT_EXPECT_EQ(test, thresholds[1], 0);
	KUNIT_EXPECT_EQ(test, thresholds[2], 0);
	set_thresholds(g, 973, 11, 12);
	refheap_get_thresholds(g->heap, thresholds);
	KUNIT_EXPECT_EQ(test, thresholds[0], 973);
	KUNIT_EXPECT_EQ(test, thresholds[1], 11);
	KUNIT_EXPECT_EQ(test, thresholds[2], 12);
}

static u64 collections(struct graph *g)
{
	return graph_stats(g).collections;
}

static bool wait_collections(struct graph *g, u64 n)
{
	u64 now;

	return !read_poll_timeout(collections, now, now >= n, 1000,
				  GRAPH_PATIENCE_US, false, g);
}

/*
 * After two of age 0 one of age 1, after two of these a full one. A candidate
 * that the collector takes in the midst of a put counts twice, so that it is
 * not known how many collections there are, only in which order they come.
 */
static void expect_in_turn(struct kunit *test, struct graph *g)
{
	static const unsigned int turn[] = { 0, 0, 1, 0, 0, 1, 2 };
	u64 expected[REFHEAP_AGES] = {}, n = graph_stats(g).collections;
	unsigned int age;

	while (n--)
		expected[turn[n % ARRAY_SIZE(turn)]]++;
	for (age = 0; age < REFHEAP_AGES; age++)
		KUNIT_EXPECT_EQ(test, age_stats(g, age).collections,
				expected[age]);
}

/*
 * The thread decides what is due, answers, and then collects: it may have decided
 * before anything was, decides at the latest when it has answered for the first
 * time, and has collected when it answers for the third.
 */
static void await_what_is_due(struct graph *g)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
}

static void g3_thresholds_by_count(struct kunit *test)
{
	struct graph *g = graph_running(test);
	struct graph_node *node = graph_add(g, NODE);
	unsigned int i;

	set_thresholds(g, 1, 2, 2);
	for (i = 0; i < 10; i++) {
		node_touch(node);
		KUNIT_ASSERT_TRUE(test, wait_collections(g, i + 1));
		/* Behind all that the collection does, and another would. */
		await_what_is_due(g);
		expect_in_turn(test, g);
	}
	node_put(node);
	graph_destroy(g);
}

/*
 * Garbage that nobody will ever touch again, and candidates enough for any
 * threshold.
 */
static void make_garbage(struct graph *g, unsigned int objects)
{
	unsigned int i;

	for (i = 0; i < objects; i += 2)
		node_put(graph_ring(g, 2));
	await_what_is_due(g);
}

static void g11_threshold_0_means_none(struct kunit *test)
{
	/* Checked memory is hundreds of times slower. */
	unsigned int n = IS_ENABLED(CONFIG_KASAN) ? 5000 : 50000;
	struct graph *g = graph_running(test);

	set_thresholds(g, 0, 1, 1);
	make_garbage(g, n);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), n);
	KUNIT_EXPECT_EQ(test, graph_collect(g), n);
	graph_destroy(g);
}

static void g11_disabled_means_none(struct kunit *test)
{
	unsigned int n = IS_ENABLED(CONFIG_KASAN) ? 2000 : 10000;
	struct graph *g = graph_running(test);

	KUNIT_EXPECT_TRUE(test, refheap_is_running(g->heap));
	refheap_stop(g->heap);
	KUNIT_EXPECT_FALSE(test, refheap_is_running(g->heap));
	set_thresholds(g, 1, 1, 1);
	make_garbage(g, n);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), n);
	refheap_start(g->heap);
	KUNIT_EXPECT_TRUE(test, refheap_is_running(g->heap));
	KUNIT_EXPECT_EQ(test, graph_collect(g), n);
	graph_destroy(g);
}

/* The counterpart: what the two above would show if they were wrong. */
static void g3_threshold_comes_by_itself(struct kunit *test)
{
	struct graph *g = graph_running(test);

	set_thresholds(g, 100, 0, 0);
	make_garbage(g, 1000);
	KUNIT_EXPECT_GT(test, collections(g), 0);
	KUNIT_EXPECT_LT(test, graph_alive(g), 1000);
	graph_collect(g);
	graph_destroy(g);
}

/* --- debugfs ------------------------------------------------------------ */

/* The words of the line that begins with this one. */
static unsigned int find_words(struct graph *g, const char *file,
			       const char *first, char *words[],
			       unsigned int most)
{
	char *line, *word, *text = debugfile_read(g, file);
	unsigned int n;

	while ((line = strsep(&text, "\n"))) {
		n = 0;
		while (n < most && (word = strsep(&line, " ")))
			if (*word)
				words[n++] = word;
		if (n && !strcmp(words[0], first))
			return n;
	}
	return 0;
}

static void g12_ages_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *old = graph_ring(g, 7);
	struct graph_node *young;
	char *words[13];

	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	young = graph_ring(g, 5);
	set_thresholds(g, 900, 8, 9);
	KUNIT_ASSERT_EQ(test, find_words(g, "ages", "0", words, 13), 13);
	KUNIT_EXPECT_STREQ(test, words[1], "5");
	KUNIT_EXPECT_STREQ(test, words[2], "900");
	KUNIT_ASSERT_EQ(test, find_words(g, "ages", "1", words, 13), 13);
	KUNIT_EXPECT_STREQ(test, words[1], "0");
	KUNIT_EXPECT_STREQ(test, words[2], "8");
	KUNIT_ASSERT_EQ(test, find_words(g, "ages", "2", words, 13), 13);
	KUNIT_EXPECT_STREQ(test, words[1], "7");
	KUNIT_EXPECT_STREQ(test, words[2], "9");
	KUNIT_EXPECT_STREQ(test, words[4], "1");	/* collections */
	KUNIT_EXPECT_STREQ(test, words[5], "10");	/* candidates */
	KUNIT_EXPECT_STREQ(test, words[6], "3");	/* reclaimed */
	KUNIT_EXPECT_EQ(test, find_words(g, "ages", "frozen", words, 13), 2);
	node_put(old);
	node_put(young);
	graph_collect(g);
}

static void g12_types_file_by_age(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *old = graph_ring(g, 7);
	struct graph_node *young;
	char *words[10];

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	young = graph_ring(g, 5);
	KUNIT_ASSERT_EQ(test, find_words(g, "types", "node", words, 10), 10);
	KUNIT_EXPECT_STREQ(test, words[5], "5");
	KUNIT_EXPECT_STREQ(test, words[6], "0");
	KUNIT_EXPECT_STREQ(test, words[7], "7");
	KUNIT_EXPECT_STREQ(test, words[8], "0");
	node_put(old);
	node_put(young);
	graph_collect(g);
}

static void control(struct graph *g, const char *command)
{
	KUNIT_EXPECT_EQ_MSG(g->test, debugfile_write(g, "control", command),
			    strlen(command), "\"%s\"", command);
}

static void g12_control_by_age(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int thresholds[REFHEAP_AGES];

	control(g, "collect=0");
	control(g, "collect=1\n");
	control(g, "collect=1");
	control(g, "collect=2");
	KUNIT_EXPECT_EQ(test, age_stats(g, 0).collections, 1);
	KUNIT_EXPECT_EQ(test, age_stats(g, 1).collections, 2);
	KUNIT_EXPECT_EQ(test, age_stats(g, 2).collections, 1);
	control(g, "threshold=30,4,5");
	refheap_get_thresholds(g->heap, thresholds);
	KUNIT_EXPECT_EQ(test, thresholds[0], 30);
	KUNIT_EXPECT_EQ(test, thresholds[1], 4);
	KUNIT_EXPECT_EQ(test, thresholds[2], 5);
	control(g, "threshold=31");
	refheap_get_thresholds(g->heap, thresholds);
	KUNIT_EXPECT_EQ(test, thresholds[0], 31);
	KUNIT_EXPECT_EQ(test, thresholds[2], 5);
}

static const char * const nonsense[] = {
	"collect=3", "collect=-1", "collect=0x1", "collect=1 ", "collect= 1",
	"collect=1,2", "threshold=1,2", "threshold=1,2,3,4", "threshold=1,,3",
	"threshold=,2,3", "threshold=1,2,", "threshold=1,2,x", "threshold=,",
	"threshold=1,2,3\n\n", "threshold=1;2;3",
};

static void g9_nonsense_about_ages(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int thresholds[REFHEAP_AGES], i;

	set_thresholds(g, 77, 7, 8);
	for (i = 0; i < ARRAY_SIZE(nonsense); i++)
		KUNIT_EXPECT_EQ_MSG(test, debugfile_write(g, "control",
							  nonsense[i]),
				    -EINVAL, "\"%s\"", nonsense[i]);
	refheap_get_thresholds(g->heap, thresholds);
	KUNIT_EXPECT_EQ(test, thresholds[0], 77);
	KUNIT_EXPECT_EQ(test, thresholds[1], 7);
	KUNIT_EXPECT_EQ(test, thresholds[2], 8);
	KUNIT_EXPECT_EQ(test, collections(g), 0);
}

static struct kunit_case age_cases[] = {
	KUNIT_CASE(g12_survivors_grow_older),
	KUNIT_CASE(g12_survivor_of_an_old_collection),
	KUNIT_CASE(g12_candidates_alone),
	KUNIT_CASE(g12_older_ones_are_left_alone),
	KUNIT_CASE(g12_reused_memory_is_young),
	KUNIT_CASE(g12_leaves_are_not_tracked),
	KUNIT_CASE(g9_ages_that_do_not_exist),
	KUNIT_CASE(g10_collect_an_age_in_a_callback),
	KUNIT_CASE(g12_statistics_of_each_age),
	KUNIT_CASE(g12_counts),
	KUNIT_CASE(g12_count_of_candidates),
	KUNIT_CASE(g12_thresholds_are_kept),
	KUNIT_CASE(g3_thresholds_by_count),
	KUNIT_CASE(g11_threshold_0_means_none),
	KUNIT_CASE(g11_disabled_means_none),
	KUNIT_CASE(g3_threshold_comes_by_itself),
	KUNIT_CASE(g12_ages_file),
	KUNIT_CASE(g12_types_file_by_age),
	KUNIT_CASE(g12_control_by_age),
	KUNIT_CASE(g9_nonsense_about_ages),
	{}
};

static struct kunit_suite age_suite = {
	.name = "refheap_age",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = age_cases,
};

kunit_test_suite(age_suite);
