// SPDX-License-Identifier: GPL-2.0
/* The end of a heap: everything reclaimed, what is held made harmless (G10). */
#include "crew.h"
#include "graph.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/notifier.h>
#include <linux/sched/task.h>

static int destroy(struct graph *g)
{
	int ret = refheap_destroy(g->heap);

	g->heap = NULL;
	return ret;
}

static void g10_garbage_is_reclaimed(struct kunit *test)
{
	struct graph *g = test->priv;

	node_put(graph_ring(g, 10));
	node_put(graph_hub(g, 10));
	KUNIT_EXPECT_EQ(test, graph_alive(g), 21);
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 21);
}

/* The release of a member makes the next island garbage, three times over. */
static void drop_data(struct graph_node *node)
{
	node_put(node->data);
}

static void g10_garbage_made_by_garbage(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *before = graph_ring(g, 2), *ring;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ring = graph_ring(g, 2);
		ring->data = before;
		ring->last_words = drop_data;
		before = ring;
	}
	node_put(before);
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 8);
}

static void g10_releases_handed_over_are_run(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[50];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = graph_add(g, SLEEPER);
	preempt_disable();
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), ARRAY_SIZE(node));
}

static void g10_nothing_at_all(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, destroy(test->priv), 0);
	KUNIT_EXPECT_EQ(test, refheap_destroy(NULL), 0);
	KUNIT_EXPECT_EQ(test, refheap_destroy(ERR_PTR(-ENOMEM)), 0);
}

/* --- held objects ------------------------------------------------------- */

/* Counted by type, and nothing of the client's is called afterwards. */
static void g10_held_object(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);

	graph_expect(g, NODE, "1 objects still held at destroy");
	KUNIT_EXPECT_EQ(test, destroy(g), 1);
	graph_expect_end();
	KUNIT_EXPECT_TRUE(test, node_is_alive(node));
	node_get(node);
	node_put(node);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

static void g10_held_structure(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *chain = graph_chain(g, 100, NULL);

	node_put(graph_ring(g, 3));
	graph_expect(g, NODE, "100 objects still held at destroy");
	KUNIT_EXPECT_EQ(test, destroy(g), 100);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	/* Freed along the chain, without a callback. */
	node_put(chain);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
}

static struct graph *quiet(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUIET,
	};

	return graph_create(test, &params);
}

static void g10_held_quietly(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *ring = graph_ring(g, 4);

	KUNIT_EXPECT_EQ(test, destroy(g), 5);
	node_put(leaf);
	/* It becomes garbage now: the zombie still has its thread. */
	node_put(ring);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

static void g10_late_put_from_atomic_context(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *node = graph_add(g, SLEEPER);
	struct graph_node *chain = graph_chain(g, 5, NULL);

	KUNIT_EXPECT_EQ(test, destroy(g), 6);
	local_irq_disable();
	node_put(node);
	node_put(chain);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

/*
 * A put finds that it has to mark, and is preempted until everything has gone
 * that was there: here it is told so by hand.
 */
static void g10_mark_of_what_has_gone(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, NODE);
	unsigned long place = node->obj.place;

	node_put(node);
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	__refrow_mark_late(place, 2);
}

static void g10_slots_of_the_held(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *a = graph_add(g, NODE);
	struct graph_node *b = graph_append(a, 0, NODE);
	struct refobj *obj;

	KUNIT_EXPECT_EQ(test, destroy(g), 2);
	obj = refslot_load(&a->slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, obj, &b->obj);
	refslot_clear(&a->obj, &a->slot[0]);
	refobj_put(obj);
	node_put(a);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

static void g10_name_of_a_heap_with_held_objects(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_QUIET };
	struct graph *g = quiet(test);
	struct graph_node *node = graph_add(g, NODE);
	struct refheap *again;
	char name[24];

	strscpy(name, refheap_name(g->heap), sizeof(name));
	KUNIT_EXPECT_EQ(test, destroy(g), 1);
	again = refheap_create(name, &params);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, again);
	if (!IS_ERR_OR_NULL(again)) {
		g->heap = again;
		memset(g->type, 0, sizeof(g->type));
		node_put(graph_add(g, NODE));
		KUNIT_EXPECT_EQ(test, graph_released(g), 1);
		KUNIT_EXPECT_EQ(test, destroy(g), 0);
	}
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
}

