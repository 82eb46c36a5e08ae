// SPDX-License-Identifier: GPL-2.0
/*
 * The slab's trace events: whoever asks for memory in whatever way comes
 * through the one hook that lets allocations fail.
 */
#include <linux/numa.h>
#include <trace/events/kmem.h>

#include "user.h"

extern bool (*user_fail_alloc)(gfp_t gfp);

static user_probe kmem_probe;
static void *kmem_data;

static bool kmem_traced(gfp_t gfp)
{
	kmem_probe(kmem_data, _RET_IP_, NULL, NULL, gfp, NUMA_NO_NODE);
	return false;
}

int register_trace_kmem_cache_alloc(user_probe probe, void *data)
{
	if (user_fail_alloc)
		return -EBUSY;
	kmem_probe = probe;
	kmem_data = data;
	WRITE_ONCE(user_fail_alloc, kmem_traced);
	return 0;
}

int unregister_trace_kmem_cache_alloc(user_probe probe, void *data)
{
	WRITE_ONCE(user_fail_alloc, NULL);
	return 0;
}
