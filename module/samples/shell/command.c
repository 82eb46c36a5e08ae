// SPDX-License-Identifier: GPL-2.0
/*
 * What may be written to "command": lines of words, one blank between them.
 *
 *   new NAME TYPE [ACTION]	NAME is a new object; ACTION is its finalizer
 *   new NAME weakref PATH [ACTION]  one with a slot and a weak reference to
 *				PATH; ACTION is called back when that is dead
 *   name NAME PATH		NAME = PATH, a name that there is not yet
 *   rename NAME PATH		the same for one that there is
 *   del NAME			the name goes, and its reference
 *   ref PATH SLOT PATH		PATH.SLOT = PATH
 *   unref PATH SLOT		the slot becomes empty
 *   move PATH SLOT PATH SLOT	the first slot gets what the second has
 *   take NAME PATH SLOT	a new name gets what the slot has
 *   give PATH SLOT NAME	the slot gets what the name has; the name goes
 *   weak WEAK PATH [ACTION]	WEAK is a weak reference outside of the heap
 *   unweak WEAK		it goes, and its callback
 *   load NAME WEAK		NAME = what it refers to, or print "dead"
 *   make TYPE[*COUNT]...	new objects, each held by its number
 *   fill PATH SLOT TARGET...	the slots from this one on; TARGET is PATH or -
 *   drop RANGE...		these numbers hold nothing any more
 *   collect [candidates]	print how many were reclaimed
 *   drain			wait for what the heap's thread still has to do
 *   reset			all of this goes; the next object has number 0
 *
 *   state [all]		everything, and what happened since last time; of
 *				weak references that are dead with "all" only
 *   log			what happened, in that order
 *   forget			what happened, unseen
 *   count PATH			references to it
 *   slots PATH			the numbers of what its slots refer to
 *   type PATH			what it is
 *   living, dead		the numbers of all that are, or were, objects
 *   counts			references to each object in turn, - to the dead
 *   heap			what the heap itself says
 *   echo WORD			WORD
 *
 *   NAME   letters, digits and _, no digit first, at most 31
 *   PATH   NAME or #NUMBER, and any number of .SLOT: what is referred to there
 *   TYPE   leaf, node (4 slots), array:SLOTS, visit:SLOTS
 *   RANGE  NUMBER or NUMBER-NUMBER
 *   ACTION log, or another of those in action.c
 *
 * Objects are numbered as they are made, from 0, and so are weak references.
 * "state" prints of an object its number, its type, the references to it, f if
 * its finalizer was called or else -, the number of weak references to it,
 * "to" and the target if it is a weak reference, and what its slots refer to.
 * Opening the file for writing clears "result".
 *
 * A line that is not as above has no effect: a write that begins with it fails
 * with -EINVAL, and "result" then says what is wrong; a write that comes to it
 * later ends before it, and returns what it has done.  The newline of the last
 * line may be missing if the write is shorter than a page.  Longer ones are
 * taken for parts of a stream, and what follows their last newline for the
 * beginning of a line that the next write, or closing, completes.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "shell.h"

#define WRITE_MAX	((size_t)SZ_1M)

/* One for each time that the file is open: the beginning of a line. */
struct shell_input {
	size_t length;			/* M */
	char line[SHELL_LINE_MAX + 1];	/* M */
};

static char complaint[256];		/* M */

/* Say what is wrong with the line, if nothing has been said yet. */
int shell_refuse(const char *format, ...)
{
	va_list args;

	if (*complaint)
		return -EINVAL;
	va_start(args, format);
	vscnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	return -EINVAL;
}

/* Digits, and none more than needed. */
int shell_number(const char *word, u32 limit, u32 *number)
{
	if (*word < '0' || *word > '9' || (*word == '0' && word[1]) ||
	    kstrtou32(word, 10, number))
		return shell_refuse("'%s' is no number", word);
	if (*number > limit)
		return shell_refuse("%u is more than %u", *number, limit);
	return 0;
}

/* --- a line -------------------------------------------------------------- */

static const struct shell_verb *find_verb(const char *word)
{
	static const struct shell_verb * const tables[] = {
		shell_operations, shell_queries,
	};
	const struct shell_verb *verb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (verb = tables[i]; verb->verb; verb++)
			if (!strcmp(verb->verb, word))
				return verb;
	return NULL;
}

/* Return: the number of words, or an error. */
static int split(char *line, char **words)
{
	unsigned int nr = 0;

	while (line) {
		if (nr == SHELL_WORDS_MAX)
			return shell_refuse("more than %u words",
					    SHELL_WORDS_MAX);
		words[nr] = strsep(&line, " ");
		if (!*words[nr++])
			return shell_refuse(nr == 1 && !line ? "empty line" :
					    "a blank too many");
	}
	return nr;
}

