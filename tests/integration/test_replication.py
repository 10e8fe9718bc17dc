"""ChestBox as a master: the stream against redis-server's own, a redis-server as its replica, and replicas that misbehave."""
import os
import random
import subprocess
import time
import unittest

from harness import Server, is_redis, wait_for
from resp import Connection, encode


class RawReplica:
    """A connection that has said SYNC or PSYNC, and reads what it gets as it is."""

    def __init__(self, server, *first, before=()):
        self.connection = Connection(("127.0.0.1", server.port), 30)
        for command in before:
            self.connection.call(*command)
        self.connection.send_command(*(first or ("SYNC",)))

    def line(self):
        """The next line that is not a keepalive."""
        while True:
            end = self.connection._line_end(0) if not self.connection.buffer.startswith(b"\n") else -1
            if end < 0:
                del self.connection.buffer[:1]
                continue
            line = bytes(self.connection.buffer[:end])
            del self.connection.buffer[:end + 2]
            if line.lstrip(b"\n"):
                return line.lstrip(b"\n")

    def file(self):
        header = self.line()
        assert header.startswith(b"$"), header
        size = int(header[1:])
        while len(self.connection.buffer) < size:
            assert self.connection._fill(), "the link was cut"
        content = bytes(self.connection.buffer[:size])
        del self.connection.buffer[:size]
        return content

    def command(self):
        return self.connection.read()

    def stream_until(self, last):
        """All commands up to the one whose last word is `last`, without PINGs."""
        commands = []
        while not commands or commands[-1][-1] != last:
            command = self.command()
            if command[0].upper() != b"PING":
                commands.append(command)
        return commands

    def close(self):
        self.connection.close()


def words(text):
    return text.split(" ")


# One line a command; each must reach replicas as redis-server sends it. Times are absolute, so that they do not differ. What
# we say in other words (SMOVE, HINCRBY, COPY, XGROUP CREATE) is in the tests with a real replica.
HISTORY = """
SET a 1
SET a 2 KEEPTTL
INCR a
DECRBY a 5
INCRBYFLOAT a 1.5
APPEND a x
SETRANGE a 3 yz
GETDEL a
GETDEL a
MSET a 1 b 2 c 3
MSETNX a 1 d 2
DEL a nothing
DEL nothing
EXPIRE b -1
PEXPIREAT c 99999999999999
PERSIST c
GETEX c PXAT 99999999999999
GETEX c PERSIST
GETEX c
SELECT 3
LPUSH l 1 2 3 4 5 6
RPUSHX nolist 1
LPOP l
RPOP l 2
LMPOP 2 l m LEFT COUNT 2
BLPOP l 0
BLMPOP 0.01 1 l LEFT
RPUSH l 1 2 3
LINSERT l BEFORE 2 x
LSET l 0 y
LREM l 0 3
LTRIM l 0 0
SADD s 1 2 3
SREM s 1
ZADD z 1 a 2 b 3 c 4 d
ZPOPMIN z
ZPOPMAX z 1
ZMPOP 2 y z MIN COUNT 5
ZMPOP 2 y z MIN COUNT 5
ZADD z 1 a
BZPOPMIN z 0
HSET h f 1 g 2
HDEL h g
SELECT 0
RENAME c e
MOVE e 5
XADD x 1-1 f v
XADD x 2-1 f v
XTRIM x MAXLEN = 1
XDEL x 2-1
SWAPDB 0 5
SWAPDB 0 5
MULTI
SET a 1
GET a
SET b 2
EXEC
MULTI
SET a 1
EXEC
MULTI
GET a
EXEC
MULTI
SELECT 7
SET a 1
SELECT 8
SET b 1
EXEC
FLUSHDB
FLUSHALL
SCRIPT LOAD return(1)
""".strip().split("\n")

SCRIPTS = [
    ("EVAL", "redis.call('set', 'a', 1); redis.call('incr', 'a')", "0"),
    ("EVAL", "return redis.call('incr', 'a')", "0"),
    ("EVAL", "return redis.call('get', 'a')", "0"),
    ("EVAL", "redis.call('set', 'a', 1); redis.call('select', 4); redis.call('set', 'b', 1)", "0"),
]


def run_history(server, history):
    """Runs it beside a replica; returns the stream's commands, upper case, without what belongs to Redis alone."""
    replica = RawReplica(server)
    try:
        replica.file()
        with server.connect() as connection:
            for command in history:
                connection.raw(*command)
            connection.raw("DISCARD")
            connection.call("SELECT", 9)
            connection.call("SET", "end", "the-end")
        return [tuple(word.upper() for word in command) for command in replica.stream_until(b"the-end")]
    finally:
        replica.close()