/* --- destroy meets others ----------------------------------------------- */

struct ending {
	struct graph *g;
	int ret;
	struct graph_node *saved;
	struct completion done;
	struct completion entered;
	struct completion proceed;
};

static int destroy_thread(void *data)
{
	struct ending *ending = data;

	ending->ret = refheap_destroy(ending->g->heap);
	complete(&ending->done);
	return 0;
}

static int put_thread(void *data)
{
	node_put(data);
	return 0;
}

static struct task_struct *start(struct kunit *test, int (*run)(void *data),
				 void *data)
{
	struct task_struct *task = kthread_run(run, data, "refheap-test");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	return task;
}

static void enter_and_wait(struct graph_node *node)
{
	struct ending *ending = node->data;

	complete(&ending->entered);
	wait_for_completion(&ending->proceed);
}

static void ending_init(struct ending *ending, struct graph *g)
{
	ending->g = g;
	init_completion(&ending->done);
	init_completion(&ending->entered);
	init_completion(&ending->proceed);
}

/*
 * Of a callback that somebody runs: its code may go away afterwards.  @patience
 * are the ticks that it does not come to its end.
 */
static void destroy_must_wait_long(struct kunit *test, struct ending *ending,
				   unsigned long patience)
{
	bool early;

	wait_for_completion(&ending->entered);
	start(test, destroy_thread, ending);
	early = wait_for_completion_timeout(&ending->done, patience);
	KUNIT_EXPECT_FALSE(test, early);
	complete(&ending->proceed);
	if (!early)
		wait_for_completion(&ending->done);
	ending->g->heap = NULL;
}

static void destroy_must_wait(struct kunit *test, struct ending *ending,
			      long released)
{
	destroy_must_wait_long(test, ending, HZ / 5);
	KUNIT_EXPECT_EQ(test, ending->ret, 0);
	KUNIT_EXPECT_EQ(test, graph_released(ending->g), released);
}

/* And of releases that have not even begun, @behind the one that runs. */
static void destroy_beside_a_release(struct kunit *test, bool in_thread,
				     unsigned int behind)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);
	static struct ending ending;	/* a release may outlive us */
	unsigned int i;

	for (i = 0; i < behind; i++)
		graph_append(node, i, NODE);
	ending_init(&ending, g);
	node->data = &ending;
	node->last_words = enter_and_wait;
	if (in_thread) {
		preempt_disable();
		node_put(node);
		preempt_enable();
	} else {
		start(test, put_thread, node);
	}
	destroy_must_wait(test, &ending, 1 + behind);
}

static void g10_release_is_running_elsewhere(struct kunit *test)
{
	destroy_beside_a_release(test, false, 0);
}

static void g10_releases_wait_behind_one(struct kunit *test)
{
	destroy_beside_a_release(test, false, NODE_SLOTS);
}

static void put_data(struct graph_node *node)
{
	node_put(node->data);
}

/* What a leaf has put in its release is released after that, and waited for. */
static void g10_what_a_leaf_has_put_is_running_elsewhere(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *leaf = graph_add(g, LEAF);
	struct graph_node *node = graph_add(g, SLEEPER);
	static struct ending ending;	/* a release may outlive us */

	ending_init(&ending, g);
	node->data = &ending;
	node->last_words = enter_and_wait;
	leaf->data = node;
	leaf->last_words = put_data;
	start(test, put_thread, leaf);
	destroy_must_wait(test, &ending, 2);
}

