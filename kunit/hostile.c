// SPDX-License-Identifier: GPL-2.0
/*
 * Every exported function with what it should not be given: nothing, an error
 * in place of a pointer, objects that are dead, objects of another heap, a heap
 * that has been destroyed. Each refuses, says so where that is a mistake, and
 * nothing is spoilt (G9). exports.h is made of the sources, so that no function
 * can be exported and forgotten here.
 */
#include "debugfile.h"
#include "graph.h"

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/notifier.h>
#include <linux/string.h>

/* What a call is given, in a place of its own for each kind. */
enum argument {
	HEAP, TYPE, OBJ, OTHER, SLOT, FROM, WEAK, VALUES, KEYS, NAME, LIST, OUT,
	NOTIFIER, FUNCTION, CURSOR, NAMES, ARGUMENTS
};

#define A(argument) BIT(argument)

/* What a call comes to with an object that it should not have. */
struct answer {
	long value;
	bool warned;
};

/**
 * struct call - an exported function
 * @symbol: its name
 * @call: calls it
 * @needs: arguments that must lead somewhere
 * @refusal: what it returns if one does not
 * @silent: of @needs, those for which that is an answer and no mistake
 * @objects: of @needs and others, objects that must be alive and of the heap
 * @dead: answer if OBJ is dead
 * @dead_other: answer if OTHER is
 * @foreign: answer if OBJ is of another heap
 * @foreign_other: answer if OTHER is
 */
struct call {
	const char *symbol;
	long (*call)(void **a);
	unsigned long needs;
	long refusal;
	unsigned long silent;
	unsigned long objects;
	struct answer dead;
	struct answer dead_other;
	struct answer foreign;
	struct answer foreign_other;
};

#define CALL(symbol, expression)		\
static long call_##symbol(void **a)		\
{						\
	return (long)(expression);		\
}

#define CALL_VOID(symbol, statement)		\
static long call_##symbol(void **a)		\
{						\
	statement;				\
	return 0;				\
}

/* --- the functions ------------------------------------------------------ */

/* A reference that comes back is of no use here. */
static long dropped(struct refobj *obj)
{
	if (!IS_ERR_OR_NULL(obj))
		refobj_put(obj);
	return (long)obj;
}

static int look(struct refobj *obj, void *data)
{
	return 0;
}

static int for_each(struct refheap *heap, struct reftype *type, void *function)
{
	return refheap_for_each(heap, type, -1, function, NULL);
}

static int unregister(struct refheap *heap, struct notifier_block *notifier)
{
	return refheap_unregister_notifier(heap, notifier);
}

