"""The recorded graph as commands to refheap_shell, and what it answers."""
import re
import subprocess

LINE, WORDS = 3900, 1000	# refheap_shell takes 4095 characters, 1024 words
NODE = 4			# slots of its type "node"
OUTSIDE = 1000			# slots of an array that stands for the outside
ROUNDS = 4			# full collections


class Refused(Exception):
    """The virtual machine did not do what it was told."""


def kind(graph, i):
    """Each of the shell's types gets a share."""
    slots = len(graph.of(i))
    if not slots:
        return "leaf"
    if slots <= NODE:
        return "node"
    return ("visit:%d" if graph.type_of(i) == "dict" else "array:%d") % slots


def in_lines(verb, words):
    """As many lines as it takes."""
    line, length, count = [], 0, 0
    for word in words:
        if length + len(word) + 1 > LINE or count == WORDS:
            yield "%s %s\n" % (verb, " ".join(line))
            line, length, count = [], 0, 0
        line.append(word)
        length += len(word) + 1
        count += 1
    if line:
        yield "%s %s\n" % (verb, " ".join(line))


def runs(words):
    """"a a a b" becomes "a*3 b"."""
    last, count = None, 0
    for word in words:
        if word == last:
            count += 1
            continue
        if count:
            yield "%s*%d" % (last, count)
        last, count = word, 1
    if count:
        yield "%s*%d" % (last, count)


def fill(owner, targets):
    step = 400
    for first in range(0, len(targets), step):
        yield "fill #%d %d %s\n" % (owner, first, " ".join(
            ["#%d" % t for t in targets[first:first + step]]))


def outside_lines(graph, first):
    """Objects that hold what is referred to from outside, as often as it is."""
    held = []
    for i, n in enumerate(graph.outside):
        held += [i] * n
    parts = [held[i:i + OUTSIDE] for i in range(0, len(held), OUTSIDE)]
    yield from in_lines("make", ["array:%d" % len(part) for part in parts])
    for i, part in enumerate(parts):
        yield from fill(first + i, part)


def load_lines(graph, held):
    """held are the objects that names refer to: name n0, n1, ..."""
    objects = len(graph)
    yield from in_lines("make", runs(kind(graph, i) for i in range(objects)))
    for i in range(objects):
        yield from fill(i, graph.of(i))
    for number, i in enumerate(held):
        yield "name n%d #%d\n" % (number, i)
    without_names = graph.outside[:]
    for i in held:
        without_names[i] -= 1
    outside, graph.outside = graph.outside, without_names
    yield from outside_lines(graph, objects)
    graph.outside = outside
    yield "drop 0-%d\n" % (objects - 1)
    yield "counts\ncollect\n"


def write_steps(folder, graph, held, spoil=None):
    """One file of commands a step; spoil changes a line, to test the tests."""
    with open(folder + "/load", "w") as file:
        for line in load_lines(graph, held):
            file.write(spoil(line) if spoil else line)
    with open(folder + "/clear", "w") as file:
        for number in range(len(held)):
            file.write("del n%d\n" % number)
        file.write("living\n")
    with open(folder + "/collect", "w") as file:
        file.write("collect candidates\n" + "collect\n" * ROUNDS +
                   "counts\nheap\n")


class Answer:
    """What the three steps printed.

    loaded and final are the counts by object, None for the dead; at_once is
    the set of those that lived when the names had been cleared.
    """

    def __init__(self, text, objects):
        self.seconds = {}
        steps = self.split(text)
        if "collect" not in self.seconds:
            raise Refused(text[-2000:] or "no answer")
        self.loaded = self.counts(steps["load"], objects)
        self.collected = [int(n) for n in re.findall(
            r"^collected (\d+)$", steps["load"] + steps["collect"], re.M)]
        self.at_once = self.living(steps["clear"], objects)
        self.final = self.counts(steps["collect"], objects)

    def split(self, text):
        steps = {}
        for step in re.finditer(r"^== (\w+)\n(.*?)^== end of \1 from (\S+) to (\S+)$",
                                text, re.M | re.S):
            steps[step[1]] = step[2]
            self.seconds[step[1]] = float(step[4]) - float(step[3])
        return steps

    @staticmethod
    def words_of(title, text):
        line = re.search(r"^%s( .*)?$" % title, text, re.M)
        if not line or re.search(r"^error:", text, re.M):
            raise Refused(text[-2000:])
        return (line[1] or "").split()

    def counts(self, text, objects):
        words = self.words_of("counts", text)[:objects]
        if len(words) < objects:
            raise Refused("%d counts of %d objects" % (len(words), objects))
        return [None if word == "-" else int(word) for word in words]

    def living(self, text, objects):
        alive = set()
        for word in self.words_of("living", text):
            first, _, last = word.partition("-")
            alive.update(range(int(first), min(int(last or first) + 1, objects)))
        return alive


def run(vm, folder, log, objects):
    """Boot, and give the steps to the shell."""
    answer, errors = folder + "/answer.lzo", folder + "/vm.errors"
    with open(answer, "wb") as out, open(errors, "wb") as err:
        status = subprocess.run(vm, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=err).returncode
    text = subprocess.run(["busybox", "lzop", "-dc", answer],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode()
    if status:
        with open(errors, errors="replace") as file:
            raise Refused("the virtual machine's status is %d; its log: %s\n%s%s"
                          % (status, log, text[-1000:], file.read()[-3000:]))
    return Answer(text, objects)
