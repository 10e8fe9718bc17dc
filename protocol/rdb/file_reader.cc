#include "protocol/rdb/file_reader.h"

#include <algorithm>

#include "protocol/rdb/crc64.h"
#include "protocol/rdb/dump.h"
#include "protocol/rdb/file_format.h"
#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object.h"
#include "protocol/rdb/string_codec.h"

namespace chestbox::rdb {

namespace {

constexpr size_t kBufferSize = 64 * 1024;
constexpr int kFirstVersionWithSum = 5;
constexpr size_t kIdSize = 16;
constexpr size_t kMsSize = 8;

Error CutOff() { return Error{"the RDB file is cut off"}; }
Error Damaged() { return Error{"the RDB file is damaged"}; }

#define RETURN_IF_ERROR(step) \
  if (auto outcome_of_step = (step); !outcome_of_step) return outcome_of_step.error()

}  // namespace

// ---- Bytes ----

Result<void> FileReader::Take(uint64_t size, std::string* raw) {
  if (size > rest_) return CutOff();
  while (size > 0) {
    if (buffer_at_ == buffer_.size()) {
      buffer_.resize(static_cast<size_t>(std::min<uint64_t>(kBufferSize, rest_)));
      auto got = read_(buffer_.data(), buffer_.size());
      if (!got) return got.error();
      if (*got == 0) return CutOff();
      buffer_.resize(*got);
      buffer_at_ = 0;
    }
    const std::string_view piece =
        std::string_view(buffer_).substr(buffer_at_, static_cast<size_t>(std::min<uint64_t>(size, buffer_.size())));
    crc_ = Crc64(crc_, piece);
    if (raw != nullptr) raw->append(piece);
    buffer_at_ += piece.size();
    rest_ -= piece.size();
    size -= piece.size();
  }
  return {};
}

Result<uint8_t> FileReader::TakeByte(std::string* raw) {
  std::string byte;
  RETURN_IF_ERROR(Take(1, &byte));
  if (raw != nullptr) raw->append(byte);
  return static_cast<uint8_t>(byte[0]);
}

Result<uint64_t> FileReader::TakeNumber(size_t size) {
  std::string bytes;
  RETURN_IF_ERROR(Take(size, &bytes));
  uint64_t number = 0;
  for (size_t i = size; i > 0; --i) number = number << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return number;
}

namespace {

// How many bytes a prefix has, by its first one.
size_t PrefixSize(uint8_t first) {
  if (first >> 6 == 1) return 2;
  if (first == 0x80) return 5;
  if (first == 0x81) return 9;
  return 1;
}

}  // namespace

Result<uint64_t> FileReader::TakeLength(std::string* raw) {
  std::string bytes;
  RETURN_IF_ERROR(Take(1, &bytes));
  RETURN_IF_ERROR(Take(PrefixSize(static_cast<uint8_t>(bytes[0])) - 1, &bytes));
  const auto prefix = DecodePrefix(bytes);
  if (!prefix || prefix->special) return Damaged();
  if (raw != nullptr) raw->append(bytes);
  return prefix->length;
}

Result<void> FileReader::TakeString(std::string* raw) {
  std::string bytes;
  RETURN_IF_ERROR(Take(1, &bytes));
  RETURN_IF_ERROR(Take(PrefixSize(static_cast<uint8_t>(bytes[0])) - 1, &bytes));
  const auto prefix = DecodePrefix(bytes);
  if (!prefix) return Damaged();
  if (raw != nullptr) raw->append(bytes);
  if (!prefix->special) return Take(prefix->length, raw);
  if (prefix->encoding != SpecialEncoding::kLzf) {
    return Take(size_t{1} << static_cast<int>(prefix->encoding), raw);  // 1, 2 or 4 bytes
  }
  auto compressed_size = TakeLength(raw);
  if (!compressed_size) return compressed_size.error();
  RETURN_IF_ERROR(TakeLength(raw));
  return Take(*compressed_size, raw);
}

Result<void> FileReader::TakeStrings(uint64_t count, std::string* raw) {
  if (count > rest_) return CutOff();
  for (uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(TakeString(raw));
  return {};
}

Result<std::string> FileReader::TakeText() {
  std::string raw;
  RETURN_IF_ERROR(TakeString(&raw));
  auto text = DecodeString(raw);
  if (!text) return Damaged();
  return std::move(text->value);
}

// ---- Objects ----

Result<void> FileReader::ReadObject(uint8_t type) {
  std::string* raw = &state_.object;
  switch (static_cast<ObjectType>(type)) {
    case ObjectType::kString:
    case ObjectType::kHashZipmap:
    case ObjectType::kListZiplist:
    case ObjectType::kSetIntegers:
    case ObjectType::kSortedSetZiplist:
    case ObjectType::kHashZiplist:
    case ObjectType::kHashListpack:
    case ObjectType::kSortedSetListpack:
    case ObjectType::kSetListpack:
    case ObjectType::kHashListpackEx0:
      return TakeString(raw);
    case ObjectType::kHashListpackEx:
      RETURN_IF_ERROR(Take(kMsSize, raw));
      return TakeString(raw);
    case ObjectType::kStream1:
    case ObjectType::kStream2:
    case ObjectType::kStream3:
      return ReadStream(type);
    case ObjectType::kHashExpiring0:
    case ObjectType::kHashExpiring:
      return ReadHash(type);
    case ObjectType::kList:
    case ObjectType::kSet:
    case ObjectType::kHash:
    case ObjectType::kListQuicklist:
    case ObjectType::kSortedSetText:
    case ObjectType::kSortedSet:
    case ObjectType::kListQuicklist2:
      break;
    default:
      return Error{"the RDB file holds a value of an unknown type, " + std::to_string(type)};
  }
  auto count = TakeLength(raw);
  if (!count) return count.error();
  if (*count > rest_) return CutOff();
  for (uint64_t i = 0; i < *count; ++i) {
    if (type == static_cast<uint8_t>(ObjectType::kListQuicklist2)) RETURN_IF_ERROR(TakeLength(raw));
    RETURN_IF_ERROR(TakeString(raw));
    if (type == static_cast<uint8_t>(ObjectType::kHash)) RETURN_IF_ERROR(TakeString(raw));
    if (type == static_cast<uint8_t>(ObjectType::kSortedSet)) RETURN_IF_ERROR(Take(sizeof(double), raw));
    if (type != static_cast<uint8_t>(ObjectType::kSortedSetText)) continue;
    auto digits = TakeByte(raw);
    if (!digits) return digits.error();
    if (*digits < 253) RETURN_IF_ERROR(Take(*digits, raw));  // above: infinities and NaN
  }
  return {};
}

Result<void> FileReader::ReadHash(uint8_t type) {
  std::string* raw = &state_.object;
  if (type == static_cast<uint8_t>(ObjectType::kHashExpiring)) RETURN_IF_ERROR(Take(kMsSize, raw));
  auto count = TakeLength(raw);
  if (!count) return count.error();
  if (*count > rest_) return CutOff();
  for (uint64_t i = 0; i < *count; ++i) {
    RETURN_IF_ERROR(TakeLength(raw));
    RETURN_IF_ERROR(TakeStrings(2, raw));
  }
  return {};
}

Result<void> FileReader::ReadStream(uint8_t type) {
  std::string* raw = &state_.object;
  const bool since_7_0 = type != static_cast<uint8_t>(ObjectType::kStream1);
  const bool since_7_2 = type == static_cast<uint8_t>(ObjectType::kStream3);
  const auto take_lengths = [&](int count) -> Result<void> {
    for (int i = 0; i < count; ++i) RETURN_IF_ERROR(TakeLength(raw));
    return {};
  };
  // Each item of a count takes at least a byte.
  const auto take_each = [&](const std::function<Result<void>()>& take) -> Result<void> {
    auto count = TakeLength(raw);
    if (!count) return count.error();
    if (*count > rest_) return CutOff();
    for (uint64_t i = 0; i < *count; ++i) RETURN_IF_ERROR(take());
    return {};
  };
  RETURN_IF_ERROR(take_each([&] { return TakeStrings(2, raw); }));
  RETURN_IF_ERROR(take_lengths(since_7_0 ? 8 : 3));
  const auto take_pending = [&]() -> Result<void> {
    if (auto taken = Take(kIdSize + kMsSize, raw); !taken) return taken;
    return take_lengths(1);
  };
  const auto take_consumer = [&]() -> Result<void> {
    RETURN_IF_ERROR(TakeString(raw));
    RETURN_IF_ERROR(Take(since_7_2 ? 2 * kMsSize : kMsSize, raw));
    return take_each([&] { return Take(kIdSize, raw); });
  };
  return take_each([&]() -> Result<void> {
    RETURN_IF_ERROR(TakeString(raw));
    RETURN_IF_ERROR(take_lengths(since_7_0 ? 3 : 2));
    RETURN_IF_ERROR(take_each(take_pending));
    return take_each(take_consumer);
  });
}

// ---- The file ----

Result<void> FileReader::ReadHeader() {
  std::string header;
  RETURN_IF_ERROR(Take(kFileHeaderSize, &header));
  if (header.substr(0, kFileMagic.size()) != kFileMagic) return Error{"this is no RDB file"};
  for (const char digit : header.substr(kFileMagic.size())) {
    if (digit < '0' || digit > '9') return Error{"this is no RDB file"};
    version_ = version_ * 10 + (digit - '0');
  }
  if (version_ < 1 || version_ > kVersionMax) {
    return Error{"Can't handle RDB format version " + std::to_string(version_)};
  }
  return {};
}

Result<void> FileReader::ReadEnd() {
  if (version_ < kFirstVersionWithSum) return {};
  const uint64_t sum = crc_;
  auto written = TakeNumber(sizeof sum);
  if (!written) return written.error();
  if (*written != 0 && *written != sum) return Error{"the RDB file's checksum is wrong"};
  return {};
}

// What modules wrote beside states is left out, as Redis does where there is no such module: values by their kind.
Result<void> FileReader::SkipModuleAux() {
  constexpr uint64_t kEnd = 0;
  constexpr uint64_t kSigned = 1;
  constexpr uint64_t kUnsigned = 2;
  constexpr uint64_t kFloat = 3;
  constexpr uint64_t kDouble = 4;
  constexpr uint64_t kString = 5;
  for (int i = 0; i < 3; ++i) RETURN_IF_ERROR(TakeLength(nullptr));  // the module, and when
  while (true) {
    auto kind = TakeLength(nullptr);
    if (!kind) return kind.error();
    if (*kind == kEnd) return {};
    if (*kind == kSigned || *kind == kUnsigned) {
      RETURN_IF_ERROR(TakeLength(nullptr));
    } else if (*kind == kFloat || *kind == kDouble) {
      RETURN_IF_ERROR(Take(*kind == kFloat ? sizeof(float) : sizeof(double), nullptr));
    } else if (*kind == kString) {
      RETURN_IF_ERROR(TakeString(nullptr));
    } else {
      return Damaged();
    }
  }
}

Result<FileReader::Item> FileReader::Next() {
  if (!begun_) RETURN_IF_ERROR(ReadHeader());
  begun_ = true;
  state_ = {};
  while (true) {
    auto mark = TakeByte(nullptr);
    if (!mark) return mark.error();
    switch (static_cast<FileMark>(*mark)) {
      case FileMark::kAux: {
        auto name = TakeText();
        if (!name) return name.error();
        name_ = std::move(*name);
        auto text = TakeText();
        if (!text) return text.error();
        text_ = std::move(*text);
        return Item::kAux;
      }
      case FileMark::kFunction2: {
        auto text = TakeText();
        if (!text) return text.error();
        text_ = std::move(*text);
        return Item::kFunction;
      }
      case FileMark::kFunctionOld:
        return Error{"Pre-release function format not supported."};
      case FileMark::kModuleAux:
        RETURN_IF_ERROR(SkipModuleAux());
        continue;
      case FileMark::kSelectDatabase: {
        auto database = TakeLength(nullptr);
        if (!database) return database.error();
        if (*database > UINT32_MAX) return Damaged();
        database_ = static_cast<uint32_t>(*database);
        continue;
      }
      case FileMark::kResizeDatabase:
        RETURN_IF_ERROR(TakeLength(nullptr));
        RETURN_IF_ERROR(TakeLength(nullptr));
        continue;
      case FileMark::kExpireMs:
      case FileMark::kExpireSeconds: {
        const bool is_ms = static_cast<FileMark>(*mark) == FileMark::kExpireMs;
        auto at = TakeNumber(is_ms ? kMsSize : sizeof(int32_t));
        if (!at) return at.error();
        state_.expire_at_ms = is_ms ? static_cast<int64_t>(*at) : int64_t{static_cast<int32_t>(*at)} * 1000;
        continue;
      }
      case FileMark::kIdle: {
        auto idle_s = TakeLength(nullptr);
        if (!idle_s) return idle_s.error();
        state_.idle_s = static_cast<int64_t>(std::min<uint64_t>(*idle_s, INT64_MAX));
        continue;
      }
      case FileMark::kFrequency: {
        auto frequency = TakeByte(nullptr);
        if (!frequency) return frequency.error();
        state_.frequency = *frequency;
        continue;
      }
      case FileMark::kEnd:
        RETURN_IF_ERROR(ReadEnd());
        return Item::kEnd;
    }
    state_.database = database_;
    auto key = TakeText();
    if (!key) return key.error();
    state_.key = std::move(*key);
    state_.object.push_back(static_cast<char>(*mark));
    RETURN_IF_ERROR(ReadObject(*mark));
    return Item::kState;
  }
}

#undef RETURN_IF_ERROR

}  // namespace chestbox::rdb
