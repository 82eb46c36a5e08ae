// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does on a heap of its own what it is told in
 * /sys/kernel/debug/refheap_shell/:
 *
 *	cd /sys/kernel/debug/refheap_shell
 *	printf '%s\n' 'new a node' 'ref a 0 a' 'del a' collect state >command
 *	cat result
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "shell.h"

static char *name = "shell";
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "of the heap");

static unsigned int period_ms;
module_param(period_ms, uint, 0444);
MODULE_PARM_DESC(period_ms, "let the heap's thread collect by itself, at least so often; 0: only when told");

DEFINE_MUTEX(shell_lock);	/* one command at a time */
struct refheap *shell_heap;

static struct dentry *folder;

/* Under lockdown files with other modes would be refused. */
static void add_files(void)
{
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("command", 0200, folder, NULL,
			    &shell_command_fops);
	debugfs_create_file("result", 0400, folder, NULL, &shell_result_fops);
}

static int __init shell_init(void)
{
	struct refheap_params params = {
		.flags = period_ms ? 0 : REFHEAP_STOPPED,
		.period_ms = period_ms,
	};
	int err;

	shell_heap = refheap_create(name, &params);
	if (IS_ERR(shell_heap))
		return PTR_ERR(shell_heap);
	err = shell_register_types();
	if (err)
		refheap_destroy(shell_heap);
	else
		add_files();
	return err;
}
module_init(shell_init);

static void __exit shell_exit(void)
{
	debugfs_remove_recursive(folder);
	shell_empty();
	refheap_destroy(shell_heap);
	shell_forget_living();
	shell_event_free();
	shell_result_free();
}
module_exit(shell_exit);

MODULE_DESCRIPTION("A shell on a refheap");
MODULE_LICENSE("GPL");
REFHEAP_IMPORT_NS;
