// SPDX-License-Identifier: GPL-2.0
/* The log goes to standard output, a line in one piece. */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "user.h"

#define PRINTK_MOST	1024

/* As "dmesg -r" has it. */
static void printk_line(int level, const char *text)
{
	u64 us = host_ns(1) / NSEC_PER_USEC;
	char line[PRINTK_MOST + 64];
	size_t n;

	n = scnprintf(line, sizeof(line), "<%d>[%5llu.%06llu][%5s%d] %s\n",
		      level, us / USEC_PER_SEC, us % USEC_PER_SEC, "T",
		      current ? current->pid : 0, text);
	host_print(line, n);
}

static int vprintk_lines(const char *format, va_list args)
{
	int level = printk_get_level(format);
	char text[PRINTK_MOST], *rest = text, *line;

	vscnprintf(text, sizeof(text), printk_skip_headers(format), args);
	while ((line = strsep(&rest, "\n")))
		if (rest || *line)
			printk_line(level >= '0' && level <= '7' ? level - '0' :
				    MESSAGE_LOGLEVEL_DEFAULT, line);
	return 0;
}

asmlinkage int vprintk(const char *format, va_list args)
{
	return vprintk_lines(format, args);
}

asmlinkage int _printk(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vprintk_lines(format, args);
	va_end(args);
	return n;
}

asmlinkage int _printk_deferred(const char *format, ...)
	__alias(_printk);

void __printk_deferred_enter(void)
{
}

void __printk_deferred_exit(void)
{
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
	vprintk_lines(format, args);
	va_end(args);
}

void __warn_printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintk_lines(format, args);
	va_end(args);
}

void panic(const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vscnprintf(why, sizeof(why), format, args);
	va_end(args);
	pr_emerg("Kernel %s - not syncing: %s\n", __func__, why);
	host_abort();
}

void add_taint(unsigned int flag, enum lockdep_ok ok)
{
}
