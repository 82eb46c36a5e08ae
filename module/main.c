// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading.
 */
#include <linux/module.h>

#include "internal.h"

struct kmem_cache *refchunk_cache, *refchunk_leaf_cache;

module_param_named(period_ms, refheap_default_period, uint, 0444);
MODULE_PARM_DESC(period_ms, "Default of the longest time that a candidate waits for a collection, in milliseconds");
module_param_named(threshold, refheap_default_threshold, uint, 0444);
MODULE_PARM_DESC(threshold, "Default of the number of candidates that start a collection at once");

module_param_named(keep, reftype_keep, bool, 0444);
MODULE_PARM_DESC(keep, "Keep a few free objects of each type ready on each CPU (default: yes, unless the kernel has KASAN)");

static int __init refheap_init(void)
{
	int err = -ENOMEM;

	if (!refheap_default_period || refheap_default_period > INT_MAX)
		return -EINVAL;
	/* Aligned so that the low bits of refobj.place hold the row's index. */
	refchunk_cache = kmem_cache_create("refheap_chunk",
					   sizeof(struct refchunk),
					   REFROW_PER_CHUNK, 0, NULL);
	if (!refchunk_cache)
		return err;
	refchunk_leaf_cache =
		kmem_cache_create("refheap_chunk_leaf",
				  offsetof(struct refchunk, marked_node),
				  REFROW_PER_CHUNK, 0, NULL);
	if (!refchunk_leaf_cache)
		goto err_chunk;
	err = refpressure_init();
	if (err)
		goto err_leaf;
	err = refdebugfs_init();
	if (err)
		goto err_pressure;
	return 0;

err_pressure:
	refpressure_exit();
err_leaf:
	kmem_cache_destroy(refchunk_leaf_cache);
err_chunk:
	kmem_cache_destroy(refchunk_cache);
	return err;
}

/* Every client is gone, and so is every heap: each pins the module. */
static void __exit refheap_exit(void)
{
	refdebugfs_exit();
	refpressure_exit();
	kmem_cache_destroy(refchunk_leaf_cache);
	kmem_cache_destroy(refchunk_cache);
}

module_init(refheap_init);
module_exit(refheap_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Private heap of reference-counted objects with concurrent cycle collection");
MODULE_AUTHOR("The refheap authors");
