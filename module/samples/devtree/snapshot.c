// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says: all registered devices.
 *
 * While the kset's lock is held no device can leave the list, and only after
 * that does device_del() let go of the parent and may bus and class be
 * unregistered.  So their names are copied under it.  A driver may go at any
 * time; the device's own lock keeps it.
 */
#include <linux/bsearch.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "devtree.h"

#define SPARE	64	/* devices that may come between count and copy */

static void copy_name(char *to, const char *from)
{
	strscpy(to, from ?: "", DEVTREE_NAME);
}

static void copy_entry(struct devtree_entry *entry, struct device *dev)
{
	entry->dev = dev;
	entry->parent = dev->parent;
	/* As everywhere in the kernel: a rename at this moment may garble it. */
	copy_name(entry->name, dev_name(dev));
	copy_name(entry->bus, dev->bus ? dev->bus->name : NULL);
	copy_name(entry->class, dev->class ? dev->class->name : NULL);
}

static void copy_driver(struct devtree_entry *entry)
{
	struct device *dev = entry->dev;

	device_lock(dev);
	copy_name(entry->driver, dev->driver ? dev->driver->name : NULL);
	device_unlock(dev);
}

static size_t count_devices(struct kset *kset)
{
	struct kobject *kobj;
	size_t nr = 0;

	spin_lock(&kset->list_lock);
	list_for_each_entry(kobj, &kset->list, entry)
		nr++;
	spin_unlock(&kset->list_lock);
	return nr;
}

/* False: there are more than there is room for. */
static bool copy_devices(struct devtree_snapshot *snapshot, size_t room,
			 struct kset *kset)
{
	struct kobject *kobj;
	bool fits = true;

	spin_lock(&kset->list_lock);
	list_for_each_entry(kobj, &kset->list, entry) {
		fits = snapshot->nr < room;
		if (!fits)
			break;
		/* One whose last reference is gone is as good as deleted. */
		if (kobject_get_unless_zero(kobj))
			copy_entry(&snapshot->entry[snapshot->nr++],
				   kobj_to_dev(kobj));
	}
	spin_unlock(&kset->list_lock);
	return fits;
}

static int compare_entries(const void *a, const void *b)
{
	const struct devtree_entry *x = a, *y = b;

	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

/* Return: 0, -ENOMEM, or -EAGAIN if devices come faster than they are read. */
int devtree_take(struct devtree_snapshot *snapshot, struct kset *kset)
{
	size_t i, room = count_devices(kset) + SPARE;

	snapshot->nr = 0;
	snapshot->entry = kvcalloc(room, sizeof(*snapshot->entry), GFP_KERNEL);
	if (!snapshot->entry)
		return -ENOMEM;
	if (!copy_devices(snapshot, room, kset)) {
		devtree_free(snapshot);
		return -EAGAIN;
	}
	for (i = 0; i < snapshot->nr; i++)
		copy_driver(&snapshot->entry[i]);
	sort(snapshot->entry, snapshot->nr, sizeof(*snapshot->entry),
	     compare_entries, NULL);
	return 0;
}

void devtree_free(struct devtree_snapshot *snapshot)
{
	while (snapshot->nr)
		put_device(snapshot->entry[--snapshot->nr].dev);
	kvfree(snapshot->entry);
	snapshot->entry = NULL;
}

static int compare_key(const void *key, const void *b)
{
	const struct device *dev = key;
	const struct devtree_entry *y = b;

	return dev < y->dev ? -1 : dev > y->dev;
}

struct devtree_entry *devtree_find(const struct devtree_snapshot *snapshot,
				   const struct device *dev)
{
	return bsearch(dev, snapshot->entry, snapshot->nr,
		       sizeof(*snapshot->entry), compare_key);
}