CALL(refheap_create, refheap_create(a[NAME], NULL))
CALL(refheap_destroy, refheap_destroy(a[HEAP]))
CALL(refheap_register_type, refheap_register_type(a[HEAP], a[OUT]))
CALL(refheap_collect, refheap_collect(a[HEAP], 0))
CALL(refheap_collect_age, refheap_collect_age(a[HEAP], 0))
CALL_VOID(refheap_kick, refheap_kick(a[HEAP]))
CALL(refheap_drain, refheap_drain(a[HEAP]))
CALL(refheap_is_running, refheap_is_running(a[HEAP]))
CALL(refheap_register_notifier, refheap_register_notifier(a[HEAP], a[NOTIFIER]))
CALL(refheap_unregister_notifier, unregister(a[HEAP], a[NOTIFIER]))
CALL(refheap_freeze, refheap_freeze(a[HEAP]))
CALL(refheap_unfreeze, refheap_unfreeze(a[HEAP]))
CALL(refheap_frozen, refheap_frozen(a[HEAP]))
CALL_VOID(refheap_stop, refheap_stop(a[HEAP]))
CALL_VOID(refheap_start, refheap_start(a[HEAP]))
CALL(refheap_set_period, refheap_set_period(a[HEAP], 1000))
CALL(refheap_set_threshold, refheap_set_threshold(a[HEAP], 0))
CALL_VOID(refheap_set_thresholds, refheap_set_thresholds(a[HEAP], a[OUT]))
CALL_VOID(refheap_get_thresholds, refheap_get_thresholds(a[HEAP], a[OUT]))
CALL_VOID(refheap_get_counts, refheap_get_counts(a[HEAP], a[OUT]))
CALL_VOID(refheap_get_stats, refheap_get_stats(a[HEAP], a[OUT]))
CALL(refheap_get_age_stats, refheap_get_age_stats(a[HEAP], 0, a[OUT]))
CALL_VOID(refheap_set_save_all, refheap_set_save_all(a[HEAP], false))
CALL(refheap_garbage, refheap_garbage(a[HEAP], a[LIST], 4))
CALL(refheap_empty_garbage, refheap_empty_garbage(a[HEAP]))
CALL(refheap_track_sites, refheap_track_sites(a[HEAP], false))
CALL(refheap_report, refheap_report(a[HEAP]))
CALL(refheap_for_each, for_each(a[HEAP], a[TYPE], a[FUNCTION]))
CALL(refheap_name, refheap_name(a[HEAP]))
CALL(refheap_bind, refheap_bind(a[HEAP], a[NAME], a[OBJ]))
CALL(refheap_unbind, refheap_unbind(a[HEAP], a[NAME]))
CALL(refheap_lookup, dropped(refheap_lookup(a[HEAP], a[NAME])))

CALL(refobj_alloc, dropped(refobj_alloc(a[TYPE], GFP_KERNEL)))
CALL(refobj_alloc_array, dropped(refobj_alloc_array(a[TYPE], 2, GFP_KERNEL)))
CALL(refobj_id, refobj_id(a[OBJ]))
CALL(refobj_type, refobj_type(a[OBJ]))
CALL(refobj_heap, refobj_heap(a[OBJ]))
CALL(reftype_name, reftype_name(a[TYPE]))
CALL(refobj_referents, refobj_referents(a[OBJ], a[LIST], 4))
CALL(refobj_referrers, refobj_referrers(a[OBJ], a[LIST], 4))
CALL(refobj_make_immortal, refobj_make_immortal(a[OBJ]))
CALL(refobj_is_immortal, refobj_is_immortal(a[OBJ]))
CALL(refobj_is_unique, refobj_is_unique(a[OBJ]))
CALL(refobj_is_tracked, refobj_is_tracked(a[OBJ]))
CALL(refobj_is_finalized, refobj_is_finalized(a[OBJ]))
CALL(refobj_age, refobj_age(a[OBJ]))
CALL(refobj_weak_count, refobj_weak_count(a[OBJ]))
CALL(refobj_weak_list, refobj_weak_list(a[OBJ], a[LIST], 4))

static long call_refobj_get_unless_zero(void **a)
{
	bool got;

	rcu_read_lock();
	got = refobj_get_unless_zero(a[OBJ]);
	rcu_read_unlock();
	if (got)
		refobj_put(a[OBJ]);
	return got;
}

/* Out of line parts of what is inline. */
CALL_VOID(__refobj_get_slow, refobj_get(a[OBJ]))
CALL_VOID(__refobj_put_slow, refobj_put(a[OBJ]))
CALL_VOID(__refobj_put_last, refobj_put(a[OBJ]))
CALL_VOID(__refrow_mark_late, refobj_put(a[OBJ]))

CALL(refslot_set, refslot_set(a[OBJ], a[SLOT], a[OTHER]))
CALL_VOID(refslot_clear, refslot_clear(a[OBJ], a[SLOT]))
CALL(refslot_give, refslot_give(a[OBJ], a[SLOT], a[OTHER]))
CALL(refslot_take, dropped(refslot_take(a[OBJ], a[SLOT])))
CALL(refslot_move, refslot_move(a[OBJ], a[SLOT], a[OTHER], a[FROM]))
CALL(refslot_load, dropped(refslot_load(a[SLOT])))

