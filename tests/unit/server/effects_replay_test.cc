// The effects of a history are the history: an empty server that runs them has the same states.
#include <map>
#include <set>

#include "random_history.h"
#include "test_server.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

// Runs what the first server reports on a second one, at once.
class Replica final : public EffectListener {
 public:
  explicit Replica(TestServer& server) : server_(server) {}

  void OnEffect(const Effect& effect) override {
    pending_.push_back({effect.database, {effect.command.begin(), effect.command.end()}});
  }

  // A listener may run no commands, so this is called between them. Each effect must be taken.
  void CatchUp() {
    for (const auto& [database, command] : std::exchange(pending_, {})) {
      server_.client().db = database;
      const std::vector<std::string_view> args(command.begin(), command.end());
      const std::string reply = server_.RunArgs(server_.client(), args);
      ++replayed_;
      if (reply.empty() || reply[0] == '-') {
        std::string text;
        for (const std::string& word : command) text += word + " ";
        FAIL("the effect " << text << "was refused: " << reply);
      }
    }
    server_.client().db = 0;
  }
  size_t replayed() const { return replayed_; }

 private:
  struct Reported {
    uint32_t database;
    std::vector<std::string> command;
  };
  TestServer& server_;
  std::vector<Reported> pending_;
  size_t replayed_ = 0;
};

std::string TextOf(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) text += (word.size() > 40 ? word.substr(0, 40) + "…" : word) + " ";
  return text;
}

std::string Run(TestServer& server, std::vector<std::string> command) {
  const std::vector<std::string_view> args(command.begin(), command.end());
  return server.RunArgs(server.client(), args);
}

// What is compared of a key: its value, and when it ends. Of streams also groups, without the times of consumers, which
// effects do not carry.
std::string StateOf(TestServer& server, const std::string& key) {
  std::string text =
      Run(server, {"TYPE", key}) + Run(server, {"DEBUG", "DIGEST-VALUE", key}) + Run(server, {"PEXPIRETIME", key});
  if (key[0] == 'h') {
    for (int i = 0; i < 14; ++i) text += Run(server, {"HPEXPIRETIME", key, "FIELDS", "1", "f" + std::to_string(i)});
  }
  if (key[0] == 'x') {
    text += Run(server, {"XINFO", "GROUPS", key});
    for (int i = 0; i < 14; ++i) text += Run(server, {"XPENDING", key, "f" + std::to_string(i)});
    text += Run(server, {"XPENDING", key, "g"});
  }
  return text;
}

}  // namespace

TEST_CASE("Effects of a random history, run on an empty server, give the same states") {
  const std::string config = std::string("enable-debug-command yes\nsave \"\"\n") + kSmallLimits;
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    TestServer first(config);
    TestServer second(config);
    Replica replica(second);
    first.server().effects().Add(&replica);
    RandomHistory history(seed, true);
    for (int i = 0; i < 1500; ++i) {
      const std::vector<std::string> command = history.Next();
      Run(first, command);
      INFO("seed " << seed << ", command " << i << ": " << TextOf(command));
      replica.CatchUp();
      if (i % 50 != 49) continue;
      for (const std::string& key : RandomHistory::Keys()) {
        INFO(key);
        REQUIRE(StateOf(first, key) == StateOf(second, key));
      }
    }
    REQUIRE(Run(first, {"DEBUG", "DIGEST"}) == Run(second, {"DEBUG", "DIGEST"}));
    REQUIRE(replica.replayed() > 500);
    first.server().effects().Remove(&replica);
  }
}

}  // namespace chestbox::testing
