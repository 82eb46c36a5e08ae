#!/usr/bin/env python3
"""Run a Python program, record its object graph, then clear some of its names.

usage: specimen.py FOLDER STATUS QUESTIONS ANSWERS ROOT... -- PROGRAM [ARGUMENT...]

The program runs as __main__ of this interpreter. When its main code has ended,
or at signal SIGRTMAX, this process forks: other threads stop existing, and
what their stacks refer to stays referred to. The copy

  1. collects until nothing changes any more, with automatic collection off;
  2. forks once more: that copy keeps everything and answers questions about
     objects, by their address, from the descriptor QUESTIONS to ANSWERS;
  3. writes FOLDER/before: every object known to gc, its reference count and
     what it refers to;
  4. deletes the names ROOT; writes FOLDER/at-once: what is still there;
  5. collects until nothing is found; writes FOLDER/after: as "before".

STATUS is a descriptor that gets a line for each of these steps. ROOT is a name
of __main__, or MODULE:NAME; NAME may be "*", every name that does not begin
with two underscores.

What is imported here before the program runs is what the interpreter has
loaded anyway, so that the program sees the modules that it would see alone.
"""
import gc

# Everything made from here to run() is this tool's, and no part of the graph.
known_before = set(map(id, gc.get_objects()))

import os
import sys

import _signal
import _weakref

HEAP_TYPE = 1 << 9	# of type.__flags__
HAVE_GC = 1 << 14
REPORTS_ALL = frozenset((dict, list, tuple, set))
ATOMS = frozenset((str, bytes, bytearray, int, float, complex, bool,
                   type(None), type(...), type(NotImplemented), range))
CODE = type((lambda: None).__code__)
WEAK = _weakref.ref
# Links of functools.lru_cache, whose class the cache reports for them.
LRU_LINK = "_lru_list_elem"
# What a heap type refers to without reporting it (PyTypeObject, CPython 3.11)
# is the dict of weak references to its subclasses.
BASES_AT, BASE_AT, MRO_AT, SUBCLASSES_AT = 336, 256, 344, 360


def suspended():
    """Types whose objects run code when they die before their time."""
    async def coroutine():
        pass

    async def generator():
        yield

    made = [coroutine(), generator(), (x for x in ())]
    made[0].close()
    return set(map(type, made))


SUSPENDED = suspended()


# What type itself says of a class: a metaclass may run code when it is asked.
flags_of = type.__dict__["__flags__"].__get__
mro_of = type.__dict__["__mro__"].__get__
dict_of = type.__dict__["__dict__"].__get__
name_of = type.__dict__["__qualname__"].__get__
module_of = type.__dict__["__module__"].__get__


class Failure(Exception):
    """The graph cannot be recorded."""


# --- memory ------------------------------------------------------------------

class Memory:
    """This process's own memory (not that of a copy), as it lies there."""

    def __init__(self):
        self.file = os.open("/proc/self/mem", os.O_RDONLY)

    def words(self, address, count):
        data = os.pread(self.file, 8 * count, address)
        return [int.from_bytes(data[i:i + 8], "little")
                for i in range(0, len(data), 8)]

    def word(self, address):
        return self.words(address, 1)[0]

    def subclasses(self, cls):
        """The address of a type's dict of subclasses, or 0."""
        return self.word(id(cls) + SUBCLASSES_AT)

    def check(self):
        """Is a type laid out as we believe?"""
        class Base:
            pass

        class Derived(Base):
            pass

        at = id(Derived)
        found = (self.word(at + BASE_AT), self.word(at + MRO_AT),
                 self.word(at + BASES_AT), self.subclasses(Derived))
        if found != (id(Base), id(Derived.__mro__), id(Derived.__bases__), 0):
            raise Failure("types are not laid out as in CPython 3.11")
        if self.word(self.subclasses(Base) + 8) != id(dict):
            raise Failure("subclasses are not kept as in CPython 3.11")


# --- the graph ---------------------------------------------------------------

def counts(objects):
    """Reference counts, without those that this measurement adds."""
    probe = [[]]
    extra = list(map(sys.getrefcount, probe))[0]
    return [count - extra for count in map(sys.getrefcount, objects)]


def time_zone(obj):
    """What C's datetime and time refer to; theirs, whatever a subclass says."""
    for base in mro_of(type(obj)):
        if not flags_of(base) & HEAP_TYPE and module_of(base) == "datetime" \
                and "tzinfo" in dict_of(base):
            return dict_of(base)["tzinfo"].__get__(obj)
    return None


