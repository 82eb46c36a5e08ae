// SPDX-License-Identifier: GPL-2.0
/* Save-all: garbage that is kept to be looked at, and given up on command. */
#include "debugfile.h"
#include "graph.h"

#include <linux/notifier.h>

static long listed(struct graph *g)
{
	return refheap_garbage(g->heap, NULL, 0);
}

static void g12_garbage_is_kept(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 5);
	struct refobj *list[8] = {};
	unsigned int i;

	refheap_set_save_all(g->heap, true);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 5);
	KUNIT_EXPECT_EQ(test, graph_stats(g).reclaimed, 0);
	KUNIT_EXPECT_EQ(test, graph_stats(g).kept, 5);
	KUNIT_ASSERT_EQ(test, refheap_garbage(g->heap, list, 8), 5);
	for (i = 0; i < 5; i++) {
		/* Its slot's, the list's, and ours; nothing is cleared. */
		KUNIT_EXPECT_EQ(test, refobj_count(list[i]), 3);
		KUNIT_EXPECT_NOT_NULL(test, node_of(list[i])->slot[0].target);
		KUNIT_EXPECT_TRUE(test, node_is_alive(node_of(list[i])));
		refobj_put(list[i]);
	}
	/* They are held now, and no garbage. */
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, listed(g), 5);
	refheap_set_save_all(g->heap, false);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_empty_garbage(g->heap), 5);
	KUNIT_EXPECT_EQ(test, listed(g), 0);
	KUNIT_EXPECT_EQ(test, refheap_empty_garbage(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
}

/* Given up while it is still asked for, it is kept again. */
static void g12_kept_again(struct kunit *test)
{
	struct graph *g = test->priv;

	refheap_set_save_all(g->heap, true);
	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, refheap_empty_garbage(g->heap), 3);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, listed(g), 3);
	KUNIT_EXPECT_EQ(test, graph_stats(g).kept, 6);
	refheap_set_save_all(g->heap, false);
	refheap_empty_garbage(g->heap);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

/* What dies at its last put dies as ever. */
static void g1_zero_still_means_now(struct kunit *test)
{
	struct graph *g = test->priv;

	refheap_set_save_all(g->heap, true);
	node_put(graph_chain(g, 10, NULL));
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	KUNIT_EXPECT_EQ(test, listed(g), 0);
}

static void g2_kept_garbage_that_is_wanted(struct kunit *test)
{
	struct graph *g = test->priv;
	struct refobj *obj = NULL;

	refheap_set_save_all(g->heap, true);
	node_put(graph_ring(g, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_EQ(test, refheap_garbage(g->heap, &obj, 1), 3);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	refheap_set_save_all(g->heap, false);
	refheap_empty_garbage(g->heap);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3);
	refobj_put(obj);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
}

static void g13_weak_references_are_dead(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);
	struct refweak weak = {};

	KUNIT_ASSERT_EQ(test, refweak_set(NULL, &weak, &ring->obj, NULL,
					  GFP_KERNEL), 0);
	refheap_set_save_all(g->heap, true);
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	KUNIT_EXPECT_NULL(test, refweak_load(&weak));
	KUNIT_EXPECT_TRUE(test, node_is_alive(ring));
	refheap_set_save_all(g->heap, false);
	refheap_empty_garbage(g->heap);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3);
	refweak_clear(&weak);
}

static struct graph_node *rescued;
static unsigned int finalized;

static void come_back(struct refobj *obj)
{
	finalized++;
	if (node_of(obj)->data) {
		node_of(obj)->data = NULL;
		rescued = node_get(node_of(obj));
	}
}

static const struct reffield self_fields[] = {
	REFFIELD(struct graph_node, slot),
};

static const struct reftype_desc finalized_desc = {
	REFTYPE(struct graph_node, obj), .name = "finalized",
	REFTYPE_FIELDS(self_fields), .finalize = come_back,
};

static struct graph_node *add_finalized(struct graph *g, struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(g->test, obj);
	KUNIT_EXPECT_EQ(g->test, refslot_set(obj, &node_of(obj)->slot[0], obj),
			0);
	return node_of(obj);
}

/* Finalizers run, once; what one of them has saved is not in the list. */
static void g13_finalizers_of_what_is_kept(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type = refheap_register_type(g->heap, &finalized_desc);
	struct graph_node *back, *gone;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	back = add_finalized(g, type);
	gone = add_finalized(g, type);
	back->data = back;
	rescued = NULL;
	finalized = 0;
	refheap_set_save_all(g->heap, true);
	node_put(back);
	node_put(gone);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
	KUNIT_EXPECT_EQ(test, finalized, 2);
	KUNIT_ASSERT_PTR_EQ(test, rescued, back);
	KUNIT_EXPECT_EQ(test, listed(g), 1);
	refheap_set_save_all(g->heap, false);
	refheap_empty_garbage(g->heap);
	node_put(rescued);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 2);
	KUNIT_EXPECT_EQ(test, finalized, 2);
}

