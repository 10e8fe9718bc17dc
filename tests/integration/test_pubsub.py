"""Pub/sub over real sockets: messages that nobody asked for, subscribers that go away or never read, replicas."""
import unittest

import resp
from harness import Server, wait_for


class PubSub(unittest.TestCase):
    def start(self, *arguments):
        server = Server("chestbox", *arguments)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        connection = server.connect()
        self.addCleanup(connection.close)
        return connection

    def test_messages_come_in_order_and_by_themselves(self):
        server = self.start()
        subscribers = [self.connect(server) for _ in range(20)]
        for subscriber in subscribers:
            self.assertEqual(subscriber.call("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
        publisher = self.connect(server)
        publisher.send(b"".join(resp.encode("PUBLISH", "news", i) for i in range(100)))
        self.assertEqual([publisher.read() for _ in range(100)], [20] * 100)
        for subscriber in subscribers:
            self.assertEqual([subscriber.read() for _ in range(100)],
                             [[b"message", b"news", b"%d" % i] for i in range(100)])

    def test_a_waiting_client_in_resp3_hears_messages(self):
        server = self.start()
        client, other = self.connect(server), self.connect(server)
        client.raw("HELLO", 3)
        client.send_command("SUBSCRIBE", "news")  # answered by a push
        client.send_command("BLPOP", "list", 0)
        wait_for(lambda: server.info("clients")["blocked_clients"] == "1", what="the client to block")
        self.assertEqual(other.call("PUBLISH", "news", "x"), 1)
        other.call("RPUSH", "list", "element")
        self.assertEqual(client.read(), [b"list", b"element"])
        self.assertEqual(client.pushes[1:], [b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n"])

    def test_who_disconnects_is_forgotten(self):
        server = self.start()
        client, other = self.connect(server), self.connect(server)
        client.call("SUBSCRIBE", "news")
        client.call("PSUBSCRIBE", "n*")
        self.assertEqual(other.call("PUBLISH", "news", "x"), 2)
        client.close()
        wait_for(lambda: other.call("PUBLISH", "news", "x") == 0, what="the subscriber to be gone")
        self.assertEqual(other.call("PUBSUB", "CHANNELS"), [])
        self.assertEqual(other.call("PUBSUB", "NUMPAT"), 0)

    def test_quit_in_subscribed_mode(self):
        server = self.start()
        client = self.connect(server)
        client.call("SUBSCRIBE", "news")
        self.assertEqual(client.raw("QUIT"), b"+OK\r\n")
        self.assertEqual(client.read_until_close(), b"")

    def publish_until_nobody_hears(self, publisher, message, times_max):
        for _ in range(times_max):
            if publisher.call("PUBLISH", "news", message) == 0:
                return
        self.fail("the subscriber that never reads was not cut")

    def test_a_subscriber_that_never_reads_is_cut_at_its_limit(self):
        server = self.start("--client-output-buffer-limit", "pubsub 4mb 0 0")
        sleeper, publisher = self.connect(server), self.connect(server)
        sleeper.call("SUBSCRIBE", "news")
        self.publish_until_nobody_hears(publisher, "x" * 100_000, 1000)
        wait_for(lambda: publisher.call("CLIENT", "LIST", "TYPE", "pubsub") == b"", what="the subscriber to be cut")
        self.assertEqual(server.info("stats")["client_output_buffer_limit_disconnections"], "1")

    def test_a_script_that_publishes_without_end_meets_the_limit_too(self):
        server = self.start("--client-output-buffer-limit", "pubsub 4mb 0 0")
        sleeper, publisher = self.connect(server), self.connect(server)
        sleeper.call("SUBSCRIBE", "news")
        heard = publisher.call("EVAL", """local heard = 0
            local message = string.rep('x', 100000)
            for i = 1, 1000 do heard = heard + redis.call('PUBLISH', 'news', message) end
            return heard""", 0)
        self.assertLess(heard, 200)
        self.assertEqual(publisher.call("PUBSUB", "CHANNELS"), [])

    def test_a_script_that_publishes_to_its_own_client_meets_it_as_well(self):
        server = self.start("--client-output-buffer-limit", "pubsub 4mb 0 0")
        itself, other = self.connect(server), self.connect(server)
        itself.raw("HELLO", 3)
        itself.send_command("SUBSCRIBE", "news")  # answered by a push
        itself.send_command("EVAL", """local message = string.rep('x', 100000)
            for i = 1, 1000 do redis.call('PUBLISH', 'news', message) end""", 0)
        self.assertLess(len(itself.read_until_close()), 8 << 20)
        self.assertEqual(other.call("PUBSUB", "CHANNELS"), [])

    def test_idle_subscribers_are_not_timed_out(self):
        server = self.start("--timeout", "1")
        subscriber, idle = self.connect(server), self.connect(server)
        subscriber.call("SUBSCRIBE", "news")
        idle.call("PING")
        self.assertEqual(idle.read_until_close(), b"")  # the server closes who idles
        self.assertEqual(self.connect(server).call("PUBLISH", "news", "x"), 1)
        self.assertEqual(subscriber.read(), [b"message", b"news", b"x"])

    def test_subscribers_of_a_replica_hear_what_is_published_here(self):
        master = self.start()
        replica = Server("redis", "--replicaof", f"127.0.0.1 {master.port}")
        self.addCleanup(replica.close)
        wait_for(lambda: replica.info("replication")["master_link_status"] == "up", 30, "the replica to be in sync")
        subscriber = self.connect(replica)
        subscriber.call("SUBSCRIBE", "news")
        publisher = self.connect(master)
        self.assertEqual(publisher.call("PUBLISH", "news", "direct"), 0)
        self.assertEqual(subscriber.read(), [b"message", b"news", b"direct"])
        publisher.call("EVAL", "redis.call('SET', 'k', 'v') redis.call('PUBLISH', 'news', 'script')", 0)
        self.assertEqual(subscriber.read(), [b"message", b"news", b"script"])


if __name__ == "__main__":
    unittest.main()
