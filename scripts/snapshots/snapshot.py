#!/usr/bin/env python3
"""Compare what CPython and refheap find unreachable in a program's graph.

usage: snapshot.py --folder F --python P --vm WORDS --log F [--clear ROOT]...
                   [--after S] [--plant FAULT] PROGRAM [ARGUMENT...]
See scripts/snapshot. The exit status is 0 if there is no difference that is not
explained, 1 if there is, 2 if there was nothing to compare.
"""
import argparse
import gc
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter

import heap
from graph import Broken, Graph
from rules import RULES, After, Changes, Python

SHOWN = 10		# differences that are shown in full
FAULTS = ("edge", "root", "load", "python")
PATIENCE = 300		# seconds for a step of the specimen


class Failed(Exception):
    """There is nothing to compare."""


def say(text):
    print("  " + text, file=sys.stderr, flush=True)


# --- the program -------------------------------------------------------------

class Specimen:
    """The program's process, and those it has become."""

    def __init__(self, python, folder, clear, program):
        status, self.status_end = os.pipe()
        self.question_end, self.questions = os.pipe()
        self.answers, self.answer_end = os.pipe()
        self.status, self.buffer = status, b""
        ends = (self.status_end, self.question_end, self.answer_end)
        script = os.path.join(os.path.dirname(__file__), "specimen.py")
        self.log = folder + "/program.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [python, script, folder, *map(str, ends), *clear, "--",
                 *program],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=ends, start_new_session=True)
        for end in ends:
            os.close(end)

    def next(self, seconds):
        """The next line of status; None if there is none so soon."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.status], [], [], left)[0]:
                return None
            data = os.read(self.status, 4096)
            if not data:
                raise Failed("the program ended before it could be recorded; "
                             "its output: " + self.log)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        line = line.decode()
        if line.startswith("failed"):
            raise Failed(line)
        return line

    def expect(self, word):
        line = self.next(PATIENCE)
        if line is None or not line.startswith(word):
            raise Failed("'%s' instead of '%s'" % (line, word))
        return line

    def ask(self, *words):
        os.write(self.questions, (" ".join(map(str, words)) + "\n").encode())
        text = b""
        while not text.endswith(b"\n"):
            data = os.read(self.answers, 65536)
            if not data:
                raise Failed("the program's copy does not answer")
            text += data
        return text.decode(errors="replace").rstrip("\n")

    def end(self):
        os.close(self.questions)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def run_program(specimen, after):
    why = specimen.next(after)
    if why is None:
        say("still running after %d s: interrupted" % after)
        os.kill(specimen.process.pid, signal.SIGRTMAX)
        why = specimen.next(PATIENCE)
    if why is None:
        raise Failed("the program does not come to where it can be recorded")
    say("the program %s" % why if why.startswith("ended")
        else "the program was interrupted")
    specimen.expect("recorded")
    specimen.expect("cleared")
    specimen.expect("collected")
    specimen.expect("done")


def read_addresses(path):
    with open(path) as file:
        return [int(line) for line in file]


def read_names(path):
    names = []
    with open(path) as file:
        for line in file:
            namespace, target, name = line.rstrip("\n").split(" ", 2)
            names.append((int(namespace), int(target), name))
    return names


# --- planted faults ----------------------------------------------------------

def plant(fault, graph, held, python):
    """Spoil the record of one object that must die in a cycle, or of its fate."""
    doomed = set(range(len(graph))) - graph.reachable(held) \
        - graph.die_at_once(held)
    pairs = [(i, t) for i in sorted(doomed) for t in graph.of(i)
             if graph.known[i] and graph.known[t] and t in doomed]
    if not pairs:
        raise Failed("nothing dies in a cycle: no place for a fault")
    if fault == "edge":
        graph.lose_edges(pairs[:1])
    elif fault == "root":
        graph.outside[pairs[0][0]] += 1
        graph.count[pairs[0][0]] += 1
    elif fault == "python":
        python.alive.remove(max(python.alive))


def spoiler(fault):
    """Change what the heap is told: the references of one object are left out."""
    if fault != "load":
        return None
    done = []

    def spoil(line):
        if line.startswith("fill #") and not done:
            done.append(line)
            return ""
        return line
    return spoil


# --- the comparison ----------------------------------------------------------

class Comparison:
    def __init__(self, graph, held, python, answer, ask):
        self.graph, self.held = graph, held
        self.python, self.answer, self.ask = python, answer, ask
        self.puts = list(held.values())
        self.known = {i for i in range(len(graph)) if graph.known[i]}
        self.alive = {i for i, n in enumerate(answer.final) if n is not None}
        self.wrong = {}			# object: what is wrong with it
        self.explained = Counter()	# by rule

    def blame(self, i, what):
        self.wrong.setdefault(i, []).append(what)

    def check_heap(self):
        """refheap against the record: nothing excuses it."""
        graph, answer = self.graph, self.answer
        at_once = set(range(len(graph))) - graph.die_at_once(self.puts)
        alive = graph.reachable(self.puts)
        incoming = Counter()
        for i in alive:
            incoming.update(graph.of(i))
        names = Counter(self.puts)
        for i in range(len(graph)):
            if answer.loaded[i] != graph.count[i]:
                self.blame(i, "refheap has loaded it with count %s" %
                           answer.loaded[i])
            if (i in answer.at_once) != (i in at_once):
                self.blame(i, "refheap %s it at once, its count says otherwise" %
                           ("kept" if i in answer.at_once else "released"))
            if (i in self.alive) != (i in alive):
                self.blame(i, "refheap %s it, though it is %s" % (
                    ("kept", "unreachable") if i in self.alive
                    else ("reclaimed", "reachable")))
            elif i in alive:
                count = graph.outside[i] - names[i] + incoming[i]
                if answer.final[i] != count:
                    self.blame(i, "refheap's count is %d, not %d" %
                               (answer.final[i], count))
        if answer.collected[0]:
            self.blame(0, "%d objects were garbage when the graph had been loaded"
                       % answer.collected[0])
        if answer.collected[-1]:
            self.blame(0, "refheap's last collection still found %d"
                       % answer.collected[-1])

    def check_python(self):
        """CPython against refheap, object by object."""
        python, graph = self.python, self.graph
        changes = Changes(graph, python, self.puts, self.ask)
        for rule, owner, i in changes.by_rule():
            if rule is None:
                self.blame(i, "CPython changed who refers to it, for no known "
                           "reason%s" % ("" if owner is None else ": " +
                                         self.describe(owner)))
            else:
                self.explained[rule] += 1
        changed = changes.reachable(self.puts)
        self.by_changes = set()
        for i in self.known:
            lives = i in python.alive
            if lives == (i in self.alive):
                continue
            if lives == (i in changed):
                self.by_changes.add(i)
            else:
                self.blame(i, "CPython %s it, refheap %s it" % (
                    ("kept", "reclaimed") if lives else ("freed", "kept")))
        self.check_at_once(changes)
        self.check_counts(changes)

    def check_at_once(self, changes):
        """What died by its count alone."""
        python, answer = self.python, self.answer
        gifts = self.puts + [t for _, t in changes.gave]
        sooner = self.graph.die_at_once(gifts) if changes.gave else ()
        # Whether code ran so early.
        acted = any(i not in python.at_once for i in changes.actors)
        for i in self.known:
            lives = i in python.at_once
            if lives == (i in answer.at_once):
                continue
            if lives and i in self.by_changes or not lives and i in sooner:
                self.by_changes.add(i)
            elif acted and i not in python.alive:
                self.explained["code-later" if lives else "code-sooner"] += 1
            else:
                self.blame(i, "when the names were cleared CPython %s it, "
                           "refheap %s it" % (("kept", "released") if lives else
                                              ("freed", "kept")))

    def check_counts(self, changes):
        """Counts of what both keep, but for what the changes have touched."""
        touched = set(changes.outside)
        touched.update(t for _, t in changes.gave + changes.took)
        for i in self.by_changes:
            touched.update(self.graph.of(i))
        for i in (self.known & self.python.alive & self.alive) - touched:
            count = self.python.count(i)
            if count is not None and count != self.answer.final[i]:
                self.blame(i, "its count is %d in CPython, %d in refheap" %
                           (count, self.answer.final[i]))

    # --- what is shown -------------------------------------------------------

    def describe(self, i):
        return "#%d %s" % (i, self.ask("describe", self.graph.address[i]))

    def path(self, i):
        """From the outside, or as far up as there is anyone."""
        parent, queue = {i: None}, [i]
        back, names = self.referrers(), Counter(self.puts)
        top = i
        for j in queue:
            if self.graph.outside[j] > names[j]:
                top = j
                break
            for k in back.get(j, ()):
                if k not in parent:
                    parent[k] = j
                    queue.append(k)
        text, steps = self.describe(top), 0
        while parent[top] is not None and steps < 12:
            text += self.ask("label", self.graph.address[top],
                             self.graph.address[parent[top]])
            top, steps = parent[top], steps + 1
        return text

    def referrers(self):
        if not hasattr(self, "back"):
            self.back = {}
            for i in range(len(self.graph)):
                for t in self.graph.of(i):
                    self.back.setdefault(t, []).append(i)
        return self.back

    def show(self, i):
        graph = self.graph
        say("DIFFERS " + self.describe(i))
        for what in self.wrong[i]:
            say("        " + what)
        say("        count %d, %d of it from outside; refers to %d objects" % (
            graph.count[i], graph.outside[i], len(graph.of(i))))
        say("        reached by: " + self.path(i))

    def show_first(self):
        """Those first that others hang on."""
        back = self.referrers()
        order = sorted(self.wrong, key=lambda i: sum(
            j in self.wrong for j in back.get(i, ())))
        for i in order[:SHOWN]:
            self.show(i)
        if len(order) > SHOWN:
            say("... and %d more" % (len(order) - SHOWN))

    def summary(self):
        graph, python, answer = self.graph, self.python, self.answer
        died = self.known - python.alive
        both = died - self.alive
        say("%-38s %9d" % ("objects known to gc", len(self.known)))
        say("%-38s %9d" % ("others that lead to them", len(graph) - len(self.known)))
        say("%-38s %9d" % ("references among them", len(graph.edges)))
        say("%-38s %9d" % ("references from outside", sum(graph.outside)))
        say("%-38s %9d" % ("names cleared", len(self.puts)))
        say("%-38s %9d" % ("freed at once by both",
                           len(self.known - python.at_once - answer.at_once)))
        say("%-38s %9d" % ("collected by both", len(
            both & python.at_once & answer.at_once)))
        say("%-38s %9d" % ("kept by both",
                           len(self.known & python.alive & self.alive)))
        say("%-38s %9s" % ("refheap's collections found",
                           " ".join(map(str, answer.collected))))
        for rule, n in sorted(self.explained.items()):
            say("%-38s %9d  %s" % ("rule " + rule, n, RULES[rule]))
        say("%-38s %9d" % ("differences explained by these changes",
                           len(self.by_changes)))
        say("%-38s %9d" % ("differences not explained", len(self.wrong)))


def compare(options):
    folder = options.folder
    begun = time.monotonic()
    specimen = Specimen(options.python, folder, options.clear or ["*"],
                        options.program)
    try:
        run_program(specimen, options.after)
        graph = Graph(folder + "/before")
        held = graph.take_names(read_names(folder + "/names"))
        if not held:
            raise Failed("none of the names refers to an object known to gc")
        python = Python(graph, *(read_addresses(folder + "/" + name) for name in
                                 ("at-once", "alive", "forgotten")),
                        After(folder + "/after"))
        if options.plant:
            plant(options.plant, graph, list(held.values()), python)
        say("%d objects, recorded in %d s" % (len(graph),
                                              time.monotonic() - begun))
        begun = time.monotonic()
        heap.write_steps(folder, graph, list(held.values()),
                         spoiler(options.plant))
        answer = heap.run(shlex.split(options.vm), folder, options.log,
                          len(graph))
        say("loaded in %.1f s, cleared in %.1f s, collected in %.1f s; "
            "%d s with the machine's start" % (
                answer.seconds["load"], answer.seconds["clear"],
                answer.seconds["collect"], time.monotonic() - begun))
        comparison = Comparison(graph, held, python, answer, specimen.ask)
        comparison.check_heap()
        comparison.check_python()
        comparison.show_first()
        comparison.summary()
        return not comparison.wrong
    finally:
        specimen.end()


def main():
    # Millions of small objects, and no cycles.
    gc.disable()
    parser = argparse.ArgumentParser()
    for name in ("folder", "python", "vm", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--clear", action="append")
    parser.add_argument("--after", type=float, default=30)
    parser.add_argument("--plant", choices=FAULTS)
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        return 0 if compare(options) else 1
    except (Failed, Broken, heap.Refused) as error:
        say("%s: %s" % (type(error).__name__, error))
        return 2


sys.exit(main())
