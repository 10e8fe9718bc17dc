"""Transactions: WATCH, MULTI, random commands, and what ends them. Replies of EXEC are compared one by one, as outside of it."""
import exceptions
import resp


def elements_of(reply):
    """The raw replies in EXEC's; None for an error or null."""
    if reply[:1] != b"*" or reply[:3] == b"*-1":
        return None
    at = reply.index(b"\r\n") + 2
    elements = []
    while at < len(reply):
        _, end = resp._decode(reply, at)
        elements.append(reply[at:end])
        at = end
    return elements


def agree_on_exec(queued, redis, chestbox, left):
    if redis == chestbox:
        return True
    theirs, ours = elements_of(redis), elements_of(chestbox)
    if theirs is None or ours is None or not len(theirs) == len(ours) == len(queued):
        return False
    return all(exceptions.agree(*three, left=left) for three in zip(queued, theirs, ours))


def step_transaction(session):
    random, generator = session.random, session.generator
    if random.random() < 0.5:
        session.one([generator.any_case(b"watch")] + generator.keys(3))
        for _ in range(random.choice([0, 0, 1, 2])):
            session.one(generator.command())
        if random.random() < 0.1:
            session.one([b"unwatch"])
    session.one([b"multi"])
    queued, same = [], True
    for _ in range(random.randint(0, 6)):
        command = generator.command() if random.random() < 0.95 else random.choice([[b"multi"], [b"watch", b"a"], [b"unwatch"], [b"exec", b"x"]])
        replies = session.one(command)
        if replies[0] == b"+QUEUED\r\n":
            queued.append(command)
        same = same and replies[0] == replies[1]  # not so if only 7.2 takes that many arguments: Redis 7.0 then refuses EXEC
    if not same or random.random() < 0.1:
        session.one([b"discard"])
        return
    for connection in session.connections:
        connection.send_command("exec")
    session.count += 1
    session.history.append([b"exec"])
    replies = [connection.read_raw() for connection in session.connections]
    session.coverage.note([b"exec"], replies[0])
    if not agree_on_exec(queued, *replies, session.leaves):
        session.fail([b"exec"] + [word for command in queued for word in [b"|"] + command], *replies)
