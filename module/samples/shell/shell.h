/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A shell on a refheap: objects are made, named, referred to and dropped by
 * commands from user space (command.c has the grammar).
 *
 *  command.c	lines, words, verbs: what is written to "command"
 *  operation.c	verbs that change something
 *  query.c	verbs that show something
 *  result.c	the text that they print: what is read from "result"
 *  object.c	types, making an object, its slots
 *  path.c	from the text of a path to an object
 *  name.c	the names: each holds a reference, as a Python variable
 *  held.c	the same by number, for objects made by the thousand
 *  weak.c	weak references that lie outside of the heap
 *  action.c	what finalizers and callbacks of weak references do
 *  event.c	the log of what happened to objects
 *
 * Who owns what
 * =============
 *
 * A function that returns an object returns a counted reference that is the
 * caller's.  Pointers to objects are scope-bound, so that no path of any
 * function needs a put; those in structures are moved in and out by
 * no_free_ptr().
 *
 * Locking
 * =======
 *
 *  M  shell_lock (mutex): one command at a time
 *  N  name_lock (spinlock): names change in callbacks, too
 *  W  weak_lock (spinlock): callbacks look for weak references
 *  X  the xarray's own lock: objects and events are recorded in callbacks
 *
 * No reference is put while a spinlock is held.
 */
#ifndef _SHELL_H
#define _SHELL_H

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include <refheap.h>

#define SHELL_NAME_MAX	31
#define SHELL_LINE_MAX	4095
#define SHELL_WORDS_MAX	1024

extern struct mutex shell_lock;
extern struct refheap *shell_heap;

/* --- command.c ----------------------------------------------------------- */

extern const struct file_operations shell_command_fops;

__printf(1, 2) int shell_refuse(const char *format, ...);

/* One verb: what follows it, and how many words that are at least and most. */
struct shell_verb {
	const char *verb;
	unsigned int min, max;
	int (*run)(char **words, unsigned int nr);
};

extern const struct shell_verb shell_operations[], shell_queries[];

int shell_number(const char *word, u32 limit, u32 *number);

/* --- operation.c --------------------------------------------------------- */

s64 shell_empty(void);

/* --- result.c ------------------------------------------------------------ */

extern const struct file_operations shell_result_fops;

__printf(1, 2) void shell_print(const char *format, ...);
int shell_printed(void);
void shell_result_clear(void);
void shell_result_free(void);

/* --- object.c ------------------------------------------------------------ */

struct shell_action;

enum shell_kind {
	SHELL_LEAF,		/* refers to nothing */
	SHELL_NODE,		/* declared slots */
	SHELL_ARRAY,		/* an array of slots */
	SHELL_VISIT,		/* slots that a visit callback reports */
	SHELL_WEAKREF,		/* a weak reference, and a slot */
	SHELL_KINDS,
};

#define SHELL_NODE_SLOTS	4
#define SHELL_SLOTS_MAX		1000000

/* What a type word says: "array:3". */
struct shell_type {
	enum shell_kind kind;
	u32 slots;
};

/*
 * What all objects begin with.  An object's serial number is its identity in
 * everything that is read and printed; its epoch, that of the last reset
 * before it was made.
 */
struct shell_object {
	struct refobj obj;
	u32 serial;
	u16 epoch;
	u8 kind;
	u8 events;			/* that there is room for in the log */
	struct shell_action *action;	/* of its finalizer or callback, or NULL */
};

static inline struct shell_object *to_shell(const struct refobj *obj)
{
	return container_of(obj, struct shell_object, obj);
}

int shell_register_types(void);
const char *shell_kind_name(enum shell_kind kind);
int shell_parse_type(const char *word, struct shell_type *type);
struct refobj *shell_new(const struct shell_type *type,
			 struct shell_action *finalizer);
struct refobj *shell_new_weakref(struct refobj *target,
				 struct shell_action *callback);
struct refobj *shell_new_promised(u32 serial);
struct refweak *shell_weak_of(const struct refobj *obj);
u32 shell_nr_slots(const struct refobj *obj);
struct refslot *shell_slot(const struct refobj *obj, u32 i);

/*
 * The living, by serial number, and how many numbers have been given out; some
 * of them to what is no object, or not yet.
 */
struct refobj *shell_living(u32 serial);
bool shell_is_living(u32 serial);
bool shell_is_known(u32 serial);
int shell_promise_serial(u32 *serial);
void shell_break_promise(u32 serial);
struct refobj *shell_next_living(u32 *serial);
u32 shell_nr_serials(void);
void shell_forget_living(void);

/* --- path.c -------------------------------------------------------------- */

struct refobj *shell_resolve(const char *path);
struct refslot *shell_resolve_slot(const struct refobj *owner,
				   const char *word);

/* --- name.c -------------------------------------------------------------- */

/**
 * struct shell_name - a name and what it refers to
 * @node: (N) in the tree, sorted by @text
 * @obj: (N) counted
 * @text: the name
 */
struct shell_name {
	struct rb_node node;
	struct refobj *obj;
	char text[SHELL_NAME_MAX + 1];
};

int shell_check_name(const char *word);
struct shell_name *shell_name_alloc(const char *text);
bool shell_name_exists(const char *text);
struct refobj *shell_name_get(const char *text);
int shell_name_add(const char *text, struct refobj *obj);
struct refobj *shell_name_set(const char *text, struct refobj *ref);
struct refobj *shell_name_bind(struct shell_name *spare, struct refobj *ref);
struct refobj *shell_name_remove(const char *text);
bool shell_name_remove_any(void);
void shell_print_names(void);

/* --- held.c -------------------------------------------------------------- */

int shell_hold(struct refobj *obj);
struct refobj *shell_held(u32 serial);
struct refobj *shell_drop(u32 serial);
void shell_drop_all(void);

/* --- weak.c -------------------------------------------------------------- */

bool shell_weak_exists(const char *text);
int shell_weak_add(const char *text, struct refobj *target,
		   struct shell_action *callback);
bool shell_weak_load(const char *text, struct refobj **obj);
void shell_weak_remove(const char *text);
bool shell_weak_remove_any(void);
void shell_print_weaks(void);

/* --- action.c ------------------------------------------------------------ */

struct shell_action *shell_parse_action(char **words, unsigned int nr,
					bool callback);
bool shell_action_makes(const struct shell_action *action);
void shell_action_promise(struct shell_action *action, u32 serial);
unsigned int shell_action_events(const struct shell_action *action);
void shell_act(struct shell_action *action, struct refobj *self);
void shell_free_action(struct shell_action *action);
DEFINE_FREE(shell_action, struct shell_action *, shell_free_action(_T))

/* --- event.c ------------------------------------------------------------- */

enum shell_event {
	SHELL_FINALIZED,
	SHELL_LOADED,		/* a finalizer a weak reference to another */
	SHELL_RELEASED,
	SHELL_CALLED,		/* a weak reference back */
	SHELL_EVENTS,
};

#define SHELL_NOBODY	(BIT(28) - 1)

int shell_event_reserve(unsigned int nr);
void shell_event_unreserve(unsigned int nr);
void shell_event(enum shell_event event, u32 serial, u32 other);
int shell_settle(void);
int shell_print_events(bool all);
void shell_print_log(void);
void shell_forget_events(void);
void shell_event_free(void);

#endif /* _SHELL_H */
