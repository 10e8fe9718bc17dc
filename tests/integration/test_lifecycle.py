"""Start, stop, daemon, systemd, restart."""
import os
import signal
import socket
import tempfile
import threading
import unittest

import resp
from harness import Server, free_port, is_redis, run_to_end, wait_for

chestbox_only = unittest.skipIf(is_redis("chestbox"), "states of redis-server do not survive without a save point")


class StartAndStop(unittest.TestCase):
    def test_the_log_says_when_it_is_ready(self):
        with Server() as server:
            wait_for(lambda: "Ready to accept connections" in server.log(), what="the ready line")

    def test_sigterm_and_sigint_end_it_with_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server() as server:
                self.assertEqual(server.stop(number), 0)

    def test_shutdown_ends_it_with_code_0_and_without_a_reply(self):
        for words in (["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], ["SHUTDOWN", "SAVE"], ["SHUTDOWN", "NOW", "FORCE"]):
            with Server() as server, server.connect() as connection:
                connection.send_command(*words)
                self.assertEqual(connection.read_until_close(), b"")
                self.assertEqual(server.wait_for_exit(), 0)

    def test_shutdown_with_wrong_words_changes_nothing(self):
        with Server() as server, server.connect() as connection:
            for words in (["SHUTDOWN", "nonsense"], ["SHUTDOWN", "SAVE", "NOSAVE"], ["SHUTDOWN", "ABORT", "NOW"]):
                self.assertEqual(connection.raw(*words), b"-ERR syntax error\r\n")
            self.assertEqual(connection.raw("SHUTDOWN", "ABORT"), b"-ERR No shutdown in progress.\r\n")
            self.assertEqual(connection.call("PING"), b"PONG")

    def test_its_sockets_are_gone_after_the_end(self):
        with Server() as server:
            server.stop()
            self.assertFalse(os.path.exists(server.unix_socket))
            with self.assertRaises(ConnectionRefusedError):
                server.connect()

    def test_a_port_in_use_is_said_and_ends_it(self):
        with Server() as server:
            code, output = run_to_end("chestbox", "--port", server.port, "--save", "")
            self.assertEqual(code, 1)
            self.assertIn(str(server.port), output)
            self.assertIn("Address already in use", output)

    def test_version_and_help_end_it_at_once(self):
        for flag in ("--version", "-v", "--help", "-h"):
            code, output = run_to_end("chestbox", flag)
            self.assertNotEqual(output, "", flag)
            self.assertEqual(code, 0 if "v" in flag else code)

    @chestbox_only
    def test_a_second_server_on_the_same_states_is_refused(self):
        with Server() as server:
            code, output = run_to_end("chestbox", "--port", free_port(), "--dir", server.directory)
            self.assertNotEqual(code, 0)
            self.assertIn("in use", output)
            self.assertEqual(server.call("PING"), b"PONG")


class Daemon(unittest.TestCase):
    def test_daemonize_writes_pidfile_and_logfile(self):
        with tempfile.TemporaryDirectory() as directory:
            port = free_port()
            pidfile, logfile = os.path.join(directory, "pid"), os.path.join(directory, "log")
            code, _ = run_to_end("chestbox", "--port", port, "--dir", directory, "--daemonize", "yes", "--pidfile", pidfile,
                                 "--logfile", logfile, "--save", "")
            self.assertEqual(code, 0)

            def ready():
                return os.path.exists(logfile) and "Ready to accept connections" in open(logfile).read() and os.path.exists(pidfile)
            wait_for(ready, 30, "the daemon")
            pid = int(open(pidfile).read())
            try:
                with resp.Connection(("127.0.0.1", port)) as connection:
                    self.assertEqual(connection.call("PING"), b"PONG")
                    self.assertIn(b"process_id:%d\r\n" % pid, connection.call("INFO", "server"))
            finally:
                os.kill(pid, signal.SIGTERM)
                wait_for(lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z", 60,
                         "the daemon's end")
            self.assertFalse(os.path.exists(pidfile))

    def test_a_pidfile_is_written_without_daemonize_too(self):
        with tempfile.TemporaryDirectory() as directory:
            pidfile = os.path.join(directory, "pid")
            with Server("chestbox", "--pidfile", pidfile) as server:
                self.assertEqual(int(open(pidfile).read()), server.process.pid)

    def test_supervised_systemd_notifies_readiness(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = os.path.join(directory, "notify")
            notify.bind(path)
            notify.settimeout(30)
            with Server("chestbox", "--supervised", "systemd", environment={"NOTIFY_SOCKET": path}):
                said = b""
                while b"READY=1" not in said:
                    said += notify.recv(4096) + b"\n"
                self.assertIn(b"READY=1", said)


@chestbox_only
class Restart(unittest.TestCase):
    def fill(self, connection):
        connection.call("SET", "plain", "value")
        connection.call("SET", "number", "12345")
        connection.call("SET", b"bin\x00\xff\r\n", b"\x00\xff" * 500)
        connection.call("SET", "", "the empty key")
        connection.call("SET", "large", b"x" * 3_000_000)
        connection.call("SET", "with-ttl", "v", "EX", 5000)
        connection.call("SET", "gone-soon", "v", "PX", 300)
        connection.call("SELECT", 7)
        connection.call("SET", "plain", "another database")
        connection.call("SELECT", 0)

    def check(self, connection):
        self.assertEqual(connection.call("GET", "plain"), b"value")
        self.assertEqual(connection.call("INCR", "number"), 12346)
        self.assertEqual(connection.call("DECR", "number"), 12345)
        self.assertEqual(connection.call("GET", b"bin\x00\xff\r\n"), b"\x00\xff" * 500)
        self.assertEqual(connection.call("GET", ""), b"the empty key")
        self.assertEqual(connection.call("GET", "large"), b"x" * 3_000_000)
        self.assertTrue(4900 < connection.call("TTL", "with-ttl") <= 5000)
        self.assertEqual(connection.call("TTL", "plain"), -1)
        wait_for(lambda: connection.call("GET", "gone-soon") is None, what="expiry")
        self.assertIsNone(connection.call("GET", "never-there"))
        self.assertEqual(connection.call("DBSIZE"), 6)
        self.assertEqual(sorted(connection.call("KEYS", "*")), sorted([b"plain", b"number", b"bin\x00\xff\r\n", b"", b"large", b"with-ttl"]))
        connection.call("SELECT", 7)
        self.assertEqual(connection.call("GET", "plain"), b"another database")
        connection.call("SELECT", 0)

    def test_states_survive_sigterm_and_shutdown(self):
        with Server() as server:
            with server.connect() as connection:
                self.fill(connection)
            for round_number in range(3):
                if round_number == 1:
                    with server.connect() as connection:
                        connection.send_command("SHUTDOWN")
                    server.wait_for_exit()
                else:
                    server.stop()
                server.start()
                with server.connect() as connection:
                    self.check(connection)

    def test_deleted_and_overwritten_states_stay_so_after_a_restart(self):
        with Server() as server:
            with server.connect() as connection:
                for i in range(200):
                    connection.call("SET", f"key:{i}", f"old {i}")
            server.stop()
            server.start()
            with server.connect() as connection:
                for i in range(0, 200, 2):
                    connection.call("DEL", f"key:{i}")
                for i in range(1, 200, 4):
                    connection.call("SET", f"key:{i}", f"new {i}")
            server.stop()
            server.start()
            with server.connect() as connection:
                for i in range(200):
                    expected = None if i % 2 == 0 else f"{'new' if i % 4 == 1 else 'old'} {i}".encode()
                    self.assertEqual(connection.call("GET", f"key:{i}"), expected)
                self.assertEqual(connection.call("DBSIZE"), 100)

    def test_flush_and_swapdb_hold_after_a_restart(self):
        with Server() as server:
            with server.connect() as connection:
                connection.call("SET", "a", "in 0")
                connection.call("SELECT", 3)
                connection.call("SET", "a", "in 3")
            server.stop()
            server.start()
            with server.connect() as connection:
                connection.call("SWAPDB", 0, 3)
                connection.call("SET", "flushed", "x")
                connection.call("SELECT", 3)
                connection.call("FLUSHDB")
            server.stop()
            server.start()
            with server.connect() as connection:
                self.assertEqual(connection.call("GET", "a"), b"in 3")
                self.assertEqual(connection.call("GET", "flushed"), b"x")
                connection.call("SELECT", 3)
                self.assertEqual(connection.call("DBSIZE"), 0)
                self.assertIsNone(connection.call("GET", "a"))
                connection.call("FLUSHALL")
            server.stop()
            server.start()
            self.assertEqual(server.call("DBSIZE"), 0)
            self.assertIsNone(server.call("GET", "a"))

    def test_shutdown_nosave_keeps_the_last_stop(self):
        """NOSAVE means that nothing is written at the end: the server still starts, and serves."""
        with Server() as server:
            server.call("SET", "a", "1")
            with server.connect() as connection:
                connection.send_command("SHUTDOWN", "NOSAVE")
            self.assertEqual(server.wait_for_exit(), 0)
            server.start()
            self.assertEqual(server.call("SET", "b", "2"), b"OK")

    def test_it_starts_and_serves_after_kill_9(self):
        with Server() as server:
            server.call("SET", "stopped", "kept")
            server.stop()
            server.start()
            server.call("SET", "crashed", "may be lost")
            server.kill()
            server.start()
            self.assertEqual(server.call("GET", "stopped"), b"kept")
            self.assertIn(server.call("GET", "crashed"), (None, b"may be lost"))
            self.assertEqual(server.call("SET", "after", "x"), b"OK")

    def test_clients_that_are_connected_do_not_hold_up_the_end(self):
        with Server() as server:
            connections = [server.connect() for _ in range(50)]
            half = server.connect()
            half.send(b"*2\r\n$3\r\nGET\r\n$100\r\n")
            closed = []
            waiter = threading.Thread(target=lambda: closed.append(connections[0].read_until_close()))
            waiter.start()
            self.assertEqual(server.stop(), 0)
            waiter.join(10)
            self.assertEqual(closed, [b""])
            for connection in connections + [half]:
                connection.close()


