"""Clients that wait, over real sockets: fairness, timeouts, disconnects, pipelines, pauses, and transactions beside them."""
import time
import unittest

import resp
from harness import Server, is_redis, wait_for

TIMER_LATE_S = 5  # a bound for machines under load; that timeouts are not early is exact


def knows(server, *names):
    return all(reply is not None for reply in server.call("COMMAND", "INFO", *names))


def blocked(server):
    return int(server.info("clients")["blocked_clients"])


class Case(unittest.TestCase):
    def start(self, *arguments):
        server = Server("chestbox", *arguments)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        connection = server.connect()
        self.addCleanup(connection.close)
        return connection

    def block(self, server, *command):
        """A connection that waits with this command, after all that waited before."""
        before = blocked(server)
        connection = self.connect(server)
        connection.send_command(*command)
        wait_for(lambda: blocked(server) == before + 1, what="the client to block")
        return connection


class Blocking(Case):
    def setUp(self):
        self.server = self.start()
        if not knows(self.server, "BLPOP", "BLMOVE", "RPUSH", "LPOP"):
            self.skipTest("the server has no blocking list commands")
        self.client = self.connect(self.server)

    def test_clients_are_served_in_the_order_in_which_they_blocked(self):
        waiters = [self.block(self.server, "BLPOP", "k", "other", 0) for _ in range(8)]
        for i, waiter in enumerate(waiters):
            self.client.call("RPUSH", "k", i)
            self.assertEqual(waiter.read(), [b"k", b"%d" % i])
        waiters = [self.block(self.server, "BLPOP", "k", 0) for _ in range(3)]
        self.assertEqual(self.client.call("RPUSH", "k", "a", "b", "c", "d"), 4)
        self.assertEqual([waiter.read() for waiter in waiters], [[b"k", b"a"], [b"k", b"b"], [b"k", b"c"]])
        self.assertEqual(self.client.call("LPOP", "k"), b"d")

    def test_timeouts_are_not_early(self):
        for text, seconds in (("0.05", 0.05), ("1", 1.0)):
            connection = self.connect(self.server)
            began = time.monotonic()
            self.assertEqual(connection.raw("BLPOP", "k", text), b"*-1\r\n")
            took = time.monotonic() - began
            self.assertGreaterEqual(took, seconds - 0.002)  # the clocks differ by a fraction
            self.assertLess(took, seconds + TIMER_LATE_S)
        self.assertEqual(blocked(self.server), 0)

    def test_whoever_goes_away_is_not_served(self):
        gone = self.block(self.server, "BLPOP", "k", 0)
        stays = self.block(self.server, "BLPOP", "k", 0)
        gone.close()
        wait_for(lambda: blocked(self.server) == 1, what="the disconnect to be seen")
        self.client.call("RPUSH", "k", "v")
        self.assertEqual(stays.read(), [b"k", b"v"])

    def test_a_killed_client_is_not_served(self):
        killed = self.block(self.server, "BLPOP", "k", 0)
        address = "%s:%d" % killed.socket.getsockname()
        self.assertEqual(self.client.call("CLIENT", "KILL", "ADDR", address), 1)
        self.client.call("RPUSH", "k", "v")
        self.assertEqual(killed.read_until_close(), b"")
        self.assertEqual(self.client.call("LPOP", "k"), b"v")

    def test_a_pipeline_waits_behind_its_blocked_command(self):
        waiter = self.connect(self.server)
        waiter.send(resp.encode("SET", "before", "1") + resp.encode("BLPOP", "k", 0) + resp.encode("GET", "before") +
                    resp.encode("BLPOP", "k", 0) + resp.encode("PING"))
        self.assertEqual(waiter.read(), b"OK")
        wait_for(lambda: blocked(self.server) == 1)
        waiter.send(resp.encode("ECHO", "late"))
        self.client.call("RPUSH", "k", "a")
        self.assertEqual(waiter.read(), [b"k", b"a"])
        self.assertEqual(waiter.read(), b"1")
        wait_for(lambda: blocked(self.server) == 1)
        self.client.call("RPUSH", "k", "b")
        self.assertEqual([waiter.read() for _ in range(3)], [[b"k", b"b"], b"PONG", b"late"])

    def test_a_chain_of_moves_ends_where_it_should(self):
        last = self.block(self.server, "BLPOP", "c", 0)
        second = self.block(self.server, "BLMOVE", "b", "c", "LEFT", "RIGHT", 0)
        first = self.block(self.server, "BLMOVE", "a", "b", "LEFT", "RIGHT", 0)
        self.client.call("RPUSH", "a", "v")
        self.assertEqual((first.read(), second.read(), last.read()), (b"v", b"v", [b"c", b"v"]))
        self.assertEqual(self.client.call("DBSIZE"), 0)

    def test_a_key_that_appears_in_other_ways_wakes(self):
        for make in (["RENAME", "src", "k"], ["COPY", "src", "k"]):
            self.client.call("DEL", "src", "k")
            waiter = self.block(self.server, "BLPOP", "k", 0)
            self.client.call("RPUSH", "src", "v")
            self.client.call(*make)
            self.assertEqual(waiter.read(), [b"k", b"v"])
        self.client.call("FLUSHALL")
        self.client.call("SELECT", 1)
        self.client.call("RPUSH", "k", "v")
        waiter = self.block(self.server, "BLPOP", "k", 0)
        self.client.call("SWAPDB", 0, 1)
        self.assertEqual(waiter.read(), [b"k", b"v"])

    def test_nobody_is_served_in_the_middle_of_a_transaction(self):
        waiter = self.block(self.server, "BLPOP", "k", 0)
        self.client.call("MULTI")
        for command in (["RPUSH", "k", "a"], ["DEL", "k"], ["RPUSH", "k", "b"], ["BLPOP", "empty", 0]):
            self.assertEqual(self.client.call(*command), b"QUEUED")
        self.assertEqual(self.client.call("EXEC"), [1, 1, 1, None])
        self.assertEqual(waiter.read(), [b"k", b"b"])

    def test_client_unblock_answers_as_a_timeout_or_with_an_error(self):
        waiter = self.connect(self.server)
        number = waiter.call("CLIENT", "ID")
        waiter.send_command("BLPOP", "k", 0)
        wait_for(lambda: self.client.call("CLIENT", "UNBLOCK", number) == 1)
        self.assertIsNone(waiter.read())
        waiter.send_command("BLPOP", "k", 0)
        wait_for(lambda: self.client.call("CLIENT", "UNBLOCK", number, "ERROR") == 1)
        with self.assertRaisesRegex(resp.RespError, "^UNBLOCKED client unblocked via CLIENT UNBLOCK$"):
            waiter.read()
        self.assertEqual(waiter.call("PING"), b"PONG")


