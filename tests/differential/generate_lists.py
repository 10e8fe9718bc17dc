"""Lists, mixed into Generator (generate.py).

list-max-listpack-size changes now and then, so that lists of a few elements are trees, too. Blocking commands are no part of the
mixture, because a wrong argument there could be a long timeout.
"""
LISTS = [b"list:1", b"list:2", b"list:3", b"list:4"]
PACKED_LIMITS = [b"-2", b"-2", b"-1", b"-5", b"1", b"3", b"16", b"128", b"0"]


class ListCommands:
    def list_weights(self):
        return [(self.list_push, 14), (self.list_pop, 8), (self.list_read, 12), (self.list_range, 6), (self.list_change, 10),
                (self.list_trim, 2), (self.list_position, 5), (self.list_move, 6), (self.list_multi_pop, 4), (self.list_limit, 1)]

    def list_key(self):
        return self.random.choice(LISTS if self.random.random() < 0.9 else [self.key()])

    def list_element(self):
        if self.random.random() < 0.7:
            return self.random.choice([b"a", b"b", b"c", b"1", b"2", b"-7", b"4711", b"01", b"", b"x" * 63, b"x" * 64, b"y" * 511, b"y" * 512,
                                       b"y" * 513])
        return self.value()

    def list_index(self):
        if self.random.random() < 0.06:
            return self.integer()
        return b"%d" % self.random.choice([0, -1, self.random.randint(-12, 12), self.random.randint(-400, 400)])

    def list_end(self):
        return self.option(self.random.choice([b"LEFT", b"RIGHT"])) if self.random.random() < 0.97 else self.garbage()

    def list_count(self):
        return self.random.choice([b"1", b"2", b"3", b"10", b"200", b"0", b"-1", b"abc", b"9223372036854775807"])

    def list_push(self):
        random = self.random
        many = random.choice([1, 1, 2, 3, 5, random.randint(1, 40), 300 if random.random() < 0.2 else 2])
        return [random.choice([b"lpush", b"rpush", b"lpush", b"rpush", b"lpushx", b"rpushx"]), self.list_key()] + \
            [self.list_element() for _ in range(many)]

    def list_pop(self):
        return [self.random.choice([b"lpop", b"rpop"]), self.list_key()] + self.some(([self.list_count()], 0.4))

    def list_read(self):
        return self.random.choice([[b"llen", self.list_key()], [b"lindex", self.list_key(), self.list_index()],
                                   [b"lindex", self.list_key(), self.list_index()]])

    def list_range(self):
        return [b"lrange", self.list_key(), self.list_index(), self.list_index()]

    def list_change(self):
        key = self.list_key()
        return self.random.choice([[b"lset", key, self.list_index(), self.list_element()],
                                   [b"linsert", key, self.option(self.random.choice([b"BEFORE", b"AFTER"])), self.list_element(),
                                    self.list_element()],
                                   [b"lrem", key, self.random.choice([b"0", b"1", b"-1", b"2", b"-2", self.integer()]), self.list_element()]])

    def list_trim(self):
        return [b"ltrim", self.list_key(), self.list_index(), self.list_index()]

    def list_position(self):
        # Not the smallest integer as RANK, which 7.0 takes for 1 and 7.2 refuses.
        rank = self.random.choice([b"1", b"-1", b"2", b"-2", b"3", b"0", b"abc", b"100"])
        return [b"lpos", self.list_key(), self.list_element()] + self.some(([self.option(b"RANK"), rank], 0.5),
                                                                          ([self.option(b"COUNT"), self.list_count()], 0.4),
                                                                          ([self.option(b"MAXLEN"), self.list_count()], 0.4))

    def list_move(self):
        if self.random.random() < 0.3:
            return [b"rpoplpush", self.list_key(), self.list_key()]
        return [b"lmove", self.list_key(), self.list_key(), self.list_end(), self.list_end()]

    def list_multi_pop(self):
        keys = [self.list_key() for _ in range(self.random.randint(1, 4))]
        number = b"%d" % len(keys) if self.random.random() < 0.9 else self.list_count()
        return [b"lmpop", number] + keys + [self.list_end()] + self.some(([self.option(b"COUNT"), self.list_count()], 0.6))

    def list_limit(self):
        return [b"config", b"set", b"list-max-listpack-size", self.random.choice(PACKED_LIMITS)]

    def list_wait(self, timeout):
        """A blocking command that is right but for its keys' types."""
        random = self.random
        name = random.choice([b"blpop", b"brpop", b"blmove", b"brpoplpush", b"blmpop"])
        if name in (b"blpop", b"brpop"):
            return [name] + [self.list_key() for _ in range(random.randint(1, 3))] + [timeout]
        ends = [random.choice([b"LEFT", b"RIGHT"]), random.choice([b"LEFT", b"RIGHT"])]
        if name == b"blmove":
            return [name, self.list_key(), self.list_key()] + ends + [timeout]
        if name == b"brpoplpush":
            return [name, self.list_key(), self.list_key(), timeout]
        keys = [self.list_key() for _ in range(random.randint(1, 3))]
        return [name, timeout, b"%d" % len(keys)] + keys + [ends[0]] + random.choice([[], [b"COUNT", b"3"]])
