// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that more slots refer to than their count says: who is accused, and
 * who only seemed to be (G9).
 *
 * A trace gathers slots and reads them later, without holding their owners. So
 * it meets one reference twice, if an owner dies after its slots were gathered
 * and its memory becomes that of another object, in another row, which comes to
 * hold the same reference in the same slot, and is still to be read.
 */
#include "debugfile.h"
#include "graph.h"

#include <linux/irq_work.h>
#include <linux/processor.h>
#include <trace/events/refheap.h>

/* --- too many to note --------------------------------------------------- */

#define MISCOUNTED 50

/* A trace notes a few; the others stay candidates until it is their turn. */
static void g9_many_counts_too_low(struct kunit *test)
{
	struct graph *g = test->priv;
	struct graph_node *node[MISCOUNTED];
	unsigned int i;

	for (i = 0; i < MISCOUNTED; i++) {
		node[i] = graph_ring(g, 3);
		graph_link(node[i], 1, node[i]);
		node_put(node[i]);
		node_put(node[i]);
	}
	graph_expect(g, NODE, "count is lower");
	for (i = 0; i < MISCOUNTED && debugfile_warnings(g) < MISCOUNTED; i++)
		KUNIT_EXPECT_EQ(test, graph_collect(g), 0);
	graph_expect_end();
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), MISCOUNTED);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 3 * MISCOUNTED);
	/* Two edges, and the reference that this test gives back. */
	for (i = 0; i < MISCOUNTED; i++) {
		node_force_count(node[i], 3);
		node_put(node[i]);
	}
	KUNIT_EXPECT_EQ(test, graph_collect(g), 3 * MISCOUNTED);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
}

/* --- one reference, met twice -------------------------------------------- */

/*
 * So large that free rows keep no memory of them, and that it mostly takes
 * other objects than these to fill a page.
 */
struct parcel {
	struct refobj obj;
	struct refslot slot;
	u8 content[600];
};

static const struct reffield parcel_fields[] = {
	REFFIELD(struct parcel, slot),
};

static const struct reftype_desc parcel_type = {
	REFTYPE(struct parcel, obj), .name = "parcel",
	REFTYPE_FIELDS(parcel_fields),
};

static struct parcel *parcel_of(struct refobj *obj)
{
	return container_of(obj, struct parcel, obj);
}

#define ROWS	REFROW_PER_CHUNK
#define LATER	16
#define BIRTHS	96

/**
 * struct rebirth - an owner of a reference, and the memory that it leaves
 * @heap: that of the test
 * @type: of the parcels
 * @early: parcels in the rows of one chunk, one of them the owner
 * @later: parcels in the first rows of the next, which is read after it
 * @owner: which of @early
 * @born: parcels in further rows of the latter
 * @nr_born: their number
 * @again: which of them has the owner's memory, or NULL
 * @work: where they come to life: in an interrupt, for rows that were not the
 *	  owner's
 * @come: it has run
 * @struck: the chunk with the owner has been read
 * @too_late: the other one was read before
 */
struct rebirth {
	struct refheap *heap;
	struct reftype *type;
	struct parcel *early[ROWS];
	struct parcel *later[LATER];
	unsigned int owner;
	struct refobj *born[BIRTHS];
	unsigned int nr_born;
	struct parcel *again;
	struct irq_work work;
	bool come;
	bool struck;
	bool too_late;
};

static u64 chunk_of(const struct parcel *parcel)
{
	return refobj_id(&parcel->obj) / ROWS;
}

/* Until one of them lies where the owner did. */
static void rebirth_work(struct irq_work *work)
{
	struct rebirth *rebirth = container_of(work, struct rebirth, work);
	struct refobj *obj;

	while (rebirth->nr_born < BIRTHS && !rebirth->again) {
		obj = refobj_alloc(rebirth->type, GFP_ATOMIC | __GFP_NOWARN);
		if (!obj)
			break;
		rebirth->born[rebirth->nr_born++] = obj;
		if (parcel_of(obj) == rebirth->early[rebirth->owner])
			rebirth->again = parcel_of(obj);
	}
	/* Pairs with the acquire in rebirth_strike(). */
	smp_store_release(&rebirth->come, true);
}

/* The owner's slots have been gathered, and not been read. */
static void rebirth_strike(struct rebirth *rebirth)
{
	struct parcel *owner = rebirth->early[rebirth->owner];
	struct refobj *ref = refslot_take(&owner->obj, &owner->slot);
	struct parcel *to = rebirth->later[0];

	refobj_put(&owner->obj);
	irq_work_queue(&rebirth->work);
	/* Pairs with the release in rebirth_work(). */
	spin_until_cond(smp_load_acquire(&rebirth->come));
	if (rebirth->again)
		to = rebirth->again;
	refslot_give(&to->obj, &to->slot, ref);
	/* A root of this trace, as its chunk has not been read. */
	refobj_put(refobj_get(&to->obj));
}

