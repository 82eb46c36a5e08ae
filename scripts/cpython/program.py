"""Random programs for the shell, and what CPython says they do.

A program is a list of lines that change something. It is run step by step, a
step being a line and a query of everything, and ends with a reset.

Not everything that happens in a step is in an order that CPython, or refheap,
promises, and here and there CPython does what refheap does not. A program is
cut before such a step; the functions that find them say why.
"""

import gc
import random

from shell import Refused, Shell, nr_slots, slot_get, kind_of, READS

FINALIZED, LOADED, RELEASED, CALLED = range(4)

# Finalizers that leave all references as they are, but for new names.
QUIET = ("log", "keep", "load", "make")


# --- running ---------------------------------------------------------------

def last_action(world, serial):
    return world.actions.get(serial, ("",))[0]


def disturbed(world):
    """Has a finalizer or callback taken references away?"""
    return any(last_action(world, serial) not in QUIET
               for kind, serial, _ in world.events
               if kind in (FINALIZED, CALLED))


def order_of_actions_matters(world):
    """Two of them touched the same, and one of them changed it.

    CPython finalizes an island in the order of its list of objects, and a
    tree depth first; refheap an island in the order in which it was found,
    and a tree breadth first. CPython calls back before that, refheap after.
    """
    for users in world.touched.values():
        if len({who for who, _ in users}) > 1 and \
           any(how != READS for _, how in users):
            return True
    return False


def order_of_load_matters(world, collecting):
    """A finalizer loaded a weak reference to what died in the same step.

    In CPython the death of a tree goes from branch to branch, and a neighbour
    lives until it is its turn; in refheap all that one object alone kept alive
    is dead at once. In a collection that nothing disturbs it is defined: what
    dies in an island is dead before the first finalizer runs.
    """
    if collecting and not disturbed(world):
        return False
    loaded = [event for event in world.events if event[0] == LOADED]
    return any(target != serial and (target == "dead" or
                                     target in world.deaths)
               for _, serial, target in loaded)


def weakref_is_collected(world, collecting):
    """A callback in a collection may have freed a weak reference.

    If that was about to call back itself, CPython counts it among what was
    collected, although it was alive until then (num_freed in
    handle_weakrefs()); and all of ours have a callback (shell.ignore()).
    """
    return collecting and world.watched.keys() & world.deaths and any(
        kind == CALLED and last_action(world, serial) != "log"
        for kind, serial, _ in world.events)


def weakref_dies_with_its_target(world):
    """It did more than to log, or would have.

    In CPython it calls back if it outlives its target by a moment; in refheap
    it does not if what died in a step, as far as it is known, is both.
    """
    return any(target in world.deaths and serial in world.deaths and
               last_action(world, serial) not in ("", *QUIET)
               for serial, target in world.watched.items())


def weakref_is_broken(world, broken):
    """A weak reference lost a target that is alive.

    When an island is collected CPython clears the weak references that are
    members, wherever they lead; one that a finalizer brings back has lost a
    target that nobody wanted to take. In refheap a weak reference never fails
    for what stays alive, unless it was the target that was brought back.
    """
    return bool(world.broken() - broken)


def is_undefined(world, collecting, broken):
    return (order_of_actions_matters(world) or
            order_of_load_matters(world, collecting) or
            weakref_is_collected(world, collecting) or
            weakref_dies_with_its_target(world) or
            weakref_is_broken(world, broken))


def step(world, line):
    """Run a line. Return the query that belongs behind it, or None if the
    outcome depends on an order.

    Whether a weak reference that dies in a step has called back before is a
    matter of order too, unless both are members of an island.
    """
    broken = world.broken()
    world.begin_step()
    world.run(line)
    collecting = line == "collect"
    if is_undefined(world, collecting, broken):
        return None
    return "state all" if collecting and not disturbed(world) else "state"


