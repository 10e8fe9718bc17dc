"""MIGRATE between servers: ours to ours, and to and from redis-server."""
import time
import unittest

from harness import Server, is_redis, wait_for
from resp import RespError


def make_states(connection):
    connection.call("SET", "string", "value")
    connection.call("RPUSH", "list", *range(2000))
    connection.call("SADD", "set", *(f"m{i}" for i in range(2000)))
    connection.call("ZADD", "zset", 1, "a", 2.5, "b")
    connection.call("HSET", "hash", "f", "v", "g", 7)
    connection.call("XADD", "stream", "1-1", "f", "v")
    connection.call("EXPIRE", "hash", 1000)
    return ["string", "list", "set", "zset", "hash", "stream"]


@unittest.skipIf(is_redis("chestbox"), "redis-server is only the other end here")
class Migrate(unittest.TestCase):
    def pair(self, source="chestbox", target="chestbox"):
        for program in (source, target):
            server = Server(program, "--enable-debug-command", "yes")
            self.addCleanup(server.close)
            yield server

    def move_all(self, source, target):
        with source.connect() as here, target.connect() as there:
            keys = make_states(here)
            digests = here.call("DEBUG", "DIGEST-VALUE", *keys)
            self.assertEqual(here.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", "none", *keys), b"OK")
            self.assertEqual(here.call("DBSIZE"), 0)
            self.assertEqual(there.call("DEBUG", "DIGEST-VALUE", *keys), digests)
            self.assertTrue(900 < there.call("TTL", "hash") <= 1000)
            self.assertEqual(here.call("MIGRATE", "127.0.0.1", target.port, "none", 0, 5000), b"NOKEY")

    def test_ours_to_ours(self):
        self.move_all(*self.pair())

    def test_ours_to_redis(self):
        self.move_all(*self.pair("chestbox", "redis"))

    def test_redis_to_ours(self):
        self.move_all(*self.pair("redis", "chestbox"))

    def test_options(self):
        source, target = self.pair()
        with source.connect() as here, target.connect() as there:
            here.call("SET", "a", "1")
            self.assertEqual(here.call("MIGRATE", "127.0.0.1", target.port, "a", 3, 5000, "COPY"), b"OK")
            self.assertEqual(here.call("GET", "a"), b"1")
            there.call("SELECT", 3)
            self.assertEqual(there.call("GET", "a"), b"1")
            here.call("SET", "a", "2")
            with self.assertRaisesRegex(RespError, "Target instance replied with error: BUSYKEY"):
                here.call("MIGRATE", "127.0.0.1", target.port, "a", 3, 5000)
            self.assertEqual(here.call("GET", "a"), b"2")
            self.assertEqual(here.call("MIGRATE", "127.0.0.1", target.port, "a", 3, 5000, "REPLACE"), b"OK")
            self.assertEqual(there.call("GET", "a"), b"2")
            self.assertEqual(here.call("EXISTS", "a"), 0)
            with self.assertRaisesRegex(RespError, "must be set to the empty string"):
                here.call("MIGRATE", "127.0.0.1", target.port, "a", 3, 5000, "KEYS", "b")

    def test_only_what_arrived_is_erased(self):
        source, target = self.pair()
        with source.connect() as here, target.connect() as there:
            here.call("MSET", "a", 1, "b", 2, "c", 3)
            there.call("SET", "b", "busy")
            with self.assertRaisesRegex(RespError, "BUSYKEY"):
                here.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", "a", "b", "c")
            self.assertEqual(here.call("KEYS", "*"), [b"b"])
            self.assertEqual(there.call("MGET", "a", "b", "c"), [b"1", b"busy", b"3"])

    def test_passwords(self):
        source, target = self.pair("chestbox", "redis")
        with source.connect() as here, target.connect() as there:
            there.call("CONFIG", "SET", "requirepass", "secret")
            there.call("AUTH", "secret")
            here.call("SET", "a", "1")
            with self.assertRaisesRegex(RespError, "Target instance replied with error: WRONGPASS"):
                here.call("MIGRATE", "127.0.0.1", target.port, "a", 0, 5000, "AUTH", "wrong")
            self.assertEqual(here.call("GET", "a"), b"1")
            self.assertEqual(here.call("MIGRATE", "127.0.0.1", target.port, "a", 0, 5000, "AUTH2", "default", "secret"), b"OK")
            self.assertEqual(there.call("GET", "a"), b"1")

    def test_nobody_listens_and_nobody_answers(self):
        source, target = self.pair()
        with source.connect() as here, target.connect() as there:
            here.call("SET", "a", "1")
            with self.assertRaisesRegex(RespError, "IOERR error or timeout connecting"):
                here.call("MIGRATE", "127.0.0.1", 1, "a", 0, 500)
            there.send_command("DEBUG", "SLEEP", "2")
            with self.assertRaisesRegex(RespError, "IOERR error or timeout reading"):
                here.call("MIGRATE", "127.0.0.1", target.port, "a", 0, 200)
            self.assertEqual(here.call("GET", "a"), b"1")

    def test_others_go_on_meanwhile_and_a_change_is_kept(self):
        source, target = self.pair()
        with source.connect() as here, source.connect() as other, target.connect() as there:
            here.call("SET", "a", "1")
            there.send_command("DEBUG", "SLEEP", "1")
            time.sleep(0.1)
            began = time.monotonic()
            here.send_command("MIGRATE", "127.0.0.1", target.port, "a", 0, 5000)
            wait_for(lambda: b"cmd=migrate" in other.call("CLIENT", "LIST"), 5, "the migration to begin")
            self.assertEqual(other.call("APPEND", "a", "2"), 2)
            self.assertLess(time.monotonic() - began, 0.8)
            with self.assertRaisesRegex(RespError, "changed while it was migrated"):
                here.read()
            self.assertEqual(here.call("GET", "a"), b"12")

    def test_in_a_transaction(self):
        source, target = self.pair()
        with source.connect() as here, target.connect() as there:
            here.call("SET", "a", "1")
            here.call("MULTI")
            here.call("MIGRATE", "127.0.0.1", target.port, "a", 0, 5000)
            self.assertEqual(here.call("EXEC"), [b"OK"])
            self.assertEqual(there.call("GET", "a"), b"1")
            self.assertEqual(here.call("EXISTS", "a"), 0)
