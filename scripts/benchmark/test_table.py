#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the table says of lines that are known."""
import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import plots
import report
from figures import Figures
from targets import (AT_LEAST, AT_MOST, COUNT, NS, RATIO, RATIO_AT_LEAST,
                     RATIO_AT_MOST, ROWS, US, Row)
from verdict import MET, MISSED, NOT_MEASURED, judge

KEYS = {"name", "ns", "peer", "peer_ns", "ratio", "target", "met"}


def figures(*lines):
    return Figures("refheap-bench: " + line for line in lines)


def judged(row, ours=(), others=()):
    return judge(row, figures(*ours), figures(*others))


def row(kind, target, *peers, unit=NS, **more):
    return Row("x", "", "uml", unit, kind, target, peers, **more)


class Lines(unittest.TestCase):
    def test_what_stands_before_is_not_looked_at(self):
        seen = Figures(["[    1.5] refheap-bench: value x 2.500 ns\r"])
        self.assertEqual(seen.value("x", NS), 2.5)

    def test_lines_of_others_are_not_looked_at(self):
        seen = Figures(["value x 1 ns", "refheap-bench: PASS", "refheap-bench: values x 1 ns"])
        self.assertIsNone(seen.value("x", NS))

    def test_a_line_that_is_not_understood_is_refused(self):
        for line in ("value x", "value x 1", "value x one ns", "peer x 1 ns",
                     "ratio x y", "point x 1"):
            with self.assertRaises(SystemExit, msg=line):
                figures(line)

    def test_repeated_lines_count_by_the_median(self):
        seen = figures(*(f"peer x p {n} ns" for n in (9, 1, 5)))
        self.assertEqual(seen.peer("x", "p", NS), 5)

    def test_units_are_converted_or_refused(self):
        seen = figures("value x 2 us", "value y 2 bytes")
        self.assertEqual(seen.value("x", NS), 2000)
        with self.assertRaises(SystemExit):
            seen.value("y", NS)
        with self.assertRaises(SystemExit):
            figures("value x 1 us", "value x 1 ns")

    def test_points_of_a_series(self):
        seen = figures("point hub 100 2", "point hub 10 1", "point hub:php 10 7")
        self.assertEqual(seen.curves(), {"hub": {"refheap": [(10, 1), (100, 2)],
                                                 "php": [(10, 7)]}})


