#!/usr/bin/env python3
"""Parse the standard library, or the packages and modules of it that are named.

Every node refers to its parent, as linters have it, so that a file's tree is
one island. A report that is due at exit keeps an index of all exceptions, and
so the trees of the files that define any.
"""
import ast
import atexit
import pathlib
import sys
import sysconfig


def files(names):
    top = pathlib.Path(sysconfig.get_path("stdlib"))
    skipped = {"test", "tests", "site-packages", "dist-packages", "idle_test"}
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).parts
        if not skipped & set(parts) and (not names or
                                         parts[0].removesuffix(".py") in names):
            yield path


def parse(path):
    tree = ast.parse(path.read_bytes(), str(path))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            # Contexts and operators are shared by all trees.
            if not isinstance(child, (ast.expr_context, ast.operator,
                                      ast.unaryop, ast.boolop, ast.cmpop)):
                child.parent = node
    return tree


def is_exception(node):
    return isinstance(node, ast.ClassDef) and any(
        ast.unparse(base).endswith(("Error", "Exception", "Warning"))
        for base in node.bases)


def report(index):
    print(len(index), "exceptions")


trees = {}
exceptions = {}
for path in files(sys.argv[1:]):
    try:
        trees[path] = parse(path)
    except SyntaxError:
        continue	# lib2to3 has Python 2 among its data
    for node in ast.walk(trees[path]):
        if is_exception(node):
            exceptions.setdefault(node.name, []).append(node)
if not trees:
    sys.exit("no such module")
print(len(trees), "files")
atexit.register(report, exceptions)
