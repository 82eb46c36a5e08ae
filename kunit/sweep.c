// SPDX-License-Identifier: GPL-2.0
/*
 * Each operation that allocates, with each of its allocations failing in turn
 * and then with all of them: an error comes back, nothing is lost, and the
 * same call succeeds when there is memory again (G8).
 */
#include "debugfile.h"
#include "fault.h"
#include "graph.h"

#include <linux/cpumask.h>
#include <linux/err.h>

/* More than any operation makes: a sweep that does not end has failed. */
#define SWEEP_MOST 1000

/**
 * struct attempt - an operation of which an allocation fails
 * @g: the graph
 * @name: new for each attempt
 * @heap: @g's, or one of the attempt's own
 * @type: of @heap
 * @node: two objects of @g
 * @map: a weak map of @g's heap
 * @weak: a weak reference
 * @made: what the operation has made
 */
struct attempt {
	struct graph *g;
	char name[24];
	struct refheap *heap;
	struct reftype *type;
	struct graph_node *node[2];
	struct refmap *map;
	struct refweak weak;
	void *made;
};

/**
 * struct operation - something that allocates
 * @name: of the test
 * @least: allocations that it makes at least, or the test would be blind
 * @never: it must not fail
 * @expected: what the kernel says aloud about the lack of memory, or NULL
 * @text: for @run
 * @prepare: makes what @run needs
 * @run: does it; 0 or an error
 * @undo: takes a success back
 * @cleanup: takes back what was prepared
 */
struct operation {
	const char *name;
	unsigned int least;
	bool never;
	const char *expected;
	const char *text;
	void (*prepare)(struct attempt *attempt);
	int (*run)(struct attempt *attempt, const char *text);
	void (*undo)(struct attempt *attempt);
	void (*cleanup)(struct attempt *attempt);
};

static void put_made(struct attempt *attempt)
{
	refobj_put(attempt->made);
}

/* --- heaps -------------------------------------------------------------- */

static int run_create(struct attempt *attempt, const char *text)
{
	const struct refheap_params params = {
		.flags = REFHEAP_ACCOUNT | REFHEAP_QUIET | REFHEAP_STOPPED |
			 REFHEAP_TRACK_SITES | REFHEAP_QUARANTINE,
		.nice = 5, .cpus = cpu_online_mask,
		.max_objects = 100, .max_bytes = 100000,
		.period_ms = 100, .threshold = 100,
	};

	attempt->made = refheap_create(attempt->name, &params);
	return PTR_ERR_OR_ZERO(attempt->made);
}

static void undo_create(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test, refheap_destroy(attempt->made), 0);
}

struct vector {
	struct refobj obj;
	struct refarray *array;
	struct refslot slot[2];
	struct refweak weak;
};

static const struct reffield vector_fields[] = {
	REFFIELD(struct vector, slot),
};

static const struct reffield vector_weaks[] = {
	REFWEAK(struct vector, weak),
};

static struct vector *vector_of(struct refobj *obj)
{
	return container_of(obj, struct vector, obj);
}

static int register_vector(struct attempt *attempt)
{
	const struct reftype_desc desc = {
		REFTYPE(struct vector, obj), .name = attempt->name,
		REFTYPE_FIELDS(vector_fields), REFTYPE_WEAKS(vector_weaks),
		REFTYPE_ARRAY(struct vector, array),
	};

	attempt->type = refheap_register_type(attempt->heap, &desc);
	return PTR_ERR_OR_ZERO(attempt->type);
}