/* While its finalizer runs an object is one like any other, and keeps others. */
static void g10_finalizer_is_running_elsewhere(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, FINAL);
	static struct ending ending;

	ending_init(&ending, g);
	node->data = &ending;
	node->will = enter_and_wait;
	graph_append(node, 0, NODE);
	start(test, put_thread, node);
	destroy_must_wait(test, &ending, 2);
}

/* What waits behind a release is the last that refers to a cycle. */
static void cycle_behind_a_release(struct kunit *test, unsigned int type)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);
	struct graph_node *next = graph_append(node, 0, NODE);
	struct graph_node *ring = graph_ring_of(g, type, 3);
	static struct ending ending;

	ending_init(&ending, g);
	node->data = &ending;
	node->last_words = enter_and_wait;
	graph_link(next, 0, ring);
	node_put(ring);
	start(test, put_thread, node);
	destroy_must_wait(test, &ending, 5);
}

static void g10_cycle_behind_a_release(struct kunit *test)
{
	cycle_behind_a_release(test, NODE);
}

static void g10_visited_cycle_behind_a_release(struct kunit *test)
{
	cycle_behind_a_release(test, CUSTOM);
}

/* A finalizer that saves its object, which goes on to be held: nothing dies. */
static void wait_and_save(struct graph_node *node)
{
	struct ending *ending = node->data;

	enter_and_wait(node);
	refslot_clear(&node->obj, &node->slot[0]);
	ending->saved = node_get(node);
}

static void g10_cycle_behind_a_finalizer(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *node = graph_add(g, FINAL);
	struct graph_node *ring = graph_ring(g, 3);
	static struct ending ending;

	ending_init(&ending, g);
	node->data = &ending;
	node->will = wait_and_save;
	graph_link(node, 0, ring);
	node_put(ring);
	start(test, put_thread, node);
	destroy_must_wait_long(test, &ending, HZ / 5);
	KUNIT_EXPECT_EQ(test, ending.ret, 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	node_put(ending.saved);
}

/* For longer than destroy lets somebody keep it from counting them. */
static void g10_immortal_beside_a_long_release(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node = graph_add(g, SLEEPER);
	struct graph_node *none = graph_add(g, NODE);
	static struct ending ending;

	KUNIT_EXPECT_TRUE(test, refobj_make_immortal(&none->obj));
	ending_init(&ending, g);
	node->data = &ending;
	node->last_words = enter_and_wait;
	graph_link(node, 0, none);
	start(test, put_thread, node);
	destroy_must_wait_long(test, &ending, 4 * HZ);
	KUNIT_EXPECT_EQ(test, ending.ret, 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 2);
}

static void g10_release_is_running_in_the_thread(struct kunit *test)
{
	destroy_beside_a_release(test, true, NODE_SLOTS);
}

/* What the caller itself has put waits behind the release that he is in. */
static void put_and_destroy(struct graph_node *node)
{
	struct graph_node *last = node->data;
	struct graph *other = last->graph;

	node_put(last);
	if (destroy(other) || graph_released(other) != 1)
		atomic_long_inc(&node->graph->damaged);
}

static void g10_in_a_release_of_another_heap(struct kunit *test)
{
	struct graph *g = test->priv, *other = quiet(test);
	struct graph_node *node = graph_add(g, SLEEPER);

	node->data = graph_add(other, NODE);
	node->last_words = put_and_destroy;
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1);
	KUNIT_EXPECT_NULL(test, other->heap);
}

struct crossing {
	struct graph_node *put;		/* of the heap that the other destroys */
	struct graph *end;
	struct crossing *other;
	struct completion entered;
	struct completion done;
	int ret;
};

static void cross(struct graph_node *node)
{
	struct crossing *crossing = node->data;

	node_put(crossing->put);
	complete(&crossing->entered);
	wait_for_completion(&crossing->other->entered);
	crossing->ret = destroy(crossing->end);
	complete(&crossing->done);
}

