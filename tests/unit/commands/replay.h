// Records the effects of one server and runs them on another.
#pragma once

#include <string>
#include <vector>

#include "server/client.h"
#include "server/dispatcher.h"
#include "session.h"

namespace chestbox::testing {

// For commands in database 0.
class Replay final : public EffectListener {
 public:
  explicit Replay(Session& from) : from_(from) { from_.server().server().effects().Add(this); }
  ~Replay() override { from_.server().server().effects().Remove(this); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void OnEffect(const Effect& effect) override { effects_.emplace_back(effect.command.begin(), effect.command.end()); }
  void RunOn(Session& to) const {
    Client& client = to.server().AddClient();
    for (const std::vector<std::string>& command : effects_) {
      const std::vector<std::string_view> args(command.begin(), command.end());
      client.output.Clear();
      to.server().server().dispatcher().Execute(client, args);
    }
  }
  size_t size() const { return effects_.size(); }

 private:
  Session& from_;
  std::vector<std::vector<std::string>> effects_;
};

}  // namespace chestbox::testing
