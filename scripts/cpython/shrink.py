"""The smallest program on which two shells still disagree.

Booting is dear and running is cheap, so each boot tries all ways at once to
make the program smaller, and the best of them is where the next begins.
"""

from machine import STOPPED, compare
from program import run_program

ROUNDS = 12
PAIRS = 10      # lines, up to which any two are taken out together


def without(program, begin, end):
    return program[:begin] + program[end:]


def shorter(program):
    """What remains when a piece is taken out."""
    size = len(program) // 2
    while size:
        for begin in range(0, len(program), size):
            yield without(program, begin, begin + size)
        size //= 2
    for i in range(len(program) if len(program) <= PAIRS else 0):
        for j in range(i + 1, len(program)):
            yield without(without(program, j, j + 1), i, i + 1)


def simpler(program):
    """The same with fewer finalizers and callbacks, and simpler types."""
    for i, line in enumerate(program):
        words = line.split(" ")
        if words[0] not in ("new", "weak"):
            continue
        keep = 4 if "weakref" in words else 3
        if len(words) > keep:
            yield program[:i] + [" ".join(words[:keep])] + program[i + 1:]
            if words[keep] != "log":
                yield (program[:i] + [" ".join(words[:keep] + ["log"])] +
                       program[i + 1:])
        if ":" in words[2]:
            words[2] = "node"
            yield program[:i] + [" ".join(words)] + program[i + 1:]


def weight(program):
    """Fewer lines, then fewer words, then fewer characters."""
    text = "\n".join(program)
    return len(program), text.count(" "), len(text)


def candidates(program):
    """Smaller ones that are good programs, run in CPython.

    The smallest first: if one of them stops the machine, all before it do not.
    """
    runs, seen = [], {tuple(program)}
    for smaller in sorted((*shorter(program), *simpler(program)), key=weight):
        run = run_program(smaller, len(runs))
        if tuple(run.program) in seen or \
           weight(run.program) >= weight(program):
            continue
        seen.add(tuple(run.program))
        runs.append(run)
    return runs


def shrink(machine, run, text, say):
    """Return a minimal program that fails like the one that printed text."""
    program = run.program
    if text != STOPPED:
        program = run.until_differs(text)
        say("  it differs after %d lines" % len(program))
    for _ in range(ROUNDS):
        runs = candidates(program)
        if not runs:
            break
        _, differ = compare(machine, [(i, [run.input()], [run.text()])
                                      for i, run in enumerate(runs)])
        failing = [runs[i].program for i in differ]
        if not failing:
            break
        program = min(failing, key=weight)
        say("  %d of %d smaller programs fail, too; the smallest has %d lines"
            % (len(failing), len(runs), len(program)))
    return program
