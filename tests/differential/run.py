#!/usr/bin/env python3
"""Sends the same seeded random commands to redis-server 7.0.15 and chestbox-server and compares every reply byte for byte.

    run.py [--seed N] [--count COMMANDS] [--self] [--chestbox-argument ARG]...

Commands come in sessions of 500, each with a seed of its own (N, N+1, …), so a failure is repeated by
`run.py --seed SEED --count 500`. exceptions.py lists the differences that are allowed, with reasons. --self compares
redis-server with itself, which tests this test.
"""
import argparse
import os
import random
import sys
import time
from functools import partial

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
import command_table  # noqa: E402
import coverage  # noqa: E402
import exceptions  # noqa: E402
import harness  # noqa: E402
import resp  # noqa: E402
from generate import PATTERNS, Generator  # noqa: E402
from generate_bits import SPARSE_LIMITS  # noqa: E402
from generate_scripts import step_script  # noqa: E402
from generate_transactions import step_transaction  # noqa: E402
from steps import step_leave, step_restore, step_take, step_waiting  # noqa: E402

COMMANDS_A_SESSION = 500
FAILURES_MAX = 10  # sessions; more would only hide the first
SESSIONS_FOR_ALL = 180  # so many say every command and option (coverage.py), some of which are rare


class Mismatch(Exception):
    pass


def printable(command):
    return " ".join(repr(part)[1:] if len(part) <= 120 else f"{part[:100]!r}…({len(part)} bytes)" for part in command)


def short(reply):
    return repr(reply) if len(reply) < 600 else f"{reply[:500]!r}… ({len(reply)} bytes)"


def inline(command):
    """The command as an inline line: every argument in quotes, every byte that is not plain escaped."""
    return b" ".join(b'"' + b"".join(b"%c" % byte if 32 <= byte < 127 and byte not in b'"\\' else b"\\x%02x" % byte for byte in part) + b'"'
                     for part in command) + b"\r\n"


