// SPDX-License-Identifier: GPL-2.0
/*
 * Is the mirror like the kernel's own tree?  It is compared with a second
 * snapshot, and with the lists of children that the kernel keeps apart.
 *
 * The slots are read by refslot_load(), which needs no lock: what it returns
 * is a counted reference that ends with its scope.
 */
#include <linux/device.h>
#include <linux/string.h>

#include "devtree.h"

/* Does @group refer back to @member, exactly once? */
static bool has_member(struct refobj *group, struct refobj *member)
{
	struct refarray *members = to_node(group)->members;
	size_t i, times = 0;

	for (i = 0; i < members->length; i++) {
		struct refobj *obj __free(refobj) =
			refslot_load(&members->slot[i]);

		times += obj == member;
	}
	return times == 1;
}

/* Does a slot of @obj refer to an object of that name, and that back? */
static bool linked(struct refobj *obj, const struct refslot *slot,
		   const char *name)
{
	struct refobj *target __free(refobj) = refslot_load(slot);

	if (!*name)
		return !target;
	return target && !strcmp(to_node(target)->name, name) &&
	       has_member(target, obj);
}

static int count_child(struct device *dev, void *data)
{
	++*(size_t *)data;
	return 0;
}

static size_t count_children(struct device *dev)
{
	size_t nr = 0;

	device_for_each_child(dev, &nr, count_child);
	return nr;
}

static bool check_device(struct refobj *obj, const struct devtree_entry *entry,
			 const struct devtree_entry *parent)
{
	struct devtree_node *node = to_node(obj);

	return !strcmp(node->name, entry->name) &&
	       linked(obj, &node->parent, parent ? parent->name : "devices") &&
	       linked(obj, &node->bus, entry->bus) &&
	       linked(obj, &node->class, entry->class) &&
	       linked(obj, &node->driver, entry->driver) &&
	       node->members->length == count_children(entry->dev);
}

/*
 * @snapshot has been mirrored, @now was taken afterwards.  False may mean that
 * a device came, went or changed between the two.
 */
bool devtree_check(const struct devtree_snapshot *snapshot,
		   const struct devtree_snapshot *now)
{
	size_t i;

	if (snapshot->nr != now->nr)
		return false;
	for (i = 0; i < now->nr; i++) {
		struct devtree_entry *entry = &now->entry[i];
		struct devtree_entry *mirrored = devtree_find(snapshot,
							      entry->dev);

		if (!mirrored)
			return false;
		if (!check_device(mirrored->plan->obj, entry,
				  devtree_find(now, entry->parent)))
			return false;
	}
	return true;
}