class Verdicts(unittest.TestCase):
    def test_ratio_at_most(self):
        target = row(RATIO_AT_MOST, 0.7, "p")
        self.assertEqual(judged(target, ["value x 7 ns"], ["peer x p 10 ns"]).verdict, MET)
        result = judged(target, ["value x 8 ns"], ["peer x p 10 ns"])
        self.assertEqual((result.verdict, result.ratio, result.met), (MISSED, 0.8, False))

    def test_ratio_at_least(self):
        target = row(RATIO_AT_LEAST, 0.95, "p", unit=RATIO)
        for ours, verdict in ((1.9, MET), (1.8, MISSED)):
            self.assertEqual(judged(target, [f"value x {ours} ratio",
                                             "peer x p 2 ratio"]).verdict, verdict)

    def test_the_best_peer_counts(self):
        result = judged(row(RATIO_AT_MOST, 0.7, "p", "q"), ["value x 7 ns"],
                        ["peer x p 20 ns", "peer x q 9 ns"])
        self.assertEqual((result.peer, result.verdict), ("q", MISSED))

    def test_the_best_peer_has_most_where_more_is_better(self):
        result = judged(row(RATIO_AT_LEAST, 1, "p", "q", unit=RATIO), ["value x 2 ratio"],
                        ["peer x p 1 ratio", "peer x q 3 ratio"])
        self.assertEqual((result.peer, result.verdict), ("q", MISSED))

    def test_who_is_only_shown_does_not_count(self):
        result = judged(row(RATIO_AT_MOST, 0.7, "p", shown=("q",)), ["value x 7 ns"],
                        ["peer x p 20 ns", "peer x q 1 ns"])
        self.assertEqual((result.peer, result.verdict), ("p", MET))
        self.assertEqual(result.peers, {"p": 20, "q": 1})

    def test_a_missing_peer_is_not_met(self):
        result = judged(row(RATIO_AT_MOST, 0.7, "p", "q"), ["value x 1 ns"],
                        ["peer x p 20 ns"])
        self.assertEqual((result.verdict, result.met), (NOT_MEASURED, False))
        self.assertEqual(report.verdict_text(result), "not measured: no q")

    def test_a_peer_that_took_no_time_is_not_met(self):
        result = judged(row(RATIO_AT_MOST, 0.7, "p"), ["value x 1 ns"], ["peer x p 0 ns"])
        self.assertEqual((result.verdict, result.met, result.ratio),
                         (NOT_MEASURED, False, None))
        result = judged(row(RATIO_AT_MOST, 0.7, "p"),
                        ["value x 1 ns", "peer x p 0 ns", "ratio x p 0.5"])
        self.assertEqual((result.verdict, result.met), (NOT_MEASURED, False))

    def test_refheap_not_measured_is_not_met(self):
        for target in (row(RATIO_AT_MOST, 0.7, "p"), row(AT_MOST, 5)):
            result = judged(target, [], ["peer x p 20 ns"])
            self.assertEqual((result.verdict, result.met), (NOT_MEASURED, False))

    def test_the_median_of_paired_ratios_goes_first(self):
        result = judged(row(RATIO_AT_MOST, 1.05, "p"),
                        ["value x 10 ns", "peer x p 8 ns", "ratio x p 1.04"])
        self.assertEqual((result.ratio, result.verdict), (1.04, MET))

    def test_a_peer_measured_beside_refheap_goes_first(self):
        result = judged(row(RATIO_AT_MOST, 1, "p"), ["value x 10 ns", "peer x p 20 ns"],
                        ["peer x p 5 ns"])
        self.assertEqual(result.peer_value, 20)

    def test_limits_of_the_figure_itself(self):
        for kind, target, number, verdict in (
                (AT_MOST, 50, 50, MET), (AT_MOST, 50, 50.1, MISSED),
                (AT_MOST, 50, -3, MET), (AT_LEAST, 0.95, 0.95, MET),
                (AT_LEAST, 0.95, 0.9, MISSED), (AT_MOST, 0, 0, MET),
                (AT_MOST, 0, 1, MISSED)):
            result = judged(row(kind, target, unit=COUNT), [f"value x {number} count"])
            self.assertEqual(result.verdict, verdict, (kind, target, number))

    def test_a_peer_does_not_change_a_limit_of_the_figure(self):
        result = judged(row(AT_MOST, 50, unit=US, shown=("p",)), ["value x 60 us"],
                        ["peer x p 90000 us"])
        self.assertEqual((result.verdict, result.peer), (MISSED, "p"))

    def test_less_than_nothing_has_no_ratio(self):
        result = judged(row(AT_MOST, 50, unit=US, shown=("p",)), ["value x -1 us"],
                        ["peer x p 90000 us"])
        self.assertEqual((result.verdict, result.ratio), (MET, None))

    def test_one_figure_over_another(self):
        target = row(AT_MOST, 2, unit=RATIO, of=("big", "small"))
        self.assertEqual(judged(target, ["value big 30 ns", "value small 10 ns"]).verdict,
                         MISSED)
        self.assertEqual(judged(target, ["value big 20 ns", "value small 10 ns"]).verdict,
                         MET)
        self.assertEqual(judged(target, ["value big 20 ns"]).verdict, NOT_MEASURED)
        self.assertEqual(judged(target, ["value big 2 ns", "value small 0 ns"]).verdict,
                         NOT_MEASURED)

    def test_a_row_without_target(self):
        self.assertEqual(judged(row(None, None), ["value x 1 ns"]).met, None)


class Targets(unittest.TestCase):
    def test_names_are_unique(self):
        names = [r.name for r in ROWS]
        self.assertEqual(len(names), len(set(names)))

    def test_sources_and_rows_that_others_are_made_of(self):
        names = {r.name for r in ROWS}
        for r in ROWS:
            self.assertIn(r.source, report.SOURCES)
            self.assertLessEqual(set(r.of), names)


