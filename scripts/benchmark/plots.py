# SPDX-License-Identifier: GPL-2.0
"""Draw the curves and bars with gnuplot."""
import shutil
import subprocess
import sys

COLOURS = {"refheap": "#d55e00", "cpython": "#0072b2", "cpython-dict": "#56b4e9",
           "cpython-list": "#3a8fc4", "cpython-slots": "#0072b2", "php": "#009e73",
           "nim": "#cc79a7", "boehm": "#999999", "unix-gc": "#e69f00"}
OTHERS = ("#000000", "#882255", "#44aa99", "#999933")
LIMIT = "#444444"

HEAD = """
set terminal svg size 760,420 font 'sans-serif,13' background '#ffffff'
set output '{path}'
set border 3 lc rgb '#555555'
set tics nomirror
set grid ytics lc rgb '#dddddd' lt 1
set key outside right top noenhanced
set xlabel '{x}'
set ylabel '{y}'
"""


def colour(series, number):
    """A series is who, or who and what."""
    return COLOURS.get(series.split()[0], OTHERS[number % len(OTHERS)])


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def block(name, rows):
    return "\n".join([f"${name} << END", *rows, "END", ""])


def curve(path, x, y, series, axes="set logscale xy"):
    """series: {name: [(x, y), ...]}"""
    script = [HEAD.format(path=path, x=x, y=y), axes]
    drawn = []
    dashes = {}
    for number, (name, points) in enumerate(series.items()):
        who = name.split()[0]
        dashes[who] = dashes.get(who, 0) + 1
        script.append(block(f"d{number}", (f"{a} {b}" for a, b in points)))
        width = 3 if who == "refheap" else 1.5
        drawn.append(f"$d{number} with linespoints pt 7 ps 0.6 lw {width} "
                     f"dt {dashes[who]} lc rgb '{colour(name, number)}' title '{name}'")
    if not drawn:
        return False
    gnuplot("\n".join(script) + "\nplot " + ", ".join(drawn) + "\n")
    return True


def bars(path, y, groups, least=None, limit=None):
    """groups: {label: {series: number}}; what is missing leaves a gap. With a
    least value the axis is logarithmic, and what is less is not seen."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    names.sort(key=lambda name: name != "refheap")
    if not names:
        return False
    rows = [" ".join([f'"{label}"'] + [number_or_gap(group.get(name), least)
                                       for name in names])
            for label, group in groups.items()]
    script = [HEAD.format(path=path, x="", y=y),
              "set style data histogram\nset style histogram clustered gap 1\n"
              "set style fill solid 0.9 noborder\nset boxwidth 0.9\n"
              "set datafile missing '?'\nset xtics noenhanced scale 0"]
    script.append(f"set logscale y\nset format y '%g'\nset yrange [{least}:*]"
                  if least else "set yrange [0:*]")
    script.append(block("d", rows))
    drawn = [f"$d using {column}:xtic(1) lc rgb '{colour(name, column)}' "
             f"title '{name}'" for column, name in enumerate(names, 2)]
    if limit:
        drawn.append(f"{limit} with lines dt 2 lw 1.5 lc rgb '{LIMIT}' title 'target'")
    gnuplot("\n".join(script) + "\nplot " + ", ".join(drawn) + "\n")
    return True


def number_or_gap(number, least):
    return "?" if number is None or (least and number < least) else f"{number:.4f}"


# --- what is drawn -----------------------------------------------------------

def with_ours(result, divisor=1):
    ours = {} if result.value is None else {"refheap": result.value}
    return {name: number / divisor for name, number in {**ours, **result.peers}.items()}


def named(results, *names, divisor=1):
    by_name = {result.row.name: result for result in results}
    return {name.split("/")[1]: with_ours(by_name[name], divisor) for name in names}


def target(results, name):
    return next(result.row.target for result in results if result.row.name == name)


def hub_series(results):
    series = {}
    for result in results:
        kind, _, size = result.row.name.partition("/")
        if kind == "hub" and size.isdigit():
            for name, number in with_ours(result).items():
                if number > 0:
                    series.setdefault(name, []).append((int(size), number / 1e6))
    return series


def size_series(figures):
    """Curves of reclaim/..., by shape and who."""
    series = {}
    for source in ("uml", "peers"):
        for name, by_series in figures[source].curves().items():
            kind, _, shape = name.partition("/")
            if kind == "reclaim":
                for who, points in by_series.items():
                    series[f"{who} {shape}"] = points
    return dict(sorted(series.items(), key=lambda item: "refheap" not in item[0]))


def other_curves(figures):
    for source in figures.values():
        for name, by_series in source.curves().items():
            if name != "hub" and not name.startswith("reclaim/"):
                yield name, by_series


def draw(folder, figures, results):
    """Return the names of what could be drawn."""
    if not shutil.which("gnuplot"):
        print("no plots: gnuplot is not installed", file=sys.stderr)
        return []
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []

    def note(name, done):
        if done:
            drawn.append(name)
        else:
            (folder / f"{name}.svg").unlink(missing_ok=True)

    note("hub", curve(folder / "hub.svg", "live objects that hang on the hub",
                      "ms for 1,000 garbage pairs", hub_series(results),
                      "set logscale xy\nset format x '10^{%T}'"))
    note("reclaim", bars(folder / "reclaim.svg", "ns an object",
                         named(results, "reclaim/pairs", "reclaim/ring",
                               "reclaim/list", "reclaim/tree"), least=0.5))
    note("size", curve(folder / "size.svg", "objects, all garbage", "ns an object",
                       size_series(figures), "set logscale x\nset yrange [0:*]\n"
                       "set format x '10^{%T}'"))
    note("stall", bars(folder / "stall.svg", "ms that another thread waits",
                       named(results, "stall/garbage", "stall/live", divisor=1000),
                       least=0.001, limit=target(results, "stall/live") / 1000))
    note("memory", bars(folder / "memory.svg", "bytes an object",
                        named(results, "memory/header", "memory/bookkeeping"),
                        limit=target(results, "memory/bookkeeping")))
    for name, series in other_curves(figures):
        plain = name.replace("/", "-")
        note(plain, curve(folder / f"{plain}.svg", "", name, series, ""))
    return drawn
