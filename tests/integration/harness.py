"""Starts and stops servers for tests that look at ChestBox from outside.

Purpose: a Server is a chestbox-server (or the redis-server that serves as referee) of its own: free port, own temporary
directory, log in a file, surely stopped. Invariants: no server outlives the `with` block or the test program; nothing
sleeps and hopes, `wait_for` polls a condition within a bound.
"""
import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import resp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHESTBOX_SERVER = os.environ.get("CHESTBOX_SERVER", os.path.join(ROOT, "build", "release", "bin", "chestbox-server"))
REDIS_SERVER = os.environ.get("REDIS_SERVER", "redis-server")
START_BOUND_S = 30  # generous: sanitizer builds on a loaded two-core machine
STOP_BOUND_S = 60  # a stop writes every state to disk

_running = set()


@atexit.register
def _kill_leftovers():
    for server in list(_running):
        server.kill()
        server.remove_files()


def binary_of(kind):
    """Path of the program to test: kind is "chestbox", "redis" or a path."""
    return {"chestbox": CHESTBOX_SERVER, "redis": REDIS_SERVER}.get(kind, kind)


def is_redis(program):
    return os.path.basename(binary_of(program)) == "redis-server"


def free_port():
    """A TCP port that nobody listens on, below the range from which the kernel takes the ports of clients."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free TCP port found")


def wait_for(condition, bound_s=10, what="condition", interval_s=0.01):
    """Calls `condition` until it returns something true, and returns that; AssertionError after `bound_s`."""
    deadline = time.monotonic() + bound_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {bound_s} s")
        time.sleep(interval_s)


class Server:
    """A running server. `program` is "chestbox", "redis" or a path; `arguments` follow the defaults and win over them."""

    def __init__(self, program="chestbox", *arguments, config_text=None, directory=None, port=None, environment=None,
                 wait=True):
        self.program = binary_of(program)
        self.port = free_port() if port is None else port
        self.owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="chestbox-test-")
        self.log_path = os.path.join(self.directory, "server.log")
        self.unix_socket = os.path.join(self.directory, "server.sock")
        command = [self.program]
        if config_text is not None:
            self.config_path = os.path.join(self.directory, "server.conf")
            with open(self.config_path, "w") as config:
                config.write(config_text)
            command.append(self.config_path)
        command += ["--port", str(self.port), "--dir", self.directory, "--unixsocket", self.unix_socket]
        if is_redis(program):
            command += ["--save", ""]
        command += [str(argument) for argument in arguments]
        self.command = command
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.start(wait)

    def start(self, wait=True):
        """Also starts again after stop() or kill(), with the same directory and port."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment, cwd=self.directory)
        _running.add(self)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.command} ended with {self.process.returncode}:\n{self.log()}")
            address = ("127.0.0.1", self.port) if self.port else self.unix_socket
            try:
                with resp.Connection(address, timeout_s=START_BOUND_S) as connection:
                    return not connection.raw("PING").startswith(b"-LOADING")
            except (OSError, resp.ConnectionClosed):
                return False
        wait_for(answers, START_BOUND_S, f"{self.program} answering")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops the server and removes its directory; complains when it does not stop or ends badly."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.kill()
            self.remove_files()

    def stop(self, signal_number=signal.SIGTERM):
        """Asks the server to end and returns its exit code."""
        self.process.send_signal(signal_number)
        return self.wait_for_exit()

    def wait_for_exit(self, bound_s=STOP_BOUND_S):
        try:
            code = self.process.wait(bound_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.program} did not end within {bound_s} s:\n{self.log()[-2000:]}") from None
        _running.discard(self)
        return code

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a stopped process dies all the same
            self.process.kill()
            self.process.wait()
        _running.discard(self)

    def remove_files(self):
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def connect(self, timeout_s=30):
        return resp.Connection(("127.0.0.1", self.port), timeout_s)

    def connect_unix(self, timeout_s=30):
        return resp.Connection(self.unix_socket, timeout_s)

    def call(self, *args):
        """One command on a connection of its own."""
        with self.connect() as connection:
            return connection.call(*args)

    def info(self, *sections):
        """INFO as a dictionary of strings; the section names are under the key "#"."""
        fields = {"#": []}
        for line in self.call("INFO", *sections).decode().splitlines():
            if line.startswith("#"):
                fields["#"].append(line[1:].strip())
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value
        return fields


def run_to_end(program, *arguments, bound_s=START_BOUND_S, config_text=None):
    """Runs a server that is expected to end by itself (a wrong setting …); returns (exit code, output)."""
    with tempfile.TemporaryDirectory(prefix="chestbox-test-") as directory:
        command = [binary_of(program)]
        if config_text is not None:
            path = os.path.join(directory, "server.conf")
            with open(path, "w") as config:
                config.write(config_text)
            command.append(path)
        try:
            done = subprocess.run(command + [str(a) for a in arguments], stdin=subprocess.DEVNULL, cwd=directory,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=bound_s)
        except subprocess.TimeoutExpired as timeout:
            raise AssertionError(f"{command} went on running; output:\n{timeout.output}") from None
        return done.returncode, done.stdout.decode(errors="replace")


def summary(passed, failed, skipped=0):
    """The last line of every test program of ours; ./dev adds these up."""
    line = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    print(line)
    sys.stdout.flush()
    return 0 if failed == 0 and passed > 0 else 1