/* Each has put, in the release that he is in, what the other waits for. */
static void g10_in_releases_that_cross(struct kunit *test)
{
	static struct crossing crossing[2];	/* they may outlive us */
	struct graph *g[2] = { quiet(test), quiet(test) };
	struct graph_node *node;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		crossing[i].put = graph_add(g[!i], NODE);
		crossing[i].end = g[i];
		crossing[i].other = &crossing[!i];
		init_completion(&crossing[i].entered);
		init_completion(&crossing[i].done);
	}
	for (i = 0; i < 2; i++) {
		node = graph_add(test->priv, SLEEPER);
		node->data = &crossing[i];
		node->last_words = cross;
		start(test, put_thread, node);
	}
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&crossing[i].done,
								  30 * HZ), 0);
		KUNIT_EXPECT_EQ(test, crossing[i].ret, 0);
		KUNIT_EXPECT_EQ(test, graph_released(g[i]), 1);
	}
}

/* --- the heap that is left ---------------------------------------------- */

struct toucher {
	struct notifier_block block;
	struct graph_node *node;
};

static int touch(struct notifier_block *block, unsigned long event, void *data)
{
	struct toucher *toucher = container_of(block, struct toucher, block);

	if (event == REFHEAP_COLLECT_STOP)
		node_touch(toucher->node);
	return NOTIFY_OK;
}

/*
 * The thread of a heap that has been stopped sleeps without end, candidates or
 * not. It has to notice that from now on it is on its own: if it does not, the
 * heap and its module stay for ever.
 */
static void g10_held_ring_touched_at_the_end(struct kunit *test)
{
	struct graph *g = quiet(test);
	static struct toucher toucher;	/* is called until the end */

	toucher.block.notifier_call = touch;
	toucher.node = graph_ring(g, 3);
	KUNIT_ASSERT_EQ(test, refheap_register_notifier(g->heap,
							&toucher.block), 0);
	KUNIT_EXPECT_EQ(test, destroy(g), 3);
	node_put(toucher.node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

static void g10_collection_is_running(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	for (i = 0; i < 50; i++)
		node_put(graph_ring(g, 20));
	refheap_kick(g->heap);
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 1000);
}

struct watcher {
	struct notifier_block block;
	atomic_t small;
};

static int count_small(struct notifier_block *block, unsigned long event,
		       void *data)
{
	struct watcher *watcher = container_of(block, struct watcher, block);
	struct refheap_notice *notice = data;

	if (event == REFHEAP_COLLECT_START && !notice->age)
		atomic_inc(&watcher->small);
	return NOTIFY_OK;
}

static void kick(struct graph_node *node)
{
	refheap_kick(node->graph->heap);
}

/*
 * A collection that nobody waits for could begin when nobody waits any more:
 * while destroy takes the callbacks away.
 */
static void g10_kick_in_a_release_at_the_end(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring(g, 3);
	struct watcher watcher = { .block.notifier_call = count_small };

	ring->last_words = kick;
	node_put(ring);
	KUNIT_ASSERT_EQ(test, refheap_register_notifier(g->heap,
							&watcher.block), 0);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 0);
	g->heap = NULL;
	KUNIT_EXPECT_EQ(test, graph_released(g), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&watcher.small), 0);
}

/* In the middle of a collection, not only beside it. */
static void g10_collection_is_releasing(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *ring = graph_ring_of(g, SLEEPER, 10);
	struct ending ending;

	ending_init(&ending, g);
	ring->data = &ending;
	ring->last_words = enter_and_wait;
	node_put(ring);
	refheap_kick(g->heap);
	wait_for_completion(&ending.entered);
	start(test, destroy_thread, &ending);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&ending.done,
							  HZ / 5), 0);
	complete(&ending.proceed);
	wait_for_completion(&ending.done);
	KUNIT_EXPECT_EQ(test, ending.ret, 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 10);
	g->heap = NULL;
}

/* --- types with a visit callback ---------------------------------------- */

