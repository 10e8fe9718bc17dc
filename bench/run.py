#!/usr/bin/env python3
"""Measures ChestBox against redis-server, side by side on this machine. Needs two cores and the release build.

    run.py [PART...] [--quick]     all parts without any; --quick: a short, rough run of fewer commands on fewer elements

Parts (each module says more at its head):
    tcp              SET and GET of 100 B by redis-benchmark: throughput and server CPU time per command
    redis_benchmark  every test of redis-benchmark's default list, unpipelined and with -P 16: the same
    large            commands on collections of 1 M elements: the same
    shm              GET of a co-located client in shared memory
    shm_collections  HGET, ZSCORE, SISMEMBER and LINDEX of a co-located client, also beside a constant writer
    channel          SET by the channel in shared memory against a Unix socket: latency, and throughput of a pipeline
    swap             states under maxmemory: right, how much memory, hot and cold readers
    restart          time to the first right GET
    memory           bytes a key or element
    stalls           the longest PING while a collection of 1 M elements leaves memory and comes back
"""
import argparse
import importlib
import os
import sys
import time

from report import print_verdicts

# Each a module beside this file.
PARTS = ("tcp", "redis_benchmark", "large", "shm", "shm_collections", "channel", "swap", "restart", "memory",
         "stalls")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="short runs with fewer repetitions")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part named {', '.join(unknown)}")
    verdicts = []
    for part in arguments.parts or PARTS:
        print(f"\n=== {part}: load average {os.getloadavg()[0]:.1f} at {time.strftime('%H:%M:%S')}", flush=True)
        verdicts += importlib.import_module(part).run(arguments.quick)
    print("\n=== targets")
    print_verdicts(verdicts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
