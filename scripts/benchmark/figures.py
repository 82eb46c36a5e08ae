# SPDX-License-Identifier: GPL-2.0
"""What the programs that measure have printed.

    refheap-bench: value NAME NUMBER UNIT
    refheap-bench: peer NAME PEER NUMBER UNIT
    refheap-bench: ratio NAME PEER NUMBER
    refheap-bench: point CURVE[:SERIES] X Y
    refheap-bench: note TEXT

Whatever stands before is not looked at, nor are lines of other words. A line
that comes more than once counts by the median.
"""
import re
import statistics
from collections import defaultdict

LINE = re.compile(r"refheap-bench: (value|peer|ratio|point|note) (.*)")
NANOSECONDS = {"ns": 1, "us": 1000, "ms": 1000000}


class Figures:
    """The figures of one program."""

    def __init__(self, lines=()):
        self.seen = defaultdict(list)
        self.units = {}
        self.notes = []
        for line in lines:
            if match := LINE.search(line):
                self.take(match[1], match[2].split())

    def take(self, word, rest):
        try:
            if word == "note":
                self.notes.append(" ".join(rest))
            elif word == "value":
                name, number, unit = rest
                self.add(("value", name), number, unit)
            elif word == "peer":
                name, peer, number, unit = rest
                self.add(("peer", name, peer), number, unit)
            elif word == "ratio":
                name, peer, number = rest
                self.add(("ratio", name, peer), number, "ratio")
            else:
                curve, x, y = rest
                self.add(("point", curve, float(x)), y, None)
        except ValueError:
            raise SystemExit(f"not understood: {word} {' '.join(rest)}") from None

    def add(self, key, number, unit):
        if self.units.setdefault(key, unit) != unit:
            raise SystemExit(f"{' '.join(map(str, key))}: in {self.units[key]}, "
                             f"and in {unit}")
        self.seen[key].append(float(number))

    def get(self, key, unit):
        """The median, in that unit, or None."""
        if key not in self.seen:
            return None
        return convert(statistics.median(self.seen[key]), self.units[key], unit)

    def value(self, name, unit):
        return self.get(("value", name), unit)

    def peer(self, name, peer, unit):
        return self.get(("peer", name, peer), unit)

    def ratio(self, name, peer):
        return self.get(("ratio", name, peer), "ratio")

    def curves(self):
        """By curve and series, points in order."""
        found = defaultdict(lambda: defaultdict(list))
        for key in self.seen:
            if key[0] == "point":
                curve, _, series = key[1].partition(":")
                found[curve][series or "refheap"].append((key[2], self.get(key, None)))
        return {curve: {series: sorted(points) for series, points in all_series.items()}
                for curve, all_series in found.items()}


def convert(number, unit, to):
    if unit == to:
        return number
    if unit in NANOSECONDS and to in NANOSECONDS:
        return number * NANOSECONDS[unit] / NANOSECONDS[to]
    raise SystemExit(f"a figure in {unit}, where {to} was expected")
