/* SPDX-License-Identifier: GPL-2.0 */
/* Interrupts come in threads of their own: see irq_work.c. */
#ifndef _ASM_IRQFLAGS_H
#define _ASM_IRQFLAGS_H

#include <asm/current.h>

static __always_inline unsigned long arch_local_save_flags(void)
{
	return user_state() & USER_IRQS_OFF;
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	if (!flags)
		user_state_add(USER_IRQS_OFF);
	return flags;
}

static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	unsigned long off = arch_local_save_flags();

	if (off && !flags)
		user_state_sub(USER_IRQS_OFF);
	else if (!off && flags)
		user_state_add(USER_IRQS_OFF);
}

#define arch_local_irq_enable()		arch_local_irq_restore(0)
#define arch_local_irq_disable()	((void)arch_local_irq_save())
#define arch_irqs_disabled_flags(flags)	((flags) != 0)
#define arch_irqs_disabled()		(arch_local_save_flags() != 0)

#endif /* _ASM_IRQFLAGS_H */