static void g10_garbage_at_destroy(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };
	struct graph *g = graph_create(test, &params);

	refheap_set_save_all(g->heap, true);
	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	g->heap = NULL;
}

/* --- notifiers ---------------------------------------------------------- */

struct cleaner {
	struct notifier_block block;
	struct refheap *heap;
	u64 kept;
	long emptied;
};

static int look(struct notifier_block *block, unsigned long event, void *data)
{
	struct cleaner *cleaner = container_of(block, struct cleaner, block);
	struct refheap_notice *notice = data;

	if (event == REFHEAP_COLLECT_STOP)
		cleaner->kept += notice->kept;
	return NOTIFY_OK;
}

static int look_and_empty(struct notifier_block *block, unsigned long event,
			  void *data)
{
	struct cleaner *cleaner = container_of(block, struct cleaner, block);

	if (event == REFHEAP_COLLECT_STOP)
		cleaner->emptied += refheap_empty_garbage(cleaner->heap);
	return look(block, event, data);
}

static struct cleaner first, second;

/* Two of them, one of which empties the list. */
static void g12_notifier_that_empties_the_list(struct kunit *test)
{
	struct graph *g = test->priv;

	first = (struct cleaner){ .block.notifier_call = look, .heap = g->heap };
	second = (struct cleaner){
		.block.notifier_call = look_and_empty, .heap = g->heap,
	};
	refheap_register_notifier(g->heap, &first.block);
	refheap_register_notifier(g->heap, &second.block);
	refheap_set_save_all(g->heap, true);
	node_put(graph_ring(g, 5));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, first.kept, 5);
	KUNIT_EXPECT_EQ(test, second.kept, 5);
	KUNIT_EXPECT_EQ(test, second.emptied, 5);
	KUNIT_EXPECT_EQ(test, listed(g), 0);
	refheap_set_save_all(g->heap, false);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 5);
	KUNIT_EXPECT_EQ(test, first.kept, 5);
	refheap_unregister_notifier(g->heap, &first.block);
	refheap_unregister_notifier(g->heap, &second.block);
}

/* --- debugfs ------------------------------------------------------------ */

static void control(struct graph *g, const char *command)
{
	KUNIT_EXPECT_EQ_MSG(g->test, debugfile_write(g, "control", command),
			    strlen(command), "\"%s\"", command);
}

static void g12_garbage_file_and_control(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 1);
	char line[40];

	snprintf(line, sizeof(line), "id type count\n%u node 2\n",
		 refobj_id(&ring->obj));
	control(g, "save=on\n");
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "save_all"), 1);
	node_put(ring);
	control(g, "collect");
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "garbage"), line);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "kept"), 1);
	control(g, "save=off");
	control(g, "garbage=clear");
	KUNIT_EXPECT_STREQ(test, debugfile_read(g, "garbage"),
			   "id type count\n");
	control(g, "collect");
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static const char * const nonsense[] = {
	"save", "save=", "save=1", "save=ON", "save=on ", "garbage",
	"garbage=", "garbage=clear all", "garbage=off",
};

static void g9_nonsense_about_garbage(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nonsense); i++)
		KUNIT_EXPECT_EQ_MSG(test, debugfile_write(g, "control",
							  nonsense[i]),
				    -EINVAL, "\"%s\"", nonsense[i]);
	KUNIT_EXPECT_EQ(test, debugfile_stat(g, "save_all"), 0);
}

static struct kunit_case garbage_cases[] = {
	KUNIT_CASE(g12_garbage_is_kept),
	KUNIT_CASE(g12_kept_again),
	KUNIT_CASE(g1_zero_still_means_now),
	KUNIT_CASE(g2_kept_garbage_that_is_wanted),
	KUNIT_CASE(g13_weak_references_are_dead),
	KUNIT_CASE(g13_finalizers_of_what_is_kept),
	KUNIT_CASE(g10_garbage_at_destroy),
	KUNIT_CASE(g12_notifier_that_empties_the_list),
	KUNIT_CASE(g12_garbage_file_and_control),
	KUNIT_CASE(g9_nonsense_about_garbage),
	{}
};

static struct kunit_suite garbage_suite = {
	.name = "refheap_garbage",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = garbage_cases,
};

kunit_test_suite(garbage_suite);
