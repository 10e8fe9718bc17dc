"""The client library as others get it: installed, found by CMake, linked, run; and the example programs."""
import os
import shutil
import subprocess
import unittest

from harness import ROOT, Server, is_redis

chestbox_only = unittest.skipIf(is_redis("chestbox"), "only ChestBox has shared memory")

BUILD = os.path.join(ROOT, "build", "release")
PLACE = os.path.join(BUILD, "package-test")
PREFIX = os.path.join(PLACE, "prefix")
CONSUMER = os.path.join(PLACE, "consumer")


def run(*command, **settings):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **settings)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class InstalledPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(PLACE, ignore_errors=True)
        run("cmake", "--install", BUILD, "--prefix", PREFIX, "--component", "client")
        run("cmake", "-S", os.path.join(os.path.dirname(os.path.abspath(__file__)), "shmclient", "consumer"), "-B", CONSUMER,
            "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={PREFIX}")
        run("cmake", "--build", CONSUMER)

    @chestbox_only
    def test_programs_that_found_the_package_read_shared_memory(self):
        with Server() as server:
            for program in ("consumer_c", "consumer_cpp", "consumer_static"):
                with self.subTest(program):
                    output = run(os.path.join(CONSUMER, program), server.unix_socket)
                    self.assertEqual(output, "1000 bytes, attached 1\n")

    def test_the_shared_library_shows_the_c_interface_and_nothing_else(self):
        library = self.installed("libchestbox.so")
        symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
        names = {symbol.split("@")[0] for symbol in symbols} - {"CHESTBOX_0"}
        header = run("cat", os.path.join(PREFIX, "include", "chestbox", "chestbox.h"))
        self.assertTrue(names)
        for name in names:
            self.assertTrue(name.startswith("chestbox_"), name)
            self.assertIn(f"{name}(", header)

    def test_the_header_is_c99_and_cpp(self):
        include = os.path.join(PREFIX, "include")
        for language, standard in (("c", "c99"), ("c++", "c++11")):
            run("cc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include,
                os.path.join(include, "chestbox", "chestbox.h"))

    def installed(self, name):
        for folder, _, files in os.walk(PREFIX):
            if name in files:
                return os.path.join(folder, name)
        raise AssertionError(f"{name} is not installed")


class Examples(unittest.TestCase):
    @chestbox_only
    def test_they_run(self):
        with Server() as server:
            output = run(os.path.join(BUILD, "bin", "example_state_c"), server.unix_socket)
            self.assertIn("1204224 bytes, sum 11329264128, in shared memory", output)
            output = run(os.path.join(BUILD, "bin", "example_state_cpp"), server.unix_socket)
            self.assertIn("1048576 bytes, still all of them 'a' after DEL: true", output)
            self.assertIn("no such key", output)


if __name__ == "__main__":
    unittest.main()
