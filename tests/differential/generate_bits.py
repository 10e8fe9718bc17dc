"""Bitmaps, bitfields and HyperLogLogs: commands over strings, mixed into Generator (generate.py).

HyperLogLogs are damaged only where redis-server says so before it changes anything: from a PFADD of several elements that meets
the damage half-way, redis-server keeps the first ones and ChestBox none.
"""

HYPERLOGLOGS = [b"hll:1", b"hll:2", b"hll:3", b"hll:4"]
WRONG_TYPES = [b"u64", b"i65", b"u0", b"i0", b"8", b"u", b"", b"x8", b"u-1", b"I8", b"i08", b"u8 "]
SPARSE_LIMITS = [b"0", b"18", b"30", b"200", b"3000", b"3000", b"3000", b"20000"]


class BitCommands:
    def bit_weights(self):
        return [(self.setbit, 8), (self.getbit, 4), (self.bitcount, 6), (self.bitpos, 7), (self.bitop, 6), (self.bitfield, 8),
                (self.pfadd, 8), (self.pfcount, 5), (self.pfmerge, 3), (self.pfdebug, 2), (self.hyperloglog_as_string, 2)]

    # --- parts ---

    def bit_offset(self):
        random = self.random
        chance = random.random()
        if chance < 0.06:
            return random.choice([b"-1", b"4294967296", b"abc", b"", b"1.5", b"9223372036854775807", b"#1", b"01"])
        if chance < 0.1:
            return b"%d" % random.randint(0, 200000)
        return b"%d" % random.randint(0, 700)

    def bit(self):
        return self.random.choice([b"0", b"1", b"1", b"0", b"1", b"0", b"1", b"2", b"-1", b"01", b"abc"])

    def bit_range(self, open_end):
        """Nothing, or a range; `open_end`: perhaps without its end."""
        random = self.random
        words = random.choice([[], [self.offset()], [self.offset(), self.offset()], [self.offset(), self.offset()]])
        if len(words) == 1 and not open_end and random.random() < 0.8:
            words = []
        if len(words) == 2 and random.random() < 0.6:
            if random.random() < 0.5:
                words = [b"%d" % random.randint(-900, 900), b"%d" % random.randint(-900, 900)]
            words.append(self.option(random.choice([b"BIT", b"BIT", b"BYTE", b"BITS"])))
        return words

    def hyperloglog(self):
        return self.random.choice(HYPERLOGLOGS) if self.random.random() < 0.95 else self.key()

    # --- commands ---

    def setbit(self):
        return [b"setbit", self.key(), self.bit_offset(), self.bit()]

    def getbit(self):
        return [b"getbit", self.key(), self.bit_offset()]

    def bitcount(self):
        return [b"bitcount", self.key()] + self.bit_range(open_end=False)

    def bitpos(self):
        return [b"bitpos", self.key(), self.bit()] + self.bit_range(open_end=True)

    def bitop(self):
        random = self.random
        name = random.choice([b"and", b"or", b"xor", b"not", b"not", b"nand"])
        keys = [self.key()] if name == b"not" and random.random() < 0.9 else self.keys(5)
        return [b"bitop", self.option(name), self.key()] + keys

    def bitfield(self):
        random = self.random
        name = random.choice([b"bitfield", b"bitfield", b"bitfield", b"bitfield_ro"])
        command = [name, self.key()]
        for _ in range(random.randint(0, 5)):
            kinds = [b"GET"] if name == b"bitfield_ro" and random.random() < 0.97 else [b"GET", b"SET", b"INCRBY", b"OVERFLOW", b"INCRBY"]
            kind = random.choice(kinds)
            if kind == b"OVERFLOW":
                command += [self.option(kind), self.option(random.choice([b"WRAP", b"SAT", b"FAIL", b"SAT", b"FAIL", b"NONE"]))]
                continue
            command += [self.option(kind), self.field_type(), self.field_offset()]
            if kind != b"GET":
                command.append(self.integer() if random.random() < 0.5 else b"%d" % random.randint(-2**random.randint(1, 63), 2**random.randint(1, 63) - 1))
        return command

    def field_type(self):
        random = self.random
        if random.random() < 0.03:
            return random.choice(WRONG_TYPES)
        if random.random() < 0.4:
            return random.choice([b"u1", b"u8", b"i8", b"i16", b"u16", b"u63", b"i64", b"i64", b"i1", b"u2"])
        return random.choice([b"u%d" % random.randint(1, 63), b"i%d" % random.randint(1, 64)])

    def field_offset(self):
        if self.random.random() < 0.3:
            return self.random.choice([b"#0", b"#1", b"#2", b"#5", b"#17", b"#", b"#-1", b"#abc", b"##1"])
        return self.bit_offset()

    def pfadd(self):
        random = self.random
        chance = random.random()
        if chance < 0.08:
            elements = []
        elif chance < 0.6:
            elements = [self.value() for _ in range(random.randint(1, 4))]
        elif chance < 0.85:
            elements = [b"%d" % random.randint(0, 300) for _ in range(random.randint(1, 30))]
        else:
            first = random.randint(0, 10**9)
            elements = [b"element:%d" % number for number in range(first, first + random.choice([100, 300, 1000]))]
        return [b"pfadd", self.hyperloglog()] + elements

    def pfcount(self):
        return [b"pfcount"] + [self.hyperloglog() for _ in range(self.random.choice([1, 1, 2, 3]))]

    def pfmerge(self):
        return [b"pfmerge", self.hyperloglog()] + [self.hyperloglog() for _ in range(self.random.randint(0, 3))]

    def pfdebug(self):
        word = self.random.choice([b"GETREG", b"DECODE", b"DECODE", b"ENCODING", b"ENCODING", b"TODENSE", b"NONSENSE"])
        return [b"pfdebug", self.option(word), self.hyperloglog()]

    def hyperloglog_as_string(self):
        """A look at the bytes, a copy under another name, a life that ends; or damage that is seen at once."""
        random = self.random
        key = self.hyperloglog()
        return random.choice([[b"get", key], [b"get", key], [b"strlen", key], [b"object", b"encoding", key], [b"copy", key, self.hyperloglog()],
                              [b"expire", key, b"100000"], [b"del", key], [b"del", key], [b"setrange", key, b"0", b"HULL"],
                              [b"setrange", key, b"4", b"\x02"], [b"set", key, b"HYLL\x01\0\0\0" + b"\0" * 8 + b"\x7f\xff"]])
