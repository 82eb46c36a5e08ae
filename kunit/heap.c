// SPDX-License-Identifier: GPL-2.0
/* Heaps and types: what can be created, and what is refused. */
#include "graph.h"

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <trace/events/refheap.h>

static void expect_refused(struct kunit *test, const char *name,
			   const struct refheap_params *params, int err)
{
	struct refheap *heap = refheap_create(name, params);

	KUNIT_EXPECT_EQ(test, PTR_ERR(heap), err);
	if (!IS_ERR_OR_NULL(heap))
		refheap_destroy(heap);
}

static void g10_create_and_destroy(struct kunit *test)
{
	struct refheap *heap;
	char name[24];

	graph_new_name(name, sizeof(name));
	heap = refheap_create(name, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_STREQ(test, refheap_name(heap), name);
	KUNIT_EXPECT_EQ(test, refheap_destroy(heap), 0);
}

static void g10_name_in_use(struct kunit *test)
{
	struct graph *g = test->priv;

	expect_refused(test, refheap_name(g->heap), NULL, -EEXIST);
}

static void g10_name_can_be_used_again(struct kunit *test)
{
	struct refheap *heap;
	unsigned int i;
	char name[24];

	graph_new_name(name, sizeof(name));
	for (i = 0; i < 5; i++) {
		heap = refheap_create(name, NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
		KUNIT_EXPECT_EQ(test, refheap_destroy(heap), 0);
	}
}

static void g10_names_that_are_refused(struct kunit *test)
{
	char name[200];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	expect_refused(test, NULL, NULL, -EINVAL);
	expect_refused(test, "", NULL, -EINVAL);
	expect_refused(test, "a/b", NULL, -EINVAL);
	expect_refused(test, "..", NULL, -EINVAL);
	expect_refused(test, "a b", NULL, -EINVAL);
	expect_refused(test, "line\n", NULL, -EINVAL);
	expect_refused(test, name, NULL, -EINVAL);
}

static void g10_parameters_that_are_refused(struct kunit *test)
{
	struct refheap_params params = { .flags = ~0U };
	cpumask_var_t none;
	char name[24];

	graph_new_name(name, sizeof(name));
	expect_refused(test, name, &params, -EINVAL);
	params = (struct refheap_params){ .nice = 20 };
	expect_refused(test, name, &params, -EINVAL);
	params = (struct refheap_params){ .nice = -21 };
	expect_refused(test, name, &params, -EINVAL);
	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&none, GFP_KERNEL));
	params = (struct refheap_params){ .cpus = none };
	expect_refused(test, name, &params, -EINVAL);
	free_cpumask_var(none);
}

static void g10_thread_on_one_cpu(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED, .cpus = cpumask_of(0), .nice = 5,
	};
	struct graph *g = graph_create(test, &params);

	node_put(graph_ring(g, 10));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 10);
	graph_destroy(g);
}

struct frozen {
	struct refheap *heap;
	bool seen;
	bool can_freeze;
};

static void frozen_probe(void *data, struct refheap *heap,
			 enum refheap_phase phase, u64 members)
{
	struct frozen *frozen = data;

	if (heap != frozen->heap)
		return;
	frozen->seen = true;
	frozen->can_freeze = !(current->flags & PF_NOFREEZE);
}

static void g10_thread_can_be_frozen(struct kunit *test)
{
	struct graph *g = test->priv;
	struct frozen frozen = { .heap = g->heap };

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(frozen_probe,
							   &frozen), 0);
	graph_collect(g);
	unregister_trace_refheap_phase(frozen_probe, &frozen);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_TRUE(test, frozen.seen);
	KUNIT_EXPECT_TRUE(test, frozen.can_freeze);
}

static void g2_heaps_do_not_mix(struct kunit *test)
{
	struct refheap_params params = { .flags = REFHEAP_STOPPED };
	struct graph *g[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(g); i++) {
		g[i] = graph_create(test, &params);
		node_put(graph_ring(g[i], i + 1));
	}
	KUNIT_EXPECT_EQ(test, graph_collect(g[2]), 3);
	KUNIT_EXPECT_EQ(test, graph_alive(g[1]), 2);
	KUNIT_EXPECT_EQ(test, graph_collect(g[1]), 2);
	for (i = 0; i < ARRAY_SIZE(g); i++)
		graph_collect(g[i]);
	for (i = 0; i < ARRAY_SIZE(g); i++)
		graph_destroy(g[i]);
}

static void g1_objects_charged_to_a_cgroup(struct kunit *test)
{
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_ACCOUNT,
	};
	struct graph *g = graph_create(test, &params);
	struct graph_node *vector = graph_add_vector(g, 100);

	node_put(graph_ring(g, 100));
	KUNIT_EXPECT_EQ(test, graph_collect(g), 100);
	node_put(vector);
	graph_destroy(g);
}

