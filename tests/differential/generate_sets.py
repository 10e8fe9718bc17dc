"""Sets and SORT, mixed into Generator (generate.py).

SORT makes a skiplist of a packed sorted set in Redis, as OBJECT tells, and as -0 does, which a packed one does not keep. So what is sorted
are states that have names of their own, and SORTED_ZSET among them only with `sorts_zset`.

SPOP is sent only for all members, which leaves no choice; steps.py has one for the others. What SORT orders by text of other keys is
never stored, because such texts may be equal, and sets are not stored unsorted.
"""

SETS = [b"set:1", b"set:2", b"set:3", b"set:4"]
SET_MEMBERS = [b"a", b"b", b"c", b"1", b"2", b"3", b"-7", b"4711", b"01", b"", b"x" * 64, b"x" * 65, b"9223372036854775807",
               b"-9223372036854775808", b"70000", b"5000000000", b"\x00\xff", b"with space"]
SORTED = [b"sorted:1", b"sorted:2", b"sorted:3", b"sorted:4"]
SORTED_ZSET = b"sorted:z"


class SetCommands:
    def set_weights(self):
        return [(self.set_add, 10), (self.set_remove, 4), (self.set_read, 8), (self.set_move, 3), (self.set_combine, 10), (self.set_scan, 2),
                (self.set_take, 1), (self.set_limit, 1), (self.sort_weight, 6), (self.sort, 8)]

    # --- sets ---

    def set_key(self):
        return self.random.choice(SETS) if self.random.random() < 0.94 else self.key()

    def set_member(self):
        if self.random.random() < 0.6:
            return self.random.choice(SET_MEMBERS)
        return b"%d" % self.random.randint(-300, 300) if self.random.random() < 0.8 else self.value()

    def set_members(self, most):
        return [self.set_member() for _ in range(self.random.randint(1, most))]

    def set_add(self):
        if self.random.random() < 0.4:
            return [b"sadd", self.set_key()] + [b"%d" % self.random.randint(-500, 500) for _ in range(self.random.choice([1, 3, 20, 600]))]
        return [b"sadd", self.set_key()] + self.set_members(self.random.choice([1, 4, 20]))

    def set_remove(self):
        return [b"srem", self.set_key()] + self.set_members(8)

    def set_read(self):
        key = self.set_key()
        return self.random.choice([[b"sismember", key, self.set_member()], [b"smismember", key] + self.set_members(4), [b"scard", key],
                                   [b"smembers", key], [b"srandmember", key] + self.random.choice([[], [b"3"], [b"-5"], [b"1000"], [b"0"],
                                                                                                   [b"abc"], [b"-9223372036854775808"]])])

    def set_move(self):
        return [b"smove", self.set_key(), self.set_key(), self.set_member()]

    def set_combine(self):
        random = self.random
        name = random.choice([b"sinter", b"sunion", b"sdiff", b"sinterstore", b"sunionstore", b"sdiffstore", b"sintercard"])
        keys = [self.set_key() if random.random() < 0.9 else b"none" for _ in range(random.randint(1, 4))]
        if name == b"sintercard":
            number = b"%d" % (len(keys) if random.random() < 0.95 else random.randint(-1, 6))
            return [name, number] + keys + self.some(([self.option(b"LIMIT"), random.choice([b"0", b"1", b"3", b"-1"])], 0.5))
        return [name] + ([random.choice(SETS)] if name.endswith(b"store") else []) + keys

    def set_scan(self):
        return [b"sscan", self.set_key(), self.random.choice([b"0", b"0", b"0", b"abc", b"-1"])] + \
            self.some(([self.option(b"MATCH"), self.random.choice([b"*1*", b"*", b"?", b"-*"])], 0.4),
                      ([self.option(b"COUNT"), self.random.choice([b"100000", b"100000", b"1000000", b"0", b"abc"])], 1.0))

    def set_take(self):
        return self.exact(b"spop", self.set_key(), self.random.choice([b"1000000", b"1000000", b"0", b"-1", b"abc"]))

    def set_limit(self):
        return self.exact(b"config", b"set", b"set-max-intset-entries", self.random.choice([b"512", b"512", b"0", b"3", b"16"]))

    # --- SORT ---

    def sort_element(self):
        return self.random.choice([b"a", b"b", b"c", b"1", b"2", b"-7", b"4711", b"01", b"", b"aa", b"10", b"3", b"7"])

    def sort_weight(self):
        random, element = self.random, self.sort_element()
        if random.random() < 0.3:
            if self.sorts_zset and random.random() < 0.3:
                return self.exact(b"zadd", SORTED_ZSET, b"%d" % random.randint(1, 9), self.sort_element())
            return self.exact(random.choice([b"rpush", b"sadd"]), random.choice(SORTED), *[self.sort_element() for _ in range(random.randint(1, 6))])
        number = b"%d" % random.randint(-9, 9) if random.random() < 0.95 else self.value()
        return self.exact(*random.choice([[b"set", b"w:" + element, number], [b"hset", b"o:" + element, b"n", number, b"t", self.value()],
                                          [b"del", b"w:" + element], [b"set", b"o:" + element, number]]))

    def sort(self):
        random = self.random
        key = SORTED_ZSET if self.sorts_zset and random.random() < 0.2 else random.choice(SORTED + [b"none"])
        by = random.choice([None, None, b"w:*", b"w:*", b"o:*->n", b"nosort", b"o:*->none", b"w:*->", b"*"])
        parts = [([self.option(random.choice([b"ASC", b"DESC"]))], 0.5), ([self.option(b"ALPHA")], 0.6)]
        for _ in range(random.choice([0, 0, 1, 2])):
            parts.append(([self.option(b"GET"), random.choice([b"#", b"w:*", b"o:*->t", b"o:*->n", b"w:*->x", b"none", b"o:*"])], 1.0))
        if by is not None:
            parts.append(([self.option(b"BY"), by], 1.0))
        parts.append(([self.option(b"LIMIT"), random.choice([b"0", b"1", b"-1", b"3"]), random.choice([b"2", b"10", b"-1", b"0"])], 0.3))
        if random.random() < 0.2:
            return self.exact(b"sort_ro", key, *self.some(*parts))
        options = self.some(*parts)
        if by is None and random.random() < 0.3:
            options = [self.option(b"STORE"), random.choice(SORTED)] + options
        if random.random() < 0.1:
            options.insert(random.randrange(len(options) + 1), self.garbage())
        return self.exact(b"sort", key, *options)
