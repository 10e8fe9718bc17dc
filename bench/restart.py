"""Time from exec to the first right GET after a clean stop, with 1x and 10x states. redis-server, which loads its RDB file, at 1x."""
import random
import shutil
import statistics
import tempfile
import time

import states
from report import Table, size_text, time_text
from servers import ReplyError, Server

VALUE_BYTES = 16 << 10
COUNT = 65_536  # 1 GiB
GROWTH_MAX = 1.5  # more than the noise of a process start; ten times the states would show as 10


def first_right_get_seconds(server, count):
    """Starts the server and asks for one state until the right value comes."""
    number = random.randrange(count)
    key, expected = states.state_key("c", number), states.state_value("c", number, VALUE_BYTES)
    began = time.monotonic()
    server.start()
    while True:
        try:
            with server.connect() as connection:
                if connection.run("GET", key) == expected:
                    return time.monotonic() - began
        except ReplyError:  # LOADING
            time.sleep(0.001)


def measure(kind, count, restarts, settings=()):
    folder = tempfile.mkdtemp(prefix=f"bench-restart-{kind}-")
    server = Server(kind, *settings, core=None, folder=folder)
    try:
        server.start()
        states.do("fill", server.socket, "c", count, VALUE_BYTES)
        starts, stops = [], []
        for _ in range(restarts):
            if kind == "redis":
                with server.connect() as connection:
                    connection.run("CONFIG", "SET", "save", "3600 1")
            stops.append(server.terminate())
            starts.append(first_right_get_seconds(server, count))
        return statistics.median(starts), max(starts), statistics.median(stops)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(quick):
    count, restarts = (COUNT // 16, 3) if quick else (COUNT, 5)
    limit = ("--maxmemory", "128mb")
    results = {("ChestBox", 1): measure("chestbox", count, restarts, limit),
               ("ChestBox", 10): measure("chestbox", 10 * count, restarts, limit),
               ("Redis", 1): measure("redis", count, 2)}
    table = Table("server", "states", "exec to first right GET", "longest", "clean stop")
    for (name, times), (start, longest, stop) in results.items():
        table.row(name, f"{times * count:,} ({size_text(times * count * VALUE_BYTES)})", time_text(start * 1e9),
                  time_text(longest * 1e9), time_text(stop * 1e9))
    table.print(f"Restart, medians of {restarts} (Redis: of 2), from the page cache")
    growth = results["ChestBox", 10][0] / results["ChestBox", 1][0]
    return [("time to the first right GET does not grow with the number of states (10x states)", growth <= GROWTH_MAX,
             f"x {growth:.2f}")]
