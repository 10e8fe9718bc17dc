#!/usr/bin/env python3
"""Runs Redis' own Tcl test suite (7.0.15) against chestbox-server, unit by unit, a fresh server for each.

    run.py                      all units of expected.tsv against chestbox-server
    run.py unit/expire ...      some of them
    run.py --referee            against redis-server, nothing skipped: prints the expected.tsv that follows from it

expected.tsv says for each unit how many tests redis-server passes and how many of these must pass here; fewer is a failure.
skip.txt lists the tests that need commands of later work, and every line of it is checked to be still needed.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import fetch  # noqa: E402
import harness  # noqa: E402

EXPECTED_PATH = os.path.join(HERE, "expected.tsv")
SKIP_PATH = os.path.join(HERE, "skip.txt")
UNIT_BOUND_S = 300
ALONE = ["alone"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def read_table(path):
    with open(path) as table:
        return [line.rstrip("\n").split("\t") for line in table if line.strip() and not line.startswith("#")]


def skips_of(unit):
    """{test name: commands and features it misses}"""
    return {name: commands.split() for row_unit, name, commands in read_table(SKIP_PATH) if row_unit == unit}


def run_unit(source, unit, program, skips, only=()):
    """Returns {"ok": [names], "err": [...], "skip": [...]}, the whole output, and the skips that are no longer needed."""
    with harness.Server(program, "--enable-debug-command", "yes") as server, \
            tempfile.NamedTemporaryFile("w", suffix=".skip") as skip_file:
        # An empty line in the file would skip a test without a name, so the last name has no newline.
        skip_file.write("\n".join(skips))
        skip_file.flush()
        stale = [name for name, commands in skips.items() if commands != ALONE and knows_all(server, commands)]
        command = ["./runtest", "--host", "127.0.0.1", "--port", str(server.port), "--single", unit, "--durable",
                   "--timeout", "120",
                   # So that several runs do not meet at one port.
                   "--baseport", str(11111 + os.getpid() % 40 * 1000)]
        if skips:
            command += ["--skipfile", skip_file.name]
        for name in only:
            command += ["--only", name]
        try:
            done = subprocess.run(command, cwd=source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=UNIT_BOUND_S)
            output = done.stdout
        except subprocess.TimeoutExpired as timeout:
            output = (timeout.output or b"") + b"\n[err]: the unit did not end\n"
        if server.process.poll() is not None:
            output += b"\n[err]: the server died\n" + server.log()[-3000:].encode()
            server.kill()
    text = COLOUR.sub("", output.decode("utf-8", "replace"))
    results = {kind: re.findall(rf"^\[{kind}\]: (.*?)(?: \(\d+ ms\))?$", text, re.M) for kind in ("ok", "err", "skip")}
    results["err"] += re.findall(r"^\[(?:exception|TIMEOUT)\].*", text, re.M)
    return results, text, stale


def can_be_replica(server):
    with server.connect() as connection:
        return connection.raw("REPLICAOF", "127.0.0.1", harness.free_port()) == b"+OK\r\n"


def has_keyspace_events(server):
    with server.connect() as connection:
        connection.raw("HELLO", 3)
        connection.send_command("PSUBSCRIBE", "__key*")  # answered by a push
        if connection.raw("CONFIG", "SET", "notify-keyspace-events", "KEA") != b"+OK\r\n":
            return False
        connection.raw("SET", "probe", 1)
        connection.raw("CONFIG", "SET", "notify-keyspace-events", "")
    server.call("DEL", "probe")
    return any(b"pmessage" in push for push in connection.pushes)


# What is no command of its own, and how to see that the server has it now.
FEATURES = {"being-a-replica": can_be_replica, "keyspace-events": has_keyspace_events}


def knows_all(server, names):
    commands = [name for name in names if name not in FEATURES]
    known = server.call("COMMAND", "INFO", *commands) if commands else []
    return all(reply is not None for reply in known) and \
        all(FEATURES[name](server) for name in names if name in FEATURES)


def referee(source, units):
    print("# unit, tests that redis-server 7.0.15 passes in external mode, tests that must pass here (those less skip.txt)")
    for unit in units:
        results, text, _ = run_unit(source, unit, "redis", {})
        skips = skips_of(unit)
        for name in skips:
            if name not in results["ok"]:
                sys.exit(f"skip.txt: no test {name!r} passes in {unit} with redis-server\n{text[-2000:]}")
        must_pass = sum(skips.get(name, ALONE) == ALONE for name in results["ok"])
        print(unit, len(results["ok"]), must_pass, sep="\t", flush=True)


def main(arguments):
    source = fetch.source_folder()
    rows = read_table(EXPECTED_PATH)
    wanted = [argument for argument in arguments if not argument.startswith("--")]
    if "--referee" in arguments:
        referee(source, wanted or [row[0] for row in rows])
        return 0
    passed_sum = failed_sum = skipped_sum = 0
    for unit, _, must_pass in rows:
        if wanted and unit not in wanted:
            continue
        skips = skips_of(unit)
        results, text, stale = run_unit(source, unit, "chestbox", skips)
        alone = [name for name, commands in skips.items() if commands == ALONE]
        if alone:
            more, _, _ = run_unit(source, unit, "chestbox", {}, alone)
            for kind in ("ok", "err"):
                results[kind] += more[kind]
        passed = len(results["ok"])
        problems = [f"[err] {name}" for name in results["err"]]
        problems += [f"skip.txt: the suite has no test {name!r}" for name in skips if name not in results["skip"]]
        problems += [f"skip.txt: the server knows {' '.join(skips[name])} now, so {name!r} must run" for name in stale]
        missing = int(must_pass) - passed - len(results["err"])
        if missing > 0:
            problems += [f"{missing} tests did not run; the end of the output:\n{text[-3000:]}"]
        skipped = len(results["skip"]) - len(alone)
        print(f"{unit}: {passed} passed of {must_pass} expected, {skipped} skipped", flush=True)
        for problem in problems:
            print(f"[FAILED] {unit}: " + problem.replace("\n", "\n    "))
        passed_sum += passed
        failed_sum += len(problems) + max(0, missing - 1)
        skipped_sum += skipped
    return harness.summary(passed_sum, failed_sum, skipped_sum)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
