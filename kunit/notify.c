// SPDX-License-Identifier: GPL-2.0
/* Notifiers at the beginning and the end of every collection. */
#include "debugfile.h"
#include "graph.h"

#include <linux/iopoll.h>
#include <linux/notifier.h>

/**
 * struct ear - a notifier and what it has heard
 * @block: registered with a heap
 * @starts: calls for the beginning of a collection
 * @stops: calls for the end of one
 * @wrong: calls that came in the wrong order
 * @before: graph_released() at the last beginning
 * @g: whose heap it listens to
 * @last: the last notice
 * @answer: to a request made inside the notifier
 */
struct ear {
	struct notifier_block block;
	unsigned int starts;
	unsigned int stops;
	unsigned int wrong;
	long before;
	struct graph *g;
	struct refheap_notice last;
	long answer;
};

static int listen(struct notifier_block *block, unsigned long event,
		  void *data)
{
	struct ear *ear = container_of(block, struct ear, block);

	ear->last = *(struct refheap_notice *)data;
	if (event == REFHEAP_COLLECT_START) {
		ear->starts++;
		ear->before = graph_released(ear->g);
	} else if (event == REFHEAP_COLLECT_STOP) {
		ear->stops++;
	} else {
		ear->wrong++;
	}
	if (ear->starts - ear->stops > 1)
		ear->wrong++;
	return NOTIFY_OK;
}

static void ear_init(struct ear *ear, struct graph *g, notifier_fn_t call)
{
	*ear = (struct ear){ .block.notifier_call = call, .g = g };
	KUNIT_EXPECT_EQ(g->test, refheap_register_notifier(g->heap,
							   &ear->block), 0);
}

static void ear_exit(struct ear *ear)
{
	KUNIT_EXPECT_EQ(ear->g->test,
			refheap_unregister_notifier(ear->g->heap, &ear->block),
			0);
}

/* They outlive a test that fails in the middle. */
static struct ear first, second;

static void g12_told_of_each_collection(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int age;

	ear_init(&first, g, listen);
	for (age = 0; age < REFHEAP_AGES; age++) {
		node_put(graph_ring(g, 3 + age));
		KUNIT_EXPECT_EQ(test, refheap_collect_age(g->heap, age),
				3 + age);
		KUNIT_EXPECT_EQ(test, first.starts, age + 1);
		KUNIT_EXPECT_EQ(test, first.stops, age + 1);
		KUNIT_EXPECT_PTR_EQ(test, first.last.heap, g->heap);
		KUNIT_EXPECT_EQ(test, first.last.age, age);
		KUNIT_EXPECT_EQ(test, first.last.candidates, 3 + age);
		KUNIT_EXPECT_EQ(test, first.last.reclaimed, 3 + age);
		KUNIT_EXPECT_GT(test, first.last.duration_ns, 0);
		/* Before anything was reclaimed. */
		KUNIT_EXPECT_EQ(test, graph_released(g) - first.before,
				3 + age);
	}
	KUNIT_EXPECT_EQ(test, first.wrong, 0);
	ear_exit(&first);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, first.starts, 3);
}

static void g12_two_notifiers(struct kunit *test)
{
	struct graph *g = test->priv;

	ear_init(&first, g, listen);
	ear_init(&second, g, listen);
	node_put(graph_ring(g, 4));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 4);
	KUNIT_EXPECT_EQ(test, first.last.reclaimed, 4);
	KUNIT_EXPECT_EQ(test, second.last.reclaimed, 4);
	ear_exit(&first);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, first.stops, 1);
	KUNIT_EXPECT_EQ(test, second.stops, 2);
	ear_exit(&second);
}

static int ask_for_more(struct notifier_block *block, unsigned long event,
			void *data)
{
	struct ear *ear = container_of(block, struct ear, block);
	struct refheap *heap = ear->g->heap;

	ear->starts++;
	if (refheap_collect(heap, 0) == -EDEADLK &&
	    refheap_drain(heap) == -EDEADLK &&
	    refheap_freeze(heap) == -EDEADLK &&
	    refheap_destroy(heap) == -EDEADLK)
		ear->answer++;
	return NOTIFY_OK;
}

static void g10_notifier_is_a_callback(struct kunit *test)
{
	struct graph *g = test->priv;

	ear_init(&first, g, ask_for_more);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, first.starts, 2);
	KUNIT_EXPECT_EQ(test, first.answer, 2);
	ear_exit(&first);
}

static int drop_one(struct notifier_block *block, unsigned long event,
		    void *data)
{
	struct ear *ear = container_of(block, struct ear, block);

	if (event == REFHEAP_COLLECT_STOP && ear->g->visit_data) {
		node_put(ear->g->visit_data);
		ear->g->visit_data = NULL;
	}
	return NOTIFY_OK;
}

/* Who waits for the collection finds done what its notifiers have done. */
static void g1_notifier_drops_an_object(struct kunit *test)
{
	struct graph *g = test->priv;

	g->visit_data = graph_chain(g, 10, NULL);
	ear_init(&first, g, drop_one);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	ear_exit(&first);
}

static bool heap_is_listed(struct graph *g, const char *name)
{
	char line[26];

	snprintf(line, sizeof(line), "\n%s ", name);
	return strstr(debugfile_read(g, "/heaps"), line);
}

/* It need not be unregistered, and is not called once destroy has returned. */
static void g10_notifier_of_a_destroyed_heap(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_QUIET, .period_ms = 1,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *held = graph_ring(g, 1);
	unsigned int calls;
	char name[24];
	bool listed;

	strscpy(name, refheap_name(g->heap), sizeof(name));
	ear_init(&first, g, listen);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 1);
	calls = first.starts;
	KUNIT_EXPECT_GT(test, calls, 0);
	/* The heap is a zombie, and its thread collects this. */
	node_put(held);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, read_poll_timeout(heap_is_listed, listed,
						!listed, 10000,
						GRAPH_PATIENCE_US, false,
						test->priv, name), 0);
	KUNIT_EXPECT_EQ(test, first.starts, calls);
	KUNIT_EXPECT_EQ(test, first.stops, calls);
}

static void g9_notifiers_that_are_not_there(struct kunit *test)
{
	struct graph *g = test->priv;

	first = (struct ear){ .block.notifier_call = listen, .g = g };
	KUNIT_EXPECT_EQ(test, refheap_unregister_notifier(g->heap,
							  &first.block),
			-ENOENT);
}

static struct kunit_case notify_cases[] = {
	KUNIT_CASE(g12_told_of_each_collection),
	KUNIT_CASE(g12_two_notifiers),
	KUNIT_CASE(g10_notifier_is_a_callback),
	KUNIT_CASE(g1_notifier_drops_an_object),
	KUNIT_CASE(g10_notifier_of_a_destroyed_heap),
	KUNIT_CASE(g9_notifiers_that_are_not_there),
	{}
};

static struct kunit_suite notify_suite = {
	.name = "refheap_notify",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = notify_cases,
};

kunit_test_suite(notify_suite);
