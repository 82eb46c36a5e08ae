/* SPDX-License-Identifier: GPL-2.0 */
/* Who keeps references when their client is gone: keeper.c. */
#ifndef REFHEAP_KUNIT_KEEPER_H
#define REFHEAP_KUNIT_KEEPER_H

struct refobj;

int keeper_keep(struct refobj *obj);

#endif /* REFHEAP_KUNIT_KEEPER_H */
