// SPDX-License-Identifier: GPL-2.0
/* Reading and writing debugfs files from inside the kernel. */
#include "debugfile.h"
#include "graph.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#define DEBUGFILE_MAX (4 * PAGE_SIZE)

KUNIT_DEFINE_ACTION_WRAPPER(debugfile_unmount, kern_unmount,
			    struct vfsmount *);
KUNIT_DEFINE_ACTION_WRAPPER(debugfile_close, __fput_sync, struct file *);

/*
 * NULL when the kernel has no debugfs. A name that begins with a slash is of
 * refheap as a whole, one with two of somebody else's, any other of the graph's
 * heap.
 */
static struct file *debugfile_open(struct graph *g, const char *name,
				   int flags)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mount;
	struct path root;
	struct file *file;
	char path[96];

	if (!type)
		return NULL;
	mount = kern_mount(type);
	module_put(type->owner);
	if (IS_ERR(mount))
		return NULL;
	kunit_add_action_or_reset(g->test, debugfile_unmount, mount);
	if (strstarts(name, "//"))
		strscpy(path, name + 2, sizeof(path));
	else if (name[0] == '/')
		snprintf(path, sizeof(path), "refheap%s", name);
	else
		snprintf(path, sizeof(path), "refheap/%s/%s",
			 refheap_name(g->heap), name);
	root.mnt = mount;
	root.dentry = mount->mnt_root;
	file = file_open_root(&root, path, flags, 0);
	if (IS_ERR(file)) {
		kunit_release_action(g->test, debugfile_unmount, mount);
		return file;
	}
	kunit_add_action_or_reset(g->test, debugfile_close, file);
	return file;
}

/* In the order opposite to that of opening. */
static void debugfile_done(struct graph *g, struct file *file)
{
	struct vfsmount *mount = file->f_path.mnt;

	kunit_release_action(g->test, debugfile_close, file);
	kunit_release_action(g->test, debugfile_unmount, mount);
}

/*
 * The files are seq_files behind a proxy that only user space's buffers can
 * pass, so read the seq_file itself, as often as it takes.
 */
static ssize_t debugfile_fill(struct file *file, char *text, size_t size)
{
	struct kvec vec = { .iov_base = text, .iov_len = size };
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t n;

	init_sync_kiocb(&iocb, file);
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	do {
		n = seq_read_iter(&iocb, &iter);
	} while (n > 0 && iov_iter_count(&iter));
	return n < 0 ? n : size - iov_iter_count(&iter);
}

/* What reading the beginning of a file would return. */
static long debugfile_try(struct graph *g, const char *name, char *text)
{
	struct file *file = debugfile_open(g, name, O_RDONLY);
	long n;

	if (!file)
		kunit_skip(g->test, "the kernel has no debugfs");
	if (IS_ERR(file))
		return PTR_ERR(file);
	n = debugfile_fill(file, text, DEBUGFILE_MAX - 1);
	debugfile_done(g, file);
	return n;
}

static char *debugfile_buffer(struct graph *g)
{
	char *text = kunit_kzalloc(g->test, DEBUGFILE_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(g->test, text);
	return text;
}

/* How long the file is, as far as it is read, or why it cannot be. */
long debugfile_try_read(struct graph *g, const char *name)
{
	char *text = debugfile_buffer(g);
	long n = debugfile_try(g, name, text);

	kunit_kfree(g->test, text);
	return n;
}

/* The beginning of a file, freed after the test; skips it without debugfs. */
char *debugfile_read(struct graph *g, const char *name)
{
	char *text = debugfile_buffer(g);
	long n = debugfile_try(g, name, text);

	KUNIT_ASSERT_GE_MSG(g->test, n, 0, "%s", name);
	return text;
}

/* What write() would return. */
long debugfile_write(struct graph *g, const char *name, const char *text)
{
	struct file *file = debugfile_open(g, name, O_WRONLY);
	size_t size = strlen(text);
	unsigned long user;
	loff_t pos = 0;
	long err;

	if (!file)
		kunit_skip(g->test, "the kernel has no debugfs");
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(g->test, file, "%s: %ld", name,
					 PTR_ERR(file));
	user = kunit_vm_mmap(g->test, NULL, 0, PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_LT(g->test, user, TASK_SIZE);
	KUNIT_ASSERT_NE(g->test, user, 0);
	if (copy_to_user((char __user *)user, text, size))
		kunit_skip(g->test, "no memory of user space's here");
	err = file->f_op->write(file, (const char __user *)user, size, &pos);
	debugfile_done(g, file);
	return err;
}

/* A figure of the heap's stats file, -1 if it is not there. */
s64 debugfile_stat(struct graph *g, const char *key)
{
	char *line, *text = debugfile_read(g, "stats");
	size_t length = strlen(key);
	s64 value;

	while ((line = strsep(&text, "\n"))) {
		if (strncmp(line, key, length) ||
		    !strchr(" \t:", line[length]))
			continue;
		line = skip_spaces(line + length);
		if (*line == ':')
			line = skip_spaces(line + 1);
		if (!kstrtos64(line, 10, &value))
			return value;
	}
	return -1;
}

/* Warnings that the heap has given. */
s64 debugfile_warnings(struct graph *g)
{
	return debugfile_stat(g, "warnings");
}
