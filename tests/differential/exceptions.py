"""Where ChestBox's reply may differ from redis-server 7.0.15's, each with its reason; anything else that differs is a failure.

A row: name, reason, which commands it covers (on the lower-case words), and a function of the two raw replies that says whether they
agree all the same. The first row that covers a command decides.
"""
import math
import re
from collections import namedtuple

from generate_sets import SORTED_ZSET
from resp import decode

Row = namedtuple("Row", "name reason covers agree")

TOLERANCE_MS = 1500  # both servers are asked one after the other, on a machine that does other things too


def lower(command):
    return [part.lower() for part in command]


def starts(*words):
    return lambda command: tuple(command[:len(words)]) == tuple(word.encode() for word in words)


def one_of(*names):
    encoded = {name.encode() for name in names}
    return lambda command: command[:1] and command[0] in encoded


def both_integers(redis, chestbox):
    return redis[:1] == chestbox[:1] == b":"


def integers_within(tolerance):
    """Equal, or two not-special (>= 0) integers that are close."""
    def agree(redis, chestbox):
        if not both_integers(redis, chestbox):
            return False
        one, other = int(redis[1:]), int(chestbox[1:])
        return min(one, other) >= 0 and abs(one - other) <= tolerance
    return agree


def same_hello(redis, chestbox):
    def known_fields(reply):
        value = decode(reply)
        if isinstance(value, list):
            value = dict(zip(value[::2], value[1::2]))
        if not isinstance(value, dict):
            return value
        return reply[:1], list(value), {name: value[name] for name in value if name not in (b"version", b"id")}
    return known_fields(redis) == known_fields(chestbox)


def same_client_fields(redis, chestbox):
    """CLIENT INFO and LIST: the same field names in the same order, but for the two that 7.2 added."""
    def names(reply):
        text = decode(reply)
        return [re.findall(rb"(?:^| )([a-z-]+)=", line) for line in text.splitlines()] if isinstance(text, bytes) else text
    theirs, ours = names(redis), names(chestbox)
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return False
    return theirs == [[name for name in line if name not in (b"lib-name", b"lib-ver")] for line in ours]


def same_members(redis, chestbox):
    theirs, ours = decode(redis), decode(chestbox)
    return isinstance(theirs, list) and isinstance(ours, list) and sorted(theirs) == sorted(ours)


def same_type(redis, chestbox):
    return redis[:1] == chestbox[:1] != b"-"


def same_header(redis, chestbox):
    """Both of one type, and of one length."""
    return redis.split(b"\r\n")[0] == chestbox.split(b"\r\n")[0] if redis[:1] in b"*~%" else redis[:1] == chestbox[:1]


def same_pairs(redis, chestbox):
    """Two whole ZSCANs."""
    theirs, ours = decode(redis), decode(chestbox)
    if not (isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours) == 2):
        return False
    theirs, ours = ([sorted(zip(found[::2], found[1::2])), cursor] for cursor, found in (theirs, ours))
    return theirs == ours


def same_scanned(redis, chestbox):
    """Two whole SSCANs."""
    theirs, ours = decode(redis), decode(chestbox)
    if not (isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours) == 2):
        return False
    return theirs[0] == ours[0] and sorted(theirs[1]) == sorted(ours[1])


def sorts_by_nothing_or_text(command):
    if command[:1] not in ([b"sort"], [b"sort_ro"]) or b"by" not in command[2:-1] or b"store" in command:
        return False
    pattern = command[len(command) - command[::-1].index(b"by")]  # the last one counts
    return b"*" not in pattern or b"alpha" in command


def sorts_by_number_itself(command):
    return command[:1] in ([b"sort"], [b"sort_ro"]) and not {b"by", b"get", b"alpha", b"store"} & set(command[2:])


def is_number(text):
    """As strtod sees it."""
    text = text.split(b"\0")[0].strip()
    try:
        return text == b"" or not math.isnan(float(text))
    except ValueError:
        return False


def old_range_error(redis, chestbox):
    """Redis reads errno without clearing it first: a number that an earlier command found out of range spoils this one."""
    members = decode(chestbox)
    return b"can't be converted into double" in redis and isinstance(members, list) and all(map(is_number, members))


def same_shape(redis, chestbox):
    """Two SCAN replies: a cursor and some keys each."""
    return all(reply.startswith(b"*2\r\n$") for reply in (redis, chestbox))


TIMES = (b"idle", b"seen-time", b"radix-tree-nodes")


def without_times(value):
    """A decoded reply less what depends on the moment (XINFO), or on Redis' radix tree."""
    if isinstance(value, dict):
        return {name: 0 if name in TIMES else without_times(part) for name, part in value.items()}
    if isinstance(value, list):
        return [0 if before in TIMES else without_times(part) for before, part in zip([None] + value[:-1], value)]
    return 0 if isinstance(value, int) and value > 10**11 else value  # a delivery time, where it is not one that a command gave


