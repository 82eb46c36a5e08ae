// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: folders and files that are found by their path, and opened, read
 * and written by the functions they were made with.
 */
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "user.h"

struct user_node {
	struct dentry dentry;		/* what others have */
	struct list_head list;
	const struct file_operations *fops;
	char path[192];
};

struct user_file {
	struct file file;		/* what others have */
	struct inode inode;
	struct path path;
};

static DEFINE_MUTEX(nodes_lock);
static LIST_HEAD(nodes);

struct dentry *debugfs_create_file(const char *name, umode_t mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	struct user_node *above, *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (!node || IS_ERR(parent)) {
		kfree(node);
		return ERR_PTR(-ENOMEM);
	}
	above = container_of(parent, struct user_node, dentry);
	snprintf(node->path, sizeof(node->path), "%s%s%s",
		 parent ? above->path : "", parent ? "/" : "", name);
	node->fops = fops;
	node->dentry.d_fsdata = data;
	mutex_lock(&nodes_lock);
	list_add(&node->list, &nodes);
	mutex_unlock(&nodes_lock);
	return &node->dentry;
}

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	return debugfs_create_file(name, 0755, parent, NULL, NULL);
}

/* With all that is in it. */
void debugfs_remove(struct dentry *dentry)
{
	struct user_node *node, *next, *top;
	size_t length;

	if (IS_ERR_OR_NULL(dentry))
		return;
	top = container_of(dentry, struct user_node, dentry);
	length = strlen(top->path);
	mutex_lock(&nodes_lock);
	list_for_each_entry_safe(node, next, &nodes, list)
		if (node != top && !strncmp(node->path, top->path, length) &&
		    node->path[length] == '/') {
			list_del(&node->list);
			kfree(node);
		}
	list_del(&top->list);
	mutex_unlock(&nodes_lock);
	kfree(top);
}

static struct user_node *user_node_find(const char *path)
{
	struct user_node *node;

	lockdep_assert_held(&nodes_lock);
	list_for_each_entry(node, &nodes, list)
		if (node->fops && !strcmp(node->path, path))
			return node;
	return NULL;
}

/* --- files -------------------------------------------------------------- */

static struct file *user_file_open(const char *path, int flags)
{
	/* No allocation of refheap's, which a test may want to fail. */
	struct user_file *opened = host_malloc(sizeof(*opened), 0);
	struct file *file = &opened->file;
	struct user_node *node;
	int err = -ENOENT;

	if (!opened)
		return ERR_PTR(-ENOMEM);
	memset(opened, 0, sizeof(*opened));
	mutex_lock(&nodes_lock);
	node = user_node_find(path);
	if (node) {
		file->f_op = node->fops;
		file->f_inode = &opened->inode;
		file->f_flags = flags;
		file->f_mode = OPEN_FMODE(flags);
		opened->inode.i_private = node->dentry.d_fsdata;
		err = file->f_op->open ?
			file->f_op->open(&opened->inode, file) : 0;
	}
	mutex_unlock(&nodes_lock);
	if (!err)
		return file;
	host_free(opened);
	return ERR_PTR(err);
}

void __fput_sync(struct file *file)
{
	struct user_file *opened = container_of(file, struct user_file, file);

	if (file->f_op->release)
		file->f_op->release(&opened->inode, file);
	host_free(opened);
}

struct file *filp_open(const char *name, int flags, umode_t mode)
{
	static const char mount[] = "/sys/kernel/debug/";

	if (!strstarts(name, mount))
		return ERR_PTR(-ENOENT);
	return user_file_open(name + strlen(mount), flags);
}

int filp_close(struct file *file, fl_owner_t owner)
{
	__fput_sync(file);
	return 0;
}

struct file *file_open_root(const struct path *root, const char *name,
			    int flags, umode_t mode)
{
	return user_file_open(name, flags);
}

int simple_open(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	return 0;
}

loff_t noop_llseek(struct file *file, loff_t offset, int whence)
{
	return file->f_pos;
}

/* --- where it is mounted ------------------------------------------------ */

static struct file_system_type user_debugfs;
static struct vfsmount user_mount;

struct file_system_type *get_fs_type(const char *name)
{
	return &user_debugfs;
}

struct vfsmount *kern_mount(struct file_system_type *type)
{
	return &user_mount;
}

void kern_unmount(struct vfsmount *mount)
{
}
