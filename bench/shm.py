"""GET of a co-located client in shared memory against Redis over TCP and its Unix socket: starts both, runs bench_shm_get."""
import subprocess

from report import Table, size_text, time_text
from servers import LOAD_CORE, Server, pinned, program

TITLES = {"view": "ChestBox view", "copy": "ChestBox copy", "redis-tcp": "Redis TCP", "redis-unix": "Redis Unix socket"}


def measure(quick):
    """{(value bytes, keys): {way: (p50, p99, batch p50)}} in ns."""
    results = {}
    with Server("chestbox") as chestbox, Server("redis") as redis:
        command = [program("bench_shm_get"), chestbox.socket, f"127.0.0.1:{redis.port}", redis.socket, *(["quick"] if quick else [])]
        output = subprocess.run(pinned(LOAD_CORE, command), check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        size, keys, way, *times, _ = line.split("\t")
        results.setdefault((int(size), int(keys)), {})[way] = tuple(map(float, times))
    return results


def verdicts(results):
    def faster(workload):
        return results[workload]["redis-tcp"][0] / results[workload]["view"][0]

    hot, mib = (100, 1_000), (1 << 20, 4)
    found = [("GET 100 B, hot, p50 at most 110 ns", results[hot]["view"][0] <= 110, time_text(results[hot]["view"][0])),
             ("GET 100 B, hot, at least 345 times faster than Redis over TCP", faster(hot) >= 345, f"{faster(hot):.0f}"),
             ("view of 1 MiB at least 1,500 times faster than Redis over TCP", faster(mib) >= 1500, f"{faster(mib):.0f}")]
    for size, keys in results:
        if size > 256:
            p50 = results[size, keys]["view"][0]
            found.append((f"view of {size_text(size)}, p50 at most 150 ns", p50 <= 150, time_text(p50)))
    return found


def run(quick):
    results = measure(quick)
    table = Table("value", "keys", "way", "p50", "p99", "p50 in a batch", "Redis TCP p50 / this", "Redis Unix p50 / this")
    for (size, keys), ways in results.items():
        for way, (p50, p99, batch) in ways.items():
            table.row(size_text(size), f"{keys:,}", TITLES[way], time_text(p50), time_text(p99), time_text(batch) if batch else "",
                      *(f"{ways[redis][0] / p50:,.1f}" for redis in ("redis-tcp", "redis-unix")))
    table.print("GET of a co-located client (single calls, timer overhead taken off)")
    return verdicts(results)
