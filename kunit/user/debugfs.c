// SPDX-License-Identifier: GPL-2.0
/* Nobody looks into debugfs here: see the list of suites in the Makefile. */
#include <linux/debugfs.h>
#include <linux/fs.h>

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	return ERR_PTR(-ENODEV);
}

struct dentry *debugfs_create_file(const char *name, umode_t mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	return ERR_PTR(-ENODEV);
}

void debugfs_remove(struct dentry *dentry)
{
}

int simple_open(struct inode *inode, struct file *file)
{
	return -ENODEV;
}

loff_t noop_llseek(struct file *file, loff_t offset, int whence)
{
	return 0;
}
