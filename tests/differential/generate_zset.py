"""Sorted sets and places, mixed into Generator (generate.py).

Ranges by text are asked only of keys whose members all have one score: of others Redis promises nothing. zset-max-listpack-entries
changes now and then, so that sets of a few members are large ones, too. Blocking commands are no part of the mixture.
"""

ZSETS = [b"zset:1", b"zset:2", b"zset:3", b"zset:4"]
LEX = [b"lex:1", b"lex:2"]
PLACES = [b"geo:1", b"geo:2"]
MEMBERS = [b"a", b"b", b"c", b"d", b"aa", b"ab", b"1", b"2", b"10", b"-7", b"007", b"", b"x" * 63, b"x" * 64, b"x" * 65, b"y" * 600,
           b"\x00\xff", b"Z", b"zz"]
SCORES = [b"0", b"-0", b"1", b"1.5", b"-1", b"-2.25", b"3", b"10", b"1e3", b"1e300", b"-1e300", b"inf", b"-inf", b"+inf", b"0.1",
          b"4503599627370497", b"9007199254740993", b"1e17", b"123456789012345678", b"0x10", b"5e-324", b"3.141592653589793"]
UNITS = [b"m", b"km", b"ft", b"mi", b"KM"]


class Exact(list):
    """A command that is sent as it is."""


