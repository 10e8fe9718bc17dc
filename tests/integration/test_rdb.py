"""RDB files: written from one moment while clients write, and loaded by a real redis-server, which says what is in them."""
import os
import random
import threading
import unittest

import resp
from harness import REDIS_SERVER, Server, is_redis, wait_for

KEYS = 3000
DATABASES = 3


def fill(connection, rng, count=KEYS, prefix="k"):
    """States of all types, some large, some with expiries, in several databases."""
    for database in range(DATABASES):
        connection.call("SELECT", database)
        for i in range(count // DATABASES):
            key, size = f"{prefix}:{database}:{i}", 400 if i % 100 == 0 else rng.randrange(1, 30)
            words = ["%x" % rng.getrandbits(90) for _ in range(size)]
            kind = i % 7
            if kind == 0:
                connection.call("SET", key, "".join(words))
            elif kind == 1:
                connection.call("RPUSH", key, *words)
            elif kind == 2:
                connection.call("SADD", key, *words)
            elif kind == 3:
                connection.call("SADD", key, *[rng.randrange(10**9) for _ in words])
            elif kind == 4:
                connection.call("ZADD", key, *[part for word in words for part in (rng.uniform(-1e6, 1e6), word)])
            elif kind == 5:
                connection.call("HSET", key, *[part for word in words for part in (word, word * 3)])
            else:
                for number, word in enumerate(words[:40]):
                    connection.call("XADD", key, f"{number + 1}-1", "f", word)
                connection.call("XGROUP", "CREATE", key, "g", "0")
                connection.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 3, "STREAMS", key, ">")
            if i % 5 == 0:
                connection.call("PEXPIREAT", key, 4000000000000 + i)
    connection.call("SELECT", 0)


def saved(connection):
    """Waits for the BGSAVE that runs, and says whether it was well."""
    def state():
        info = connection.call("INFO", "persistence").decode()
        return info if "rdb_bgsave_in_progress:0" in info else None
    return "rdb_last_bgsave_status:ok" in wait_for(state, 60, "the end of BGSAVE")


class Writer(threading.Thread):
    """Adds to two counters and a list in one MULTI, over and over, and churns other states."""

    def __init__(self, server, churn):
        super().__init__()
        self.connection, self.churn, self.ending = resp.Connection(("127.0.0.1", server.port)), churn, False
        self.failure = None
        self.rounds = 0

    def run(self):
        rng = random.Random(5)
        try:
            while not self.ending:
                self.rounds += 1
                for command in (["MULTI"], ["INCR", "inv:a"], ["INCRBY", "inv:b", 1], ["RPUSH", "inv:list", self.rounds],
                                ["EXEC"]):
                    self.connection.call(*command)
                self.churn(self.connection, rng)
        except Exception as failure:  # noqa: BLE001: told to the test
            self.failure = failure

    def end(self):
        self.ending = True
        self.join()
        self.connection.close()
        if self.failure:
            raise self.failure


def churn_keys(connection, rng):
    connection.call("SELECT", rng.randrange(DATABASES))
    key = f"k:{rng.randrange(DATABASES)}:{rng.randrange(KEYS // DATABASES)}"
    choice = rng.randrange(5)
    if choice == 0:
        connection.call("DEL", key)
    elif choice == 1:
        connection.call("SET", key, "overwritten")
    elif choice == 2:
        connection.call("SET", f"new:{rng.getrandbits(40)}", "x")
    elif choice == 3 and connection.call("EXISTS", key):
        connection.call("RENAME", key, key + ":moved")
    else:
        connection.call("EXPIRE", key, 1000)
    connection.call("SELECT", 0)


class LoadedByRedis:
    """A redis-server that has loaded a copy of the file."""

    def __init__(self, server):
        self.path = os.path.join(server.directory, "dump.rdb")

    def __enter__(self):
        self.redis = Server("redis", "--dbfilename", "dump.rdb", "--enable-debug-command", "yes", wait=False)
        self.redis.kill()
        with open(self.path, "rb") as source, open(os.path.join(self.redis.directory, "dump.rdb"), "wb") as copy:
            copy.write(source.read())
        self.redis.start()
        self.connection = resp.Connection(("127.0.0.1", self.redis.port))
        return self.connection

    def __exit__(self, *_):
        self.connection.close()
        self.redis.close()


