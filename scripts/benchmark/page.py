# SPDX-License-Identifier: GPL-2.0
"""Write the page that shows one run."""
import shutil

import report

INTRO = """\
# How fast refheap is

`make bench` measures all of this in one run, refheap and its peers on the same
machine, and prints the table; `scripts/bench --page` writes this page. **Only the
ratios mean anything elsewhere**: the times are those of one machine, and a run
differs from the next by some per cent.

{machine}

{closing}

## What is compared

refheap is a kernel module, and a kernel in an emulator has no speed worth
measuring. So its sources run, unchanged, at the machine's own speed in two ways:

- **uml**: built into user-mode Linux, a kernel that is an ordinary process. It has
  the real slab allocator, one CPU, and atomic operations without the lock prefix.
- **user**: built as a program, with thin stand-ins for the kernel's primitives. It
  has the real lock prefix and real CPUs, but not the real slab.

Each row says which. The peers run beside it:

| peer | what it is |
|---|---|
| kref, kmem_cache, slab | what a kernel programmer would use without refheap, in the same program |
| unix-gc | the kernel's own collector, of sockets in flight (`net/unix/garbage.c`), in the same kernel |
| cpython | CPython: counts references and walks the whole heap for cycles; with dicts, lists, or instances of a class with `__slots__` |
| php | PHP: counts, and tries what lost a reference; with a stack without limit, as it frees by recursion |
| nim | Nim's ORC: the same, compiled |
| boehm | Boehm's collector for C: marks what is alive and never looks at the rest. It frees nothing when a reference goes, so no target compares with it |

A graph is made in fresh memory, in the order of allocation. Of a peer, each of five
processes reports the best of three collections, and the median of the five counts:
its buffers are warm or its memory is in order, whatever suits it. Of refheap it is
the median of five such bests for what is collected or dropped, and of single turns
for everything else. Where several peers are named the best one is shown; a
target is met if it holds against every one of them.

## The table
"""

PLOTS = {
    "hub": ("What hangs on a hub", "A thousand garbage pairs in a live heap, each "
            "pair with a reference to a hub that reaches every live object. Who walks "
            "the heap, or what hangs on what was touched, pays by the million."),
    "reclaim": ("A million garbage objects", "Found and freed; for each object."),
    "size": ("The same by their number", "What a processor's caches hold is faster."),
    "stall": ("Stalls", "How much longer one operation of another thread took at "
              "worst while a million objects were collected. A bar that is not there "
              "is nothing, or less than without a collection."),
    "memory": ("Memory", "What an object takes beside its references."),
}


def machine(folder):
    path = folder / "machine.txt"
    return path.read_text().strip() if path.exists() else ""


def table(results):
    lines = []
    by_name = {result.row.name: result for result in results}
    for title, rows in report.TABLE:
        lines += [f"### {title}", "",
                  "| | refheap | peer | its | ratio | target | |",
                  "|---|--:|---|--:|--:|--:|---|"]
        lines += ["| " + " | ".join(report.cells(by_name[row.name])) + " |"
                  for row in rows]
        lines += [""] + [f"- `{row.name}` ({row.source}): {row.what}" for row in rows]
        lines += [""]
    return lines


def all_peers(results):
    """For the rows that have more than the one shown."""
    lines = ["## Every peer", "", "| | refheap | peers |", "|---|--:|---|"]
    for result in results:
        if len(result.peers) > 1:
            unit = result.row.unit
            peers = ", ".join(f"{peer} {report.shown(number, unit)}"
                              for peer, number in result.peers.items())
            lines.append(f"| {result.row.name} | {report.shown(result.value, unit)} "
                         f"| {peers} |")
    return lines + [""]


def write(path, folder, figures, results, drawn):
    pictures = path.with_suffix("")
    pictures.mkdir(exist_ok=True)
    lines = [INTRO.format(machine=machine(folder), closing=report.closing(results) + ".")]
    lines += table(results)
    lines += ["## Curves", ""]
    for name in drawn:
        title, text = PLOTS.get(name, (name, ""))
        shutil.copy(folder / f"{name}.svg", pictures)
        lines += [f"### {title}", "", text, "",
                  f"![{title}]({pictures.name}/{name}.svg)", ""]
    lines += all_peers(results)
    notes = [note for source in figures.values() for note in source.notes]
    if notes:
        lines += ["## Versions and remarks", ""] + [f"- {note}" for note in dict.fromkeys(notes)]
    path.write_text("\n".join(lines).rstrip() + "\n")
