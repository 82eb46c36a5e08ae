/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SIGCONTEXT_H
#define _ASM_SIGCONTEXT_H

struct sigcontext {
};

#endif /* _ASM_SIGCONTEXT_H */
