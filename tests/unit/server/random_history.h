// Random commands that change states of every type, the same for the same seed: what replay and swap are tried with.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace chestbox::testing {

// Limits under which small collections and large ones are both of a handful of elements.
inline constexpr char kSmallLimits[] =
    "hash-max-listpack-entries 6\nset-max-listpack-entries 6\nset-max-intset-entries 8\nzset-max-listpack-entries 6\n"
    "list-max-listpack-size 6\nstream-node-max-entries 4\n";

class RandomHistory {
 public:
  // `with_chance`: also commands whose outcome the server draws by lot or takes from the clock.
  RandomHistory(uint32_t seed, bool with_chance) : random_(seed), with_chance_(with_chance) {}

  std::vector<std::string> Next();
  // Every key that may exist.
  static std::vector<std::string> Keys();

 private:
  size_t Below(size_t bound) { return random_() % bound; }
  void Expand(std::string_view word, std::vector<std::string>* command);
  std::string Key(char type);
  std::string Value();

  std::minstd_rand random_;
  const bool with_chance_;
  uint64_t stream_ms_ = 1;
};

}  // namespace chestbox::testing
