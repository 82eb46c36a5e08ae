// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU data: an area for each processor, the same in all of them.  What has
 * been freed is used again by allocations of the same size.
 */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "user.h"

#define AREA_BYTES	(16UL << 20)

extern char __per_cpu_start[], __per_cpu_end[];

unsigned long __per_cpu_offset[NR_CPUS];
struct cpumask __cpu_possible_mask, __cpu_online_mask, __cpu_present_mask,
	       __cpu_active_mask;
atomic_t __num_online_cpus;
unsigned int nr_cpu_ids = NR_CPUS;

struct percpu_free {
	struct percpu_free *next;
	unsigned long offset;
	size_t size;
};

static arch_spinlock_t percpu_lock;
static struct percpu_free *percpu_used, *percpu_unused;
static unsigned long percpu_end;

static struct percpu_free *percpu_take(struct percpu_free **from,
				       unsigned long offset, size_t size)
{
	struct percpu_free *entry;

	for (; (entry = *from); from = &entry->next)
		if ((size && entry->size == size) ||
		    (offset && entry->offset == offset)) {
			*from = entry->next;
			return entry;
		}
	return NULL;
}

static struct percpu_free *percpu_extend(size_t size)
{
	struct percpu_free *entry = host_malloc(sizeof(*entry), 0);

	if (!entry || percpu_end + size > AREA_BYTES - PAGE_SIZE)
		panic("no room for per-CPU data");
	entry->offset = percpu_end;
	entry->size = size;
	percpu_end += size;
	return entry;
}

void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved,
				 gfp_t gfp)
{
	struct percpu_free *entry;
	unsigned int cpu;
	void *pointer;

	if (user_alloc_fails(gfp))
		return NULL;
	size = ALIGN(size, SMP_CACHE_BYTES);
	arch_spin_lock(&percpu_lock);
	entry = percpu_take(&percpu_unused, 0, size) ?: percpu_extend(size);
	entry->next = percpu_used;
	percpu_used = entry;
	pointer = __per_cpu_start + entry->offset;
	arch_spin_unlock(&percpu_lock);
	for_each_possible_cpu(cpu)
		memset(pointer + __per_cpu_offset[cpu], 0, size);
	return (void __percpu *)pointer;
}

void free_percpu(void __percpu *pointer)
{
	struct percpu_free *entry;

	if (!pointer)
		return;
	arch_spin_lock(&percpu_lock);
	entry = percpu_take(&percpu_used, (void *)pointer -
			    (void *)__per_cpu_start, 0);
	if (!entry)
		panic("not per-CPU data");
	entry->next = percpu_unused;
	percpu_unused = entry;
	arch_spin_unlock(&percpu_lock);
}

/* With what a sanitizer has put between variables. */
static void __no_sanitize_address percpu_copy(char *area, size_t bytes)
{
	volatile u64 *to = (void *)area, *from = (void *)__per_cpu_start;

	for (; bytes; bytes -= sizeof(*to))
		*to++ = *from++;
}

void user_percpu_init(void)
{
	size_t fixed = __per_cpu_end - __per_cpu_start;
	char *areas = host_map(AREA_BYTES * NR_CPUS, PAGE_SIZE);
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		percpu_copy(areas, fixed);
		__per_cpu_offset[cpu] = areas - __per_cpu_start;
		cpumask_set_cpu(cpu, &__cpu_possible_mask);
		/* Not all in the same sets of the caches. */
		areas += AREA_BYTES - 17 * SMP_CACHE_BYTES;
	}
	percpu_end = ALIGN(fixed + 1, SMP_CACHE_BYTES);
	for (cpu = 0; cpu < min(host_cpus(), NR_CPUS); cpu++) {
		cpumask_set_cpu(cpu, &__cpu_online_mask);
		cpumask_set_cpu(cpu, &__cpu_present_mask);
		cpumask_set_cpu(cpu, &__cpu_active_mask);
	}
	atomic_set(&__num_online_cpus, cpumask_weight(&__cpu_online_mask));
}
