/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's device tree, mirrored as objects on a refheap.
 *
 *  snapshot.c	what the kernel says: its list of all devices, copied
 *  mirror.c	the same as heap objects that refer to one another
 *  check.c	is the one like the other?
 *  main.c	makes the mirror, drops it, waits for it to be reclaimed
 */
#ifndef _DEVTREE_H
#define _DEVTREE_H

#include <linux/list.h>
#include <linux/types.h>

#include <refheap.h>

struct device;
struct kset;

#define DEVTREE_NAME	64	/* longer names are cut, here and there alike */

/*
 * A device as the kernel has it.  Strings are empty where it has nothing.
 * @parent is a key for devtree_find(): follow it only where that succeeds.
 */
struct devtree_entry {
	struct device *dev;	/* counted */
	const struct device *parent;
	char name[DEVTREE_NAME];
	char bus[DEVTREE_NAME];
	char class[DEVTREE_NAME];
	char driver[DEVTREE_NAME];
	struct devtree_plan *plan;	/* of its mirror object */
};

struct devtree_snapshot {
	struct devtree_entry *entry;	/* sorted by @dev */
	size_t nr;
};

/*
 * A mirror object: a device, a bus, a class, a driver or the root.  A device
 * refers to its parent and to its children, to what it belongs to and back.
 * Python would do the same, and so would C if cycles did not leak.
 */
struct devtree_node {
	struct refobj obj;
	struct refslot parent;
	struct refslot bus;
	struct refslot class;
	struct refslot driver;
	struct refarray *members;	/* children, or devices of the group */
	char name[DEVTREE_NAME];
};

static inline struct devtree_node *to_node(struct refobj *obj)
{
	return container_of(obj, struct devtree_node, obj);
}

enum devtree_kind {
	DEVTREE_ROOT,
	DEVTREE_BUS,
	DEVTREE_CLASS,
	DEVTREE_DRIVER,
	DEVTREE_DEVICE,
	DEVTREE_KINDS,
};

/* An object to be: how many members it will have must be known before. */
struct devtree_plan {
	struct list_head node;
	enum devtree_kind kind;
	const char *name;
	struct devtree_plan *parent, *bus, *class, *driver;
	size_t members, filled;
	struct refobj *obj;	/* counted */
};

struct devtree_mirror {
	struct list_head plans;
	struct devtree_plan *root;
	size_t objects[DEVTREE_KINDS];
	size_t edges;
};

/* snapshot.c */
int devtree_take(struct devtree_snapshot *snapshot, struct kset *kset);
void devtree_free(struct devtree_snapshot *snapshot);
struct devtree_entry *devtree_find(const struct devtree_snapshot *snapshot,
				   const struct device *dev);

/* mirror.c */
int devtree_register_types(struct refheap *heap);
int devtree_build(struct devtree_mirror *mirror,
		  struct devtree_snapshot *snapshot);
void devtree_forget(struct devtree_mirror *mirror);

/* check.c */
bool devtree_check(const struct devtree_snapshot *snapshot,
		   const struct devtree_snapshot *now);

#endif /* _DEVTREE_H */
