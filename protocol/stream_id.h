// Stream IDs: "ms-seq", two unsigned 64-bit numbers, and the forms in which commands take them.
//
// Threads: none.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace chestbox {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;
  auto operator<=>(const StreamId&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees one
  constexpr bool is_zero() const { return ms == 0 && seq == 0; }
};

inline constexpr StreamId kStreamIdMax{std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max()};

// The next and the previous ID; nothing at the end of the numbers.
constexpr std::optional<StreamId> After(const StreamId& id) {
  if (id == kStreamIdMax) return std::nullopt;
  return id.seq == kStreamIdMax.seq ? StreamId{id.ms + 1, 0} : StreamId{id.ms, id.seq + 1};
}
constexpr std::optional<StreamId> Before(const StreamId& id) {
  if (id.is_zero()) return std::nullopt;
  return id.seq == 0 ? StreamId{id.ms - 1, kStreamIdMax.seq} : StreamId{id.ms, id.seq - 1};
}

// An ID as text. Valid as long as the object.
class StreamIdText {
 public:
  explicit StreamIdText(const StreamId& id) {
    char* end = std::to_chars(bytes_, bytes_ + sizeof bytes_, id.ms).ptr;
    *end++ = '-';
    end = std::to_chars(end, bytes_ + sizeof bytes_, id.seq).ptr;
    size_ = static_cast<size_t>(end - bytes_);
  }
  operator std::string_view() const { return {bytes_, size_}; }  // NOLINT(google-explicit-constructor)

 private:
  char bytes_[48];
  size_t size_ = 0;
};

// Whether an argument in the place of an ID is `word` ("$", ">", "*", …). Like an ID it ends at a NUL: Redis reads both
// as strings of C.
constexpr bool IsIdWord(std::string_view text, std::string_view word) {
  return text.substr(0, text.find('\0')) == word;
}

// "ms-seq", or "ms" with `missing_seq` in the place of the rest.
std::optional<StreamId> ParseStreamId(std::string_view text, uint64_t missing_seq);
// The same, or "-" and "+" for the smallest and the largest.
std::optional<StreamId> ParseStreamBound(std::string_view text, uint64_t missing_seq);
// For XADD: also "ms-*", which leaves the sequence to the stream (`*seq_given` false).
std::optional<StreamId> ParseNewStreamId(std::string_view text, bool* seq_given);

}  // namespace chestbox
