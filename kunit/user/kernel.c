// SPDX-License-Identifier: GPL-2.0
/* What single functions of other parts of a kernel do for these tests. */
#include <linux/bottom_half.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/stacktrace.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "user.h"

bool static_key_initialized = true;

/* Interrupts that run softirqs are threads of their own. */
void __local_bh_enable_ip(unsigned long ip, unsigned int count)
{
	preempt_count_sub(count);
}

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke,
			int (*startup)(unsigned int cpu),
			int (*teardown)(unsigned int cpu), bool multi)
{
	return 0;
}

void get_random_bytes(void *buffer, size_t bytes)
{
	host_random(buffer, bytes);
}

u64 get_random_u64(void)
{
	u64 value;

	get_random_bytes(&value, sizeof(value));
	return value;
}

u32 get_random_u32(void)
{
	return get_random_u64();
}

u32 __get_random_u32_below(u32 ceiling)
{
	return reciprocal_scale(get_random_u32(), ceiling);
}

/* For the stack depot. */
unsigned int stack_trace_save(unsigned long *entries, unsigned int most,
			      unsigned int skip)
{
	void *caller[64];
	unsigned int i, nr;

	/* Not this function. */
	skip++;
	nr = host_callers(caller, min(most + skip, 64U));
	for (i = skip; i < nr; i++)
		entries[i - skip] = (unsigned long)caller[i];
	return nr > skip ? nr - skip : 0;
}

/* No stack begins in an interrupt that another has below it. */
unsigned int filter_irq_stacks(unsigned long *entries, unsigned int nr)
{
	return nr;
}

/* There are no pages but by their address. */
struct page *mem_map;

struct page *__alloc_pages_noprof(gfp_t gfp, unsigned int order, int node,
				  nodemask_t *nodes)
{
	void *memory;

	if (user_alloc_fails(gfp))
		return NULL;
	memory = host_map(PAGE_SIZE << order, PAGE_SIZE);
	return memory ? virt_to_page(memory) : NULL;
}

unsigned long nr_free_buffer_pages(void)
{
	return host_free_pages();
}

void free_pages(unsigned long address, unsigned int order)
{
	host_unmap((void *)address, PAGE_SIZE << order);
}

/* Tests provoke reports faster than anybody should be told of them. */
int ___ratelimit(struct ratelimit_state *state, const char *function)
{
	return true;
}

void si_meminfo(struct sysinfo *info)
{
	memset(info, 0, sizeof(*info));
	info->freeram = host_free_pages();
	info->totalram = info->freeram;
	info->mem_unit = PAGE_SIZE;
}

#ifdef USER_TSAN
__attribute__((no_sanitize("thread")))
void *user_memchr(const void *at, int c, size_t n)
{
	const volatile u8 *byte = at;

	for (; n; n--, byte++)
		if (*byte == (u8)c)
			return (void *)byte;
	return NULL;
}

void *user_memset(void *at, int c, size_t n)
{
	void *to = at;

	asm volatile("rep stosb" : "+D" (to), "+c" (n) : "a" (c) : "memory");
	return at;
}
#endif

/* For "%pS". */
int sprint_symbol_no_offset(char *buffer, unsigned long address)
{
	const char *name = host_symbol(address);

	return name ? sprintf(buffer, "%s", name) :
		      sprintf(buffer, "0x%lx", address);
}

int sprint_symbol(char *buffer, unsigned long address)
{
	return sprint_symbol_no_offset(buffer, address);
}

int sprint_symbol_build_id(char *buffer, unsigned long address)
{
	return sprint_symbol_no_offset(buffer, address);
}

int sprint_backtrace(char *buffer, unsigned long address)
{
	return sprint_symbol_no_offset(buffer, address - 1);
}

int __init execute_with_initialized_rng(struct notifier_block *nb)
{
	return 0;
}

unsigned long _copy_from_user(void *to, const void __user *from,
			      unsigned long n)
{
	return raw_copy_from_user(to, from, n);
}

unsigned long _copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return raw_copy_to_user(to, from, n);
}

/* As kernel/cpu.c has them. */
#define MASK_DECLARE_1(x)	[(x) + 1][0] = BIT(x)
#define MASK_DECLARE_2(x)	MASK_DECLARE_1(x), MASK_DECLARE_1((x) + 1)
#define MASK_DECLARE_4(x)	MASK_DECLARE_2(x), MASK_DECLARE_2((x) + 2)
#define MASK_DECLARE_8(x)	MASK_DECLARE_4(x), MASK_DECLARE_4((x) + 4)

const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
	MASK_DECLARE_8(0),
#if NR_CPUS > 8
	MASK_DECLARE_8(8), MASK_DECLARE_8(16),
	MASK_DECLARE_8(24), MASK_DECLARE_8(32), MASK_DECLARE_8(40),
	MASK_DECLARE_8(48), MASK_DECLARE_8(56),
#endif
};

const DECLARE_BITMAP(cpu_all_bits, NR_CPUS) = CPU_BITS_ALL;

void user_missing(const char *name) __noreturn;

void user_missing(const char *name)
{
	panic("%s() is not among the stand-ins", name);
}
