// SPDX-License-Identifier: GPL-2.0
/*
 * Slab caches.
 *
 * Each processor has an array of free objects, the last freed is the next to
 * be allocated, contents and all; half of it moves to and from the cache's
 * depot at a time.  What the depot has not comes from blocks that are not given
 * back before the cache is destroyed, so all of it is type-stable.
 *
 * AddressSanitizer sees none of that: with it objects come from the C library
 * instead, but type-stable ones only if user_slab_debug says so: then each is
 * freed a grace period later, and its memory is hardly ever used again.
 */
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "user.h"

#define SLAB_CACHED	128
#define SLAB_BATCH	(SLAB_CACHED / 2)
#define SLAB_BLOCK	BIT(20)

struct slab_cpu {
	unsigned int nr;
	u64 allocated;
	u64 freed;
	void *object[SLAB_CACHED];
};

struct slab_batch {
	struct slab_batch *next;
	unsigned int nr;
	void *object[SLAB_BATCH];
};

struct slab_block {
	struct slab_block *next;
};

struct kmem_cache {
	size_t size;
	size_t stride;
	size_t align;
	bool host;			/* objects are the C library's */
	bool stable;
	void (*ctor)(void *object);
	struct list_head list;		/* of all */
	struct slab_cpu __percpu *cpu;
	arch_spinlock_t lock;		/* of what follows */
	struct slab_batch *full;
	struct slab_batch *empty;
	struct slab_block *blocks;
	size_t used;			/* of the first block */
	char name[160];
};

#ifdef USER_ASAN
bool user_slab_debug = true;
#else
bool user_slab_debug;
#endif

static DEFINE_MUTEX(caches_lock);
static LIST_HEAD(caches);

bool (*user_fail_alloc)(gfp_t gfp);

/* --- the depot ---------------------------------------------------------- */

static bool slab_carve(struct kmem_cache *cache, struct slab_cpu *cpu)
{
	struct slab_block *block = cache->blocks;
	unsigned int i;
	void *object;

	if (!block || cache->used + cache->stride > SLAB_BLOCK) {
		block = host_map(SLAB_BLOCK, SLAB_BLOCK);
		if (!block)
			return false;
		block->next = cache->blocks;
		cache->blocks = block;
		cache->used = ALIGN(sizeof(*block), cache->align);
	}
	for (i = 0; i < SLAB_BATCH; i++) {
		if (cache->used + cache->stride > SLAB_BLOCK)
			break;
		object = (void *)block + cache->used;
		cache->used += cache->stride;
		if (cache->ctor)
			cache->ctor(object);
		cpu->object[i] = object;
	}
	cpu->nr = i;
	/* The lowest address is the first to go. */
	for (i = 0; i < cpu->nr / 2; i++)
		swap(cpu->object[i], cpu->object[cpu->nr - 1 - i]);
	return true;
}

static noinline bool slab_refill(struct kmem_cache *cache,
				 struct slab_cpu *cpu)
{
	struct slab_batch *batch;
	bool done = true;

	arch_spin_lock(&cache->lock);
	batch = cache->full;
	if (batch) {
		cache->full = batch->next;
		memcpy(cpu->object, batch->object, sizeof(batch->object));
		cpu->nr = batch->nr;
		batch->next = cache->empty;
		cache->empty = batch;
	} else {
		done = slab_carve(cache, cpu);
	}
	arch_spin_unlock(&cache->lock);
	return done;
}

/* Those that have been there longest. */
static noinline void slab_flush(struct kmem_cache *cache, struct slab_cpu *cpu)
{
	unsigned int nr = min(cpu->nr, SLAB_BATCH);
	struct slab_batch *batch;

	arch_spin_lock(&cache->lock);
	batch = cache->empty;
	if (batch)
		cache->empty = batch->next;
	else
		batch = host_malloc(sizeof(*batch), 0);
	if (!batch)
		panic("no memory to free memory");
	memcpy(batch->object, cpu->object, nr * sizeof(*cpu->object));
	batch->nr = nr;
	batch->next = cache->full;
	cache->full = batch;
	arch_spin_unlock(&cache->lock);
	cpu->nr -= nr;
	memmove(cpu->object, cpu->object + nr, cpu->nr * sizeof(*cpu->object));
}

