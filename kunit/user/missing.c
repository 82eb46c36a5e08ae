// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of the kernel that code refers to which is never run.  MISSING is
 * the list, made when linking: see the Makefile.
 */
void user_missing(const char *name) __attribute__((__noreturn__));

#define MISSING(name)				\
	void name(void);			\
						\
	void name(void)				\
	{					\
		user_missing(#name);		\
	}

#include USER_MISSING
