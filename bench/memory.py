"""Bytes a key: what the whole process grows by for 1 M keys of 16 B with values of 100 B, in ChestBox and in redis-server."""
import time

import states
from report import Table
from servers import Server

VALUE_BYTES = 100
BYTES_PER_KEY_MAX = 176
SETTLE_SECONDS = 2


def measure(kind, count):
    with Server(kind, core=None) as server:
        states.do("fill", server.socket, "w", 1, VALUE_BYTES)  # what one client costs is not the keys'
        before = server.memory_bytes()
        states.do("fill", server.socket, "m", count, VALUE_BYTES)
        time.sleep(SETTLE_SECONDS)
        with server.connect() as connection:
            held = connection.run("DBSIZE")
        if held != count + 1:
            raise SystemExit(f"{kind} holds {held} keys")
        return (server.memory_bytes() - before) / count, int(server.info("used_memory")) / count


def run(quick):
    count = 200_000 if quick else 1_000_000
    table = Table("server", "bytes a key (whole process, /proc)", "used_memory a key")
    results = {}
    for kind in ("redis", "chestbox"):
        results[kind], used = measure(kind, count)
        table.row(kind, f"{results[kind]:.1f}", f"{used:.1f}")
    table.print(f"Memory of {count:,} keys of 16 B with values of {VALUE_BYTES} B")
    return [("1 M keys of 16 + 100 B: at most 176 B a key", results["chestbox"] <= BYTES_PER_KEY_MAX, f"{results['chestbox']:.1f} B")]
