// SPDX-License-Identifier: GPL-2.0
/*
 * Sequences of calls, decoded from bytes that libFuzzer makes up, against a
 * model: a graph of numbers.
 *
 * The heap collects only when it is told to, and while it does its user waits,
 * so everything is determined by the bytes.  After each call every object's
 * count and slots are what the model says.  Whatever dies has no reference from
 * outside what dies with it; after full collections exactly that is alive
 * which can be reached.  Each object is released once, and no weak reference
 * finds a dead one.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <refheap.h>

#include "user.h"

#define NODES		96	/* in the life of a heap */
#define VARIABLES	8
#define WEAKS		6
#define NAMES		4
#define SLOTS		2
#define ELEMENTS	3
#define EDGES		(SLOTS + ELEMENTS)
#define LIMIT		24

enum kind {
	LEAF, PAIR, VISITED, VECTOR, FINAL, RISING, KINDS
};

struct node {
	struct refobj obj;
	unsigned int id;
	enum kind kind;
	struct refslot slot[SLOTS];
	struct refarray *array;
};

/**
 * struct model - what is known of an object
 * @obj: it, as long as it is alive
 * @kind: its type
 * @edge: the objects that its slots refer to, or NULL
 * @held: references from variables and names
 * @risen: a reference that its finalizer has made
 * @released: how often it has been released
 * @finalized: how often its finalizer has been called
 * @reached: can be reached, for the question that is asked now
 */
struct model {
	struct refobj *obj;
	enum kind kind;
	struct model *edge[EDGES];
	unsigned int held;
	bool risen;
	unsigned int released;
	unsigned int finalized;
	bool reached;
};

/* Weak references of the program's own. */
struct watch {
	struct refweak weak;
	struct model *target;
	unsigned int called;
};

static struct model nodes[NODES];
static unsigned int nr_nodes;
static struct model *variable[VARIABLES];
static struct model *name[NAMES];
static struct watch watches[WEAKS];
static struct refheap *heap;
static struct reftype *types[KINDS];
static bool limited, frozen, unfrozen, trace;
static struct task_struct *program;
static unsigned int fail_in;		/* allocations of the program */
static bool famine;			/* none succeeds in the heap's thread */

/* --- the bytes ---------------------------------------------------------- */

static const u8 *bytes;
static size_t left;

static unsigned int pick(unsigned int below)
{
	if (!left)
		return 0;
	left--;
	return *bytes++ % below;
}

#define say(format, ...) do {						\
	if (trace)							\
		pr_info("fuzz: " format "\n", ##__VA_ARGS__);		\
} while (0)

#define expect(what) do {						\
	if (unlikely(!(what)))						\
		panic("the model says otherwise: %s, line %d", #what,	\
		      __LINE__);					\
} while (0)

static int number(const struct model *model)
{
	return model ? model - nodes : -1;
}

/* --- types -------------------------------------------------------------- */

static struct node *node_of(struct refobj *obj)
{
	return container_of(obj, struct node, obj);
}

static void node_release(struct refobj *obj)
{
	unsigned int id = node_of(obj)->id, i;

	expect(id < nr_nodes && nodes[id].obj == obj);
	for (i = 0; i < SLOTS; i++)
		expect(refslot_empty(&node_of(obj)->slot[i]));
	nodes[id].released++;
}

static int node_visit(struct refobj *obj, struct refvisitor *visitor)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		refvisit(visitor, &node_of(obj)->slot[i]);
	return 0;
}

static void node_finalize(struct refobj *obj)
{
	struct model *model = &nodes[node_of(obj)->id];

	expect(model->obj == obj && !model->released);
	expect(!model->finalized++);
	if (model->kind == RISING) {
		refobj_get(obj);
		model->risen = true;
	}
}

static const struct reffield node_fields[] = {
	REFFIELD(struct node, slot),
};