CALL(refweak_set, refweak_set(NULL, a[WEAK], a[OBJ], NULL, GFP_KERNEL))
CALL(refweak_load, dropped(refweak_load(a[WEAK])))
CALL(refweak_clear, refweak_clear(a[WEAK]))
CALL_VOID(refweak_clear_sync, refweak_clear_sync(a[WEAK]))

CALL(refmap_create, refmap_create(a[HEAP], REFMAP_WEAK_KEYS))
CALL_VOID(refmap_destroy, refmap_destroy(a[VALUES]))
CALL(refmap_count, refmap_count(a[VALUES]))
CALL(refmap_set, refmap_set(a[VALUES], 1, a[OBJ]))
CALL(refmap_insert, refmap_insert(a[VALUES], 1, a[OBJ]))
CALL(refmap_lookup, dropped(refmap_lookup(a[VALUES], 1)))
CALL(refmap_remove, refmap_remove(a[VALUES], 1))
CALL(refmap_set_obj, refmap_set_obj(a[KEYS], a[OBJ], a[OTHER]))
CALL(refmap_insert_obj, refmap_insert_obj(a[KEYS], a[OBJ], a[OTHER]))
CALL(refmap_lookup_obj, dropped(refmap_lookup_obj(a[KEYS], a[OBJ])))
CALL(refmap_remove_obj, refmap_remove_obj(a[KEYS], a[OBJ]))

static long call_refmap_begin(void **a)
{
	struct refmap_cursor cursor = refmap_begin(a[KEYS]);
	bool more = refmap_next(&cursor);

	refmap_end(&cursor);
	return more;
}

CALL(refmap_next, refmap_next(a[CURSOR]))
CALL_VOID(refmap_end, refmap_end(a[CURSOR]))

static long call_refname_begin(void **a)
{
	struct refname_cursor cursor = refname_begin(a[HEAP]);
	bool more = refname_next(&cursor);

	refname_end(&cursor);
	return more;
}

CALL(refname_next, refname_next(a[NAMES]))
CALL_VOID(refname_end, refname_end(a[NAMES]))

#define ROW(symbol, ...) { #symbol, call_##symbol, __VA_ARGS__ }
#define REFUSED (-EINVAL)
#define QUIET(answer) { answer, false }
#define WARNED(answer) { answer, true }

