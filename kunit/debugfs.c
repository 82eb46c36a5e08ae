// SPDX-License-Identifier: GPL-2.0
/* What debugfs shows of a heap, and what can be asked of it there. */
#include "debugfile.h"
#include "graph.h"

#include <linux/bitops.h>
#include <linux/string.h>

static void expect_text(struct kunit *test, const char *text, const char *part)
{
	KUNIT_EXPECT_TRUE_MSG(test, strstr(text, part), "no \"%s\" in:\n%s",
			      part, text);
}

/* The line of a table that begins with this word, cut out of it. */
static char *find_line(char *text, const char *word)
{
	size_t length = strlen(word);
	char *line;

	while ((line = strsep(&text, "\n")))
		if (!strncmp(line, word, length) && line[length] == ' ')
			return line;
	return NULL;
}

/* --- reading ------------------------------------------------------------ */

static void g12_stats_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_add_vector(g, 10);
	struct refheap_stats stats;

	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	stats = graph_stats(g);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "objects"), 1);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "allocated"), 4);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "freed"), 3);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "bytes"), (s64)stats.bytes);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "collections"), 1);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "full"), 1);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "islands"), 1);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "reclaimed"), 3);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "warnings"), 0);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "stopped"), 1);
	KUNIT_EXPECT_GT(test, debugfile_stat(g, "table_bytes"), 0);
	node_put(live);
}

static void g12_heaps_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_chain(g, 7, NULL);
	char *line = find_line(debugfile_read(g, "/heaps"),
			       refheap_name(g->heap));

	KUNIT_ASSERT_NOT_NULL(test, line);
	expect_text(test, line, " 7 ");
	expect_text(test, line, "stopped");
	node_put(live);
}

static void g12_types_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_chain(g, 7, NULL);
	char *line, *text;

	graph_append(live, 1, LEAF);
	text = debugfile_read(g, "types");
	line = find_line(text, "node");
	KUNIT_ASSERT_NOT_NULL(test, line);
	expect_text(test, line, " 7 ");
	text = debugfile_read(g, "types");
	line = find_line(text, "leaf");
	KUNIT_ASSERT_NOT_NULL(test, line);
	expect_text(test, line, " 1 ");
	expect_text(test, line, "leaf");
	node_put(live);
}

/* The id of the only object of this type, from the objects file. */
static int object_id(struct graph *g, const char *type, char *line,
		     size_t size)
{
	char *at, *text = debugfile_read(g, "objects");
	char name[24];
	int id;

	while ((at = strsep(&text, "\n")))
		if (sscanf(at, "%d %23s ", &id, name) == 2 &&
		    !strcmp(name, type)) {
			strscpy(line, at, size);
			return id;
		}
	return -1;
}

static void g12_objects_file(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *a = graph_add(g, NODE);
	char line[120] = "", leaf_line[120] = "", referent[16];
	int leaf;

	node_get(a);
	graph_append(a, 0, LEAF);
	leaf = object_id(g, "leaf", leaf_line, sizeof(leaf_line));
	KUNIT_EXPECT_EQ(test, leaf, (int)refobj_id(a->slot[0].target));
	KUNIT_EXPECT_EQ(test, object_id(g, "node", line, sizeof(line)),
			(int)refobj_id(&a->obj));
	/* Count two, and it refers to the leaf. */
	expect_text(test, line, " node 2 ");
	snprintf(referent, sizeof(referent), " %d", leaf);
	KUNIT_EXPECT_STREQ(test, strrchr(line, ' '), referent);
	expect_text(test, leaf_line, " leaf 1 ");
	node_put(a);
	node_put(a);
}

static void g12_objects_without_addresses(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 10);
	char address[20], *text;

	text = debugfile_read(g, "objects");
	snprintf(address, sizeof(address), "%lx", (unsigned long)ring >> 12);
	KUNIT_EXPECT_NULL(test, strstr(text, address));
	KUNIT_EXPECT_NULL(test, strstr(text, "0x"));
	node_put(ring);
	graph_collect(g);
}

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

