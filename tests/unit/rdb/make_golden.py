#!/usr/bin/env python3
"""Writes golden_payloads.h and the fuzzer's corpus: objects as redis-server 7.0.15 dumps them, and old encodings made here.

Each old encoding up to the newest that redis-server 7.0 knows is restored into it, with all its checks, before it is written down.
Newer ones (RDB 11 and 12) are made after the format's description alone.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TESTS, "integration"))
import harness  # noqa: E402

CORPUS = os.path.join(TESTS, "fuzz", "rdb_object_corpus")
FOOTER_BYTES = 10
POLYNOMIAL = 0x95AC9329AC4BC9B5


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def with_footer(body, version=10):
    body += struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


def string(value):
    assert len(value) < 1 << 14
    return (struct.pack("B", len(value)) if len(value) < 64 else struct.pack(">H", len(value) | 0x4000)) + value


def ziplist(items):
    """Each item: bytes, or (bytes of an encoding and its data)."""
    body, offset, previous = b"", 10, 0
    last = 10
    for item in items:
        last = 10 + len(body)
        prefix = struct.pack("B", previous) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
        if isinstance(item, tuple):
            data = item[0]
        elif len(item) < 64:
            data = struct.pack("B", len(item)) + item
        elif len(item) < 1 << 14:
            data = struct.pack(">H", len(item) | 0x4000) + item
        else:
            data = b"\x80" + struct.pack(">I", len(item)) + item
        previous = len(prefix) + len(data)
        body += prefix + data
    return struct.pack("<IIH", 10 + len(body) + 1, last, len(items)) + body + b"\xff"


def zipmap(pairs):
    def size(number):
        return struct.pack("B", number) if number < 254 else b"\xfe" + struct.pack("<I", number)
    body = b"".join(size(len(field)) + field + size(len(value)) + struct.pack("B", free) + value + b"?" * free for field, value, free in pairs)
    return struct.pack("B", len(pairs)) + body + b"\xff"


def lp_back(size):
    groups = []
    while True:
        groups.append(size & 127)
        size >>= 7
        if not size:
            break
    return bytes([groups[-1]] + [group | 128 for group in reversed(groups[:-1])])


def listpack(items):
    body = b""
    for item in items:
        if isinstance(item, int):
            data = struct.pack("B", item) if 0 <= item < 128 else b"\xf4" + struct.pack("<q", item)
        else:
            assert len(item) < 64
            data = struct.pack("B", 0x80 | len(item)) + item
        body += data + lp_back(len(data))
    return struct.pack("<IH", len(body) + 7, len(items)) + body + b"\xff"


INTEGERS = [(b"\xf1",), (b"\xfd",), (b"\xfe\x80",), (b"\xc0\xff\x7f",), (b"\xf0\x00\x00\x80",), (b"\xd0\xff\xff\xff\x7f",), (b"\xe0" + b"\x00" * 7 + b"\x80",)]
ID = struct.pack(">QQ", 5, 1)
ID2 = struct.pack(">QQ", 5, 3)
NODE = listpack([2, 1, 1, b"f", 0, 2, 0, 0, b"v", 4, 3, 0, 1, b"d", 4, 0, 0, 2, 2, b"g", b"w", b"h", 7, 8])
STREAM_HEAD = b"\x01" + string(ID) + string(NODE) + b"\x02" + b"\x05\x03"
GROUP_TAIL = b"\x01" + ID + struct.pack("<q", 1000) + b"\x07"
OLD = {
    "list": b"\x01\x03" + string(b"a") + b"\xc0\x05" + b"\xc1\x00\x01",
    "sorted_set_text": b"\x03\x03" + string(b"a") + b"\x031.5" + string(b"b") + b"\xfe" + string(b"c") + b"\xff",
    "hash_zipmap": b"\x09" + string(zipmap([(b"f", b"v", 0), (b"field", b"x" * 300, 3)])),
    "list_ziplist": b"\x0a" + string(ziplist([b"a", b"x" * 63, b"y" * 64, b"z" * 300, b"after"] + INTEGERS)),
    "sorted_set_ziplist": b"\x0c" + string(ziplist([b"a", (b"\xf2",), b"b", b"2.5"])),
    "hash_ziplist": b"\x0d" + string(ziplist([b"f", b"v", (b"\xf2",), (b"\xfe\x05",)])),
    "list_quicklist": b"\x0e\x02" + string(ziplist([b"a", b"b"])) + string(ziplist([(b"\xf4",)])),
    "stream_1": b"\x0f" + STREAM_HEAD + b"\x01" + string(b"g") + b"\x05\x01" + GROUP_TAIL + b"\x01" + string(b"c") + struct.pack("<q", 2000) + b"\x01" + ID,
}
NEW = {
    "set_listpack": b"\x14" + string(listpack([b"a", 7, b"bcd"])),
    "stream_3": b"\x15" + STREAM_HEAD + b"\x05\x01\x05\x02\x03\x01" + string(b"g") + b"\x05\x01\x01" + GROUP_TAIL + b"\x01" + string(b"c") +
                struct.pack("<qq", 2000, -1) + b"\x01" + ID,
    "hash_expiring_0": b"\x16\x02" + b"\x81" + struct.pack(">Q", 1800000000000) + string(b"f") + string(b"v") + b"\x00" + string(b"g") + string(b"w"),
    "hash_listpack_ex_0": b"\x17" + string(listpack([b"f", b"v", 1800000000000, b"g", b"w", 0])),
    "hash_expiring": b"\x18" + struct.pack("<q", 1800000000000) + b"\x03" + b"\x01" + string(b"f") + string(b"v") + b"\x05" + string(b"h") + string(b"x") +
                     b"\x00" + string(b"g") + string(b"w"),
    "hash_listpack_ex": b"\x19" + struct.pack("<q", 1800000000000) + string(listpack([b"f", b"v", 1800000000000, b"g", b"w", 0])),
}
LIVE = {
    "string_raw": [["SET", "k", "hello"]],
    "string_integer": [["SET", "k", "-12345"]],
    "string_compressed": [["SET", "k", "ab" * 40]],
    "list_quicklist_2": [["RPUSH", "k", "a", "17", "", "-5000", "c" * 70]],
    "list_quicklist_2_plain": [["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "5b"], ["RPUSH", "k", "abcdefgh", "x", "12345678"], ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0"]],
    "list_quicklist_2_nodes": [["CONFIG", "SET", "list-max-listpack-size", "2"], ["RPUSH", "k", "a", "b", "c"], ["CONFIG", "SET", "list-max-listpack-size", "-2"]],
    "set_integers_16": [["SADD", "k", "1", "-2", "300"]],
    "set_integers_32": [["SADD", "k", "1", "70000"]],
    "set_integers_64": [["SADD", "k", "1", "-9223372036854775808"]],
    "set": [["SADD", "k", "a"]],
    "sorted_set_listpack": [["ZADD", "k", "1.5", "a", "-inf", "b", "3", "7"]],
    "sorted_set": [["CONFIG", "SET", "zset-max-listpack-entries", "1"], ["ZADD", "k", "1.5", "a", "inf", "b"], ["CONFIG", "SET", "zset-max-listpack-entries", "128"]],
    "hash_listpack": [["HSET", "k", "f", "v", "7", "8"]],
    "hash": [["HSET", "k", "f", "v" * 65]],
    "stream_2": [["XADD", "k", "5-1", "f", "v"], ["XADD", "k", "5-2", "f", "d"], ["XADD", "k", "5-3", "g", "w", "h", "7"], ["XDEL", "k", "5-2"]],
    "stream_2_group": [["XADD", "k", "5-1", "f", "v"], ["XGROUP", "CREATE", "k", "g", "0"], ["XGROUP", "CREATECONSUMER", "k", "g", "idle"],
                       ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "k", ">"]],
    "stream_2_empty": [["XGROUP", "CREATE", "k", "g", "$", "MKSTREAM"]],
}


def collect(redis):
    found = {}
    for name, commands in LIVE.items():
        redis.call("DEL", "k")
        for command in commands:
            redis.call(*command)
        found[name] = redis.call("DUMP", "k")
    for name, body in OLD.items():
        found[name] = with_footer(body)
        redis.call("RESTORE", "old", "0", found[name], "REPLACE")
    for name, body in NEW.items():
        found[name] = with_footer(body, 12)
    return found


def main():
    with harness.Server("redis", "--enable-debug-command", "yes", "--sanitize-dump-payload", "yes") as redis:
        found = collect(redis)
    os.makedirs(CORPUS, exist_ok=True)
    lines = ["// Made by make_golden.py: what redis-server 7.0.15 dumps, and encodings of other versions.", "#pragma once", "",
             "#include <string_view>", "", "namespace chestbox::rdb::testing {", "", "struct GoldenPayload {", "  std::string_view name;",
             "  std::string_view hex;  // of all of it, with the footer", "};", "", "inline constexpr GoldenPayload kGoldenPayloads[] = {"]
    for name, payload in found.items():
        digits = payload.hex()
        pieces = [digits[start:start + 100] for start in range(0, len(digits), 100)]
        lines.append(f"    {{\"{name}\",")
        lines += [f"     \"{piece}\"" for piece in pieces]
        lines[-1] += "},"
        with open(os.path.join(CORPUS, name), "wb") as file:
            file.write(payload[:-FOOTER_BYTES])
    lines += ["};", "", "}  // namespace chestbox::rdb::testing"]
    with open(os.path.join(HERE, "golden_payloads.h"), "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
