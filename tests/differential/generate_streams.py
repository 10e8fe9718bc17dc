"""Random stream commands for generate.py.

IDs are explicit, so that both servers give the same ones: no key or garbage here is "*". Idle times are either nothing or far beyond what
a run takes, so that no reply depends on when a command came; exceptions.py leaves the times themselves out. Nothing says BLOCK.
"""

KEYS = [b"stream:1", b"stream:1", b"stream:2", b"stream:2", b"stream:3"]
GROUPS = [b"g1", b"g1", b"g2", b"", b"group with a long name", b"group with a lone name"]
CONSUMERS = [b"alice", b"alice", b"bob", b"carol", b"consumer-000001", b"consumer-000002", b""]
ODD_IDS = [b"0", b"0-0", b"0-1", b"1", b"18446744073709551615-18446744073709551615", b"18446744073709551615", b"18446744073709551616", b"-", b"+",
           b"$", b">", b"(", b"(5", b"5-", b"-5", b"5-5-5", b"+5-1", b"007-01", b"5-*", b"abc", b"(18446744073709551615-18446744073709551615", b"(0-0"]
FAR_MS = b"1000000000"


class Streams:
    def __init__(self, generator):
        self.generator = generator
        self.random = generator.random
        self.last_ms = 1

    def weights(self):
        return [(self.add, 14), (self.range, 6), (self.delete, 4), (self.trim, 4), (self.read, 4), (self.read_group, 8), (self.ack, 4),
                (self.pending, 4), (self.claim, 4), (self.auto_claim, 3), (self.group, 7), (self.info, 4), (self.set_id, 1)]

    # --- parts ---

    def key(self):
        return self.random.choice(KEYS) if self.random.random() < 0.95 else self.random.choice([b"a", b"b", b"counter"])

    def known_id(self):
        """One that was added not long ago, perhaps."""
        random = self.random
        if random.random() < 0.06:
            return random.choice(ODD_IDS)
        return b"%d-%d" % (max(0, self.last_ms - int(random.expovariate(0.05))), random.choice([0, 0, 0, 1, 2]))

    def new_id(self):
        random = self.random
        chance = random.random()
        if chance < 0.08:
            return self.known_id()
        self.last_ms += random.choice([0, 1, 1, 1, 2, 50])
        if chance < 0.25:
            return b"%d-*" % self.last_ms
        return b"%d-%d" % (self.last_ms, random.choice([0, 0, 1, 2, 7, 300]))

    def bound(self):
        random = self.random
        chance = random.random()
        if chance < 0.25:
            return random.choice([b"-", b"+"])
        identifier = self.known_id()
        if chance < 0.35:
            identifier = identifier.split(b"-")[0]
        return b"(" + identifier if chance > 0.85 else identifier

    def count(self):
        return self.random.choice([b"0", b"1", b"2", b"3", b"5", b"10", b"100", b"-1", self.generator.integer()])

    def pairs(self):
        random = self.random
        fields = random.choice([[b"f"], [b"f"], [b"f", b"g"], [b"f", b"g"], [b"name", b"age", b"12"], [self.generator.value()]])
        return [part for field in fields for part in (field, self.generator.value())]

    def trimming(self):
        random = self.random
        if random.random() < 0.5:
            threshold = [self.generator.option(b"MAXLEN")], [random.choice([b"0", b"1", b"5", b"10", b"20", b"-1", b"x"])]
        else:
            threshold = [self.generator.option(b"MINID")], [self.known_id()]
        middle, limit = random.choice([([], []), ([b"="], []), ([b"~"], []), ([b"~"], [self.generator.option(b"LIMIT"), random.choice(
            [b"0", b"1", b"3", b"10", b"-1", b"x"])]), ([b"="], [b"LIMIT", b"5"])])
        return threshold[0] + middle + threshold[1] + limit

    # --- commands ---

    def add(self):
        options = self.generator.some(([self.generator.option(b"NOMKSTREAM")], 0.1), (self.trimming(), 0.15))
        return [b"xadd", self.key()] + options + [self.new_id()] + self.pairs()

    def range(self):
        random = self.random
        if random.random() < 0.2:
            return [b"xlen", self.key()]
        return [random.choice([b"xrange", b"xrevrange"]), self.key(), self.bound(), self.bound()] + self.generator.some(
            ([self.generator.option(b"COUNT"), self.count()], 0.5))

    def delete(self):
        return [b"xdel", self.key()] + [self.known_id() for _ in range(self.random.choice([1, 1, 2, 5]))]

    def trim(self):
        return [b"xtrim", self.key()] + self.trimming()

    def streams(self, identifier):
        number = self.random.choice([1, 1, 1, 2, 3])
        return [self.generator.option(b"STREAMS")] + [self.key() for _ in range(number)] + [identifier() for _ in range(number)]

    def read(self):
        return [b"xread"] + self.generator.some(([self.generator.option(b"COUNT"), self.count()], 0.5), ([b"noack"], 0.01)) + \
            self.streams(lambda: self.random.choice([self.known_id(), self.known_id(), b"0", b"$"]))

    def read_group(self):
        return [b"xreadgroup", self.generator.option(b"GROUP"), self.random.choice(GROUPS), self.random.choice(CONSUMERS)] + \
            self.generator.some(([self.generator.option(b"COUNT"), self.count()], 0.7), ([self.generator.option(b"NOACK")], 0.15)) + \
            self.streams(lambda: self.random.choice([b">", b">", b">", b"0", self.known_id()]))

    def ack(self):
        return [b"xack", self.key(), self.random.choice(GROUPS)] + [self.known_id() for _ in range(self.random.choice([1, 2, 5]))]

    def pending(self):
        random = self.random
        command = [b"xpending", self.key(), random.choice(GROUPS)]
        if random.random() < 0.3:
            return command
        idle = [self.generator.option(b"IDLE"), random.choice([b"0", FAR_MS])] if random.random() < 0.3 else []
        return command + idle + [self.bound(), self.bound(), self.count()] + ([random.choice(CONSUMERS)] if random.random() < 0.4 else [])

    def claim(self):
        random = self.random
        options = self.generator.some(([self.generator.option(b"IDLE"), random.choice([b"0", b"9" * 11, b"x"])], 0.15),
                                      ([self.generator.option(b"TIME"), random.choice([b"1000", b"99999999999999", b"-1"])], 0.15),
                                      ([self.generator.option(b"RETRYCOUNT"), random.choice([b"0", b"7", b"-1", b"x"])], 0.2),
                                      ([self.generator.option(b"FORCE")], 0.4), ([self.generator.option(b"JUSTID")], 0.3),
                                      ([self.generator.option(b"LASTID"), self.known_id()], 0.3), ([b"nonsense"], 0.02))
        return [b"xclaim", self.key(), random.choice(GROUPS), random.choice(CONSUMERS), random.choice([b"0", b"0", FAR_MS, b"-1"])] + \
            [self.known_id() for _ in range(random.choice([1, 2, 5]))] + options

    def auto_claim(self):
        random = self.random
        return [b"xautoclaim", self.key(), random.choice(GROUPS), random.choice(CONSUMERS), random.choice([b"0", b"0", FAR_MS]),
                random.choice([b"0", b"-", self.bound()])] + self.generator.some(([self.generator.option(b"COUNT"), self.count()], 0.5),
                                                                                ([self.generator.option(b"JUSTID")], 0.3))

    def group(self):
        random = self.random
        word = random.choice([b"create"] * 4 + [b"setid"] * 4 + [b"createconsumer", b"delconsumer"] * 2 + [b"destroy", b"help", b"nonsense"])
        command = [b"xgroup", self.generator.option(word)]
        if word == b"help":
            return command
        command += [self.key(), random.choice(GROUPS)]
        if word in (b"create", b"setid"):
            command.append(random.choice([b"$", b"0", b"0", self.known_id()]))
            command += self.generator.some(([self.generator.option(b"MKSTREAM")], 0.6 if word == b"create" else 0.02),
                                           ([self.generator.option(b"ENTRIESREAD"), random.choice([b"0", b"5", b"-1", b"-2", b"x"])], 0.5))
        elif word in (b"createconsumer", b"delconsumer"):
            command.append(random.choice(CONSUMERS))
        return command

    def info(self):
        random = self.random
        word = random.choice([b"stream", b"stream", b"stream", b"groups", b"consumers", b"help", b"nonsense"])
        command = [b"xinfo", self.generator.option(word)]
        if word == b"help":
            return command
        command.append(self.key())
        if word == b"consumers":
            command.append(random.choice(GROUPS))
        if word == b"stream":
            command += random.choice([[], [self.generator.option(b"FULL")], [b"FULL", self.generator.option(b"COUNT"), self.count()]])
        return command

    def set_id(self):
        return [b"xsetid", self.key(), random_above(self)] + self.generator.some(
            ([self.generator.option(b"ENTRIESADDED"), self.count()], 0.4), ([self.generator.option(b"MAXDELETEDID"), self.known_id()], 0.3))


def random_above(streams):
    """An ID that is as a rule large enough."""
    if streams.random.random() < 0.3:
        return streams.known_id()
    streams.last_ms += 1
    return b"%d-0" % streams.last_ms