class Report(unittest.TestCase):
    def run_report(self, *arguments, **texts):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "bench"
            folder.mkdir()
            for name, text in texts.items():
                (folder / f"{name}.txt").write_text(text)
            out = io.StringIO()
            with contextlib.redirect_stdout(out), \
                    mock.patch.object(plots, "draw", lambda *_: []):
                status = report.main([str(folder), *arguments])
            self.assertEqual((Path(place) / "bench.txt").read_text(), out.getvalue())
            return status, out.getvalue(), json.loads((Path(place) / "bench.json").read_text())

    def everything(self, number):
        """Lines that give every row that figure, and every peer 100."""
        texts = {source: "" for source in report.SOURCES}
        for r in ROWS:
            unit = r.unit if not r.of else NS
            if not r.of:
                texts[r.source] += f"refheap-bench: value {r.name} {number(r)} {unit}\n"
            for peer in r.peers if not r.of else ():
                texts["peers"] += f"refheap-bench: peer {r.name} {peer} 100 {unit}\n"
        return texts

    def test_nothing_measured(self):
        status, text, entries = self.run_report()
        self.assertEqual(status, 3)
        wanted = sum(r.kind is not None for r in ROWS)
        self.assertTrue(text.endswith(f"\n0 of {wanted} targets met\n"))
        self.assertEqual(len(entries), len(ROWS))
        self.assertFalse(any(e["met"] for e in entries))

    def test_everything_met(self):
        def good(r):
            if r.kind in (RATIO_AT_MOST, RATIO_AT_LEAST):
                return r.target * 100
            return 1 if r.kind is None else r.target
        status, text, entries = self.run_report(**self.everything(good))
        wanted = sum(r.kind is not None for r in ROWS)
        self.assertEqual(status, 0, text)
        self.assertTrue(text.endswith(f"\n{wanted} of {wanted} targets met\n"), text)

    def test_a_row_without_target_may_be_missing(self):
        texts = self.everything(lambda r: 1)
        texts["uml"] = texts["uml"].replace("value hub/100000 ", "value nothing ")
        status, text, _ = self.run_report(**texts)
        self.assertEqual((status, text.count(NOT_MEASURED)), (0, 1), text)

    def test_missed_is_no_failure_of_the_run(self):
        def bad(r):
            return 0.01 if r.kind in (AT_LEAST, RATIO_AT_LEAST) else (
                5 if r.name == "hub/10000" else 1000)
        status, text, _ = self.run_report(**self.everything(bad))
        wanted = sum(r.kind is not None for r in ROWS)
        self.assertEqual(status, 0, text)
        self.assertTrue(text.endswith(f"\n0 of {wanted} targets met\n"), text)

    def test_what_programs_read(self):
        _, _, entries = self.run_report(
            uml="refheap-bench: value reclaim/ring 30 ns\n"
            "refheap-bench: value memory/header 16 bytes\n",
            user="refheap-bench: value stall/live 20 us\n",
            peers="refheap-bench: peer stall/live cpython 40000 us\n" + "".join(
                f"refheap-bench: peer reclaim/ring {peer} {ns} ns\n" for peer, ns in
                (("cpython-dict", 200), ("cpython-list", 150), ("cpython-slots", 100),
                 ("php", 120), ("nim", 50), ("boehm", 2))))
        by_name = {e["name"]: e for e in entries}
        for e in entries:
            self.assertLessEqual(KEYS, set(e))
        ring = by_name["reclaim/ring"]
        self.assertEqual({key: ring[key] for key in KEYS},
                         {"name": "reclaim/ring", "ns": 30, "peer": "nim", "peer_ns": 50,
                          "ratio": 0.6, "target": 0.7, "met": True})
        stall = by_name["stall/live"]
        self.assertEqual((stall["ns"], stall["peer_ns"], stall["met"]),
                         (20000, 40000000, True))
        header = by_name["memory/header"]
        self.assertEqual((header["ns"], header["value"], header["unit"], header["met"]),
                         (None, 16, "bytes", True))
        self.assertIs(by_name["get"]["met"], False)

    def test_who_measures_counts(self):
        """get is measured in user-mode Linux too, where it has no lock prefix."""
        _, _, entries = self.run_report(
            uml="refheap-bench: value get 1 ns\nrefheap-bench: peer get kref 9 ns\n")
        self.assertIsNone({e["name"]: e for e in entries}["get"]["ns"])

    def test_the_page(self):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "page.md"
            self.run_report("--page", str(path), machine="A machine.\n",
                            uml="refheap-bench: value reclaim/ring 30 ns\n"
                            "refheap-bench: note a remark\n")
            text = path.read_text()
        for wanted in ("A machine.", "0 of ", "| reclaim/ring | 30.0 ns |", "- a remark",
                       *(f"- `{r.name}` ({r.source}): " for r in ROWS)):
            self.assertIn(wanted, text)


class Numbers(unittest.TestCase):
    def test_three_digits_that_matter(self):
        for number, unit, text in (
                (0.004, NS, "0.004 ns"), (2.345, NS, "2.35 ns"), (34.56, NS, "34.6 ns"),
                (211.4, NS, "211 ns"), (50123456, NS, "50.1 ms"), (20000, NS, "20.0 µs"),
                (3e9, NS, "3.00 s"), (113000, US, "113 ms"), (-2.5, US, "-2.50 µs"),
                (16, "bytes", "16 bytes"), (0, COUNT, "0"), (0.7041, RATIO, "0.704"),
                (None, NS, "-")):
            self.assertEqual(report.shown(number, unit), text)


if __name__ == "__main__":
    unittest.main()
