"""1 GiB of states under maxmemory 128mb: are they all right, how much memory do they take, and what do hot and cold readers see?

Nothing is pinned to a core here: the server's I/O threads belong to the picture. Values are random bytes, so that nothing shrinks
them. RocksDB's files are read into the page cache before cold reads are timed, for the server and for the raw reads alike: a read
from a disk would make the server's part of a cold GET look smaller.
"""
import glob
import os
import statistics
import subprocess
import tempfile
import time

import states
from report import Table, size_text, time_text
from servers import Server, program

VALUE_BYTES = 16 << 10
TOTAL_BYTES = 1 << 30
MAXMEMORY = "128mb"
ARENA_BYTES_MAX = 160 << 20
HOT_KEYS, HOT_VALUE_BYTES = 1_000, 1_024
HOT_STATES = 50  # as large as the cold ones: what a cold GET costs without the store
LOAD_PER_SECOND = 500
SETTLE_SECONDS_MAX = 60


def settled_arena_bytes(server):
    """Waits until the arena's memory has not moved by more than 1% for two seconds."""
    history = []
    end = time.monotonic() + SETTLE_SECONDS_MAX
    while time.monotonic() < end:
        history.append(server.arena_bytes())
        if len(history) > 10 and max(history[-10:]) - min(history[-10:]) < history[-1] / 100:
            break
        time.sleep(0.2)
    return history[-1]


def fill_and_verify(server, count):
    seconds, = states.do("fill", server.socket, "c", count, VALUE_BYTES)
    filled = settled_arena_bytes(server)
    began = time.monotonic()
    right, = states.do("verify", server.socket, "c", count, VALUE_BYTES)
    verify_seconds = time.monotonic() - began
    settled = settled_arena_bytes(server)
    table = Table("states", "right", "fill", "verify", "arena after fill", "arena after verify", "whole process", "swapped out")
    table.row(f"{count:,}", f"{int(right):,}", f"{count * VALUE_BYTES / seconds / 1e6:.0f} MB/s",
              f"{count * VALUE_BYTES / verify_seconds / 1e6:.0f} MB/s", size_text(filled), size_text(settled),
              size_text(server.memory_bytes()), server.info("swapped_out_keys"))
    table.print(f"{size_text(count * VALUE_BYTES)} of states of {size_text(VALUE_BYTES)} under maxmemory {MAXMEMORY}")
    return [("every value reads back right under swapping", right == count, f"{int(right):,} of {count:,}"),
            ("arena at most 160 MiB after settling", max(filled, settled) <= ARENA_BYTES_MAX, size_text(max(filled, settled)))]


def hot_reads(servers, count, seconds, rounds):
    """p99 of a client on hot keys while another one works on all states: {(server, way): [p99 of each round]}."""
    results = {}
    for round_number in range(rounds):
        for name in sorted(servers, reverse=round_number % 2 == 1):
            for way, prefix in (("socket", ""), ("shared memory", "shm:")):
                server = servers[name]
                load = states.start("load", server.socket, "c", count, VALUE_BYTES, seconds, LOAD_PER_SECOND)
                sample = states.do("latency", prefix + server.socket, "h", HOT_KEYS, HOT_VALUE_BYTES, seconds)
                sent, = states.finish(load)
                results.setdefault((name, way), []).append((*sample[:3], sent / seconds))
    return {key: [statistics.median(column) for column in zip(*samples)] for key, samples in results.items()}


def hot_verdicts(swapping, count, quick):
    seconds, rounds = (3, 1) if quick else (8, 3)
    with Server("chestbox", core=None) as roomy:
        servers = {"swapping": swapping, "all in memory": roomy}
        states.do("fill", roomy.socket, "c", count, VALUE_BYTES)
        for server in servers.values():
            states.do("fill", server.socket, "h", HOT_KEYS, HOT_VALUE_BYTES)
        before = int(swapping.info("swapped_in_total"))
        results = hot_reads(servers, count, seconds, rounds)
        loaded = int(swapping.info("swapped_in_total")) - before
    table = Table("hot client over", "server", "p50", "p99", "longest", "background commands/s")
    for way in ("socket", "shared memory"):
        for name in ("all in memory", "swapping"):
            p50, p99, longest, rate = results[name, way]
            table.row(way, name, time_text(p50), time_text(p99), time_text(longest), f"{rate:.0f}")
    table.print(f"A client on {HOT_KEYS:,} hot keys of {HOT_VALUE_BYTES} B beside one that GETs and SETs cold states of "
                f"{size_text(VALUE_BYTES)}\n({loaded:,} states were read from disk meanwhile; medians of {rounds})")
    found = []
    for way in ("socket", "shared memory"):
        ratio = results["swapping", way][1] / results["all in memory", way][1]
        found.append((f"hot client ({way}): p99 with swapping at most twice that without", ratio <= 2, f"{ratio:.2f}"))
    return found


