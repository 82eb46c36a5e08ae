"""Why CPython may have decided otherwise than the recorded graph says.

Only because what survived has changed: when objects die, code runs, and takes
references out of objects that live on, or puts some in. What has changed is
measured, by recording what survived once more. Each change must fall under one
of the rules; the graph with these changes made in it must then say exactly what
CPython did, or the difference is not explained.
"""
from collections import Counter

RULES = {
    "weak-entry": "a set or dict gave up a weak reference to a dead object",
    "weak-value": "a dict gave up the value whose key was such a reference",
    "weak-callback": "a weak reference gave up its callback: its target died",
    "subclasses": "a class gave up its dict of subclasses: they all died",
    "code-gave": "code that runs when objects die took a reference away",
    "code-took": "code that runs when objects die made a new reference",
    "code-sooner": "code that runs when objects die took apart what dies anyway",
    "code-later": "code that runs when objects die used what dies anyway",
    "hidden": "a reference that no tp_traverse reports has gone with its holder",
}


class After:
    """What CPython kept, as it was when it had come to rest.

    count and text are by address; text is what was written of the references.
    """

    def __init__(self, path):
        self.count, self.text = {}, {}
        with open(path) as file:
            for line in file:
                address, _, count, _, _, edges = line.rstrip("\n").split(" ", 5)
                self.count[int(address)] = int(count)
                self.text[int(address)] = edges


class Python:
    """What CPython did, in numbers of the graph's objects."""

    def __init__(self, graph, at_once, alive, forgotten, after):
        number = graph.number
        self.graph, self.after = graph, after
        self.at_once = {number[a] for a in at_once if a in number}
        self.alive = {number[a] for a in alive if a in number}
        self.confirm({number[a] for a in forgotten if a in number})

    def count(self, i):
        return self.after.count.get(self.graph.address[i])

    def unchanged(self, i):
        return self.after.text.get(self.graph.address[i]) == self.graph.text[i]

    def now(self, i):
        """What survivor i refers to now; nothing if gc has forgotten it."""
        text = self.after.text.get(self.graph.address[i], "")
        return self.graph.numbers_in(text)

    def confirm(self, forgotten):
        """Of what gc forgot that lives which still has its old reference."""
        graph = self.graph
        work = [t for t in forgotten if graph.outside[t]]
        if forgotten:
            work += [t for i in self.alive for t in graph.of(i)
                     if t in forgotten and t in self.now(i)]
        while work:
            t = work.pop()
            if t not in self.alive:
                self.alive.add(t)
                work += [u for u in graph.of(t) if u in forgotten]


class Changes:
    """What survivors refer to now and did not, or did and do not."""

    def __init__(self, graph, python, held, ask):
        self.graph, self.python, self.ask = graph, python, ask
        self.gave, self.took, self.outside = [], [], Counter()
        self.edges = {}		# of those that have changed
        self.incoming = [0] * len(graph)
        self.dead = {i for i in range(len(graph)) if graph.known[i]
                     and i not in python.alive}
        for i in range(len(graph)):
            if self.is_there(i):
                self.find(i)
        self.find_outside(held)
        self.actors = self.find_actors()

    def is_there(self, i):
        """Of what gc does not know, is it still that which it was?"""
        return i in self.python.alive if self.graph.known[i] \
            else self.python.unchanged(i)

    def find(self, i):
        graph = self.graph
        before = now = graph.of(i)
        if not self.python.unchanged(i):
            now = [t for t in self.python.now(i) if self.is_there(t)]
            old, new = Counter(before), Counter(now)
            if old != new:
                self.edges[i] = now
                self.gave += [(i, t) for t in (old - new).elements()]
                self.took += [(i, t) for t in (new - old).elements()]
        for t in now:
            self.incoming[t] += 1

    def find_outside(self, held):
        """Of survivors: what recorded objects do not account for."""
        names = Counter(held)
        for i in self.python.alive:
            count = self.python.count(i)
            if count is None:
                continue
            change = count - self.incoming[i] - self.graph.outside[i] + names[i]
            if change:
                self.outside[i] = change

    def find_actors(self):
        """What ran code when it, or its target, died."""
        graph, found = self.graph, []
        for i in range(len(graph)):
            if i in self.dead and graph.has(i, "f"):
                found.append(i)
            elif self.is_dead_reference(i) and graph.of(i):
                found.append(i)
        return found

    def is_dead_reference(self, i):
        graph = self.graph
        if not graph.has(i, "w"):
            return False
        target = graph.number.get(graph.weak[i])
        return not graph.weak[i] or target in self.dead

    def rule_of_gift(self, owner, target):
        graph = self.graph
        kind = graph.type_of(owner)
        if graph.has(owner, "w") and self.is_dead_reference(owner):
            return "weak-callback"
        if kind in ("dict", "set") and self.is_dead_reference(target):
            return "weak-entry"
        if graph.has(owner, "c") and graph.of(target) and \
                all(map(self.is_dead_reference, graph.of(target))):
            return "subclasses"
        if kind == "dict":
            key = self.ask("key", graph.address[owner], graph.address[target])
            key = graph.number.get(int(key or 0))
            if key is not None and self.is_dead_reference(key):
                return "weak-value"
        return "code-gave" if self.actors else None

    def rule_of_outside(self, i, change):
        if change > 0:
            return "code-took" if self.actors else None
        found = self.ask("holders", self.graph.address[i]).split()
        return "hidden" if len(found) >= -change else None

    def by_rule(self):
        """[(rule or None, owner or None, object)]"""
        found = [(self.rule_of_gift(*pair), *pair) for pair in self.gave]
        found += [("code-took" if self.actors else None, *pair)
                  for pair in self.took]
        found += [(self.rule_of_outside(i, n), None, i)
                  for i, n in self.outside.items()]
        return found

    def reachable(self, puts):
        """As the graph would have it, had it been changed so."""
        graph = self.graph
        outside = graph.outside[:]
        for i in puts:
            outside[i] -= 1
        for i, change in self.outside.items():
            outside[i] += change
        alive = bytearray(len(graph))
        work = [i for i, n in enumerate(outside) if n > 0]
        for i in work:
            alive[i] = 1
        while work:
            i = work.pop()
            for t in self.edges[i] if i in self.edges else graph.of(i):
                if not alive[t]:
                    alive[t] = 1
                    work.append(t)
        return {i for i in range(len(graph)) if alive[i]}
