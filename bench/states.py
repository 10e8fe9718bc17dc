"""What bench/states.h and bench_states do, for Python: keys, values that can be computed again, and running the jobs."""
import subprocess

from servers import program

MASK = (1 << 64) - 1


def state_key(group, number):
    return b"%c:%014d" % (ord(group), number)


def state_value(group, number, size):
    """The value of a state: the same bytes that FillStateValue makes."""
    state = (((number << 8) + ord(group)) * 0x9E3779B97F4A7C15 + 1) & MASK
    words = []
    for _ in range(size // 8 + 1):
        state ^= state >> 12
        state = (state ^ state << 25) & MASK
        state ^= state >> 27
        words.append((state * 0x2545F4914F6CDD1D & MASK).to_bytes(8, "little"))
    return b"".join(words)[:size]


def start(job, server, group, count, size, *rest):
    command = [program("bench_states"), job, server, group, *map(str, (count, size, *rest))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process):
    """The numbers that a job printed."""
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} failed")
    return [float(number) for number in output.split()]


def do(*job):
    return finish(start(*job))