/* A heap with garbage, and a name and a weak reference to end. */
static void prepare_destroy(struct attempt *attempt)
{
	struct kunit *test = attempt->g->test;
	struct refobj *obj;

	attempt->heap = refheap_create(attempt->name, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attempt->heap);
	KUNIT_ASSERT_EQ(test, register_vector(attempt), 0);
	obj = refobj_alloc_array(attempt->type, 3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, refheap_bind(attempt->heap, "name", obj), 0);
	KUNIT_EXPECT_EQ(test, refweak_set(obj, &vector_of(obj)->weak, obj,
					  NULL, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, refslot_give(obj, &vector_of(obj)->array->slot[2],
					   obj), 0);
}

static int run_destroy(struct attempt *attempt, const char *text)
{
	return refheap_destroy(attempt->heap);
}

/* --- types and objects -------------------------------------------------- */

static int run_register_leaf(struct attempt *attempt, const char *text)
{
	const struct reftype_desc desc = {
		REFTYPE(struct vector, obj), .name = attempt->name,
	};

	attempt->type = refheap_register_type(attempt->heap, &desc);
	return PTR_ERR_OR_ZERO(attempt->type);
}

static int run_register_vector(struct attempt *attempt, const char *text)
{
	return register_vector(attempt);
}

static int vector_visit(struct refobj *obj, struct refvisitor *visitor)
{
	refvisit(visitor, &vector_of(obj)->slot[0]);
	refvisit(visitor, &vector_of(obj)->slot[1]);
	return 0;
}

static int run_register_visited(struct attempt *attempt, const char *text)
{
	const struct reftype_desc desc = {
		REFTYPE(struct vector, obj), .name = attempt->name,
		.visit = vector_visit,
	};

	attempt->type = refheap_register_type(attempt->heap, &desc);
	return PTR_ERR_OR_ZERO(attempt->type);
}

/* Types whose objects are the first, so that the table has to grow as well. */
static void prepare_leaf(struct attempt *attempt)
{
	KUNIT_ASSERT_EQ(attempt->g->test, run_register_leaf(attempt, NULL), 0);
}

static void prepare_vector(struct attempt *attempt)
{
	KUNIT_ASSERT_EQ(attempt->g->test, register_vector(attempt), 0);
}

static int made_or_enomem(struct attempt *attempt)
{
	return attempt->made ? 0 : -ENOMEM;
}

static int run_alloc(struct attempt *attempt, const char *text)
{
	attempt->made = refobj_alloc(attempt->type, GFP_KERNEL);
	return made_or_enomem(attempt);
}

static int run_alloc_atomic(struct attempt *attempt, const char *text)
{
	attempt->made = refobj_alloc_array(attempt->type, 5, GFP_ATOMIC);
	return made_or_enomem(attempt);
}

static int run_alloc_array(struct attempt *attempt, const char *text)
{
	attempt->made = refobj_alloc_array(attempt->type, 5, GFP_KERNEL);
	return made_or_enomem(attempt);
}

static int run_alloc_large_array(struct attempt *attempt, const char *text)
{
	attempt->made = refobj_alloc_array(attempt->type, 3000, GFP_KERNEL);
	return made_or_enomem(attempt);
}

/* A heap with room for one: a failure must not use it up. */
static void prepare_limited(struct attempt *attempt)
{
	const struct refheap_params params = {
		.flags = REFHEAP_TRACK_SITES | REFHEAP_STOPPED |
			 REFHEAP_QUARANTINE,
		.max_objects = 1, .max_bytes = 300,
	};

	attempt->heap = refheap_create(attempt->name, &params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(attempt->g->test, attempt->heap);
	prepare_vector(attempt);
}

static void cleanup_heap(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test, refheap_destroy(attempt->heap), 0);
}

/* --- what refers to objects --------------------------------------------- */

static void prepare_nodes(struct attempt *attempt)
{
	attempt->node[0] = graph_add(attempt->g, NODE);
	attempt->node[1] = graph_add(attempt->g, NODE);
}

static void cleanup_nodes(struct attempt *attempt)
{
	node_put(attempt->node[0]);
	node_put(attempt->node[1]);
}

/* Row 0 of the table of weak references needs no memory. */
static struct refobj *weak_target(struct attempt *attempt)
{
	struct refobj *obj = &attempt->node[0]->obj;

	return refobj_id(obj) ? obj : &attempt->node[1]->obj;
}

static int run_weak(struct attempt *attempt, gfp_t gfp)
{
	int err = refweak_set(NULL, &attempt->weak, weak_target(attempt), NULL,
			      gfp);
	struct refobj *target __free(refobj) = refweak_load(&attempt->weak);

	KUNIT_EXPECT_PTR_EQ(attempt->g->test, target,
			    err ? NULL : weak_target(attempt));
	return err;
}

static int run_weak_set(struct attempt *attempt, const char *text)
{
	return run_weak(attempt, GFP_KERNEL);
}

static int run_weak_set_atomic(struct attempt *attempt, const char *text)
{
	return run_weak(attempt, GFP_ATOMIC);
}

static void undo_weak(struct attempt *attempt)
{
	KUNIT_EXPECT_TRUE(attempt->g->test, refweak_clear(&attempt->weak));
}

static int run_bind(struct attempt *attempt, const char *text)
{
	int err = refheap_bind(attempt->heap, attempt->name,
			       &attempt->node[0]->obj);

	KUNIT_EXPECT_EQ(attempt->g->test, refobj_count(&attempt->node[0]->obj),
			err ? 1 : 2);
	return err;
}

static int run_unbind(struct attempt *attempt, const char *text)
{
	return refheap_unbind(attempt->heap, attempt->name);
}

static void undo_bind(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test, run_unbind(attempt, NULL), 0);
}

