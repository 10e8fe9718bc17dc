"""SET of 100 B by the channel in shared memory against Redis over its Unix socket: starts both, runs bench_channel.

Server and client each have a core of their own, as in the other parts: with both on one nobody may spin.
"""
import subprocess

from report import Table, time_text
from servers import LOAD_CORE, Server, pinned, program

TITLES = {"spinning": "channel, spinning", "sleeping": "channel, sleeping", "socket": "client library, socket",
          "redis-unix": "Redis Unix socket (hiredis)"}


def measure(quick):
    """({way: (p50, p99) in ns}, {(way, depth): commands a second})."""
    latency, throughput = {}, {}
    with Server("chestbox") as chestbox, Server("redis") as redis:
        command = [program("bench_channel"), chestbox.socket, redis.socket, *(["quick"] if quick else [])]
        output = subprocess.run(pinned(LOAD_CORE, command), check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        kind, way, first, second = line.split("\t")
        if kind == "latency":
            latency[way] = float(first), float(second)
        else:
            throughput[way, int(first)] = float(second)
    return latency, throughput


def verdicts(latency, throughput):
    spinning, sleeping, redis = (latency[way][0] for way in ("spinning", "sleeping", "redis-unix"))
    found = [("SET 100 B by the channel, spinning, p50 at most 2 us", spinning <= 2_000, time_text(spinning)),
             ("SET 100 B by the channel, sleeping, p50 at most 20 us and less than Redis", sleeping <= 20_000 and sleeping < redis,
              f"{time_text(sleeping)}, Redis {time_text(redis)}")]
    for way, depth in throughput:
        if way == "spinning" and depth > 1:
            ratio = throughput[way, depth] / throughput["redis-unix", depth]
            found.append((f"pipeline {depth} by the channel at least 2 times Redis over its Unix socket", ratio >= 2, f"{ratio:.1f}"))
    return found


def run(quick):
    latency, throughput = measure(quick)
    depths = sorted({depth for _, depth in throughput})
    table = Table("way", "p50", "p99", "Redis p50 / this", *(f"pipeline {depth}, k/s" for depth in depths))
    for way, title in TITLES.items():
        p50, p99 = latency[way]
        table.row(title, time_text(p50), time_text(p99), f"{latency['redis-unix'][0] / p50:,.1f}",
                  *(f"{throughput[way, depth] / 1e3:,.0f}" for depth in depths))
    table.print("SET 100 B, one client")
    return verdicts(latency, throughput)
