"""Seeded random commands over the whole command surface, the same for the same seed.

Invariants that make replies comparable between two servers: a key's time to live is either long (1,000 s and more, each value
drawn from a wide range, so that GT and LT never depend on a millisecond) or over at once; no command blocks, kills
or configures; commands whose replies are random by nature are separate steps (run.py compares those by meaning).
"""
import time

from generate_bits import BitCommands
from generate_hash import HashCommands
from generate_lists import LISTS, ListCommands
from generate_sets import SETS, SetCommands
from generate_streams import KEYS as STREAMS
from generate_streams import Streams
from generate_zset import ZSETS, Exact, SortedSetCommands

KEYS = [b"", b"a", b"b", b"key:1", b"key:2", b"key:3", b"key:10", b"counter", b"float", b"{tag}1", b"{tag}2", b"h?llo", b"h[a]llo",
        b"with space", b"new\r\nline", b"\x00\xff\x80bin", "schlüssel".encode(), b"long" * 75, b"*", b"\\"]

INTEGERS = [b"0", b"1", b"-1", b"7", b"10", b"42", b"-42", b"9999", b"10000", b"12345678901", b"9223372036854775807",
            b"-9223372036854775808", b"9223372036854775806", b"2147483647", b"-2147483648", b"4294967296"]
FLOATS = [b"0.1", b"1.5", b"-2.25", b"3.0e3", b"1e10", b"5.0e-5", b"0", b"100", b"-0.0", b"1.7976931348623157e308", b"3.14159265358979",
          b"123456789.123456789", b"1e-300", b"0.30000000000000004"]
NOT_NUMBERS = [b"", b" 1", b"1 ", b"+5", b"01", b"0x10", b"1.5", b"1e3", b"nan", b"inf", b"-inf", b"abc", b"9223372036854775808",
               b"-9223372036854775809", b"99999999999999999999999999", b"-", b"\x001", b"1\x00", b"--1", b"-0"]
WORDS = [b"NX", b"XX", b"GET", b"EX", b"KEEPTTL", b"foo", b"PERSIST", b"LEN", b"DB", b"REPLACE", b"COUNT", b"MATCH", b"ASYNC", b"0", b"-1",
         b"", b"\r\n", b"with space", b"'", b'"']
PATTERNS = [b"*", b"key:*", b"key:?", b"key:[12]", b"key:[^1]", b"h?llo", b"h\\?llo", b"h[a]llo", b"h\\[a\\]llo", b"*e*", b"a", b"", b"[a-c]",
            b"[c-a]", b"[", b"[]", b"[^]", b"\\", b"*\\", b"\\*", b"**", b"*?*", b"\xff*", b"*bin", b"{tag}*", b"[^a-z]*", b"???????????*"]


