// SPDX-License-Identifier: GPL-2.0
/*
 * Notifiers: who wants to know when a collection begins and ends.
 *
 * They are client code like any other callback: called by the heap's thread
 * with no lock of the heap's held but the chain's own semaphore, waited for by
 * refheap_destroy(), and never called after it.
 */
#include <linux/notifier.h>

#include "internal.h"

void refheap_notify(struct refheap *heap, enum refheap_notice_event event,
		    struct refheap_notice *notice)
{
	if (!rcu_access_pointer(heap->notifiers.head) ||
	    !refheap_callback_begin(heap, &heap->running))
		return;
	blocking_notifier_call_chain(&heap->notifiers, event, notice);
	refheap_callback_end(&heap->running);
}

/**
 * refheap_register_notifier - be told when collections begin and end
 * @heap: a heap
 * @notifier: its notifier_call gets &enum refheap_notice_event and a &struct
 *	      refheap_notice, and returns NOTIFY_OK or NOTIFY_DONE; what it
 *	      returns else ends the round, not the collection
 *
 * Called by the heap's thread, so it may sleep, but holds up this heap's
 * collections while it does.  It may put, get and allocate objects and empty
 * the garbage list; from it refheap_collect(), refheap_destroy() and all else
 * that waits for the thread return -EDEADLK.
 *
 * Context: process, may sleep.  Not from a notifier of @heap.
 * Return: 0, or -EEXIST if it is registered already.
 */
int refheap_register_notifier(struct refheap *heap,
			      struct notifier_block *notifier)
{
	if (refpointer_bad(heap) || refpointer_bad(notifier) ||
	    !notifier->notifier_call)
		return -EINVAL;
	return blocking_notifier_chain_register(&heap->notifiers, notifier);
}
EXPORT_SYMBOL_REFHEAP(refheap_register_notifier);

/**
 * refheap_unregister_notifier - stop being told
 * @heap: a heap
 * @notifier: registered with @heap; not called any more after the return
 *
 * Need not be called before refheap_destroy().
 *
 * Context: process, may sleep.  Not from a notifier of @heap.
 * Return: 0, or -ENOENT if it is not registered.
 */
int refheap_unregister_notifier(struct refheap *heap,
				struct notifier_block *notifier)
{
	if (refpointer_bad(heap) || refpointer_bad(notifier))
		return -EINVAL;
	return blocking_notifier_chain_unregister(&heap->notifiers, notifier);
}
EXPORT_SYMBOL_REFHEAP(refheap_unregister_notifier);
