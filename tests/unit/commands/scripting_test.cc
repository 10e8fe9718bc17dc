#include "server/commands/sha1.h"
#include "server/dispatcher.h"
#include "server/scripting/scripts.h"
#include "session.h"

namespace chestbox::testing {
namespace {

// EVAL without keys.
std::string Eval(Session& s, std::string_view script) { return s.Run({"eval", script, "0"}); }

// The message of an error without what the script is called.
std::string ErrorOf(Session& s, std::string_view script) {
  const std::string reply = Eval(s, script);
  return reply.substr(0, reply.find(" script: "));
}

TEST_CASE("EVAL returns what the script returns, by Redis' rules") {
  Session s;
  CHECK(Eval(s, "return 'hello'") == "hello");
  CHECK(Eval(s, "return 100.9") == ":100");
  CHECK(Eval(s, "return -1.5") == ":-1");
  CHECK(Eval(s, "return true") == ":1");
  CHECK(Eval(s, "return false") == "nil");
  CHECK(Eval(s, "return nil") == "nil");
  CHECK(Eval(s, "local x = 1") == "nil");
  CHECK(Eval(s, "return {1, 'a', {2, true}, false, nil, 'unseen'}") == "[:1, a, [:2, :1], nil]");
  CHECK(Eval(s, "return {ok = 'fine'}") == "+fine");
  CHECK(Eval(s, "return {err = 'MINE is this'}") == "-MINE is this");
  CHECK(Eval(s, "return redis.status_reply('fine')") == "+fine");
  CHECK(Eval(s, "return redis.error_reply('MINE is this')") == "-MINE is this");
  CHECK(Eval(s, "return redis.error_reply('-MINE is this')") == "-MINE is this");
  CHECK(Eval(s, "return redis.error_reply('mine')") == "-ERR mine");
  CHECK(Eval(s, "return redis.error_reply('MINE \\r\\nis\\nthis\\r')") == "-MINE is this");
  CHECK(Eval(s, "return redis.error_reply('MINE is\\0this')") == "-MINE is");
  CHECK(Eval(s, "return {err = 'MINE is\\0this'}") == "-MINE is");
  CHECK(Eval(s, "return {err = ''}") == "-");
  CHECK(Eval(s, "return {1, {err = 'MINE is this'}}") == "[:1, -MINE is this]");
  CHECK(Eval(s, "return {double = 3.5}") == "3.5");
  CHECK(Eval(s, "return {map = {a = 1}}") == "[a, :1]");
  CHECK(Eval(s, "return print == nil").starts_with("-ERR user_script:1: Script attempted to access nonexistent"));
}

TEST_CASE("KEYS and ARGV are what follows, and numkeys is checked") {
  Session s;
  CHECK(s.Do("eval return{KEYS[1],KEYS[2],ARGV[1],#KEYS,#ARGV} 2 a b c d") == "[a, b, c, :2, :2]");
  CHECK(s.Do("eval return{#KEYS,#ARGV} 0") == "[:0, :0]");
  CHECK(s.Do("eval return 2 a") == "-ERR Number of keys can't be greater than number of args");
  CHECK(s.Do("eval return -1 a") == "-ERR Number of keys can't be negative");
  CHECK(s.Do("eval return x a") == "-ERR value is not an integer or out of range");
}

TEST_CASE("What commands reply becomes Lua's") {
  Session s;
  s.Do("rpush list a b c");
  s.Do("hset hash f v");
  CHECK(Eval(s, "return type(redis.call('incr', 'n')) .. redis.call('get', 'n')") == "number1");
  CHECK(Eval(s, "return redis.call('get', 'missing') == false") == ":1");
  CHECK(Eval(s, "return redis.call('set', 'k', 'v').ok") == "OK");
  CHECK(Eval(s, "return redis.call('lrange', 'list', 0, -1)[2]") == "b");
  CHECK(Eval(s, "return redis.pcall('incr', 'k').err") == "ERR value is not an integer or out of range");
  CHECK(Eval(s, "return redis.pcall('incr', 'k')") == "-ERR value is not an integer or out of range");
  CHECK(Eval(s, "return redis.call('hgetall', 'hash')") == "[f, v]");
  CHECK(Eval(s, "redis.setresp(3); return redis.call('hgetall', 'hash').map.f") == "v");
  CHECK(Eval(s, "redis.setresp(3); return redis.call('get', 'missing') == nil") == ":1");
  CHECK(Eval(s, "return redis.call('set', 'k', 0.1) and redis.call('get', 'k')") == "0.10000000000000001");
  CHECK(Eval(s, "redis.call('set', 'k', 9007199254740991); return redis.call('get', 'k')") == "9007199254740991");
  // Each script begins with RESP2.
  CHECK(Eval(s, "return redis.call('get', 'missing') == false") == ":1");
}

TEST_CASE("A failing command ends the script, unless it is caught") {
  Session s;
  s.Do("set k v");
  CHECK(ErrorOf(s, "redis.call('lpush', 'k', 'v')") ==
        "-WRONGTYPE Operation against a key holding the wrong kind of value");
  CHECK(ErrorOf(s, "redis.call('nosuch')") == "-ERR Unknown Redis command called from script");
  CHECK(ErrorOf(s, "redis.call('get')") == "-ERR Wrong number of args calling Redis command from script");
  CHECK(ErrorOf(s, "redis.call('eval', 'return 1', 0)") == "-ERR This Redis command is not allowed from script");
  CHECK(ErrorOf(s, "redis.call('blpop', 'l', 0)") == "-ERR This Redis command is not allowed from script");
  CHECK(ErrorOf(s, "redis.call()") == "-ERR Please specify at least one argument for this redis lib call");
  CHECK(ErrorOf(s, "redis.call('ping', {})") == "-ERR Lua redis lib command arguments must be strings or integers");
  CHECK(ErrorOf(s, "return redis.call('xread', 'BLOCK', 0, 'STREAMS', 's', '$')") ==
        "-ERR xread command is not allowed with BLOCK option from scripts");
  CHECK(Eval(s, "return {pcall(redis.call, 'incr', 'k')}") == "[nil, ERR value is not an integer or out of range]");
  CHECK(Eval(s, "local ok, e = pcall(redis.call, 'incr', 'k'); return e") ==
        "ERR value is not an integer or out of range");
  const std::string script = "return 1 +\n redis.call('incr', 'k')";
  CHECK(Eval(s, script) ==
        "-ERR value is not an integer or out of range script: " + Sha1Hex(script) + ", on @user_script:2.");
  CHECK(Eval(s, "return (").starts_with("-ERR Error compiling script (new function): user_script:1: "));
  // The script's commands before the failing one have done what they did.
  CHECK(ErrorOf(s, "redis.call('set', 'done', 1); error('enough')") == "-ERR user_script:1: enough");
  CHECK(s.Do("get done") == "1");
}

TEST_CASE("Scripts are known by their SHA-1 until they are flushed") {
  Session s;
  const std::string sha1 = Sha1Hex("return 1");
  CHECK(s.Run({"evalsha", sha1, "0"}) == "-NOSCRIPT No matching script. Please use EVAL.");
  CHECK(s.Do("evalsha short 0") == "-NOSCRIPT No matching script. Please use EVAL.");
  CHECK(Eval(s, "return 1") == ":1");
  std::string upper = sha1;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(s.Run({"evalsha", upper, "0"}) == ":1");
  CHECK(s.Run({"evalsha_ro", sha1, "0"}) == ":1");
  CHECK(s.Run({"script", "load", "return 2"}) == Sha1Hex("return 2"));
  CHECK(s.Run({"script", "exists", sha1, Sha1Hex("return 2"), Sha1Hex("other")}) == "[:1, :1, :0]");
  CHECK(s.Do("script load (").starts_with("-ERR Error compiling script"));
  CHECK(s.server().server().scripts().size() == 2);
  CHECK(s.Do("script flush other") == "-ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  CHECK(s.Do("script flush") == "+OK");
  CHECK(s.Run({"script", "exists", sha1}) == "[:0]");
  CHECK(s.Do("script kill") == "-NOTBUSY No scripts in execution right now.");
  CHECK(s.Do("script debug no") == "+OK");
}

TEST_CASE("A script's effects are those of its commands, in their databases") {
  Session s;
  CHECK(s.Run({"eval", "redis.call('select', 3); redis.call('incr', KEYS[1]); return redis.call('get', 'n')", "1",
               "n"}) == "1");
  CHECK(s.Effects() == Texts{"3: INCR n"});
  CHECK(s.Do("get n") == "nil");
  CHECK(s.Do("select 3") == "+OK");
  CHECK(s.Do("get n") == "1");
  s.Effects();
  CHECK(Eval(s, "return redis.call('get', 'n')") == "1");
  CHECK(s.Effects().empty());
}

TEST_CASE("Time stands still in a script") {
  Session s;
  s.Do("config set busy-reply-threshold 0");
  CHECK(Eval(s,
             "redis.call('set', 'k', 'v', 'px', 1); local t = os.clock(); while os.clock() - t < 0.01 do end; "
             "return redis.call('exists', 'k')") == ":1");
  s.Advance(10);
  CHECK(s.Do("exists k") == ":0");
}

TEST_CASE("EVAL in a transaction is one of its commands") {
  Session s;
  s.Do("multi");
  CHECK(s.Run({"eval", "return redis.call('incr', 'n')", "0"}) == "+QUEUED");
  CHECK(s.Do("get n") == "+QUEUED");
  CHECK(s.Run({"eval", "return redis.call('nosuch')", "0"}) == "+QUEUED");
  CHECK(s.Do("exec").starts_with("[:1, 1, -ERR Unknown Redis command called from script script: "));
}

TEST_CASE("Read-only scripts may not write") {
  Session s;
  s.Do("set k v");
  const std::string refused = "-ERR Write commands are not allowed from read-only scripts.";
  const auto read_only = [&](std::string_view script) {
    const std::string reply = s.Run({"eval_ro", script, "0"});
    return reply.substr(0, reply.find(" script: "));
  };
  CHECK(read_only("return redis.call('get', 'k')") == "v");
  CHECK(read_only("return redis.call('del', 'k')") == refused);
  CHECK(ErrorOf(s, "#!lua flags=no-writes\nreturn redis.call('del', 'k')") == refused);
  CHECK(read_only("#!lua\nreturn 1") == "-ERR Can not execute a script with write flag using *_ro command.");
  CHECK(s.Do("get k") == "v");
}

TEST_CASE("A script's first line is checked") {
  Session s;
  CHECK(Eval(s, "#!lua\nreturn 1") == ":1");
  CHECK(Eval(s, "#!lua flags=\nreturn 1") == ":1");
  CHECK(Eval(s, "#!lua flags=allow-oom,allow-stale\nreturn 1") == ":1");
  CHECK(Eval(s, "#!not-lua\nreturn 1") == "-ERR Unexpected engine in script shebang: #!not-lua");
  CHECK(Eval(s, "#!lua badger=data\nreturn 1") == "-ERR Unknown lua shebang option: badger=data");
  CHECK(Eval(s, "#!lua flags=allow-oom,what?\nreturn 1") == "-ERR Unexpected flag in script shebang: what?");
  CHECK(Eval(s, "#!lua") == "-ERR Invalid script shebang");
  CHECK(ErrorOf(s, "#!lua\nlocal a\nfoo()") ==
        "-ERR user_script:3: Script attempted to access nonexistent global variable 'foo'");
}

TEST_CASE("Nothing that scripts share can be changed by one") {
  Session s;
  for (std::string_view script : {
           "a = 10",
           "_G = {}",
           "_G.a = 1",
           "KEYS = {}",
           "redis = 1",
           "redis.call = 1",
           "cjson.encode = 1",
           "bit.band = 1",
           "string.rep = 1",
           "table.concat = 1",
           "coroutine.wrap = 1",
           "setmetatable(_G, {})",
           "setmetatable(redis, nil)",
           "getmetatable(_G).__index = {}",
           "getmetatable('').__index = {}",
           "getmetatable('').__index.rep = 1",
           "rawset(_G, 'a', 1)",
           "rawset(redis, 'call', 1)",
           "table.insert(redis, 1)",
       }) {
    INFO(script);
    CHECK(ErrorOf(s, script).find("Attempt to modify a readonly table") != std::string::npos);
  }
  CHECK(ErrorOf(s, "local f = loadstring('a = 1'); f()").find("readonly table") != std::string::npos);
  CHECK(Eval(s, "return #redis + (next(redis) and 1 or 0)") == ":1");
  CHECK(Eval(s, "local n = 0; for k, v in pairs(redis) do if v == redis.call then n = n + 1 end end; return n") ==
        ":1");
  CHECK(
      Eval(s,
           "for k, v in pairs(_G) do if rawequal(v, nil) then return k end end; return rawget(_G, 'redis') == redis") ==
      ":1");
  CHECK(Eval(s, "return ('x'):rep(3) .. #getmetatable('x').__index.rep('y', 2)") == "xxx2");
}

TEST_CASE("Files, modules, the debugger and binary code are out of reach") {
  Session s;
  for (std::string_view name : {"loadfile", "dofile", "print", "require", "module", "package", "debug", "io", "getfenv",
                                "setfenv", "newproxy"}) {
    INFO(name);
    CHECK(ErrorOf(s, std::string(name) + "('x')") ==
          "-ERR user_script:1: Script attempted to access nonexistent global variable '" + std::string(name) + "'");
  }
  CHECK(ErrorOf(s, "return os.exit(1)").starts_with("-ERR user_script:1: attempt to call field 'exit'"));
  CHECK(ErrorOf(s, "return loadstring(string.dump(function() return 1 end))()") ==
        "-ERR user_script:1: attempt to call a nil value");
  CHECK(ErrorOf(s,
                "local d = string.dump(function() return 1 end); return load(function() local x = d; d = nil; return x "
                "end)()") == "-ERR user_script:1: attempt to call a nil value");
  CHECK(Eval(s, "local d = {'return ', '7'}; return load(function() return table.remove(d, 1) end)()") == ":7");
  CHECK(Eval(s, std::string_view("\x1bLua", 4)).starts_with("-ERR Error compiling script (new function): "));
}

TEST_CASE("Known faults of Lua's libraries are not reached") {
  Session s;
  CHECK(ErrorOf(s, "return {unpack({1, 2, 3}, -2, 2147483647)}") == "-ERR user_script:1: too many results to unpack");
  CHECK(ErrorOf(s, "return {unpack({1, 2, 3}, 0, 2147483647)}") == "-ERR user_script:1: too many results to unpack");
  CHECK(ErrorOf(s, "return {unpack({1}, -2147483648, -2)}") == "-ERR user_script:1: too many results to unpack");
  CHECK(Eval(s, "return {select('#', unpack({1, 2}, -2147483648, -2147483646)), unpack({1, 2, 3}, 2)}") ==
        "[:3, :2, :3]");
  CHECK(Eval(s, "return {unpack({1, 2, 3}, 1, -1)}") == "[]");
  CHECK(Eval(s, "return {bit.tohex(65535, -2147483648), bit.tohex(-1), bit.tohex(255, 4), bit.tohex(255, -2)}") ==
        "[0000FFFF, ffffffff, 00ff, FF]");
  CHECK(Eval(s, "return tostring(loadstring('x = ', ('name'):rep(1000)))") == "nil");
}

TEST_CASE("Random numbers are Redis', and a seed repeats them") {
  Session s;
  // What redis-server 7.0.15 returns.
  const std::string script =
      "math.randomseed(10); return {tostring(math.random()), math.random(100), math.random(5, 6)}";
  CHECK(Eval(s, script) == "[0.87885112309775, :80, :5]");
  CHECK(Eval(s, script) == "[0.87885112309775, :80, :5]");
  CHECK(Eval(s, "return tostring(math.random())") != Eval(s, "return tostring(math.random())"));
}

TEST_CASE("cjson, bit, struct and cmsgpack are there") {
  Session s;
  CHECK(Eval(s, "return cjson.encode({1, 2, {a = 'b'}})") == R"([1,2,{"a":"b"}])");
  CHECK(Eval(s, R"(return cjson.decode('{"a": [1, null, "x"]}').a[3])") == "x");
  CHECK(Eval(s, "return cjson.decode('[null]')[1] == cjson.null") == ":1");
  CHECK(Eval(s, "return {bit.band(7, 12), bit.tohex(255)}") == "[:4, 000000ff]");
  const std::string hex =
      "local function hex(s) return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) end ";
  CHECK(Eval(s, hex + "return hex(struct.pack('>Ihbs', 1, -2, 3, 'ab'))") == "00000001fffe03616200");
  CHECK(Eval(s, hex + "return hex(struct.pack('<i3dc0', -2, 1.5, 'xyz'))") == "feffff000000000000f83f78797a");
  CHECK(Eval(s, "return {struct.unpack('>Ihbs', '\\0\\0\\0\\1\\255\\254\\3ab\\0')}") == "[:1, :-2, :3, ab, :11]");
  CHECK(Eval(s, "return {struct.unpack('bc0', '\\3abcd')}") == "[abc, :5]");
  CHECK(Eval(s, "return struct.size('!8bd') ") == ":16");
  CHECK(ErrorOf(s, "return struct.unpack('I', 'abc')").find("data string too short") != std::string::npos);
  CHECK(ErrorOf(s, "return struct.pack('i99', 1)").find("integral size 99 is larger than limit of 32") !=
        std::string::npos);
  CHECK(Eval(s, hex + "return hex(cmsgpack.pack(0.1))") == "cb3fb999999999999a");
  CHECK(Eval(s, hex + "return hex(cmsgpack.pack(-1099511627776, 200, -1, -200, 70000, 'a', true, nil))") ==
        "d3ffffff0000000000ccc8"
        "ff"
        "d1ff38"
        "ce00011170"
        "a161"
        "c3"
        "c0");
  CHECK(Eval(s, hex + "return hex(cmsgpack.pack({1, {a = 2}}, {}))") == "920181a1610290");
  CHECK(Eval(s, "return {cmsgpack.unpack(cmsgpack.pack(1, 'a', {2, 3}))}") == "[:1, a, [:2, :3]]");
  CHECK(Eval(s, "return {cmsgpack.unpack_one(cmsgpack.pack(1, 2), 1)}") == "[:-1, :2]");
  CHECK(Eval(s, "return {cmsgpack.unpack_limit(cmsgpack.pack(1, 2, 3), 2, 0)}") == "[:2, :1, :2]");
  CHECK(ErrorOf(s, "return cmsgpack.unpack('\\217')").find("Missing bytes in input.") != std::string::npos);
  CHECK(ErrorOf(s, "return cmsgpack.unpack('\\193')").find("Bad data format in input.") != std::string::npos);
  CHECK(ErrorOf(s, "return cmsgpack.unpack('\\221\\255\\255\\255\\255')").find("Missing bytes") != std::string::npos);
}

TEST_CASE("Without memory a script runs until it needs some, unless its first line says more") {
  Session s("enable-debug-command yes\n");
  s.Do("set k v");
  s.Do("config set maxmemory 1");
  const std::string out_of_memory = "-OOM command not allowed when used memory > 'maxmemory'.";
  CHECK(ErrorOf(s, "return redis.call('set', 'k', 1)") == out_of_memory);
  CHECK(Eval(s, "return redis.call('get', 'k')") == "v");
  CHECK(Eval(s, "return redis.call('del', 'none')") == ":0");
  CHECK(ErrorOf(s, "#!lua\nreturn 1") == out_of_memory);
  CHECK(Eval(s, "#!lua flags=no-writes\nreturn 1") == ":1");
  CHECK(Eval(s, "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 2)") == "+OK");
  // What has begun to write cannot be stopped in the middle.
  CHECK(Eval(s, "redis.call('del', 'none'); return redis.call('set', 'k', 3)") == "+OK");
}

TEST_CASE("Errors of a script's commands are counted once") {
  Session s;
  const auto& stats = s.server().server().stats();
  const auto calls = [&](std::string_view name) {
    return s.server().server().stats().commands.Of(s.server().server().commands().Find(name));
  };
  CHECK(Eval(s, "return redis.pcall('select', 99)") == "-ERR DB index is out of range");
  CHECK(stats.error_replies == 1);
  CHECK(calls("eval").failed_calls == 1);
  CHECK(calls("select").failed_calls == 1);
  CHECK(Eval(s, "return redis.pcall('select', 99) and 1") == ":1");
  CHECK(stats.error_replies == 2);
  CHECK(calls("eval").failed_calls == 1);
  CHECK(ErrorOf(s, "return redis.call('get')").starts_with("-ERR Wrong number"));
  CHECK(stats.error_replies == 3);
  CHECK(calls("get").rejected_calls == 1);
  CHECK(calls("get").calls == 0);
  CHECK(Eval(s, "return {err = 'MINE own'}") == "-MINE own");
  CHECK(stats.errors.at("MINE") == 1);
}

TEST_CASE("A table without an end is an error of the reply, not of the server") {
  Session s;
  const std::string bytes = s.server().Run({"eval", "local a = {}; local b = {a}; a[1] = b; return a", "0"});
  CHECK(bytes.find("*1\r\n*1\r\n*1\r\n") == 0);
  CHECK(bytes.ends_with("-ERR reached lua stack limit\r\n"));
  CHECK(std::count(bytes.begin(), bytes.end(), '*') == 1000);
  CHECK(Eval(s, "return 1") == ":1");
}

}  // namespace
}  // namespace chestbox::testing
