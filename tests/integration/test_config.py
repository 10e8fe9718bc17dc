"""Configuration as Redis users know it: file, include, flags, CONFIG GET/SET/REWRITE/RESETSTAT."""
import os
import tempfile
import unittest

from harness import Server, free_port, is_redis, run_to_end


class ConfigFile(unittest.TestCase):
    def test_a_file_with_comments_quotes_and_an_include(self):
        with tempfile.TemporaryDirectory() as directory:
            included = os.path.join(directory, "more.conf")
            with open(included, "w") as file:
                file.write("timeout 77\nmaxclients 123\n")
            text = f'# a comment\n\n  MaxClients 99\ninclude {included}\nrequirepass "a \\"quoted\\" word"\nloglevel verbose\n'
            with Server(config_text=text) as server, server.connect() as connection:
                connection.call("AUTH", 'a "quoted" word')
                for name, value in [("timeout", b"77"), ("maxclients", b"123"), ("loglevel", b"verbose")]:
                    self.assertEqual(connection.call("CONFIG", "GET", name), [name.encode(), value])

    def test_command_line_flags_win_over_the_file(self):
        with Server("chestbox", "--timeout", "5", "--maxclients", "50", config_text="timeout 77\n") as server:
            self.assertEqual(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"5"])
            self.assertEqual(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"50"])

    def test_an_unknown_setting_is_refused_with_its_line(self):
        code, output = run_to_end("chestbox", "--port", free_port(), config_text="# first\ntimeout 5\nno-such-setting 1\nmaxclients 5\n")
        self.assertEqual(code, 1)
        self.assertIn("line 3", output)
        self.assertIn("no-such-setting", output)

    def test_a_wrong_value_is_refused_with_its_line(self):
        for text, line in [("timeout abc\n", 1), ("\nappendonly maybe\n", 2), ("\n\nmaxmemory 5 zebras\n", 3), ("port 70000\n", 1)]:
            code, output = run_to_end("chestbox", config_text=text)
            self.assertEqual(code, 1, text)
            self.assertIn(f"line {line}", output)

    def test_an_unknown_setting_on_the_command_line_is_refused(self):
        code, output = run_to_end("chestbox", "--no-such-setting", "1")
        self.assertEqual(code, 1)
        self.assertIn("no-such-setting", output)

    def test_a_missing_file_is_refused(self):
        code, output = run_to_end("chestbox", "/nonexistent/file.conf")
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent/file.conf", output)

    def test_settings_of_redis_without_meaning_here_are_accepted(self):
        text = "save 900 1\nrdbcompression yes\nappendfilename x.aof\nhash-max-listpack-entries 100\nio-threads 1\nreplica-priority 50\n"
        with Server(config_text=text) as server:
            self.assertEqual(server.call("CONFIG", "GET", "hash-max-listpack-entries"), [b"hash-max-listpack-entries", b"100"])


class ConfigCommand(unittest.TestCase):
    def test_get_takes_patterns_and_several_names(self):
        with Server() as server, server.connect() as connection:
            reply = connection.call("CONFIG", "GET", "maxm*", "timeout", "nothing-like-it")
            names = reply[::2]
            self.assertIn(b"maxmemory", names)
            self.assertIn(b"maxmemory-policy", names)
            self.assertIn(b"timeout", names)

    def test_set_is_all_or_nothing(self):
        with Server() as server, server.connect() as connection:
            self.assertEqual(connection.call("CONFIG", "SET", "timeout", "11", "tcp-keepalive", "12"), b"OK")
            self.assertTrue(connection.raw("CONFIG", "SET", "timeout", "99", "tcp-keepalive", "abc").startswith(b"-ERR CONFIG SET failed"))
            self.assertEqual(connection.call("CONFIG", "GET", "timeout"), [b"timeout", b"11"])
            self.assertTrue(connection.raw("CONFIG", "SET", "no-such-setting", "1").startswith(b"-ERR Unknown option or number of arguments"))
            self.assertTrue(connection.raw("CONFIG", "SET", "daemonize", "yes").startswith(b"-ERR CONFIG SET failed"))

    def test_resetstat_sets_counters_to_zero(self):
        with Server() as server, server.connect() as connection:
            for _ in range(20):
                connection.call("GET", "missing")
            self.assertGreaterEqual(int(server.info("stats")["keyspace_misses"]), 20)
            self.assertEqual(connection.call("CONFIG", "RESETSTAT"), b"OK")
            self.assertEqual(server.info("stats")["keyspace_misses"], "0")
            self.assertLess(int(server.info("stats")["total_commands_processed"]), 10)

    def test_rewrite_keeps_comments_and_what_was_set_holds_after_a_restart(self):
        with Server(config_text="# my comment\ntimeout 77\n\nmaxclients 123\n") as server:
            server.call("CONFIG", "SET", "timeout", "88", "maxmemory", "100mb", "tcp-keepalive", "41")
            self.assertEqual(server.call("CONFIG", "REWRITE"), b"OK")
            with open(server.config_path) as file:
                text = file.read()
            self.assertIn("# my comment\n", text)
            self.assertIn("timeout 88\n", text)
            self.assertIn("maxclients 123\n", text)
            self.assertIn("tcp-keepalive 41\n", text)
            self.assertNotIn("77", text.replace(str(server.port), ""))
            server.stop()
            server.start()
            self.assertEqual(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"88"])
            self.assertEqual(server.call("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"%d" % (100 << 20)])

    def test_rewrite_without_a_file_says_so(self):
        with Server() as server, server.connect() as connection:
            self.assertEqual(connection.raw("CONFIG", "REWRITE"), b"-ERR The server is running without a config file\r\n")

    def test_a_password_set_at_run_time_holds_for_new_clients(self):
        with Server() as server, server.connect() as connection:
            connection.call("CONFIG", "SET", "requirepass", "secret")
            with server.connect() as other:
                self.assertTrue(other.raw("PING").startswith(b"-NOAUTH"))
                self.assertEqual(other.call("HELLO", "3", "AUTH", "default", "secret")[b"proto"], 3)
            self.assertEqual(connection.call("PING"), b"PONG")

    def test_the_reported_version_is_7_2_4_and_can_be_set(self):
        if is_redis("chestbox"):
            self.skipTest("redis-server reports its own")
        with Server() as server:
            info = server.info("server")
            self.assertEqual(info["redis_version"], "7.2.4")
            self.assertIn("chestbox_version", info)
        with Server("chestbox", "--redis-version", "7.0.15") as server:
            self.assertEqual(server.info("server")["redis_version"], "7.0.15")
