"""What swapping must withstand: the server killed, clients killed or stopped in the middle, states of 50 and 512 MB."""
import hashlib
import os
import random
import select
import signal
import subprocess
import sys
import unittest

import resp
from harness import Server, is_redis, wait_for

MIB = 1 << 20
# A client of its own: connects, sends what it reads from stdin, says so, and then neither reads nor ends.
SENDER = """
import socket, sys, time
port, data = int(sys.argv[1]), sys.stdin.buffer.read()
connection = socket.create_connection(("127.0.0.1", port))
connection.sendall(data)
print("sent", flush=True)
time.sleep(600)
"""


def value_of(name, size):
    return random.Random(hashlib.sha256(str(name).encode()).digest()).randbytes(size)


@unittest.skipIf(is_redis("chestbox"), "redis-server does not swap")
class KilledServer(unittest.TestCase):
    SIZE = 16 * 1024

    def fill(self, connection, first, count):
        for i in range(first, first + count):
            self.assertEqual(connection.call("SET", f"state:{i}", value_of(i, self.SIZE)), b"OK")

    def check(self, connection, numbers):
        for i in numbers:
            self.assertTrue(connection.call("GET", f"state:{i}") == value_of(i, self.SIZE), f"state:{i} is not what was stored")

    def test_the_next_start_has_the_states_of_the_last_clean_stop(self):
        with Server("chestbox", "--maxmemory", "8mb") as server:
            with server.connect() as connection:
                self.fill(connection, 0, 1500)
                connection.call("SELECT", 4)
                connection.call("SET", "far", "v")
                connection.call("SWAPDB", 0, 4)
            server.stop()
            server.start()
            with server.connect() as connection:
                connection.call("SELECT", 4)
                self.check(connection, range(0, 1500, 50))
                self.fill(connection, 1500, 800)  # pushes others out
                for i in range(0, 300):
                    connection.call("SET", f"state:{i}", "overwritten")
                connection.call("DEL", *[f"state:{i}" for i in range(300, 600)])
                connection.call("SELECT", 0)
                self.assertEqual(connection.call("FLUSHDB"), b"OK")
                server.kill()
            server.start()
            self.assertIn("did not stop cleanly", server.log())
            with server.connect() as connection:
                self.assertEqual(connection.call("GET", "far"), b"v")
                connection.call("SELECT", 4)
                self.assertEqual(connection.call("DBSIZE"), 1500)
                self.check(connection, range(1500))
                self.assertIsNone(connection.call("GET", "state:1501"))

    def test_a_server_that_never_stopped_cleanly_starts_empty(self):
        with Server("chestbox", "--maxmemory", "8mb") as server:
            with server.connect() as connection:
                self.fill(connection, 0, 1000)
            server.kill()
            server.start()
            with server.connect() as connection:
                self.assertEqual(connection.call("DBSIZE"), 0)
                self.fill(connection, 0, 1000)
                self.check(connection, range(1000))

    def test_shutdown_nosave_leaves_what_the_last_clean_stop_left(self):
        with Server("chestbox", "--maxmemory", "8mb") as server:
            server.call("SET", "kept", "v")
            server.stop()
            server.start()
            with server.connect() as connection:
                connection.call("SET", "kept", "other")
                self.fill(connection, 0, 1000)
                connection.send_command("SHUTDOWN", "NOSAVE")
                self.assertEqual(server.wait_for_exit(), 0)
            server.start()
            self.assertEqual(server.call("GET", "kept"), b"v")
            self.assertEqual(server.call("DBSIZE"), 1)


@unittest.skipIf(is_redis("chestbox"), "redis-server does not swap")
class LargeStates(unittest.TestCase):
    def swap_out(self, server, key):
        before = int(server.info("chestbox")["swapped_out_total"])
        self.assertEqual(server.call("DEBUG", "SWAPOUT", key), b"OK")
        wait_for(lambda: int(server.info("chestbox")["swapped_out_total"]) > before, 60, f"{key} out of memory")

    def test_other_clients_go_on_while_a_cold_state_of_50_mb_is_loaded(self):
        with Server("chestbox", "--enable-debug-command", "yes") as server, server.connect() as reader, server.connect() as other:
            large = value_of("large", 50 * MIB)
            reader.call("SET", "large", large)
            other.call("SET", "hot", "h")
            self.swap_out(server, "large")
            reader.send_command("GET", "large")
            answered = 0
            while not select.select([reader.socket], [], [], 0)[0]:
                self.assertEqual(other.call("GET", "hot"), b"h")
                answered += 1
            self.assertTrue(reader.read() == large)
            self.assertGreater(answered, 3)

    def test_a_state_of_512_mb(self):
        with Server("chestbox", "--maxmemory", "64mb") as server, server.connect(timeout_s=120) as connection:
            tail = b"the end"
            value = bytes(bytearray(512 * MIB - len(tail))) + tail
            self.assertEqual(connection.call("SET", "large", value), b"OK")
            for i in range(200):
                connection.call("SET", f"other:{i}", value_of(i, 64 * 1024))
            wait_for(lambda: int(server.info("chestbox")["arena_bytes"]) < 80 * MIB, 60, "memory given back")
            self.assertEqual(connection.call("GETRANGE", "large", -len(tail), -1), tail)
            self.assertTrue(connection.call("GET", "large") == value)
            reply = connection.raw("APPEND", "large", "x")
            self.assertTrue(reply.startswith(b"-ERR string exceeds maximum allowed size"), reply)
            self.assertEqual(connection.call("DEL", "large"), 1)
            for i in range(200):
                self.assertTrue(connection.call("GET", f"other:{i}") == value_of(i, 64 * 1024))


@unittest.skipIf(is_redis("chestbox"), "redis-server does not swap")
class KilledClients(unittest.TestCase):
    def start_client(self, server, data):
        client = subprocess.Popen([sys.executable, "-c", SENDER, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        client.stdin.write(data)
        client.stdin.close()
        self.assertEqual(client.stdout.readline(), b"sent\n")
        return client

    def test_clients_stopped_and_killed_in_the_middle_harm_nobody(self):
        with Server("chestbox", "--maxmemory", "16mb", "--enable-debug-command", "yes") as server, server.connect() as connection:
            values = {f"large:{i}": value_of(i, 4 * MIB) for i in range(16)}
            for key, value in values.items():
                connection.call("SET", key, value)
            loads = b"".join(resp.encode("GET", key) for key in values)
            half = resp.encode("SET", "half", b"x" * 3 * MIB)[:2 * MIB]
            writes = b"".join(resp.encode("SET", f"written:{i}", value_of(i, 100000)) for i in range(400))
            clients = [self.start_client(server, data) for data in (loads, half, writes, loads + half)]
            for client in clients:
                os.kill(client.pid, signal.SIGSTOP)
            for key, value in values.items():
                self.assertTrue(connection.call("GET", key) == value)
            self.assertIsNone(connection.call("GET", "half"))
            for client in clients:
                client.kill()
            wait_for(lambda: server.info("clients")["connected_clients"] == "2", 30, "the dead clients gone")
            for key, value in values.items():
                self.assertTrue(connection.call("GET", key) == value)
            for i in range(400):
                written = connection.call("GET", f"written:{i}")
                self.assertTrue(written is None or written == value_of(i, 100000))
            self.assertEqual(connection.call("SET", "after", "v"), b"OK")