static void g12_objects_are_listed_once(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *live = graph_chain(g, 300, NULL);

	KUNIT_EXPECT_EQ(test, count_lines(debugfile_read(g, "objects")), 301);
	node_put(live);
	KUNIT_EXPECT_EQ(test, count_lines(debugfile_read(g, "objects")), 1);
}

static void g12_object_that_is_busy(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, CUSTOM);
	char line[120] = "";

	set_bit(0, &node->locked);
	object_id(g, "custom", line, sizeof(line));
	expect_text(test, line, "busy");
	clear_bit(0, &node->locked);
	node_put(node);
}

static void g10_folder_goes_with_the_heap(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph *other = graph_create(test, NULL);
	char name[24];

	strscpy(name, refheap_name(other->heap), sizeof(name));
	expect_text(test, debugfile_read(g, "/heaps"), name);
	graph_destroy(other);
	KUNIT_EXPECT_NULL(test, find_line(debugfile_read(g, "/heaps"), name));
}

/* --- control ------------------------------------------------------------ */

static void control(struct graph *g, const char *command)
{
	KUNIT_EXPECT_EQ_MSG(g->test, debugfile_write(g, "control", command),
			    strlen(command), "\"%s\"", command);
}

static void g3_control_collect(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 3));
	control(g, "collect");
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).full, 0);
	node_put(graph_ring(g, 3));
	control(g, "collect=full\n");
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).full, 1);
	KUNIT_EXPECT_EQ(test, graph_stats(g).collections, 2);
}

static void g11_control_stop_and_start(struct kunit *test)
{
	struct graph *g = test->priv;

	control(g, "period=10");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "period_ms"), 10);
	control(g, "start");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "stopped"), 0);
	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 3));
	control(g, "stop\n");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "stopped"), 1);
}

static void g11_control_threshold(struct kunit *test)
{
	struct graph *g = test->priv;

	control(g, "threshold=7");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "threshold"), 7);
	control(g, "threshold=0");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "threshold"), 0);
}

static const char * const nonsense[] = {
	"", "\n", "collect=", "collect=fully", "collect full", "Collect",
	"collect\n\n", " collect", "collect ", "period", "period=",
	"period=0", "period=-1", "period=+1", "period=1x", "period=4294967296",
	"period=99999999999999999999", "threshold", "threshold=-1",
	"threshold=0x10", "stop=1", "start=", "stopstart", "stop start",
	"no such verb", "=", "=full",
	"collect=full,and-then-a-great-deal-more-than-any-command-would-ever-need",
};

/* Answered with -EINVAL, and nothing happens. */
static void g9_control_nonsense(struct kunit *test)
{
	struct graph *g = test->priv;
	char *before, *after;
	unsigned int i;

	node_put(graph_ring(g, 3));
	before = debugfile_read(g, "stats");
	for (i = 0; i < ARRAY_SIZE(nonsense); i++)
		KUNIT_EXPECT_EQ_MSG(test, debugfile_write(g, "control",
							  nonsense[i]),
				    -EINVAL, "\"%s\"", nonsense[i]);
	after = debugfile_read(g, "stats");
	KUNIT_EXPECT_STREQ(test, before, after);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

static struct kunit_case debugfs_cases[] = {
	KUNIT_CASE(g12_stats_file),
	KUNIT_CASE(g12_heaps_file),
	KUNIT_CASE(g12_types_file),
	KUNIT_CASE(g12_objects_file),
	KUNIT_CASE(g12_objects_without_addresses),
	KUNIT_CASE(g12_objects_are_listed_once),
	KUNIT_CASE(g12_object_that_is_busy),
	KUNIT_CASE(g10_folder_goes_with_the_heap),
	KUNIT_CASE(g3_control_collect),
	KUNIT_CASE(g11_control_stop_and_start),
	KUNIT_CASE(g11_control_threshold),
	KUNIT_CASE(g9_control_nonsense),
	{}
};

static struct kunit_suite debugfs_suite = {
	.name = "refheap_debugfs",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = debugfs_cases,
};

kunit_test_suite(debugfs_suite);
