// ReplicationStream: effects as the bytes that replicas execute, in Redis' own form: SELECT where the database changes,
// and MULTI … EXEC around the effects of one command, EXEC or script when they are several, so that no replica shows
// half of it. A single effect needs no such brackets, and what expires by itself gets none.
//
// Executor thread only. What is added between Begin and End leaves at End; outside of them at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace chestbox {

class ReplicationStream {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  explicit ReplicationStream(Sink sink) : sink_(std::move(sink)) {}

  void Begin() { in_unit_ = true; }
  void End(bool as_transaction) {
    in_unit_ = false;
    if (unit_commands_ != 0) [[unlikely]]
      EndUnit(as_transaction);
  }

  void Add(uint32_t database, std::span<const std::string_view> command);
  // Something of no database (PING, REPLCONF GETACK). Not inside of a unit.
  void AddBeside(std::span<const std::string_view> command);
  // The next command begins with SELECT: somebody starts to listen here.
  void ForgetDatabase() { database_.reset(); }

 private:
  void EndUnit(bool as_transaction);
  void Select(uint32_t database, std::string* to);

  Sink sink_;
  bool in_unit_ = false;
  std::optional<uint32_t> database_;  // what replicas have selected once they have executed everything so far
  std::string select_;                // what comes before the unit's MULTI
  std::string unit_;
  size_t unit_commands_ = 0;
};

}  // namespace chestbox
