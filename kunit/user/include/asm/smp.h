/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SMP_H
#define _ASM_SMP_H

#include <asm/current.h>

#define raw_smp_processor_id()	(user_thread.cpu)

#endif /* _ASM_SMP_H */