static void prepare_bound(struct attempt *attempt)
{
	prepare_nodes(attempt);
	KUNIT_ASSERT_EQ(attempt->g->test, run_bind(attempt, NULL), 0);
}

/* --- weak maps ---------------------------------------------------------- */

static int run_create_map(struct attempt *attempt, const char *text)
{
	attempt->map = refmap_create(attempt->heap, REFMAP_WEAK_VALUES);
	return PTR_ERR_OR_ZERO(attempt->map);
}

static void undo_create_map(struct attempt *attempt)
{
	refmap_destroy(attempt->map);
}

static void prepare_map(struct attempt *attempt, unsigned int kind)
{
	prepare_nodes(attempt);
	attempt->map = refmap_create(attempt->heap, kind);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(attempt->g->test, attempt->map);
}

static void prepare_values(struct attempt *attempt)
{
	prepare_map(attempt, REFMAP_WEAK_VALUES);
}

static void prepare_keys(struct attempt *attempt)
{
	prepare_map(attempt, REFMAP_WEAK_KEYS);
}

static void cleanup_map(struct attempt *attempt)
{
	refmap_destroy(attempt->map);
	cleanup_nodes(attempt);
}

static int map_has(struct attempt *attempt, int err)
{
	KUNIT_EXPECT_EQ(attempt->g->test, refmap_count(attempt->map), !err);
	return err;
}

static int run_map_set(struct attempt *attempt, const char *text)
{
	return map_has(attempt, refmap_set(attempt->map, 7,
					   weak_target(attempt)));
}

static int run_map_insert(struct attempt *attempt, const char *text)
{
	return map_has(attempt, refmap_insert(attempt->map, 7,
					      weak_target(attempt)));
}

static int run_map_set_obj(struct attempt *attempt, const char *text)
{
	return map_has(attempt, refmap_set_obj(attempt->map,
					       weak_target(attempt),
					       &attempt->node[0]->obj));
}

static int run_map_insert_obj(struct attempt *attempt, const char *text)
{
	return map_has(attempt, refmap_insert_obj(attempt->map,
						  weak_target(attempt),
						  &attempt->node[0]->obj));
}

static int run_map_remove(struct attempt *attempt, const char *text)
{
	return refmap_remove(attempt->map, 7);
}

static void undo_map_set(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test, refmap_remove(attempt->map, 7), 0);
}

static void undo_map_set_obj(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test,
			refmap_remove_obj(attempt->map, weak_target(attempt)),
			0);
}

static void prepare_full_map(struct attempt *attempt)
{
	prepare_values(attempt);
	KUNIT_ASSERT_EQ(attempt->g->test, run_map_set(attempt, NULL), 0);
}

static int run_destroy_map(struct attempt *attempt, const char *text)
{
	refmap_destroy(attempt->map);
	return 0;
}

/* --- looking at the heap ------------------------------------------------ */

static int run_report(struct attempt *attempt, const char *text)
{
	return refheap_report(attempt->heap);
}

static int run_track(struct attempt *attempt, const char *text)
{
	return refheap_track_sites(attempt->heap, true);
}

static void undo_track(struct attempt *attempt)
{
	KUNIT_EXPECT_EQ(attempt->g->test,
			refheap_track_sites(attempt->heap, false), 0);
}