/* NULL and errors are what may be destroyed: silent. */
static const struct call calls[] = {
	ROW(refheap_create, A(NAME), REFUSED, A(NAME)),
	ROW(refheap_destroy, A(HEAP), 0, A(HEAP)),
	ROW(refheap_register_type, A(HEAP) | A(OUT), REFUSED, A(OUT)),
	ROW(refheap_collect, A(HEAP), REFUSED),
	ROW(refheap_collect_age, A(HEAP), REFUSED),
	ROW(refheap_kick, A(HEAP)),
	ROW(refheap_drain, A(HEAP), REFUSED),
	ROW(refheap_is_running, A(HEAP)),
	ROW(refheap_register_notifier, A(HEAP) | A(NOTIFIER), REFUSED),
	ROW(refheap_unregister_notifier, A(HEAP) | A(NOTIFIER), REFUSED),
	ROW(refheap_freeze, A(HEAP), REFUSED),
	ROW(refheap_unfreeze, A(HEAP), REFUSED),
	ROW(refheap_frozen, A(HEAP)),
	ROW(refheap_stop, A(HEAP)),
	ROW(refheap_start, A(HEAP)),
	ROW(refheap_set_period, A(HEAP), REFUSED),
	ROW(refheap_set_threshold, A(HEAP), REFUSED),
	ROW(refheap_set_thresholds, A(HEAP) | A(OUT)),
	ROW(refheap_get_thresholds, A(HEAP) | A(OUT)),
	ROW(refheap_get_counts, A(HEAP) | A(OUT)),
	ROW(refheap_get_stats, A(HEAP) | A(OUT)),
	ROW(refheap_get_age_stats, A(HEAP) | A(OUT), REFUSED),
	ROW(refheap_set_save_all, A(HEAP)),
	ROW(refheap_garbage, A(HEAP) | A(LIST), REFUSED),
	ROW(refheap_empty_garbage, A(HEAP), REFUSED),
	ROW(refheap_track_sites, A(HEAP), REFUSED),
	ROW(refheap_report, A(HEAP), REFUSED),
	ROW(refheap_for_each, A(HEAP) | A(FUNCTION), REFUSED),
	ROW(refheap_name, A(HEAP)),
	ROW(refheap_bind, A(HEAP) | A(NAME) | A(OBJ), REFUSED,
	    A(NAME) | A(OBJ), A(OBJ), .dead = WARNED(-EINVAL),
	    .foreign = WARNED(-EXDEV)),
	ROW(refheap_unbind, A(HEAP) | A(NAME), REFUSED),
	ROW(refheap_lookup, A(HEAP) | A(NAME)),

	ROW(refobj_alloc, A(TYPE)),
	ROW(refobj_alloc_array, A(TYPE)),
	ROW(refobj_get_unless_zero, A(OBJ), .objects = A(OBJ),
	    .foreign = QUIET(true)),
	ROW(refobj_id, A(OBJ), U32_MAX),
	ROW(refobj_type, A(OBJ)),
	ROW(refobj_heap, A(OBJ)),
	ROW(reftype_name, A(TYPE)),
	ROW(refobj_referents, A(OBJ) | A(LIST), REFUSED, .objects = A(OBJ),
	    .dead = WARNED(-EINVAL)),
	ROW(refobj_referrers, A(OBJ) | A(LIST), REFUSED, .objects = A(OBJ),
	    .dead = WARNED(-EINVAL)),
	ROW(refobj_make_immortal, A(OBJ), .objects = A(OBJ),
	    .foreign = QUIET(true)),
	ROW(refobj_is_immortal, A(OBJ)),
	ROW(refobj_is_unique, A(OBJ), .objects = A(OBJ),
	    .foreign = QUIET(true)),
	ROW(refobj_is_tracked, A(OBJ)),
	ROW(refobj_is_finalized, A(OBJ), .objects = A(OBJ)),
	ROW(refobj_age, A(OBJ)),
	ROW(refobj_weak_count, A(OBJ), .objects = A(OBJ)),
	ROW(refobj_weak_list, A(OBJ) | A(LIST), .objects = A(OBJ)),
	ROW(__refobj_get_slow, .objects = A(OBJ), .dead = WARNED(0)),
	ROW(__refobj_put_slow, .objects = A(OBJ), .dead = WARNED(0)),
	ROW(__refobj_put_last, .objects = A(OBJ), .dead = WARNED(0)),
	ROW(__refrow_mark_late, .objects = A(OBJ), .dead = WARNED(0)),

	ROW(refslot_set, A(OBJ) | A(SLOT), REFUSED,
	    .objects = A(OBJ) | A(OTHER), .dead = WARNED(-EINVAL),
	    .dead_other = WARNED(-EINVAL), .foreign = WARNED(-EXDEV),
	    .foreign_other = WARNED(-EXDEV)),
	ROW(refslot_clear, A(SLOT), .objects = A(OBJ)),
	ROW(refslot_give, A(OBJ) | A(SLOT), REFUSED,
	    .objects = A(OBJ) | A(OTHER), .dead = WARNED(-EINVAL),
	    .dead_other = WARNED(-EINVAL), .foreign = WARNED(-EXDEV),
	    .foreign_other = WARNED(-EXDEV)),
	ROW(refslot_take, A(SLOT), .objects = A(OBJ)),
	ROW(refslot_move, A(OBJ) | A(SLOT) | A(OTHER) | A(FROM), REFUSED,
	    .objects = A(OBJ) | A(OTHER), .dead = WARNED(-EINVAL),
	    .dead_other = WARNED(-EINVAL), .foreign = WARNED(-EXDEV),
	    .foreign_other = WARNED(-EXDEV)),
	ROW(refslot_load, A(SLOT)),

	ROW(refweak_set, A(WEAK), REFUSED, .objects = A(OBJ),
	    .dead = QUIET(-ESTALE)),
	ROW(refweak_load, A(WEAK)),
	ROW(refweak_clear, A(WEAK)),
	ROW(refweak_clear_sync, A(WEAK)),

	ROW(refmap_create, A(HEAP), REFUSED),
	ROW(refmap_destroy, A(VALUES), 0, A(VALUES)),
	ROW(refmap_count, A(VALUES)),
	ROW(refmap_set, A(VALUES) | A(OBJ), REFUSED, A(OBJ), A(OBJ),
	    .dead = QUIET(-ESTALE), .foreign = WARNED(-EXDEV)),
	ROW(refmap_insert, A(VALUES) | A(OBJ), REFUSED, A(OBJ), A(OBJ),
	    .dead = QUIET(-ESTALE), .foreign = WARNED(-EXDEV)),
	ROW(refmap_lookup, A(VALUES)),
	ROW(refmap_remove, A(VALUES), REFUSED),
	ROW(refmap_set_obj, A(KEYS) | A(OBJ) | A(OTHER), REFUSED,
	    A(OBJ) | A(OTHER), A(OBJ) | A(OTHER), .dead = QUIET(-ESTALE),
	    .dead_other = WARNED(-EINVAL), .foreign = WARNED(-EXDEV),
	    .foreign_other = WARNED(-EXDEV)),
	ROW(refmap_insert_obj, A(KEYS) | A(OBJ) | A(OTHER), REFUSED,
	    A(OBJ) | A(OTHER), A(OBJ) | A(OTHER), .dead = QUIET(-ESTALE),
	    .dead_other = WARNED(-EINVAL), .foreign = WARNED(-EXDEV),
	    .foreign_other = WARNED(-EXDEV)),
	ROW(refmap_lookup_obj, A(KEYS) | A(OBJ), 0, A(OBJ), A(OBJ)),
	ROW(refmap_remove_obj, A(KEYS), REFUSED, .objects = A(OBJ),
	    .dead = QUIET(-ENOENT), .foreign = QUIET(-ENOENT)),
	ROW(refmap_begin, A(KEYS)),
	ROW(refmap_next, A(CURSOR)),
	ROW(refmap_end, A(CURSOR)),
	ROW(refname_begin, A(HEAP)),
	ROW(refname_next, A(NAMES)),
	ROW(refname_end, A(NAMES)),
};

