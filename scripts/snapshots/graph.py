"""The recorded graph of a program, and what its counts say must happen."""
from array import array


class Broken(Exception):
    """The record contradicts itself."""


def read_types(path):
    """(traits, name) of types, by number."""
    with open(path) as file:
        return [tuple(line.rstrip("\n").split(" ", 2)[1:]) for line in file]


class Graph:
    """Objects numbered from 0 in the order of the record.

    edges[start[i]:start[i + 1]] are what object i refers to, once for each
    reference; outside[i] is the number of its references that come from
    nothing recorded: the interpreter's own, stacks, objects left out.
    """

    def __init__(self, path):
        self.types = read_types(path + ".types")
        self.address, self.known, self.count = [], [], []
        self.type, self.weak = [], []
        self.start, self.edges = array("Q", [0]), array("Q")
        with open(path) as file:
            for line in file:
                self.add(line)
        self.number = {a: i for i, a in enumerate(self.address)}
        self.renumber()
        self.outside = self.count_outside()

    def add(self, line):
        address, known, count, kind, weak, *edges = map(int, line.split())
        self.address.append(address)
        self.known.append(known)
        self.count.append(count)
        self.type.append(kind)
        self.weak.append(weak)
        self.edges.extend(edges)
        self.start.append(len(self.edges))

    def __len__(self):
        return len(self.address)

    def of(self, i):
        return self.edges[self.start[i]:self.start[i + 1]]

    def type_of(self, i):
        return self.types[self.type[i]][1]

    def has(self, i, trait):
        return trait in self.types[self.type[i]][0]

    def renumber(self):
        """From addresses to numbers; drop what is not recorded."""
        number, start, edges = self.number, array("Q", [0]), array("Q")
        for i in range(len(self)):
            edges.extend([number[a] for a in self.of(i) if a in number])
            start.append(len(edges))
        self.start, self.edges = start, edges

    def count_outside(self):
        outside = self.count[:]
        for target in self.edges:
            outside[target] -= 1
        for i, n in enumerate(outside):
            if n < 0:
                raise Broken("%s at %#x is referred to %d times more than its "
                             "count of %d says" % (self.type_of(i),
                                                   self.address[i], -n,
                                                   self.count[i]))
        return outside

    def without_dead_ends(self):
        """Leave out what gc does not know unless it leads to what gc knows."""
        keep = array("b", self.known)
        backwards = {}
        for i in range(len(self)):
            if not self.known[i]:
                for target in self.of(i):
                    backwards.setdefault(target, []).append(i)
        work = [t for t in backwards if self.known[t]]
        while work:
            for i in backwards.get(work.pop(), ()):
                if not keep[i]:
                    keep[i] = 1
                    work.append(i)
        self.select(keep)

    def select(self, keep):
        kept = [i for i in range(len(self)) if keep[i]]
        start, edges = array("Q", [0]), array("Q")
        new = {old: i for i, old in enumerate(kept)}
        for i in kept:
            edges.extend([new[t] for t in self.of(i) if keep[t]])
            start.append(len(edges))
        for name in ("address", "known", "count", "type", "weak"):
            values = getattr(self, name)
            setattr(self, name, [values[i] for i in kept])
        self.start, self.edges = start, edges
        self.number = {a: i for i, a in enumerate(self.address)}
        self.outside = self.count_outside()

    def take_names(self, names):
        """Make references that names stand for references from outside.

        names are (address of the namespace, address of the object, name);
        returns {name: object} for those whose object is recorded.
        """
        cut, held = {}, {}
        for namespace, target, name in names:
            owner, i = self.number.get(namespace), self.number.get(target)
            if owner is None or i is None:
                continue
            cut.setdefault(owner, []).append(i)
            held[name] = i
        start, edges = array("Q", [0]), array("Q")
        for i in range(len(self)):
            refs = self.of(i)
            for target in cut.get(i, ()):
                refs.remove(target)
            edges.extend(refs)
            start.append(len(edges))
        self.start, self.edges = start, edges
        self.outside = self.count_outside()
        return held

    def die_at_once(self, puts):
        """What reaches zero when each object of puts loses one reference."""
        count, dead = self.count[:], set()
        work = list(puts)
        while work:
            i = work.pop()
            count[i] -= 1
            if not count[i]:
                dead.add(i)
                work.extend(self.of(i))
        return dead

    def reachable(self, puts):
        """What outside references lead to, when those of puts are gone."""
        outside = self.outside[:]
        for i in puts:
            outside[i] -= 1
        alive = bytearray(len(self))
        work = [i for i, n in enumerate(outside) if n]
        for i in work:
            alive[i] = 1
        while work:
            for target in self.of(work.pop()):
                if not alive[target]:
                    alive[target] = 1
                    work.append(target)
        return {i for i in range(len(self)) if alive[i]}