class Generator(BitCommands, HashCommands, ListCommands, SetCommands, SortedSetCommands):
    def __init__(self, random, sorts_zset=False):
        self.random = random
        self.sorts_zset = sorts_zset
        self.now_s = int(time.time())
        self.streams = Streams(self)
        self.makers = [maker for maker, weight in self.weights() + self.streams.weights() for _ in range(weight)]

    def command(self):
        """One command as a list of byte strings; about one in eight is wrong on purpose."""
        random = self.random
        command = random.choice(self.makers)()
        if isinstance(command, Exact):
            return list(command)
        command[0] = self.any_case(command[0])
        chance = random.random()
        if chance < 0.04 and len(command) > 1:
            del command[random.randrange(1, len(command))]
        elif chance < 0.08:
            command.insert(random.randrange(1, len(command) + 1), self.garbage())
        elif chance < 0.12 and len(command) > 1:
            command[random.randrange(1, len(command))] = self.garbage()
        return command

    # --- parts ---

    def any_case(self, word):
        return self.random.choice([word, word.lower(), word.upper(), word.swapcase(), word.capitalize()])

    def option(self, word):
        return self.any_case(word)

    def garbage(self):
        """An argument that fits nowhere; never a small positive number, which could become a short time to live."""
        return self.random.choice(NOT_NUMBERS + WORDS)

    def key(self):
        return self.random.choice(KEYS)

    def any_key(self):
        """A key of any family but for those that promise something about what is in them (LEX, HYPERLOGLOGS)."""
        return self.random.choice(LISTS + SETS + ZSETS + STREAMS + KEYS)

    def state_key(self):
        """For commands that take states of every type."""
        return self.any_key() if self.random.random() < 0.4 else self.key()

    @staticmethod
    def exact(*command):
        return Exact(command)

    def keys(self, most=4):
        return [self.key() for _ in range(self.random.randint(1, most))]

    def integer(self):
        if self.random.random() < 0.1:
            return self.random.choice(NOT_NUMBERS)
        if self.random.random() < 0.4:
            return self.random.choice(INTEGERS)
        return b"%d" % self.random.randint(-1000, 1000)

    def offset(self):
        if self.random.random() < 0.1:
            return self.integer()
        return b"%d" % self.random.randint(-120, 120)

    def value(self):
        random = self.random
        chance = random.random()
        if chance < 0.25:
            return random.choice(INTEGERS)
        if chance < 0.35:
            return random.choice(FLOATS)
        if chance < 0.42:
            return random.choice(NOT_NUMBERS)
        if chance < 0.5:
            return random.randbytes(random.randint(0, 60))
        if chance < 0.53:
            return random.randbytes(random.choice([255, 256, 257, 1000, 5000]))
        if chance < 0.75:
            return bytes(random.choice(b"abcd") for _ in range(random.choice([1, 5, 20, 43, 44, 45, 63, 64, 65, 100])))
        return random.choice([b"", b"hello", b"Hello World", b"ohmytext", b"mynewtext", b"\r\n", b"+OK\r\n", b"$-1\r\n", b"x" * 44, b"x" * 45])

    def wide_ttl_s(self):
        return self.random.randint(1000, 1000000)

    def ttl(self, unit, absolute, past=True):
        """A time to live as text: long, or over at once (if `past`), or wrong."""
        random = self.random
        factor = 1000 if unit == "ms" else 1
        chance = random.random()
        if chance < 0.12:
            return random.choice([b"0", b"-1", b"-1000", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775",
                                  b"-9223372036854775", b"9223370000000000000"] + NOT_NUMBERS)
        if chance < 0.2 and absolute and past:
            return b"%d" % ((self.now_s - random.randint(1, 10**6)) * factor)
        if chance < 0.3 and absolute:
            return b"%d" % ((self.now_s + 500000) * factor)  # the same moment again and again: neither GT nor LT
        base = self.now_s if absolute else 0
        return b"%d" % ((base + self.wide_ttl_s()) * factor + (random.randint(0, 999) if unit == "ms" else 0))

    def expiry_option(self, past):
        name, unit, absolute = self.random.choice([(b"EX", "s", False), (b"PX", "ms", False), (b"EXAT", "s", True), (b"PXAT", "ms", True)])
        return [self.option(name), self.ttl(unit, absolute, past)]

    def some(self, *options):
        """Each option with a chance of its own, in any order."""
        chosen = [option for option, chance in options if self.random.random() < chance]
        self.random.shuffle(chosen)
        return [part for option in chosen for part in option]

    def database(self):
        return self.random.choice([b"0", b"1", b"2", b"2", b"1", b"0", b"15", b"16", b"-1", b"abc", b"99999999999999999999"])

    # --- commands ---

    def weights(self):
        return [(self.set, 12), (self.get_like, 10), (self.getex, 4), (self.set_with_ttl, 3), (self.many, 6), (self.counter, 9),
                (self.floats, 4), (self.ranges, 8), (self.append, 3), (self.lcs, 2), (self.delete, 5), (self.ask_keys, 6), (self.rename, 4),
                (self.copy, 4), (self.move, 2), (self.expire, 10), (self.ttl_of, 8), (self.databases, 3), (self.object, 5), (self.dump, 3), (self.ping, 3),
                (self.client, 3), (self.hello, 1), (self.auth, 1), (self.unknown, 2), (self.scan_error, 1), (self.command_of, 2),
                (self.reset, 1), (self.flush, 1)] + self.bit_weights() + self.hash_weights() + self.list_weights() + self.set_weights() + self.zset_weights()

    def set(self):
        # A moment in the past is for run.py's step_short_life: SET leaves such a key for lazy expiry, and DBSIZE counts it till then.
        return [b"set", self.key(), self.value()] + self.some((self.expiry_option(past=False), 0.25), ([self.option(b"KEEPTTL")], 0.1),
                                                              ([self.option(b"NX")], 0.12), ([self.option(b"XX")], 0.12),
                                                              ([self.option(b"GET")], 0.15))

    def get_like(self):
        random = self.random
        return random.choice([lambda: [b"get", self.key()], lambda: [b"get", self.key()], lambda: [b"strlen", self.key()],
                              lambda: [b"getdel", self.key()], lambda: [b"getset", self.key(), self.value()],
                              lambda: [b"setnx", self.key(), self.value()]])()

    def getex(self):
        return [b"getex", self.key()] + self.some((self.expiry_option(past=True), 0.5), ([self.option(b"PERSIST")], 0.3))

    def set_with_ttl(self):
        if self.random.random() < 0.5:
            return [b"setex", self.key(), self.ttl("s", False), self.value()]
        return [b"psetex", self.key(), self.ttl("ms", False), self.value()]

    def many(self):
        name = self.random.choice([b"mset", b"msetnx", b"mget", b"mget"])
        if name == b"mget":
            return [name] + self.keys(6)
        return [name] + [part for key in self.keys(5) for part in (key, self.value())]

    def counter(self):
        name = self.random.choice([b"incr", b"decr", b"incrby", b"decrby"])
        key = self.random.choice([b"counter", b"counter", self.key()])
        return [name, key] + ([self.integer()] if name.endswith(b"by") else [])

    def floats(self):
        key = self.random.choice([b"float", b"float", b"counter", self.key()])
        return [b"incrbyfloat", key, self.random.choice(FLOATS + INTEGERS + NOT_NUMBERS)]

    def ranges(self):
        random = self.random
        name = random.choice([b"getrange", b"substr", b"setrange"])
        if name == b"setrange":
            offset = random.choice([b"%d" % random.randint(0, 200), b"%d" % random.randint(0, 200), b"-1", b"536870912", b"536870913",
                                    b"9223372036854775807", b"abc", b"3000"])
            return [name, self.key(), offset, self.value() if random.random() < 0.8 else b""]
        return [name, self.key(), self.offset(), self.offset()]

    def append(self):
        return [b"append", self.key(), self.value()]

    def lcs(self):
        return [b"lcs", self.key(), self.key()] + self.some(([self.option(b"LEN")], 0.3), ([self.option(b"IDX")], 0.5),
                                                            ([self.option(b"MINMATCHLEN"), self.integer()], 0.4),
                                                            ([self.option(b"WITHMATCHLEN")], 0.4))

    def delete(self):
        return [self.random.choice([b"del", b"unlink"])] + [self.state_key() for _ in range(self.random.randint(1, 3))]

    def ask_keys(self):
        if self.random.random() < 0.3:
            return [b"type", self.state_key()]
        return [self.random.choice([b"exists", b"touch"])] + [self.state_key() for _ in range(self.random.randint(1, 4))]

    def rename(self):
        return [self.random.choice([b"rename", b"renamenx"]), self.state_key(), self.state_key()]

    def copy(self):
        return [b"copy", self.state_key(), self.state_key()] + self.some(([self.option(b"REPLACE")], 0.4), ([self.option(b"DB"), self.database()], 0.4))

    def move(self):
        return [b"move", self.state_key(), self.database()]

    def expire(self):
        name, unit, absolute = self.random.choice([(b"expire", "s", False), (b"pexpire", "ms", False), (b"expireat", "s", True),
                                                   (b"pexpireat", "ms", True)])
        conditions = self.some(*[([self.option(word)], 0.15) for word in (b"NX", b"XX", b"GT", b"LT")])
        return [name, self.state_key(), self.ttl(unit, absolute)] + conditions

    def ttl_of(self):
        return [self.random.choice([b"ttl", b"pttl", b"expiretime", b"pexpiretime", b"persist"]), self.state_key()]

    def databases(self):
        random = self.random
        return random.choice([lambda: [b"select", self.database()], lambda: [b"select", self.database()], lambda: [b"dbsize"],
                              lambda: [b"swapdb", self.database(), self.database()]])()

    def object(self):
        word = self.random.choice([b"encoding", b"encoding", b"encoding", b"refcount", b"idletime", b"freq", b"help", b"nonsense"])
        return [b"object", self.option(word)] + ([] if word == b"help" else [self.state_key()])

    def dump(self):
        if self.random.random() < 0.5:
            return [b"dump", self.state_key()]
        return [b"restore", self.state_key(), self.random.choice([b"0", b"-1", b"abc"]), self.value()]  # steps.py restores what is right

    def ping(self):
        return self.random.choice([[b"ping"], [b"ping", self.value()], [b"echo", self.value()]])

    def client(self):
        random = self.random
        return [b"client"] + random.choice([
            [self.option(b"setname"), random.choice([b"me", b"", b"two words", b"new\nline", b"x" * 100])], [self.option(b"getname")],
            [self.option(b"id")], [self.option(b"no-evict"), random.choice([b"on", b"OFF", b"maybe"])], [self.option(b"reply"), b"on"],
            [self.option(b"info")], [self.option(b"list")], [b"list", b"id", b"0"], [b"list", b"type", b"nonsense"], [b"list", b"nonsense"],
            [b"kill", b"id", b"0"], [b"kill", b"id", b"99999999"], [b"kill", b"1.2.3.4:5"], [b"kill", b"id"], [b"kill", b"type", b"nonsense"],
            [b"kill", b"addr", b"1.2.3.4:5"], [b"kill", b"user", b"nobody"], [b"pause", b"abc"], [b"pause", b"0", b"nonsense"], [b"unpause"],
            [b"unblock", b"99999999"], [b"unblock", b"abc"], [b"nonsense"], [b"reply", b"nonsense"]])

    def hello(self):
        return [b"hello"] + self.random.choice([[], [b"2"], [b"3"], [b"4"], [b"1"], [b"abc"], [b"3", b"SETNAME", b"name"], [b"2", b"setname", b"a b"],
                                                [b"2", b"AUTH", b"default", b"any"], [b"3", b"auth", b"nobody", b"wrong"], [b"3", b"nonsense"]])

    def auth(self):
        return [b"auth"] + self.random.choice([[b"wrong"], [b"nobody", b"wrong"], [b"default", b"any"], [b"a", b"b", b"c"]])

    def unknown(self):
        random = self.random
        name = random.choice([b"nonsense", b"ge", b"gett", b"", b"GET ", b"x" * 200, b"\r\n", b"\x00", b"set\n", b"key:1", b"*"])
        return [name] + [random.choice([self.value(), self.key(), self.garbage()]) for _ in range(random.randint(0, 6))]

    def scan_error(self):
        return [b"scan"] + self.random.choice([[b"abc"], [b"-1"], [b"0", b"count", b"0"], [b"0", b"count", b"abc"], [b"0", b"count"],
                                               [b"0", b"match"], [b"0", b"nonsense", b"x"], [b"99999999999999999999999"], [b""], [b" 0"],
                                               [b"0", b"count", b"-5"], [b"0", b"type"]])

    def command_of(self):
        random = self.random
        inner = random.choice(self.makers)()
        return [b"command"] + random.choice([[b"getkeys"] + inner, [b"getkeysandflags"] + inner, [b"getkeys"], [b"getkeys", b"nonsense", b"x"],
                                             [b"info", b"nonsense"], [b"nonsense"], [b"docs", b"nonsense"], [b"list", b"filterby", b"nonsense", b"x"],
                                             [b"list", b"filterby", b"module", b"x"], [b"list", b"filterby", b"pattern", b"getr*"]])

    def reset(self):
        return self.random.choice([[b"reset"], [b"select", b"0"], [b"select", b"0"]])

    def flush(self):
        return [self.random.choice([b"flushdb", b"flushall"])] + self.random.choice([[], [b"ASYNC"], [b"sync"], [b"nonsense"]])
