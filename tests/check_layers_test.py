#!/usr/bin/env python3
"""Each rule of check_layers.py catches its violation, and a tree in order passes."""
import os
import tempfile
import unittest

import check_layers


class CheckLayers(unittest.TestCase):
    def problems_of(self, path, text):
        """What the check says of a tree that holds only this file."""
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w") as file:
                file.write(text)
            return [problem for _, _, problem in check_layers.violations(root)]

    def assert_caught(self, path, text, words):
        problems = self.problems_of(path, text)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(words, problems[0])

    def test_downward_includes_pass(self):
        for path, header in [("server/a.cc", "swap/b.h"), ("server/a.cc", "protocol/b.h"), ("swap/a.h", "protocol/b.h"),
                             ("shmclient/a.cc", "protocol/b.h"), ("tests/unit/a.cc", "server/b.h"),
                             ("shmclient/a.cc", "chestbox/chestbox.h")]:
            self.assertEqual(self.problems_of(path, f'#include "{header}"\n'), [])

    def test_upward_includes_are_caught(self):
        for path, header in [("protocol/a.h", "server/b.h"), ("protocol/resp/a.cc", "swap/b.h"), ("swap/a.cc", "server/b.h"),
                             ("swap/a.cc", "shmclient/b.h"), ("shmclient/a.cc", "server/b.h"),
                             ("shmclient/a.cc", "swap/b.h"), ("server/a.cc", "shmclient/b.h"),
                             ("server/a.cc", "tests/b.h"), ("protocol/a.cc", "bench/b.h")]:
            self.assert_caught(path, f'#pragma once\n#include "{header}"\n', "may not include")

    def test_includes_that_do_not_start_at_the_root_are_caught(self):
        self.assert_caught("server/a.cc", '#include "b.h"\n', "path from the root")
        self.assert_caught("server/a.cc", '#include "../swap/b.h"\n', "path from the root")

    def test_a_test_may_include_a_helper_beside_it(self):
        self.assertEqual(self.problems_of("tests/unit/shm/a.cc", '#include "test_arena.h"\n'), [])

    def test_third_party_headers_outside_their_files_are_caught(self):
        for path, header in [("swap/policy.cc", "rocksdb/db.h"), ("server/a.cc", "rocksdb/db.h"),
                             ("server/keyspace.cc", "jemalloc/jemalloc.h"), ("server/a.cc", "hiredis/hiredis.h"),
                             ("server/a.cc", "jpeglib.h"), ("swap/a.cc", "catch2/catch.hpp"), ("server/a.cc", "lua.hpp"),
                             ("server/a.cc", "lauxlib.h")]:
            self.assert_caught(path, f"#include <{header}>\n", "stays in")

    def test_third_party_headers_in_their_files_pass(self):
        for path, header in [("swap/rocksdb_store.cc", "rocksdb/db.h"), ("server/arena/extents.cc", "jemalloc/jemalloc.h"), ("shmclient/a.cc", "hiredis/hiredis.h")]:
            self.assertEqual(self.problems_of(path, f"#include <{header}>\n"), [])

    def test_threads_and_files_in_protocol_are_caught(self):
        self.assert_caught("protocol/a.cc", "#include <mutex>\n", "no threads")
        self.assert_caught("protocol/a.cc", "#include <fstream>\n", "no I/O")

    def test_long_files_are_caught(self):
        self.assert_caught("server/a.cc", "\n" * 501, "longer than")
        self.assertEqual(self.problems_of("server/a.cc", "\n" * 500), [])

    def test_marks_of_unfinished_work_are_caught(self):
        self.assert_caught("server/a.cc", "// TO" "DO: later\n", "unfinished")
        self.assert_caught("docs/a.md", "FIX" "ME\n", "unfinished")

    def test_paths_of_one_machine_are_caught(self):
        self.assert_caught("docs/a.md", "see /ho" "me/me/x\n", "one machine")
        self.assert_caught("tests/a.py", "open('../sha" "red/x')\n", "one machine")

    def test_the_build_folder_is_not_looked_at(self):
        self.assertEqual(self.problems_of("build/release/a.cc", '#include "b.h"\n'), [])


if __name__ == "__main__":
    unittest.main()
