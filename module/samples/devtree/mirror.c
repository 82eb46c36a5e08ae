// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror: one heap object for each device, bus, class and driver, and one
 * root.
 *
 * An object's array of slots has a fixed length, so the objects are planned
 * first, which counts the members of each, then allocated, then linked.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "devtree.h"

/* All the heap has to know to visit, clear and free the objects below. */
static const struct reffield node_fields[] = {
	REFFIELD(struct devtree_node, parent),
	REFFIELD(struct devtree_node, bus),
	REFFIELD(struct devtree_node, class),
	REFFIELD(struct devtree_node, driver),
};

#define NODE_DESC(kind) { \
	REFTYPE(struct devtree_node, obj), \
	REFTYPE_FIELDS(node_fields), \
	REFTYPE_ARRAY(struct devtree_node, members), \
	.name = (kind), \
}

static const struct reftype_desc node_desc[DEVTREE_KINDS] = {
	[DEVTREE_ROOT] = NODE_DESC("root"),
	[DEVTREE_BUS] = NODE_DESC("bus"),
	[DEVTREE_CLASS] = NODE_DESC("class"),
	[DEVTREE_DRIVER] = NODE_DESC("driver"),
	[DEVTREE_DEVICE] = NODE_DESC("device"),
};

static struct reftype *node_type[DEVTREE_KINDS];

int devtree_register_types(struct refheap *heap)
{
	int kind;

	for (kind = 0; kind < DEVTREE_KINDS; kind++) {
		struct reftype *type = refheap_register_type(heap,
							     &node_desc[kind]);

		if (IS_ERR(type))
			return PTR_ERR(type);
		node_type[kind] = type;
	}
	return 0;
}

/* --- plan ---------------------------------------------------------------- */

static struct devtree_plan *plan_new(struct devtree_mirror *mirror,
				     enum devtree_kind kind, const char *name)
{
	struct devtree_plan *plan = kzalloc(sizeof(*plan), GFP_KERNEL);

	if (!plan)
		return NULL;
	plan->kind = kind;
	plan->name = name;
	list_add_tail(&plan->node, &mirror->plans);
	mirror->objects[kind]++;
	return plan;
}

/* A bus, class or driver, planned when first named; drivers once per bus. */
static int plan_group(struct devtree_plan **group,
		      struct devtree_mirror *mirror, enum devtree_kind kind,
		      const char *name, struct devtree_plan *bus)
{
	struct devtree_plan *plan;

	if (!*name)
		return 0;
	list_for_each_entry(plan, &mirror->plans, node)
		if (plan->kind == kind && plan->bus == bus &&
		    !strcmp(plan->name, name))
			goto found;
	plan = plan_new(mirror, kind, name);
	if (!plan)
		return -ENOMEM;
	plan->bus = bus;
found:
	plan->members++;
	*group = plan;
	return 0;
}

static int plan_groups(struct devtree_mirror *mirror,
		       struct devtree_entry *entry)
{
	struct devtree_plan *plan = entry->plan;

	return plan_group(&plan->bus, mirror, DEVTREE_BUS, entry->bus, NULL) ?:
	       plan_group(&plan->class, mirror, DEVTREE_CLASS, entry->class,
			  NULL) ?:
	       plan_group(&plan->driver, mirror, DEVTREE_DRIVER, entry->driver,
			  plan->bus);
}

/* Devices without a registered parent belong to the root. */
static void plan_parent(struct devtree_mirror *mirror,
			const struct devtree_snapshot *snapshot,
			struct devtree_entry *entry)
{
	struct devtree_entry *parent = devtree_find(snapshot, entry->parent);

	entry->plan->parent = parent ? parent->plan : mirror->root;
	entry->plan->parent->members++;
}

static int plan_all(struct devtree_mirror *mirror,
		    struct devtree_snapshot *snapshot)
{
	size_t i;
	int err;

	mirror->root = plan_new(mirror, DEVTREE_ROOT, "devices");
	if (!mirror->root)
		return -ENOMEM;
	for (i = 0; i < snapshot->nr; i++) {
		struct devtree_entry *entry = &snapshot->entry[i];

		entry->plan = plan_new(mirror, DEVTREE_DEVICE, entry->name);
		err = entry->plan ? plan_groups(mirror, entry) : -ENOMEM;
		if (err)
			return err;
	}
	for (i = 0; i < snapshot->nr; i++)
		plan_parent(mirror, snapshot, &snapshot->entry[i]);
	return 0;
}

/* --- allocate and link --------------------------------------------------- */

static int allocate(struct devtree_plan *plan)
{
	plan->obj = refobj_alloc_array(node_type[plan->kind], plan->members,
				       GFP_KERNEL);
	if (!plan->obj)
		return -ENOMEM;
	strscpy(to_node(plan->obj)->name, plan->name, DEVTREE_NAME);
	return 0;
}

/* Each refslot_set() counts a reference; the plan keeps its own for now. */
static int link_to(struct devtree_mirror *mirror, struct devtree_plan *from,
		   struct refslot *slot, struct devtree_plan *to)
{
	if (!to)
		return 0;
	mirror->edges++;
	return refslot_set(from->obj, slot, to->obj);
}

/* There and back: every pair of these edges is a cycle. */
static int link_both(struct devtree_mirror *mirror, struct devtree_plan *from,
		     struct refslot *slot, struct devtree_plan *to)
{
	struct refarray *members;

	if (!to)
		return 0;
	members = to_node(to->obj)->members;
	return link_to(mirror, from, slot, to) ?:
	       link_to(mirror, to, &members->slot[to->filled++], from);
}

static int link_plan(struct devtree_mirror *mirror, struct devtree_plan *plan)
{
	struct devtree_node *node = to_node(plan->obj);

	if (plan->kind != DEVTREE_DEVICE)	/* a driver has a bus */
		return link_to(mirror, plan, &node->bus, plan->bus);
	return link_both(mirror, plan, &node->parent, plan->parent) ?:
	       link_both(mirror, plan, &node->bus, plan->bus) ?:
	       link_both(mirror, plan, &node->class, plan->class) ?:
	       link_both(mirror, plan, &node->driver, plan->driver);
}

/*
 * Build the mirror of a snapshot.  To be followed by devtree_forget() whether
 * it succeeds or not; the snapshot must live until then.
 */
int devtree_build(struct devtree_mirror *mirror,
		  struct devtree_snapshot *snapshot)
{
	struct devtree_plan *plan;
	int err;

	*mirror = (struct devtree_mirror){};
	INIT_LIST_HEAD(&mirror->plans);
	err = plan_all(mirror, snapshot);
	if (err)
		return err;
	list_for_each_entry(plan, &mirror->plans, node) {
		err = allocate(plan);
		if (err)
			return err;
	}
	list_for_each_entry(plan, &mirror->plans, node) {
		err = link_plan(mirror, plan);
		if (err)
			return err;
	}
	return 0;
}

/* Drop the plans, and with them one reference to each object still there. */
void devtree_forget(struct devtree_mirror *mirror)
{
	struct devtree_plan *plan, *next;

	list_for_each_entry_safe(plan, next, &mirror->plans, node) {
		refobj_assign(plan->obj, NULL);
		kfree(plan);
	}
}