class Session:
    """Two connections, one to each server, that see the same bytes."""

    def __init__(self, seed, redis, chestbox, said):
        self.random = random.Random(seed)
        self.leaves = self.random.random() < 0.4  # states of ChestBox go to disk now and then
        self.generator = Generator(self.random, sorts_zset=self.leaves)
        self.servers = (redis, chestbox)
        self.coverage = said
        self.count = 0
        self.history = []
        self.connect()

    def connect(self):
        self.connections = [server.connect() for server in self.servers]

    def close(self):
        for connection in self.connections:
            connection.close()

    def send(self, data):
        for connection in self.connections:
            connection.send(data)

    def expect_same(self, command):
        """Reads one reply of each and compares them as the reply to `command`."""
        self.history.append(command)
        return self.compare(command, [connection.read_raw() for connection in self.connections])

    def compare(self, command, replies):
        self.count += 1
        self.coverage.note(command, replies[0])
        if not exceptions.agree(command, *replies, left=self.leaves):
            self.fail(command, *replies)
        return replies

    def fail(self, what, redis, chestbox):
        lines = ["    " + printable(command) for command in self.history[-12:-1]]
        raise Mismatch("\n".join(["  before:"] + lines + [f"  {printable(what)}", f"    redis:    {short(redis)}",
                                                          f"    chestbox: {short(chestbox)}"]))

    def one(self, command):
        self.send(resp.encode(*command))
        return self.expect_same(command)

    # --- steps ---

    def run(self):
        self.one([b"FLUSHALL"])
        self.one([b"CONFIG", b"SET", b"hll-sparse-max-bytes", b"3000"])
        self.one([b"CONFIG", b"SET", b"list-max-listpack-size", b"-2"])
        self.one([b"CONFIG", b"SET", b"set-max-intset-entries", b"512"])
        self.one([b"CONFIG", b"SET", b"stream-node-max-entries", self.random.choice([b"1", b"2", b"3", b"10", b"100"])])
        if self.random.random() < 0.5:
            self.one([b"HELLO", b"3"])
        steps = [self.step_command] * 40 + [self.step_pipeline] * 2 + [self.step_inline] * 4 + [self.step_keys, self.step_scan,
                                                                                               self.step_short_life] + \
                [self.step_random_key, self.step_silence, self.step_sparse_limit] + \
                [partial(step, self) for step in [step_waiting, step_transaction, step_transaction, step_take, step_restore, step_restore, step_script, step_script,
                                                  step_script] +
                 [step_leave] * (5 if self.leaves else 0)]
        while self.count < COMMANDS_A_SESSION:
            self.random.choice(steps)()
        self.compare_everything()
        if self.random.random() < 0.3:
            self.step_quit()

    def step_command(self):
        self.one(self.generator.command())

    def step_pipeline(self):
        commands = [self.generator.command() for _ in range(self.random.randint(2, 30))]
        self.send(b"".join(resp.encode(*command) for command in commands))
        for command in commands:
            self.expect_same(command)

    def step_inline(self):
        command = self.generator.command()
        line = inline(command)
        if len(line) < 60000:
            self.send(line)
            self.expect_same(command)

    def step_silence(self):
        """CLIENT REPLY OFF and SKIP: whatever is said in between, the next reply is that of the last command."""
        quiet = [self.generator.set() for _ in range(3)]
        if self.random.random() < 0.5:
            commands, answered = [[b"CLIENT", b"REPLY", b"OFF"]] + quiet + [[b"CLIENT", b"REPLY", b"ON"]], 1
        else:
            commands, answered = [[b"CLIENT", b"REPLY", b"SKIP"], quiet[0], [b"ECHO", b"heard"]], 1
        self.history += commands[:-answered]
        self.send(b"".join(resp.encode(*command) for command in commands))
        self.expect_same(commands[-1])

    def step_keys(self):
        self.compare_values([b"KEYS", self.random.choice(PATTERNS)], sorted)

    def step_random_key(self):
        """An existing key, or null from both."""
        replies = [connection.call("RANDOMKEY") for connection in self.connections]
        known = [reply is None or connection.call("EXISTS", reply) == 1 for reply, connection in zip(replies, self.connections)]
        if not all(known) or (replies[0] is None) != (replies[1] is None):
            self.fail([b"RANDOMKEY"], *[repr(reply).encode() for reply in replies])
        self.count += 1
        self.coverage.note([b"RANDOMKEY"], b"$")

    def step_scan(self):
        options = self.generator.some(([b"COUNT", self.random.choice([b"1", b"3", b"100"])], 0.6),
                                      ([b"MATCH", self.random.choice(PATTERNS)], 0.5), ([b"TYPE", self.random.choice([b"string", b"list", b"hash", b"set", b"zset", b"stream",
                                                                              b"Hash", b"nonsense"])], 0.5))
        found = []
        for connection in self.connections:
            names, cursor = set(), b"0"
            while True:
                cursor, batch = connection.call("SCAN", cursor, *options)
                names.update(batch)
                if cursor == b"0":
                    break
            found.append(sorted(names))
        self.count += 1
        self.coverage.note([b"SCAN", b"0"] + options, b"*")
        if found[0] != found[1]:
            self.fail([b"SCAN", b"0"] + options, repr(found[0]).encode(), repr(found[1]).encode())

    def step_short_life(self):
        """A key that expires at once is gone for every command after its moment."""
        key = self.generator.key()
        life = self.random.choice([[b"SET", key, b"short", b"PX", b"1"], [b"PSETEX", key, b"2", b"short"],
                                   [b"SET", key, b"short", b"EXAT", b"1000000000"], [b"SET", key, b"short", b"PXAT", b"1"]])
        self.one(life)
        time.sleep(0.005)
        question = self.random.choice([[b"EXISTS", key], [b"GET", key], [b"TTL", key], [b"TYPE", key], [b"INCR", key], [b"APPEND", key, b"x"],
                                       [b"SETNX", key, b"x"], [b"PERSIST", key], [b"GETDEL", key], [b"RENAME", key, b"a"], [b"DEL", key],
                                       [b"SET", key, b"x", b"KEEPTTL"], [b"SET", key, b"x", b"XX"], [b"EXPIRE", key, b"100000"],
                                       [b"COPY", key, b"b", b"REPLACE"], [b"OBJECT", b"ENCODING", key], [b"STRLEN", key], [b"SETRANGE", key, b"2", b"x"]])
        self.one(question)
        self.one([b"EXISTS", key])  # Redis counts an expired key in DBSIZE until somebody touches it

    def step_sparse_limit(self):
        self.one([b"CONFIG", b"SET", b"hll-sparse-max-bytes", self.random.choice(SPARSE_LIMITS)])

    def step_quit(self):
        self.one([b"QUIT"])
        for connection in self.connections:
            if connection.read_until_close():
                raise Mismatch("  bytes after the reply to QUIT")

    def compare_values(self, command, shape):
        replies = [shape(connection.call(*command)) for connection in self.connections]
        self.count += 1
        self.coverage.note(command, b"*")
        self.history.append(command)
        if replies[0] != replies[1]:
            self.fail(command, *[repr(reply).encode() for reply in replies])
        return replies[0]

    def compare_dumps(self, key):
        """Each server restores what the other one dumps, and has the same value as before."""
        copy = b"\x00restored"
        dumps = [connection.call("DUMP", key) for connection in self.connections]

        def digests_with(payloads):
            for connection, dump in zip(self.connections, payloads):
                connection.call("RESTORE", copy, 0, dump, "REPLACE")
            return self.compare_values([b"DEBUG", b"DIGEST-VALUE", key, copy], list)
        digests = digests_with(reversed(dumps))
        if digests[0] != digests[1]:
            # A payload may become small where the value was not, by other limits; then -0 becomes 0, in Redis as here.
            digests[0] = digests_with(dumps)[1]
        types = self.compare_values([b"TYPE", copy], bytes)
        kinds = [connection.call("TYPE", key) for connection in self.connections]
        expires = self.connections[0].call("PTTL", key) != -1
        if kinds != [types, types] or (digests[0] != digests[1] and not expires):
            self.fail([b"DUMP", key], repr((kinds[0], digests[0], dumps[0])).encode(), repr((types, digests[1], dumps[1])).encode())
        self.one([b"DEL", copy])

    def compare_everything(self):
        """All databases in full: keys, values, encodings, times to live."""
        for database in (b"0", b"1", b"2", b"15"):
            self.one([b"SELECT", database])
            self.one([b"DBSIZE"])
            for key in self.compare_values([b"KEYS", b"*"], sorted):
                for command in ([b"GET", key], [b"PEXPIRETIME", key], [b"OBJECT", b"ENCODING", key],
                                [b"LRANGE", key, b"0", b"-1"],
                                [b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]):
                    self.one(command)
                self.compare_dumps(key)


