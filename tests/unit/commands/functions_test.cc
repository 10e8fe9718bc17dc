#include "session.h"

namespace chestbox::testing {
namespace {

std::string Load(Session& s, std::string_view code) { return s.Run({"function", "load", code}); }
std::string Replace(Session& s, std::string_view code) { return s.Run({"function", "load", "replace", code}); }

constexpr char kOne[] =
    "#!lua name=one\nredis.register_function('f', function(keys, args) return {keys[1], args[1]} end)";

TEST_CASE("FUNCTION LOAD makes functions of a library, and FCALL calls them") {
  Session s;
  CHECK(s.Do("fcall f 0") == "-ERR Function not found");
  CHECK(Load(s, kOne) == "one");
  CHECK(s.Effects() == Texts{"0: FUNCTION LOAD REPLACE " + std::string(kOne)});
  CHECK(s.Do("fcall f 1 k a") == "[k, a]");
  CHECK(s.Do("fcall F 1 k a") == "[k, a]");
  CHECK(s.Do("fcall f x") == "-ERR Bad number of keys provided");
  CHECK(s.Do("fcall f 2 k") == "-ERR Number of keys can't be greater than number of args");
  CHECK(s.Do("fcall f -1 k") == "-ERR Number of keys can't be negative");
  CHECK(s.Do("function list") ==
        "[[library_name, one, engine, LUA, functions, [[name, f, description, nil, flags, []]]]]");
  CHECK(s.Do("function list libraryname x*") == "[]");
  CHECK(s.Do("function list libraryname ON* withcode").ends_with("library_code, " + std::string(kOne) + "]]"));
  CHECK(s.Do("function list libraryname") == "-ERR library name argument was not given");
  CHECK(s.Do("function list foo") == "-ERR Unknown argument foo");
  CHECK(s.Do("function stats") == "[running_script, nil, engines, [LUA, [libraries_count, :1, functions_count, :1]]]");
  CHECK(s.Do("script flush") == "+OK");
  CHECK(s.Do("fcall f 1 k a") == "[k, a]");
  CHECK(s.Do("function delete other") == "-ERR Library not found");
  CHECK(s.Do("function delete one") == "+OK");
  CHECK(s.Do("fcall f 0") == "-ERR Function not found");
  CHECK(s.Do("function kill") == "-NOTBUSY No scripts in execution right now.");
}

TEST_CASE("A library that cannot be loaded leaves all as it was") {
  Session s;
  REQUIRE(Load(s, kOne) == "one");
  s.Effects();
  const std::string name = "#!lua name=two\n";
  const std::string registering = "-ERR Error registering functions: ";
  CHECK(Load(s, kOne) == "-ERR Library 'one' already exists");
  CHECK(Load(s, "return 1") == "-ERR Missing library metadata");
  CHECK(Load(s, "#!lua\nreturn 1") == "-ERR Library name was not given");
  CHECK(Load(s, "#!lua name=a name=b\n") == "-ERR Invalid metadata value, name argument was given multiple times");
  CHECK(Load(s, "#!lua name=a foo=bar\n") == "-ERR Invalid metadata value given: foo=bar");
  CHECK(Load(s, "#!js name=a\n") == "-ERR Engine 'js' not found");
  CHECK(Load(s, "#!lua name=a-b\n").starts_with("-ERR Library names can only contain letters, numbers"));
  CHECK(Load(s, name + "bad script").starts_with("-ERR Error compiling function: user_function:2: "));
  CHECK(Load(s, name) == "-ERR No functions registered");
  CHECK(Load(s, name + "redis.register_function('F', function() end)") == "-ERR Function F already exists");
  CHECK(Replace(s, "#!lua name=one\nredis.register_function('g', 1)") ==
        registering + "ERR second argument to redis.register_function must be a function");
  CHECK(Load(s, name + "redis.register_function('g', function() end) redis.register_function('g', function() end)") ==
        registering + "ERR Function already exists in the library");
  CHECK(Load(s, name + "redis.register_function{function_name = 'g'}") ==
        registering + "ERR redis.register_function must get a callback argument");
  CHECK(Load(s, name + "redis.register_function{function_name = 'g', callback = function() end, flags = {'x'}}") ==
        registering + "ERR unknown flag given");
  CHECK(Load(s, name + "redis.call('ping')") ==
        registering + "ERR user_function:2: Script attempted to access nonexistent global variable 'call'");
  CHECK(Load(s, name + "math.random()") ==
        registering + "ERR user_function:2: Script attempted to access nonexistent global variable 'math'");
  CHECK(Load(s, name + "a = 1").find("Attempt to modify a readonly table") != std::string::npos);
  CHECK(Load(s, name + "while true do end").find("FUNCTION LOAD timeout") != std::string::npos);
  CHECK(s.Run({"function", "load", "foo", kOne}) == "-ERR Unknown option given: foo");
  CHECK(s.Do("function stats").find("libraries_count, :1, functions_count, :1") != std::string::npos);
  CHECK(s.Do("fcall f 1 k a") == "[k, a]");
  CHECK(s.Effects().empty());
}

TEST_CASE("What a library may not do while it is loaded, its functions may, and the other way round") {
  Session s;
  REQUIRE(Load(s,
               "#!lua name=lib\nlocal lib = redis\n"
               "redis.register_function('ping', function() return redis.call('ping') end)\n"
               "redis.register_function('register', function() return redis.register_function == nil end)\n"
               "redis.register_function('kept', function() lib.register_function('x', function() end) end)\n"
               "redis.register_function('change', function() lib.math = math end)") == "lib");
  CHECK(s.Do("fcall ping 0") == "+PONG");
  CHECK(s.Do("fcall register 0") == ":1");
  CHECK(s.Do("fcall kept 0").starts_with("-ERR redis.register_function can only be called on FUNCTION LOAD command"));
  CHECK(s.Do("fcall change 0").find("Attempt to modify a readonly table") != std::string::npos);
}

TEST_CASE("A function's flags decide what it may do") {
  Session s;
  s.Do("set k v");
  REQUIRE(
      Load(s,
           "#!lua name=lib\nlocal set = function() return redis.call('set', 'k', 1) end\n"
           "redis.register_function('write', set)\n"
           "redis.register_function{function_name = 'read', callback = set, flags = {'no-writes'}, description = 'd'}\n"
           "redis.register_function{function_name = 'oom', callback = set, flags = {'allow-oom'}}") == "lib");
  CHECK(s.Do("fcall_ro write 0") == "-ERR Can not execute a script with write flag using *_ro command.");
  CHECK(s.Do("fcall read 0").starts_with("-ERR Write commands are not allowed from read-only scripts."));
  CHECK(s.Do("fcall_ro read 0").starts_with("-ERR Write commands are not allowed from read-only scripts."));
  CHECK(s.Do("function list").find("[name, read, description, d, flags, [+no-writes]]") != std::string::npos);
  s.Do("config set maxmemory 1");
  CHECK(s.Do("fcall write 0") == "-OOM command not allowed when used memory > 'maxmemory'.");
  CHECK(s.Do("get k") == "v");
  CHECK(s.Do("fcall oom 0") == "+OK");
  CHECK(Load(s, kOne) == "-OOM command not allowed when used memory > 'maxmemory'.");
}

TEST_CASE("FUNCTION DUMP and RESTORE carry libraries from one server to another") {
  Session s;
  REQUIRE(Load(s, kOne) == "one");
  const std::string payload = s.Do("function dump");
  CHECK(s.Run({"function", "restore", payload}) == "-ERR Library one already exists");
  CHECK(s.Run({"function", "restore", payload, "replace"}) == "+OK");
  CHECK(s.Run({"function", "restore", payload, "x"}) ==
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
  CHECK(s.Do("function restore bad") == "-ERR DUMP payload version or checksum are wrong");
  Session other;
  REQUIRE(Load(other, "#!lua name=two\nredis.register_function('f', function() return 2 end)") == "two");
  CHECK(other.Run({"function", "restore", payload}) == "-ERR Function f already exists");
  CHECK(other.Do("fcall f 0") == ":2");
  CHECK(other.Run({"function", "restore", payload, "flush"}) == "+OK");
  CHECK(other.Do("fcall f 1 k a") == "[k, a]");
  CHECK(other.Do("function stats").find("libraries_count, :1") != std::string::npos);
  CHECK(other.Do("function flush now") == "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  CHECK(other.Do("function flush") == "+OK");
  CHECK(other.Do("function list") == "[]");
}

}  // namespace
}  // namespace chestbox::testing
