// SPDX-License-Identifier: GPL-2.0
/*
 * The text that commands print: what has been printed since "command" was
 * last opened.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "shell.h"

#define RESULT_FIRST	4096
#define RESULT_LIMIT	(512UL << 20)

static struct {
	char *text;
	size_t length;
	size_t room;
	bool lost;	/* some of it, since shell_printed() */
} result;		/* M */

static bool result_grow(size_t more)
{
	size_t room = max_t(size_t, result.room, RESULT_FIRST);
	char *text;

	while (room < result.length + more)
		room *= 2;
	if (room == result.room)
		return true;
	if (room > RESULT_LIMIT)
		return false;
	text = kvmalloc(room, GFP_KERNEL);
	if (!text)
		return false;
	memcpy(text, result.text, result.length);
	kvfree(result.text);
	result.text = text;
	result.room = room;
	return true;
}

static __printf(1, 0) size_t result_append(const char *format, va_list args)
{
	return vsnprintf(result.text + result.length,
			 result.room - result.length, format, args);
}

void shell_print(const char *format, ...)
{
	size_t length;
	va_list args;

	va_start(args, format);
	length = result_append(format, args);
	va_end(args);
	if (length >= result.room - result.length) {
		if (!result_grow(length + 1)) {
			result.lost = true;
			return;
		}
		va_start(args, format);
		result_append(format, args);
		va_end(args);
	}
	result.length += length;
}

/* Has all that an operation printed found room? */
int shell_printed(void)
{
	bool lost = result.lost;

	result.lost = false;
	return lost ? -ENOMEM : 0;
}

void shell_result_clear(void)
{
	result.length = 0;
}

void shell_result_free(void)
{
	kvfree(result.text);
	memset(&result, 0, sizeof(result));
}

static ssize_t result_read(struct file *file, char __user *user, size_t size,
			   loff_t *pos)
{
	ssize_t ret;

	mutex_lock(&shell_lock);
	ret = simple_read_from_buffer(user, size, pos, result.text,
				      result.length);
	mutex_unlock(&shell_lock);
	return ret;
}

const struct file_operations shell_result_fops = {
	.owner = THIS_MODULE,
	.read = result_read,
	.llseek = default_llseek,
};
