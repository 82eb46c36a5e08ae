#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What CPython's collector takes for the graphs that refheap is measured on.

usage: cpython.py PART [OBJECTS]

Prints "refheap-bench: peer ..." lines; README.md tells what is timed. The
collector is told when to run: its thresholds would have it run while a graph is
being made. Debian's interpreter, as the file's first line says: a debug build
or another release is another peer.
"""
import gc
import os
import platform
import statistics
import sys
import threading
import time

PAIRS_AT_HUB = 1000
ROUNDS = 3
LIVE_ROUNDS = 5
STALL_ROUNDS = 9
PAYLOAD = 8

now = time.perf_counter_ns


class Node:
    """The leanest class there is: one reference and the header."""
    __slots__ = ("next",)


class ListNode:
    """A member of a doubly linked list."""
    __slots__ = ("next", "prev")


class TreeNode:
    """A member of a binary tree that knows its parent."""
    __slots__ = ("left", "right", "parent")


class HubNode:
    """A member of a pair that refers to the hub as well."""
    __slots__ = ("next", "hub")


# How each kind of object is made, and how it comes to refer to another. The
# first is the example of README's introduction.

def dict_pairs(n):
    for _ in range(n // 2):
        obj_a = {}
        obj_b = {}
        obj_a["friend"] = obj_b
        obj_b["friend"] = obj_a


def dict_ring(n):
    first = last = {}
    for _ in range(n - 1):
        new = {}
        last["friend"] = new
        last = new
    last["friend"] = first


def list_pairs(n):
    for _ in range(n // 2):
        a = [None]
        b = [a]
        a[0] = b


def list_ring(n):
    first = last = [None]
    for _ in range(n - 1):
        new = [None]
        last[0] = new
        last = new
    last[0] = first


def slots_pairs(n):
    for _ in range(n // 2):
        a = Node()
        b = Node()
        a.next = b
        b.next = a


def slots_ring(n):
    first = last = Node()
    for _ in range(n - 1):
        new = Node()
        last.next = new
        last = new
    last.next = first


def slots_list(n):
    last = ListNode()
    for _ in range(n - 1):
        new = ListNode()
        last.next = new
        new.prev = last
        last = new


def slots_tree(n):
    """The nodes in the order of a heap: node i is above 2i + 1 and 2i + 2."""
    nodes = [TreeNode() for _ in range(n)]
    for i in range(1, n):
        child, parent = nodes[i], nodes[(i - 1) // 2]
        child.parent = parent
        if i % 2:
            parent.left = child
        else:
            parent.right = child


RECLAIM = {
    "pairs": {"dict": dict_pairs, "list": list_pairs, "slots": slots_pairs},
    "ring": {"dict": dict_ring, "list": list_ring, "slots": slots_ring},
    "list": {"slots": slots_list},
    "tree": {"slots": slots_tree},
}


def peer(name, who, number, unit="ns"):
    print(f"refheap-bench: peer {name} {who} {number:.3f} {unit}", flush=True)


def note(text):
    print(f"refheap-bench: note {text}", flush=True)


def collect(at_least):
    """The time of one full collection, which has to find so many objects."""
    start = now()
    found = gc.collect()
    took = now() - start
    if found < at_least:
        sys.exit(f"cpython: {found} objects collected, not {at_least}")
    return took


def in_fresh_memory(function, *args):
    """Memory that has been used comes back in another order, which costs."""
    pid = os.fork()
    if not pid:
        function(*args)
        sys.stdout.flush()
        os._exit(0)    # what is left is not worth taking apart
    if os.waitpid(pid, 0)[1]:
        sys.exit(1)


def reclaim(shape, n):
    for kind, make in RECLAIM[shape].items():
        in_fresh_memory(reclaim_kind, shape, kind, make, n)


def reclaim_kind(shape, kind, make, n):
    times = []
    for _ in range(ROUNDS):
        make(n)
        times.append(collect(n))
    peer(f"reclaim/{shape}", f"cpython-{kind}", min(times) / n)


def chain_of_slots(n):
    head = None
    for _ in range(n):
        new = Node()
        new.next = head
        head = new
    return head


def chain_of_lists(n):
    head = None
    for _ in range(n):
        head = [head]
    return head


def chain_of_tuples(n):
    head = None
    for _ in range(n):
        head = (head,)
    return head


def chain(n):
    """The head is the newest object, as in every chain that grows at its head."""
    for kind, make in (("slots", chain_of_slots), ("list", chain_of_lists),
                       ("tuple", chain_of_tuples)):
        in_fresh_memory(drop_chain, kind, make, n)


def drop_chain(kind, make, n):
    times = []
    for _ in range(ROUNDS):
        head = make(n)
        start = now()
        del head
        times.append(now() - start)
    peer("chain/drop", f"cpython-{kind}", min(times) / n)


def live_dicts(n):
    objects = [{"friend": None} for _ in range(n)]
    for obj, friend in zip(objects, objects[1:] + objects[:1]):
        obj["friend"] = friend
    return objects


def live_lists(n):
    objects = [[None] for _ in range(n)]
    for obj, friend in zip(objects, objects[1:] + objects[:1]):
        obj[0] = friend
    return objects


def live_slots(n):
    objects = [Node() for _ in range(n)]
    for obj, friend in zip(objects, objects[1:] + objects[:1]):
        obj.next = friend
    return objects


def live(n):
    """Every full pass walks over everything, touched or not."""
    for kind, make in (("dict", live_dicts), ("list", live_lists),
                       ("slots", live_slots)):
        in_fresh_memory(live_kind, kind, make, n)


def live_kind(kind, make, n):
    objects = make(n)
    collect(0)
    touched = statistics.median(collect_touched(objects) for _ in range(LIVE_ROUNDS))
    again = statistics.median(collect(0) for _ in range(LIVE_ROUNDS))
    peer("live/touched", f"cpython-{kind}", touched / n)
    peer("live/touched-again", f"cpython-{kind}", again / n)


def collect_touched(objects):
    for obj in objects:
        held = obj
    del held
    return collect(0)


def hub(n):
    """A thousand garbage pairs beside n live objects, all of which their hub holds."""
    objects = live_slots(n)
    collect(0)
    times = []
    for _ in range(LIVE_ROUNDS):
        for _ in range(PAIRS_AT_HUB):
            a = HubNode()
            b = HubNode()
            a.next, b.next = b, a
            a.hub = b.hub = objects
        del a, b
        times.append(collect(2 * PAIRS_AT_HUB))
    peer(f"hub/{n}", "cpython", statistics.median(times))


class Bystander(threading.Thread):
    """Changes an object of its own all the time, and notes the longest wait."""

    def __init__(self):
        super().__init__(daemon=True)
        self.running = threading.Event()
        self.end = False
        self.longest = 0

    def run(self):
        own = [None]
        last = now()
        while not self.end:
            own[0] = own
            at = now()
            if at - last > self.longest:
                self.longest = at - last
            last = at
            if not self.running.is_set():
                self.running.set()
        own.clear()

    def stop(self):
        self.end = True
        self.join()
        return self.longest


def longest_beside(action):
    thread = Bystander()
    thread.start()
    thread.running.wait()
    time.sleep(0.01)
    thread.longest = 0
    action()
    time.sleep(0.001)
    return thread.stop()


def stall(n):
    """The longest wait beside a collection, above that beside a sleep as long."""
    for kind in ("garbage", "live"):
        above = []
        for _ in range(STALL_ROUNDS):
            kept = slots_pairs(n) if kind == "garbage" else live_slots(n)
            start = now()
            beside = longest_beside(gc.collect)
            took = (now() - start) / 1e9
            del kept
            gc.collect()
            above.append(beside - longest_beside(lambda: time.sleep(took)))
        peer(f"stall/{kind}", "cpython", statistics.median(above) / 1000, "us")


def memory(_):
    """What an object takes beside its reference."""
    obj = Node()
    obj.next = obj
    peer("memory/bookkeeping", "cpython-slots", sys.getsizeof(obj) - PAYLOAD, "bytes")


def main():
    part = sys.argv[1]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    gc.collect()
    gc.freeze()
    gc.disable()
    if part == "version":
        note(f"CPython {platform.python_version()}")
    elif part in RECLAIM:
        reclaim(part, n)
    else:
        in_fresh_memory({"chain": chain, "live": live, "hub": hub, "stall": stall,
                          "memory": memory}[part], n)


main()