static const struct reftype_desc descs[KINDS] = {
	[LEAF] = {
		REFTYPE(struct node, obj), .name = "leaf",
		.release = node_release,
	},
	[PAIR] = {
		REFTYPE(struct node, obj), .name = "pair",
		REFTYPE_FIELDS(node_fields), .release = node_release,
	},
	[VISITED] = {
		REFTYPE(struct node, obj), .name = "visited",
		.visit = node_visit, .release = node_release,
	},
	[VECTOR] = {
		REFTYPE(struct node, obj), .name = "vector",
		REFTYPE_FIELDS(node_fields), REFTYPE_ARRAY(struct node, array),
		.release = node_release,
	},
	[FINAL] = {
		REFTYPE(struct node, obj), .name = "final",
		REFTYPE_FIELDS(node_fields), .release = node_release,
		.finalize = node_finalize,
	},
	[RISING] = {
		REFTYPE(struct node, obj), .name = "rising",
		REFTYPE_FIELDS(node_fields), .release = node_release,
		.finalize = node_finalize,
	},
};

static unsigned int model_edges(const struct model *model)
{
	if (model->kind == LEAF)
		return 0;
	return model->kind == VECTOR ? EDGES : SLOTS;
}

static struct refslot *model_slot(const struct model *model, unsigned int i)
{
	struct node *node = node_of(model->obj);

	return i < SLOTS ? &node->slot[i] : &node->array->slot[i - SLOTS];
}

/* --- the model ---------------------------------------------------------- */

static bool fuzz_fails(gfp_t gfp)
{
	if (current != program)
		return famine;
	return fail_in && !--fail_in;
}

static bool alive(const struct model *model)
{
	return model->obj && !model->released;
}

/* How many references there are to each. */
static unsigned int counts[NODES];

static void model_count(void)
{
	struct model *to;
	unsigned int n, i;

	for (n = 0; n < nr_nodes; n++)
		counts[n] = nodes[n].held + nodes[n].risen;
	for (n = 0; n < nr_nodes; n++)
		for (i = 0; nodes[n].obj && i < EDGES; i++) {
			to = nodes[n].edge[i];
			if (to)
				counts[to - nodes]++;
		}
}

static void model_reach(struct model *model)
{
	struct model *todo[NODES * EDGES + 1];
	unsigned int depth = 0, i;

	todo[depth++] = model;
	while (depth) {
		model = todo[--depth];
		if (!model || model->reached)
			continue;
		model->reached = true;
		for (i = 0; i < EDGES; i++)
			todo[depth++] = model->edge[i];
	}
}

/* Mark what can be reached from outside. */
static void model_reach_all(void)
{
	unsigned int n;

	for (n = 0; n < nr_nodes; n++)
		nodes[n].reached = false;
	for (n = 0; n < nr_nodes; n++)
		if (alive(&nodes[n]) && (nodes[n].held || nodes[n].risen))
			model_reach(&nodes[n]);
}

/* What has been released takes its references with it. */
static void model_bury(void)
{
	unsigned int n;

	for (n = 0; n < nr_nodes; n++) {
		expect(nodes[n].released <= 1);
		if (nodes[n].released && nodes[n].obj) {
			say("%u is gone", n);
			expect(!nodes[n].held && !nodes[n].risen);
			memset(nodes[n].edge, 0, sizeof(nodes[n].edge));
			nodes[n].obj = NULL;
		}
	}
}

static void check_watch(struct watch *watch)
{
	struct refobj *obj;

	if (!watch->target)
		return;
	expect(watch->called <= 1);
	obj = refweak_load(&watch->weak);
	if (obj) {
		expect(alive(watch->target) && watch->target->obj == obj);
		refobj_put(obj);
	} else {
		/* One that has been finalized may have lost it before. */
		expect(!alive(watch->target) || watch->target->finalized);
		expect(watch->called == 1);
		watch->target = NULL;
		watch->called = 0;
	}
}

static void check_node(const struct model *model)
{
	unsigned int i;

	expect(counts[model - nodes]);
	expect(refobj_count(model->obj) == counts[model - nodes]);
	expect(refobj_is_finalized(model->obj) == !!model->finalized);
	for (i = 0; i < model_edges(model); i++) {
		expect(model_slot(model, i)->target ==
		       (model->edge[i] ? model->edge[i]->obj : NULL));
		expect(!model->edge[i] || alive(model->edge[i]));
	}
}

/* Has the heap's thread something to do before all is as it should be? */
static bool check_later(void)
{
	unsigned int n;

	for (n = 0; n < nr_nodes; n++)
		if (alive(&nodes[n]) && !counts[n])
			return true;
	for (n = 0; n < WEAKS; n++)
		if (watches[n].target && !alive(watches[n].target) &&
		    !watches[n].called)
			return true;
	return false;
}

