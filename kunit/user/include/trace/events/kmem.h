/* SPDX-License-Identifier: GPL-2.0 */
/* One event stands for all: see kmem.c. */
#ifndef _USER_TRACE_EVENTS_KMEM_H
#define _USER_TRACE_EVENTS_KMEM_H

#include <linux/slab.h>
#include <linux/tracepoint.h>

typedef void (*user_probe)(void *data, unsigned long call_site,
			   const void *ptr, struct kmem_cache *cache,
			   gfp_t gfp, int node);

int register_trace_kmem_cache_alloc(user_probe probe, void *data);
int unregister_trace_kmem_cache_alloc(user_probe probe, void *data);

static inline int register_trace_kmalloc(void *probe, void *data)
{
	return 0;
}

static inline int unregister_trace_kmalloc(void *probe, void *data)
{
	return 0;
}

#endif /* _USER_TRACE_EVENTS_KMEM_H */
