/* SPDX-License-Identifier: GPL-2.0 */
/* What the C library and the kernel beneath it do for the kernel above. */
#ifndef _USER_HOST_H
#define _USER_HOST_H

#define HOST_FOREVER	(~0ULL)

void *host_map(unsigned long bytes, unsigned long align);
void host_unmap(void *memory, unsigned long bytes);
void *host_malloc(unsigned long bytes, unsigned long align);
void host_free(void *memory);
unsigned long long host_ns(int clock);
void host_sleep_until(unsigned long long ns);
void host_yield(void);
int host_thread(void (*function)(void *data), void *data);
void host_thread_exit(void) __attribute__((__noreturn__));
void host_name_thread(const char *name);
void host_wait(unsigned int *word, unsigned int value,
	       unsigned long long until_ns);
void host_wake(unsigned int *word);
void host_barrier_all(void);
unsigned int host_cpus(void);
unsigned long host_free_pages(void);
void host_pin(int cpu);
void host_nice(int nice);
void host_print(const char *text, unsigned long length);
const char *host_environment(const char *name);
void host_exit(int status) __attribute__((__noreturn__));
void host_abort(void) __attribute__((__noreturn__));
void host_random(void *buffer, unsigned long bytes);
const char *host_symbol(unsigned long address);
int host_callers(void **caller, int most);
void host_stack(unsigned long *low, unsigned long *bytes);

#endif /* _USER_HOST_H */