/* All is as the model has it. */
static void check(void)
{
	unsigned int n;

	model_bury();
	model_count();
	if (check_later()) {
		expect(!refheap_drain(heap));
		model_bury();
		model_count();
	}
	for (n = 0; n < nr_nodes; n++)
		if (alive(&nodes[n]))
			check_node(&nodes[n]);
	for (n = 0; n < WEAKS; n++)
		check_watch(&watches[n]);
}

/* --- what the bytes may ask for ------------------------------------------ */

static struct model **a_variable(void)
{
	return &variable[pick(VARIABLES)];
}

static struct model *a_node(void)
{
	return *a_variable();
}

/* The variable is given another reference, which its caller has made. */
static void assign(struct model **variable, struct model *model)
{
	struct model *old = *variable;

	*variable = model;
	if (model)
		model->held++;
	if (!old)
		return;
	old->held--;
	refobj_put(old->obj);
}

static struct refobj *allocate(enum kind kind)
{
	gfp_t gfp = pick(2) ? GFP_KERNEL : GFP_NOWAIT;

	return kind == VECTOR ?
		refobj_alloc_array(types[kind], ELEMENTS, gfp) :
		refobj_alloc(types[kind], gfp);
}

static unsigned int nr_alive(void)
{
	unsigned int n, nr = 0;

	for (n = 0; n < nr_nodes; n++)
		nr += alive(&nodes[n]);
	return nr;
}

static void do_alloc(void)
{
	bool may_fail = fail_in;
	enum kind kind = pick(KINDS);
	struct model **to = a_variable(), *model = &nodes[nr_nodes];
	struct refobj *obj;

	if (nr_nodes == NODES)
		return;
	obj = allocate(kind);
	say("%u = new %s: %p", nr_nodes, descs[kind].name, obj);
	if (limited && nr_alive() >= LIMIT)
		expect(!obj);
	else
		expect(obj || may_fail);
	if (!obj)
		return;
	*model = (struct model){ .obj = obj, .kind = kind };
	node_of(obj)->id = nr_nodes++;
	assign(to, model);
}

static void do_get(void)
{
	struct model *from = a_node(), **to = a_variable();

	if (!from)
		return;
	say("get %d", number(from));
	if (pick(2))
		refobj_get(from->obj);
	else
		expect(refobj_get_unless_zero(from->obj));
	assign(to, from);
}

static void do_put(void)
{
	struct model **which = a_variable();

	say("put %d", number(*which));
	assign(which, NULL);
}

/* Of an object that a variable holds. */
struct place {
	struct model *owner;
	unsigned int i;
};

static struct place a_place(void)
{
	struct place place = { .owner = a_node() };
	unsigned int nr = place.owner ? model_edges(place.owner) : 0;

	if (!nr)
		place.owner = NULL;
	else
		place.i = pick(nr);
	return place;
}

static struct refslot *place_slot(struct place place)
{
	return model_slot(place.owner, place.i);
}

static struct model **place_edge(struct place place)
{
	return &place.owner->edge[place.i];
}

static void do_set(void)
{
	struct place to = a_place();
	struct model *target = a_node();

	if (!to.owner)
		return;
	say("%d.%u = %d", number(to.owner), to.i, number(target));
	*place_edge(to) = target;
	if (target || pick(2))
		expect(!refslot_set(to.owner->obj, place_slot(to),
				    target ? target->obj : NULL));
	else
		refslot_clear(to.owner->obj, place_slot(to));
}

static void do_give(void)
{
	struct place to = a_place();
	struct model **from = a_variable(), *target = *from;

	if (!to.owner || !target || (from == &to.owner && target->held == 1))
		return;
	say("%d.%u = given %d", number(to.owner), to.i, number(target));
	/* The owner has to stay held. */
	refobj_get(to.owner->obj);
	*from = NULL;
	target->held--;
	*place_edge(to) = target;
	expect(!refslot_give(to.owner->obj, place_slot(to), target->obj));
	refobj_put(to.owner->obj);
}

