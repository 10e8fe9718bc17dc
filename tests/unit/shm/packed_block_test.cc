#include "protocol/shm/packed_block.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

std::string BlockOf(const std::vector<std::string>& texts) {
  std::string block = EmptyPacked();
  for (const std::string& text : texts) {
    std::string element;
    AppendElement(text, &element);
    const uint32_t end = PackedReader(block).end();
    const PackedSplice splice{end, end, element, 1};
    std::string grown(block.size() + element.size(), '\0');
    CopySpliced(block.data(), splice, grown.data());
    block = grown;
  }
  return block;
}

std::vector<std::string> TextsOf(std::string_view block) {
  std::vector<std::string> texts;
  const PackedReader reader(block);
  PackedElement element;
  for (uint32_t position = reader.First(); position != 0;) {
    if (!reader.Take(&position, &element)) break;
    char digits[kIntegerTextBytesMax];
    texts.emplace_back(TextOf(element, digits));
  }
  return texts;
}

std::vector<std::string> Samples() {
  std::vector<std::string> samples = {"",
                                      "a",
                                      "-",
                                      "007",
                                      "-0",
                                      " 1",
                                      "18446744073709551616",
                                      std::string(63, 'x'),
                                      std::string(64, 'y'),
                                      std::string(127, 'z'),
                                      std::string(4095, 'p'),
                                      std::string(4096, 'q'),
                                      std::string(40000, 'r')};
  for (int64_t edge :
       {0L, 127L, 128L, 4095L, 4096L, 32767L, 32768L, 8388607L, 8388608L, 2147483647L, 2147483648L, INT64_MAX}) {
    samples.push_back(std::to_string(edge));
    samples.push_back(std::to_string(-edge - 1));
  }
  return samples;
}

TEST_CASE("Every kind of element reads back as the text it was made from") {
  const std::vector<std::string> samples = Samples();
  const std::string block = BlockOf(samples);
  uint32_t elements = 0;
  CHECK(PackedReader(block).IsSound(&elements));
  CHECK(elements == samples.size());
  CHECK(TextsOf(block) == samples);
}

TEST_CASE("A packed block is byte for byte what Redis makes of the same elements") {
  // A hash {f: v, n: 1} as redis-server 7.0.15 dumps it.
  CHECK(BlockOf({"f", "v", "n", "1"}) == std::string("\x12\x00\x00\x00\x04\x00\x81"
                                                     "f\x02\x81"
                                                     "v\x02\x81"
                                                     "n\x02\x01\x01\xff",
                                                     18));
}

TEST_CASE("Elements are found by text, in strides, from any position") {
  const std::vector<std::string> samples = Samples();
  const std::string block = BlockOf(samples);
  const PackedReader reader(block);
  for (size_t i = 0; i < samples.size(); ++i) {
    INFO(i);
    CHECK(reader.Find(reader.First(), samples[i], 0) == reader.Seek(static_cast<int64_t>(i)));
    const bool even = i % 2 == 0;
    CHECK((reader.Find(reader.First(), samples[i], 1) != 0) == even);
  }
  CHECK(reader.Find(reader.First(), "nothing like it", 0) == 0);
}

TEST_CASE("Walking backwards, and seeking from either end, meets the same elements") {
  const std::string block = BlockOf(Samples());
  const PackedReader reader(block);
  const auto count = static_cast<int64_t>(reader.count());
  uint32_t position = reader.Last();
  for (int64_t index = count - 1; index >= 0; --index) {
    CHECK(position == reader.Seek(index));
    CHECK(position == reader.Seek(index - count));
    position = reader.Previous(position);
  }
  CHECK(position == 0);
  CHECK(reader.Seek(count) == 0);
  CHECK(reader.Seek(-count - 1) == 0);
}

TEST_CASE("Splices in place keep a block equal to its model") {
  std::mt19937 random(11);
  const std::vector<std::string> samples = Samples();
  std::vector<std::string> model;
  std::string block = EmptyPacked();
  for (int step = 0; step < 3000; ++step) {
    const size_t at = random() % (model.size() + 1);
    const size_t removed = std::min<size_t>(model.size() - at, random() % 3);
    const size_t added = model.size() > 60 ? 0 : random() % 3;
    std::string elements;
    std::vector<std::string> texts;
    for (size_t i = 0; i < added; ++i) {
      texts.push_back(samples[random() % samples.size()]);
      AppendElement(texts.back(), &elements);
    }
    const PackedReader reader(block);
    const auto position = [&](size_t index) {
      return index < model.size() ? reader.Seek(static_cast<int64_t>(index)) : reader.end();
    };
    const PackedSplice splice{position(at), position(at + removed), elements,
                              static_cast<int>(added) - static_cast<int>(removed)};
    const auto bytes = static_cast<size_t>(static_cast<int64_t>(block.size()) + splice.size_change());
    std::string room = block;
    room.resize(std::max(bytes, block.size()));
    ApplySplice(room.data(), splice);
    room.resize(bytes);
    block = room;
    model.erase(model.begin() + static_cast<long>(at), model.begin() + static_cast<long>(at + removed));
    model.insert(model.begin() + static_cast<long>(at), texts.begin(), texts.end());
    uint32_t elements_found = 0;
    REQUIRE(PackedReader(block).IsSound(&elements_found));
    REQUIRE(elements_found == model.size());
  }
  CHECK(TextsOf(block) == model);
}

TEST_CASE("More elements than the header can count are counted by walking") {
  std::string elements;
  for (int i = 0; i < 70000; ++i) AppendInteger(i % 100, &elements);
  const std::string empty = EmptyPacked();
  std::string block(empty.size() + elements.size(), '\0');
  CopySpliced(empty.data(), {kPackedHeaderBytes, kPackedHeaderBytes, elements, 70000}, block.data());
  const PackedReader reader(block);
  CHECK(reader.count() == 70000);
  PackedElement element;
  REQUIRE(reader.Get(reader.Seek(69999), &element));
  CHECK(element.integer == 99);
  CHECK(reader.Seek(70000) == 0);
}

TEST_CASE("A torn block is read without leaving it") {
  std::mt19937 random(5);
  const std::string sound = BlockOf(Samples());
  for (int round = 0; round < 20000; ++round) {
    std::string torn = sound.substr(0, 200 + random() % (sound.size() - 200));
    torn.shrink_to_fit();
    for (int flips = 0; flips < 4; ++flips)
      torn[random() % std::min<size_t>(torn.size(), 600)] = static_cast<char>(random());
    if (round % 2 == 0) {
      const auto bytes = static_cast<uint32_t>(torn.size());
      std::memcpy(torn.data(), &bytes, sizeof bytes);
    }
    // An exact allocation: ASan sees a byte read too much.
    const auto exact = std::make_unique<char[]>(torn.size());
    std::memcpy(exact.get(), torn.data(), torn.size());
    const PackedReader reader({exact.get(), torn.size()});
    size_t steps = 0;
    PackedElement element;
    for (uint32_t position = reader.First(); position != 0; ++steps) {
      if (!reader.Take(&position, &element)) break;
    }
    for (uint32_t position = reader.Last(); position != 0; ++steps) position = reader.Previous(position);
    CHECK(steps <= 2 * torn.size());
    (void)reader.Find(reader.First(), "1", static_cast<uint32_t>(random() % 3));
    (void)reader.Seek(static_cast<int64_t>(random() % 100) - 50);
    uint32_t elements = 0;
    (void)reader.IsSound(&elements);
  }
}

}  // namespace
}  // namespace chestbox::shm
