/* SPDX-License-Identifier: GPL-2.0 */
/* Trace points have probes, and there are no events made of them. */
