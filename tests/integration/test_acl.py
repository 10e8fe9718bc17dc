"""ACL users from outside: files of users, CONFIG REWRITE, connections that end with their user."""
import os
import tempfile
import unittest

from harness import Server, free_port, run_to_end, wait_for
from resp import ConnectionClosed, RespError


class AclFile(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "users.acl")

    def write(self, text):
        with open(self.path, "w") as file:
            file.write(text)

    def refused(self, connection, *command):
        with self.assertRaises(RespError) as raised:
            connection.call(*command)
        return str(raised.exception)

    def test_users_come_from_the_file_and_go_back_into_it(self):
        self.write("user alice on allcommands allkeys &* >alice\n\nuser bob on -@all +@set +acl ~set* >bob\n")
        with Server("chestbox", "--aclfile", self.path) as server, server.connect() as admin:
            self.assertEqual(admin.call("ACL", "USERS"), [b"alice", b"bob", b"default"])
            with server.connect() as bob:
                bob.call("AUTH", "bob", "bob")
                self.assertEqual(bob.call("SADD", "set", "1"), 1)
                self.assertIn("NOPERM", self.refused(bob, "SET", "set", "1"))
            admin.call("ACL", "SETUSER", "eve", "on", ">eve", "+get", "(+set", "%W~w*)")
            self.assertEqual(admin.call("ACL", "SAVE"), b"OK")
            listed = admin.call("ACL", "LIST")
            with open(self.path, "rb") as file:
                self.assertEqual(file.read().splitlines(), listed)
            server.stop()
            server.start()
            with server.connect() as again:
                self.assertEqual(again.call("ACL", "LIST"), listed)

    def test_load_closes_the_connections_of_all_but_the_default_user(self):
        self.write("user alice on nopass +@all ~*\n")
        with Server("chestbox", "--aclfile", self.path) as server, server.connect() as admin, server.connect() as alice:
            alice.call("AUTH", "alice", "")
            self.assertEqual(admin.call("ACL", "LOAD"), b"OK")
            with self.assertRaises((ConnectionClosed, OSError)):
                alice.call("PING")
            self.assertEqual(admin.call("PING"), b"PONG")

    def test_a_file_with_faults_changes_nothing_and_every_fault_is_told(self):
        self.write("user alice on nopass +@all ~*\n")
        with Server("chestbox", "--aclfile", self.path) as server, server.connect() as admin:
            before = admin.call("ACL", "LIST")
            self.write("usr x on\nuser alice +nope\nuser bob on\nuser bob off\nuser carl (+get\n")
            told = self.refused(admin, "ACL", "LOAD")
            for fault in ("users.acl:1 should start with user keyword", "users.acl:2: Error in applying operation '+nope'",
                          "Duplicate user 'bob' found on line 4", "users.acl:5: Unmatched parenthesis",
                          "no change to the previously active ACL rules was performed"):
                self.assertIn(fault, told)
            self.assertEqual(admin.call("ACL", "LIST"), before)
            os.unlink(self.path)
            self.assertIn("No such file", self.refused(admin, "ACL", "LOAD"))

    def test_the_server_does_not_start_with_faulty_users(self):
        self.write("user alice +nope\n")
        for arguments, reason in [(["--aclfile", self.path], "Error in applying operation '+nope'"),
                                  (["--aclfile", self.path + ".none"], "No such file"),
                                  (["--aclfile", self.path, "--user", "a", "on"], "one of the two places"),
                                  (["--user", "alice", "+nope"], "'+nope': Unknown command or category name in ACL"),
                                  (["--user", "a", "on", "--user", "a", "off"], "Duplicate user found")]:
            code, output = run_to_end("chestbox", "--port", free_port(), "--dir", self.directory.name, *arguments)
            self.assertEqual(code, 1, arguments)
            self.assertIn(reason, output)


class AclInConfiguration(unittest.TestCase):
    def test_config_rewrite_keeps_users(self):
        text = "# users\nuser bob on nopass +get ~a\nuser gone on\n"
        with Server(config_text=text) as server, server.connect() as admin:
            admin.call("ACL", "DELUSER", "gone")
            admin.call("ACL", "SETUSER", "bob", "(+set", "%W~w*)")
            admin.call("ACL", "SETUSER", "default", "-flushall")
            listed = admin.call("ACL", "LIST")
            admin.call("CONFIG", "REWRITE")
            with open(server.config_path, "rb") as file:
                lines = [line for line in file.read().splitlines() if line.startswith(b"user ")]
            self.assertEqual(sorted(lines), listed)
            server.stop()
            server.start()
            with server.connect() as again:
                # A line for the default user resets it first, in Redis as well, and that flag is what a reset leaves.
                self.assertEqual([line.replace(b" sanitize-payload", b"") for line in again.call("ACL", "LIST")], listed)

    def test_connections_end_with_their_user(self):
        with Server() as server, server.connect() as admin, server.connect() as own:
            admin.call("ACL", "SETUSER", "u", "on", "nopass", "+acl")
            own.call("AUTH", "u", "")
            self.assertEqual(own.call("ACL", "DELUSER", "u"), 1)
            with self.assertRaises((ConnectionClosed, OSError)):
                own.call("ACL", "WHOAMI")

    def test_subscribers_that_lose_their_channel_are_cut(self):
        with Server() as server, server.connect() as admin, server.connect() as kept, server.connect() as cut:
            admin.call("ACL", "SETUSER", "u", "on", "nopass", "+@pubsub", "&news*", "&other")
            for client, channel in [(kept, "news"), (cut, "other")]:
                client.call("AUTH", "u", "")
                client.call("SUBSCRIBE", channel)
            admin.call("ACL", "SETUSER", "u", "resetchannels", "&news*")
            self.assertEqual(cut.read_until_close(), b"")
            self.assertEqual(admin.call("PUBLISH", "news", "x"), 1)
            self.assertEqual(kept.read(), [b"message", b"news", b"x"])

    def test_a_blocked_command_that_lost_its_rights_is_refused(self):
        with Server() as server, server.connect() as admin, server.connect() as waiting:
            admin.call("ACL", "SETUSER", "u", "on", "nopass", "+@all", "~*")
            waiting.call("AUTH", "u", "")
            waiting.send_command("BLPOP", "list", "0")
            wait_for(lambda: b"flags=b" in admin.call("CLIENT", "LIST"))
            admin.call("ACL", "SETUSER", "u", "resetkeys")
            admin.call("LPUSH", "list", "1")
            with self.assertRaisesRegex(RespError, "NOPERM"):
                waiting.read()
            self.assertEqual(admin.call("LLEN", "list"), 1)
