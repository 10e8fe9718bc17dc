"""States of every type under a small maxmemory: they go to disk and come back equal, also after a restart, and expire there."""
import random
import unittest

import resp
from harness import Server, is_redis, wait_for

COUNT = 1200  # of each type; about 30 MiB in all
TYPES = ("hash", "set", "integers", "list", "zset", "stream")


def commands_of(kind, i):
    """Commands that make state `i`; each 40th is large."""
    rng = random.Random(f"{kind}:{i}")
    key, count = f"{kind}:{i}", 3000 if i % 400 == 0 else 20
    words = ["%x" % rng.getrandbits(160) for _ in range(count)]
    if kind == "hash":
        return [["HSET", key] + [part for word in words for part in (f"field:{word}", word * 2)]]
    if kind == "set":
        return [["SADD", key] + words]
    if kind == "integers":
        return [["SADD", key] + [rng.randrange(-10**12, 10**12) for _ in range(count)]]
    if kind == "list":
        return [["RPUSH", key] + words]
    if kind == "zset":
        return [["ZADD", key] + [part for word in words for part in (rng.uniform(-1e6, 1e6), word)]]
    adds = [["XADD", key, f"{number + 1}-1", "field", word, "other", word] for number, word in enumerate(words)]
    return adds + [["XGROUP", "CREATE", key, "group", "0"], ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", "5", "STREAMS", key, ">"]]


@unittest.skipIf(is_redis("chestbox"), "redis-server does not swap")
class SwapTypes(unittest.TestCase):
    def fill(self, connection):
        for kind in TYPES:
            for i in range(COUNT):
                commands = commands_of(kind, i)
                connection.send(b"".join(resp.encode(*command) for command in commands))
                for command in commands:
                    self.assertFalse(connection.read_raw().startswith(b"-"), command[:3])

    def state_of(self, connection, key):
        """Whatever can be told of a value. Order inside of a set is not told."""
        connection.call("TOUCH", key)  # brings it into memory
        digest = connection.call("DEBUG", "DIGEST-VALUE", key)
        ordered = connection.call("DUMP", key) if key.startswith(("list", "zset", "stream")) else None
        return digest, ordered, connection.call("TYPE", key), connection.call("OBJECT", "ENCODING", key)

    def test_every_type_comes_back_equal(self):
        with Server("chestbox", "--maxmemory", "8mb", "--enable-debug-command", "yes") as server:
            with server.connect(timeout_s=60) as connection:
                self.fill(connection)
                self.assertEqual(connection.call("DBSIZE"), COUNT * len(TYPES))
                with Server("redis", "--enable-debug-command", "yes") as referee, referee.connect() as other:
                    self.fill(other)
                    numbers = [(kind, i) for kind in TYPES for i in range(0, COUNT, 25)]
                    before = {}
                    for kind, i in numbers:
                        key = f"{kind}:{i}"
                        before[key] = self.state_of(connection, key)
                        self.assertEqual(before[key][0], other.call("DEBUG", "DIGEST-VALUE", key), key)
                self.assertGreater(int(server.info("chestbox")["swapped_out_total"]), COUNT)
                for key, state in before.items():
                    self.assertEqual(self.state_of(connection, key), state, key)
            server.stop()
            server.start()
            with server.connect(timeout_s=60) as again:
                self.assertEqual(again.call("DBSIZE"), COUNT * len(TYPES))
                for key, state in before.items():
                    self.assertEqual(self.state_of(again, key), state, key)

    def test_commands_on_swapped_out_collections(self):
        with Server("chestbox", "--maxmemory", "8mb") as server, server.connect(timeout_s=60) as connection:
            connection.call("SADD", "dies", "a", "b")
            connection.call("PEXPIRE", "dies", 300)
            connection.call("HSET", "kept", "f", "v")
            connection.call("EXPIRE", "kept", 10000)
            self.fill(connection)
            self.assertEqual(connection.call("HSET", "kept", "g", "w"), 1)
            self.assertEqual(connection.call("HLEN", "kept"), 2)
            self.assertTrue(9000 < connection.call("TTL", "kept") <= 10000)
            self.assertEqual(connection.call("SUNIONSTORE", "union", "set:1", "set:2"), 40)
            self.assertEqual(connection.call("LPUSH", "list:3", "first"), 21)
            self.assertEqual(connection.call("LINDEX", "list:3", 0), b"first")
            self.assertEqual(connection.call("RENAME", "zset:4", "zset:renamed"), b"OK")
            self.assertEqual(connection.call("ZCARD", "zset:renamed"), 20)
            self.assertEqual(connection.call("COPY", "stream:5", "stream:copy"), 1)
            self.assertEqual(connection.call("XLEN", "stream:copy"), 20)
            wait_for(lambda: connection.call("EXISTS", "dies") == 0, 10, "the end of a swapped-out set")

