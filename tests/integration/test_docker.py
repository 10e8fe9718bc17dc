"""The scripts in the images, without an engine: everything that they call is a stand-in on the PATH that says how it was called."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT

DOCKER = os.path.join(ROOT, "docker")


class Scripts(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="chestbox-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("chestbox-server", "setpriv", "find", "other"):
            self.stand_in(name, f'echo {name} "$(umask)" "$@"')
        self.stand_in("id", "echo 999")

    def stand_in(self, name, script):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def run_script(self, name, *arguments, **environment):
        done = subprocess.run([os.path.join(DOCKER, name), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, umask=0o022, timeout=30,
                              env={"PATH": f"{self.directory}:/usr/bin:/bin", **environment})
        return done.returncode, done.stdout

    def check_entrypoint(self, arguments, expected):
        self.assertEqual(self.run_script("docker-entrypoint.sh", *arguments.split()), (0, expected + "\n"))

    def test_options_and_configuration_files_are_the_servers(self):
        off = "--protected-mode no"
        self.check_entrypoint("chestbox-server", f"chestbox-server 0077 {off}")
        self.check_entrypoint("--maxmemory 1gb", f"chestbox-server 0077 --maxmemory 1gb {off}")
        self.check_entrypoint("--version", f"chestbox-server 0077 --version {off}")
        self.check_entrypoint("/etc/my.conf --port 7000", "chestbox-server 0077 /etc/my.conf --port 7000")
        self.check_entrypoint("chestbox-server /etc/my.conf", "chestbox-server 0077 /etc/my.conf")
        self.check_entrypoint("--protected-mode yes", "chestbox-server 0077 --protected-mode yes")

    def test_other_commands_run_as_they_are(self):
        self.check_entrypoint("other --option x.conf", "other 0022 --option x.conf")

    def test_arguments_keep_their_spaces(self):
        code, output = self.run_script("docker-entrypoint.sh", "sh", "-c", 'for a in "$@"; do echo "<$a>"; done', "sh", "a b", "", "*")
        self.assertEqual((code, output), (0, "<a b>\n<>\n<*>\n"))

    def test_root_gives_the_directories_away_and_becomes_the_servers_user(self):
        self.stand_in("id", "echo 0")
        data = os.path.join(self.directory, "data")
        os.mkdir(data)
        code, output = self.run_script("docker-entrypoint.sh", "--port", "7000", CHESTBOX_DATA=data,
                                       CHESTBOX_RUN=os.path.join(self.directory, "none"))
        script = os.path.join(DOCKER, "docker-entrypoint.sh")
        self.assertEqual(code, 0)
        self.assertEqual(output.splitlines(), [
            f"find 0022 {data} ! -user chestbox -exec chown chestbox:chestbox {{}} +",
            f"setpriv 0022 --reuid=chestbox --regid=chestbox --init-groups {script} chestbox-server --port 7000"])

    def test_the_exit_code_is_the_servers(self):
        self.stand_in("chestbox-server", "exit 7")
        self.assertEqual(self.run_script("docker-entrypoint.sh", "--port", "0"), (7, ""))

    def test_healthy_is_who_answers(self):
        for answer, code in (("PONG", 0), ("NOAUTH Authentication required.", 0), ("LOADING wait", 1),
                             ("Could not connect to Redis at 127.0.0.1:6379: Connection refused", 1), ("", 1)):
            self.stand_in("redis-cli", f"echo '{answer}'")
            self.assertEqual(self.run_script("healthcheck.sh"), (code, answer + "\n" if code else ""))

    def test_health_is_asked_for_where_the_server_listens(self):
        self.stand_in("redis-cli", 'echo "$@" >&2; exit 1')
        self.assertEqual(self.run_script("healthcheck.sh"), (1, "-h 127.0.0.1 -p 6379 ping\n"))
        self.assertEqual(self.run_script("healthcheck.sh", CHESTBOX_PORT="7000"), (1, "-h 127.0.0.1 -p 7000 ping\n"))
        self.assertEqual(self.run_script("healthcheck.sh", CHESTBOX_SOCKET="/run/x.sock"), (1, "-s /run/x.sock ping\n"))

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shellcheck_finds_nothing(self):
        scripts = [os.path.join(DOCKER, name) for name in sorted(os.listdir(DOCKER)) if name.endswith(".sh")]
        done = subprocess.run(["shellcheck", *scripts], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