def unreported(obj, memory, by_address):
    """The counted references of an object that tp_traverse does not report."""
    cls = type(obj)
    if cls is CODE:
        return [obj.co_consts, obj.co_names]
    if issubclass(cls, type):
        if flags_of(obj) & HEAP_TYPE:
            found = by_address.get(memory.subclasses(obj))
            return [] if found is None else [found]
        return []
    refs = []
    if not flags_of(cls) & HAVE_GC:
        if flags_of(cls) & HEAP_TYPE and name_of(cls) != LRU_LINK:
            refs.append(cls)
        zone = time_zone(obj)
        if zone is not None:
            refs.append(zone)
    return refs


class Writer:
    """Lines to a file, without an io object that gc would know."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.lines = []

    def line(self, text):
        self.lines.append(text)
        if len(self.lines) >= 4096:
            self.flush()

    def flush(self):
        data = memoryview(("\n".join(self.lines) + "\n").encode()) \
            if self.lines else b""
        self.lines = []
        while data:
            data = data[os.write(self.file, data):]

    def close(self):
        self.flush()
        os.close(self.file)


def type_name(cls):
    module, name = module_of(cls), name_of(cls)
    if type(module) is not str or module == "builtins":
        return name
    return module + "." + name


def traits(cls):
    """w: weak references; c: classes; f: may run code when they die."""
    found = "w" if issubclass(cls, WEAK) else ""
    found += "c" if issubclass(cls, type) else ""
    if cls in SUSPENDED or any("__del__" in dict_of(base)
                               for base in mro_of(cls)):
        found += "f"
    return found or "-"


class Record:
    """A file with what gc knows, and what of the rest leads back to it.

    A line for an object: its address, 1 if gc knows it, its count, the number
    of its type, the address of what it refers to weakly or 0, and the addresses
    that it refers to, one for each reference. Another file has the types.

    What lies at the addresses ours is left out; only is what to write.
    """

    def __init__(self, path, memory, ours, only=None):
        self.memory, self.ours = memory, ours
        self.types, self.weak, self.rest = {}, set(), []
        self.names, self.out = Writer(path + ".types"), Writer(path)
        self.write([o for o in gc.get_objects()
                    if id(o) not in ours and (only is None or id(o) in only)])
        self.out.close()
        self.names.close()

    def write(self, objects):
        # Before anything here refers to them.
        number = counts(objects)
        self.known = set(map(id, objects))
        self.dicts = {id(o): o for o in objects if type(o) is dict}
        self.lines(objects, number, 1)
        del objects
        # What gc does not know matters if it leads to what gc does: code, whose
        # constants may be containers; a str of a class of one's own.
        i = 0
        while i < len(self.rest):
            self.refers_to(self.rest[i])
            i += 1
        self.lines(self.rest, counts(self.rest), 0)

    def refers_to(self, o):
        """Addresses; what is new is put aside."""
        found, known = [], self.known
        refs = gc.get_referents(o)
        if type(o) not in REPORTS_ALL:
            refs += unreported(o, self.memory, self.dicts)
        for r in refs:
            address = id(r)
            if address in known:
                found.append(address)
            elif type(r) not in ATOMS and address not in self.ours:
                known.add(address)
                self.rest.append(r)
                found.append(address)
        return found

    def lines(self, objects, number, known):
        types, weak, line = self.types, self.weak, self.out.line
        for o, count in zip(objects, number):
            cls = id(type(o))
            if cls not in types:
                self.new_type(type(o))
            target = id(WEAK.__call__(o)) if cls in weak else 0
            line("%d %d %d %d %d %s" % (
                id(o), known, count, types[cls],
                0 if target == id(None) else target,
                " ".join(map(str, self.refers_to(o)))))

    def new_type(self, cls):
        number = self.types[id(cls)] = len(self.types)
        kind = traits(cls)
        if "w" in kind:
            self.weak.add(id(cls))
        self.names.line("%d %s %s" % (number, kind, type_name(cls)))


# --- clearing roots ----------------------------------------------------------

def namespace_of(root):
    module, colon, name = root.rpartition(":")
    if not colon:
        module = "__main__"
    if module not in sys.modules:
        raise Failure("there is no module %r" % module)
    return sys.modules[module].__dict__, name, module


def find_names(roots):
    """[(module, name)], in order, each once."""
    found = {}
    for root in roots:
        namespace, name, module = namespace_of(root)
        if name == "*":
            for each in namespace:
                if isinstance(each, str) and not each.startswith("__"):
                    found[module, each] = True
        elif name in namespace:
            found[module, name] = True
        else:
            raise Failure("there is no name %r in %r" % (name, module))
    return list(found)


def write_names(path, names):
    out = Writer(path)
    for module, name in names:
        namespace = sys.modules[module].__dict__
        out.line("%d %d %s:%s" % (id(namespace), id(namespace[name]), module,
                                  name))
    out.close()


def clear(names):
    for module, name in names:
        # Clearing one may have run code that cleared the next.
        sys.modules[module].__dict__.pop(name, None)


# --- what survives -----------------------------------------------------------

def settle():
    """Collect until nothing is found and nothing is untracked any more."""
    known = -1
    for _ in range(20):
        found = gc.collect()
        if not found and known == len(gc.get_objects()):
            return
        known = len(gc.get_objects())
    raise Failure("the program's objects do not come to rest")


def write_addresses(path, addresses, among):
    out = Writer(path)
    for address in addresses:
        if address in among:
            out.line("%d" % address)
    out.close()


def untracked_since(old, alive, memory):
    """Dicts and tuples that gc may have forgotten, and that are not dead.

    A full collection stops tracking a dict that no longer holds a container.
    Memory of a dead one may have become that of another that gc does not know.
    """
    kinds = {id(dict), id(tuple)}
    for address in old - alive:
        # gc's two words come before an object; count and type begin it.
        try:
            link, _, count, cls = memory.words(address - 16, 4)
        except OSError:
            continue		# there is no memory any more
        if cls in kinds and count and not link:
            yield address


def drop_and_collect(folder, names, memory, old, ours, tell):
    new = set()
    # What is known now goes aside while names are cleared, and comes back as
    # the oldest generation: what is in it afterwards is not new at an old
    # address.
    gc.freeze()
    clear(names)
    gc.unfreeze()
    write_addresses(folder + "/at-once", map(id, gc.get_objects(2)), old)
    tell("cleared %d" % len(names))
    collected = collect_all(new)
    alive = set(map(id, gc.get_objects(2))) - new
    forgotten = list(untracked_since(old, alive, memory))
    write_addresses(folder + "/alive", alive, old)
    write_addresses(folder + "/forgotten", forgotten, old)
    tell("collected %d" % collected)
    Record(folder + "/after", memory, ours, alive)


def collect_all(new):
    """Collect until nothing is found; add to new what is young before each.

    A full collection makes all that survives it old; what its callbacks make
    is young.
    """
    collected = 0
    for _ in range(20):
        new.update(map(id, gc.get_objects(0)), map(id, gc.get_objects(1)))
        found = gc.collect()
        if not found:
            return collected
        collected += found
    raise Failure("collections find something again and again")


# --- questions ---------------------------------------------------------------

def short(text, length=60):
    return text if len(text) <= length else text[:length - 3] + "..."


def describe(obj):
    """One line, without running any of the program's code."""
    cls = type(obj)
    if cls is dict:
        keys = [repr(k) if type(k) in ATOMS else type_name(type(k))
                for k in list(obj)[:3]]
        return "dict of %d: %s" % (len(obj), short(", ".join(keys)))
    if cls in (list, tuple, set, frozenset):
        some = [type_name(type(x)) for x in list(obj)[:3]]
        return "%s of %d: %s" % (cls.__name__, len(obj), short(", ".join(some)))
    if isinstance(obj, type):
        return "class " + type_name(obj)
    if cls is type(sys):
        return "module " + repr(obj.__dict__.get("__name__"))
    for name in ("__qualname__", "co_qualname", "__name__"):
        if cls.__module__ == "builtins" and type(getattr(obj, name, None)) is str:
            return "%s %s" % (type_name(cls), getattr(obj, name))
    return type_name(cls) + " object"