static void rebirth_probe(void *data, struct refheap *heap,
			  enum refheap_phase phase, u64 number)
{
	struct rebirth *rebirth = data;

	if (heap != rebirth->heap || phase != REFHEAP_PHASE_TAKEN ||
	    rebirth->struck)
		return;
	if (number == chunk_of(rebirth->later[0]))
		rebirth->too_late = true;
	if (number != chunk_of(rebirth->early[rebirth->owner]))
		return;
	rebirth->struck = true;
	rebirth_strike(rebirth);
}

static struct parcel *parcel_add(struct kunit *test, struct reftype *type)
{
	struct refobj *obj = refobj_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return parcel_of(obj);
}

/* One chunk is full then, and the next has rows that no CPU has fetched. */
static void rebirth_arrange(struct kunit *test, struct rebirth *rebirth,
			    struct graph_node *target)
{
	struct parcel *owner;
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		rebirth->early[i] = parcel_add(test, rebirth->type);
	for (i = 0; i < LATER; i++)
		rebirth->later[i] = parcel_add(test, rebirth->type);
	rebirth->owner = ROWS - 1;
	owner = rebirth->early[rebirth->owner];
	KUNIT_ASSERT_EQ(test, chunk_of(rebirth->early[0]), chunk_of(owner));
	KUNIT_ASSERT_NE(test, chunk_of(rebirth->later[0]), chunk_of(owner));
	KUNIT_ASSERT_EQ(test, refslot_set(&owner->obj, &owner->slot,
					  &target->obj), 0);
}

/* Candidates, those that are to be read first as the last. */
static void rebirth_touch(struct rebirth *rebirth)
{
	unsigned int i;

	for (i = 0; i < LATER; i++)
		refobj_put(refobj_get(&rebirth->later[i]->obj));
	for (i = 0; i < ROWS; i++)
		refobj_put(refobj_get(&rebirth->early[i]->obj));
}

static void rebirth_end(struct rebirth *rebirth)
{
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		if (i != rebirth->owner)
			refobj_put(&rebirth->early[i]->obj);
	for (i = 0; i < LATER; i++)
		refobj_put(&rebirth->later[i]->obj);
	for (i = 0; i < rebirth->nr_born; i++)
		refobj_put(rebirth->born[i]);
}

static void g9_reference_that_is_met_twice(struct kunit *test)
{
	struct graph *g = test->priv;
	struct rebirth *rebirth = kunit_kzalloc(test, sizeof(*rebirth),
						GFP_KERNEL);
	struct graph_node *target = graph_add(g, NODE);

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no trace points");
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "nothing is allocated in an interrupt");
	KUNIT_ASSERT_NOT_NULL(test, rebirth);
	rebirth->heap = g->heap;
	init_irq_work(&rebirth->work, rebirth_work);
	rebirth->type = refheap_register_type(g->heap, &parcel_type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rebirth->type);
	rebirth_arrange(test, rebirth, target);
	node_put(target);
	/* Old, and no chunk is going to be looked at but for what comes now. */
	graph_collect(g);
	synchronize_rcu();
	graph_collect(g);
	rebirth_touch(rebirth);

	KUNIT_ASSERT_EQ(test, register_trace_refheap_phase(rebirth_probe,
							   rebirth), 0);
	KUNIT_EXPECT_EQ(test, refheap_collect(g->heap, 0), 0);
	unregister_trace_refheap_phase(rebirth_probe, rebirth);
	tracepoint_synchronize_unregister();
	irq_work_sync(&rebirth->work);

	KUNIT_EXPECT_TRUE(test, rebirth->struck);
	KUNIT_EXPECT_FALSE(test, rebirth->too_late);
	KUNIT_EXPECT_EQ(test, debugfile_warnings(g), 0);
	KUNIT_EXPECT_EQ(test, refobj_count(&target->obj), 1);
	rebirth_end(rebirth);
	KUNIT_EXPECT_EQ(test, graph_alive(g), 0);
	if (!rebirth->again)
		kunit_skip(test, "memory is not used again so soon");
}

static struct kunit_case excess_cases[] = {
	KUNIT_CASE(g9_many_counts_too_low),
	KUNIT_CASE(g9_reference_that_is_met_twice),
	{}
};

static struct kunit_suite excess_suite = {
	.name = "refheap_excess",
	.init = graph_init,
	.exit = graph_exit,
	.test_cases = excess_cases,
};

kunit_test_suite(excess_suite);
