"""Scripts over real sockets: one that takes long beside other clients, and one that is killed."""
import unittest

from harness import Server, wait_for

BUSY = b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
FOREVER = "while true do end"


class Case(unittest.TestCase):
    def start(self, *arguments):
        server = Server("chestbox", "--busy-reply-threshold", "20", *arguments)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        connection = server.connect()
        self.addCleanup(connection.close)
        return connection


class Slow(Case):
    def setUp(self):
        self.server = self.start()
        self.other = self.connect(self.server)
        self.runner = self.connect(self.server)

    def run_slowly(self, script=FOREVER, *arguments):
        """Begins a script and waits until it is busy."""
        self.runner.send_command("EVAL", script, *(arguments or (0,)))
        self.wait_until_busy()

    def wait_until_busy(self):
        wait_for(lambda: self.other.raw("PING") == BUSY, what="the script to be slow")

    def kill(self):
        self.assertEqual(self.other.raw("SCRIPT", "KILL"), b"+OK\r\n")
        self.assertIn(b"Script killed by user with SCRIPT KILL", self.runner.read_raw())

    def test_others_get_busy_until_it_is_killed(self):
        self.run_slowly()
        self.assertEqual(self.other.raw("GET", "k"), BUSY)
        self.assertEqual(self.other.raw("NOSUCH")[:20], b"-ERR unknown command")
        new = self.connect(self.server)
        self.assertEqual(new.raw("PING"), BUSY)
        self.kill()
        self.assertEqual(self.other.raw("PING"), b"+PONG\r\n")
        self.assertEqual(new.raw("PING"), b"+PONG\r\n")
        self.assertEqual(self.other.raw("SCRIPT", "KILL"), b"-NOTBUSY No scripts in execution right now.\r\n")

    def test_catching_errors_does_not_save_it(self):
        for script in ("while true do pcall(function() while true do redis.call('ping') end end) end",
                       "coroutine.wrap(function() while true do pcall(redis.call, 'ping') end end)()"):
            self.run_slowly(script)
            self.kill()

    def test_what_is_pipelined_behind_it_is_executed_after_it(self):
        self.runner.send_command("EVAL", FOREVER, 0)
        self.runner.send_command("SET", "k", "v")
        self.wait_until_busy()
        self.runner.send_command("GET", "k")
        self.assertEqual(self.other.raw("PING"), BUSY)
        self.kill()
        self.assertEqual(self.runner.read_raw(), b"+OK\r\n")
        self.assertEqual(self.runner.read_raw(), b"$1\r\nv\r\n")

    def test_its_client_may_go_away(self):
        self.run_slowly()
        self.runner.close()
        self.assertEqual(self.other.raw("PING"), BUSY)
        self.assertEqual(self.other.raw("SCRIPT", "KILL"), b"+OK\r\n")
        wait_for(lambda: self.other.raw("PING") == b"+PONG\r\n", what="the script to end")

    def test_others_may_go_away_and_come_meanwhile(self):
        self.run_slowly()
        for _ in range(200):
            connection = self.server.connect()
            self.assertEqual(connection.raw("GET", "k"), BUSY)
            connection.close()
        self.kill()

    def test_a_transaction_with_a_command_that_was_refused_fails(self):
        self.run_slowly()
        self.assertEqual(self.other.raw("MULTI"), b"+OK\r\n")
        self.assertEqual(self.other.raw("SET", "k", "v"), BUSY)
        self.assertEqual(self.connect(self.server).raw("SCRIPT", "KILL"), b"+OK\r\n")
        self.assertEqual(self.other.raw("SET", "k", "w"), b"+QUEUED\r\n")
        self.assertTrue(self.other.raw("EXEC").startswith(b"-EXECABORT"))

    def test_waiting_clients_are_served_after_it(self):
        waiter = self.connect(self.server)
        waiter.send_command("BLPOP", "list", 0)
        wait_for(lambda: self.server.info("clients")["blocked_clients"] == "1", what="the client to block")
        self.runner.send_command("EVAL", "redis.call('rpush', 'list', 'a'); local n = 0; while n < 3e7 do n = n + 1 end; "
                                 "redis.call('lpush', 'list', 'b'); return 'done'", 0)
        self.wait_until_busy()
        self.other.raw("HELLO", 2)
        self.assertEqual(self.runner.read(), b"done")
        self.assertEqual(waiter.read(), [b"list", b"b"])

    def test_one_that_has_written_can_only_be_stopped_with_the_server(self):
        self.run_slowly("redis.call('set', KEYS[1], 1); while true do end", 1, "k")
        self.assertTrue(self.other.raw("SCRIPT", "KILL").startswith(b"-UNKILLABLE"))
        self.assertEqual(self.other.raw("SHUTDOWN"), BUSY)
        self.assertEqual(self.other.raw("PING"), BUSY)
        self.other.send_command("SHUTDOWN", "NOSAVE")
        wait_for(lambda: self.server.process.poll() is not None, what="the server to end")
        self.assertEqual(self.server.process.returncode, 0)

    def test_a_signal_to_stop_waits_for_it(self):
        self.runner.send_command("EVAL", "redis.call('set', 'k', 1); local n = 0; while n < 3e7 do n = n + 1 end; "
                                 "redis.call('set', 'k', 2); return 'done'", 0)
        self.wait_until_busy()
        self.server.process.terminate()
        self.assertEqual(self.runner.read(), b"done")
        wait_for(lambda: self.server.process.poll() is not None, what="the server to end")
        self.assertEqual(self.server.process.returncode, 0)


class InPieces(Case):
    def test_a_script_may_come_in_a_transaction_and_be_slow(self):
        server = self.start()
        runner, other = self.connect(server), self.connect(server)
        for command in (("MULTI",), ("EVAL", FOREVER, 0), ("SET", "k", "v")):
            runner.raw(*command)
        runner.send_command("EXEC")
        wait_for(lambda: other.raw("PING") == BUSY, what="the script to be slow")
        self.assertEqual(other.raw("SCRIPT", "KILL"), b"+OK\r\n")
        self.assertIn(b"killed by user", runner.read_raw())
        self.assertEqual(other.raw("GET", "k"), b"$1\r\nv\r\n")


if __name__ == "__main__":
    unittest.main()
