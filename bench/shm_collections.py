"""HGET, ZSCORE, SISMEMBER and LINDEX of a co-located client against Redis over TCP, undisturbed and beside a constant writer."""
import subprocess

import fills
from report import Table, time_text
from servers import LOAD_CORE, SERVER_CORE, Server, pinned, program

SMALL_KEYS, SMALL_ELEMENTS = 100, 64
FASTER_SMALL, FASTER_LARGE = 100, 50
FILLS = {"hash": fills.hash_, "zset": fills.zset, "set": fills.set_, "list": fills.list_}


def fill(server, count):
    with server.connect() as connection:
        for kind, add in FILLS.items():
            for number in range(SMALL_KEYS):
                add(connection, f"{kind}:small:{number}", SMALL_ELEMENTS)
            add(connection, f"{kind}:large:0", count)


def measure(count, quick):
    """{(command, elements, beside a writer): {way: (writes a second, p50, p99, longest, samples, local share)}} in ns."""
    results = {}
    with Server("chestbox") as chestbox, Server("redis") as redis:
        for server in (chestbox, redis):
            fill(server, count)
        command = [program("bench_shm_collections"), chestbox.socket, f"127.0.0.1:{redis.port}",
                   *map(str, (SMALL_KEYS, SMALL_ELEMENTS, count, SERVER_CORE)), *(["quick"] if quick else [])]
        output = subprocess.run(pinned(LOAD_CORE, command), check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        name, elements, way, *numbers = line.split("\t")
        numbers = tuple(map(float, numbers))
        results.setdefault((name, int(elements), numbers[0] > 0), {})[way] = numbers
    return results


def print_tables(results):
    quiet = Table("command", "elements", "p50", "p99", "Redis TCP p50", "Redis TCP p99", "Redis p50 / this", "answered locally")
    beside = Table("command", "elements", "writes/s", "p50", "p99", "longest", "answered locally",
                   "Redis: writes/s", "p50", "p99", "longest")
    for (name, elements, writing), ways in results.items():
        writes, p50, p99, longest, _, share = ways["shared memory"]
        redis_writes, *redis_times, _, _ = ways["Redis TCP"]
        local = f"{share:.2%}" if share in (0, 1) else f"{share:.4%}"
        if writing:
            beside.row(name, f"{elements:,}", f"{writes:,.0f}", *map(time_text, (p50, p99, longest)), local, f"{redis_writes:,.0f}",
                       *map(time_text, redis_times))
        else:
            quiet.row(name, f"{elements:,}", *map(time_text, (p50, p99, *redis_times[:2])), f"{redis_times[0] / p50:.0f}", local)
    quiet.print("Reads by a co-located client through chestbox_command_argv (single calls, the reply's release included)")
    beside.print("The same while a writer on the server's core changes the same collection as fast as the server lets it")


def run(quick):
    count = 200_000 if quick else 1_000_000
    results = measure(count, quick)
    print_tables(results)
    verdicts = []
    for (name, elements, writing), ways in results.items():
        if not writing:
            wanted = FASTER_SMALL if elements == SMALL_ELEMENTS else FASTER_LARGE
            faster = ways["Redis TCP"][1] / ways["shared memory"][1]
            verdicts.append((f"{name}, {elements:,} elements: at least {wanted} times faster than Redis over TCP", faster >= wanted,
                             f"{faster:.0f}"))
    return verdicts
