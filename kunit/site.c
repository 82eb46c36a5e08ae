// SPDX-License-Identifier: GPL-2.0
/* Allocation sites and the report of what is alive. */
#include "debugfile.h"
#include "graph.h"

static struct graph_node *add_here(struct graph *g)
{
	return graph_add(g, NODE);
}

static noinline struct graph_node *add_there(struct graph *g)
{
	struct graph_node *node = graph_add(g, NODE);

	/* No tail call: this function is to be found on the stack. */
	barrier();
	return node;
}

static void track(struct graph *g, bool on)
{
	int err = refheap_track_sites(g->heap, on);

	if (err == -EOPNOTSUPP)
		kunit_skip(g->test, "the kernel has no stack depot");
	KUNIT_ASSERT_EQ(g->test, err, 0);
}

static char *find(struct kunit *test, char *text, const char *part)
{
	char *at = strstr(text, part);

	KUNIT_EXPECT_NOT_NULL_MSG(test, at, "no \"%s\" in:\n%s", part, text);
	return at ?: text;
}

/* By type and site, the largest first, with the stack of each. */
static void g10_sites_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[20];
	char *text, *untracked, *there;
	unsigned int i;

	/* Skips the test where there are no sites. */
	track(g, true);
	track(g, false);
	for (i = 0; i < 3; i++)
		node[i] = add_here(g);
	track(g, true);
	for (; i < 20; i++)
		node[i] = add_there(g);
	text = debugfile_read(g, "sites");
	there = find(test, text, "17 node\n");
	find(test, there, "add_there");
	untracked = find(test, text, "3 node (site unknown)\n");
	KUNIT_EXPECT_PTR_EQ(test, there, text);
	KUNIT_EXPECT_TRUE(test, untracked > there);
	for (i = 0; i < 20; i++)
		node_put(node[i]);
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "sites"), "");
}

/* What is allocated later has no site of what was there before. */
static void g10_sites_are_not_inherited(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[50];
	unsigned int i;

	track(g, true);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = add_there(g);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
	track(g, false);
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = add_there(g);
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "sites"),
			   "50 node (site unknown)\n");
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
}

/* Leaves and objects with arrays have sites as well. */
static void g10_sites_of_every_kind(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf, *vector, *custom;
	char *text;

	track(g, true);
	leaf = graph_add(g, LEAF);
	vector = graph_add_vector(g, 3);
	custom = graph_add(g, CUSTOM);
	text = debugfile_read(g, "sites");
	find(test, text, "1 leaf\n  ");
	find(test, text, "1 vector\n  ");
	find(test, text, "1 custom\n  ");
	node_put(leaf);
	node_put(vector);
	node_put(custom);
}

static void g10_heap_that_tracks_from_the_start(struct kunit *test)
{
	struct graph *other = test->priv;
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_TRACK_SITES,
	};
	struct graph_node *held;
	struct graph *g;

	track(other, true);
	g = graph_create(test, &params);
	held = add_there(g);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "tracking"), 1);
	graph_expect(g, NODE, "1 objects still held at destroy");
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 1);
	graph_expect_end();
	node_put(held);
	g->heap = NULL;
}

/* Without sites the report is one by type. */
static void g10_report(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, 7, NULL);

	graph_append(chain, 1, LEAF);
	KUNIT_EXPECT_EQ(test, refheap_report(g->heap), 0);
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "sites"),
			   "7 node (site unknown)\n1 leaf (site unknown)\n");
	node_put(chain);
	KUNIT_EXPECT_EQ(test, refheap_report(g->heap), 0);
}

static void g10_control_of_sites(struct kunit *test)
{
	struct graph *g = test->priv;

	track(g, false);
	if (debugfile_write(g, "control", "track=on") == -EOPNOTSUPP)
		kunit_skip(test, "the kernel has no stack depot");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "tracking"), 1);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "track=off\n"), 10);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "tracking"), 0);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "report"), 6);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "track"), -EINVAL);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "track=1"),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, debugfile_write(g, "control", "report=all"),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "tracking"), 0);
}

static struct kunit_case site_cases[] = {
	KUNIT_CASE(g10_sites_file),
	KUNIT_CASE(g10_sites_are_not_inherited),
	KUNIT_CASE(g10_sites_of_every_kind),
	KUNIT_CASE(g10_heap_that_tracks_from_the_start),
	KUNIT_CASE(g10_report),
	KUNIT_CASE(g10_control_of_sites),
	{}
};

static struct kunit_suite site_suite = {
	.name = "refheap_site",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = site_cases,
};

kunit_test_suite(site_suite);
