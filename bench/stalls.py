"""How long does a client wait that sends PING while a collection of a million elements leaves memory, comes back, and is deleted?

A process of its own sends one PING after the other; the longest is what counts. What it sees while nothing happens is what this
machine does to it, and is in the table, too.
"""
import multiprocessing
import time

from report import Table, time_text
from servers import Server

ELEMENTS = 1_000_000
BATCH = 1_000
STALL_NS_MAX = 10_000_000
WAIT_SECONDS_MAX = 120


def elements(kind, first, count):
    """The commands that add elements first … first + count - 1."""
    texts = [f"element:{i:08}" for i in range(first, first + count)]
    if kind == "hash":
        return [["HSET", kind, *(word for text in texts for word in (text, "value"))]]
    if kind == "sorted set":
        return [["ZADD", kind, *(word for i, text in enumerate(texts, first) for word in (i * 7919 % 1_000_003, text))]]
    if kind == "stream":
        return [["XADD", kind, f"{i + 1}-1", "field", text] for i, text in enumerate(texts, first)]
    return [["SADD" if kind == "set" else "RPUSH", kind, *texts]]


LENGTHS = {"hash": "HLEN", "set": "SCARD", "sorted set": "ZCARD", "list": "LLEN", "stream": "XLEN"}


def ping(path, pipe):
    """Sends PINGs from one message in the pipe to the next, and answers each with the longest wait (ns) and their number."""
    from servers import Connection
    with Connection(path) as connection:
        while pipe.recv():
            longest = pings = 0
            while not pipe.poll():
                began = time.perf_counter_ns()
                connection.run("PING")
                longest = max(longest, time.perf_counter_ns() - began)
                pings += 1
            pipe.recv()
            pipe.send((longest, pings))


class Pinger:
    def __init__(self, path):
        self.pipe, there = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=ping, args=(path, there), daemon=True)
        self.process.start()

    def during(self, work):
        """The longest PING while `work` runs and a little longer, and how long `work` took (ns)."""
        self.pipe.send(True)
        began = time.perf_counter_ns()
        work()
        took = time.perf_counter_ns() - began
        time.sleep(0.3)
        self.pipe.send(True)
        return self.pipe.recv()[0], took

    def end(self):
        self.pipe.send(False)
        self.process.join()


def wait_until_out(server, connection, kind, before):
    end = time.monotonic() + WAIT_SECONDS_MAX
    while int(server.info("swapped_out_total")) == before:
        if time.monotonic() > end:
            raise SystemExit(f"the {kind} did not leave memory")
        time.sleep(0.01)


def measure(server, kind, count):
    with server.connect() as connection:
        for first in range(0, count, BATCH):
            for command in elements(kind, first, BATCH):
                connection.run(*command)
        time.sleep(1)
        pinger = Pinger(server.socket)
        idle, _ = pinger.during(lambda: time.sleep(2))
        before = int(server.info("swapped_out_total"))

        def leave():
            connection.run("DEBUG", "SWAPOUT", kind)
            wait_until_out(server, connection, kind, before)

        out, out_took = pinger.during(leave)
        length = []
        back, back_took = pinger.during(lambda: length.append(connection.run(LENGTHS[kind], kind)))
        if length != [count]:
            raise SystemExit(f"the {kind} came back with {length} elements")
        gone, _ = pinger.during(lambda: connection.run("DEL", kind))
        pinger.end()
    return idle, out, out_took, back, back_took, gone


def run(quick):
    count = ELEMENTS // (10 if quick else 1)
    table = Table("state", "nothing happens", "it leaves", "… in", "it comes back", "… in", "DEL")
    worst = {}
    with Server("chestbox", "--enable-debug-command", "yes", core=None) as server:
        for kind in LENGTHS:
            idle, out, out_took, back, back_took, gone = measure(server, kind, count)
            table.row(kind, time_text(idle), time_text(out), time_text(out_took), time_text(back), time_text(back_took),
                      time_text(gone))
            worst[kind] = (max(out, back, gone), idle)
    table.print(f"The longest PING while a state of {count:,} elements moves")
    return [(f"no PING waits longer than {time_text(STALL_NS_MAX)} for a {kind} of {count:,} elements",
             longest <= max(STALL_NS_MAX, 2 * idle), time_text(longest)) for kind, (longest, idle) in worst.items()]
