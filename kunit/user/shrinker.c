// SPDX-License-Identifier: GPL-2.0
/* There is one shrinker, and it is asked when a test says so. */
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

static struct shrinker *registered;

struct shrinker *shrinker_alloc(unsigned int flags, const char *format, ...)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

void shrinker_register(struct shrinker *shrinker)
{
	WRITE_ONCE(registered, shrinker);
}

void shrinker_free(struct shrinker *shrinker)
{
	if (registered == shrinker)
		WRITE_ONCE(registered, NULL);
	kfree(shrinker);
}

