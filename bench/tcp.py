"""SET and GET by redis-benchmark over TCP, with values of 100 B: throughput and server CPU time per command."""
import side_by_side
from side_by_side import CONNECTIONS, UNPIPELINED, Load

VALUE_BYTES, KEYS = 100, 10_000
LOADS = [Load(name, ("-t", name.lower()), commands, pipeline, KEYS, VALUE_BYTES)
         for pipeline, commands in [(1, 60_000), (16, 600_000)] for name in ("SET", "GET")]


def run(quick):
    pairs = 2 if quick else 5
    loads = [load.shorter(5 if quick else 1) for load in LOADS]
    results = side_by_side.run_pairs(loads, pairs)
    return side_by_side.report(f"TCP, {CONNECTIONS} connections, {VALUE_BYTES} B, medians of {pairs} pairs", loads, results,
                               lambda load: UNPIPELINED)