/* --- what they are given ------------------------------------------------ */

/**
 * struct stage - good arguments, to be spoilt one at a time
 * @g: a heap that does not use memory again
 * @a: the arguments
 * @node: the object with the slots
 * @weak: a weak reference
 * @notifier: a notifier
 * @list: room for what is listed
 * @out: room for what is read
 * @cursor: at the end of a walk over a map
 * @names: at the end of a walk over names
 */
struct stage {
	struct graph *g;
	void *a[ARGUMENTS];
	struct graph_node *node;
	struct refweak weak;
	struct notifier_block notifier;
	struct refobj *list[4];
	u64 out[32];
	struct refmap_cursor cursor;
	struct refname_cursor names;
};

static int notified(struct notifier_block *notifier, unsigned long event,
		    void *data)
{
	return NOTIFY_OK;
}

static struct stage *stage_set(struct kunit *test)
{
	static const struct refheap_params params = {
		.flags = REFHEAP_STOPPED | REFHEAP_QUARANTINE,
	};
	struct stage *stage = kunit_kzalloc(test, sizeof(*stage), GFP_KERNEL);
	struct graph *g = graph_create(test, &params);

	KUNIT_ASSERT_NOT_NULL(test, stage);
	stage->g = g;
	stage->node = graph_add(g, NODE);
	stage->notifier.notifier_call = notified;
	stage->a[HEAP] = g->heap;
	stage->a[TYPE] = graph_type(g, VECTOR);
	stage->a[OBJ] = &stage->node->obj;
	stage->a[OTHER] = &graph_add(g, NODE)->obj;
	stage->a[SLOT] = &stage->node->slot[0];
	stage->a[FROM] = &stage->node->slot[1];
	stage->a[WEAK] = &stage->weak;
	stage->a[VALUES] = refmap_create(g->heap, REFMAP_WEAK_VALUES);
	stage->a[KEYS] = refmap_create(g->heap, REFMAP_WEAK_KEYS);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, stage->a[VALUES]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, stage->a[KEYS]);
	stage->a[NAME] = "name";
	stage->a[LIST] = stage->list;
	stage->a[OUT] = stage->out;
	stage->a[NOTIFIER] = &stage->notifier;
	stage->a[FUNCTION] = look;
	stage->a[CURSOR] = &stage->cursor;
	stage->a[NAMES] = &stage->names;
	return stage;
}

