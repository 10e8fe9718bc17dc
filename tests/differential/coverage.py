"""Which commands and options the differential test said, and which of its families it never did.

What there is comes from COMMAND DOCS of redis-server: every word that its argument trees name. A command or an option counts as said
once a call with it was answered by anything but an error (or QUEUED). EXEMPT lists what is left out on purpose, with reasons.
"""

FAMILIES = {b"string", b"generic", b"list", b"hash", b"set", b"sorted-set", b"stream", b"bitmap", b"hyperloglog", b"geo", b"transactions"}

# (command, word, or None for all of the command): reason
EXEMPT = {
    ("migrate", None): "between two servers: tests/integration/test_migrate.py",
    ("wait", None): "there are no replicas",
    ("xadd", "*"): "an ID of the server's own clock",
    ("pfselftest", None): "takes seconds, and says OK",
}


def words_of(arguments):
    for argument in arguments:
        fields = dict(zip(argument[::2], argument[1::2]))
        if fields.get(b"token"):
            yield fields[b"token"].decode().upper()
        yield from words_of(fields.get(b"arguments", []))


def everything(redis):
    """{(command, word)}, with None as a word for the command itself, as redis-server documents them."""
    found = set()

    def add(entries):
        for name, entry in zip(entries[::2], entries[1::2]):
            fields = dict(zip(entry[::2], entry[1::2]))
            if fields.get(b"group", b"") not in FAMILIES:
                continue
            subcommands = fields.get(b"subcommands", [])
            command = name.decode()
            if subcommands:
                add(subcommands)
            else:
                found.add((command, None))
            found.update((command, word) for word in words_of(fields.get(b"arguments", [])))
    add(redis.call("COMMAND", "DOCS"))
    return found


class Coverage:
    def __init__(self):
        self.said = set()

    def note(self, command, reply):
        """A command and its reply's bytes."""
        if reply[:1] == b"-" or reply == b"+QUEUED\r\n":
            return
        words = [word.upper() for word in command if len(word) < 20]
        name = command[0].decode("latin-1").lower()
        names = [name] + ([f"{name}|{command[1].decode('latin-1').lower()}"] if len(command) > 1 and len(command[1]) < 20 else [])
        for known in names:
            self.said.add((known, None))
            self.said.update((known, word.decode("latin-1")) for word in words[1:])

    def missing(self, redis):
        """One line for each command, and each option, that was never said."""
        wanted = {item for item in everything(redis) if item not in EXEMPT and (item[0], None) not in EXEMPT}
        for command, word in sorted(wanted - self.said, key=str):
            yield f"never said: {command}" + (f" {word}" if word else "")