class Run:
    """A program that has been run: its lines, queries included, and text."""

    def __init__(self, number):
        gc.freeze()
        self.world = Shell()
        self.program = []
        self.printed = []       # how many lines of text, after each step
        self.lines = []
        self.append("echo program-%d" % number)

    def append(self, line):
        self.lines.append(line)
        self.world.run(line)

    def step(self, line):
        """Return False if the program must end before this line."""
        printed = len(self.world.out)
        query = step(self.world, line)
        if not query:
            del self.world.out[printed:]
            return False
        self.program.append(line)
        self.lines.append(line)
        self.append(query)
        self.printed.append(len(self.world.out))
        return True

    def finish(self):
        self.append("reset")
        # None of it must be counted with the next program's.
        assert not self.world.address, "CPython did not free everything"
        return self

    def text(self):
        return "\n".join(self.world.out) + "\n"

    def until_differs(self, text):
        """The program up to the step that prints something else in text."""
        same = 0
        for ours, theirs in zip(self.world.out, text.splitlines()):
            if ours != theirs:
                break
            same += 1
        steps = sum(printed <= same for printed in self.printed)
        return self.program[:steps + 1]

    def input(self):
        return "\n".join(self.lines) + "\n"


def run_program(program, number):
    """Run a program; lines that are no good here are left out of it."""
    run = Run(number)
    for line in program:
        try:
            if not run.step(line):
                break
        except Refused:
            pass
    return run.finish()


# --- making ----------------------------------------------------------------

NAMES = "abcdefgh"
WEAKS = "uvwxyz"


