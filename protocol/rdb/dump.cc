#include "protocol/rdb/dump.h"

#include <cstring>

#include "protocol/rdb/crc64.h"
#include "protocol/rdb/object.h"

namespace chestbox::rdb {
namespace {

constexpr size_t kFooterBytes = sizeof(uint16_t) + sizeof(uint64_t);

template <class T>
void AppendLittle(T value, std::string& out) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

}  // namespace

void AppendFooter(std::string& object) {
  const bool is_new = !object.empty() && static_cast<uint8_t>(object[0]) > static_cast<uint8_t>(ObjectType::kStream2);
  AppendLittle(is_new ? kVersionMax : kVersion, object);
  AppendLittle(Crc64(0, object), object);
}

bool ParseDump(std::string_view payload, std::string_view* object) {
  if (payload.size() < kFooterBytes) return false;
  const std::string_view footer = payload.substr(payload.size() - kFooterBytes);
  uint16_t version = 0;
  uint64_t sum = 0;
  std::memcpy(&version, footer.data(), sizeof version);
  std::memcpy(&sum, footer.data() + sizeof version, sizeof sum);
  if (version > kVersionMax) return false;
  if (sum != 0 && Crc64(0, payload.substr(0, payload.size() - sizeof sum)) != sum) return false;
  *object = payload.substr(0, payload.size() - kFooterBytes);
  return true;
}

}  // namespace chestbox::rdb
