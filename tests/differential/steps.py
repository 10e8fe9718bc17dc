"""Steps of a session (run.py) that are more than a command and its reply: clients that wait, random choices, payloads, and states that
ChestBox has on disk.
"""
import select

import resp
from generate_lists import LISTS
from generate_sets import SETS
from generate_streams import CONSUMERS, GROUPS
from generate_streams import KEYS as STREAMS
from generate_zset import LEX, PLACES, ZSETS
from harness import wait_for

FOR_EVER = b"0"


def wait_for_list(generator):
    return generator.list_wait(FOR_EVER), LISTS, [generator.list_push, generator.list_push, generator.list_move, generator.list_pop, generator.rename]


def wait_for_zset(generator):
    random = generator.random
    keys = [generator.zset_key() for _ in range(random.randint(1, 3))]
    if random.random() < 0.6:
        command = [random.choice([b"bzpopmin", b"bzpopmax"])] + keys + [FOR_EVER]
    else:
        command = [b"bzmpop", FOR_EVER, b"%d" % len(keys)] + keys + [random.choice([b"MIN", b"MAX"])] + random.choice([[], [b"COUNT", b"3"]])
    return command, ZSETS, [generator.zset_add, generator.zset_add, generator.zset_pop, generator.zset_store, generator.geo_search]


def wait_for_stream(generator):
    random, streams = generator.random, generator.streams
    # Not one stream twice, which only the first of them is to redis-server 7.0 once it waits; 7.2 replies both.
    keys = random.sample(sorted(set(STREAMS)), random.randint(1, 2))
    count = random.choice([[], [b"COUNT", b"2"]])
    if random.random() < 0.5:
        command = [b"xread"] + count + [b"BLOCK", FOR_EVER, b"STREAMS"] + keys + [random.choice([b"$", b"$", b"0"]) for _ in keys]
    else:
        command = [b"xreadgroup", b"GROUP", random.choice(GROUPS), random.choice(CONSUMERS)] + count + [b"BLOCK", FOR_EVER] + \
            random.choice([[], [b"NOACK"]]) + [b"STREAMS"] + keys + [b">" for _ in keys]
    return command, STREAMS, [streams.add, streams.add, streams.add, streams.group, streams.delete, streams.trim]


def is_blocked(connection, other):
    """Whether the other client waits, or has its reply."""
    return select.select([other.socket], [], [], 0)[0] or b"\r\nblocked_clients:0\r\n" not in connection.call("INFO", "clients")


def step_waiting(session):
    """A client that waits, and what others do meanwhile; both servers' replies to both."""
    generator, random = session.generator, session.random
    session.one([b"SELECT", b"0"])
    waiting, keys, makers = random.choice([wait_for_list, wait_for_list, wait_for_zset, wait_for_stream])(generator)
    if random.random() < 0.5:
        session.one([b"DEL"] + keys)
        if keys is STREAMS:  # there must be groups to wait in
            for key in sorted(set(keys)):
                session.one([b"XGROUP", b"CREATE", key, b"g1", b"$", b"MKSTREAM"])
    others = [server.connect() for server in session.servers]
    try:
        numbers = [connection.call("CLIENT", "ID") for connection in others]
        for connection in others:
            connection.send(resp.encode(*waiting))
        for connection, other in zip(session.connections, others):
            wait_for(lambda: is_blocked(connection, other), what="a client that waits")
        session.history.append([b"(another client)"] + waiting)
        for _ in range(random.randint(0, 3)):
            session.one(random.choice(makers)())
        # Whoever waits still, would for ever; no reply depends on how quick the machine is.
        for connection, number in zip(session.connections, numbers):
            connection.call("CLIENT", "UNBLOCK", number)
        session.history.append([b"(another client's reply)"])
        session.compare(waiting, [connection.read_raw() for connection in others])
    finally:
        for connection in others:
            connection.close()


def step_take(session):
    """SPOP takes members of each server's own choice: they were there, are not any more, and are put back."""
    key, count = session.random.choice(SETS), session.random.choice([None, b"1", b"3", b"50"])
    command = [b"SPOP", key] + ([] if count is None else [count])
    before = session.one([b"SMEMBERS", key])
    session.send(resp.encode(*command))
    replies = [connection.read_raw() for connection in session.connections]
    session.history.append(command)
    if [reply.split(b"\r\n")[0][:1] for reply in replies] != [replies[0][:1]] * 2:
        session.fail(command, *replies)
    session.coverage.note(command, replies[0])
    for connection, reply, all_members in zip(session.connections, replies, before):
        taken = resp.decode(reply)
        if taken is None or isinstance(taken, resp.RespError):
            continue
        taken = taken if count is not None else [taken]
        there = resp.decode(all_members)
        if len(set(taken)) != len(taken) or not set(taken) <= set(there) or len(taken) != min(len(there), int(count or 1)):
            session.fail(command, *replies)
        if taken and any(connection.call("SMISMEMBER", key, *taken)):
            session.fail(command, *replies)
        if taken:
            connection.call("SADD", key, *taken)
    session.count += 1
    session.one([b"SCARD", key])


def step_restore(session):
    """What one server dumps, both restore, with options."""
    generator, random = session.generator, session.random
    key = random.choice([generator.key(), generator.any_key()])
    dump = session.connections[random.randrange(2)].call("DUMP", key)
    if dump is None:
        return
    absolute = random.random() < 0.4
    ttl = random.choice([b"0", generator.ttl("ms", absolute, past=False)])
    options = generator.some(([generator.option(b"REPLACE")], 0.7), ([generator.option(b"ABSTTL")], 1.0 if absolute else 0.0),
                             ([generator.option(b"IDLETIME"), random.choice([b"0", b"1000", b"-1", b"abc"])], 0.2),
                             ([generator.option(b"FREQ"), random.choice([b"0", b"200", b"255", b"256"])], 0.2))
    if random.random() < 0.05:
        dump = dump[:-1] + bytes([dump[-1] ^ 1])
    session.one([b"RESTORE", generator.any_key(), ttl, dump] + options)


def step_leave(session):
    """States leave ChestBox's memory: whatever comes next finds them on disk, or on their way."""
    generator, random = session.generator, session.random
    chestbox = session.connections[1]
    pool = STREAMS + LEX + PLACES + [b"w:a", b"w:1", b"o:a", b"o:1", b"w:2", b"o:2"]
    keys = [random.choice([generator.key(), generator.any_key(), random.choice(pool)]) for _ in range(random.choice([1, 3, 10]))]
    chestbox.send(b"".join(resp.encode(b"DEBUG", b"SWAPOUT", key) for key in keys))
    replies = [chestbox.read_raw() for _ in keys]
    session.history.append([b"(chestbox only: DEBUG SWAPOUT)"] + [key for key, reply in zip(keys, replies) if reply[:1] == b"+"])
    if b"+OK\r\n" in replies and random.random() < 0.7:
        while b"swap_bytes_in_flight:0\r" not in chestbox.call("INFO", "chestbox"):
            pass  # else some are still on their way
