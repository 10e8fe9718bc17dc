#include "swap/clean_marker.h"

#include <algorithm>

#include "protocol/rdb/crc64.h"
#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/string_codec.h"

namespace chestbox::swap {
namespace {

constexpr std::string_view kMagic = "CBCLEAN1";
constexpr size_t kCrcSize = 8;

// Reads one thing after another; after the first failure everything is zero and ok() false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Number() {
    const auto prefix = rdb::DecodePrefix(rest_);
    if (!prefix.ok() || prefix->special) return Fail();
    rest_.remove_prefix(prefix->prefix_size);
    return prefix->length;
  }

  std::string Text() {
    auto text = rdb::DecodeString(rest_);
    if (!text) {
      Fail();
      return {};
    }
    rest_.remove_prefix(text->size);
    return std::move(text->value);
  }

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::string Crc(std::string_view bytes) {
  const uint64_t crc = rdb::Crc64(0, bytes);
  std::string out;
  for (size_t i = 0; i < kCrcSize; ++i) out.push_back(static_cast<char>(crc >> (8 * i)));
  return out;
}

Error Damaged() { return Error{"ERR swap: the clean marker is damaged"}; }

}  // namespace

std::string EncodeCleanMarker(const CleanState& state) {
  std::string bytes(kMagic);
  rdb::AppendLength(state.next_value_id, bytes);
  const auto used = [](const DatabaseState& database) { return database != DatabaseState{}; };
  rdb::AppendLength(static_cast<uint64_t>(std::count_if(state.databases.begin(), state.databases.end(), used)), bytes);
  for (size_t i = 0; i < state.databases.size(); ++i) {
    const DatabaseState& database = state.databases[i];
    if (!used(database)) continue;
    for (const uint64_t number : {uint64_t{i}, uint64_t{database.generation}, database.count, database.expiry_count}) {
      rdb::AppendLength(number, bytes);
    }
  }
  rdb::AppendLength(state.metadata.size(), bytes);
  for (const auto& [name, value] : state.metadata) {
    rdb::AppendString(name, bytes);
    rdb::AppendString(value, bytes);
  }
  return bytes + Crc(bytes);
}

Result<CleanState> DecodeCleanMarker(std::string_view bytes) {
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + kCrcSize) return Damaged();
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcSize);
  if (Crc(body) != bytes.substr(body.size())) return Damaged();
  Reader reader(body.substr(kMagic.size()));
  CleanState state;
  state.next_value_id = reader.Number();
  for (uint64_t left = reader.Number(); left > 0 && reader.ok(); --left) {
    const uint64_t number = reader.Number();
    if (number >= state.databases.size()) return Damaged();
    DatabaseState& database = state.databases[number];
    database.generation = static_cast<uint32_t>(reader.Number());
    database.count = reader.Number();
    database.expiry_count = reader.Number();
  }
  for (uint64_t left = reader.Number(); left > 0 && reader.ok(); --left) {
    std::string name = reader.Text();
    state.metadata[std::move(name)] = reader.Text();
  }
  if (!reader.done()) return Damaged();
  return state;
}

}  // namespace chestbox::swap
