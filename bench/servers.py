"""Servers to measure: started fresh on a free port and a socket in a folder of their own, and what /proc says about them.

Every server lives inside a `with` block, and is killed and its folder removed at the end of it.
"""
import itertools
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(ROOT, "build", "release", "bin")
PROCESS_CPU_CLOCK = 2  # the low bits of the clock that clock_getcpuclockid(3) gives for a process
SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS_MAX = 60
PIPELINED_COMMANDS = 256


def program(name):
    """The path of one of our programs; says what to do where it was not built."""
    path = os.path.join(PROGRAMS, name)
    if not os.path.exists(path):
        raise SystemExit(f"{path} is missing: ./dev build")
    return path


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]


def cpu_seconds(process_id):
    """User and system time of all threads so far, in the scheduler's nanoseconds (/proc tells it in ticks of 10 ms)."""
    return time.clock_gettime(~process_id << 3 | PROCESS_CPU_CLOCK)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One server process. `kind` is "redis" or "chestbox"; `core` None lets it run anywhere.

    `folder` given: data survives this object, so that a server can be stopped and started again on it.
    """

    def __init__(self, kind, *settings, core=SERVER_CORE, folder=None):
        self.kind = kind
        self.settings = settings
        self.core = core
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix=f"bench-{kind}-")
        self.port = free_port()
        self.socket = os.path.join(self.folder, "s")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def command_line(self):
        name = "redis-server" if self.kind == "redis" else program("chestbox-server")
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--unixsocketperm", "700",
               "--dir", self.folder, "--save", "", "--proto-max-bulk-len", "1gb"]
        return pinned(self.core, [name, *own, *self.settings])

    def start(self):
        """Starts and waits for the first PONG. Returns the seconds from exec to there."""
        self.log = open(os.path.join(self.folder, "log"), "ab")
        began = time.monotonic()
        self.process = subprocess.Popen(self.command_line(), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        while True:
            try:
                with Connection(self.socket) as connection:
                    if connection.run("PING") == b"PONG":
                        return time.monotonic() - began
            except (OSError, ReplyError):
                pass
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS_MAX:
                with open(self.log.name, errors="replace") as log:
                    raise SystemExit(f"{self.kind} did not start:\n{log.read()[-2000:]}")
            time.sleep(0.0005)

    def terminate(self, seconds_max=300):
        """A clean stop. Returns the seconds it took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(seconds_max)
        self.log.close()
        return time.monotonic() - began

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        return Connection(self.socket)

    def info(self, name):
        """One field of INFO, or None."""
        with self.connect() as connection:
            found = re.search(rf"^{name}:(.*?)\r$", connection.run("INFO", "everything").decode(), re.M)
        return found[1] if found else None

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def memory_bytes(self):
        """All memory that the process holds, shared memory too."""
        return self._status_bytes("VmRSS")

    def arena_bytes(self):
        """Memory of the arena: what /proc shows as the process's shared memory, or what the arena's file holds if that is more."""
        return max(self._status_bytes("RssShmem"), int(self.info("arena_bytes") or 0))

    def _status_bytes(self, field):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{field}:"))


class BareServer:
    """An epoll loop that answers every command with the bytes `reply` (bench/bare_server.cc): the most that one thread can reach."""

    kind = "bare"

    def __init__(self, reply, core=SERVER_CORE):
        self.reply = reply
        self.core = core
        self.port = free_port()

    def __enter__(self):
        self.process = subprocess.Popen(pinned(self.core, [program("bench_bare_server"), str(self.port)]), stdin=subprocess.PIPE)
        self.process.stdin.write(self.reply)
        self.process.stdin.close()
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                time.sleep(0.0005)
        raise SystemExit("the bare server did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)


class ReplyError(Exception):
    pass


def encoded(words):
    """One command as an array of bulk strings."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Connection:
    """RESP over a Unix socket, one command at a time: for setting up and asking, not for measuring."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def run(self, *words):
        self.socket.sendall(encoded(words))
        return self._reply()

    def run_all(self, commands):
        """Pipelines commands whose replies nobody wants; an error reply is raised as ever."""
        commands = iter(commands)
        while batch := list(itertools.islice(commands, PIPELINED_COMMANDS)):
            self.socket.sendall(b"".join(map(encoded, batch)))
            for _ in batch:
                self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line:
            raise OSError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]
        return rest