def start(program, arguments=()):
    return harness.Server(program, "--enable-debug-command", "yes", *arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--self", action="store_true")
    parser.add_argument("--chestbox-argument", action="append", default=[])
    options = parser.parse_args()
    sessions = max(1, options.count // COMMANDS_A_SESSION)
    passed, failures, compared, began, said = 0, 0, 0, time.monotonic(), coverage.Coverage()
    redis = start("redis")
    chestbox = start("redis" if options.self else "chestbox", options.chestbox_argument)
    for seed in range(options.seed, options.seed + sessions):
        try:
            session = Session(seed, redis, chestbox, said)
            try:
                session.run()
            finally:
                session.close()
                compared += session.count
            passed += 1
        except (Mismatch, resp.ConnectionClosed, OSError, AssertionError) as problem:
            failures += 1
            print(f"[FAILED] seed {seed}, after {session.count} commands: {type(problem).__name__}\n{problem}\n"
                  f"  repeat: tests/differential/run.py --seed {seed} --count {COMMANDS_A_SESSION}", flush=True)
            if chestbox.process.poll() is not None:
                print(f"chestbox-server died; its log ends:\n{chestbox.log()[-3000:]}")
                chestbox.kill()
                chestbox.start()
            if failures == FAILURES_MAX:
                print("giving up")
                break
        if (seed - options.seed + 1) % 20 == 0:
            print(f"{compared:,} commands compared, {failures} sessions differ ({time.monotonic() - began:.0f} s)", flush=True)
    different_rows = list(command_table.differences(redis, chestbox))
    print("\n".join(f"[FAILED] {row}" for row in different_rows) if different_rows else "the rows of COMMAND agree")
    passed, failures = passed + (not different_rows), failures + len(different_rows)
    if sessions >= SESSIONS_FOR_ALL:
        unsaid = list(said.missing(redis))
        print("\n".join(f"[FAILED] {line}" for line in unsaid) if unsaid else "every command and option of the families was said")
        passed, failures = passed + (not unsaid), failures + len(unsaid)
    redis.close()
    chestbox.close()
    return harness.summary(passed, failures)


if __name__ == "__main__":
    sys.exit(main())
