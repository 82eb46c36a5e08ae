#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the lines that scripts/bench collected into a table.

usage: report.py FOLDER [--page FILE]

FOLDER holds uml.txt, user.txt, peers.txt and machine.txt, as far as these were
measured. Prints the table, and writes it beside the folder as .txt and .json;
plots go into the folder. --page writes the page as well, and its plots into the
folder of the page's name. Exits 3 if something that has a target was not measured.
"""
import json
import sys
from pathlib import Path

import page
import plots
from figures import Figures
from targets import (AT_MOST, BYTES, COUNT, NS, RATIO, RATIO_AT_LEAST,
                     RATIO_AT_MOST, ROWS, TABLE, US)
from verdict import NOT_MEASURED, judge

SOURCES = ("uml", "user", "peers")


def read_figures(folder):
    found = {}
    for source in SOURCES:
        path = folder / f"{source}.txt"
        text = path.read_text(errors="replace") if path.exists() else ""
        found[source] = Figures(text.splitlines())
    return found


def judge_all(figures):
    return [judge(row, figures[row.source], figures["peers"]) for row in ROWS]


# --- numbers for people ------------------------------------------------------

SCALES = {NS: ((1e9, "s"), (1e6, "ms"), (1e4, "µs"), (0, "ns")),
          US: ((1e6, "s"), (1e3, "ms"), (0, "µs"))}
FACTORS = {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}


def shown(number, unit):
    if number is None:
        return "-"
    if unit == BYTES:
        return f"{number:.3g} bytes"
    if unit == COUNT:
        return f"{number:g}"
    if unit == RATIO:
        return digits(number)
    nanoseconds = number * FACTORS["µs" if unit == US else "ns"]
    for least, name in SCALES[unit]:
        if abs(number) >= least:
            return f"{digits(nanoseconds / FACTORS[name])} {name}"
    return f"{digits(number)} {'µs' if unit == US else 'ns'}"


def digits(number):
    """Three that matter, and no more than three places."""
    size = abs(number)
    places = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{number:.{places}f}"


def target_text(row):
    if row.kind is None:
        return ""
    if row.kind == RATIO_AT_MOST:
        return f"≤ {row.target:g} ×"
    if row.kind == RATIO_AT_LEAST:
        return f"≥ {row.target:g} ×"
    sign = "≤" if row.kind == AT_MOST else "≥"
    if row.kind == AT_MOST and row.target == 0:
        return "0"
    unit = {COUNT: "", RATIO: "", US: " µs"}.get(row.unit, " " + row.unit)
    return f"{sign} {row.target:g}{unit}"


def verdict_text(result):
    if result.verdict == NOT_MEASURED and result.missing and result.value is not None:
        return f"{NOT_MEASURED}: no {', '.join(result.missing)}"
    return result.verdict


HEAD = ("", "refheap", "peer", "its", "ratio", "target", "")


def cells(result):
    row = result.row
    return (row.name, shown(result.value, row.unit), result.peer or "",
            shown(result.peer_value, row.unit) if result.peer else "",
            digits(result.ratio) if result.ratio is not None else "",
            target_text(row), verdict_text(result))


def closing(results):
    wanted = [r for r in results if r.row.kind]
    return f"{sum(r.met for r in wanted)} of {len(wanted)} targets met"


def text_table(results):
    lines = [cells(result) for result in results]
    widths = [max(map(len, column)) for column in zip(HEAD, *lines)]
    by_name = {line[0]: line for line in lines}

    def aligned(line):
        first, ours, peer, its, ratio, target, verdict = (
            cell.rjust(width) if i in (1, 3, 4, 5) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths)))
        return "  ".join((first, ours, peer, its, ratio, target, verdict)).rstrip()

    out = [aligned(HEAD)]
    for title, rows in TABLE:
        out += ["", title]
        out += [aligned(by_name[row.name]) for row in rows]
    return "\n".join(out + ["", closing(results)]) + "\n"


# --- numbers for programs ----------------------------------------------------

def as_time(number, unit):
    return number * FACTORS["µs" if unit == US else "ns"] if (
        number is not None and unit in (NS, US)) else None


def entry(result):
    """ns and peer_ns are null where the figure is not a time: see value, unit."""
    row = result.row
    return {"name": row.name, "ns": as_time(result.value, row.unit),
            "peer": result.peer, "peer_ns": as_time(result.peer_value, row.unit),
            "ratio": result.ratio, "target": row.target, "met": result.met,
            "kind": row.kind, "unit": row.unit, "value": result.value,
            "peer_value": result.peer_value, "peers": result.peers,
            "verdict": verdict_text(result), "source": row.source, "what": row.what}


# ------------------------------------------------------------------------------

def main(arguments):
    folder = Path(arguments[0])
    figures = read_figures(folder)
    results = judge_all(figures)
    text = text_table(results)
    Path(f"{folder}.txt").write_text(text)
    Path(f"{folder}.json").write_text(
        json.dumps([entry(result) for result in results], indent=1) + "\n")
    drawn = plots.draw(folder, figures, results)
    sys.stdout.write(text)
    if arguments[1:2] == ["--page"]:
        page.write(Path(arguments[2]), folder, figures, results, drawn)
    if any(r.verdict == NOT_MEASURED for r in results if r.row.kind):
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
