// SPDX-License-Identifier: GPL-2.0
/*
 * References taken and given back in every context that is allowed (G6):
 * under each kind of lock, in softirq and hardirq handlers.
 */
#include "graph.h"

#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

/* Something to do in a context. */
struct deed {
	void (*act)(struct deed *deed);
	struct graph *g;
	struct graph_node *node;
	struct graph_node *other;
	long released;		/* inside the context, after the act */
	bool failed;

	/* What brings it there. */
	struct irq_work irq_work;
	struct hrtimer hrtimer;
	struct timer_list timer;
	struct work_struct work;
	struct completion done;
};

static void deed_do(struct deed *deed)
{
	deed->act(deed);
	deed->released = graph_released(deed->g);
}

static void with_preemption_off(struct deed *deed)
{
	preempt_disable();
	deed_do(deed);
	preempt_enable();
}

static void with_interrupts_off(struct deed *deed)
{
	unsigned long flags;

	local_irq_save(flags);
	deed_do(deed);
	local_irq_restore(flags);
}

static void with_softirqs_off(struct deed *deed)
{
	local_bh_disable();
	deed_do(deed);
	local_bh_enable();
}

static void as_rcu_reader(struct deed *deed)
{
	rcu_read_lock();
	deed_do(deed);
	rcu_read_unlock();
}

static void under_spinlock(struct deed *deed)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	deed_do(deed);
	spin_unlock(&lock);
}

static void under_raw_spinlock(struct deed *deed)
{
	static DEFINE_RAW_SPINLOCK(lock);

	raw_spin_lock(&lock);
	deed_do(deed);
	raw_spin_unlock(&lock);
}

static void under_irqsave_raw_spinlock(struct deed *deed)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	deed_do(deed);
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void deed_timer(struct timer_list *timer)
{
	struct deed *deed = container_of(timer, struct deed, timer);

	deed_do(deed);
	complete(&deed->done);
}

static void in_softirq_handler(struct deed *deed)
{
	timer_setup_on_stack(&deed->timer, deed_timer, 0);
	mod_timer(&deed->timer, jiffies + 1);
	wait_for_completion(&deed->done);
	timer_delete_sync(&deed->timer);
	destroy_timer_on_stack(&deed->timer);
}

static void deed_irq_work(struct irq_work *work)
{
	deed_do(container_of(work, struct deed, irq_work));
}

static void in_irq_work(struct deed *deed)
{
	deed->irq_work = IRQ_WORK_INIT_HARD(deed_irq_work);
	irq_work_queue(&deed->irq_work);
	irq_work_sync(&deed->irq_work);
}

static enum hrtimer_restart deed_hrtimer(struct hrtimer *timer)
{
	struct deed *deed = container_of(timer, struct deed, hrtimer);

	deed_do(deed);
	complete(&deed->done);
	return HRTIMER_NORESTART;
}

static void in_hard_timer(struct deed *deed)
{
	hrtimer_init_on_stack(&deed->hrtimer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_HARD);
	deed->hrtimer.function = deed_hrtimer;
	hrtimer_start(&deed->hrtimer, ns_to_ktime(100000),
		      HRTIMER_MODE_REL_HARD);
	wait_for_completion(&deed->done);
	hrtimer_cancel(&deed->hrtimer);
	destroy_hrtimer_on_stack(&deed->hrtimer);
}

static void deed_call(void *data)
{
	deed_do(data);
}

static void in_call_on_another_cpu(struct deed *deed)
{
	preempt_disable();
	smp_call_function_single(cpumask_any_but(cpu_online_mask,
						 smp_processor_id()) %
				 nr_cpu_ids, deed_call, deed, true);
	preempt_enable();
}

static void deed_work(struct work_struct *work)
{
	deed_do(container_of(work, struct deed, work));
}

static void in_workqueue(struct deed *deed)
{
	INIT_WORK_ONSTACK(&deed->work, deed_work);
	schedule_work(&deed->work);
	flush_work(&deed->work);
	destroy_work_on_stack(&deed->work);
}

struct context {
	const char *name;
	void (*enter)(struct deed *deed);
	bool may_sleep;
};