/* Nothing has been spoilt: no count, no slot, and the heap works. */
static void stage_strike(struct stage *stage)
{
	struct kunit *test = stage->g->test;
	struct refobj *other = stage->a[OTHER];

	KUNIT_EXPECT_EQ(test, refobj_count(&stage->node->obj), 1);
	KUNIT_EXPECT_EQ(test, refobj_count(other), 1);
	KUNIT_EXPECT_TRUE(test, refslot_empty(&stage->node->slot[0]));
	KUNIT_EXPECT_NULL(test, refweak_load(&stage->weak));
	KUNIT_EXPECT_EQ(test, refmap_count(stage->a[VALUES]), 0);
	KUNIT_EXPECT_EQ(test, refmap_count(stage->a[KEYS]), 0);
	refmap_destroy(stage->a[VALUES]);
	refmap_destroy(stage->a[KEYS]);
	node_put(graph_ring(stage->g, 10));
	KUNIT_EXPECT_EQ(test, graph_collect(stage->g), 10);
	node_put(stage->node);
	refobj_put(other);
	graph_destroy(stage->g);
}

/* --- nothing ------------------------------------------------------------ */

static void expect_refused(struct stage *stage, const struct call *call,
			   enum argument argument, void *pointer)
{
	void *good = stage->a[argument];
	long answer;

	stage->a[argument] = pointer;
	answer = call->call(stage->a);
	stage->a[argument] = good;
	KUNIT_EXPECT_EQ_MSG(stage->g->test, answer, call->refusal,
			    "%s, argument %d: %ld", call->symbol, argument,
			    (long)pointer);
}

/* In place of each that is needed, which the others would do with. */
static void nothing_in_place_of(struct stage *stage, unsigned long which)
{
	unsigned int i, argument;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (argument = 0; argument < ARGUMENTS; argument++) {
			if (!(which & calls[i].needs & A(argument)) ||
			    calls[i].silent & A(argument))
				continue;
			expect_refused(stage, &calls[i], argument, NULL);
			expect_refused(stage, &calls[i], argument,
				       ERR_PTR(-ENOMEM));
			expect_refused(stage, &calls[i], argument, (void *)24);
		}
}

/* Warned of; the kernel's log does not take more than some at a time. */
static void g9_nothing(struct kunit *test)
{
	struct stage *stage = stage_set(test);

	pr_info("refheap-expect: begin refheap: ref.* was given no object\n");
	nothing_in_place_of(stage, ~0UL);
	graph_expect_end();
	stage_strike(stage);
}

