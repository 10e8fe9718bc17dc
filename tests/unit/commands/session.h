// A session with a server without sockets, that reads as one at redis-cli does: Do("set k v") returns "+OK".
//
// Replies as text: "+OK" simple string, "-ERR …" error, ":1" integer, bulk strings as they are, "nil", "[a, b]" for
// arrays.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/server/test_server.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {

class Session {
 public:
  explicit Session(std::string_view config = {}, const ServerParts& parts = {}) : server_(config, parts) {}

  // Arguments split at spaces.
  std::string Do(std::string_view line) { return Text(server_.Do(line)); }
  // Arguments that may be anything.
  std::string Run(std::initializer_list<std::string_view> args) { return Text(server_.Run(args)); }
  // The text of a reply's bytes; it must be exactly one.
  static std::string Text(std::string_view bytes);
  // What was reported since the last call.
  std::vector<std::string> Effects() { return server_.effects().Take(); }
  // Effects of one command.
  std::vector<std::string> EffectsOf(std::string_view line) {
    Effects();
    Do(line);
    return Effects();
  }

  TestServer& server() { return server_; }
  int64_t now_ms() { return server_.keys().now_ms(); }
  void Advance(int64_t ms) { server_.AdvanceClock(ms); }

 private:
  TestServer server_;
};

using Texts = std::vector<std::string>;

}  // namespace chestbox::testing
