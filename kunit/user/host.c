// SPDX-License-Identifier: GPL-2.0
/* The only file that sees the C library's headers, and none of the kernel's. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#ifdef USER_ASAN
#include <sanitizer/lsan_interface.h>
#endif

/* Aligned, zeroed, and there only where it is touched. */
void *host_map(unsigned long bytes, unsigned long align)
{
	uintptr_t start, end;
	char *memory;

	memory = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	start = ((uintptr_t)memory + align - 1) & -align;
	end = start + bytes;
	if (start > (uintptr_t)memory)
		munmap(memory, start - (uintptr_t)memory);
	if ((uintptr_t)memory + bytes + align > end)
		munmap((void *)end, (uintptr_t)memory + bytes + align - end);
#ifdef USER_ASAN
	__lsan_register_root_region((void *)start, bytes);
#endif
	return (void *)start;
}

void host_unmap(void *memory, unsigned long bytes)
{
#ifdef USER_ASAN
	__lsan_unregister_root_region(memory, bytes);
#endif
	munmap(memory, bytes);
}

void *host_malloc(unsigned long bytes, unsigned long align)
{
	void *memory;

	if (align <= 16)
		return malloc(bytes);
	return posix_memalign(&memory, align, bytes) ? NULL : memory;
}

void host_free(void *memory)
{
	free(memory);
}

unsigned long long host_ns(int clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

void host_sleep_until(unsigned long long ns)
{
	struct timespec until = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

void host_yield(void)
{
	sched_yield();
}

struct host_start {
	void (*function)(void *data);
	void *data;
};

static void *host_run(void *data)
{
	struct host_start start = *(struct host_start *)data;

	free(data);
	start.function(start.data);
	return NULL;
}

int host_thread(void (*function)(void *data), void *data)
{
	struct host_start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!start)
		return ENOMEM;
	*start = (struct host_start){ function, data };
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 1 << 20);
	err = pthread_create(&thread, &attr, host_run, start);
	pthread_attr_destroy(&attr);
	if (err)
		free(start);
	return err;
}

void host_thread_exit(void)
{
	pthread_exit(NULL);
}

void host_name_thread(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

/* While the word has the value, and not longer than until then. */
void host_wait(unsigned int *word, unsigned int value,
	       unsigned long long until_ns)
{
	struct timespec until = {
		until_ns / 1000000000, until_ns % 1000000000
	};

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
		until_ns == HOST_FOREVER ? NULL : &until, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

void host_wake(unsigned int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

/* A full barrier in all threads that run. */
void host_barrier_all(void)
{
	static int registered;

	if (!__atomic_load_n(&registered, __ATOMIC_RELAXED)) {
		if (syscall(SYS_membarrier,
			    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
			abort();
		__atomic_store_n(&registered, 1, __ATOMIC_RELAXED);
	}
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		abort();
}

static cpu_set_t host_set;

unsigned int host_cpus(void)
{
	sched_getaffinity(0, sizeof(host_set), &host_set);
	return CPU_COUNT(&host_set);
}

unsigned long host_free_pages(void)
{
	return sysconf(_SC_AVPHYS_PAGES);
}

/* To the nth that the program may use; to all of them if negative. */
void host_pin(int cpu)
{
	cpu_set_t one;
	int i;

	if (cpu < 0) {
		sched_setaffinity(0, sizeof(host_set), &host_set);
		return;
	}
	cpu %= CPU_COUNT(&host_set);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &host_set) && !cpu--)
			break;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void host_nice(int nice)
{
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), nice);
}

void host_print(const char *text, unsigned long length)
{
	ssize_t n;

	for (; length; text += n, length -= n) {
		n = write(STDOUT_FILENO, text, length);
		if (n < 0)
			return;
	}
}

const char *host_environment(const char *name)
{
	return getenv(name);
}

void host_exit(int status)
{
	exit(status);
}

void host_abort(void)
{
	abort();
}

void host_random(void *buffer, unsigned long bytes)
{
	if (getrandom(buffer, bytes, 0) != (ssize_t)bytes)
		abort();
}

void host_stack(unsigned long *low, unsigned long *bytes)
{
	pthread_attr_t attr;
	void *stack;
	size_t size;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &stack, &size);
	pthread_attr_destroy(&attr);
	*low = (unsigned long)stack;
	*bytes = size;
}

/* --- names of functions --------------------------------------------------- */

static const Elf64_Sym *symbols;
static size_t nr_symbols;
static const char *strings;

/* The program's own table, which has those of static functions too. */
static void host_read_symbols(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *header;
	const Elf64_Shdr *section;
	struct stat stat;
	int i;

	if (fd < 0 || fstat(fd, &stat))
		return;
	header = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (header == MAP_FAILED)
		return;
	section = (void *)((char *)header + header->e_shoff);
	for (i = 0; i < header->e_shnum; i++)
		if (section[i].sh_type == SHT_SYMTAB) {
			symbols = (void *)((char *)header +
					   section[i].sh_offset);
			nr_symbols = section[i].sh_size / sizeof(*symbols);
			strings = (char *)header +
				  section[section[i].sh_link].sh_offset;
		}
}

const char *host_symbol(unsigned long address)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t i;

	pthread_once(&once, host_read_symbols);
	for (i = 0; i < nr_symbols; i++)
		if (address >= symbols[i].st_value &&
		    address - symbols[i].st_value < symbols[i].st_size &&
		    ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC)
			return strings + symbols[i].st_name;
	return NULL;
}

int host_callers(void **caller, int most)
{
	return backtrace(caller, most);
}