/* Where nothing is an answer, nobody complains. */
static void g9_nothing_that_may_be(struct kunit *test)
{
	struct stage *stage = stage_set(test);
	unsigned int i, argument;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (argument = 0; argument < ARGUMENTS; argument++) {
			if (!(calls[i].silent & A(argument)))
				continue;
			expect_refused(stage, &calls[i], argument, NULL);
			expect_refused(stage, &calls[i], argument,
				       ERR_PTR(-ENOMEM));
		}
	KUNIT_EXPECT_EQ(test, refslot_set(stage->a[OBJ], stage->a[SLOT], NULL),
			0);
	KUNIT_EXPECT_EQ(test, refslot_give(stage->a[OBJ], stage->a[SLOT], NULL),
			0);
	KUNIT_EXPECT_EQ(test, refweak_set(NULL, stage->a[WEAK], NULL, NULL,
					  GFP_KERNEL), 0);
	stage_strike(stage);
}

/* --- the wrong objects -------------------------------------------------- */

static void expect_answer(struct stage *stage, const struct call *call,
			  enum argument argument, void *wrong,
			  const struct answer *expected, struct graph *warned)
{
	void *good = stage->a[argument];
	s64 before = debugfile_warnings(warned);
	long answer;

	stage->a[argument] = wrong;
	answer = call->call(stage->a);
	stage->a[argument] = good;
	KUNIT_EXPECT_EQ_MSG(stage->g->test, answer, expected->value,
			    "%s, argument %d", call->symbol, argument);
	KUNIT_EXPECT_EQ_MSG(stage->g->test, debugfile_warnings(warned) - before,
			    expected->warned, "warnings of %s, argument %d",
			    call->symbol, argument);
}

/* One that has been released, and whose memory waits in quarantine. */
static struct refobj *add_dead(struct stage *stage, enum node_kind kind)
{
	struct graph_node *node = graph_add(stage->g, kind);

	node_put(node);
	KUNIT_EXPECT_FALSE(stage->g->test, node_is_alive(node));
	return &node->obj;
}

static void g9_dead_objects(struct kunit *test)
{
	static const enum node_kind kinds[] = { NODE, LEAF, VECTOR, CUSTOM };
	struct stage *stage = stage_set(test);
	const struct call *call;
	unsigned int i, j;

	graph_type(stage->g, VECTOR);
	pr_info("refheap-expect: begin refheap: kunit[0-9]+/.*(dead|zero)\n");
	for (i = 0; i < ARRAY_SIZE(calls) * ARRAY_SIZE(kinds); i++) {
		call = &calls[i % ARRAY_SIZE(calls)];
		j = i / ARRAY_SIZE(calls);
		if (call->objects & A(OBJ))
			expect_answer(stage, call, OBJ,
				      add_dead(stage, kinds[j]), &call->dead,
				      stage->g);
		if (call->objects & A(OTHER))
			expect_answer(stage, call, OTHER,
				      add_dead(stage, kinds[j]),
				      &call->dead_other, stage->g);
	}
	graph_expect_end();
	stage_strike(stage);
}

/* Warned of in the name of the heap that the target of the edge lives in. */
static void g9_objects_of_another_heap(struct kunit *test)
{
	struct stage *stage = stage_set(test);
	struct graph_node *foreign = graph_add(test->priv, NODE);
	struct graph *warned[2];
	const struct call *call;
	unsigned int i;

	pr_info("refheap-expect: begin refheap: kunit[0-9]+/.*may not refer\n");
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		call = &calls[i];
		/* The owner is foreign: what it may not refer to is ours. */
		warned[0] = call->objects & A(OTHER) && call->needs & A(SLOT) ?
			    stage->g : test->priv;
		warned[1] = test->priv;
		if (call->call == call_refobj_make_immortal ||
		    call->call == call___refobj_put_slow ||
		    call->call == call___refobj_put_last ||
		    call->call == call___refrow_mark_late ||
		    call->call == call___refobj_get_slow)
			continue;	/* no matter whose it is */
		if (call->objects & A(OBJ))
			expect_answer(stage, call, OBJ, &foreign->obj,
				      &call->foreign, warned[0]);
		if (call->objects & A(OTHER))
			expect_answer(stage, call, OTHER, &foreign->obj,
				      &call->foreign_other, warned[1]);
		refweak_clear(&stage->weak);
	}
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, refobj_count(&foreign->obj), 1);
	node_put(foreign);
	stage_strike(stage);
}

