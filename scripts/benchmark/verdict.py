# SPDX-License-Identifier: GPL-2.0
"""Join the figures with the targets."""
from dataclasses import dataclass, field

from targets import (AT_LEAST, AT_MOST, RATIO_AT_LEAST, RATIO_AT_MOST, Row)

MET, MISSED, NOT_MEASURED = "met", "MISSED", "not measured"


@dataclass
class Result:
    row: Row
    value: float = None
    # All that were measured, whether they count or not.
    peers: dict = field(default_factory=dict)
    peer: str = None
    ratio: float = None
    verdict: str = ""
    missing: tuple = ()

    @property
    def peer_value(self):
        return self.peers.get(self.peer)

    @property
    def met(self):
        """None where there is no target."""
        return None if self.row.kind is None else self.verdict == MET


def value_of(row, figures):
    if not row.of:
        return figures.value(row.name, row.unit)
    return quotient(*(figures.value(name, "ns") for name in row.of))


def peer_of(row, peer, figures):
    if not row.of:
        return figures.peer(row.name, peer, row.unit)
    return quotient(*(figures.peer(name, peer, "ns") for name in row.of))


def quotient(a, b):
    return a / b if a is not None and b else None


def peers_of(row, ours, others):
    """Who measured a peer beside refheap knows best."""
    found = {}
    for peer in row.peers + row.shown:
        for figures in (ours, others):
            number = peer_of(row, peer, figures)
            if number is not None:
                found[peer] = number
                break
    return found


def best(row, peers):
    """Of those that count, else of the others; more is better of few things."""
    names = [name for name in row.peers if name in peers] or list(peers)
    more = row.kind in (RATIO_AT_LEAST, AT_LEAST)
    return (max if more else min)(names, key=peers.get, default=None)


def holds(kind, target, number):
    return number <= target if kind in (RATIO_AT_MOST, AT_MOST) else number >= target


def judge(row, ours, others):
    """ours: the program that measures refheap for this row; others: the peers."""
    result = Result(row, value_of(row, ours), peers_of(row, ours, others))
    result.peer = best(row, result.peers)
    # Nobody takes no time: such a figure says that something was not done.
    result.missing = tuple(peer for peer in row.peers if not result.peers.get(peer))
    # Less than nothing is no share of a peer's.
    if result.value is not None and result.value >= 0 and result.peer:
        result.ratio = ours.ratio(row.name, result.peer)
        if result.ratio is None:
            result.ratio = quotient(result.value, result.peer_value)
    result.verdict = verdict(result)
    return result


def verdict(result):
    row = result.row
    if row.kind is None:
        return "" if result.value is not None else NOT_MEASURED
    number = result.ratio if row.kind in (RATIO_AT_MOST, RATIO_AT_LEAST) else result.value
    if result.value is None or number is None or result.missing:
        return NOT_MEASURED
    return MET if holds(row.kind, row.target, number) else MISSED
