#include "protocol/rdb/crc64.h"

#include <array>
#include <cstddef>

namespace chestbox::rdb {
namespace {

constexpr uint64_t kPolynomialReflected = 0x95ac9329ac4bc9b5;
constexpr size_t kSlices = 8;
using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[0] advances the CRC by one byte; tables[k] by that byte and k zero bytes after it.
constexpr Tables MakeTables() {
  Tables tables{};
  for (size_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomialReflected : 0);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[slice - 1][byte];
      tables[slice][byte] = tables[0][before & 0xff] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint8_t ByteAt(std::string_view data, size_t i) { return static_cast<uint8_t>(data[i]); }

}  // namespace

uint64_t Crc64(uint64_t crc, std::string_view data) {
  size_t i = 0;
  for (; i + kSlices <= data.size(); i += kSlices) {
    uint64_t next = 0;
    for (size_t k = 0; k < kSlices; ++k) {
      const uint8_t index = static_cast<uint8_t>(crc >> (8 * k)) ^ ByteAt(data, i + k);
      next ^= kTables[kSlices - 1 - k][index];
    }
    crc = next;
  }
  for (; i < data.size(); ++i) crc = kTables[0][static_cast<uint8_t>(crc) ^ ByteAt(data, i)] ^ (crc >> 8);
  return crc;
}

}  // namespace chestbox::rdb
