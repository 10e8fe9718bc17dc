#include "protocol/stream_id.h"

namespace chestbox {

namespace {

// Longer texts are no IDs, as in Redis.
constexpr size_t kTextBytesMax = 127;

// Redis takes canonical integers, and whatever else strtoull takes whole: leading zeros, a plus sign, white space
// before it; no minus.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  size_t from = 0;
  while (from < text.size() && (text[from] == ' ' || (text[from] >= '\t' && text[from] <= '\r'))) ++from;
  if (from < text.size() && text[from] == '+') ++from;
  text = text.substr(from);
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<StreamId> ParseStreamId(std::string_view text, uint64_t missing_seq) {
  if (text.size() > kTextBytesMax) return std::nullopt;
  text = text.substr(0, text.find('\0'));  // Redis reads it as a string of C
  const size_t dash = text.find('-');
  const auto ms = ParseNumber(text.substr(0, dash));
  if (!ms) return std::nullopt;
  if (dash == std::string_view::npos) return StreamId{*ms, missing_seq};
  const auto seq = ParseNumber(text.substr(dash + 1));
  if (!seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

std::optional<StreamId> ParseStreamBound(std::string_view text, uint64_t missing_seq) {
  if (text.size() > kTextBytesMax) return std::nullopt;
  if (IsIdWord(text, "-")) return StreamId{};
  if (IsIdWord(text, "+")) return kStreamIdMax;
  return ParseStreamId(text, missing_seq);
}

std::optional<StreamId> ParseNewStreamId(std::string_view text, bool* seq_given) {
  *seq_given = true;
  if (text.size() > kTextBytesMax) return std::nullopt;
  text = text.substr(0, text.find('\0'));
  if (text.size() > 2 && text.ends_with("-*") && text.find('-') == text.size() - 2) {
    *seq_given = false;
    text.remove_suffix(2);
  }
  return ParseStreamId(text, 0);
}

}  // namespace chestbox
