#include "server/replication/stream.h"

#include "protocol/check.h"
#include "server/command_text.h"

namespace chestbox {

namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";
// Memory that a large unit leaves behind is given back.
constexpr size_t kUnitKeepBytes = 64 << 10;

}  // namespace

void ReplicationStream::Select(uint32_t database, std::string* to) {
  if (database_ == database) return;
  const std::string number = std::to_string(database);
  AppendCommand({"SELECT", number}, *to);
  database_ = database;
}

void ReplicationStream::Add(uint32_t database, std::span<const std::string_view> command) {
  Select(database, unit_commands_ == 0 ? &select_ : &unit_);
  AppendCommand(command, unit_);
  ++unit_commands_;
  if (!in_unit_) EndUnit(false);
}

void ReplicationStream::AddBeside(std::span<const std::string_view> command) {
  CHECK(unit_commands_ == 0);
  std::string bytes;
  AppendCommand(command, bytes);
  sink_(bytes);
}

void ReplicationStream::EndUnit(bool as_transaction) {
  const bool bracketed = as_transaction && unit_commands_ > 1;
  if (bracketed) select_ += kMulti;
  if (bracketed) unit_ += kExec;
  unit_commands_ = 0;
  if (!select_.empty()) sink_(select_);
  sink_(unit_);
  select_.clear();
  unit_.clear();
  if (unit_.capacity() > kUnitKeepBytes) unit_.shrink_to_fit();
}

}  // namespace chestbox
