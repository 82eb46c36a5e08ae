/* SPDX-License-Identifier: GPL-2.0 */
/* The holder may be off its processor: who waits for long gives way. */
#ifndef _ASM_SPINLOCK_H
#define _ASM_SPINLOCK_H

#include <linux/compiler.h>
#include <asm/processor.h>

static inline int arch_spin_is_locked(arch_spinlock_t *lock)
{
	return __atomic_load_n(&lock->held, __ATOMIC_RELAXED);
}

static inline int arch_spin_value_unlocked(arch_spinlock_t lock)
{
	return !lock.held;
}

#define arch_spin_is_contended(lock)	0

static inline bool arch_spin_trylock(arch_spinlock_t *lock)
{
	return !__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE);
}

static inline void arch_spin_lock(arch_spinlock_t *lock)
{
	while (!arch_spin_trylock(lock))
		while (arch_spin_is_locked(lock))
			cpu_relax();
}

static inline void arch_spin_unlock(arch_spinlock_t *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

static inline bool arch_write_trylock(arch_rwlock_t *lock)
{
	int none = 0;

	return __atomic_compare_exchange_n(&lock->readers, &none, -1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void arch_write_lock(arch_rwlock_t *lock)
{
	while (!arch_write_trylock(lock))
		cpu_relax();
}

static inline void arch_write_unlock(arch_rwlock_t *lock)
{
	__atomic_store_n(&lock->readers, 0, __ATOMIC_RELEASE);
}

static inline bool arch_read_trylock(arch_rwlock_t *lock)
{
	int readers = __atomic_load_n(&lock->readers, __ATOMIC_RELAXED);

	return readers >= 0 &&
	       __atomic_compare_exchange_n(&lock->readers, &readers,
					   readers + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void arch_read_lock(arch_rwlock_t *lock)
{
	while (!arch_read_trylock(lock))
		cpu_relax();
}

static inline void arch_read_unlock(arch_rwlock_t *lock)
{
	__atomic_fetch_sub(&lock->readers, 1, __ATOMIC_RELEASE);
}

#endif /* _ASM_SPINLOCK_H */