static const struct context contexts[] = {
	{ "preemption_off", with_preemption_off },
	{ "interrupts_off", with_interrupts_off },
	{ "softirqs_off", with_softirqs_off },
	{ "rcu_reader", as_rcu_reader },
	{ "spinlock", under_spinlock },
	{ "raw_spinlock", under_raw_spinlock },
	{ "raw_spinlock_irqsave", under_irqsave_raw_spinlock },
	{ "softirq", in_softirq_handler },
	{ "irq_work", in_irq_work },
	{ "hrtimer", in_hard_timer },
	{ "ipi", in_call_on_another_cpu },
	{ "workqueue", in_workqueue, true },
};

KUNIT_ARRAY_PARAM_DESC(context, contexts, name);

static void deed_in_context(struct kunit *test, struct deed *deed)
{
	const struct context *context = test->param_value;

	init_completion(&deed->done);
	deed->g = test->priv;
	context->enter(deed);
	KUNIT_EXPECT_FALSE(test, deed->failed);
}

/*
 * Where the slab may not be entered, or lockdep says so on behalf of
 * PREEMPT_RT, releases are deferred; that they come is what counts there.
 */
static bool released_inside(const struct context *context)
{
	return context->may_sleep ||
	       (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
		!IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING));
}

static void deed_put(struct deed *deed)
{
	node_put(deed->node);
}

static void put_the_last(struct kunit *test, struct graph_node *node, long n)
{
	const struct context *context = test->param_value;
	struct deed deed = { .act = deed_put, .node = node };
	struct graph *g = test->priv;

	deed_in_context(test, &deed);
	if (released_inside(context))
		KUNIT_EXPECT_EQ(test, deed.released, n);
	KUNIT_EXPECT_EQ(test, refheap_drain(g->heap), 0);
	KUNIT_EXPECT_EQ(test, graph_released(g), n);
	KUNIT_EXPECT_EQ(test, graph_stats(g).objects, 0);
}

static void g6_last_put_of_a_leaf(struct kunit *test)
{
	put_the_last(test, graph_add(test->priv, LEAF), 1);
}

static void g6_last_put_of_a_chain(struct kunit *test)
{
	put_the_last(test, graph_chain(test->priv, 20, NULL), 20);
}

static void g6_last_put_of_an_array(struct kunit *test)
{
	struct graph_node *vector = graph_add_vector(test->priv, 10);
	struct graph_node *leaf = graph_add(test->priv, LEAF);
	int err = refslot_give(&vector->obj, &vector->array->slot[7],
			       &leaf->obj);

	KUNIT_EXPECT_EQ(test, err, 0);
	put_the_last(test, vector, 2);
}

static void take_a_lock(struct graph_node *node)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	spin_unlock_irqrestore(&lock, flags);
}

/* Which sleeps on PREEMPT_RT; lockdep knows where it may not. */
static void g6_release_that_takes_a_lock(struct kunit *test)
{
	struct graph_node *leaf = graph_add(test->priv, LEAF);

	leaf->last_words = take_a_lock;
	put_the_last(test, leaf, 1);
}

/* Never inside an atomic section (the release itself looks), and soon. */
static void g6_sleeping_release(struct kunit *test)
{
	const struct context *context = test->param_value;
	struct graph *g = test->priv;
	struct deed deed = {
		.act = deed_put, .node = graph_add(g, SLEEPER),
	};

	deed_in_context(test, &deed);
	if (context->may_sleep && IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_EQ(test, deed.released, 1);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 1));
}

/* A sleeping one in the middle of a cascade does not hold up its owner. */
static void g6_sleeping_release_below_others(struct kunit *test)
{
	struct graph *g = test->priv;
	struct deed deed = { .act = deed_put };

	deed.node = graph_add(g, NODE);
	graph_append(graph_append(deed.node, 0, SLEEPER), 0, NODE);
	deed_in_context(test, &deed);
	KUNIT_EXPECT_TRUE(test, graph_wait_released(g, 3));
	KUNIT_EXPECT_EQ(test, g->order[0], 0);
	KUNIT_EXPECT_EQ(test, g->order[1], 1);
}

static void g6_put_that_makes_garbage(struct kunit *test)
{
	struct graph *g = test->priv;
	struct deed deed = { .act = deed_put, .node = graph_ring(g, 4) };

	KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	deed_in_context(test, &deed);
	KUNIT_EXPECT_EQ(test, deed.released, 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 4);
}