class SortedSetCommands:
    def zset_weights(self):
        return [(self.zset_add, 16), (self.zset_lex_add, 4), (self.zset_remove, 4), (self.zset_read, 12), (self.zset_range, 16),
                (self.zset_lex, 8), (self.zset_remove_range, 4), (self.zset_pop, 6), (self.zset_combine, 10), (self.zset_store, 4),
                (self.zset_random, 2), (self.zset_scan, 3), (self.zset_limit, 1), (self.geo_add, 6), (self.geo_read, 5),
                (self.geo_search, 8)]

    # --- parts ---

    def zset_key(self):
        return self.random.choice(ZSETS) if self.random.random() < 0.94 else self.key()

    def zset_source(self):
        return self.random.choice(ZSETS + LEX[:1] + PLACES[:1] + [b"set:1", b"none"])

    def zset_member(self):
        if self.random.random() < 0.8:
            return self.random.choice(MEMBERS)
        return b"m%d" % self.random.randint(0, 300)

    def zset_score(self):
        if self.random.random() < 0.5:
            return self.random.choice(SCORES)
        if self.random.random() < 0.5:
            return b"%d" % self.random.randint(-20, 20)
        return b"%.3f" % self.random.uniform(-20, 20)

    def zset_bound(self):
        score = self.zset_score()
        return b"(" + score if self.random.random() < 0.3 else score

    def lex_bound(self):
        if self.random.random() < 0.15:
            return self.random.choice([b"-", b"+", b"", b"a", b"--", b"+a"])
        return self.random.choice([b"[", b"("]) + self.random.choice(MEMBERS + [b"m1", b"m2", b"mm"])

    def zset_rank(self):
        return b"%d" % self.random.choice([0, -1, 1, self.random.randint(-10, 10), self.random.randint(-200, 200)])

    def zset_page(self):
        return [self.option(b"LIMIT"), self.random.choice([b"0", b"1", b"3", b"-1", b"50"]),
                self.random.choice([b"-1", b"0", b"1", b"5", b"100", b"-7"])]

    # --- sorted sets ---

    def zset_add(self):
        random = self.random
        if random.random() < 0.15:
            return [b"zincrby", self.zset_key(), self.zset_score(), self.zset_member()]
        options = self.some(([self.option(b"NX")], 0.1), ([self.option(b"XX")], 0.1), ([self.option(b"GT")], 0.1),
                            ([self.option(b"LT")], 0.1), ([self.option(b"CH")], 0.3), ([self.option(b"INCR")], 0.08))
        many = random.choice([1, 1, 2, 3, 8, 200 if random.random() < 0.1 else 1])
        return [b"zadd", self.zset_key()] + options + [part for _ in range(many) for part in (self.zset_score(), self.zset_member())]

    def zset_lex_add(self):
        many = self.random.choice([1, 2, 5, 20])
        return Exact([b"zadd", self.random.choice(LEX)] + [part for _ in range(many) for part in (b"0", self.zset_member())])

    def zset_remove(self):
        return [b"zrem", self.zset_key()] + [self.zset_member() for _ in range(self.random.choice([1, 2, 5]))]

    def zset_read(self):
        key, member = self.zset_key(), self.zset_member()
        return self.random.choice([[b"zcard", key], [b"zscore", key, member], [b"zmscore", key, member, self.zset_member()],
                                   [b"zrank", key, member], [b"zrevrank", key, member], [b"zcount", key, self.zset_bound(), self.zset_bound()],
                                   [b"zcount", key, b"-inf", b"+inf"]])

    def zset_range(self):
        random = self.random
        key = self.zset_key()
        scores = ([self.option(b"WITHSCORES")], 0.5)
        kind = random.randrange(5)
        if kind == 0:
            return [random.choice([b"zrange", b"zrevrange"]), key, self.zset_rank(), self.zset_rank()] + self.some(scores)
        if kind == 1:
            return [random.choice([b"zrangebyscore", b"zrevrangebyscore"]), key, self.zset_bound(), self.zset_bound()] + \
                self.some(scores, (self.zset_page(), 0.3))
        if kind == 2:
            return [random.choice([b"zrangebyscore", b"zrevrangebyscore"]), key, b"-inf", b"inf"] + self.some(scores, (self.zset_page(), 0.5))
        if kind == 3:
            return [b"zrange", key, self.zset_bound(), self.zset_bound(), self.option(b"BYSCORE")] + \
                self.some(scores, ([self.option(b"REV")], 0.4), (self.zset_page(), 0.3))
        return [b"zrange", key, self.zset_rank(), self.zset_rank()] + \
            self.some(scores, ([self.option(b"REV")], 0.4), (self.zset_page(), 0.1), ([self.option(b"BYSCORE")], 0.1))

    def zset_lex(self):
        random = self.random
        key, low, high = random.choice(LEX), self.lex_bound(), self.lex_bound()
        return random.choice([[b"zrangebylex", key, low, high] + self.some((self.zset_page(), 0.3)),
                              [b"zrevrangebylex", key, high, low] + self.some((self.zset_page(), 0.3)),
                              [b"zrange", key, low, high, self.option(b"BYLEX")] +
                              self.some(([self.option(b"REV")], 0.4), (self.zset_page(), 0.3), ([self.option(b"WITHSCORES")], 0.1)),
                              [b"zlexcount", key, low, high], [b"zremrangebylex", key, low, low], [b"zrem", key, self.zset_member()]])

    def zset_remove_range(self):
        key = self.zset_key()
        return self.random.choice([[b"zremrangebyrank", key, self.zset_rank(), self.zset_rank()],
                                   [b"zremrangebyscore", key, self.zset_bound(), self.zset_bound()]])

    def zset_pop(self):
        random = self.random
        count = random.choice([b"1", b"2", b"10", b"0", b"-1", b"abc", b"1000"])
        if random.random() < 0.5:
            return [random.choice([b"zpopmin", b"zpopmax"]), self.zset_key()] + self.some(([count], 0.5))
        keys = [self.zset_source() for _ in range(random.randint(1, 3))]
        return [b"zmpop", b"%d" % len(keys)] + keys + [self.option(random.choice([b"MIN", b"MAX"]))] + \
            self.some(([self.option(b"COUNT"), count], 0.5))

    def zset_combine(self):
        random = self.random
        keys = [self.zset_source() for _ in range(random.randint(1, 4))]
        numbered = [b"%d" % (len(keys) if random.random() < 0.95 else random.randint(-1, 6))] + keys
        name = random.choice([b"zunion", b"zinter", b"zdiff", b"zunionstore", b"zinterstore", b"zdiffstore", b"zintercard"])
        if name == b"zintercard":
            return [name] + numbered + self.some(([self.option(b"LIMIT"), random.choice([b"0", b"1", b"3", b"-1"])], 0.5))
        if random.random() < 0.1:
            return [b"sadd", b"set:1"] + [self.zset_member() for _ in range(random.randint(1, 10))]
        options = []
        if not name.startswith(b"zdiff"):
            options = self.some(([self.option(b"WEIGHTS")] + [self.zset_score() for _ in keys], 0.4),
                                ([self.option(b"AGGREGATE"), self.option(random.choice([b"SUM", b"MIN", b"MAX"]))], 0.4))
        if name.endswith(b"store"):
            return [name, random.choice(ZSETS)] + numbered + options
        return [name] + numbered + options + self.some(([self.option(b"WITHSCORES")], 0.6))

    def zset_store(self):
        random = self.random
        target = random.choice(ZSETS)
        return random.choice([[b"zrangestore", target, self.zset_key(), self.zset_rank(), self.zset_rank()] + self.some(([b"REV"], 0.3)),
                              [b"zrangestore", target, self.zset_key(), self.zset_bound(), self.zset_bound(), b"BYSCORE"] +
                              self.some(([b"REV"], 0.3), (self.zset_page(), 0.4)),
                              [b"zrangestore", target, random.choice(LEX), b"-", b"+", b"BYLEX"], [b"object", b"encoding", target],
                              [b"type", target], [b"copy", target, random.choice(ZSETS), b"REPLACE"], [b"expire", target, b"100000"],
                              [b"del", target]])

    def zset_random(self):
        return [b"zrandmember", self.zset_key()] + self.random.choice([[], [b"3"], [b"-5"], [b"1000"], [b"1000", b"WITHSCORES"],
                                                                       [b"2", b"withscores"], [b"abc"], [b"0"], [b"1", b"nonsense"],
                                                                       [b"-9223372036854775808"]])

    def zset_scan(self):
        if self.random.random() < 0.2:
            return [b"zscan", self.zset_key(), self.random.choice([b"abc", b"-", b"0"]), self.option(b"COUNT"), self.random.choice([b"0", b"abc"])]
        return Exact([b"zscan", self.zset_key(), b"0", b"COUNT", b"100000"] + self.some(([self.option(b"MATCH"), b"*a*"], 0.4)))

    def zset_limit(self):
        return self.random.choice([Exact([b"config", b"set", b"zset-max-listpack-entries", self.random.choice([b"128", b"0", b"3", b"16"])]),
                                   Exact([b"config", b"set", b"zset-max-ziplist-value", self.random.choice([b"64", b"64", b"2", b"700"])])])

    # --- places ---

    def place(self):
        random = self.random
        if random.random() < 0.04:
            return random.choice([[b"181", b"0"], [b"0", b"86"], [b"abc", b"1"], [b"1", b"nan"], [b"-180", b"85.05112878"], [b"180", b"-85"]])
        if random.random() < 0.5:
            return [b"%.6f" % random.uniform(13, 15), b"%.6f" % random.uniform(37, 39)]
        return [b"%.6f" % random.uniform(-180, 180), b"%.6f" % random.uniform(-85, 85)]

    def geo_member(self):
        return b"p%d" % self.random.randint(0, 40) if self.random.random() < 0.9 else self.zset_member()

    def geo_add(self):
        many = self.random.choice([1, 1, 2, 3, 20])
        return [b"geoadd", self.random.choice(PLACES)] + self.some(([self.option(b"NX")], 0.1), ([self.option(b"XX")], 0.1),
                                                                 ([self.option(b"CH")], 0.2)) + \
            [part for _ in range(many) for part in self.place() + [self.geo_member()]]

    def geo_read(self):
        key = self.random.choice(PLACES + ZSETS[:1])
        members = [self.geo_member() for _ in range(self.random.randint(0, 3))]
        return self.random.choice([[b"geopos", key] + members, [b"geohash", key] + members,
                                   [b"geodist", key, self.geo_member(), self.geo_member()] + self.some(([self.random.choice(UNITS)], 0.5))])

    def radius(self):
        return [self.random.choice([b"0", b"1", b"50", b"200", b"500", b"5000", b"0.5", b"-1", b"abc", b"100000"]), self.random.choice(UNITS)]

    def geo_options(self):
        with_options = [([self.option(word)], 0.3) for word in (b"WITHCOORD", b"WITHDIST", b"WITHHASH")]
        count = [self.option(b"COUNT"), self.random.choice([b"1", b"3", b"100", b"0", b"abc"])]
        return self.some(*with_options, (count + self.some(([self.option(b"ANY")], 0.6)), 0.4),
                         ([self.option(self.random.choice([b"ASC", b"DESC"]))], 0.4))

    def geo_end(self, name):
        """Options, or a place to store in, which forbids most of them."""
        if name.endswith(b"_ro") or self.random.random() < 0.6:
            return self.geo_options() + self.some(([b"STORE", self.random.choice(ZSETS)], 0.05))
        return [self.option(self.random.choice([b"STORE", b"STOREDIST"])), self.random.choice(ZSETS)] + self.some(([b"COUNT", b"5"], 0.3), ([b"ASC"], 0.3))

    def geo_search(self):
        random = self.random
        key = random.choice(PLACES)
        kind = random.randrange(4)
        if kind == 0:
            name = random.choice([b"georadius", b"georadius_ro"])
            return [name, key] + self.place() + self.radius() + self.geo_end(name)
        if kind == 1:
            name = random.choice([b"georadiusbymember", b"georadiusbymember_ro"])
            return [name, key, self.geo_member()] + self.radius() + self.geo_end(name)
        centre = [self.option(b"FROMMEMBER"), self.geo_member()] if random.random() < 0.5 else [self.option(b"FROMLONLAT")] + self.place()
        box = [self.option(b"BYBOX"), random.choice([b"100", b"400", b"0.1", b"9000", b"-1"])] + self.radius()
        shape = box if random.random() < 0.5 else [self.option(b"BYRADIUS")] + self.radius()
        if kind == 2:
            return [b"geosearchstore", random.choice(ZSETS), key] + centre + shape + self.some(([b"STOREDIST"], 0.4), ([random.choice([b"ASC", b"DESC"])], 0.3),
                                                                                               ([b"COUNT", b"3"] + self.some(([b"ANY"], 0.7)), 0.5))
        return [b"geosearch", key] + centre + shape + self.geo_options()