static bool printable(const char *line, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] > '~')
			return false;
	return true;
}

static int run_words(char **words, unsigned int nr)
{
	const struct shell_verb *verb = find_verb(words[0]);

	if (!verb)
		return shell_refuse("unknown verb '%s'", words[0]);
	if (nr - 1 < verb->min || nr - 1 > verb->max)
		return shell_refuse("wrong number of words after '%s': %u",
				    words[0], nr - 1);
	return verb->run(words + 1, nr - 1) ?: shell_printed();
}

/* @line ends with a NUL that does not count, and does not survive. */
static int run_line(char *line, size_t length)
{
	static char *words[SHELL_WORDS_MAX];	/* M */
	int nr;

	*complaint = '\0';
	if (length > SHELL_LINE_MAX)
		return shell_refuse("a line of more than %u characters",
				    SHELL_LINE_MAX);
	if (!printable(line, length))
		return shell_refuse("a character that is not printable ASCII");
	nr = split(line, words);
	return nr < 0 ? nr : run_words(words, nr);
}

static void complain(int err)
{
	if (*complaint)
		shell_print("error: %s\n", complaint);
	else
		shell_print("error: %d\n", err);
	shell_printed();
}

/* --- a write ------------------------------------------------------------- */

/* Complete what an earlier write has left: one line, from two pieces. */
static int run_joined(struct shell_input *input, const char *rest,
		      size_t length)
{
	size_t before = input->length;

	input->length = 0;
	if (before + length > SHELL_LINE_MAX)
		return run_line(input->line, before + length);
	memcpy(input->line + before, rest, length);
	input->line[before + length] = '\0';
	return run_line(input->line, before + length);
}

static int keep(struct shell_input *input, const char *rest, size_t length)
{
	if (input->length + length > SHELL_LINE_MAX)
		return run_joined(input, rest, length);
	memcpy(input->line + input->length, rest, length);
	input->length += length;
	return 0;
}

/* A line without its newline, or the end of a write. */
static int run_part(struct shell_input *input, char *part, size_t length,
		    bool whole)
{
	if (!whole)
		return keep(input, part, length);
	if (input->length)
		return run_joined(input, part, length);
	part[length] = '\0';
	return run_line(part, length);
}

/*
 * Run the lines of @text, behind which there is room for a NUL.
 * Return: how far it came, or the error of the first line.
 */
static ssize_t run_text(struct shell_input *input, char *text, size_t size,
			bool stream)
{
	char *line = text, *end = text + size;
	int err = 0;

	while (!err && line < end) {
		char *newline = memchr(line, '\n', end - line);
		size_t length = (newline ?: end) - line;

		err = fatal_signal_pending(current) ? -EINTR :
		      run_part(input, line, length, newline || !stream);
		if (!err)
			line += length + !!newline;
		cond_resched();
	}
	if (line > text || !err)
		return line - text;
	complain(err);
	return err;
}

static ssize_t command_write(struct file *file, const char __user *user,
			     size_t size, loff_t *pos)
{
	bool stream = size >= PAGE_SIZE;
	char *text;
	ssize_t ret;

	size = min(size, WRITE_MAX);
	text = kvmalloc(size + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_user(text, user, size)) {
		ret = -EFAULT;
	} else {
		mutex_lock(&shell_lock);
		ret = run_text(file->private_data, text, size, stream);
		mutex_unlock(&shell_lock);
	}
	kvfree(text);
	return ret;
}

static int command_open(struct inode *inode, struct file *file)
{
	struct shell_input *input = kzalloc(sizeof(*input), GFP_KERNEL);

	if (!input)
		return -ENOMEM;
	file->private_data = input;
	mutex_lock(&shell_lock);
	shell_result_clear();
	mutex_unlock(&shell_lock);
	return nonseekable_open(inode, file);
}

/* The end of a stream whose last line has no newline. */
static int command_release(struct inode *inode, struct file *file)
{
	struct shell_input *input = file->private_data;
	int err = 0;

	mutex_lock(&shell_lock);
	if (input->length)
		err = run_joined(input, "", 0);
	if (err)
		complain(err);
	mutex_unlock(&shell_lock);
	kfree(input);
	return 0;
}

const struct file_operations shell_command_fops = {
	.owner = THIS_MODULE,
	.open = command_open,
	.write = command_write,
	.release = command_release,
};
