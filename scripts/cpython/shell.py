"""The sample module refheap_shell, on CPython's own objects.

The same lines do the same things (module/samples/shell/command.c has the
grammar), and print the same text:

  leaf                 a code object: the collector does not track those, and
                       they take weak references
  leaf with finalizer  an instance without references: tracked, as in refheap
  node                 an instance of a class with __slots__
  array, visit         a list of fixed length
  weakref              an instance of a subclass of weakref.ref
  a name               an entry of a dict
  finalizer            __del__

How an object is observed without being disturbed: it owns a Serial, an int of
no use to anybody else, whose own __del__ says that the object is gone; its
reference count is read from its memory at an address that does not count.
What this file holds, or a running function, is therefore never counted.
"""

import ctypes
import gc
import sys
import weakref

from _ctypes import PyObj_FromPtr

NODE_SLOTS = 4
NODE_NAMES = tuple("slot%d" % i for i in range(NODE_SLOTS))

# What an action does to what, for those who must know whether it matters
# which of two comes first.
READS, WRITES = "reads", "writes"

world = None    # the shell whose objects these are; one at a time


class Refused(Exception):
    """The line is no good here; it has had no effect."""


untrack = ctypes.pythonapi.PyObject_GC_UnTrack
untrack.argtypes = (ctypes.py_object,)
untrack.restype = None


class Serial(int):
    """An object's number. It dies with the object, and says so."""

    __slots__ = ()

    def __init__(self, _):
        # It shall not be counted among what was collected.
        untrack(self)

    def __del__(self):
        world.released(int(self))


def finalize(self):
    world.finalize(self)


class Leaf:
    __slots__ = ("serial", "__weakref__")
    kind = "leaf"


class FinalLeaf(Leaf):
    __slots__ = ()
    __del__ = finalize


class Node:
    __slots__ = ("serial", "__weakref__") + NODE_NAMES
    kind = "node"


class FinalNode(Node):
    __slots__ = ()
    __del__ = finalize


class Array(list):
    __slots__ = ("serial", "__weakref__")
    kind = "array"


class FinalArray(Array):
    __slots__ = ()
    __del__ = finalize


class Visit(Array):
    __slots__ = ()
    kind = "visit"


class FinalVisit(Visit):
    __slots__ = ()
    __del__ = finalize


class Weakref(weakref.ref):
    __slots__ = ("serial", "slot0")
    kind = "weakref"


class Weak(weakref.ref):
    """A weak reference outside of the heap."""

    __slots__ = ("number",)


def called(ref):
    """The callback of all weak references."""
    world.called(ref)


def ignore(ref):
    """The callback of those that have none. CPython 3.11 crashes when one
    that really has none dies together with its target, and the target has
    another one (PyObject_ClearWeakRefs(), Py_DECREF(current->wr_callback))."""


def empty_code():
    pass


CODE = type(empty_code.__code__)
LENGTHS = {"array": (Array, FinalArray), "visit": (Visit, FinalVisit)}


def is_code(obj):
    return type(obj) is CODE


def kind_of(obj):
    return "leaf" if is_code(obj) else obj.kind


def serial_of(obj):
    return int(obj.co_consts[0] if is_code(obj) else obj.serial)


def nr_slots(obj):
    if isinstance(obj, list):
        return len(obj)
    return {"node": NODE_SLOTS, "weakref": 1}.get(kind_of(obj), 0)


def slot_get(obj, i):
    if isinstance(obj, list):
        return obj[i]
    return getattr(obj, NODE_NAMES[i], None)


def slot_set(obj, i, value):
    if isinstance(obj, list):
        obj[i] = value
    else:
        setattr(obj, NODE_NAMES[i], value)


def references_to(address):
    """The reference count of what is at an address: nobody's but others'."""
    return ctypes.c_ssize_t.from_address(address).value


def prepare():
    """No collection but those asked for, and none of what is there now."""
    gc.disable()
    gc.collect()
    gc.freeze()


