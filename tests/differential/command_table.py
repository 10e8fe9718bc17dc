"""COMMAND INFO of every command that both servers know must say the same: arity, flags, key positions, categories, key specs.

Clients and proxies route by these rows. ALLOWED lists the differences that are meant, with reasons.
"""

FIELDS = ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs", "subcommands"]

# (command, or None for all; field; reason)
ALLOWED = [
    (None, "tips", "7.2 has more of them than 7.0"),
    ("sort", "key specs", "Redis calls STORE's place unknown, and lists what the data names"),
    ("sort_ro", "key specs", "Redis lists what the data names"),
    ("zrank", "arity", "WITHSCORE of 7.2"),
    ("zrevrank", "arity", "WITHSCORE of 7.2"),
]


def simplified(value):
    """Sets compare without order; maps arrive as lists in RESP2. A key spec's notes are words for people."""
    if isinstance(value, list):
        if value[:1] == [b"notes"]:
            value = value[2:]
        return sorted((simplified(item) for item in value), key=repr)
    return value


def rows(server):
    """{name: {field: value}}, subcommands as rows of their own."""
    found = {}

    def add(entry):
        row = dict(zip(FIELDS, entry))
        found[row["name"].decode()] = row
        for sub in row["subcommands"]:
            add(sub)
    for entry in server.call("COMMAND"):
        add(entry)
    return found


def differences(redis, chestbox):
    """One line for each field that differs and may not."""
    theirs, ours = rows(redis), rows(chestbox)
    for name in sorted(set(theirs) & set(ours)):
        for field in FIELDS[1:-1]:
            if any(command in (None, name) and allowed == field for command, allowed, _ in ALLOWED):
                continue
            if simplified(theirs[name][field]) != simplified(ours[name][field]):
                yield f"{name}: {field}: redis {theirs[name][field]}, chestbox {ours[name][field]}"
    count, listed = chestbox.call("COMMAND", "COUNT"), [name for name in chestbox.call("COMMAND", "LIST") if b"|" not in name]
    if not count == len(listed) == len(chestbox.call("COMMAND")) == len(chestbox.call("COMMAND", "DOCS")) // 2:
        yield f"COMMAND, COMMAND COUNT, LIST and DOCS do not agree: {count}, {len(listed)}, …"