/* Of a thread that frees what others allocate, and seldom. */
void user_slab_give_back(void)
{
	struct kmem_cache *cache;
	struct slab_cpu *cpu;

	mutex_lock(&caches_lock);
	list_for_each_entry(cache, &caches, list) {
		cpu = this_cpu_ptr(cache->cpu);
		while (cpu->nr)
			slab_flush(cache, cpu);
	}
	mutex_unlock(&caches_lock);
}

/* --- allocating and freeing --------------------------------------------- */

static void slab_count(u64 *count)
{
	/* Others only read it. */
	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

static void *slab_host_alloc(struct kmem_cache *cache)
{
	void *object = host_malloc(cache->size, cache->align);

	if (object && cache->ctor)
		cache->ctor(object);
	return object;
}

void *kmem_cache_alloc_noprof(struct kmem_cache *cache, gfp_t gfp)
{
	struct slab_cpu *cpu = this_cpu_ptr(cache->cpu);
	void *object;

	if (user_alloc_fails(gfp))
		return NULL;
	if (unlikely(cache->host))
		object = slab_host_alloc(cache);
	else if (likely(cpu->nr) || slab_refill(cache, cpu))
		object = cpu->object[--cpu->nr];
	else
		object = NULL;
	if (unlikely(!object))
		return NULL;
	slab_count(&cpu->allocated);
	if (unlikely(gfp & __GFP_ZERO))
		memset(object, 0, cache->size);
	return object;
}

struct slab_later {
	struct rcu_head rcu;
	void *object;
};

static void slab_free_later(struct rcu_head *rcu)
{
	struct slab_later *later = container_of(rcu, struct slab_later, rcu);

	host_free(later->object);
	host_free(later);
}

static void slab_host_free(struct kmem_cache *cache, void *object)
{
	struct slab_later *later;

	if (!cache->stable) {
		host_free(object);
		return;
	}
	later = host_malloc(sizeof(*later), 0);
	if (!later)
		panic("no memory to free memory");
	later->object = object;
	call_rcu(&later->rcu, slab_free_later);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct slab_cpu *cpu = this_cpu_ptr(cache->cpu);

	slab_count(&cpu->freed);
	if (unlikely(cache->host)) {
		slab_host_free(cache, object);
		return;
	}
	if (unlikely(cpu->nr == SLAB_CACHED))
		slab_flush(cache, cpu);
	cpu->object[cpu->nr++] = object;
}

int kmem_cache_alloc_bulk_noprof(struct kmem_cache *cache, gfp_t gfp,
				 size_t nr, void **objects)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		objects[i] = kmem_cache_alloc_noprof(cache, gfp);
		if (!objects[i]) {
			kmem_cache_free_bulk(cache, i, objects);
			return 0;
		}
	}
	return nr;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **objects)
{
	while (nr--)
		kmem_cache_free(cache, objects[nr]);
}

void *kmem_cache_alloc_lru_noprof(struct kmem_cache *cache,
				  struct list_lru *lru, gfp_t gfp)
{
	return kmem_cache_alloc_noprof(cache, gfp);
}

unsigned int kmem_cache_size(struct kmem_cache *cache)
{
	return cache->size;
}

/* --- caches ------------------------------------------------------------- */

