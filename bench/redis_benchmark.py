"""Every test of redis-benchmark's default list, unpipelined and with -P 16, on fresh servers for each pair."""
import side_by_side
from side_by_side import Load, array, bulk

KEYS = 100_000  # without -r most tests would work on one element, and SPOP and ZPOPMIN on nothing
LISTED = 100_000  # elements of the list that LRANGE reads

PONG, OK, NUMBER, VALUE, MEMBER = b"+PONG\r\n", b"+OK\r\n", b":100000\r\n", bulk(b"xxx"), bulk(b"element:000000012345")


# The list in its order: (test, commands unpipelined, commands with -P 16, a reply). SPOP and ZPOPMIN take less than SADD and ZADD put in.
TESTS = [("ping_inline", 16_000, 400_000, PONG), ("ping_mbulk", 16_000, 400_000, PONG), ("set", 16_000, 320_000, OK),
         ("get", 16_000, 320_000, VALUE), ("incr", 16_000, 320_000, NUMBER), ("lpush", 16_000, 640_000, NUMBER),
         ("rpush", 16_000, 640_000, NUMBER), ("lpop", 16_000, 640_000, VALUE), ("rpop", 16_000, 640_000, VALUE),
         ("sadd", 16_000, 320_000, NUMBER), ("hset", 16_000, 320_000, NUMBER), ("spop", 12_000, 72_000, MEMBER),
         ("zadd", 16_000, 120_000, NUMBER), ("zpopmin", 12_000, 64_000, array(MEMBER, 2))]
RANGES = [(100, 12_000, 40_000), (300, 8_000, 16_000), (500, 6_000, 8_000), (600, 6_000, 8_000)]
MSET = ("mset", 12_000, 48_000, OK)


def loads_of(pipeline, keys):
    def own(test, *commands, reply):
        return Load(test.upper(), ("-t", test), commands[pipeline > 1], pipeline, keys, reply=reply)

    loads = [own(*test, reply=reply) for *test, reply in TESTS]
    # `-t lrange_100` would fill the list within the measurement; its command is this one.
    loads.append(Load("a list for LRANGE", ("-t", "lpush"), LISTED, 16, measured=False))
    loads += [Load(f"LRANGE_{count}", ("LRANGE", "mylist", "0", str(count - 1)), commands[pipeline > 1], pipeline,
                   reply=array(VALUE, count)) for count, *commands in RANGES]
    *mset, reply = MSET
    return [*loads, own(*mset, reply=reply)]


def run(quick, keys=KEYS):
    pairs = 2 if quick else 5
    loads = [load.shorter(4 if quick else 1) for pipeline in (1, 16) for load in loads_of(pipeline, keys)]
    results = side_by_side.run_pairs(loads, pairs)
    title = f"redis-benchmark's default list, {side_by_side.CONNECTIONS} connections, -r {keys}, medians of {pairs} pairs"
    return side_by_side.report(title, loads, results, side_by_side.by_pipeline)
