#!/usr/bin/env python3
"""The demo: a photograph goes through four processes and one state function, and the same through a redis-server.

    run.py [--rounds N]     N times each, in turn (default 10)

resize (JPEG -> tensor of 224x224x3 doubles, 1.2 MB) -> predict (a fixed-weight convolution and a histogram classifier) -> render
(a JPEG with a bar for each score). Every step is a process of its own that finds the state of the one before by its key. The
fourth program, the referee, is plain hiredis over TCP: it knows nothing of ChestBox and checks every state.
"""
import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from report import Table, time_text  # noqa: E402
from servers import ROOT, Server, program  # noqa: E402

PHOTOGRAPH = os.path.join(HERE, "photograph.jpg")
OUTPUT_FOLDER = os.path.join(ROOT, "build", "demo")
STEPS = ("resize", "predict", "render")
FIELDS = ("connect", "read", "read_again", "write", "read_bytes", "written_bytes", "copied_bytes", "step")
STORES = {"chestbox": "ChestBox", "redis-tcp": "Redis TCP", "redis-unix": "Redis Unix socket"}


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed")
    return done.stdout.splitlines()


def run_chain(store, address, port):
    """One photograph through the chain. Returns ({step: {field: number}}, what the referee saw)."""
    words = {"resize": [PHOTOGRAPH], "predict": [], "render": [os.path.join(OUTPUT_FOLDER, f"{store}.jpg")]}
    measured = {}
    for step in STEPS:
        name, *numbers = output_of(program(f"demo_{step}"), address, *words[step])[0].split("\t")
        measured[name] = dict(zip(FIELDS, map(int, numbers)))
    return measured, output_of(program("demo_referee"), f"127.0.0.1:{port}")


def size_of(count):
    return f"{count:,}"


def print_results(results):
    table = Table("step", "store", "read first", "read again", "write", "bytes read", "bytes written", "bytes copied", "whole step",
                  "access: store / ChestBox")
    for step in STEPS + ("all",):
        chestbox_access = None
        for store, title in STORES.items():
            rounds = [{field: sum(chain[s][field] for s in (STEPS if step == "all" else (step,))) for field in FIELDS}
                      for chain in results[store]]
            row = {field: statistics.median(chain[field] for chain in rounds) for field in FIELDS}
            access = row["read"] + row["write"]
            chestbox_access = chestbox_access or access
            table.row(step, title, *(time_text(row[field]) if row["read_bytes"] or field == "write" else "" for field in
                                     ("read", "read_again", "write")),
                      *(size_of(int(row[field])) for field in ("read_bytes", "written_bytes", "copied_bytes")),
                      time_text(row["step"]), f"{access / chestbox_access:.1f}")
    table.print("Time in state access per step: medians; each step is a new process, so its first read also pays for first touches.\n"
                "Bytes copied: bytes of states that were copied or sent to reach a step or to leave it, each counted once,\n"
                "though a socket copies them twice and hiredis once more. Connecting is not part of it.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    os.makedirs(OUTPUT_FOLDER, exist_ok=True)
    results = {store: [] for store in STORES}
    seen = {}
    with Server("chestbox", core=None) as chestbox, Server("redis", core=None) as redis:
        places = {"chestbox": (f"chestbox:{chestbox.socket}", chestbox.port),
                  "redis-tcp": (f"redis:127.0.0.1:{redis.port}", redis.port), "redis-unix": (f"redis:{redis.socket}", redis.port)}
        for _ in range(rounds):
            for store, (address, port) in places.items():
                measured, seen[store] = run_chain(store, address, port)
                results[store].append(measured)
    if len(set(map(tuple, seen.values()))) != 1:
        raise SystemExit("the stores ended with different states")
    print("The referee read over TCP, checked, and found the same in ChestBox and in Redis:")
    for line in seen["chestbox"]:
        print("  " + line.expandtabs(16))
    print(f"The rendered picture: {os.path.relpath(os.path.join(OUTPUT_FOLDER, 'chestbox.jpg'), os.getcwd())}")
    print_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