def same_but_times(redis, chestbox):
    return redis[:1] == chestbox[:1] != b"-" and without_times(decode(redis)) == without_times(decode(chestbox))


def same_but_idle(redis, chestbox):
    """XPENDING with a range: [id, consumer, idle ms, deliveries] each."""
    def without_idle(reply):
        return [entry[:2] + entry[3:] if isinstance(entry, list) and len(entry) == 4 else entry for entry in decode(reply)]
    return redis[:1] == chestbox[:1] == b"*" and without_idle(redis) == without_idle(chestbox)


def same_fields(redis, chestbox):
    """The same fields and values, or only one of them, in another order."""
    theirs, ours = decode(redis), decode(chestbox)
    if isinstance(theirs, dict) or isinstance(ours, dict):
        return theirs == ours
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return False
    return redis[:1] == chestbox[:1] and sorted(theirs) == sorted(ours)


TABLE = [
    Row("random fields", "each server's own choice", one_of("hrandfield"), same_header),
    Row("order of fields", "that of a hash table", one_of("hgetall", "hkeys", "hvals"), same_fields),
    Row("rank and score", "WITHSCORE is 7.2's", lambda command: command[:1] in ([b"zrank"], [b"zrevrank"]) and len(command) > 3,
        lambda redis, chestbox: redis.startswith(b"-ERR wrong number of arguments")),
    Row("random members", "each server's own choice", one_of("zrandmember", "srandmember"), same_header),
    Row("a cursor of nobody's", "which part of a hash table that is, is each server's own", lambda command:
        command[:1] in ([b"hscan"], [b"sscan"], [b"zscan"]) and command[2:3] != [b"0"], same_shape),
    Row("order of a scan", "that of a hash table", one_of("hscan", "zscan"), same_pairs),
    Row("order of a scan", "that of a hash table", one_of("sscan"), same_scanned),
    Row("order of members", "that of a hash table", one_of("smembers", "sinter", "sunion", "sdiff", "spop"), same_members),
    Row("what is not sorted", "sets have no order, and what is equal by another key's text has none", sorts_by_nothing_or_text, same_header),
    Row("payload", "versions and encodings; steps.py restores one server's at the other", one_of("dump"), same_type),
    Row("stale errno", old_range_error.__doc__, sorts_by_number_itself, old_range_error),
    Row("milliseconds left", "the two servers are asked at different moments", one_of("pttl", "pexpiretime"), integers_within(TOLERANCE_MS)),
    Row("seconds left", "the same, rounded", one_of("ttl", "expiretime"), integers_within(2)),
    Row("idle seconds", "the same; and Redis' small integers are shared, so that one's age is not the key's", starts("object", "idletime"),
        both_integers),
    Row("cursor", "cursor and order are each server's own (whole iterations are compared as sets)", starts("scan"), same_shape),
    Row("stream times", "idle times, seen times and delivery times are each server's own; there is no radix tree here", starts("xinfo"), same_but_times),
    Row("pending times", "the same", starts("xpending"), same_but_idle),
    Row("client id", "numbered by each server", starts("client", "id"), both_integers),
    Row("greeting", "version and id are each server's own", one_of("hello"), same_hello),
    Row("client fields", "addresses and counters are each server's own; 7.2 has lib-name and lib-ver", lambda command:
        command[:1] == [b"client"] and command[1:2] in ([b"info"], [b"list"]), same_client_fields),
    Row("all commands", "the referee also knows the commands of later work; command_table.py compares the common ones",
        lambda command: command[:1] == [b"command"] and (len(command) == 1 or command[1] == b"docs" or command[1:] in ([b"info"], [b"count"])), same_type),
    Row("command list", "order is that of a hash table", starts("command", "list"), same_members),
]


def as_small_as_may_be(redis, chestbox):
    names = [reply.split(b"\r\n")[1:2] for reply in (redis, chestbox)]
    return names in ([[b"raw"], [b"embstr"]], [[b"raw"], [b"int"]], [[b"embstr"], [b"int"]])


# In sessions in which ChestBox's states go to disk and come back (steps.py).
LEFT = [
    Row("SORT makes a skiplist", "of a packed sorted set, in Redis; here reading changes nothing", starts("object", "encoding", SORTED_ZSET.decode()), same_type),
    Row("encoding of a string", "what comes back from disk is as small as it may be, as in Redis what RDB brings back", starts("object", "encoding"),
        as_small_as_may_be),
]


def agree(command, redis, chestbox, left=False):
    """Whether the replies are the same, or differ as the tables allow. `left`: states may have been on disk."""
    if redis == chestbox:
        return True
    words = lower(command)
    row = next((row for row in (LEFT if left else []) + TABLE if row.covers(words)), None)
    return row is not None and row.agree(redis, chestbox)
