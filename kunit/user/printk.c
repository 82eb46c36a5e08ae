// SPDX-License-Identifier: GPL-2.0
/* The log goes to standard output, a line in one piece. */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "user.h"

#define PRINTK_MOST	2048

static __thread char line[PRINTK_MOST];
static __thread size_t length;

static int vprintk_line(const char *format, va_list args)
{
	char text[PRINTK_MOST / 2];
	const char *start;
	size_t n;

	n = vscnprintf(text, sizeof(text), format, args);
	start = printk_skip_headers(text);
	/* A line that has not ended goes on only with KERN_CONT. */
	if (length && start != text && !strstarts(text, KERN_CONT)) {
		line[length++] = '\n';
		host_print(line, length);
		length = 0;
	}
	n -= start - text;
	n = min(n, PRINTK_MOST - 1 - length);
	memcpy(line + length, start, n);
	length += n;
	if (length && (line[length - 1] == '\n' || length == PRINTK_MOST - 1)) {
		host_print(line, length);
		length = 0;
	}
	return n;
}

asmlinkage int vprintk(const char *format, va_list args)
{
	return vprintk_line(format, args);
}

asmlinkage int _printk(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vprintk_line(format, args);
	va_end(args);
	return n;
}

void warn_slowpath_fmt(const char *file, int number, unsigned int taint,
		       const char *format, ...)
{
	va_list args;

	pr_warn("WARNING: CPU: %u PID: %d at %s:%d %pS\n", user_thread.cpu,
		current ? current->pid : 0, file, number,
		__builtin_return_address(0));
	if (!format)
		return;
	va_start(args, format);
	vprintk_line(format, args);
	va_end(args);
}

void __warn_printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintk_line(format, args);
	va_end(args);
}

void panic(const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vscnprintf(why, sizeof(why), format, args);
	va_end(args);
	pr_emerg("Kernel panic - not syncing: %s\n", why);
	host_abort();
}

void add_taint(unsigned int flag, enum lockdep_ok ok)
{
}