class Pausing(Case):
    def test_writes_wait_in_order_and_pipelines_behind_them(self):
        server = self.start()
        client = self.connect(server)
        self.assertEqual(client.call("CLIENT", "PAUSE", 100000, "WRITE"), b"OK")
        writers = [self.block(server, "APPEND", "k", letter) for letter in "abc"]
        writers[0].send(resp.encode("GET", "k"))
        gone = self.block(server, "APPEND", "k", "x")
        gone.close()
        wait_for(lambda: blocked(server) == 3, what="the disconnect to be seen")
        self.assertIsNone(client.call("GET", "k"))
        self.assertEqual(client.call("CLIENT", "UNPAUSE"), b"OK")
        self.assertEqual([writer.read() for writer in writers], [1, 2, 3])
        self.assertEqual(writers[0].read(), b"a")
        self.assertEqual(client.call("GET", "k"), b"abc")

    def test_a_pause_of_everything_ends_by_itself(self):
        server = self.start()
        client = self.connect(server)
        other = self.connect(server)
        began = time.monotonic()
        self.assertEqual(client.call("CLIENT", "PAUSE", 300), b"OK")
        self.assertEqual(other.call("PING"), b"PONG")
        self.assertGreaterEqual(time.monotonic() - began, 0.298)


class Transactions(Case):
    def test_one_of_many_wins_each_round_of_compare_and_set(self):
        server = self.start()
        clients = [self.connect(server) for _ in range(4)]
        clients[0].call("SET", "n", 0)
        wins = 0
        for _ in range(50):
            for client in clients:
                client.call("WATCH", "n")
            for client in clients:
                value = int(client.call("GET", "n"))
                client.call("MULTI")
                client.call("SET", "n", value + 1)
                wins += client.call("EXEC") is not None
        self.assertEqual(wins, 50)
        self.assertEqual(clients[0].call("GET", "n"), b"50")

    def test_states_on_disk_are_there_for_exec(self):
        if is_redis("chestbox"):
            self.skipTest("Redis keeps everything in memory")
        server = self.start("--maxmemory", "8mb")
        client = self.connect(server)
        for i in range(400):
            client.call("SET", f"key{i}", f"{i}:" + "v" * 50000)
        wait_for(lambda: int(server.info()["swapped_out_keys"]) > 100, what="states to leave memory")
        for _ in range(3):
            client.call("MULTI")
            for i in range(0, 400, 40):
                client.call("GETRANGE", f"key{i}", 0, 5)
            client.call("KEYS", "*")
            replies = client.call("EXEC")
            self.assertEqual([reply.split(b":")[0] for reply in replies[:10]], [b"%d" % i for i in range(0, 400, 40)])
            self.assertEqual(len(replies[10]), 400)


if __name__ == "__main__":
    unittest.main()
