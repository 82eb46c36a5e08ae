"""Programs in the virtual machine: what does refheap say of them?"""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATCH = 200     # programs that are compared at once
TIMEOUT = 1800


STOPPED = "(the machine stopped)\n"


class Machine:
    """How to run it: options are those of scripts/vm."""

    def __init__(self, options):
        self.options = options
        self.complaint = None

    def run(self, batches):
        """Run batches, pairs of what to feed and what CPython prints.

        Return what refheap printed for each batch, None if that is the same.
        """
        with tempfile.TemporaryDirectory() as folder:
            archive = os.path.join(folder, "programs.tar.gz")
            with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
                for i, (lines, text) in enumerate(batches):
                    add(tar, "%05d.in" % i, lines)
                    add(tar, "%05d.out" % i, text)
            return self.boot(archive, len(batches))

    def boot(self, archive, nr):
        vm = subprocess.run(
            [os.path.join(SCRIPTS, "vm"), "--no-samples", "--verdict",
             # Each query waits for the heap's thread, 200 times as long if
             # that is on another emulated processor.
             "--smp", "1",
             "--timeout", str(TIMEOUT), *self.options,
             "--module", "refheap_shell.ko", "--file", archive,
             "--file", os.path.join(SCRIPTS, "guest", "oracle"), "sh oracle"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace")
        results = parse(vm.stdout)
        self.complaint = None
        if vm.returncode:
            self.complaint = "%s\nstatus %d of scripts/vm" % (
                vm.stderr.strip(), vm.returncode)
        elif len(results) <= nr:     # and -1
            self.complaint = "it ended early"
        return results


def add(tar, name, text):
    info = tarfile.TarInfo(name)
    data = text.encode()
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def parse(text):
    """Return by number of the batch: None, or what was printed.

    There is something, -1, as soon as the first batch is about to begin.
    """
    results = {-1: None} if text.startswith("begin\n") else {}
    pattern = re.compile(r"^(\d{5}) (?:same\n|differs\n(.*?)^end\n)", re.M | re.S)
    for match in pattern.finditer(text):
        results[int(match[1])] = match[2]
    return results


def split(text):
    """What was printed for each program, by number."""
    parts = re.split(r"^program-(\d+)\n", text, flags=re.M)
    return {int(number): "program-%s\n%s" % (number, rest)
            for number, rest in zip(parts[1::2], parts[2::2])}


def first_missing(results, nr):
    """The batch in which the machine stopped, if it began at all."""
    missing = [i for i in range(nr) if i not in results]
    return missing[0] if missing and results else None


def compare(machine, batches):
    """Run batches of (first number, inputs, texts).

    Return the numbers of programs that printed the same, and by number what
    those printed that did not. If the machine stopped, the batch in which it
    did so differs, too, if that is a single program.
    """
    results = machine.run([("".join(inputs), "".join(texts))
                           for _, inputs, texts in batches])
    stopped = first_missing(results, len(batches))
    same, differ = set(), {}
    for i, (first, _, texts) in enumerate(batches):
        if i == stopped and len(texts) == 1:
            differ[first] = STOPPED
        if i not in results:
            continue
        got = results[i]
        found = split(got) if got is not None else None
        for number, text in enumerate(texts, first):
            if found is None or found.get(number) == text:
                same.add(number)
            else:
                differ[number] = found.get(number, "(nothing)\n")
    return same, differ


def one_by_one(batches):
    """The same programs, each a batch of its own."""
    return [(first + i, [lines], [text])
            for first, inputs, texts in batches
            for i, (lines, text) in enumerate(zip(inputs, texts))]
