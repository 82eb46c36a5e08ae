"""The recorded graph of a program, and what its counts say must happen."""
from array import array
from collections import Counter


class Broken(Exception):
    """The record contradicts itself."""


def read_types(path):
    """(traits, name) of types, by number."""
    with open(path) as file:
        return [tuple(line.rstrip("\n").split(" ", 2)[1:]) for line in file]


def leading_back(lines):
    """Of what gc does not know, the addresses of what leads to what it knows."""
    known = {line[0] for line in lines if line[1] == "1"}
    backwards = {}
    for line in lines:
        if line[1] == "0":
            for target in line[5].split():
                backwards.setdefault(target, []).append(line[0])
    kept, work = set(), [target for target in backwards if target in known]
    while work:
        for address in backwards.get(work.pop(), ()):
            if address not in kept:
                kept.add(address)
                work.append(address)
    return kept


class Graph:
    """Objects numbered from 0 in the order of the record.

    What gc does not know is left out unless it leads to what gc knows.

    edges[start[i]:start[i + 1]] are what object i refers to, once for each
    reference; outside[i] is the number of its references that come from
    nothing recorded: the interpreter's own, stacks, objects left out.
    """

    def __init__(self, path):
        self.types = read_types(path + ".types")
        self.address, self.known, self.count = [], [], []
        self.type, self.weak, self.text = [], [], []
        with open(path) as file:
            lines = [line.rstrip("\n").split(" ", 5) for line in file]
        kept = leading_back(lines)
        for line in lines:
            if line[1] == "1" or line[0] in kept:
                self.add(*line)
        del lines
        self.number = {a: i for i, a in enumerate(self.address)}
        self.read_edges()
        self.outside = self.count_outside()

    def add(self, address, known, count, kind, weak, edges):
        self.address.append(int(address))
        self.known.append(int(known))
        self.count.append(int(count))
        self.type.append(int(kind))
        self.weak.append(int(weak))
        self.text.append(edges)

    def __len__(self):
        return len(self.address)

    def of(self, i):
        return self.edges[self.start[i]:self.start[i + 1]]

    def type_of(self, i):
        return self.types[self.type[i]][1]

    def has(self, i, trait):
        return trait in self.types[self.type[i]][0]

    def numbers_in(self, text):
        """Of the objects at these addresses, as far as they are recorded."""
        number = self.number
        return [number[a] for a in map(int, text.split()) if a in number]

    def read_edges(self):
        self.start, self.edges = array("Q", [0]), array("Q")
        for text in self.text:
            self.edges.extend(self.numbers_in(text))
            self.start.append(len(self.edges))

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

    def lose_edges(self, pairs):
        """Some references, (owner, object), become references from outside."""
        lost, shift = Counter(), 0
        # From the last owner on, so that what comes before stays in its place.
        for owner, target in sorted(pairs, reverse=True):
            del self.edges[self.start[owner] + self.of(owner).index(target)]
            self.outside[target] += 1
            lost[owner] += 1
        for i in range(1, len(self.start)):
            shift += lost[i - 1]
            self.start[i] -= shift

    def take_names(self, names):
        """Make references that names stand for references from outside.

        names are (address of the namespace, address of the object, name);
        returns {name: object} for those whose object is recorded.
        """
        held = {}
        pairs = []
        for namespace, target, name in names:
            owner, i = self.number.get(namespace), self.number.get(target)
            if owner is not None and i is not None:
                pairs.append((owner, i))
                held[name] = i
        self.lose_edges(pairs)
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
