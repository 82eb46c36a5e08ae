// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail because a test wants them to.
 *
 * By the kernel's own fault injection, of the slab and of pages. What fails is
 * told by the stack: refheap is close behind. What the kernel does when deep
 * in making a slab cache it runs out of memory is no concern here (6.12 leaks
 * the cache's name).
 */
#include "debugfile.h"
#include "fault.h"
#include "graph.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>

static void fault_write(struct graph *g, const char *key, const char *value)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	unsigned int i;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(name, sizeof(name), "//%s/%s", kinds[i], key);
		KUNIT_EXPECT_EQ(g->test, debugfile_write(g, name, value),
				strlen(value));
	}
}

static void fault_write_address(struct graph *g, const char *key,
				unsigned long address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%lx", address);
	fault_write(g, key, text);
}

#ifdef MODULE

/* refheap.ko, which stays as long as this module does. */
static struct module *fault_module(void)
{
	unsigned long inside = (unsigned long)refobj_get_unless_zero;
	struct module *module, *found = NULL;

	rcu_read_lock_sched();
	list_for_each_entry_rcu(module, &THIS_MODULE->list, list)
		/* The head of the list is no module. */
		if (module->state == MODULE_STATE_LIVE &&
		    within_module_core(inside, module)) {
			found = module;
			break;
		}
	rcu_read_unlock_sched();
	return found;
}

#else

static struct module *fault_module(void)
{
	return NULL;
}

#endif

/* The pages of its text that lie around one of its functions. */
static void fault_restrict(struct graph *g)
{
	unsigned long start = (unsigned long)refobj_get_unless_zero & PAGE_MASK;
	struct module *module = fault_module();
	unsigned long end = start;

	if (!module)
		kunit_skip(g->test, "refheap is built in");
	while (within_module_core(start - PAGE_SIZE, module))
		start -= PAGE_SIZE;
	while (within_module_core(end, module))
		end += PAGE_SIZE;
	fault_write_address(g, "require-start", start);
	fault_write_address(g, "require-end", end);
}

/* Sleeping allocations too, and without a word in the log. */
void fault_prepare(struct graph *g)
{
	if (!IS_ENABLED(CONFIG_FAILSLAB) ||
	    !IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) ||
	    !IS_ENABLED(CONFIG_FAULT_INJECTION_DEBUG_FS))
		kunit_skip(g->test, "the kernel has no fault injection");
	fault_write(g, "probability", "0");
	fault_write(g, "ignore-gfp-wait", "N");
	fault_write(g, "verbose", "0");
	fault_write(g, "stacktrace-depth", "8");
	fault_write(g, "task-filter", "Y");
	fault_write(g, "times", "-1");
	fault_restrict(g);
}

#ifdef CONFIG_FAULT_INJECTION

/* Of this task, the @nth from now on, 0: none. */
void fault_nth(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Return: how many were left until then. */
unsigned int fault_none(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	fault_nth(0);
	return left;
}

static void fault_this_task(bool fail)
{
	WRITE_ONCE(current->make_it_fail, fail);
}

#else

void fault_nth(unsigned int nth)
{
}

unsigned int fault_none(void)
{
	return 0;
}

static void fault_this_task(bool fail)
{
}

#endif

/* Of this task, every one until the end. */
void fault_all(struct graph *g)
{
	fault_write(g, "probability", "100");
	fault_this_task(true);
}

void fault_all_end(struct graph *g)
{
	fault_this_task(false);
	fault_write(g, "probability", "0");
}

/* --- a collector whose allocations all fail ----------------------------- */

/**
 * struct famine - a collection without memory
 * @notifier: begins it
 * @g: whose
 * @proven: an allocation in its thread has failed
 */
struct famine {
	struct notifier_block notifier;
	struct graph *g;
	bool proven;
};

/* In the heap's thread, before anything else of a collection. */
static int famine_begin(struct notifier_block *notifier, unsigned long event,
			void *data)
{
	struct famine *famine = container_of(notifier, struct famine, notifier);
	void *memory;

	if (event != REFHEAP_COLLECT_START)
		return NOTIFY_DONE;
	fault_this_task(true);
	memory = kmalloc(64, GFP_NOWAIT | __GFP_NOWARN);
	famine->proven = !memory;
	kfree(memory);
	return NOTIFY_DONE;
}

/*
 * Collect candidates while every allocation of the heap's thread fails.
 *
 * Return: as refheap_collect().
 */
long fault_collect(struct graph *g)
{
	struct famine famine = {
		.notifier.notifier_call = famine_begin, .g = g,
	};
	long reclaimed;

	KUNIT_ASSERT_EQ(g->test,
			refheap_register_notifier(g->heap, &famine.notifier),
			0);
	fault_write(g, "probability", "100");
	reclaimed = refheap_collect(g->heap, 0);
	fault_write(g, "probability", "0");
	refheap_unregister_notifier(g->heap, &famine.notifier);
	KUNIT_EXPECT_TRUE(g->test, famine.proven);
	return reclaimed;
}