static int run_control(struct attempt *attempt, const char *text)
{
	long ret = debugfile_write(attempt->g, "control", text);

	return min(ret, 0L);
}

static int run_read(struct attempt *attempt, const char *text)
{
	long ret = debugfile_try_read(attempt->g, text);

	return min(ret, 0L);
}

/* --- what needs no memory at all ---------------------------------------- */

static int look(struct refobj *obj, void *data)
{
	return 0;
}

static int notified(struct notifier_block *notifier, unsigned long event,
		    void *data)
{
	return NOTIFY_OK;
}

static int run_other(struct attempt *attempt, const char *text)
{
	struct refobj *obj = &attempt->node[0]->obj, *list[4];
	struct notifier_block notifier = { .notifier_call = notified };
	struct refslot *slot = &attempt->node[0]->slot[0];
	struct kunit *test = attempt->g->test;

	KUNIT_EXPECT_EQ(test, refslot_set(obj, slot, obj), 0);
	KUNIT_EXPECT_EQ(test, refobj_referents(obj, list, 0), 1);
	KUNIT_EXPECT_EQ(test, refobj_referrers(obj, list, 0), 1);
	refslot_clear(obj, slot);
	KUNIT_EXPECT_EQ(test, refheap_for_each(attempt->heap, NULL, -1, look,
					       NULL), 0);
	KUNIT_EXPECT_EQ(test, refheap_garbage(attempt->heap, list, 4), 0);
	KUNIT_EXPECT_EQ(test, refheap_empty_garbage(attempt->heap), 0);
	KUNIT_EXPECT_EQ(test, refheap_register_notifier(attempt->heap,
							&notifier), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(attempt->heap, 0), 0);
	KUNIT_EXPECT_EQ(test, refheap_unregister_notifier(attempt->heap,
							  &notifier), 0);
	KUNIT_EXPECT_EQ(test, refheap_freeze(attempt->heap), 0);
	KUNIT_EXPECT_GE(test, refheap_frozen(attempt->heap), 2);
	return refheap_unfreeze(attempt->heap);
}

/* --- the sweep ---------------------------------------------------------- */

static const struct operation operations[] = {
	{ "create a heap", 10, .run = run_create, .undo = undo_create },
	{ "destroy a heap", 0, .never = true, .prepare = prepare_destroy,
	  .run = run_destroy },
	{ "register a leaf", 3, .run = run_register_leaf,
	  .expected = "failed with error -12|Call Trace:" },
	{ "register all", 5, .run = run_register_vector,
	  .expected = "failed with error -12|Call Trace:" },
	{ "register with visit", 3, .run = run_register_visited,
	  .expected = "failed with error -12|Call Trace:" },
	{ "leaf", 2, .prepare = prepare_leaf, .run = run_alloc,
	  .undo = put_made },
	{ "array", 3, .prepare = prepare_vector, .run = run_alloc_array,
	  .undo = put_made },
	{ "large array", 3, .prepare = prepare_vector,
	  .run = run_alloc_large_array, .undo = put_made },
	{ "array in atomic context", 3, .prepare = prepare_vector,
	  .run = run_alloc_atomic, .undo = put_made },
	{ "array in a heap with limits", 4, .prepare = prepare_limited,
	  .run = run_alloc_array, .undo = put_made, .cleanup = cleanup_heap },
	{ "weak reference", 1, .prepare = prepare_nodes, .run = run_weak_set,
	  .undo = undo_weak, .cleanup = cleanup_nodes },
	{ "weak reference in atomic context", 1, .prepare = prepare_nodes,
	  .run = run_weak_set_atomic, .undo = undo_weak,
	  .cleanup = cleanup_nodes },
	{ "name", 1, .prepare = prepare_nodes, .run = run_bind,
	  .undo = undo_bind, .cleanup = cleanup_nodes },
	{ "end of a name", 0, .never = true, .prepare = prepare_bound,
	  .run = run_unbind, .cleanup = cleanup_nodes },
	{ "map", 2, .run = run_create_map, .undo = undo_create_map },
	{ "map: set", 2, .prepare = prepare_values, .run = run_map_set,
	  .undo = undo_map_set, .cleanup = cleanup_map },
	{ "map: insert", 2, .prepare = prepare_values, .run = run_map_insert,
	  .undo = undo_map_set, .cleanup = cleanup_map },
	{ "map: set object", 2, .prepare = prepare_keys,
	  .run = run_map_set_obj, .undo = undo_map_set_obj,
	  .cleanup = cleanup_map },
	{ "map: insert object", 2, .prepare = prepare_keys,
	  .run = run_map_insert_obj, .undo = undo_map_set_obj,
	  .cleanup = cleanup_map },
	{ "map: remove", 0, .never = true, .prepare = prepare_full_map,
	  .run = run_map_remove, .cleanup = cleanup_map },
	{ "end of a map", 0, .never = true, .prepare = prepare_full_map,
	  .run = run_destroy_map, .cleanup = cleanup_nodes },
	{ "report", 1, .run = run_report },
	{ "sites", 0, .run = run_track, .undo = undo_track },
	{ "control: report", 1, .text = "report", .run = run_control },
	{ "control: track", 0, .text = "track=on\n", .run = run_control,
	  .undo = undo_track },
	{ "file heaps", 1, .text = "/heaps", .run = run_read },
	{ "file stats", 1, .text = "stats", .run = run_read },
	{ "file types", 2, .text = "types", .run = run_read },
	{ "file ages", 2, .text = "ages", .run = run_read },
	{ "file objects", 1, .text = "objects", .run = run_read },
	{ "file names", 1, .text = "names", .run = run_read },
	{ "file sites", 2, .text = "sites", .run = run_read },
	{ "file garbage", 1, .text = "garbage", .run = run_read },
	{ "what needs no memory", 0, .never = true, .prepare = prepare_nodes,
	  .run = run_other, .cleanup = cleanup_nodes },
};