struct kmem_cache *__kmem_cache_create_args(const char *name,
					    unsigned int size,
					    struct kmem_cache_args *args,
					    slab_flags_t flags)
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	if (!cache)
		goto failed;
	cache->align = max_t(size_t, args->align, sizeof(void *));
	if (flags & SLAB_HWCACHE_ALIGN)
		cache->align = max_t(size_t, cache->align, SMP_CACHE_BYTES);
	cache->size = size;
	cache->stride = ALIGN(size, cache->align);
	cache->stable = flags & SLAB_TYPESAFE_BY_RCU;
	cache->ctor = args->ctor;
	cache->host = cache->stride > SLAB_BLOCK / 2 || user_slab_debug ||
		      (IS_ENABLED(CONFIG_KASAN) && !cache->stable);
	strscpy(cache->name, name, sizeof(cache->name));
	cache->cpu = alloc_percpu(struct slab_cpu);
	if (!cache->cpu) {
		kfree(cache);
		goto failed;
	}
	mutex_lock(&caches_lock);
	list_add(&cache->list, &caches);
	mutex_unlock(&caches_lock);
	return cache;

failed:
	/* As the kernel does. */
	pr_warn("%s(%s) failed with error %d\nCall Trace:\n", __func__, name,
		-ENOMEM);
	return NULL;
}

static u64 slab_left(struct kmem_cache *cache)
{
	struct slab_cpu *slab;
	u64 left = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		slab = per_cpu_ptr(cache->cpu, cpu);
		left += READ_ONCE(slab->allocated) - READ_ONCE(slab->freed);
	}
	return left;
}

static void slab_free_batches(struct slab_batch *batch)
{
	struct slab_batch *next;

	for (; batch; batch = next) {
		next = batch->next;
		host_free(batch);
	}
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	struct slab_block *block, *next;
	u64 left;

	if (!cache)
		return;
	if (cache->stable && cache->host)
		rcu_barrier();
	else if (cache->stable)
		synchronize_rcu();
	left = slab_left(cache);
	if (left) {
		pr_err("BUG %s: %llu objects remaining in a cache that is destroyed\n",
		       cache->name, left);
		return;
	}
	mutex_lock(&caches_lock);
	list_del(&cache->list);
	mutex_unlock(&caches_lock);
	slab_free_batches(cache->full);
	slab_free_batches(cache->empty);
	for (block = cache->blocks; block; block = next) {
		next = block->next;
		host_unmap(block, SLAB_BLOCK);
	}
	free_percpu(cache->cpu);
	kfree(cache);
}

/* --- kmalloc() ---------------------------------------------------------- */

kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];

static void *slab_malloc(size_t size, gfp_t gfp)
{
	size_t align = size ? min_t(size_t, size & -size, PAGE_SIZE) : 8;
	void *memory;

	if (user_alloc_fails(gfp) || size > INT_MAX)
		return NULL;
	memory = host_malloc(size, align);
	if (memory && gfp & __GFP_ZERO)
		memset(memory, 0, size);
	return memory;
}

void *__kmalloc_noprof(size_t size, gfp_t gfp)
{
	return slab_malloc(size, gfp);
}

void *__kmalloc_cache_noprof(struct kmem_cache *cache, gfp_t gfp, size_t size)
{
	return slab_malloc(size, gfp);
}

void *__kmalloc_large_noprof(size_t size, gfp_t gfp)
{
	return slab_malloc(size, gfp);
}

void *__kmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t gfp, int node)
{
	return slab_malloc(size, gfp);
}

void *__kmalloc_node_track_caller_noprof(DECL_BUCKET_PARAMS(size, b),
					 gfp_t gfp, int node,
					 unsigned long caller)
{
	return slab_malloc(size, gfp);
}

void *__vmalloc_node_range_noprof(unsigned long size, unsigned long align,
				  unsigned long start, unsigned long end,
				  gfp_t gfp, pgprot_t prot,
				  unsigned long flags, int node,
				  const void *caller)
{
	return slab_malloc(size, gfp);
}

void kfree(const void *memory)
{
	if (!ZERO_OR_NULL_PTR(memory))
		host_free((void *)memory);
}

void vfree(const void *memory)
{
	kfree(memory);
}

bool slab_is_available(void)
{
	return true;
}
