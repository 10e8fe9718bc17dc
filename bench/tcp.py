"""redis-benchmark against redis-server and chestbox-server in turn: throughput and server CPU time per command.

Both servers run on the same core, one at a time, fresh for each half of a pair; the load comes from the other core. Pairs
change order (A B, B A, …), so that a machine that grows slower or faster favours nobody. The unpipelined path is bound by system
calls and the load generator; there, server CPU time per command is the figure that says most.
"""
import csv
import statistics
import subprocess
import time

from report import Table
from servers import LOAD_CORE, Server, pinned

CONNECTIONS, VALUE_BYTES, KEYS = 50, 100, 10_000
# (name, pipeline depth, commands): long enough that a tick of 10 ms is well below 1% of the server's CPU time.
LOADS = [("SET", 1, 150_000), ("GET", 1, 150_000), ("SET -P 16", 16, 1_500_000), ("GET -P 16", 16, 1_500_000)]


def measure(server, name, pipeline, commands):
    """Returns (commands a second, server CPU microseconds a command)."""
    command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-c", str(CONNECTIONS), "-d", str(VALUE_BYTES),
               "-r", str(KEYS), "-n", str(commands), "-P", str(pipeline), "-t", name.split()[0].lower(), "--csv"]
    cpu_before = server.cpu_seconds()
    output = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True).stdout
    cpu = server.cpu_seconds() - cpu_before
    rows = list(csv.DictReader(output.splitlines()))
    return float(rows[0]["rps"]), cpu / commands * 1e6


def run(quick):
    pairs = 2 if quick else 5
    scale = 5 if quick else 1
    results = {(kind, load[0]): [] for kind in ("redis", "chestbox") for load in LOADS}
    for pair in range(pairs):
        order = ("redis", "chestbox") if pair % 2 == 0 else ("chestbox", "redis")
        for kind in order:
            with Server(kind) as server:
                for name, pipeline, commands in LOADS:
                    results[kind, name].append(measure(server, name, pipeline, commands // scale))
        print(f"  pair {pair + 1} of {pairs} at {time.strftime('%H:%M:%S')}", flush=True)
    table = Table("load", "redis k/s", "chestbox k/s", "ratio", "redis CPU us", "chestbox CPU us", "ratio")
    verdicts = []
    for name, _, _ in LOADS:
        rate, cpu = ({kind: statistics.median(sample[i] for sample in results[kind, name]) for kind in ("redis", "chestbox")}
                     for i in (0, 1))
        # The ratio of medians; each pair's own ratio would weigh a disturbed run as much as a good one.
        rate_ratio, cpu_ratio = rate["chestbox"] / rate["redis"], cpu["chestbox"] / cpu["redis"]
        table.row(name, f"{rate['redis'] / 1e3:.1f}", f"{rate['chestbox'] / 1e3:.1f}", f"{rate_ratio:.2f}",
                  f"{cpu['redis']:.2f}", f"{cpu['chestbox']:.2f}", f"{cpu_ratio:.2f}")
        verdicts.append((f"{name}: throughput at least 0.95 of Redis", rate_ratio >= 0.95, f"{rate_ratio:.2f}"))
        verdicts.append((f"{name}: CPU a command at most 1.0 of Redis", cpu_ratio <= 1.0, f"{cpu_ratio:.2f}"))
    table.print(f"TCP, {CONNECTIONS} connections, {VALUE_BYTES} B, medians of {pairs} pairs")
    return verdicts
