// SPDX-License-Identifier: GPL-2.0
/*
 * References held by number, for objects that are made by the thousand and
 * have no names.
 */
#include "shell.h"

static DEFINE_XARRAY(held);	/* M */

int shell_hold(struct refobj *obj)
{
	u32 serial = to_shell(obj)->serial;
	int err = xa_reserve(&held, serial, GFP_KERNEL);

	if (!err)
		xa_store(&held, serial, refobj_get(obj), GFP_KERNEL);
	return err;
}

struct refobj *shell_held(u32 serial)
{
	struct refobj *obj = xa_load(&held, serial);

	return obj ? refobj_get(obj) : NULL;
}

/* The reference is now the caller's. */
struct refobj *shell_drop(u32 serial)
{
	return xa_erase(&held, serial);
}

void shell_drop_all(void)
{
	unsigned long serial;
	void *entry;

	xa_for_each(&held, serial, entry) {
		struct refobj *obj __free(refobj) = shell_drop(serial);
	}
}