class Shell:
    """One program's world. run() a line; the text is in out."""

    ACTIONS = {"log": 0, "keep": 1, "cargo": 1, "break": 0, "set": 1,
               "link": 1, "drop": 1, "load": 1, "make": 1}
    CALLBACKS = ("log", "drop")

    def __init__(self):
        global world
        world = self
        self.out = []
        self.names = {}
        self.weaks = {}         # by name: Weak
        self.weak_names = {}    # by number of one outside: its name
        self.address = {}       # of the living, by number
        self.actions = {}       # by number: words
        self.promised = {}      # by number: that of what its finalizer makes
        self.watched = {}       # by number of a weakref: that of its target
        self.next = 0
        self.begin_step()

    def begin_step(self):
        self.events = []
        self.touched = {}       # what: [(who, how)]
        self.deaths = set()

    # --- what happens to objects -------------------------------------------

    def released(self, serial):
        del self.address[serial]
        self.deaths.add(serial)
        self.events.append((2, serial, None))

    def touch(self, what, who, how):
        self.touched.setdefault(what, []).append((who, how))

    def finalize(self, obj):
        serial = serial_of(obj)
        self.events.append((0, serial, None))
        self.act(serial, obj)

    def called(self, ref):
        serial = ref.number if isinstance(ref, Weak) else int(ref.serial)
        self.events.append((3, serial, None))
        self.act(serial, ref)

    def act(self, serial, obj):
        word, *args = self.actions[serial]
        getattr(self, "act_" + word)(serial, obj, *args)

    def act_log(self, serial, obj):
        pass

    def act_keep(self, serial, obj, name):
        self.touch(name, serial, WRITES)
        self.names[name] = obj

    def act_cargo(self, serial, obj, name):
        if nr_slots(obj) and slot_get(obj, 0) is not None:
            self.touch(name, serial, WRITES)
            self.touch((serial, 0), serial, READS)
            self.names[name] = slot_get(obj, 0)

    def act_break(self, serial, obj):
        for i in range(nr_slots(obj)):
            self.touch((serial, i), serial, WRITES)
            slot_set(obj, i, None)

    def act_set(self, serial, obj, name):
        self.touch(name, serial, READS)
        if name in self.names and nr_slots(obj):
            self.touch((serial, 0), serial, WRITES)
            slot_set(obj, 0, self.names[name])

    def act_link(self, serial, obj, name):
        self.touch(name, serial, READS)
        if name in self.names and nr_slots(self.names[name]):
            self.touch((serial_of(self.names[name]), 0), serial, WRITES)
            slot_set(self.names[name], 0, obj)

    def act_drop(self, serial, obj, name):
        self.touch(name, serial, WRITES)
        self.names.pop(name, None)

    def act_load(self, serial, obj, name):
        if name in self.weaks:
            target = self.weaks[name]()
            self.touch(("loaded", name), serial, READS)
            self.events.append((1, serial, "dead" if target is None else
                                serial_of(target)))

    def act_make(self, serial, obj, name):
        self.touch(name, serial, WRITES)
        self.names[name] = self.new_leaf(self.promised[serial])

    # --- making ------------------------------------------------------------

    def number(self):
        self.next += 1
        return self.next - 1

    def known(self, serial, obj):
        self.address[serial] = id(obj)
        return obj

    def new_leaf(self, serial):
        code = empty_code.__code__.replace(co_consts=(Serial(serial),))
        return self.known(serial, code)

    def new(self, word, action):
        kind, _, length = word.partition(":")
        if kind in LENGTHS:
            obj = LENGTHS[kind][bool(action)]([None] * int(length))
        elif kind == "node":
            obj = FinalNode() if action else Node()
        elif action:
            obj = FinalLeaf()
        else:
            return self.new_leaf(self.number())
        serial = self.number()
        obj.serial = Serial(serial)
        if action:
            self.actions[serial] = action
            if action[0] == "make":
                self.promised[serial] = self.number()
        return self.known(serial, obj)

    def target_of(self, path):
        """CPython's weak references take no weak references."""
        obj = self.resolve(path)
        if isinstance(obj, Weakref):
            raise Refused(path)
        return obj

    def new_weakref(self, path, action):
        target = self.target_of(path)
        obj = Weakref(target, called if action else ignore)
        serial = self.number()
        self.watched[serial] = serial_of(target)
        obj.serial = Serial(serial)
        if action:
            self.actions[serial] = action
        return self.known(serial, obj)

    # --- lines -------------------------------------------------------------

    def run(self, line):
        verb, *words = line.split(" ")
        getattr(self, "do_" + verb)(*words)

    def resolve(self, path):
        name, *slots = path.split(".")
        if name not in self.names:
            raise Refused(path)
        obj = self.names[name]
        for word in slots:
            obj = self.full(obj, word)
        return obj

    def slot(self, obj, word):
        if int(word) >= nr_slots(obj):
            raise Refused(word)
        return int(word)

    def full(self, obj, word):
        target = slot_get(obj, self.slot(obj, word))
        if target is None:
            raise Refused(word)
        return target

    def fresh(self, name):
        if name in self.names:
            raise Refused(name)

    def there(self, name):
        if name not in self.names:
            raise Refused(name)

    def do_new(self, name, word, *rest):
        self.fresh(name)
        if word == "weakref":
            self.names[name] = self.new_weakref(rest[0], rest[1:])
        else:
            self.names[name] = self.new(word, rest)

    def do_name(self, name, path):
        self.fresh(name)
        self.names[name] = self.resolve(path)

    def do_rename(self, name, path):
        self.there(name)
        self.names[name] = self.resolve(path)

    def do_del(self, name):
        self.there(name)
        del self.names[name]

    def do_ref(self, path, word, target):
        owner = self.resolve(path)
        slot_set(owner, self.slot(owner, word), self.resolve(target))

    def do_unref(self, path, word):
        owner = self.resolve(path)
        self.full(owner, word)
        slot_set(owner, int(word), None)

    def do_move(self, path, word, source, source_word):
        owner, other = self.resolve(path), self.resolve(source)
        i = self.slot(owner, word)
        target = self.full(other, source_word)
        slot_set(other, int(source_word), None)
        slot_set(owner, i, target)

    def do_take(self, name, path, word):
        self.fresh(name)
        owner = self.resolve(path)
        self.names[name] = self.full(owner, word)
        slot_set(owner, int(word), None)

    def do_give(self, path, word, name):
        self.there(name)
        owner = self.resolve(path)
        slot_set(owner, self.slot(owner, word), self.names.pop(name))

    def do_weak(self, name, path, *action):
        if name in self.weaks:
            raise Refused(name)
        ref = Weak(self.target_of(path), called if action else None)
        ref.number = self.number()
        if action:
            self.actions[ref.number] = action
        self.weak_names[ref.number] = name
        self.weaks[name] = ref

    def do_unweak(self, name):
        if name not in self.weaks:
            raise Refused(name)
        del self.weak_names[self.weaks.pop(name).number]

    def do_load(self, name, weak):
        self.fresh(name)
        if weak not in self.weaks:
            raise Refused(weak)
        obj = self.weaks[weak]()
        if obj is None:
            self.print("dead")
        else:
            self.names[name] = obj

    def do_collect(self):
        self.print("collected", gc.collect())

    def do_reset(self):
        for _ in range(8):
            self.weaks.clear()
            self.names.clear()
            gc.collect()
        self.print("left %d" % len(self.address) if self.address else "empty")

    def do_echo(self, word):
        self.print(word)

    # --- what there is -----------------------------------------------------

    def broken(self):
        """The weakrefs that find nothing although what they found is alive."""
        return {serial for serial, target in self.watched.items()
                if serial in self.address and target in self.address and
                PyObj_FromPtr(self.address[serial])() is None}

    def print(self, *words):
        self.out.append(" ".join(map(str, words)))

    def do_state(self, every=None):
        counts = {serial: references_to(address)
                  for serial, address in sorted(self.address.items())}
        for serial, count in counts.items():
            self.print_object(PyObj_FromPtr(self.address[serial]), serial,
                              count)
        self.print("names", *("%s=%d" % (name, serial_of(obj))
                              for name, obj in sorted(self.names.items())))
        self.print("weak", *("%s=%s" % (name, self.referent(ref))
                             for name, ref in sorted(self.weaks.items())))
        self.print_events(every)

    def referent(self, ref):
        obj = ref()
        return "dead" if obj is None else serial_of(obj)

    def print_object(self, obj, serial, count):
        line = [serial, kind_of(obj), count,
                "f" if gc.is_finalized(obj) else "-",
                0 if isinstance(obj, Weakref) else weakref.getweakrefcount(obj)]
        if isinstance(obj, Weakref):
            line += ["to", self.referent(obj)]
        for i in range(nr_slots(obj)):
            target = slot_get(obj, i)
            line.append("-" if target is None else serial_of(target))
        self.print(*line)

    def late(self, event):
        """The call of a weak reference that was part of what is dead now."""
        return (event[0] == 3 and event[1] not in self.weak_names and
                event[1] not in self.address)

    def print_events(self, every):
        titles = ("finalized", "loaded", "released", "called")
        for kind, title in enumerate(titles):
            found = sorted(event[1:] for event in self.events
                           if event[0] == kind and
                           (every or not self.late(event)))
            if found:
                self.print(title, *(str(serial) if other is None else
                                    "%d=%s" % (serial, other)
                                    for serial, other in found))


assert sys.version_info[:2] == (3, 11), "the oracle is CPython 3.11"