/* The memory of all of them is still to come back, by RCU callbacks. */
static void g10_memory_is_pending(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[20];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node); i++)
		node[i] = graph_add(g, CUSTOM);
	node_put(graph_ring_of(g, CUSTOM, 20));
	for (i = 0; i < ARRAY_SIZE(node); i++)
		node_put(node[i]);
	KUNIT_EXPECT_EQ(test, destroy(g), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), 40);
}

static int count_visit(struct graph_node *node, unsigned int step)
{
	atomic_t *visits = node->graph->visit_data;

	atomic_inc(visits);
	return 0;
}

/* Not called any more, and so slots that are not declared are not emptied. */
static void g10_held_objects_with_a_visit(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *a = graph_add(g, CUSTOM);
	struct graph_node *b = graph_append(a, 0, CUSTOM);
	atomic_t visits = ATOMIC_INIT(0);
	struct refobj *obj;

	KUNIT_EXPECT_EQ(test, destroy(g), 2);
	g->visit_data = &visits;
	WRITE_ONCE(g->on_visit, count_visit);
	obj = refslot_load(&a->slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, obj, &b->obj);
	refobj_put(obj);
	/* The heap's thread may look at it from now on. */
	node_touch(a);
	pr_info("refheap-expect: begin custom: its slots cannot be visited\n");
	refslot_clear(&a->obj, &a->slot[0]);
	node_put(a);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&visits), 0);
}

struct visit {
	struct completion entered;
	atomic_t proceed;
};

/* In an RCU section, which must not sleep. */
static int enter_and_spin(struct graph_node *node, unsigned int step)
{
	struct visit *visit = node->graph->visit_data;

	if (!step)
		complete(&visit->entered);
	while (!atomic_read(&visit->proceed))
		cpu_relax();
	return 0;
}

/* A visit that runs elsewhere is waited for like a release. */
static void destroy_beside_a_visit(struct kunit *test, struct graph *g,
				   struct graph_node *node,
				   int (*run)(void *data), int left)
{
	static struct visit visit;
	static struct ending ending;
	bool early;

	ending_init(&ending, g);
	init_completion(&visit.entered);
	atomic_set(&visit.proceed, 0);
	g->visit_data = &visit;
	g->on_visit = enter_and_spin;
	start(test, run, node);
	wait_for_completion(&visit.entered);
	start(test, destroy_thread, &ending);
	early = wait_for_completion_timeout(&ending.done, HZ / 5);
	atomic_set(&visit.proceed, 1);
	KUNIT_EXPECT_FALSE(test, early);
	if (!early)
		wait_for_completion(&ending.done);
	KUNIT_EXPECT_EQ(test, ending.ret, left);
	g->heap = NULL;
}

static void g10_visit_is_running_elsewhere(struct kunit *test)
{
	struct graph *g = test->priv;

	crew_need_two_cpus(test);
	destroy_beside_a_visit(test, g, graph_add(g, CUSTOM), put_thread, 0);
}

static int ask_thread(void *data)
{
	struct graph_node *node = data;

	refobj_referents(&node->obj, NULL, 0);
	return 0;
}

/* Of an object that is held, so that there is nothing else to wait for. */
static void g10_visit_of_the_held_is_running(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *node = graph_add(g, CUSTOM);

	crew_need_two_cpus(test);
	destroy_beside_a_visit(test, g, node, ask_thread, 1);
	pr_info("refheap-expect: begin custom: its slots cannot be visited\n");
	node_put(node);
	graph_expect_end();
}

struct race {
	struct refheap *heap;
	atomic_t won;
	atomic_t lost;
};

static void destroy_too(struct hand *hand)
{
	struct race *race = hand->crew->data;
	int ret = refheap_destroy(race->heap);

	if (!ret)
		atomic_inc(&race->won);
	else if (ret == -ENOENT)
		atomic_inc(&race->lost);
	else
		atomic_inc(&hand->crew->wrong);
}