static void deed_use_slots(struct deed *deed)
{
	struct graph_node *a = deed->node;
	struct graph_node *b = deed->other;
	struct refobj *got;

	deed->failed |= refslot_set(&a->obj, &a->slot[0], &b->obj) != 0;
	got = refslot_load(&a->slot[0]);
	deed->failed |= got != &b->obj;
	deed->failed |= refslot_give(&b->obj, &b->slot[1], got) != 0;
	deed->failed |= refslot_move(&a->obj, &a->slot[2],
				     &b->obj, &b->slot[1]) != 0;
	got = refslot_take(&a->obj, &a->slot[2]);
	deed->failed |= got != &b->obj;
	refslot_clear(&a->obj, &a->slot[0]);
	deed->failed |= !refobj_get_unless_zero(&a->obj);
	refobj_put(&a->obj);
	refobj_put(got);
}

static void g6_slots_and_counts(struct kunit *test)
{
	struct graph *g = test->priv;
	struct deed deed = {
		.act = deed_use_slots,
		.node = graph_add(g, NODE),
		.other = graph_add(g, NODE),
	};

	deed_in_context(test, &deed);
	KUNIT_EXPECT_EQ(test, refobj_count(&deed.node->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&deed.other->obj), 1);
	node_put(deed.node);
	node_put(deed.other);
}

/* By what else than slots an object is found. */
struct search {
	struct deed deed;
	struct refweak weak;
	struct refmap *values, *keys;
};

static void deed_found(struct deed *deed, struct refobj *got,
		       struct graph_node *node)
{
	deed->failed |= got != &node->obj;
	refobj_assign(got, NULL);
}

static void deed_search(struct deed *deed)
{
	struct search *search = container_of(deed, struct search, deed);

	deed_found(deed, refheap_lookup(deed->g->heap, "spam"), deed->node);
	deed_found(deed, refweak_load(&search->weak), deed->node);
	deed_found(deed, refmap_lookup(search->values, 7), deed->node);
	deed_found(deed, refmap_lookup_obj(search->keys, &deed->node->obj),
		   deed->other);
	if (refheap_lookup(deed->g->heap, "eggs") ||
	    refmap_lookup(search->values, 8) ||
	    refmap_lookup_obj(search->keys, &deed->other->obj))
		deed->failed = true;
}

static void search_arrange(struct search *search, struct graph *g)
{
	struct kunit *test = g->test;
	struct deed *deed = &search->deed;
	struct refobj *node = &deed->node->obj;

	search->values = refmap_create(g->heap, REFMAP_WEAK_VALUES);
	search->keys = refmap_create(g->heap, REFMAP_WEAK_KEYS);
	KUNIT_ASSERT_FALSE(test, IS_ERR(search->values));
	KUNIT_ASSERT_FALSE(test, IS_ERR(search->keys));
	KUNIT_EXPECT_EQ(test, refmap_set(search->values, 7, node), 0);
	KUNIT_EXPECT_EQ(test, refmap_set_obj(search->keys, node,
					     &deed->other->obj), 0);
	KUNIT_EXPECT_EQ(test, refheap_bind(g->heap, "spam", node), 0);
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, &search->weak, node, NULL,
					  GFP_KERNEL), 0);
}

static void g6_look_ups(struct kunit *test)
{
	struct graph *g = test->priv;
	struct search search = {
		.deed.act = deed_search,
		.deed.node = graph_add(g, NODE),
		.deed.other = graph_add(g, NODE),
	};

	search_arrange(&search, g);
	deed_in_context(test, &search.deed);
	refmap_destroy(search.values);
	refmap_destroy(search.keys);
	KUNIT_EXPECT_EQ(test, refheap_unbind(g->heap, "spam"), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&search.deed.node->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(&search.deed.other->obj), 1);
	node_put(search.deed.node);
	node_put(search.deed.other);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE_PARAM(g6_last_put_of_a_leaf, context_gen_params),
	KUNIT_CASE_PARAM(g6_last_put_of_a_chain, context_gen_params),
	KUNIT_CASE_PARAM(g6_last_put_of_an_array, context_gen_params),
	KUNIT_CASE_PARAM(g6_release_that_takes_a_lock, context_gen_params),
	KUNIT_CASE_PARAM(g6_sleeping_release, context_gen_params),
	KUNIT_CASE_PARAM(g6_sleeping_release_below_others, context_gen_params),
	KUNIT_CASE_PARAM(g6_put_that_makes_garbage, context_gen_params),
	KUNIT_CASE_PARAM(g6_slots_and_counts, context_gen_params),
	KUNIT_CASE_PARAM(g6_look_ups, context_gen_params),
	{}
};

static struct kunit_suite context_suite = {
	.name = "refheap_context",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = context_cases,
};

kunit_test_suite(context_suite);
