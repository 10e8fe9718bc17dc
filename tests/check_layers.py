#!/usr/bin/env python3
"""Keeps the house in order: who may include whom, where third-party names live, file length, words that mark unfinished work.

    check_layers.py [ROOT]      prints each violation as path:line: text; exit code 1 if there is any

The rules are the tables below; check_layers_test.py proves that each of them catches its violation.
"""
import os
import re
import sys
from fnmatch import fnmatch

# Folder -> folders that it may include. Arrows run one way (docs/architecture.md).
ARROWS = {
    "protocol": {"protocol"},
    "swap": {"swap", "protocol"},
    "server": {"server", "swap", "protocol"},
    "shmclient": {"shmclient", "protocol", "chestbox"},
    "bench": {"bench", "shmclient", "server", "swap", "protocol", "chestbox"},
    "tests": {"tests", "shmclient", "server", "swap", "protocol", "chestbox"},
}
# `#include "chestbox/…"` is the public header of shmclient, found by its own include directory.
HELPERS_BESIDE = {"tests", "bench"}  # here a file may name a helper of its own folder without the path

# Third-party library -> (pattern of its headers, the files that may name it).
THIRD_PARTY = {
    "RocksDB": (r"rocksdb/", ["swap/rocksdb_*.cc", "bench/*", "tests/*"]),
    "jemalloc": (r"jemalloc/", ["server/arena/*.cc"]),
    "Lua": (r"(lua|lauxlib|lualib|lua-cjson|lua-bitop)\.h(pp)?$", ["server/scripting/*"]),
    "hiredis": (r"hiredis(/|\.h)", ["shmclient/*", "tests/*", "bench/*"]),
    "libjpeg": (r"(jpeglib\.h|turbojpeg\.h)", ["bench/*"]),
    "Catch2": (r"catch2/", ["tests/*"]),
}

# protocol/ is pure code: no I/O and no threads.
IMPURE_HEADERS = re.compile(r"<(thread|mutex|condition_variable|future|fstream|iostream|filesystem|sys/socket\.h|sys/epoll\.h)>")

LINES_MAX = 500  # a longer file wants to be two
CODE_SUFFIXES = (".cc", ".cpp", ".h", ".hpp", ".c", ".py", ".js", ".ts", ".sh", ".java", ".go")
TEXT_SUFFIXES = CODE_SUFFIXES + (".md", ".txt", ".json", ".yml", ".yaml", ".cmake", ".in", ".conf", ".service")
TEXT_NAMES = ("dev", "run", "Dockerfile")
SKIPPED_FOLDERS = {".git", "build", "__pycache__", "node_modules"}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")  # written in two parts, so that this file passes its own check
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk|fa" r"rm|ho" r"me)/|\.\./sha" r"red\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+[>"])')


def files_under(root):
    """Paths relative to root of every text file of ours."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(TEXT_SUFFIXES) or name in TEXT_NAMES:
                yield os.path.relpath(os.path.join(folder, name), root)


def include_violations(path, included):
    """Why this file may not include this header (with its brackets or quotes); nothing if it may."""
    top, header = path.split(os.sep)[0], included[1:-1]
    if top not in ARROWS:
        return
    if included[0] == '"':
        target = header.split("/")[0]
        if "/" not in header and top in HELPERS_BESIDE:
            return
        if ".." in header.split("/") or (target not in set(ARROWS) | {"chestbox"}):
            yield f"include by path from the root: {included}"
        elif target not in ARROWS[top]:
            yield f"{top}/ may not include {target}/: {included}"
    for library, (pattern, allowed) in THIRD_PARTY.items():
        if re.match(pattern, header) and not any(fnmatch(path, glob) for glob in allowed):
            yield f"{library} stays in {', '.join(allowed)}: {included}"
    if top == "protocol" and IMPURE_HEADERS.match(included):
        yield f"protocol/ does no I/O and has no threads: {included}"


def violations(root):
    """(path, line number, what is wrong) over the whole tree."""
    for path in files_under(root):
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        if len(lines) > LINES_MAX and path.endswith(CODE_SUFFIXES + TEXT_NAMES):
            yield path, len(lines), f"longer than {LINES_MAX} lines"
        for number, line in enumerate(lines, 1):
            include = INCLUDE.match(line)
            if include and path.endswith((".cc", ".cpp", ".h", ".hpp", ".c")):
                for problem in include_violations(path, include[1]):
                    yield path, number, problem
            if UNFINISHED.search(line):
                yield path, number, f"unfinished: {line.strip()}"
            if MACHINE_PATH.search(line):
                yield path, number, f"path of one machine: {line.strip()}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = list(violations(root))
    for path, number, problem in found:
        print(f"{path}:{number}: {problem}")
    print(f"{len(found)} violations" if found else "layers and style: all in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