static void g10_destroy_from_two_threads(struct kunit *test)
{
	struct graph *g = test->priv;
	struct race race = { .heap = g->heap };
	struct crew *crew;

	crew_need_two_cpus(test);
	node_put(graph_ring(g, 50));
	pr_info("refheap-expect: begin not a living heap\n");
	crew = crew_start(g, destroy_too, &race);
	crew_finish(crew);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, atomic_read(&race.won), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&race.lost), crew->hands - 1);
	KUNIT_EXPECT_EQ(test, graph_released(g), 50);
	g->heap = NULL;
}

/* Puts of the held on all CPUs while the heap ends. */
static void put_all(struct hand *hand)
{
	struct graph_node **held = hand->crew->data;
	unsigned int i;

	for (i = 0; i < 200; i++)
		if (i % hand->crew->hands == hand->number)
			node_put(held[i]);
}

static void g10_puts_beside_a_destroy(struct kunit *test)
{
	struct graph *g = quiet(test);
	struct graph_node *held[200];
	struct crew *crew;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(held); i++)
		held[i] = graph_ring(g, 2);
	crew = crew_start(g, put_all, held);
	ret = destroy(g);
	crew_finish(crew);
	KUNIT_EXPECT_GE(test, ret, 0);
	KUNIT_EXPECT_LE(test, ret, 400);
	/* What was released before the end was released whole. */
	KUNIT_EXPECT_EQ(test, graph_released(g) % 2, 0);
	KUNIT_EXPECT_EQ(test, graph_released(g) + ret, 400);
}

static struct kunit_case destroy_cases[] = {
	KUNIT_CASE(g10_garbage_is_reclaimed),
	KUNIT_CASE(g10_garbage_made_by_garbage),
	KUNIT_CASE(g10_releases_handed_over_are_run),
	KUNIT_CASE(g10_nothing_at_all),
	KUNIT_CASE(g10_held_object),
	KUNIT_CASE(g10_held_structure),
	KUNIT_CASE(g10_held_quietly),
	KUNIT_CASE(g10_late_put_from_atomic_context),
	KUNIT_CASE(g10_mark_of_what_has_gone),
	KUNIT_CASE(g10_slots_of_the_held),
	KUNIT_CASE(g10_name_of_a_heap_with_held_objects),
	KUNIT_CASE(g10_release_is_running_elsewhere),
	KUNIT_CASE(g10_finalizer_is_running_elsewhere),
	KUNIT_CASE(g10_release_is_running_in_the_thread),
	KUNIT_CASE(g10_releases_wait_behind_one),
	KUNIT_CASE(g10_what_a_leaf_has_put_is_running_elsewhere),
	KUNIT_CASE(g10_cycle_behind_a_release),
	KUNIT_CASE(g10_visited_cycle_behind_a_release),
	KUNIT_CASE(g10_cycle_behind_a_finalizer),
	KUNIT_CASE_SLOW(g10_immortal_beside_a_long_release),
	KUNIT_CASE(g10_in_a_release_of_another_heap),
	KUNIT_CASE(g10_in_releases_that_cross),
	KUNIT_CASE(g10_held_ring_touched_at_the_end),
	KUNIT_CASE(g10_memory_is_pending),
	KUNIT_CASE(g10_held_objects_with_a_visit),
	KUNIT_CASE(g10_visit_is_running_elsewhere),
	KUNIT_CASE(g10_visit_of_the_held_is_running),
	KUNIT_CASE(g10_collection_is_running),
	KUNIT_CASE(g10_kick_in_a_release_at_the_end),
	KUNIT_CASE(g10_collection_is_releasing),
	KUNIT_CASE(g10_destroy_from_two_threads),
	KUNIT_CASE(g10_puts_beside_a_destroy),
	{}
};

static struct kunit_suite destroy_suite = {
	.name = "refheap_destroy",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = destroy_cases,
};

kunit_test_suite(destroy_suite);
