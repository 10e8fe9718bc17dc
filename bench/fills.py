"""Collections of many elements, the same in every server. Members are "mem:000000000123": redis-benchmark's mem:__rand_int__ finds them.

Numbers come in scattered order where the order could matter: a tree that is filled from one end is denser than most.
"""
import itertools

ELEMENTS_PER_COMMAND = 250
SCATTER = 7_368_787  # a prime that divides no count used here


def member(number):
    return b"mem:%012d" % number


def scattered(count):
    return (i * SCATTER % count for i in range(count))


def _add(connection, words, elements):
    """Adds `elements`, each a tuple of words, many to a command."""
    elements = iter(elements)
    while part := list(itertools.islice(elements, ELEMENTS_PER_COMMAND)):
        connection.run(*words, *itertools.chain.from_iterable(part))


def zset(connection, key, count):
    """Member i has a score of its own below `count`."""
    _add(connection, ("ZADD", key), ((score, member(i)) for i, score in enumerate(scattered(count))))


def set_(connection, key, count):
    _add(connection, ("SADD", key), ((member(i),) for i in scattered(count)))


def list_(connection, key, count):
    _add(connection, ("RPUSH", key), ((member(i),) for i in range(count)))


def hash_(connection, key, count):
    _add(connection, ("HSET", key), ((member(i), b"value:%010d" % i) for i in scattered(count)))


def stream(connection, key, count):
    """Entry i has the ID i-0."""
    connection.run_all(("XADD", key, f"{i}-0", "field", b"value:%010d" % i) for i in range(1, count + 1))


def small_hashes(connection, prefix, count, fields):
    """Hashes of their own: prefix:000000000000 and so on, of `fields` short fields."""
    names = [b"f%d" % field for field in range(1, fields + 1)]

    def command(i):
        return "HSET", b"%s:%012d" % (prefix, i), *(word for name in names for word in (name, b"v%06d" % (i % 1_000_000)))

    connection.run_all(map(command, range(count)))