class Maker:
    """Chooses lines that are good in the world as it is.

    What it chooses from is text and numbers: no function leaves a reference
    to an object behind.
    """

    def __init__(self, rng, world):
        self.rng = rng
        self.world = world
        # What this program is fond of.
        self.finals = rng.choice((0, 0, 0.2, 0.5, 0.9))
        self.weaks = rng.choice((0, 0.5, 1, 3))
        self.links = rng.choice((1, 2, 4))
        self.dels = rng.choice((0.5, 1, 2))
        self.collects = rng.choice((0.3, 1, 2))
        self.kinds = rng.choice((("node",), ("node", "array", "visit"),
                                 ("node", "node", "array", "visit", "leaf"),
                                 ("node", "leaf"), ("array",), ("visit",)))

    # --- words

    def new_name(self):
        free = [name for name in NAMES if name not in self.world.names]
        return self.rng.choice(free) if free else None

    def name(self):
        return self.rng.choice(sorted(self.world.names))

    def path(self):
        """A name, and now and then some way on from there."""
        words = [self.name()]
        obj = self.world.names[words[0]]
        while self.rng.random() < 0.3:
            full = [i for i in range(nr_slots(obj))
                    if slot_get(obj, i) is not None]
            if not full:
                break
            words.append(self.rng.choice(full))
            obj = slot_get(obj, words[-1])
        return ".".join(map(str, words))

    def slot(self, full):
        """A path and a slot there that is full, or any, rather an empty one."""
        path = self.path()
        obj = self.world.resolve(path)
        slots = range(nr_slots(obj))
        some = [i for i in slots if (slot_get(obj, i) is not None) == full]
        if not some and (full or not slots):
            return None
        if not full and self.rng.random() < 0.1:
            some = slots
        return "%s %d" % (path, self.rng.choice(some or slots))

    def kind(self):
        kind = self.rng.choice(self.kinds)
        if kind in ("array", "visit"):
            kind += ":%d" % self.rng.choice((0, 1, 1, 2, 2, 3, 5))
        return kind

    def finalizer(self):
        if self.rng.random() >= self.finals:
            return ""
        word = self.rng.choice(("log", "log", "keep", "keep", "break", "break",
                                "cargo", "set", "link", "drop", "load",
                                "make"))
        # A name that no other finalizer binds.
        if word in ("keep", "cargo", "make"):
            return " %s k%d" % (word, self.world.next)
        if word == "load":
            weaks = sorted(self.world.weaks)
            return " load " + self.rng.choice(weaks or WEAKS)
        if word in ("set", "link", "drop"):
            names = sorted(self.world.names)
            return " %s %s" % (word, self.rng.choice(names or NAMES))
        return " " + word

    def callback(self):
        word = self.rng.choice(("", "log", "log", "log", "drop"))
        if word == "drop":
            word += " " + self.rng.choice(sorted(self.world.names))
        return " " + word if word else ""

    # --- lines

    def new(self):
        name = self.new_name()
        return name and "new %s %s%s" % (name, self.kind(), self.finalizer())

    def target(self):
        """CPython's weak references take no weak references."""
        path = self.path()
        return path if kind_of(self.world.resolve(path)) != "weakref" else None

    def new_weakref(self):
        name, path = self.new_name(), self.target()
        if not name or not path:
            return None
        # An island's leaf dies while the island is taken apart, when those of
        # its weak references that are members may or may not be gone already.
        leaf = kind_of(self.world.resolve(path)) == "leaf"
        return "new %s weakref %s%s" % (name, path,
                                        "" if leaf else self.callback())

    def weak(self):
        free = [name for name in WEAKS if name not in self.world.weaks]
        path = self.target()
        return free and path and "weak %s %s%s" % (self.rng.choice(free), path,
                                                   self.callback())

    def unweak(self):
        weaks = sorted(self.world.weaks)
        return weaks and "unweak " + self.rng.choice(weaks)

    def load(self):
        name, weaks = self.new_name(), sorted(self.world.weaks)
        return name and weaks and "load %s %s" % (name, self.rng.choice(weaks))

    def rename(self):
        return "rename %s %s" % (self.name(), self.path())

    def also(self):
        name = self.new_name()
        return name and "name %s %s" % (name, self.path())

    def ref(self):
        slot = self.slot(False)
        return slot and "ref %s %s" % (slot, self.path())

    def unref(self):
        slot = self.slot(True)
        return slot and "unref " + slot

    def move(self):
        slot, source = self.slot(False), self.slot(True)
        return slot and source and "move %s %s" % (slot, source)

    def take(self):
        name, slot = self.new_name(), self.slot(True)
        return name and slot and "take %s %s" % (name, slot)

    def give(self):
        slot = self.slot(False)
        return slot and "give %s %s" % (slot, self.name())

    def delete(self):
        return "del " + self.name()

    def collect(self):
        return "collect"

    def line(self):
        """A line, or None if chance chose one that is not possible."""
        choices = {
            self.new: 4 if len(self.world.address) < 12 else 0.3,
            self.new_weakref: self.weaks / 2,
            self.weak: self.weaks,
            self.unweak: self.weaks / 4,
            self.load: self.weaks / 4,
            self.ref: 3 * self.links,
            self.also: 0.7,
            self.rename: 0.5,
            self.unref: 0.7,
            self.move: 0.5,
            self.take: 0.4,
            self.give: 1,
            self.delete: 2 * self.dels,
            self.collect: self.collects,
        }
        if not self.world.names:
            return self.rng.choice((self.new, self.new, self.collect))()
        return self.rng.choices(list(choices), choices.values())[0]() or None


def make_program(seed, number):
    """The program of that seed and number, run."""
    rng = random.Random("%d/%d" % (seed, number))
    run = Run(number)
    maker = Maker(rng, run.world)
    left = rng.choice((6, 12, 20, 30, 40))
    good = True
    while left and good:
        line = maker.line()
        good = not line or run.step(line)
        left -= bool(line)
    # Mostly it ends one name after the other.
    while good and run.world.names and rng.random() < 0.95:
        good = run.step(rng.choices((maker.delete, maker.collect), (3, 1))[0]())
    if good:
        run.step("collect")
    return run.finish()