/* All is as it was, and the heap works. */
static void expect_no_loss(struct graph *g, u64 objects, u64 bytes)
{
	struct refheap_stats stats;

	KUNIT_EXPECT_EQ(g->test, refheap_drain(g->heap), 0);
	stats = graph_stats(g);
	KUNIT_EXPECT_EQ(g->test, stats.objects, objects);
	KUNIT_EXPECT_EQ(g->test, stats.bytes, bytes);
	node_put(graph_ring(g, 2));
	KUNIT_EXPECT_EQ(g->test, graph_collect(g), 2);
}

static void attempt_begin(struct attempt *attempt, const struct operation *op)
{
	struct graph *g = attempt->g;

	memset(attempt, 0, sizeof(*attempt));
	attempt->g = g;
	attempt->heap = g->heap;
	graph_new_name(attempt->name, sizeof(attempt->name));
	if (op->prepare)
		op->prepare(attempt);
}

/* It has run once, while memory failed: to its end, and once more if need be. */
static void attempt_end(struct attempt *attempt, const struct operation *op,
			int err, unsigned int nth)
{
	struct kunit *test = attempt->g->test;

	if (err) {
		KUNIT_EXPECT_FALSE_MSG(test, op->never, "allocation %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "allocation %u", nth);
		KUNIT_ASSERT_EQ_MSG(test, op->run(attempt, op->text), 0,
				    "after allocation %u", nth);
	}
	if (op->undo)
		op->undo(attempt);
	if (op->cleanup)
		op->cleanup(attempt);
}

/* Return: false if the operation makes fewer than @nth allocations. */
static bool attempt_nth(struct attempt *attempt, const struct operation *op,
			unsigned int nth, unsigned int *refused)
{
	bool enough;
	int err;

	attempt_begin(attempt, op);
	fault_nth(nth);
	err = op->run(attempt, op->text);
	enough = !fault_none();
	if (!enough)
		KUNIT_EXPECT_EQ(attempt->g->test, err, 0);
	*refused += !!err;
	attempt_end(attempt, op, err, nth);
	return enough;
}

/* Nothing does without all that it asks for. */
static void attempt_all(struct attempt *attempt, const struct operation *op)
{
	int err;

	attempt_begin(attempt, op);
	fault_all(attempt->g);
	err = op->run(attempt, op->text);
	fault_all_end(attempt->g);
	if (op->least)
		KUNIT_EXPECT_EQ(attempt->g->test, err, -ENOMEM);
	attempt_end(attempt, op, err, 0);
}

static void g8_each_allocation_fails(struct kunit *test)
{
	const struct operation *op = test->param_value;
	struct attempt attempt = { .g = test->priv };
	unsigned int nth = 0, refused = 0;
	u64 objects, bytes;

	fault_prepare(attempt.g);
	objects = graph_stats(attempt.g).objects;
	bytes = graph_stats(attempt.g).bytes;
	if (op->expected)
		pr_info("refheap-expect: begin %s\n", op->expected);
	while (attempt_nth(&attempt, op, ++nth, &refused) && nth < SWEEP_MOST)
		expect_no_loss(attempt.g, objects, bytes);
	attempt_all(&attempt, op);
	expect_no_loss(attempt.g, objects, bytes);
	if (op->expected)
		graph_expect_end();
	KUNIT_EXPECT_LT(test, nth, SWEEP_MOST);
	KUNIT_EXPECT_GE(test, nth - 1, op->least);
	kunit_info(test, "%s: %u allocations, of which %u are vital\n",
		   op->name, nth - 1, refused);
}

static void operation_describe(const struct operation *op, char *text)
{
	strscpy(text, op->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(operation, operations, operation_describe);

/* --- a collector without memory ----------------------------------------- */

static void g8_famine_many(struct kunit *test)
{
	struct graph *g = test->priv;
	unsigned int i;

	fault_prepare(g);
	for (i = 0; i < 500; i++)
		node_put(graph_ring(g, 2));
	node_put(graph_comb(g, 500));
	node_put(graph_tree(g, 1000));
	node_put(graph_ring(g, 7000));
	KUNIT_EXPECT_EQ(test, fault_collect(g), 10000);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static void g8_famine_finalizers(struct kunit *test)
{
	struct graph *g = test->priv;

	fault_prepare(g);
	node_put(graph_ring_of(g, FINAL, 100));
	node_put(graph_ring_of(g, SLEEPER, 100));
	KUNIT_EXPECT_EQ(test, fault_collect(g), 200);
	KUNIT_EXPECT_EQ(test, graph_finalized(g), 100);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

static atomic_t called;

static void count_call(struct refweak *weak)
{
	atomic_inc(&called);
}

static void g8_famine_weak_references(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *head, *node;
	struct refweak *weak;
	unsigned int i;

	fault_prepare(g);
	head = graph_ring(g, 100);
	node = head;
	atomic_set(&called, 0);
	weak = kunit_kcalloc(test, 100, sizeof(*weak), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, weak);
	for (i = 0; i < 100; i++, node = node_of(node->slot[0].target))
		KUNIT_EXPECT_EQ(test, refweak_set(NULL, &weak[i], &node->obj,
						  count_call, GFP_KERNEL), 0);
	node_put(head);
	KUNIT_EXPECT_EQ(test, fault_collect(g), 100);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&called), 100);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_NULL(test, refweak_load(&weak[i]));
}

/* What cannot be kept is not reclaimed either: it waits. */
static void g8_famine_save_all(struct kunit *test)
{
	struct graph *g = test->priv;

	fault_prepare(g);
	refheap_set_save_all(g->heap, true);
	node_put(graph_ring(g, 100));
	KUNIT_EXPECT_EQ(test, fault_collect(g), 0);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 100);
	KUNIT_EXPECT_EQ(test, refheap_garbage(g->heap, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 100);
	KUNIT_EXPECT_EQ(test, refheap_garbage(g->heap, NULL, 0), 100);
	refheap_set_save_all(g->heap, false);
	KUNIT_EXPECT_EQ(test, refheap_empty_garbage(g->heap), 100);
	KUNIT_EXPECT_EQ(test, fault_collect(g), 100);
}

static struct kunit_case sweep_cases[] = {
	KUNIT_CASE_PARAM(g8_each_allocation_fails, operation_gen_params),
	KUNIT_CASE(g8_famine_many),
	KUNIT_CASE(g8_famine_finalizers),
	KUNIT_CASE(g8_famine_weak_references),
	KUNIT_CASE(g8_famine_save_all),
	{}
};

static struct kunit_suite sweep_suite = {
	.name = "refheap_sweep",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = sweep_cases,
};

kunit_test_suite(sweep_suite);