def settled_tables(server):
    """Waits until RocksDB has rearranged what was written: for a second without work of any thread."""
    end = time.monotonic() + SETTLE_SECONDS_MAX
    while time.monotonic() < end:
        before = server.cpu_seconds()
        time.sleep(1)
        if server.cpu_seconds() - before < 0.05:
            break


def page_in(folder):
    """Reads all tables in and below a folder: some machines drop pages that nobody has asked for in a minute."""
    for path in glob.glob(os.path.join(folder, "**", "*.sst"), recursive=True):
        with open(path, "rb", buffering=0) as table:
            while table.read(1 << 20):
                pass


class BareServer:
    """RocksDB behind a Unix socket with nothing of ours in between: the floor of what a cold GET takes."""

    def __init__(self, job, folder):
        self.socket = os.path.join(folder, "bare")
        self.process = subprocess.Popen([program("bench_raw_rocksdb_read"), "serve", *job, self.socket])

    def __enter__(self):
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                raise SystemExit("the bare server did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.unlink(self.socket)


def cold_verdict(server, count, quick):
    seconds, rounds = (2, 1) if quick else (5, 3)
    raw_program = program("bench_raw_rocksdb_read")
    results = {"raw RocksDB": [], "RocksDB behind a bare socket": [], "GET in memory": [], "cold GET": [],
               "cold GET by the channel": []}
    states.do("fill", server.socket, "m", HOT_STATES, VALUE_BYTES)
    with tempfile.TemporaryDirectory(prefix="bench-raw-") as folder:
        job = [os.path.join(folder, "db"), "c", str(count), str(VALUE_BYTES)]
        subprocess.run([raw_program, "fill", *job], check=True)
        settled_tables(server)
        for _ in range(rounds):
            page_in(folder)
            page_in(server.folder)
            output = subprocess.run([raw_program, "read", *job, str(seconds)], check=True, stdout=subprocess.PIPE, text=True).stdout
            results["raw RocksDB"].append([float(number) for number in output.split()])
            with BareServer(job, folder) as bare:
                results["RocksDB behind a bare socket"].append(states.do("latency", bare.socket, "c", count, VALUE_BYTES, seconds))
            results["GET in memory"].append(states.do("latency", server.socket, "m", HOT_STATES, VALUE_BYTES, seconds / 2))
            results["cold GET"].append(states.do("latency", server.socket, "c", count, VALUE_BYTES, seconds))
            results["cold GET by the channel"].append(states.do("latency", "shm:" + server.socket, "c", count, VALUE_BYTES, seconds))
    table = Table("read", "p50", "p99", "longest", "reads")
    medians = {name: [statistics.median(column) for column in zip(*samples)] for name, samples in results.items()}
    for name, (p50, p99, longest, reads) in medians.items():
        table.row(name, time_text(p50), time_text(p99), time_text(longest), f"{int(reads):,}")
    table.print(f"Cold reads of {size_text(VALUE_BYTES)} at random among {count:,} states (of the GETs one in ten or so meets a state that\n"
                f"is still in memory, which p99 does not show; over a Unix socket, or by the client library's channel; medians of {rounds})")
    found = []
    for way, title in (("cold GET", "over a Unix socket"), ("cold GET by the channel", "by the channel")):
        ratio = medians[way][1] / medians["raw RocksDB"][1]
        found.append((f"cold GET {title}: p99 at most ten times a raw RocksDB read", ratio <= 10, f"{ratio:.1f}"))
    return found


def run(quick):
    count = TOTAL_BYTES // VALUE_BYTES // (2 if quick else 1)
    with Server("chestbox", "--maxmemory", MAXMEMORY, core=None) as server:
        found = fill_and_verify(server, count)
        found += hot_verdicts(server, count, quick)
        found += cold_verdict(server, count, quick)
    return found
