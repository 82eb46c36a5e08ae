// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: a heap's control file.
 *
 * One command a write, with or without a newline at its end:
 *
 *   collect		collect candidates now, return when done
 *   collect=full	judge every container, return when done
 *   collect=<age>	judge containers of this age, 0 to 2, and below
 *   period=<ms>	how long a candidate waits at most
 *   threshold=<n>	candidates that start a collection; 0: none do
 *   threshold=<n>,<n>,<n>	the same, and how many collections of age 0 and
 *			1 come before one of the next age; 0: none by count
 *   stop		no automatic collection
 *   start		automatic collection again
 *   freeze		take all present containers out of collections
 *   unfreeze		let collections look at them again
 *   save=on, save=off	keep islands in the garbage list, do not reclaim them
 *   garbage=clear	give that list up
 *   track=on, track=off	note where objects are allocated
 *   report		write to the log what is alive, by type and site
 *   unbind=<name>	take a name away; -ENOENT if it is not bound
 *
 * Anything else: -EINVAL, and nothing happens.
 */
#include <linux/debugfs.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "internal.h"

#define REFCONTROL_MAX	(REFHEAP_NAME_MAX + 16)

static int refcontrol_number(const char *value, unsigned int *number)
{
	/* kstrtouint() would take a sign and a newline. */
	if (!value || *value < '0' || *value > '9' || strchr(value, '\n'))
		return -EINVAL;
	return kstrtouint(value, 10, number) ? -EINVAL : 0;
}

static int refcontrol_collect(struct refheap *heap, char *value)
{
	unsigned int age;
	long ret;

	if (!value)
		ret = refheap_collect(heap, 0);
	else if (!strcmp(value, "full"))
		ret = refheap_collect(heap, REFHEAP_COLLECT_FULL);
	else
		ret = refcontrol_number(value, &age) ?:
		      refheap_collect_age(heap, age);
	return ret < 0 ? ret : 0;
}

static int refcontrol_period(struct refheap *heap, char *value)
{
	unsigned int period;

	return refcontrol_number(value, &period) ?:
	       refheap_set_period(heap, period);
}

/* One number, or one for each age. */
static int refcontrol_threshold(struct refheap *heap, char *value)
{
	unsigned int thresholds[REFHEAP_AGES], nr = 0;
	char *number;

	refheap_get_thresholds(heap, thresholds);
	while ((number = strsep(&value, ",")))
		if (nr == REFHEAP_AGES ||
		    refcontrol_number(number, &thresholds[nr++]))
			return -EINVAL;
	if (nr != 1 && nr != REFHEAP_AGES)
		return -EINVAL;
	refheap_set_thresholds(heap, thresholds);
	return 0;
}

static int refcontrol_stop(struct refheap *heap)
{
	refheap_stop(heap);
	return 0;
}

static int refcontrol_start(struct refheap *heap)
{
	refheap_start(heap);
	return 0;
}

static int refcontrol_unbind(struct refheap *heap, char *value)
{
	return refname_valid(value) ? refheap_unbind(heap, value) : -EINVAL;
}

/* Return: 1, 0, or -EINVAL. */
static int refcontrol_switch(const char *value)
{
	if (!value)
		return -EINVAL;
	return !strcmp(value, "on") ? 1 : !strcmp(value, "off") ? 0 : -EINVAL;
}

static int refcontrol_save(struct refheap *heap, char *value)
{
	int save = refcontrol_switch(value);

	if (save < 0)
		return save;
	refheap_set_save_all(heap, save);
	return 0;
}

static int refcontrol_garbage(struct refheap *heap, char *value)
{
	if (!value || strcmp(value, "clear"))
		return -EINVAL;
	refheap_empty_garbage(heap);
	return 0;
}

static int refcontrol_track(struct refheap *heap, char *value)
{
	int track = refcontrol_switch(value);

	return track < 0 ? track : refheap_track_sites(heap, track);
}

/* Those without a value, and those that may have, or need, one. */
static const struct {
	const char *verb;
	int (*plain)(struct refheap *heap);
	int (*valued)(struct refheap *heap, char *value);
} refcontrol_verbs[] = {
	{ "collect", .valued = refcontrol_collect },
	{ "period", .valued = refcontrol_period },
	{ "threshold", .valued = refcontrol_threshold },
	{ "stop", refcontrol_stop },
	{ "start", refcontrol_start },
	{ "freeze", refheap_freeze },
	{ "unfreeze", refheap_unfreeze },
	{ "save", .valued = refcontrol_save },
	{ "track", .valued = refcontrol_track },
	{ "report", refheap_report },
	{ "garbage", .valued = refcontrol_garbage },
	{ "unbind", .valued = refcontrol_unbind },
};

static int refcontrol_run(struct refheap *heap, char *command)
{
	char *value = command;
	char *verb = strsep(&value, "=");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refcontrol_verbs); i++) {
		if (strcmp(verb, refcontrol_verbs[i].verb))
			continue;
		if (refcontrol_verbs[i].valued)
			return refcontrol_verbs[i].valued(heap, value);
		return value ? -EINVAL : refcontrol_verbs[i].plain(heap);
	}
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
