#include "tests/stress/reader.h"

#include <algorithm>

#include "protocol/shm/server_liveness.h"

namespace chestbox::shm::stress {

namespace {
constexpr size_t kViewsHeld = 8;
}  // namespace

StressReader::StressReader(ArenaView arena, Control& control, ClientSlot& client, uint64_t seed)
    : arena_(arena), control_(control), client_(client), pins_(&client.page), random_(seed) {}

// What every local read of a client begins with.
bool StressReader::ServerIsGone() {
  const bool killed = control_.writer_killed.load(std::memory_order_acquire) != 0;
  const bool gone = ServerIsDead(arena_.header());
  if (killed && !gone) client_.Wrong("a read after the server's death did not notice it");
  return gone || killed;
}

void StressReader::Run() {
  while (control_.readers_stop.load(std::memory_order_relaxed) == 0 && !ServerIsGone()) One();
  while (!views_.empty()) EndOldestView();
}

void StressReader::One() {
  switch (random_() % 9) {
    case 0:
      return ReadStay();
    case 1:
      return ViewStay();
    case 2:
      return ReadStaySet();
    case 3:
      return ReadPair();
    case 4:
      return ReadTwin();
    case 5:
      return ReadWho();
    case 6:
      return ReadLife();
    case 7:
      return ReadTimed();
    default:
      return ReadChurn();
  }
}

void StressReader::Count(ReadKind kind, ReadStatus status) {
  const bool asked = status == ReadStatus::kAskServer || status == ReadStatus::kMutable || status == ReadStatus::kNoPin;
  (asked ? client_.asked : client_.answered)[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
}

ReadStatus StressReader::Copy(uint32_t database, const std::string& key, std::string_view* value) {
  ReadStamp stamp;
  size_t size = 0;
  const ReadStatus status = ReadString(arena_, database, key, HashKey(key, kHashSeed), NowMs, buffer_, &size, &stamp);
  if (status == ReadStatus::kFound) *value = {buffer_.data(), size};
  return status;
}

bool StressReader::CheckPresent(ReadKind kind, const std::string& key, std::string_view name, ReadStatus status,
                                std::string_view value, CheckedHeader* header) {
  Count(kind, status);
  if (status == ReadStatus::kAskServer || status == ReadStatus::kMutable || status == ReadStatus::kNoPin) return false;
  const char* what = kReadNames[static_cast<size_t>(kind)];
  if (status != ReadStatus::kFound) {
    client_.Wrong("%s: %s is always there, but the read says %d", what, key.c_str(), static_cast<int>(status));
    return false;
  }
  if (ReadCheckedValue(name, value, header)) return true;
  client_.Wrong("%s: %s has a wrong checksum (%zu bytes)", what, key.c_str(), value.size());
  return false;
}

void StressReader::CheckStay(uint64_t i, std::string_view value) {
  CheckedHeader header{};
  if (!ReadCheckedValue(Stay(i), value, &header)) return client_.Wrong("stay:%d torn", static_cast<int>(i));
  if (header.generation < stay_generation_[i]) client_.Wrong("stay:%d went back in time", static_cast<int>(i));
  stay_generation_[i] = header.generation;
}

void StressReader::ReadStay() {
  const uint64_t i = random_() % kStays;
  std::string_view value;
  CheckedHeader header{};
  const ReadStatus status = Copy(0, Stay(i), &value);
  if (CheckPresent(ReadKind::kCopy, Stay(i), Stay(i), status, value, &header)) CheckStay(i, value);
}

void StressReader::ViewStay() {
  const uint64_t i = random_() % kStays;
  Held held{Stay(i), {}};
  const ReadStatus status =
      PinString(arena_, 0, held.key, HashKey(held.key, kHashSeed), NowMs, pins_, small_, &held.view);
  const std::string_view value(held.view.data, status == ReadStatus::kFound ? held.view.size : 0);
  CheckedHeader header{};
  if (CheckPresent(ReadKind::kView, held.key, held.key, status, value, &header)) CheckStay(i, value);
  if (status != ReadStatus::kFound || held.view.pin == kNoPinSlot) return;
  views_.push_back(held);
  if (views_.size() > kViewsHeld) EndOldestView();
}

void StressReader::EndOldestView() {
  const Held held = views_.front();
  views_.pop_front();
  CheckedHeader header{};
  (void)CheckPresent(ReadKind::kOldView, held.key, held.key, ReadStatus::kFound, {held.view.data, held.view.size},
                     &header);
  pins_.Release(held.view.pin);
}

ReadStatus StressReader::ReadMembers(std::span<const std::string> keys, SetWants wants) {
  members_.assign(keys.size(), {});
  for (size_t i = 0; i < keys.size(); ++i) {
    members_[i].key = keys[i];
    members_[i].hash = HashKey(keys[i], kHashSeed);
  }
  return ReadSet(arena_, 0, members_, wants, NowMs, &set_);
}

void StressReader::ReadStaySet() {
  std::vector<uint64_t> numbers(20);
  std::vector<std::string> keys;
  for (uint64_t& i : numbers) keys.push_back(Stay(i = random_() % kStays));
  const ReadStatus status = ReadMembers(keys, SetWants::kStrings);
  Count(ReadKind::kStaySet, status);
  if (status != ReadStatus::kFound) return;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (members_[i].status != ReadStatus::kFound) {
      client_.Wrong("%s is always there, but not in a set", keys[i].c_str());
    } else {
      CheckStay(numbers[i], ValueOf(members_[i]));
    }
  }
}

void StressReader::ReadPair() {
  const uint64_t i = random_() % kPairs;
  const bool first = random_() % 2 == 0;
  const bool values = random_() % 2 == 0;
  const std::string keys[] = {Pair(i, first), Pair(i, !first)};
  const ReadStatus status = ReadMembers(keys, values ? SetWants::kStrings : SetWants::kExistence);
  Count(ReadKind::kPair, status);
  if (status != ReadStatus::kFound) return;
  const int there =
      (members_[0].status == ReadStatus::kFound ? 1 : 0) + (members_[1].status == ReadStatus::kFound ? 1 : 0);
  if (there != 1) return client_.Wrong("pair %d: %d of its keys are there", static_cast<int>(i), there);
  if (!values) return;
  CheckedHeader header{};
  const std::string_view value = ValueOf(members_[0].status == ReadStatus::kFound ? members_[0] : members_[1]);
  if (!ReadCheckedValue("pair", value, &header) || header.tag != i) client_.Wrong("pair %d: torn", static_cast<int>(i));
}

void StressReader::ReadTwin() {
  const uint64_t i = random_() % kTwins;
  const std::string keys[] = {Twin(i, false), Twin(i, true)};
  const ReadStatus status = ReadMembers(keys, SetWants::kStrings);
  Count(ReadKind::kTwin, status);
  if (status != ReadStatus::kFound) return;
  CheckedHeader headers[2]{};
  for (size_t b = 0; b < 2; ++b) {
    if (members_[b].status != ReadStatus::kFound || !ReadCheckedValue(keys[b], ValueOf(members_[b]), &headers[b])) {
      return client_.Wrong("%s missing or torn", keys[b].c_str());
    }
  }
  if (headers[0].generation != headers[1].generation) client_.Wrong("twin %d: half of a command", static_cast<int>(i));
}

void StressReader::ReadWho() {
  const uint32_t database = kWhoDatabase + static_cast<uint32_t>(random_() % 2);
  std::string_view value;
  CheckedHeader header{};
  const ReadStatus status = Copy(database, "who", &value);
  if (!CheckPresent(ReadKind::kWho, "who", "who", status, value, &header)) return;
  if (header.tag != database)
    client_.Wrong("database %d shows what is in %d", static_cast<int>(database), static_cast<int>(header.tag));
}

void StressReader::ReadLife() {
  const std::string key = Life(random_() % kLives);
  std::string_view value;
  CheckedHeader header{};
  (void)CheckPresent(ReadKind::kLife, key, key, Copy(0, key, &value), value, &header);
}

void StressReader::ReadTimed() {
  const std::string key = Timed(random_() % kTimed);
  std::string_view value;
  CheckedHeader header{};
  const int64_t before_ms = NowMs();
  const ReadStatus status = Copy(0, key, &value);
  Count(ReadKind::kTimed, status);
  if (status != ReadStatus::kFound) return;
  if (!ReadCheckedValue(key, value, &header)) return client_.Wrong("%s torn", key.c_str());
  if (static_cast<int64_t>(header.tag) <= before_ms) client_.Wrong("%s was dead when it was read", key.c_str());
}

void StressReader::ReadChurn() {
  const std::string key = Churn(random_() % kChurn);
  std::string_view value;
  CheckedHeader header{};
  const ReadStatus status = Copy(kChurnDatabase, key, &value);
  Count(ReadKind::kChurn, status);
  if (status == ReadStatus::kFound && !ReadCheckedValue(key, value, &header)) client_.Wrong("%s torn", key.c_str());
}

}  // namespace chestbox::shm::stress