static void g1_periods_that_are_refused(struct kunit *test)
{
	struct graph *g = test->priv;

	KUNIT_EXPECT_EQ(test, refheap_set_period(g->heap, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_set_period(g->heap, UINT_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, refheap_set_period(g->heap, 1), 0);
}

/* --- types -------------------------------------------------------------- */

static const struct reffield good_fields[] = {
	REFFIELD(struct graph_node, slot),
};

static const struct reffield bad_fields[] = {
	{ .offset = sizeof(struct graph_node), .count = 1 },
	{ .offset = offsetof(struct graph_node, slot) + 1, .count = 1 },
	{ .offset = offsetof(struct graph_node, slot), .count = U32_MAX },
	{ .offset = offsetof(struct graph_node, slot), .count = 0 },
	{ .offset = sizeof(struct refobj), .count = REFTYPE_MEMBERS + 1 },
};

#define GOOD .name = "good", REFTYPE(struct graph_node, obj)

static const struct reftype_desc bad_types[] = {
	{ .name = NULL, REFTYPE(struct graph_node, obj) },
	{ .name = "", REFTYPE(struct graph_node, obj) },
	{ .name = "a/b", REFTYPE(struct graph_node, obj) },
	{ .name = "small", .size = 8 },
	{ .name = "outside", .size = 64, .header = 56 },
	{ .name = "crooked", .size = 64, .header = 4 },
	{ .name = "align", .size = 64, .align = 24 },
	{ GOOD, .flags = ~0U },
	{ GOOD, .nr_fields = 1 },
	{ GOOD, .fields = &bad_fields[0], .nr_fields = 1 },
	{ GOOD, .fields = &bad_fields[1], .nr_fields = 1 },
	{ GOOD, .fields = &bad_fields[2], .nr_fields = 1 },
	{ GOOD, .fields = &bad_fields[3], .nr_fields = 1 },
	{ GOOD, .array = sizeof(struct graph_node) },
	{ .name = "many", .size = 16384,
	  .fields = &bad_fields[4], .nr_fields = 1 },
};

static void g9_types_that_are_refused(struct kunit *test)
{
	struct graph *g = test->priv;
	struct reftype *type;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_types); i++) {
		type = refheap_register_type(g->heap, &bad_types[i]);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(type), -EINVAL,
				    "type %u", i);
	}
	type = refheap_register_type(g->heap, NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(type), -EINVAL);
}

static void g9_type_registered_twice(struct kunit *test)
{
	static const struct reftype_desc good = { GOOD };
	struct graph *g = test->priv;
	struct reftype *type;

	type = refheap_register_type(g->heap, &good);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, type);
	type = refheap_register_type(g->heap, &good);
	KUNIT_EXPECT_EQ(test, PTR_ERR(type), -EEXIST);
}

/* The descriptor, its table and its name may be gone after registration. */
static void g10_descriptor_is_copied(struct kunit *test)
{
	struct reffield field = good_fields[0];
	char name[] = "copied";
	struct reftype_desc desc = {
		REFTYPE(struct graph_node, obj), .name = name,
		.fields = &field, .nr_fields = 1,
	};
	struct graph *g = test->priv;
	struct reftype *type = refheap_register_type(g->heap, &desc);
	struct graph_node *node;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	memset(name, '!', sizeof(name) - 1);
	memset(&field, 0xff, sizeof(field));
	memset(&desc, 0xff, sizeof(desc));
	KUNIT_EXPECT_STREQ(test, reftype_name(type), "copied");
	node = node_of(refobj_alloc(type, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, refslot_set(&node->obj, &node->slot[3],
					  &node->obj), 0);
	node_put(node);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

/* The header need not come first, nor the structure be of a round size. */
struct odd {
	char before[40];
	struct refobj obj;
	struct refslot first;
	char between[5];
	struct refslot second[2];
	char after[3];
} __aligned(128);

static const struct reffield odd_fields[] = {
	REFFIELD(struct odd, first),
	REFFIELD(struct odd, second),
};

static void g3_odd_layout(struct kunit *test)
{
	struct reftype_desc desc = {
		REFTYPE(struct odd, obj), .name = "odd",
		REFTYPE_FIELDS(odd_fields),
	};
	struct graph *g = test->priv;
	struct reftype *type;
	struct odd *odd;

	type = refheap_register_type(g->heap, &desc);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	odd = container_of(refobj_alloc(type, GFP_KERNEL), struct odd, obj);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)odd, 128));
	KUNIT_EXPECT_NULL(test, memchr_inv(odd->before, 0, 40));
	KUNIT_EXPECT_NULL(test, memchr_inv(odd->after, 0, 3));
	KUNIT_EXPECT_EQ(test, refslot_set(&odd->obj, &odd->first, &odd->obj),
			0);
	KUNIT_EXPECT_EQ(test, refslot_set(&odd->obj, &odd->second[1],
					  &odd->obj), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&odd->obj), 3);
	refobj_put(&odd->obj);
	KUNIT_EXPECT_EQ(test, graph_collect(g), 1);
}

static struct kunit_case heap_cases[] = {
	KUNIT_CASE(g10_create_and_destroy),
	KUNIT_CASE(g10_name_in_use),
	KUNIT_CASE(g10_name_can_be_used_again),
	KUNIT_CASE(g10_names_that_are_refused),
	KUNIT_CASE(g10_parameters_that_are_refused),
	KUNIT_CASE(g10_thread_on_one_cpu),
	KUNIT_CASE(g10_thread_can_be_frozen),
	KUNIT_CASE(g2_heaps_do_not_mix),
	KUNIT_CASE(g1_objects_charged_to_a_cgroup),
	KUNIT_CASE(g1_periods_that_are_refused),
	KUNIT_CASE(g9_types_that_are_refused),
	KUNIT_CASE(g9_type_registered_twice),
	KUNIT_CASE(g10_descriptor_is_copied),
	KUNIT_CASE(g3_odd_layout),
	{}
};

static struct kunit_suite heap_suite = {
	.name = "refheap_heap",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = heap_cases,
};

kunit_test_suite(heap_suite);
