/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SMP_H
#define _ASM_SMP_H

#include <asm/current.h>

/*
 * One that is online, as what runs on a processor expects; several threads have
 * the same, and per-CPU data of their own.
 */
#define raw_smp_processor_id()	(user_thread.online)

#endif /* _ASM_SMP_H */