def label(owner, target):
    """How owner refers to target: an attribute, a key, an index."""
    if type(owner) is dict:
        for key, value in owner.items():
            if value is target:
                return "[%s]" % (short(repr(key)) if type(key) in ATOMS
                                 else type_name(type(key)))
            if key is target:
                return " key"
    if type(owner) in (list, tuple):
        for index, value in enumerate(owner):
            if value is target:
                return "[%d]" % index
    if type(owner) is type(sys) or type(target) is dict and \
            "__dict__" in dir(type(owner)):
        return ".__dict__"
    for name in dir(type(owner)):
        # Members and slots only: a property would run code.
        member = getattr(type(owner), name, None)
        if type(member).__name__ in ("member_descriptor", "getset_descriptor"):
            try:
                if getattr(owner, name) is target:
                    return "." + name
            except Exception:
                pass
    return " -> "


def entry_key(owner, target):
    """Of a dict, the address of the key whose value target is, or 0."""
    if type(owner) is dict:
        for key, value in owner.items():
            if value is target:
                return id(key)
    return 0


def holders(address, objects, memory):
    """Objects unknown to gc in whose own memory the address lies."""
    found = []
    for obj in objects.values():
        if gc.is_tracked(obj) or type(obj) in ATOMS:
            continue
        if address in memory.words(id(obj) + 8,
                                   object.__sizeof__(obj) // 8 - 1):
            found.append(id(obj))
    return found


def all_objects():
    """By address: what gc knows, and what is found from there."""
    objects = {id(o): o for o in gc.get_objects()}
    rest = list(objects.values())
    while rest:
        obj = rest.pop()
        for r in gc.get_referents(obj):
            if id(r) not in objects and type(r) not in ATOMS:
                objects[id(r)] = r
                rest.append(r)
    return objects


def answer(words, objects, memory):
    kind, numbers = words[0], [int(w) for w in words[1:]]
    obj = objects.get(numbers[0])
    if obj is None:
        return ""
    if kind == "describe":
        return describe(obj)
    if kind == "label":
        return label(obj, objects.get(numbers[1]))
    if kind == "key":
        return str(entry_key(obj, objects.get(numbers[1])))
    if kind == "holders":
        return " ".join(map(str, holders(numbers[0], objects, memory)))
    return ""


def answer_questions(questions, answers):
    """A line for a line, until nobody asks any more."""
    objects = memory = None
    buffer = b""
    while True:
        data = os.read(questions, 65536)
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            if objects is None:
                memory, objects = Memory(), all_objects()
            try:
                text = answer(line.decode().split(), objects, memory)
            except Exception as error:
                text = "(%s: %s)" % (type(error).__name__, error)
            os.write(answers, (text.replace("\n", " ") + "\n").encode(
                errors="backslashreplace"))


# --- the program -------------------------------------------------------------

class Specimen:
    def __init__(self, folder, status, questions, answers, roots):
        self.folder, self.roots = folder, roots
        self.status, self.questions, self.answers = status, questions, answers
        self.process = os.getpid()
        self.ours, self.kept = set(), []

    def tell(self, text):
        os.write(self.status, (text + "\n").encode())

    def flush(self):
        for file in (sys.stdout, sys.stderr):
            try:
                file.flush()
            except Exception:
                pass

    def interrupt(self, number, frame):
        del frame
        self.take("interrupted")

    def take(self, why):
        """Never returns. A child of the program's own just goes on."""
        if os.getpid() != self.process:
            return
        _signal.signal(_signal.SIGRTMAX, _signal.SIG_IGN)
        self.flush()
        pid = os.fork()
        if pid:
            os._exit(0 if os.waitpid(pid, 0)[1] == 0 else 1)
        try:
            self.take_in_copy(why)
        except BaseException as error:
            self.tell("failed %s: %s" % (type(error).__name__, error))
            os._exit(1)
        os._exit(0)

    def take_in_copy(self, why):
        gc.disable()
        gc.set_debug(0)
        settle()
        known = set(map(id, gc.get_objects())) - self.ours
        self.tell(why)
        if os.fork() == 0:
            os.close(self.status)
            answer_questions(self.questions, self.answers)
            os._exit(0)
        os.close(self.questions)
        os.close(self.answers)
        names, memory = find_names(self.roots), Memory()
        write_names(self.folder + "/names", names)
        Record(self.folder + "/before", memory, self.ours, known)
        self.tell("recorded")
        drop_and_collect(self.folder, names, memory, known, self.ours,
                         self.tell)
        self.tell("done")

    def run(self, program, arguments):
        Memory().check()
        own, module = sys.modules["__main__"], type(sys)("__main__")
        namespace = module.__dict__
        namespace["__file__"] = program
        namespace["__builtins__"] = sys.modules["builtins"]
        sys.modules["__main__"] = module
        sys.argv[:] = [program] + arguments
        sys.path[0] = os.path.dirname(os.path.abspath(program))
        _signal.signal(_signal.SIGRTMAX, self.interrupt)
        gc.collect()
        # Held, so that nothing else can be found at these addresses.
        self.kept = [own, globals()] + [o for o in gc.get_objects()
                                        if id(o) not in known_before]
        self.ours |= set(map(id, self.kept)) | {id(self.kept), id(self.ours)}
        self.ours -= {id(module), id(namespace)}
        del own, module
        try:
            with open(program, "rb") as file:
                source = file.read()
            exec(compile(source, program, "exec"), namespace)
        except SystemExit as end:
            why = "ended %s" % (end.code,)
        except BaseException:
            why = "ended by an exception"
            sys.excepthook(*sys.exc_info())
        else:
            why = "ended"
        source = namespace = file = None
        self.take(why)


def main():
    split = sys.argv.index("--")
    folder, *descriptors = sys.argv[1:5]
    specimen = Specimen(folder, *map(int, descriptors), sys.argv[5:split])
    specimen.run(sys.argv[split + 1], sys.argv[split + 2:])


main()
