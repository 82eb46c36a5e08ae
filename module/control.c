// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: a heap's control file.
 *
 * One command a write, with or without a newline at its end:
 *
 *   collect		collect candidates now, return when done
 *   collect=full	judge every container, return when done
 *   period=<ms>	how long a candidate waits at most
 *   threshold=<n>	candidates that start a collection; 0: none do
 *   stop		no automatic collection
 *   start		automatic collection again
 *
 * Anything else: -EINVAL, and nothing happens.
 */
#include <linux/debugfs.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "internal.h"

#define REFCONTROL_MAX	64

static int refcontrol_collect(struct refheap *heap, const char *value)
{
	long ret;

	if (value && strcmp(value, "full"))
		return -EINVAL;
	ret = refheap_collect(heap, value ? REFHEAP_COLLECT_FULL : 0);
	return ret < 0 ? ret : 0;
}

static int refcontrol_number(const char *value, unsigned int *number)
{
	/* kstrtouint() would take a sign and a newline. */
	if (!value || *value < '0' || *value > '9')
		return -EINVAL;
	return kstrtouint(value, 10, number) ? -EINVAL : 0;
}

static int refcontrol_period(struct refheap *heap, const char *value)
{
	unsigned int period;

	return refcontrol_number(value, &period) ?:
	       refheap_set_period(heap, period);
}

static int refcontrol_threshold(struct refheap *heap, const char *value)
{
	unsigned int threshold;

	return refcontrol_number(value, &threshold) ?:
	       refheap_set_threshold(heap, threshold);
}

static int refcontrol_stop(struct refheap *heap, const char *value)
{
	if (value)
		return -EINVAL;
	refheap_stop(heap);
	return 0;
}

static int refcontrol_start(struct refheap *heap, const char *value)
{
	if (value)
		return -EINVAL;
	refheap_start(heap);
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct refheap *heap, const char *value);
} refcontrol_verbs[] = {
	{ "collect", refcontrol_collect },
	{ "period", refcontrol_period },
	{ "threshold", refcontrol_threshold },
	{ "stop", refcontrol_stop },
	{ "start", refcontrol_start },
};

static int refcontrol_run(struct refheap *heap, char *command)
{
	char *value = command;
	char *verb = strsep(&value, "=");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refcontrol_verbs); i++)
		if (!strcmp(verb, refcontrol_verbs[i].verb))
			return refcontrol_verbs[i].run(heap, value);
	return -EINVAL;
}

static ssize_t refcontrol_write(struct file *file, const char __user *user,
				size_t size, loff_t *pos)
{
	struct refheap *heap = file->private_data;
	char command[REFCONTROL_MAX];
	int err;

	if (!size || size >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, user, size))
		return -EFAULT;
	command[size] = '\0';
	if (strlen(command) != size)
		return -EINVAL;
	if (command[size - 1] == '\n')
		command[size - 1] = '\0';
	err = refcontrol_run(heap, command);
	return err ?: size;
}

const struct file_operations refcontrol_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = refcontrol_write,
	.llseek = noop_llseek,
};
