"""A RESP client for tests that keeps replies raw.

Purpose: say to a server exactly the bytes a test means, and see exactly the bytes that it answered. `Connection.call`
parses a reply into Python values for ordinary tests; `Connection.raw` gives the reply's own bytes for comparisons.
Invariants: one reply is consumed per call; push messages (RESP3 `>`) are kept apart in `pushes`. Not thread-safe.
"""
import socket


class RespError(Exception):
    """An error reply of the server; str() is its text without the dash."""


class ConnectionClosed(Exception):
    """The server closed the connection in the middle of, or instead of, a reply."""


def encode(*args):
    """The RESP array of bulk strings that a client sends for this command."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = to_bytes(arg)
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def to_bytes(value):
    if isinstance(value, bytes):
        return value
    return str(value).encode()


class Connection:
    def __init__(self, address, timeout_s=30):
        """address: (host, port) or the path of a Unix socket."""
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(address)
        self.buffer = bytearray()
        self.pushes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Raw bytes, as they are."""
        self.socket.sendall(data)

    def send_command(self, *args):
        self.send(encode(*args))

    def call(self, *args):
        """One command and its reply as Python values; an error reply raises RespError."""
        self.send_command(*args)
        return self.read()

    def raw(self, *args):
        """One command and the bytes of its reply."""
        self.send_command(*args)
        return self.read_raw()

    def read(self):
        value = decode(self.read_raw())
        if isinstance(value, RespError):
            raise value
        return value

    def read_raw(self):
        """The bytes of the next reply; push messages on the way go to `pushes`."""
        while True:
            end = self._reply_end(0)
            reply = bytes(self.buffer[:end])
            del self.buffer[:end]
            if reply[:1] != b">":
                return reply
            self.pushes.append(reply)

    def read_until_close(self):
        """All that the server still sends until it closes; a reset counts as a close."""
        try:
            while self._fill():
                pass
        except ConnectionResetError:
            pass
        rest = bytes(self.buffer)
        self.buffer.clear()
        return rest

    def _fill(self):
        data = self.socket.recv(1 << 18)
        self.buffer += data
        return bool(data)

    def _line_end(self, position):
        searched_from = position
        while True:
            end = self.buffer.find(b"\r\n", searched_from)
            if end >= 0:
                return end
            searched_from = max(position, len(self.buffer) - 1)
            if not self._fill():
                raise ConnectionClosed(bytes(self.buffer))

    def _reply_end(self, position):
        """Index after the reply that starts at `position`, reading on as needed."""
        line_end = self._line_end(position)
        kind = self.buffer[position:position + 1]
        after = line_end + 2
        if kind in b"+-:_#,(":
            return after
        size = int(self.buffer[position + 1:line_end])
        if kind in b"$=!":
            if size < 0:
                return after
            end = after + size + 2
            while len(self.buffer) < end:
                if not self._fill():
                    raise ConnectionClosed(bytes(self.buffer[:100]))
            return end
        if kind not in b"*~>%|":
            raise ValueError(f"not a RESP reply: {bytes(self.buffer[position:position + 60])!r}")
        for _ in range(max(size, 0) * (2 if kind in b"%|" else 1)):
            after = self._reply_end(after)
        if kind == b"|":  # an attribute precedes the reply proper
            after = self._reply_end(after)
        return after


def decode(reply):
    """Python value of one whole raw reply. Errors come back as RespError objects, maps as dicts, sets as lists."""
    value, end = _decode(reply, 0)
    assert end == len(reply), reply
    return value


def _decode(data, position):
    line_end = data.index(b"\r\n", position)
    kind, text = data[position:position + 1], data[position + 1:line_end]
    after = line_end + 2
    if kind == b"+":
        return text, after
    if kind == b"-":
        return RespError(text.decode("utf-8", "replace")), after
    if kind in b":(":
        return int(text), after
    if kind == b"_":
        return None, after
    if kind == b"#":
        return text == b"t", after
    if kind == b",":
        return float(text), after
    size = int(text)
    if kind in b"$=!":
        if size < 0:
            return None, after
        return data[after + (4 if kind == b"=" else 0):after + size], after + size + 2
    if kind == b"*" and size < 0:
        return None, after
    items = []
    for _ in range(size * (2 if kind in b"%|" else 1)):
        item, after = _decode(data, after)
        items.append(item)
    if kind == b"|":
        return _decode(data, after)
    if kind == b"%":
        return dict(zip(items[::2], items[1::2])), after
    return items, after
