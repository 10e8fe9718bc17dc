"""SET and GET by redis-benchmark over TCP, with values of 100 B: throughput and server CPU time per command."""
import side_by_side
from side_by_side import CONNECTIONS, UNPIPELINED, Load

VALUE_BYTES, KEYS = 100, 10_000
LOADS = [Load(name, ("-t", name.split()[0].lower()), commands, pipeline, KEYS, VALUE_BYTES)
         for name, pipeline, commands in [("SET", 1, 150_000), ("GET", 1, 150_000), ("SET -P 16", 16, 1_500_000), ("GET -P 16", 16, 1_500_000)]]


def run(quick):
    pairs = 2 if quick else 5
    loads = [load.shorter(5 if quick else 1) for load in LOADS]
    results = side_by_side.run_pairs(loads, pairs)
    return side_by_side.report(f"TCP, {CONNECTIONS} connections, {VALUE_BYTES} B, medians of {pairs} pairs", loads, results,
                               lambda load: UNPIPELINED)