static void do_take(void)
{
	struct place from = a_place();
	struct model **to = a_variable(), *target;
	struct refobj *obj;

	if (!from.owner)
		return;
	target = *place_edge(from);
	say("take %d from %d.%u", number(target), number(from.owner), from.i);
	obj = refslot_take(from.owner->obj, place_slot(from));
	expect(obj == (target ? target->obj : NULL));
	*place_edge(from) = NULL;
	assign(to, target);
}

static void do_load(void)
{
	struct place from = a_place();
	struct model **to = a_variable(), *target;

	if (!from.owner)
		return;
	target = *place_edge(from);
	say("load %d from %d.%u", number(target), number(from.owner), from.i);
	expect(refslot_load(place_slot(from)) == (target ? target->obj : NULL));
	assign(to, target);
}

static void do_move(void)
{
	struct place to = a_place(), from = a_place();
	struct model *target;

	if (!to.owner || !from.owner)
		return;
	target = *place_edge(from);
	say("%d.%u = moved %d.%u", number(to.owner), to.i, number(from.owner),
	    from.i);
	if (place_slot(to) != place_slot(from)) {
		*place_edge(from) = NULL;
		*place_edge(to) = target;
	}
	expect(!refslot_move(to.owner->obj, place_slot(to), from.owner->obj,
			     place_slot(from)));
}

static void watch_called(struct refweak *weak)
{
	container_of(weak, struct watch, weak)->called++;
}

static void do_weak_set(void)
{
	bool may_fail = fail_in;
	struct watch *watch = &watches[pick(WEAKS)];
	struct model *target = a_node();
	int err;

	err = refweak_set(NULL, &watch->weak, target ? target->obj : NULL,
			  watch_called, GFP_KERNEL);
	say("weak to %d: %d", number(target), err);
	expect(!err || (may_fail && err == -ENOMEM));
	if (err)
		return;
	watch->target = target;
	watch->called = 0;
}

static void do_weak_load(void)
{
	struct watch *watch = &watches[pick(WEAKS)];
	struct model **to = a_variable(), *target = watch->target;
	struct refobj *obj = refweak_load(&watch->weak);

	expect(obj == (target ? target->obj : NULL));
	say("weak load of %d", number(target));
	assign(to, target);
}

static void do_weak_clear(void)
{
	struct watch *watch = &watches[pick(WEAKS)];

	refweak_clear(&watch->weak);
	watch->target = NULL;
	watch->called = 0;
}

static void set_name(unsigned int i, struct model *target)
{
	if (name[i])
		name[i]->held--;
	name[i] = target;
	if (target)
		target->held++;
}

static void do_bind(void)
{
	static const char * const names[NAMES] = { "a", "b", "c", "d" };
	bool may_fail = fail_in;
	unsigned int i = pick(NAMES);
	struct model *target = a_node();
	int err;

	if (target) {
		err = refheap_bind(heap, names[i], target->obj);
		say("bind %s to %d: %d", names[i], number(target), err);
		expect(!err || (may_fail && err == -ENOMEM));
	} else {
		err = refheap_unbind(heap, names[i]);
		say("unbind %s: %d", names[i], err);
		expect(err == (name[i] ? 0 : -ENOENT));
	}
	if (!err)
		set_name(i, target);
}

static void do_look_up(void)
{
	static const char * const names[NAMES] = { "a", "b", "c", "d" };
	unsigned int i = pick(NAMES);
	struct model **to = a_variable();

	expect(refheap_lookup(heap, names[i]) ==
	       (name[i] ? name[i]->obj : NULL));
	assign(to, name[i]);
}

/* No more than what cannot be reached is gone. */
static long collect(unsigned int how)
{
	unsigned int n;
	long reclaimed;

	model_reach_all();
	famine = pick(2);
	reclaimed = how < REFHEAP_AGES ? refheap_collect_age(heap, how) :
		refheap_collect(heap, how == REFHEAP_AGES ?
				0 : REFHEAP_COLLECT_FULL);
	famine = false;
	say("collection %u: %ld", how, reclaimed);
	expect(reclaimed >= 0);
	expect(!refheap_drain(heap));
	for (n = 0; n < nr_nodes; n++)
		expect(!nodes[n].reached || !nodes[n].released);
	model_bury();
	return reclaimed;
}

static void do_collect(void)
{
	collect(pick(REFHEAP_AGES + 1));
}

