"""redis-benchmark against redis-server and chestbox-server in turn: throughput and server CPU time per command.

Both servers run on the same core, the load on the other; the one that waits its turn is idle. For every load the two halves of a
pair follow each other at once, and pairs change order (A B, B A, …): a machine that grows slower or faster meets both halves
alike, so the ratio of each pair is taken, and of those the median. The unpipelined path is bound by system calls and the load
generator; there, server CPU time per command is the figure that says most. A bare loop that answers without a store follows them: where
it is no faster than Redis either, the load generator is all that was measured.
"""
import csv
import dataclasses
import statistics
import subprocess
import time

from report import Table
from servers import LOAD_CORE, BareServer, Server, pinned

CONNECTIONS = 50
KINDS = ("redis", "chestbox")


@dataclasses.dataclass(frozen=True)
class Load:
    """What redis-benchmark is asked for: a test of its list ("-t", NAME) or a command, where __rand_int__ is random below `keys`."""

    name: str
    words: tuple
    commands: int
    pipeline: int = 1
    keys: int = 0  # 0: no random keys
    value_bytes: int = 3
    measured: bool = True  # False: prepares for the loads behind it
    reply: bytes = b""  # what the bare loop answers; empty: it is not measured

    def __post_init__(self):
        # redis-benchmark sends whole pipelines over all connections: with other numbers it would send more than it is asked for.
        unit = CONNECTIONS * self.pipeline
        object.__setattr__(self, "commands", max(1, self.commands // unit) * unit)

    @property
    def title(self):
        return self.name if self.pipeline == 1 else f"{self.name} -P {self.pipeline}"

    def shorter(self, divisor):
        return dataclasses.replace(self, commands=self.commands // divisor) if self.measured else self

    def command_line(self, port):
        keys = ("-r", str(self.keys)) if self.keys else ()
        return ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", str(CONNECTIONS), "-d", str(self.value_bytes), *keys,
                "-n", str(self.commands), "-P", str(self.pipeline), "--csv", *self.words]


@dataclasses.dataclass(frozen=True)
class Targets:
    rate_min: float
    cpu_max: float


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text)


def array(element, count):
    """A reply of `count` equal elements."""
    return b"*%d\r\n" % count + element * count


UNPIPELINED, PIPELINED = Targets(0.95, 1.0), Targets(1.10, 0.87)


def measure(server, load):
    """(commands a second, server CPU microseconds a command)."""
    cpu_before = server.cpu_seconds()
    output = subprocess.run(pinned(LOAD_CORE, load.command_line(server.port)), check=True, capture_output=True, text=True).stdout
    cpu = server.cpu_seconds() - cpu_before
    row = next(csv.DictReader(output.splitlines()))
    return float(row["rps"]), cpu / load.commands * 1e6


def check_replies(server):
    """redis-benchmark counts an error as a reply like any other."""
    with server.connect() as connection:
        errors = connection.run("INFO", "errorstats").decode().split()[2:]
    if errors:
        raise SystemExit(f"{server.kind} answered with errors: {' '.join(errors)}")


def run_pair(servers, loads, order, results):
    """One measurement of every load on both servers, added to {(kind, load): [(rate, CPU)]}."""
    for load in loads:
        for kind in order:
            measured = measure(servers[kind], load)
            if load.measured:
                results.setdefault((kind, load), []).append(measured)
        if load.reply:
            with BareServer(load.reply) as bare:
                results.setdefault((bare.kind, load), []).append(measure(bare, load))


def run_pairs(loads, pairs, prepare=None):
    """Every load `pairs` times on both servers. With `prepare`, called once for each server, they stay; else each pair gets fresh ones."""
    results = {}
    done = 0
    while done < pairs:
        with Server("redis") as redis, Server("chestbox") as chestbox:
            servers = {"redis": redis, "chestbox": chestbox}
            if prepare:
                for server in servers.values():
                    prepare(server)
            for _ in range(pairs if prepare else 1):
                run_pair(servers, loads, KINDS if done % 2 == 0 else KINDS[::-1], results)
                done += 1
                print(f"  pair {done} of {pairs} at {time.strftime('%H:%M:%S')}", flush=True)
            for server in servers.values():
                check_replies(server)
    return results


def report(title, loads, results, targets):
    """Prints the table; targets(load) -> Targets. Returns the verdicts."""
    table = Table("load", "redis k/s", "chestbox k/s", "ratio", "bare loop", "redis CPU us", "chestbox CPU us", "ratio", "bare loop")
    verdicts = []
    for load in (load for load in loads if load.measured):
        (redis_rate, redis_cpu), (rate, cpu) = ([statistics.median(column) for column in zip(*results[kind, load])] for kind in KINDS)
        rate_ratio, cpu_ratio = ratios(results, load, "chestbox")
        floor = ratios(results, load, "bare") if load.reply else None
        bare_rate, bare_cpu = (f"{ratio:.2f}" for ratio in floor) if floor else ("", "")
        table.row(load.title, f"{redis_rate / 1e3:.1f}", f"{rate / 1e3:.1f}", f"{rate_ratio:.2f}", bare_rate, f"{redis_cpu:.2f}", f"{cpu:.2f}",
                  f"{cpu_ratio:.2f}", bare_cpu)
        target = targets(load)
        verdicts.append(verdict(f"{load.title}: throughput at least {target.rate_min:.2f} of Redis", rate_ratio >= target.rate_min,
                                rate_ratio, bare_rate))
        verdicts.append(verdict(f"{load.title}: CPU a command at most {target.cpu_max:.2f} of Redis", cpu_ratio <= target.cpu_max,
                                cpu_ratio, bare_cpu))
    table.print(title)
    return verdicts


def ratios(results, load, kind):
    """Throughput and CPU time of a kind of server, as parts of what Redis had in the same pair."""
    return [statistics.median(ours[i] / theirs[i] for theirs, ours in zip(results["redis", load], results[kind, load])) for i in (0, 1)]


def verdict(target, holds, ratio, bare):
    return target, holds, f"{ratio:.2f}" + (f" (a bare loop: {bare})" if bare and not holds else "")


def by_pipeline(load):
    return UNPIPELINED if load.pipeline == 1 else PIPELINED
