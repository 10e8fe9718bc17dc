"""Listeners, connections and their limits."""
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import unittest

import resp
from harness import Server, binary_of, free_port, run_to_end, wait_for


def own_address():
    """An address of this machine that is not loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


def client_names(connection):
    lines = connection.call("CLIENT", "LIST").splitlines()
    return [field[5:] for line in lines for field in line.split() if field.startswith(b"name=")]


def admitted(server):
    """A connection that is served, or None when the server has no place for it."""
    connection = server.connect()
    try:
        if connection.raw("PING") == b"+PONG\r\n":
            return connection
    except (OSError, resp.ConnectionClosed):
        pass
    connection.close()
    return None


class Listening(unittest.TestCase):
    def test_unix_socket_has_the_permissions_asked_for(self):
        for permissions in ("700", "770", "777"):
            with Server("chestbox", "--unixsocketperm", permissions) as server:
                self.assertEqual(oct(stat.S_IMODE(os.stat(server.unix_socket).st_mode)), "0o" + permissions)
                with server.connect_unix() as connection:
                    self.assertEqual(connection.call("PING"), b"PONG")

    def test_port_0_listens_on_the_unix_socket_only(self):
        with Server("chestbox", port=0) as server:
            with server.connect_unix() as connection:
                self.assertIn(b"tcp_port:0\r\n", connection.call("INFO", "server"))
                self.assertEqual(connection.call("CONFIG", "GET", "port"), [b"port", b"0"])
            tables = [open(f"/proc/{server.process.pid}/net/{name}").read() for name in ("tcp", "tcp6")]
            inodes = {os.stat(f"/proc/{server.process.pid}/fd/{fd}").st_ino for fd in os.listdir(f"/proc/{server.process.pid}/fd")}
            listening = [line for table in tables for line in table.splitlines()[1:]
                         if line.split()[3] == "0A" and int(line.split()[9]) in inodes]
            self.assertEqual(listening, [])

    def test_bind_listens_where_it_says_only(self):
        address = own_address()
        if address is None:
            self.skipTest("no address but loopback")
        with Server("chestbox", "--bind", "127.0.0.1", "--protected-mode", "no") as server:
            self.assertEqual(server.call("PING"), b"PONG")
            with self.assertRaises(ConnectionRefusedError):
                resp.Connection((address, server.port))

    def test_an_address_that_is_not_there_ends_the_start_unless_marked_optional(self):
        code, output = run_to_end("chestbox", "--port", free_port(), "--bind", "192.0.2.1", "--save", "")
        self.assertEqual(code, 1)
        self.assertIn("192.0.2.1", output)
        with Server("chestbox", "--bind", "127.0.0.1 -192.0.2.1") as server:
            self.assertEqual(server.call("PING"), b"PONG")

    def test_protected_mode_refuses_other_machines_until_there_is_a_password(self):
        address = own_address()
        if address is None:
            self.skipTest("no address but loopback")
        with Server() as server:
            with resp.Connection((address, server.port)) as connection:
                said = connection.read_until_close()
                self.assertTrue(said.startswith(b"-DENIED Redis is running in protected mode"), said)
            server.call("CONFIG", "SET", "protected-mode", "no")
            with resp.Connection((address, server.port)) as connection:
                self.assertEqual(connection.call("PING"), b"PONG")
            server.call("CONFIG", "SET", "protected-mode", "yes", "requirepass", "secret")
            with resp.Connection((address, server.port)) as connection:
                self.assertTrue(connection.raw("PING").startswith(b"-NOAUTH"))
                self.assertEqual(connection.call("AUTH", "secret"), b"OK")

    def test_tcp_keepalive_is_accepted_and_set(self):
        with Server("chestbox", "--tcp-keepalive", "60") as server:
            self.assertEqual(server.call("CONFIG", "GET", "tcp-keepalive"), [b"tcp-keepalive", b"60"])
            self.assertEqual(server.call("CONFIG", "SET", "tcp-keepalive", "0"), b"OK")
            self.assertEqual(server.call("PING"), b"PONG")


class Limits(unittest.TestCase):
    def test_an_idle_client_is_closed_after_the_timeout(self):
        with Server("chestbox", "--timeout", "1") as server, server.connect() as idle:
            self.assertEqual(idle.call("PING"), b"PONG")
            self.assertEqual(idle.read_until_close(), b"")  # bounded by the connection's own 30 s
            self.assertEqual(server.call("CONFIG", "SET", "timeout", "0"), b"OK")

    def test_one_client_too_many_gets_redis_own_words(self):
        with Server("chestbox", "--maxclients", "4") as server:
            connections = [wait_for(lambda: admitted(server), what="a free place") for _ in range(4)]
            try:
                with server.connect() as refused:
                    self.assertEqual(refused.read_until_close(), b"-ERR max number of clients reached\r\n")
                self.assertEqual(connections[0].call("PING"), b"PONG")
                connections.pop().close()
                connections.append(wait_for(lambda: admitted(server), what="a free place"))
                self.assertGreaterEqual(int(server_info(connections[0])["rejected_connections"]), 1)
            finally:
                for connection in connections:
                    connection.close()

    def test_a_client_that_never_reads_is_cut_at_the_output_buffer_limit(self):
        with Server("chestbox", "--client-output-buffer-limit", "normal 5mb 0 0") as server, server.connect() as watcher:
            watcher.call("SET", "large", b"x" * 1_000_000)
            with server.connect() as lazy:
                lazy.call("CLIENT", "SETNAME", "lazy")
                try:
                    for _ in range(60):
                        lazy.send_command("GET", "large")
                except OSError:
                    pass  # it was cut while we still asked
                wait_for(lambda: b"lazy" not in client_names(watcher), 20, "the lazy client's end")
            self.assertGreaterEqual(int(server_info(watcher).get("client_output_buffer_limit_disconnections", 1)), 1)
            with server.connect() as quick:  # the same amount, read in time, is no offence
                for _ in range(60):
                    self.assertEqual(len(quick.call("GET", "large")), 1_000_000)

    def test_a_soft_limit_cuts_after_its_seconds(self):
        with Server("chestbox", "--client-output-buffer-limit", "normal 0 2mb 1") as server, server.connect() as watcher:
            watcher.call("SET", "large", b"x" * 1_000_000)
            with server.connect() as lazy:
                lazy.call("CLIENT", "SETNAME", "lazy")
                for _ in range(30):
                    lazy.send_command("GET", "large")
                wait_for(lambda: b"lazy" not in client_names(watcher), 20, "the lazy client's end")

    def test_a_query_buffer_beyond_its_limit_closes_the_client(self):
        with Server("chestbox", "--client-query-buffer-limit", "1mb") as server, server.connect() as greedy:
            try:
                greedy.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n" + b"x" * 5_000_000)
            except OSError:
                pass
            greedy.read_until_close()
            self.assertEqual(server.call("PING"), b"PONG")

    def test_an_unauthenticated_client_may_send_little(self):
        with Server("chestbox", "--requirepass", "secret") as server:
            with server.connect() as connection:
                connection.send(b"*11\r\n")
                self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: unauthenticated multibulk length\r\n")
            with server.connect() as connection:
                connection.send(b"*1\r\n$16385\r\n")
                self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: unauthenticated bulk length\r\n")
            with server.connect() as connection:
                self.assertEqual(connection.raw("GET", "a"), b"-NOAUTH Authentication required.\r\n")
                self.assertEqual(connection.raw("AUTH", "wrong"),
                                 b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
                self.assertEqual(connection.raw("AUTH", "secret"), b"+OK\r\n")
                connection.send(b"*12\r\n$4\r\nMGET\r\n" + b"$1\r\na\r\n" * 11)
                self.assertEqual(connection.read(), [None] * 11)


def server_info(connection):
    return dict(line.split(":", 1) for line in connection.call("INFO").decode().splitlines() if ":" in line)


class Conversation(unittest.TestCase):
    def test_a_pipeline_is_answered_in_order(self):
        with Server() as server, server.connect() as connection:
            count = 20000
            connection.send(b"".join(resp.encode("SET", f"key:{i}", i) + resp.encode("GET", f"key:{i}") for i in range(count)))
            for i in range(count):
                self.assertEqual(connection.read(), b"OK")
                self.assertEqual(connection.read(), b"%d" % i)

    def test_a_batch_is_answered_with_one_write(self):
        strace = shutil.which("strace")
        if not strace:
            self.skipTest("strace is not installed")
        with tempfile.TemporaryDirectory() as directory:
            trace = os.path.join(directory, "trace")
            with Server() as server, server.connect() as connection:
                connection.call("PING")
                tracer = subprocess.Popen([strace, "-f", "-p", str(server.process.pid), "-o", trace, "-e",
                                           "trace=write,writev,sendto,sendmsg,send"], stderr=subprocess.PIPE)
                try:
                    # strace says "attached" on its standard error once it follows the process.
                    if b"attached" not in tracer.stderr.readline():
                        self.skipTest("strace may not follow processes here")
                    connection.send(resp.encode("PING") * 100)
                    for _ in range(100):
                        self.assertEqual(connection.read(), b"PONG")
                finally:
                    tracer.terminate()
                    tracer.communicate()
            writes = [line for line in open(trace) if "PONG" in line]
            self.assertGreaterEqual(len(writes), 1)
            self.assertLessEqual(len(writes), 2, "".join(writes))

    def test_a_command_may_arrive_byte_by_byte(self):
        with Server() as server, server.connect() as connection:
            for data in (resp.encode("SET", "k", b"a\r\nb"), b"GET k\r\n", resp.encode("GET", "k")):
                for i in range(len(data)):
                    connection.send(data[i:i + 1])
            self.assertEqual([connection.read(), connection.read(), connection.read()], [b"OK", b"a\r\nb", b"a\r\nb"])

    def test_half_commands_harm_nobody(self):
        with Server() as server:
            whole = resp.encode("SET", "k", "v" * 100)
            waiting = []
            for end in range(1, len(whole), 5):
                connection = server.connect()
                connection.send(whole[:end])
                if end % 2:
                    connection.close()
                else:
                    waiting.append(connection)
            self.assertEqual(server.call("PING"), b"PONG")
            self.assertIsNone(server.call("GET", "k"))
            for connection in waiting:
                connection.close()
            wait_for(lambda: int(server.info("clients")["connected_clients"]) == 1, what="all but us gone")

    def test_inline_commands(self):
        with Server() as server, server.connect() as connection:
            for line, reply in [(b"PING\r\n", b"+PONG\r\n"), (b"PING\n", b"+PONG\r\n"), (b"  set  a  'x y'  \r\n", b"+OK\r\n"),
                                (b'SET "a" "\\x41\\n\\"" \r\n', b"+OK\r\n"), (b"GET a\r\n", b'$3\r\nA\n"\r\n'), (b"\r\n\r\nECHO hi\r\n", b"$2\r\nhi\r\n")]:
                connection.send(line)
                self.assertEqual(connection.read_raw(), reply, line)
            connection.send(b'GET "unbalanced\r\n')
            self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: unbalanced quotes in request\r\n")
            with server.connect() as connection:
                connection.send(b"x" * 70000)
                self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: too big inline request\r\n")

    def test_wrong_protocol_is_answered_and_closed(self):
        cases = [(b"*abc\r\n", b"invalid multibulk length"), (b"*1\r\n+PING\r\n", b"expected '$', got '+'"),
                 (b"*1\r\n$536870913\r\n", b"invalid bulk length"), (b"*1\r\n$-1\r\n", b"invalid bulk length"),
                 (b"*2147483648\r\n", b"invalid multibulk length")]
        with Server() as server:
            for data, words in cases:
                with server.connect() as connection:
                    connection.send(data)
                    self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: " + words + b"\r\n", data)

    def test_quit_is_answered_and_closed(self):
        with Server() as server, server.connect() as connection:
            connection.send(resp.encode("SET", "a", 1) + resp.encode("QUIT") + resp.encode("SET", "a", 2))
            self.assertEqual(connection.read_until_close(), b"+OK\r\n+OK\r\n")
            self.assertEqual(server.call("GET", "a"), b"1")

    def test_many_clients_come_and_go(self):
        with Server() as server:
            for _ in range(5):
                connections = [server.connect() for _ in range(200)]
                for connection in connections:
                    connection.send_command("INCR", "count")
                for connection in connections:
                    connection.read()
                    connection.close()
            self.assertEqual(server.call("GET", "count"), b"1000")
            wait_for(lambda: int(server.info("clients")["connected_clients"]) == 1, what="all but us gone")

    def test_client_kill_and_list_between_clients(self):
        with Server() as server, server.connect() as one, server.connect() as other:
            number = other.call("CLIENT", "ID")
            other.call("CLIENT", "SETNAME", "victim")
            self.assertIn(b"victim", client_names(one))
            self.assertEqual(one.call("CLIENT", "KILL", "ID", number), 1)
            self.assertEqual(other.read_until_close(), b"")
            self.assertNotIn(b"victim", client_names(one))


class LargeValues(unittest.TestCase):
    SIZE = 512 * 1024 * 1024  # proto-max-bulk-len

    def test_a_value_of_512_mb_goes_in_and_comes_out(self):
        available_kb = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemAvailable")))
        if available_kb < 5 * 1024 * 1024:
            self.skipTest("less than 5 GiB of memory free")
        chunk = bytes(range(256)) * 4096
        with Server() as server, server.connect_unix(timeout_s=120) as connection:
            connection.send(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % self.SIZE)
            for _ in range(self.SIZE // len(chunk)):
                connection.send(chunk)
            connection.send(b"\r\n")
            self.assertEqual(connection.read(), b"OK")
            self.assertEqual(connection.call("STRLEN", "large"), self.SIZE)
            self.assertEqual(connection.call("GETRANGE", "large", self.SIZE - 256, -1), bytes(range(256)))
            connection.send_command("GET", "large")
            self.assertEqual(self.receive(connection, len(b"$%d\r\n" % self.SIZE)), b"$%d\r\n" % self.SIZE)
            for _ in range(self.SIZE // len(chunk)):
                self.assertTrue(self.receive(connection, len(chunk)) == chunk)
            self.assertEqual(self.receive(connection, 2), b"\r\n")
            self.assertIn(b"maximum allowed size", connection.raw("APPEND", "large", "x"))
            self.assertEqual(connection.call("DEL", "large"), 1)
            self.assertEqual(connection.call("PING"), b"PONG")

    def test_setrange_at_the_limit(self):
        with Server("chestbox", "--proto-max-bulk-len", "4mb") as server, server.connect() as connection:
            self.assertEqual(connection.call("SETRANGE", "k", 4 * 1024 * 1024 - 1, "x"), 4 * 1024 * 1024)
            self.assertIn(b"maximum allowed size", connection.raw("SETRANGE", "k", 4 * 1024 * 1024, "x"))
            connection.send(b"*2\r\n$3\r\nGET\r\n$%d\r\n" % (4 * 1024 * 1024 + 1))
            self.assertEqual(connection.read_until_close(), b"-ERR Protocol error: invalid bulk length\r\n")

    @staticmethod
    def receive(connection, size):
        parts = bytearray(connection.buffer[:size])
        del connection.buffer[:size]
        while len(parts) < size:
            data = connection.socket.recv(size - len(parts))
            if not data:
                raise resp.ConnectionClosed("in the middle of a value")
            parts += data
        return bytes(parts)


class Idle(unittest.TestCase):
    def test_an_idle_server_does_not_spin(self):
        with Server() as server, server.connect() as connection:
            connection.call("PING")

            def cpu_s():
                fields = open(f"/proc/{server.process.pid}/stat").read().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            before = cpu_s()
            with self.assertRaises(socket.timeout):  # nothing comes unasked
                connection.socket.settimeout(2)
                connection.socket.recv(1)
            self.assertLess(cpu_s() - before, 1.0, f"{binary_of('chestbox')} is busy with nothing to do")