/* No less either: what finalizers have brought back is reached again. */
static void expect_none_unreachable(void)
{
	unsigned int n;

	model_reach_all();
	for (n = 0; n < nr_nodes; n++)
		expect(nodes[n].reached == alive(&nodes[n]));
}

static void collect_all(void)
{
	collect(REFHEAP_AGES + 1);
	collect(REFHEAP_AGES + 1);
	if (frozen)
		return;
	expect_none_unreachable();
	unfrozen = false;
}

/* What is no candidate does not become garbage, unless it was frozen. */
static void collect_candidates(void)
{
	collect(REFHEAP_AGES);
	collect(REFHEAP_AGES);
	if (!frozen && !unfrozen)
		expect_none_unreachable();
}

static void do_freeze(void)
{
	if (pick(2)) {
		expect(!refheap_freeze(heap));
		frozen = true;
	} else {
		expect(!refheap_unfreeze(heap));
		unfrozen |= frozen;
		frozen = false;
	}
	say("freeze: %d", frozen);
}

/* What has risen lies down again. */
static void do_lay(void)
{
	unsigned int n;

	for (n = 0; n < nr_nodes; n++)
		if (alive(&nodes[n]) && nodes[n].risen) {
			say("lay %u", n);
			nodes[n].risen = false;
			refobj_put(nodes[n].obj);
			return;
		}
}

static void do_fail(void)
{
	fail_in = 1 + pick(4);
	say("allocation %u will fail", fail_in);
}

static void (*const deeds[])(void) = {
	do_alloc, do_get, do_put, do_set, do_give, do_take, do_load, do_move,
	do_collect, collect_all, do_weak_set, do_weak_load, do_weak_clear,
	do_bind, do_look_up, do_freeze, do_lay, do_fail,
	do_alloc, do_alloc, do_put, do_put, do_set, collect_candidates,
};

/* --- a heap's life ------------------------------------------------------ */

static void fuzz_begin(void)
{
	unsigned int choices = pick(256), i;
	struct refheap_params params = {
		.flags = REFHEAP_STOPPED |
			 (choices & BIT(0) ? REFHEAP_QUARANTINE : 0),
		.max_objects = choices & BIT(1) ? LIMIT : 0,
	};

	user_slab_debug = !(choices & BIT(2));
	limited = choices & BIT(1);
	frozen = false;
	unfrozen = false;
	nr_nodes = 0;
	memset(watches, 0, sizeof(watches));
	heap = refheap_create("fuzz", &params);
	expect(!IS_ERR(heap));
	for (i = 0; i < KINDS; i++) {
		types[i] = refheap_register_type(heap, &descs[i]);
		expect(!IS_ERR(types[i]));
	}
}

static void fuzz_end(void)
{
	unsigned int i;

	fail_in = 0;
	for (i = 0; i < VARIABLES; i++)
		assign(&variable[i], NULL);
	for (i = 0; i < NAMES; i++)
		if (name[i]) {
			variable[0] = NULL;
			expect(!refheap_unbind(heap, (char[]){ 'a' + i, 0 }));
			set_name(i, NULL);
		}
	expect(!refheap_unfreeze(heap));
	frozen = false;
	collect_all();
	/* What finalizers bring back they bring back once. */
	for (i = 0; i < NODES; i++)
		do_lay();
	collect_all();
	check();
	for (i = 0; i < NODES; i++)
		do_lay();
	collect_all();
	check();
	expect(!nr_alive());
	for (i = 0; i < WEAKS; i++)
		refweak_clear_sync(&watches[i].weak);
	expect(!refheap_destroy(heap));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *fault = host_environment("BUSTED");
	char word[64];

	user_start();
	if (fault) {
		snprintf(word, sizeof(word), "busted=%s", fault);
		if (user_parameter(word))
			panic("no fault '%s'", fault);
	}
	trace = host_environment("TRACE");
	if (user_load())
		panic("refheap does not load");
	program = current;
	user_fail_alloc = fuzz_fails;
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bytes = data;
	left = size;
	fuzz_begin();
	while (left) {
		unsigned int deed = pick(ARRAY_SIZE(deeds));

		deeds[deed]();
		if (deeds[deed] != do_fail)
			fail_in = 0;
		check();
	}
	fuzz_end();
	return 0;
}