@unittest.skipIf(is_redis("chestbox"), "tests ChestBox' files")
class RdbFiles(unittest.TestCase):
    ARGUMENTS = ("--enable-debug-command", "yes", "--redis-version", "7.0.15")

    def one_moment(self, server, connection, meanwhile=None, churn=churn_keys):
        """BGSAVE under writes; Redis finds the same two counters in the file."""
        writer = Writer(server, churn)
        writer.start()
        wait_for(lambda: writer.rounds > 20, 30, "writes")
        for _ in range(3):
            before = int(connection.call("GET", "inv:a"))
            self.assertEqual(connection.call("BGSAVE"), b"Background saving started")
            after = int(connection.call("GET", "inv:a"))
            if meanwhile:
                meanwhile(connection)
            self.assertTrue(saved(connection))
            with LoadedByRedis(server) as redis:
                a, b, length = redis.call("GET", "inv:a"), redis.call("GET", "inv:b"), redis.call("LLEN", "inv:list")
                self.assertEqual(a, b)
                self.assertEqual(int(a), length)
                self.assertTrue(before <= int(a) <= after, (before, a, after))
        writer.end()

    def test_redis_loads_an_equal_data_set(self):
        with Server("chestbox", *self.ARGUMENTS) as server, resp.Connection(("127.0.0.1", server.port)) as connection:
            fill(connection, random.Random(1))
            connection.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 7 end)")
            digest = connection.call("DEBUG", "DIGEST")
            for compression in ("yes", "no"):
                connection.call("CONFIG", "SET", "rdbcompression", compression)
                self.assertEqual(connection.call("SAVE"), b"OK")
                with LoadedByRedis(server) as redis:
                    self.assertEqual(redis.call("DEBUG", "DIGEST"), digest)
                    self.assertEqual(redis.call("FCALL", "f", 0), 7)
                    self.assertEqual(redis.call("PEXPIRETIME", "k:0:0"), 4000000000000)
                    self.assertEqual(redis.call("XPENDING", "k:0:6", "g")[0], connection.call("XPENDING", "k:0:6", "g")[0])
            self.assertEqual(connection.call("DEBUG", "RELOAD"), b"OK")
            self.assertEqual(connection.call("DEBUG", "DIGEST"), digest)
            for preamble in ("yes", "no"):
                connection.call("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
                self.assertEqual(connection.call("DEBUG", "LOADAOF"), b"OK")
                self.assertEqual(connection.call("DEBUG", "DIGEST"), digest)

    def test_a_file_is_of_one_moment(self):
        with Server("chestbox", *self.ARGUMENTS) as server, resp.Connection(("127.0.0.1", server.port)) as connection:
            fill(connection, random.Random(2))
            self.one_moment(server, connection)

    def test_nothing_is_missing_while_everything_is_deleted(self):
        with Server("chestbox", *self.ARGUMENTS) as server, resp.Connection(("127.0.0.1", server.port)) as connection:
            fill(connection, random.Random(3))
            digest = connection.call("DEBUG", "DIGEST")
            connection.send(resp.encode("BGSAVE") + b"".join(
                resp.encode(*command) for command in (["FLUSHDB"], ["SWAPDB", 1, 2], ["SELECT", 1], ["FLUSHDB", "ASYNC"],
                                                      ["SET", "late", "1"], ["SELECT", 2], ["SET", "late", "1"])))
            replies = [connection.read() for _ in range(8)]
            self.assertEqual(replies[0], b"Background saving started")
            self.assertTrue(saved(connection))
            with LoadedByRedis(server) as redis:
                self.assertEqual(redis.call("DEBUG", "DIGEST"), digest)

    def test_swapped_out_states_are_in_the_file(self):
        with Server("chestbox", *self.ARGUMENTS, "--maxmemory", "4mb") as server, \
                resp.Connection(("127.0.0.1", server.port)) as connection:
            fill(connection, random.Random(4))
            for i in range(20000):
                connection.call("SET", f"pad:{i}", "p" * 300)
            self.assertEqual(connection.call("SAVE"), b"OK")
            with Server("redis", "--enable-debug-command", "yes") as reference, resp.Connection(("127.0.0.1", reference.port)) as expected:
                fill(expected, random.Random(4))
                for i in range(20000):
                    expected.call("SET", f"pad:{i}", "p" * 300)
                with LoadedByRedis(server) as redis:
                    self.assertEqual(redis.call("DEBUG", "DIGEST"), expected.call("DEBUG", "DIGEST"))
            self.one_moment(server, connection)
            server.stop()
            server.start()
            with resp.Connection(("127.0.0.1", server.port)) as again:
                self.one_moment(server, again)  # the index is still filling

    def test_in_a_transaction_save_is_refused_and_bgsave_put_off(self):
        with Server("chestbox", *self.ARGUMENTS) as server, resp.Connection(("127.0.0.1", server.port)) as connection:
            connection.call("SET", "x", "before")
            connection.call("MULTI")
            with self.assertRaisesRegex(resp.RespError, "not allowed inside a transaction"):
                connection.call("SAVE")
            with self.assertRaisesRegex(resp.RespError, "EXECABORT"):
                connection.call("EXEC")
            connection.call("MULTI")
            connection.call("BGSAVE")
            self.assertEqual(connection.call("EXEC"), [b"Background saving scheduled"])
            wait_for(lambda: os.path.exists(os.path.join(server.directory, "dump.rdb")), 10, "the scheduled save")

    def test_a_damaged_file_is_refused_and_changes_nothing(self):
        with Server("chestbox", *self.ARGUMENTS) as server, resp.Connection(("127.0.0.1", server.port)) as connection:
            fill(connection, random.Random(6), count=60)
            self.assertEqual(connection.call("SAVE"), b"OK")
            digest = connection.call("DEBUG", "DIGEST")
            path = os.path.join(server.directory, "dump.rdb")
            with open(path, "rb") as file:
                good = file.read()
            rng = random.Random(7)
            for at in sorted(rng.sample(range(len(good)), 150)) + list(range(12)) + list(range(len(good) - 10, len(good))):
                for bad in (good[:at] + bytes([good[at] ^ (1 << rng.randrange(8))]) + good[at + 1:], good[:at]):
                    with open(path, "wb") as file:
                        file.write(bad)
                    with self.assertRaises(resp.RespError, msg=f"at {at} of {len(good)}"):
                        connection.call("DEBUG", "RELOAD", "NOSAVE")
            self.assertEqual(connection.call("DEBUG", "DIGEST"), digest)

    def test_a_save_that_fails_stops_writes_if_there_are_save_points(self):
        with Server("chestbox", *self.ARGUMENTS, "--enable-protected-configs", "yes") as server, \
                resp.Connection(("127.0.0.1", server.port)) as connection:
            connection.call("SET", "x", 1)
            os.mkdir(os.path.join(server.directory, "taken"))
            connection.call("CONFIG", "SET", "dbfilename", "taken")
            self.assertEqual(connection.call("BGSAVE"), b"Background saving started")
            self.assertFalse(saved(connection))
            self.assertEqual(connection.call("SET", "x", 2), b"OK")
            connection.call("CONFIG", "SET", "save", "900 1")
            with self.assertRaisesRegex(resp.RespError, "MISCONF"):
                connection.call("SET", "x", 3)
            connection.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
            self.assertEqual(connection.call("SET", "x", 3), b"OK")
            self.assertEqual([name for name in os.listdir(server.directory) if name.startswith("temp-")], [])

    def test_save_points_save(self):
        with Server("chestbox", *self.ARGUMENTS, "--save", "1 2") as server, \
                resp.Connection(("127.0.0.1", server.port)) as connection:
            connection.call("SET", "x", 1)
            connection.call("SET", "y", 1)
            path = os.path.join(server.directory, "dump.rdb")
            wait_for(lambda: os.path.exists(path), 20, "the save point")
            self.assertTrue(saved(connection))
            wait_for(lambda: "rdb_changes_since_last_save:0" in connection.call("INFO", "persistence").decode(), 10, "0 changes")


if __name__ == "__main__":
    unittest.main()