@unittest.skipIf(is_redis("chestbox"), "redis-server is only the other end here")
class Stream(unittest.TestCase):
    def setUp(self):
        self.ours = Server("chestbox", "--enable-debug-command", "yes")
        self.addCleanup(self.ours.close)
        self.redis = Server("redis", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes")
        self.addCleanup(self.redis.close)

    def compare(self, history):
        self.assertEqual(run_history(self.ours, history), run_history(self.redis, history))

    def test_one_of_everything(self):
        self.compare([words(line) for line in HISTORY] + SCRIPTS)

    def test_random_histories(self):
        for seed in range(5):
            with self.subTest(seed=seed):
                choice = random.Random(seed)
                history = [words(choice.choice(RANDOM_COMMANDS).replace("KEY", choice.choice("ab"))) for _ in range(300)]
                self.compare([("FLUSHALL",)] + history)

    def test_expired_keys_found_by_a_walk_are_not_a_transaction(self):
        for server in (self.ours, self.redis):
            server.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            for walk in ("SCAN 0", "RANDOMKEY"):
                with self.subTest(server=server.program, walk=walk):
                    server.call("FLUSHALL")
                    server.call("SET", "a", "1", "PX", "1")
                    server.call("SET", "b", "1", "PX", "1")
                    time.sleep(0.01)
                    stream = run_history(server, [words(walk)])
                    self.assertEqual(stream[0], (b"SELECT", b"0"))
                    self.assertEqual(sorted(stream[1:-2]), [(b"DEL", b"A"), (b"DEL", b"B")])


RANDOM_COMMANDS = """
SET sKEY 1
INCR sKEY
DECR sKEY
INCRBY sKEY 7
APPEND sKEY 1
GETSET sKEY 5
DEL sKEY
DEL sa sb
MSET sa 1 sb 2
RENAME sa sb
PEXPIREAT sKEY 99999999999999
PERSIST sKEY
GETEX sKEY PERSIST
LPUSH lKEY 1
RPUSH lKEY 2 3
LPOP lKEY
RPOP lKEY
LMPOP 2 la lb RIGHT COUNT 2
ZPOPMIN zKEY
ZPOPMAX zKEY
ZMPOP 2 za zb MAX
HSET hKEY f 1
SELECT 1
SELECT 0
MULTI
EXEC
EXEC
DISCARD
""".strip().split("\n")


def fill(connection, choice, count):
    """Random states of all types."""
    for _ in range(count):
        n, value = choice.randrange(200), choice.randrange(1000000)
        connection.call("SELECT", choice.choice([0, 0, 0, 2]))
        command = choice.choice([
            ("SET", f"s{n}", "v" * choice.randrange(3000)), ("INCR", f"n{n}"), ("DEL", f"s{n}"),
            ("RPUSH", f"l{n}", value, "x" * choice.randrange(100)), ("LPOP", f"l{n}"), ("LPUSH", f"l{n}", value),
            ("SADD", f"e{n}", value, "m"), ("SPOP", f"e{n}"), ("SREM", f"e{n}", "m"),
            ("ZADD", f"z{n}", value / 8, f"m{value}"), ("ZPOPMIN", f"z{n}"), ("ZMPOP", 1, f"z{n}", "MAX", "COUNT", 2),
            ("HSET", f"h{n}", f"f{value}", value), ("HINCRBYFLOAT", f"h{n}", "x", "0.25"), ("HDEL", f"h{n}", "x"),
            ("XADD", f"x{n}", "MAXLEN", "~", 50, "*", "f", value), ("PEXPIRE", f"s{n}", 100000),
            ("XGROUP", "CREATE", f"x{n}", "g", "0", "MKSTREAM"), ("SETEX", f"t{n}", 1000, value),
            ("EVAL", f"redis.call('incr', 'n{n}') redis.call('lpush', 'l{n}', 'script')", 0),
        ])
        connection.raw(*command)
        if choice.random() < 0.05:
            connection.raw("XREADGROUP", "GROUP", "g", "c", "COUNT", 3, "STREAMS", f"x{n}", ">")


def offsets_agree(master, replica):
    ours, theirs = master.info("replication"), replica.info("replication")
    return theirs.get("master_link_status") == "up" and theirs["slave_repl_offset"] == ours["master_repl_offset"]


@unittest.skipIf(is_redis("chestbox"), "redis-server is only the other end here")
class RedisAsReplica(unittest.TestCase):
    def master(self, *arguments):
        server = Server("chestbox", "--enable-debug-command", "yes", *arguments)
        self.addCleanup(server.close)
        return server

    def replica_of(self, master, *arguments):
        server = Server("redis", "--enable-debug-command", "yes", "--replicaof", f"127.0.0.1 {master.port}", *arguments,
                        wait=False)
        self.addCleanup(server.close)
        return server

    def assert_same(self, master, replica):
        wait_for(lambda: offsets_agree(master, replica), 30, "the replica has everything")
        self.assertEqual(replica.call("DEBUG", "DIGEST"), master.call("DEBUG", "DIGEST"))
        with master.connect() as here, replica.connect() as there:
            for database in (0, 2):
                here.call("SELECT", database)
                there.call("SELECT", database)
                keys = sorted(here.call("KEYS", "*"))
                self.assertEqual(sorted(there.call("KEYS", "*")), keys)
                keys = keys[:500]
                self.assertEqual([there.call("PEXPIRETIME", key) for key in keys],
                                 [here.call("PEXPIRETIME", key) for key in keys])

    def test_everything_arrives_and_a_cut_link_goes_on_where_it_was(self):
        master = self.master("--repl-ping-replica-period", "1")
        choice = random.Random(7)
        with master.connect() as connection:
            fill(connection, choice, 2000)
            connection.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
            replica = self.replica_of(master)
            fill(connection, choice, 3000)  # during the synchronization
            replica.wait_until_ready()
            self.assert_same(master, replica)
            self.assertEqual(replica.call("FUNCTION", "LIST")[0][1], b"lib")

            full = master.info("stats")["sync_full"]
            self.assertEqual(connection.call("CLIENT", "KILL", "TYPE", "replica"), 1)
            fill(connection, choice, 500)
            self.assert_same(master, replica)
            stats = master.info("stats")
            self.assertEqual((stats["sync_full"], stats["sync_partial_ok"]), (full, "1"))

            connection.call("SET", "w", "1")
            self.assertEqual(connection.call("WAIT", 1, 10000), 1)
            self.assertEqual(connection.call("WAIT", 2, 10), 1)
            role = connection.call("ROLE")
            self.assertEqual((role[0], role[2][0][:2]), (b"master", [b"127.0.0.1", str(replica.port).encode()]))
            listed = connection.call("CLIENT", "LIST", "TYPE", "replica").decode()
            self.assertIn(" flags=S ", listed)
            self.assertEqual(listed.count("\n"), 1)
            line = master.info("replication")["slave0"]
            self.assertIn(f"ip=127.0.0.1,port={replica.port},state=online,", line)

    def test_several_replicas_share_a_save(self):
        master = self.master()
        with master.connect() as connection:
            connection.call("DEBUG", "POPULATE", 50000)
            replicas = [self.replica_of(master) for _ in range(3)]
            fill(connection, random.Random(1), 500)
            for replica in replicas:
                replica.wait_until_ready()
                self.assert_same(master, replica)
            connection.call("SET", "w", "1")
            self.assertEqual(connection.call("WAIT", 3, 10000), 3)

    def test_too_much_was_missed(self):
        master = self.master("--repl-backlog-size", "16384")
        replica = self.replica_of(master)
        replica.wait_until_ready()
        self.assert_same(master, replica)
        replica.call("REPLICAOF", "NO", "ONE")
        with master.connect() as connection:
            for i in range(100):
                connection.call("SET", f"k{i}", "v" * 1000)
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        self.assert_same(master, replica)
        stats = master.info("stats")
        self.assertEqual((stats["sync_full"], stats["sync_partial_ok"]), ("2", "0"))

    def test_states_on_disk_are_replicated(self):
        master = self.master("--maxmemory", "32mb")
        with master.connect() as connection:
            for i in range(600):
                connection.call("SET", f"k{i}", os.urandom(50000).hex())
            connection.call("EXPIRE", "k5", 10000)
            replica = self.replica_of(master)
            replica.wait_until_ready()
            wait_for(lambda: offsets_agree(master, replica), 60, "the replica has everything")
            with replica.connect() as there:
                self.assertEqual(there.call("DBSIZE"), 600)
                for i in range(0, 600, 7):
                    self.assertEqual(there.call("GET", f"k{i}"), connection.call("GET", f"k{i}"))
                self.assertEqual(there.call("PEXPIRETIME", "k5"), connection.call("PEXPIRETIME", "k5"))

    def test_redis_cli_fetches_the_file(self):
        master = self.master()
        with master.connect() as connection:
            fill(connection, random.Random(3), 1000)
            path = os.path.join(master.directory, "fetched.rdb")
            done = subprocess.run(["redis-cli", "-p", str(master.port), "--rdb", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout)
            other = Server("redis", "--enable-debug-command", "yes", "--dbfilename", "fetched.rdb", "--dir",
                           master.directory)
            self.addCleanup(other.close)
            self.assertEqual(other.call("DEBUG", "DIGEST"), connection.call("DEBUG", "DIGEST"))


@unittest.skipIf(is_redis("chestbox"), "limits of ours")
class BadReplicas(unittest.TestCase):
    def test_one_that_never_reads_is_cut_at_its_limit(self):
        with Server("chestbox", "--client-output-buffer-limit", "replica 4mb 0 0") as master:
            replica = RawReplica(master)
            replica.file()
            with master.connect() as connection:
                value = "v" * 100000
                def cut():
                    connection.call("SET", "k", value)
                    return master.info("replication")["connected_slaves"] == "0"
                wait_for(cut, 30, "the replica was cut", interval_s=0)
                self.assertEqual(master.info("stats")["client_output_buffer_limit_disconnections"], "1")
                self.assertEqual(connection.call("GET", "k"), value.encode())
            replica.close()

    def test_garbage_is_answered_as_redis_does(self):
        talks = [
            [("REPLCONF", "listening-port")], [("REPLCONF", "listening-port", "x")], [("REPLCONF", "what", "ever")],
            [("REPLCONF", "rdb-only", "5")], [("REPLCONF", "rdb-only", "x")], [("REPLCONF", "rdb-filter-only", "keys")],
            [("REPLCONF", "rdb-filter-only", '"')], [("REPLCONF", "ip-address", "a" * 300)],
            [("REPLCONF", "rdb-filter-only", "functions"), ("SYNC",)],
            [("PSYNC", "?")], [("PSYNC", "?", "x")], [("PSYNC", "?", "-1", "FAILOVER")], [("SYNC", "now")],
            [("MULTI",), ("SYNC",), ("PSYNC", "?", "-1"), ("EXEC",)],
            [("REPLICAOF", "localhost", "x")], [("REPLICAOF", "localhost")], [("REPLICAOF", "NO", "ONE")],
            [("WAIT", "x", "0")], [("WAIT", "1", "x")], [("WAIT", "1", "-1")], [("WAIT", "1")], [("WAIT", "0", "0")],
            [("EVAL", "return redis.call('sync')", "0")], [("EVAL", "return redis.call('wait', 0, 0)", "0")],
            [("REPLCONF", "ack", "12"), ("PING",)], [("REPLCONF", "getack", "*"), ("PING",)], [("ROLE",)],
        ]
        with Server("chestbox") as ours, Server("redis") as redis:
            for talk in talks:
                replies = []
                for server in (ours, redis):
                    with server.connect() as connection:
                        connection.send(b"".join(encode(*command) for command in talk))
                        answered = [c for c in talk if c[:2] not in (("REPLCONF", "ack"), ("REPLCONF", "getack"))]
                        replies.append([connection.read_raw() for _ in answered])
                self.assertEqual(replies[0], replies[1], talk)

    def test_a_replica_that_goes_away_in_the_middle_harms_nobody(self):
        with Server("chestbox", "--enable-debug-command", "yes") as master, master.connect() as connection:
            connection.call("DEBUG", "POPULATE", 100000)
            for wait_s in (0, 0.01, 0.05, 0.2):
                replica = RawReplica(master, "PSYNC", "?", "-1")
                time.sleep(wait_s)  # nothing is waited for: whatever it is in the middle of
                replica.close()
            whole = RawReplica(master, "PSYNC", "?", "-1")
            self.assertTrue(whole.line().startswith(b"+FULLRESYNC "))
            self.assertTrue(whole.file().startswith(b"REDIS"))
            connection.call("SET", "a", "b")
            self.assertEqual(whole.stream_until(b"b")[-1], [b"SET", b"a", b"b"])
            whole.close()
            wait_for(lambda: master.info("replication")["connected_slaves"] == "0", what="all replicas are gone")

    def test_a_backlog_without_replicas_goes_away_and_takes_its_history_along(self):
        with Server("chestbox", "--repl-backlog-ttl", "1") as master:
            replica = RawReplica(master)
            replica.file()
            first = master.info("replication")
            self.assertEqual(first["repl_backlog_active"], "1")
            replica.close()
            wait_for(lambda: master.info("replication")["repl_backlog_active"] == "0", 10, "the backlog is gone")
            self.assertNotEqual(master.info("replication")["master_replid"], first["master_replid"])


if __name__ == "__main__":
    unittest.main()
