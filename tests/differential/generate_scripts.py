"""Scripts: a handful of fixed ones over random keys and arguments. None returns what is random or unordered by nature."""
import hashlib

SCRIPTS = [
    b"return redis.call('get', KEYS[1])",
    b"return redis.call('incr', KEYS[1])",
    b"return {redis.pcall('incr', KEYS[1]), redis.pcall('lpush', KEYS[2], ARGV[1]), redis.pcall('type', KEYS[1])}",
    b"for i = 1, #ARGV do redis.call('rpush', KEYS[1], ARGV[i]) end return redis.call('lrange', KEYS[1], 0, -1)",
    b"redis.call('select', 2); redis.call('set', KEYS[1], ARGV[1]); return redis.call('exists', KEYS[1], KEYS[2])",
    b"local ok, problem = pcall(redis.call, 'hset', KEYS[1], 'field', ARGV[1]); return {tostring(ok), problem}",
    b"redis.setresp(3); local r = redis.pcall('zadd', KEYS[1], 'incr', ARGV[2], ARGV[1]); return r",
    b"redis.setresp(3); return {redis.pcall('zscore', KEYS[1], ARGV[1]), redis.pcall('get', KEYS[2]), 'end'}",
    b"return redis.call('set', KEYS[1], ARGV[1], 'nx') or redis.call('append', KEYS[1], ARGV[2])",
    b"return {#KEYS, #ARGV, ARGV[1], tonumber(ARGV[2]) or 'no number', {KEYS[1]}, true, false, 1.9, nil, 'unseen'}",
    b"return {ok = ARGV[1]}",
    b"return {err = 'MINE ' .. ARGV[1]}",
    b"return redis.error_reply(ARGV[1])",
    b"return {double = tonumber(ARGV[2])}",
    b"return {map = {[ARGV[1]] = {set = {[ARGV[2]] = true}}}}",
    b"return {big_number = ARGV[2]}",
    b"return {verbatim_string = {format = 'txt', string = ARGV[1]}}",
    b"return cjson.encode({ARGV[2], tonumber(ARGV[2]), {x = ARGV[2]}})",
    b"return cjson.decode(ARGV[1])",
    b"return cmsgpack.pack(ARGV, tonumber(ARGV[2]), KEYS)",
    b"return {cmsgpack.unpack(ARGV[1])}",
    b"return struct.pack('>hi5dsc0', tonumber(ARGV[2]) or 7, 1000, 0.1, 'text', ARGV[1])",
    b"return {struct.unpack('<hB', ARGV[1])}",
    b"return {bit.band(tonumber(ARGV[2]) or 3, 255), bit.tohex(#ARGV[1])}",
    b"math.randomseed(#ARGV[1]); return {math.random(1000), tostring(math.random())}",
    b"return redis.sha1hex(ARGV[1])",
    b"#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], ARGV[1])",
    b"#!lua flags=no-writes,allow-oom\nreturn redis.call('strlen', KEYS[1])",
    b"#!lua flags=nonsense\nreturn 1",
    b"return nosuch",
    b"nosuch = 1",
    b"local t = {}\nreturn t.x.y",
    b"return (",
    b"error({err = 'MINE raised'})",
    b"error(ARGV[1])",
    b"return redis.call()",
    b"return redis.call('nosuch', KEYS[1])",
    b"return redis.call('get')",
    b"return redis.call('blpop', KEYS[1], 0)",
    b"return table.concat(ARGV, ',', 1, 2) .. #string.rep('x', 100)",
    b"local s = '' for w in ARGV[1]:gmatch('%a') do s = w .. s end return {s, ARGV[1]:upper(), ('%q'):format(ARGV[2])}",
]


def step_script(session):
    random, generator = session.random, session.generator
    script = random.choice(SCRIPTS)
    arguments = [generator.key(), generator.key(), generator.value(), generator.integer()]
    name = random.choice([b"eval", b"eval", b"eval", b"eval_ro", b"evalsha", b"evalsha_ro", b"script"])
    if name == b"script":
        session.one([name, b"load", script])
        return
    if name.startswith(b"evalsha"):
        script = hashlib.sha1(script).hexdigest().encode()
    count = b"2" if random.random() < 0.9 else random.choice([b"0", b"1", b"4", b"5", b"-1", b"x", b""])
    session.one([generator.any_case(name), script, count] + arguments)
