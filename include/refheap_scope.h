/* SPDX-License-Identifier: GPL-2.0 */
/*
 * References that end with a scope; part of <refheap.h>.
 *
 * A reference in a variable that says __free(refobj) is put when the variable
 * leaves its scope, by whatever way.  What returns a counted reference may
 * initialise one: refobj_alloc(), refobj_get(), refslot_take(),
 * refslot_load(), refweak_load(), refheap_lookup(), refmap_lookup().
 *
 *	struct refobj *obj __free(refobj) = refobj_alloc(type, GFP_KERNEL);
 *
 *	if (!obj)
 *		return NULL;
 *	if (refslot_set(obj, &to_node(obj)->next, next))
 *		return NULL;			put here
 *	return_ptr(obj);			handed on to the caller
 *
 * refobj_take() hands the reference on to anything else, refobj_assign()
 * gives the variable another, refslot_give_ptr() moves it into a slot.  With
 * them no function needs a refobj_put() of its own.
 */
#ifndef _REFHEAP_H
#error "include <refheap.h>"
#endif

#ifndef _REFHEAP_SCOPE_H
#define _REFHEAP_SCOPE_H

#include <linux/cleanup.h>
#include <linux/err.h>

/* private: what ends with its scope; allocation may have failed */
static inline void __refobj_end(struct refobj *ref)
{
	if (!IS_ERR_OR_NULL(ref))
		refobj_put(ref);
}

DEFINE_FREE(refobj, struct refobj *, __refobj_end(_T))

/*
 * A heap that is destroyed when the variable leaves its scope; no_free_ptr()
 * hands it on.  Not a scope inside a callback of the heap.
 */
DEFINE_FREE(refheap, struct refheap *, refheap_destroy(_T))

/* A weak map that is destroyed when the variable leaves its scope. */
DEFINE_FREE(refmap, struct refmap *, refmap_destroy(_T))

/* private: see refobj_take() */
static inline struct refobj * __must_check
__refobj_take(struct refobj **variable)
{
	struct refobj *ref = *variable;

	*variable = NULL;
	return ref;
}

/**
 * refobj_take - hand the reference in a variable on
 * @variable: a pointer that owns a reference, or NULL; it is NULL afterwards
 *
 * Works with any variable: that of an outer scope, a member, a static one.
 * The receiver may be another variable with __free(refobj), and then this
 * decides where a reference that was held for long ends.  Not for slots: see
 * refslot_take().
 *
 * Context: any; the variable must be the caller's own.
 * Return: what @variable held; the caller owns it.
 */
#define refobj_take(variable)	__refobj_take(&(variable))

/* private: see refobj_assign() */
static inline void __refobj_assign(struct refobj **variable,
				   struct refobj *ref)
{
	struct refobj *old = *variable;

	*variable = ref;
	__refobj_end(old);
}

/**
 * refobj_assign - let a variable that owns a reference own another
 * @variable: a pointer that owns a reference, or NULL
 * @ref: a reference that becomes the variable's, or NULL
 *
 * Python's assignment to a local variable; with NULL its del.  @ref is
 * evaluated while the old object is still held, so that
 * ``refobj_assign(node, refslot_load(&to_node(node)->next))`` walks a list.
 * The old reference is put last: @variable has changed by then.
 *
 * Context: any but NMI; the variable must be the caller's own.
 */
#define refobj_assign(variable, ref)	__refobj_assign(&(variable), ref)

/* private: see refslot_give_ptr() */
static inline int __refslot_give_ptr(struct refobj *owner,
				     struct refslot *slot,
				     struct refobj **variable)
{
	struct refobj *ref = __refobj_take(variable);
	int err = refslot_give(owner, slot, ref);

	if (err)
		*variable = ref;
	return err;
}

/**
 * refslot_give_ptr - move the reference in a variable into a slot
 * @owner: the held object that @slot is in
 * @slot: any of its slots
 * @variable: a pointer that owns a reference, or NULL, which empties the
 *	      slot; NULL afterwards if that succeeds, else unchanged
 *
 * refslot_give() for variables with __free(refobj).
 *
 * Context: any but NMI; the variable must be the caller's own.
 * Return: as refslot_give().
 */
#define refslot_give_ptr(owner, slot, variable) \
	__refslot_give_ptr(owner, slot, &(variable))

#endif /* _REFHEAP_SCOPE_H */
