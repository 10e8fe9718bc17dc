"""Commands on collections of 1 M elements by redis-benchmark over TCP, unpipelined and with -P 16, both servers filled once."""
import fills
import side_by_side
from side_by_side import Load, array, bulk

HASH_FIELDS = 50
# Replies as long as the real ones.
NUMBER, MEMBER, FIELD_AND_VALUE, STREAM_ID = b":0\r\n", bulk(b"mem:000000000000"), bulk(b"f10") + bulk(b"v000001"), bulk(b"1700000000000-0")
ENTRY = b"*2\r\n" + bulk(b"123456-0") + b"*2\r\n" + bulk(b"field") + bulk(b"value:0000000000")


def loads_of(pipeline, count):
    def load(name, commands, words, reply, keys=count):
        return Load(name, tuple(words.split()), commands[pipeline > 1], pipeline, keys, reply=reply)

    middle = count // 2
    return [
        load("ZADD (a new score)", (16_000, 96_000), "ZADD big:zset __rand_int__ mem:__rand_int__", NUMBER),
        load("ZRANGE of 100 by rank, middle", (12_000, 32_000), f"ZRANGE big:zset {middle} {middle + 99}", array(MEMBER, 100)),
        load("ZRANGE of 100 by score, random", (12_000, 32_000), "ZRANGE big:zset __rand_int__ +inf BYSCORE LIMIT 0 100", array(MEMBER, 100)),
        load("HSET (a new value)", (16_000, 160_000), "HSET big:hash mem:__rand_int__ __rand_int__:new", NUMBER),
        load(f"HGETALL of {HASH_FIELDS} fields, random", (12_000, 32_000), "HGETALL hash:__rand_int__",
             b"*%d\r\n" % (2 * HASH_FIELDS) + FIELD_AND_VALUE * HASH_FIELDS, count // HASH_FIELDS),
        load("LRANGE of 300, head", (8_000, 16_000), "LRANGE big:list 0 299", array(MEMBER, 300)),
        load("LRANGE of 300, middle", (8_000, 16_000), f"LRANGE big:list {middle} {middle + 299}", array(MEMBER, 300)),
        load("XADD", (16_000, 160_000), "XADD big:stream * field value:0123456789", STREAM_ID, 0),
        load("XRANGE of 10, random", (12_000, 80_000), "XRANGE big:stream __rand_int__ + COUNT 10", array(ENTRY, 10)),
        load("XRANGE of 100, random", (8_000, 16_000), "XRANGE big:stream __rand_int__ + COUNT 100", array(ENTRY, 100)),
    ]


def fill(server, count):
    with server.connect() as connection:
        fills.zset(connection, "big:zset", count)
        fills.hash_(connection, "big:hash", count)
        fills.list_(connection, "big:list", count)
        fills.stream(connection, "big:stream", count)
        fills.small_hashes(connection, b"hash", count // HASH_FIELDS, HASH_FIELDS)


def run(quick):
    pairs, count = (2, 200_000) if quick else (5, 1_000_000)
    loads = [load.shorter(4 if quick else 1) for pipeline in (1, 16) for load in loads_of(pipeline, count)]
    results = side_by_side.run_pairs(loads, pairs, lambda server: fill(server, count))
    title = f"Collections of {count:,} elements, {side_by_side.CONNECTIONS} connections, medians of {pairs} pairs"
    return side_by_side.report(title, loads, results, side_by_side.by_pipeline)
