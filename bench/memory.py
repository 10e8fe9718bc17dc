"""Bytes a key or element: what the whole process grows by for 1 M of each kind, in ChestBox and in redis-server."""
import time

import fills
import states
from report import Table
from servers import Server

VALUE_BYTES = 100
SETTLE_SECONDS = 2


def fill_strings(server, group, count):
    states.do("fill", server.socket, group, count, VALUE_BYTES)


def filling(fill, *rest):
    """What fills keys or a key of that name by one of `fills`."""
    def run(server, name, count):
        with server.connect() as connection:
            fill(connection, name.encode() * 3, count, *rest)  # a key of 16 B with the number behind it
    return run


# (what, how to fill, is each a key of its own?, at most so many bytes: what was measured, in whole bytes, as used_memory of Valkey)
KINDS = [(f"strings of 16 + {VALUE_BYTES} B", fill_strings, True, 176),
         ("hashes of 3 fields", filling(fills.small_hashes, 3), True, 112),
         ("members of a sorted set, 16 B", filling(fills.zset), False, 102),
         ("members of a set, 16 B", filling(fills.set_), False, 38),
         ("elements of a list, 16 B", filling(fills.list_), False, 18)]


def measure(server_kind, fill, keys_each, count):
    """(growth of the whole process, used_memory's growth), each in bytes an element."""
    with Server(server_kind, core=None) as server:
        fill(server, "w", 1)  # what one client costs is not the elements'
        before, used_before = server.memory_bytes(), int(server.info("used_memory"))
        fill(server, "m", count)
        time.sleep(SETTLE_SECONDS)
        with server.connect() as connection:
            held = connection.run("DBSIZE")
        if held != 1 + (count if keys_each else 1):
            raise SystemExit(f"{server_kind} holds {held} keys")
        return (server.memory_bytes() - before) / count, (int(server.info("used_memory")) - used_before) / count


def run(quick):
    count = 200_000 if quick else 1_000_000
    table = Table("what", "redis, /proc", "chestbox, /proc", "redis used_memory", "chestbox used_memory", "at most")
    verdicts = []
    for what, fill, keys_each, bytes_max in KINDS:
        (redis, redis_used), (chestbox, used) = (measure(kind, fill, keys_each, count) for kind in ("redis", "chestbox"))
        table.row(what, *(f"{size:.1f}" for size in (redis, chestbox, redis_used, used)), bytes_max)
        verdicts.append((f"1 M {what}: at most {bytes_max} B each, used_memory", round(used) <= bytes_max, f"{used:.1f} B"))
        verdicts.append((f"1 M {what}: at most {bytes_max} B each, whole process", chestbox <= bytes_max, f"{chestbox:.1f} B"))
    table.print(f"Memory in bytes for each of {count:,}")
    return verdicts
