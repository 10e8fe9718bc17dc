#include <filesystem>

#include "server/commands/sha1.h"
#include "tests/unit/commands/session.h"
#include "tests/unit/config/redis_server.h"

namespace chestbox::testing {
namespace {

std::string Hex(const Sha1Digest& digest) {
  std::string text;
  for (unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

TEST_CASE("SHA-1 of known texts") {
  CHECK(Hex(Sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(Hex(Sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(Hex(Sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(Hex(Sha1(std::string(1000000, 'a'))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  for (size_t bytes : {55, 56, 63, 64, 65, 119, 120}) CHECK(Hex(Sha1(std::string(bytes, 'x'))).size() == 40);
}

TEST_CASE("DEBUG is refused unless it was enabled") {
  Session s("enable-debug-command no\n");
  CHECK(s.Do("debug sleep 0") ==
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
        "local "
        "connection, otherwise you need to set this option in the configuration file, and then restart the server.");
  CHECK(s.Do("debug") == "-ERR wrong number of arguments for 'debug' command");
}

TEST_CASE("DEBUG DIGEST is what redis-server computes") {
  const auto redis = RedisServer::Start({"--enable-debug-command", "yes"});
  if (redis == nullptr) {
    WARN("no redis-server on this machine");
    return;
  }
  Session s;
  CHECK(s.Do("debug digest") == "+" + std::string(40, '0'));
  for (const std::vector<std::string_view>& command : {std::vector<std::string_view>{"set", "a", "1"},
                                                       {"set", "b", "some longer value that fits no integer"},
                                                       {"set", "c", "x", "ex", "1000"},
                                                       {"select", "3"},
                                                       {"append", "raw", "abc"}}) {
    redis->Run(command);
    std::string line;
    std::vector<std::string_view> words = command;
    if (command.size() == 2) s.Run({words[0], words[1]});
    if (command.size() == 3) s.Run({words[0], words[1], words[2]});
    if (command.size() == 5) s.Run({words[0], words[1], words[2], words[3], words[4]});
    CHECK(s.Do("debug digest") == "+" + redis->Run({"debug", "digest"}).text);
  }
  CHECK(s.Do("debug digest-value raw nosuch") ==
        "[+" + redis->Run({"debug", "digest-value", "raw"}).elements.at(0).text + ", +" + std::string(40, '0') + "]");
}

TEST_CASE("DEBUG RELOAD drops what has expired and keeps the rest, in the encodings of new values") {
  Session s;
  s.Do("debug set-active-expire 0");
  s.Do("set gone v px 10");
  s.Do("set kept v px 100000");
  const std::string expiry = s.Do("pexpiretime kept");
  s.Do("append raw ab");
  s.Do("append raw c");
  s.Do("set number 7");
  s.Do("setrange number 0 8");
  s.Advance(20);
  CHECK(s.Do("object encoding raw") == "raw");
  CHECK(s.Do("dbsize") == ":4");
  CHECK(s.Do("debug reload") == "+OK");
  CHECK(s.Do("dbsize") == ":3");
  CHECK(s.Do("object encoding raw") == "embstr");
  CHECK(s.Do("object encoding number") == "int");
  CHECK(s.Do("get number") == "8");
  CHECK(s.Do("pexpiretime kept") == expiry);
  CHECK(s.Do("debug reload merge noflush") == "+OK");
  CHECK(s.Do("debug reload foo") == "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  CHECK(s.Do("debug reload nosave noflush") == "-ERR Error trying to load the RDB dump");  // the keys are there
  s.Do("set later v");
  CHECK(s.Do("debug reload nosave") == "+OK");
  CHECK(s.Do("exists later") == ":0");
  CHECK(std::filesystem::remove("dump.rdb"));
  CHECK(s.Do("debug reload nosave") == "-ERR Error trying to load the RDB dump");
  CHECK(s.Do("dbsize") == ":3");
  CHECK(s.Do("debug loadaof") == "+OK");
  CHECK(s.Do("dbsize") == ":3");
}

TEST_CASE("DEBUG OBJECT tells address, encoding and size, and leaves the key alone") {
  Session s;
  s.Do("set k 20000");
  const std::string before = s.Do("debug object k");
  CHECK(before.starts_with("+Value at:0x"));
  CHECK(before.find(" refcount:1 encoding:int serializedlength:3 lru:") != std::string::npos);
  s.Do("incr k");
  const auto address = [](const std::string& text) { return text.substr(0, text.find(" refcount")); };
  CHECK(address(s.Do("debug object k")) == address(before));
  CHECK(s.Do("debug object nosuch") == "-ERR no such key");
  CHECK(s.Do("debug swapout k") == "-ERR swapping is off");
}

TEST_CASE("DEBUG POPULATE creates what is not there") {
  Session s;
  s.Do("set key:1 mine");
  CHECK(s.EffectsOf("debug populate 3") == Texts{"0: SET key:0 value:0", "0: SET key:2 value:2"});
  CHECK(s.Do("get key:1") == "mine");
  CHECK(s.Do("debug populate 2 big 100") == "+OK");
  CHECK(s.Do("strlen big:1") == ":100");
  CHECK(s.Do("debug populate -1") == "-ERR value is out of range, must be positive");
  CHECK(s.Do("debug populate x") == "-ERR value is out of range, must be positive");
}

TEST_CASE("DEBUG replies with every type of the protocol") {
  Session s;
  CHECK(s.server().Do("debug protocol attrib") == "$39\r\nSome real reply following the attribute\r\n");
  CHECK(s.server().Do("debug protocol push") == "-ERR RESP2 is not supported by this command\r\n");
  CHECK(s.Do("debug protocol foo").starts_with("-ERR Wrong protocol type name."));
  s.server().Do("hello 3");
  CHECK(s.server().Do("debug protocol bignum") == "(1234567999999999999999999999999999999\r\n");
  CHECK(s.server().Do("debug protocol true") == "#t\r\n");
  CHECK(s.server().Do("debug protocol verbatim") == "=29\r\ntxt:This is a verbatim\nstring\r\n");
  CHECK(s.server().Do("debug protocol attrib").starts_with("|1\r\n$14\r\nkey-popularity\r\n"));
}

TEST_CASE("DEBUG's small subcommands") {
  Session s;
  CHECK(s.Do("debug log hello") == "+OK");
  CHECK(s.Run({"debug", "error", "MYERR of\nmine"}) == "-MYERR of mine");
  CHECK(s.Do("debug sleep 0") == "+OK");
  CHECK(s.Do("debug set-active-expire 0") == "+OK");
  CHECK_FALSE(s.server().server().active_expire());
  CHECK(s.Do("debug set-active-expire 1") == "+OK");
  CHECK(s.Do("debug foo") == "-ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP.");
  CHECK(s.Do("debug sleep") == "-ERR unknown subcommand or wrong number of arguments for 'sleep'. Try DEBUG HELP.");
}

}  // namespace
}  // namespace chestbox::testing