/* --- a heap that is no more --------------------------------------------- */

/*
 * An object that is still held keeps the heap, which has no client any more:
 * whatever is asked of it, nothing is called, and it goes with the object.
 */
static void g10_heap_that_was_destroyed(struct kunit *test)
{
	const struct reftype_desc late = {
		REFTYPE(struct graph_node, obj), .name = "late",
	};
	struct stage *stage = stage_set(test);
	struct graph *g = stage->g;
	struct refobj *other = stage->a[OTHER];
	unsigned int i;

	refmap_destroy(stage->a[VALUES]);
	refmap_destroy(stage->a[KEYS]);
	pr_info("refheap-expect: begin refheap: (kunit|destroy of what)\n");
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), 2);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].needs & (A(HEAP) | A(TYPE)) &&
		    calls[i].call != call_refmap_create &&
		    calls[i].call != call_refheap_register_notifier)
			calls[i].call(stage->a);
	KUNIT_EXPECT_NULL(test, refobj_alloc(stage->a[TYPE], GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, refheap_bind(g->heap, "name", other),
			-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, PTR_ERR(refheap_register_type(g->heap, &late)),
			-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, refheap_destroy(g->heap), -ENOENT);
	graph_expect_end();
	refobj_put(other);
	node_put(stage->node);
	KUNIT_EXPECT_EQ(test, graph_released(g), 0);
}

/*
 * A name is free again before the slab caches that it is part of are gone,
 * which takes grace periods: the new ones are called otherwise, or the kernel
 * complains.
 */
static DECLARE_COMPLETION(name_is_free);

static int destroy_in_thread(void *heap)
{
	if (!refheap_destroy(heap))
		complete(&name_is_free);
	return 0;
}

static void g10_name_is_used_again_at_once(struct kunit *test)
{
	const struct reftype_desc desc = {
		REFTYPE(struct graph_node, obj), .name = "node",
	};
	struct refheap *heap = refheap_create("again", NULL), *next;
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, refheap_register_type(heap, &desc));
	reinit_completion(&name_is_free);
	thread = kthread_run(destroy_in_thread, heap, "destroy");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	do {
		next = refheap_create("again", NULL);
		cond_resched();
	} while (next == ERR_PTR(-EEXIST));
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, next);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, refheap_register_type(next, &desc));
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&name_is_free,
							  60 * HZ), 0);
	KUNIT_EXPECT_EQ(test, refheap_destroy(next), 0);
}

/* --- all of them -------------------------------------------------------- */

static const char * const exports[] = {
#include "exports.h"
};

static bool is_called(const char *symbol)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].symbol, symbol))
			return true;
	return false;
}

static void g9_every_export(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(exports), ARRAY_SIZE(calls));
	for (i = 0; i < ARRAY_SIZE(exports); i++)
		KUNIT_EXPECT_TRUE_MSG(test, is_called(exports[i]),
				      "%s is exported and not misused",
				      exports[i]);
}

static struct kunit_case hostile_cases[] = {
	KUNIT_CASE(g9_nothing),
	KUNIT_CASE(g9_nothing_that_may_be),
	KUNIT_CASE(g9_dead_objects),
	KUNIT_CASE(g9_objects_of_another_heap),
	KUNIT_CASE(g10_heap_that_was_destroyed),
	KUNIT_CASE(g10_name_is_used_again_at_once),
	KUNIT_CASE(g9_every_export),
	{}
};

static struct kunit_suite hostile_suite = {
	.name = "refheap_hostile",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = hostile_cases,
};

kunit_test_suite(hostile_suite);
