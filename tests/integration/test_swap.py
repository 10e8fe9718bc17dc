"""Memory bounded by maxmemory: cold states go to disk and come back, whatever happens around them."""
import hashlib
import os
import random
import subprocess
import tempfile
import unittest

import resp
from harness import Server, is_redis, wait_for

MIB = 1 << 20


def value_of(i, size):
    """A value that says which key it belongs to and does not compress."""
    seed = hashlib.sha256(b"%d" % i).digest()
    return (b"%d:" % i + random.Random(seed).randbytes(size))[:size]


@unittest.skipIf(is_redis("chestbox"), "redis-server does not swap")
class Swap(unittest.TestCase):
    COUNT, SIZE = 6000, 16 * 1024  # 94 MiB of states

    def fill(self, connection, count=COUNT):
        for start in range(0, count, 50):
            numbers = range(start, min(start + 50, count))
            connection.send(b"".join(resp.encode("SET", f"state:{i}", value_of(i, self.SIZE)) for i in numbers))
            for i in numbers:
                self.assertEqual(connection.read(), b"OK")

    def check(self, connection, numbers):
        for i in numbers:
            self.assertTrue(connection.call("GET", f"state:{i}") == value_of(i, self.SIZE), f"state:{i} is not what was stored")

    def test_three_times_the_memory_reads_back_right_and_survives_a_restart(self):
        with Server("chestbox", "--maxmemory", "32mb") as server, server.connect() as connection:
            self.fill(connection)
            wait_for(lambda: int(server.info("chestbox")["arena_bytes"]) <= 40 * MIB, 30, "the arena within its bound")
            self.assertEqual(connection.call("DBSIZE"), self.COUNT)
            self.check(connection, range(self.COUNT))
            connection.close()
            server.stop()
            server.start()
            with server.connect() as again:
                self.assertEqual(again.call("DBSIZE"), self.COUNT)
                self.check(again, random.Random(1).sample(range(self.COUNT), 500))
                self.assertIsNone(again.call("GET", "state:none"))

    def test_commands_on_swapped_out_states(self):
        with Server("chestbox", "--maxmemory", "16mb") as server, server.connect() as connection:
            connection.call("SET", "with-ttl", b"t" * 2000, "EX", 10000)
            connection.call("SET", "number", 41)
            connection.call("SET", "dies", b"d" * 2000, "PX", 200)
            for name in ("renamed", "copied", "deleted", "overwritten", "appended", "moved", "ranged"):
                connection.call("SET", name, name.encode() * 500)
            self.fill(connection, 3000)
            self.assertTrue(9000 < connection.call("TTL", "with-ttl") <= 10000)
            self.assertEqual(connection.call("EXISTS", "renamed", "copied", "nothing"), 2)
            self.assertEqual(connection.call("INCR", "number"), 42)
            self.assertEqual(connection.call("RENAME", "renamed", "new"), b"OK")
            self.assertEqual(connection.call("GET", "new"), b"renamed" * 500)
            self.assertIsNone(connection.call("GET", "renamed"))
            self.assertEqual(connection.call("COPY", "copied", "copy"), 1)
            self.assertEqual(connection.call("MGET", "copied", "copy"), [b"copied" * 500] * 2)
            self.assertEqual(connection.call("DEL", "deleted", "nothing"), 1)
            self.assertIsNone(connection.call("GET", "deleted"))
            self.assertEqual(connection.call("SET", "overwritten", "x", "GET"), b"overwritten" * 500)
            self.assertEqual(connection.call("APPEND", "appended", "!"), 4001)
            self.assertEqual(connection.call("GET", "appended"), b"appended" * 500 + b"!")
            self.assertEqual(connection.call("MOVE", "moved", 3), 1)
            self.assertEqual(connection.call("GETRANGE", "ranged", 0, 5), b"ranged")
            self.assertIsNone(connection.call("GET", "dies"))
            connection.call("SELECT", 3)
            self.assertEqual(connection.call("GET", "moved"), b"moved" * 500)
            connection.call("SELECT", 0)
            cursor, names = b"0", set()
            while True:
                cursor, batch = connection.call("SCAN", cursor, "COUNT", 1000)
                names.update(batch)
                if cursor == b"0":
                    break
            self.assertEqual(len(names), connection.call("DBSIZE"))
            self.assertEqual(len([name for name in names if name.startswith(b"state:")]), 3000)
            self.assertEqual(len(connection.call("KEYS", "state:*")), 3000)
            connection.call("FLUSHALL")
            self.assertEqual(connection.call("DBSIZE"), 0)
            self.assertIsNone(connection.call("GET", "state:1"))

    def test_pipelined_commands_keep_their_order_while_states_are_loaded(self):
        with Server("chestbox", "--maxmemory", "16mb") as server, server.connect() as connection:
            connection.call("SET", "list", "")
            self.fill(connection, 3000)
            numbers = random.Random(2).sample(range(3000), 200)
            connection.send(b"".join(resp.encode("GET", f"state:{i}") + resp.encode("APPEND", "list", f"{i},") + resp.encode("ECHO", i)
                                     for i in numbers))
            for i in numbers:
                self.assertTrue(connection.read() == value_of(i, self.SIZE))
                self.assertGreater(connection.read(), 0)
                self.assertEqual(connection.read(), b"%d" % i)
            self.assertEqual(connection.call("GET", "list"), "".join(f"{i}," for i in numbers).encode())

    def test_a_client_may_leave_while_its_state_is_loaded(self):
        with Server("chestbox", "--maxmemory", "16mb") as server, server.connect() as connection:
            self.fill(connection, 3000)
            for i in range(0, 300, 3):
                with server.connect() as leaving:
                    leaving.send_command("GET", f"state:{i}")
            self.check(connection, range(0, 300, 3))

    @unittest.skipUnless(os.geteuid() == 0, "mounts a small file system")
    def test_a_full_disk_loses_nothing_and_says_so(self):
        with tempfile.TemporaryDirectory(prefix="chestbox-test-") as directory:
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", directory], stderr=subprocess.DEVNULL).returncode != 0:
                self.skipTest("may not mount")
            try:
                self.fill_the_disk(directory)
            finally:
                subprocess.run(["umount", "-l", directory], check=True)

    def fill_the_disk(self, directory):
        with Server("chestbox", "--maxmemory", "16mb", directory=directory) as server, server.connect(timeout_s=60) as connection:
            stored, refusal = [], None
            for i in range(6000):
                reply = connection.raw("SET", f"state:{i}", value_of(i, self.SIZE))
                if reply.startswith(b"-"):
                    refusal = reply
                    break
                stored.append(i)
            self.assertIsNotNone(refusal, "94 MiB went into 16 MiB of memory and 24 MiB of disk")
            self.assertRegex(refusal, rb"^-(OOM|MISCONF|IOERR|ERR) ")
            self.check(connection, stored)
            server.process.terminate()  # what cannot be written must not be lost: it says so and goes on
            wait_for(lambda: "not exiting" in server.log() or "can't exit" in server.log(), 30, "the refusal to end")
            self.check(connection, stored)
            subprocess.run(["mount", "-o", "remount,size=400m", directory], check=True)
            wait_for(lambda: connection.raw("SET", "after", "x") == b"+OK\r\n", 30, "writes again")
            connection.close()
            self.assertEqual(server.stop(), 0)
            server.start()
            with server.connect(timeout_s=60) as again:
                self.assertEqual(again.call("GET", "after"), b"x")
                self.check(again, stored)
                self.assertEqual(again.call("DBSIZE"), len(stored) + 1)
