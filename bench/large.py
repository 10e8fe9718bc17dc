"""Commands on collections of 1 M elements by redis-benchmark over TCP, unpipelined and with -P 16, both servers filled once."""
import fills
import side_by_side
from side_by_side import Load

HASH_FIELDS = 50


def loads_of(pipeline, count):
    def load(name, commands, words, keys=count):
        return Load(name, tuple(words.split()), commands[pipeline > 1], pipeline, keys)

    middle = count // 2
    return [
        load("ZADD (a new score)", (16_000, 96_000), "ZADD big:zset __rand_int__ mem:__rand_int__"),
        load("ZRANGE of 100 by rank, middle", (12_000, 32_000), f"ZRANGE big:zset {middle} {middle + 99}"),
        load("ZRANGE of 100 by score, random", (12_000, 32_000), "ZRANGE big:zset __rand_int__ +inf BYSCORE LIMIT 0 100"),
        load("HSET (a new value)", (16_000, 160_000), "HSET big:hash mem:__rand_int__ __rand_int__:new"),
        load(f"HGETALL of {HASH_FIELDS} fields, random", (12_000, 32_000), "HGETALL hash:__rand_int__", count // HASH_FIELDS),
        load("LRANGE of 300, head", (8_000, 16_000), "LRANGE big:list 0 299"),
        load("LRANGE of 300, middle", (8_000, 16_000), f"LRANGE big:list {middle} {middle + 299}"),
        load("XADD", (16_000, 160_000), "XADD big:stream * field value:0123456789", 0),
        load("XRANGE of 10, random", (12_000, 80_000), "XRANGE big:stream __rand_int__ + COUNT 10"),
        load("XRANGE of 100, random", (8_000, 16_000), "XRANGE big:stream __rand_int__ + COUNT 100"),
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
