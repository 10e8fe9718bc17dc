#include "protocol/rdb/file_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "protocol/rdb/compress.h"
#include "protocol/rdb/crc64.h"
#include "protocol/rdb/file_format.h"
#include "protocol/rdb/lzf.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/string_codec.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::rdb {
namespace {

// `piece` bytes at a time.
FileReader ReaderOf(const std::string& file, size_t piece = 7) {
  return FileReader(
      [&file, piece, at = size_t{0}](char* to, size_t size) mutable -> Result<size_t> {
        const size_t bytes = std::min({size, piece, file.size() - at});
        std::memcpy(to, file.data() + at, bytes);
        at += bytes;
        return bytes;
      },
      file.size());
}

void AppendEnd(std::string& file) {
  file.push_back(static_cast<char>(FileMark::kEnd));
  const uint64_t crc = Crc64(0, file);
  for (int shift = 0; shift < 64; shift += 8) file.push_back(static_cast<char>(crc >> shift));
}

std::string Example() {
  std::string file;
  AppendFileHeader(file);
  AppendAux("redis-ver", "7.0.15", file);
  AppendFunction("#!lua name=x", file);
  AppendDatabase(3, 2, 1, file);
  AppendExpiry(123456789012, file);
  AppendFrequency(9, file);
  AppendKeyAndObject("k", EncodeStringObject("value"), file);
  AppendIdle(77, file);
  AppendKeyAndObject("long", CompressObject(EncodeStringObject(std::string(500, 'x'))), file);
  AppendEnd(file);
  return file;
}

bool IsWhole(const std::string& file) {
  FileReader reader = ReaderOf(file);
  while (true) {
    const auto item = reader.Next();
    if (!item) return false;
    if (*item == FileReader::Item::kEnd) return true;
  }
}

}  // namespace

TEST_CASE("A file's parts come back in order") {
  const std::string file = Example();
  FileReader reader = ReaderOf(file);
  using Item = FileReader::Item;
  REQUIRE(*reader.Next() == Item::kAux);
  CHECK(reader.name() == "redis-ver");
  CHECK(reader.text() == "7.0.15");
  REQUIRE(*reader.Next() == Item::kFunction);
  CHECK(reader.text() == "#!lua name=x");
  REQUIRE(*reader.Next() == Item::kState);
  CHECK(reader.state().database == 3);
  CHECK(reader.state().key == "k");
  CHECK(reader.state().expire_at_ms == 123456789012);
  CHECK(reader.state().frequency == 9);
  CHECK(reader.state().idle_s == -1);
  CHECK(*DecodeStringObject(reader.state().object) == "value");
  REQUIRE(*reader.Next() == Item::kState);
  CHECK(reader.state().key == "long");
  CHECK(reader.state().expire_at_ms == -1);
  CHECK(reader.state().idle_s == 77);
  CHECK(reader.state().object.size() < 50);
  CHECK(*DecodeStringObject(reader.state().object) == std::string(500, 'x'));
  CHECK(*reader.Next() == Item::kEnd);
}

TEST_CASE("A file that is cut off, or of which any bit is wrong, is refused") {
  const std::string good = Example();
  REQUIRE(IsWhole(good));
  for (size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    CHECK_FALSE(IsWhole(good.substr(0, at)));
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      CHECK_FALSE(IsWhole(bad));
    }
  }
}

TEST_CASE("A length beyond the file's end is refused before anything is allocated") {
  std::string file;
  AppendFileHeader(file);
  file.push_back(static_cast<char>(FileMark::kAux));
  file += std::string("\x81\x00\xff\xff\xff\xff\xff\xff\xff", 9);
  FileReader reader = ReaderOf(file);
  const auto item = reader.Next();
  REQUIRE_FALSE(item.ok());
  CHECK(item.error().message == "the RDB file is cut off");
}

TEST_CASE("What is compressed decompresses to what it was") {
  uint64_t random = 1;
  for (size_t size = 1; size < 20000; size = size * 3 / 2 + 1) {
    for (const int letters : {1, 2, 5, 256}) {
      CAPTURE(size, letters);
      std::string text;
      while (text.size() < size) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        text.push_back(static_cast<char>((random >> 33) % static_cast<uint64_t>(letters)));
        if ((random >> 60) == 0 && text.size() > 20) text += text.substr(text.size() / 2);
      }
      std::string compressed = "before";
      if (!CompressLzf(text, text.size(), compressed)) {
        CHECK(compressed == "before");
        continue;
      }
      const auto back = DecompressLzf(std::string_view(compressed).substr(6), text.size());
      REQUIRE(back.ok());
      CHECK(*back == text);
      CHECK(compressed.size() - 6 < text.size());
    }
  }
}

}  // namespace chestbox::rdb
