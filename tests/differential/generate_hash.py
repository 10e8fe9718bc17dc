"""Hashes, mixed into Generator (generate.py). Fields are few, so that commands meet; values are now and then long enough to make a
table of a packed hash, and sometimes there are too many fields at once."""

FIELDS = [b"f1", b"f2", b"f3", b"f4", b"count", b"real", b"", b"17", b"-5", b"field with space", b"\x00\xff", b"F1", b"long field" * 4]


class HashCommands:
    def hash_weights(self):
        return [(self.hset, 10), (self.hmset, 2), (self.hsetnx, 2), (self.hget, 7), (self.hdel, 4), (self.hcount, 5), (self.hall, 5),
                (self.hrandfield, 2), (self.hscan, 2), (self.hset_many, 1)]

    # --- parts ---

    def field(self):
        random = self.random
        chance = random.random()
        if chance < 0.08:
            return self.value()
        if chance < 0.2:
            return b"n%d" % random.randint(0, 700)
        return random.choice(FIELDS)

    def fields(self, most=4):
        return [self.field() for _ in range(self.random.randint(1, most))]

    # --- commands ---

    def hset(self):
        return [b"hset", self.key()] + [part for field in self.fields() for part in (field, self.value())]

    def hmset(self):
        return [b"hmset"] + self.hset()[1:]

    def hset_many(self):
        count = self.random.choice([100, 513, 600])
        return [b"hset", self.key()] + [part for number in range(count) for part in (b"n%d" % number, b"%d" % (number * 7))]

    def hsetnx(self):
        return [b"hsetnx", self.key(), self.field(), self.value()]

    def hget(self):
        name = self.random.choice([b"hget", b"hget", b"hmget", b"hexists", b"hstrlen"])
        return [name, self.key()] + (self.fields(5) if name == b"hmget" else [self.field()])

    def hdel(self):
        return [b"hdel", self.key()] + self.fields(6)

    def hcount(self):
        if self.random.random() < 0.6:
            return [b"hincrby", self.key(), self.random.choice([b"count", b"17", self.field()]), self.integer()]
        return [b"hincrbyfloat", self.key(), self.random.choice([b"real", b"count", self.field()]),
                self.random.choice([b"0.1", b"-2.5", b"1e10", b"3", b"1e-300", b"inf", b"nan", self.integer(), self.value()])]

    def hall(self):
        return [self.random.choice([b"hgetall", b"hkeys", b"hvals", b"hlen", b"hlen"]), self.key()]

    def hrandfield(self):
        random = self.random
        options = random.choice([[], [b"1"], [b"3"], [b"-4"], [b"1000"], [b"0"], [b"-9223372036854775808"], [b"abc"]])
        return [b"hrandfield", self.key()] + options + ([self.option(b"WITHVALUES")] if options and random.random() < 0.4 else [])

    def hscan(self):
        return [b"hscan", self.key(), self.random.choice([b"0", b"0", b"0", b"abc", b"-1"])] + \
            self.some(([self.option(b"MATCH"), self.random.choice([b"f*", b"*", b"n1?", b"F1"])], 0.4),
                      ([self.option(b"COUNT"), self.random.choice([b"10000", b"100000", b"0", b"abc"])], 1.0))
