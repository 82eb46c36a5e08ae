/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and nothing else.  Features are probed, not
 * versions, wherever the preprocessor can see them: stable kernels carry
 * backports.  Kbuild sets HAVE_* for those it cannot.
 */
#ifndef _REFHEAP_COMPAT_H
#define _REFHEAP_COMPAT_H

#include <linux/export.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

/*
 * Every exported symbol lives in one namespace, whose name became a string
 * in 6.13; no macro tells.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_REFHEAP(symbol) \
	EXPORT_SYMBOL_NS_GPL(symbol, "REFHEAP")
#else
#define EXPORT_SYMBOL_REFHEAP(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, REFHEAP)
#endif

/* Kernels clear what lies on the stack unless they are told not to. */
#ifndef __uninitialized
#define __uninitialized
#endif

/*
 * SLAB_NO_MERGE says what we want; where it is missing the constructor and
 * SLAB_TYPESAFE_BY_RCU each keep the caches apart as well.  From 6.7 it may
 * be an enumerator behind a macro, which #ifdef sees.
 */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	0
#endif

/*
 * A cache of type-stable objects.  The slab keeps its free pointer behind
 * them, as readers may look at free memory, unless @free_pointer (not
 * negative) is where they do not.
 */
static inline struct kmem_cache *
refcompat_create_cache(const char *name, size_t size, size_t align,
		       slab_flags_t flags, long free_pointer)
{
#ifdef HAVE_FREEPTR_OFFSET
	struct kmem_cache_args args = {
		.align = align,
		.use_freeptr_offset = free_pointer >= 0,
		.freeptr_offset = max(free_pointer, 0L),
	};

	return kmem_cache_create(name, size, &args,
				 flags | SLAB_TYPESAFE_BY_RCU);
#else
	return kmem_cache_create(name, size, align,
				 flags | SLAB_TYPESAFE_BY_RCU, NULL);
#endif
}

/* shrinker_alloc() came with struct shrinker's private_data. */
#ifdef HAVE_SHRINKER_ALLOC
static inline struct shrinker *
refcompat_register_shrinker(struct shrinker *template, const char *name)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = template->count_objects;
	shrinker->scan_objects = template->scan_objects;
	shrinker->seeks = template->seeks;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void refcompat_unregister_shrinker(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
static inline struct shrinker *
refcompat_register_shrinker(struct shrinker *template, const char *name)
{
	return register_shrinker(template, "%s", name) ? NULL : template;
}

static inline void refcompat_unregister_shrinker(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
}
#endif

#endif /* _REFHEAP_COMPAT_H */
