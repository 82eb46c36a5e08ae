# SPDX-License-Identifier: GPL-2.0
"""The rows of the table: what is measured, beside whom, and how good it has to be.

A row without a target is shown for what it tells. "peers" are those that the
target compares with: the best of them counts, and if one is missing the target
is not met. "shown" are others, who do not count. "source" is the program that
measures refheap's side:

    uml   the module in user-mode Linux: the real slab, one CPU, no lock prefix
    user  the same sources in user space: the real lock prefix, real CPUs
"""
from dataclasses import dataclass, field

# Kinds of target: refheap's figure divided by the peer's, or the figure itself.
RATIO_AT_MOST = "ratio at most"
RATIO_AT_LEAST = "ratio at least"
AT_MOST = "at most"
AT_LEAST = "at least"
KINDS = (RATIO_AT_MOST, RATIO_AT_LEAST, AT_MOST, AT_LEAST)

NS, US, BYTES, RATIO, COUNT = "ns", "us", "bytes", "ratio", "count"

CPYTHON = ("cpython-dict", "cpython-list", "cpython-slots")
FREE_AT_ZERO = CPYTHON + ("php", "nim")
FREE_AT_ZERO_SLOTS = ("cpython-slots", "php", "nim")


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    source: str
    unit: str = NS
    kind: str = None
    target: float = None
    peers: tuple = ()
    shown: tuple = ()
    # A row made of two figures: the first divided by the second.
    of: tuple = field(default=())

    def __post_init__(self):
        assert self.kind is None or self.kind in KINDS
        assert (self.kind is None) == (self.target is None)
        assert self.peers or self.kind not in (RATIO_AT_MOST, RATIO_AT_LEAST)


def count(name, what):
    return Row(name, what, "user", NS, RATIO_AT_MOST, 1.05, ("kref",))


def life(name, what, target):
    return Row(name, what, "uml", NS, RATIO_AT_MOST, target, ("kmem_cache+kref",))


def reclaim(name, what, peers, shown):
    return Row(name, what, "uml", NS, RATIO_AT_MOST, 0.7, peers, shown)


def shuffled(name, what):
    return Row(name, what, "uml", NS, RATIO_AT_MOST, 1.2, ("kmem_cache_free",))


def hub(number, words):
    return Row(f"hub/{number}", f"One collection of 1,000 garbage pairs in a heap "
               f"of {words} live objects; each pair also refers to a hub that "
               f"reaches them all.", "uml", NS,
               shown=("cpython", "php", "nim", "boehm"))


def stall(name, what):
    return Row(name, what, "user", US, AT_MOST, 50, shown=("cpython", "boehm"))


# (title, rows)
TABLE = (
    ("One reference", (
        count("get", "Take a reference to an object that somebody holds."),
        count("put", "Give up a reference that is not the last one."),
        count("get+put", "Take a reference and give it up again."),
        count("get/contended", "Two CPUs take references to the same object."),
        count("put/contended", "Two CPUs give up references to the same object."),
        count("get+put/contended", "Two CPUs do both with the same object."),
    )),
    ("The life of an object", (
        life("alloc+free/leaf", "Allocate an object that refers to nothing, and "
             "free it by its last put.", 1.25),
        life("alloc+free/leaf+release", "The same, of a type that wants to be "
             "told when an object goes.", 1.25),
        life("alloc+free/container", "The same for an object with two references, "
             "which the collector has to know.", 1.6),
        Row("chain/drop", "Drop the head of a chain of a million objects: each "
            "takes the next along. For each object.", "uml", NS, RATIO_AT_MOST, 0.9,
            ("cpython-slots", "cpython-list", "cpython-tuple"), ("php",)),
        Row("chain/stack", "How much deeper the stack is when that chain goes "
            "than for one of a thousand.", "uml", BYTES, AT_MOST, 64),
    )),
    ("Cyclic garbage", (
        reclaim("reclaim/pairs", "Find and free a million objects in pairs that "
                "refer to each other; memory in the order of allocation. For each "
                "object, as all that follow.", FREE_AT_ZERO, ("boehm", "unix-gc")),
        reclaim("reclaim/ring", "One ring of a million objects.", FREE_AT_ZERO,
                ("boehm", "unix-gc")),
        reclaim("reclaim/list", "A doubly linked list of a million objects.",
                FREE_AT_ZERO_SLOTS, ("boehm",)),
        reclaim("reclaim/tree", "A binary tree of a million objects that know "
                "their parents.", FREE_AT_ZERO_SLOTS, ("boehm",)),
        shuffled("reclaim/pairs-shuffled", "Pairs whose memory is shuffled; beside "
                 "it, what it takes merely to free objects in that order."),
        shuffled("reclaim/ring-shuffled", "A ring whose memory is shuffled."),
    )),
    ("A live heap", (
        Row("live/untouched", "How often the collector wakes up, or looks at "
            "anything, while nothing happens to a million objects.", "uml", COUNT,
            AT_MOST, 0),
        Row("live/touched", "A collection after each of a million live objects was "
            "referred to once more and let go again. For each object.", "uml",
            NS, AT_MOST, 10, shown=FREE_AT_ZERO + ("boehm",)),
        Row("live/touched-again", "The collection after that, with nothing "
            "touched: no more than what calling it costs.", "uml", NS, AT_MOST, 0.1,
            shown=FREE_AT_ZERO + ("boehm",)),
        hub(10000, "ten thousand"),
        hub(100000, "a hundred thousand"),
        hub(1000000, "a million"),
        hub(10000000, "ten million"),
        Row("hub/flat", "Ten million live objects beside ten thousand: how many "
            "times as long the same collection takes.", "uml", RATIO, AT_MOST, 2,
            shown=("cpython", "php", "nim", "boehm"),
            of=("hub/10000000", "hub/10000")),
    )),
    ("Everybody else, meanwhile", (
        stall("stall/garbage", "The longest that another thread waited for one "
              "operation while a million garbage objects were collected, above "
              "its longest without."),
        stall("stall/live", "The same while a million live objects were "
              "looked at."),
        Row("scaling/two-cpus", "What two CPUs that work on objects of their own "
            "in one heap get done, beside one of them.", "user", RATIO,
            RATIO_AT_LEAST, 0.95, ("slab",)),
    )),
    ("Memory", (
        Row("memory/header", "The header of an object.", "uml", BYTES, AT_MOST, 16),
        Row("memory/bookkeeping", "All that is kept for an object with references: "
            "the header, its row in the heap's table, the collector's state.",
            "uml", BYTES, AT_MOST, 40, shown=("cpython-slots", "php", "nim")),
        Row("memory/peak", "The most memory in use while cyclic garbage is made "
            "all the time, beside what is alive and the threshold.", "uml", RATIO,
            AT_MOST, 1.3),
        Row("memory/allocations", "Allocations made by a collection.", "user",
            COUNT, AT_MOST, 0),
        Row("churn/kept-up", "What was reclaimed of the cyclic garbage that one "
            "CPU made as fast as it could, while it did.", "uml", RATIO, AT_LEAST,
            0.95),
    )),
)

ROWS = tuple(row for _, rows in TABLE for row in rows)
