// States as the commands that make them: the base of an append-only file without an RDB preamble. In the form and the
// batches of redis-server 7.0's rewrite. Pure, any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace chestbox {

// Appends a command as a request.
void AppendCommand(std::span<const std::string_view> words, std::string& out);
inline void AppendCommand(std::initializer_list<std::string_view> words, std::string& out) {
  AppendCommand(std::span(words.begin(), words.size()), out);
}

// `object`: an RDB object of ours. False: it is damaged. `expire_at_ms`: kNoExpiry for none.
[[nodiscard]] bool AppendStateAsCommands(std::string_view key, std::string_view object, int64_t expire_at_ms,
                                         std::string& out);

}  // namespace chestbox
