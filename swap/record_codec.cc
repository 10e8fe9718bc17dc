#include "swap/record_codec.h"

#include <limits>

namespace chestbox::swap {
namespace {

constexpr uint8_t kHeadFormat = 1;
constexpr size_t kHeadSize = 1 + 1 + 1 + 3 + 4 * 8;
constexpr size_t kGenerationPrefixSize = 1 + 4;
constexpr size_t kHeadKeySizeMin = kGenerationPrefixSize + 8;
constexpr size_t kExpiryKeySizeMin = kGenerationPrefixSize + 8 + 8;
// Flips the sign bit, so that unsigned byte order is signed number order.
constexpr uint64_t kSignBit = 1ULL << 63;

void AppendBigEndian(uint64_t value, size_t size, std::string& out) {
  for (size_t i = size; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t LoadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

void AppendLittleEndian(uint64_t value, size_t size, std::string& out) {
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// Takes `size` bytes off the front.
uint64_t TakeLittleEndian(std::string_view& bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  bytes.remove_prefix(size);
  return value;
}

uint64_t OrderedTime(int64_t time_ms) { return static_cast<uint64_t>(time_ms) ^ kSignBit; }

}  // namespace

std::string GenerationPrefix(uint8_t database, uint32_t generation) {
  std::string key;
  key.reserve(kExpiryKeySizeMin + 32);
  AppendBigEndian(database, 1, key);
  AppendBigEndian(generation, 4, key);
  return key;
}

std::string HeadKey(uint32_t generation, const StateId& id) {
  std::string key = GenerationPrefix(id.database, generation);
  AppendBigEndian(id.position, 8, key);
  key.append(id.key);
  return key;
}

std::string HeadKeyAfterPosition(uint8_t database, uint32_t generation, uint64_t position) {
  if (position == std::numeric_limits<uint64_t>::max()) return GenerationPrefix(database, generation + 1);
  return HeadKey(generation, StateId{database, position + 1, {}});
}

std::string ExpiryPrefix(uint8_t database, uint32_t generation, int64_t expire_at_ms) {
  std::string key = GenerationPrefix(database, generation);
  AppendBigEndian(OrderedTime(expire_at_ms), 8, key);
  return key;
}

std::string ExpiryKey(uint32_t generation, int64_t expire_at_ms, const StateId& id) {
  std::string key = ExpiryPrefix(id.database, generation, expire_at_ms);
  AppendBigEndian(id.position, 8, key);
  key.append(id.key);
  return key;
}

std::string ChunkKey(uint64_t value_id, uint32_t chunk_number) {
  std::string key;
  AppendBigEndian(value_id, 8, key);
  AppendBigEndian(chunk_number, 4, key);
  return key;
}

uint32_t ChunkCount(uint64_t payload_size) {
  return static_cast<uint32_t>((payload_size + kChunkSize - 1) / kChunkSize);
}

std::optional<HeadKeyParts> ParseHeadKey(std::string_view head_key) {
  if (head_key.size() < kHeadKeySizeMin) return std::nullopt;
  HeadKeyParts parts;
  parts.generation = static_cast<uint32_t>(LoadBigEndian(head_key.substr(1, 4)));
  parts.id.database = static_cast<uint8_t>(head_key[0]);
  parts.id.position = LoadBigEndian(head_key.substr(kGenerationPrefixSize, 8));
  parts.id.key = head_key.substr(kHeadKeySizeMin);
  return parts;
}

std::optional<ExpiryKeyParts> ParseExpiryKey(std::string_view expiry_key) {
  if (expiry_key.size() < kExpiryKeySizeMin) return std::nullopt;
  ExpiryKeyParts parts;
  parts.generation = static_cast<uint32_t>(LoadBigEndian(expiry_key.substr(1, 4)));
  parts.expire_at_ms = static_cast<int64_t>(LoadBigEndian(expiry_key.substr(kGenerationPrefixSize, 8)) ^ kSignBit);
  parts.id.database = static_cast<uint8_t>(expiry_key[0]);
  parts.id.position = LoadBigEndian(expiry_key.substr(kGenerationPrefixSize + 8, 8));
  parts.id.key = expiry_key.substr(kExpiryKeySizeMin);
  return parts;
}

std::string EncodeHead(const HeadRecord& head) {
  std::string bytes;
  bytes.reserve(kHeadSize + head.inline_payload.size());
  bytes.push_back(static_cast<char>(kHeadFormat));
  bytes.push_back(static_cast<char>(head.attributes.type));
  bytes.push_back(0);
  AppendLittleEndian(head.attributes.access, 3, bytes);
  AppendLittleEndian(static_cast<uint64_t>(head.attributes.expire_at_ms), 8, bytes);
  AppendLittleEndian(head.attributes.sequence, 8, bytes);
  AppendLittleEndian(head.value_id, 8, bytes);
  AppendLittleEndian(head.payload_size, 8, bytes);
  bytes.append(head.inline_payload);
  return bytes;
}

Result<HeadRecord> DecodeHead(std::string_view bytes) {
  if (bytes.size() < kHeadSize || static_cast<uint8_t>(bytes[0]) != kHeadFormat || bytes[2] != 0) {
    return Error{"ERR swap: a record on disk is damaged or of a newer format"};
  }
  bytes.remove_prefix(1);
  HeadRecord head;
  head.attributes.type = static_cast<uint8_t>(TakeLittleEndian(bytes, 1));
  bytes.remove_prefix(1);
  head.attributes.access = static_cast<uint32_t>(TakeLittleEndian(bytes, 3));
  head.attributes.expire_at_ms = static_cast<int64_t>(TakeLittleEndian(bytes, 8));
  head.attributes.sequence = TakeLittleEndian(bytes, 8);
  head.value_id = TakeLittleEndian(bytes, 8);
  head.payload_size = TakeLittleEndian(bytes, 8);
  head.inline_payload = bytes;
  if (bytes.size() != (head.value_id == 0 ? head.payload_size : 0))
    return Error{"ERR swap: a record on disk is damaged"};
  return head;
}

}  // namespace chestbox::swap
