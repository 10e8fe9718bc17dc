#include "server/replication/backlog.h"

#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace chestbox {
namespace {

std::string From(const Backlog& backlog, uint64_t offset) {
  resp::ReplyBuffer buffer;
  backlog.CopyFrom(offset, &buffer);
  return std::string(buffer.view());
}

TEST_CASE("A backlog holds the newest bytes of the stream, whatever their number") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const uint64_t first = random() % 100000 + 1;
    uint64_t size = random() % 60000 + 1;
    Backlog backlog(first, size);
    std::string all;
    for (int step = 0; step < 200; ++step) {
      std::string piece(random() % (step % 20 == 0 ? 80000 : 900), '\0');
      for (char& c : piece) c = static_cast<char>(random());
      backlog.Append(piece);
      all += piece;
      if (step % 50 == 49) {
        size = random() % 60000 + 1;
        backlog.Resize(size);
      }
      REQUIRE(backlog.end_offset() == first + all.size());
      REQUIRE(backlog.held_bytes() <= size);
      REQUIRE(backlog.allocated_bytes() <= std::max<uint64_t>(size, 16 << 10));
      REQUIRE(From(backlog, backlog.first_offset()) == all.substr(all.size() - backlog.held_bytes()));
      if (backlog.held_bytes() != 0) {
        const uint64_t offset = backlog.first_offset() + random() % backlog.held_bytes();
        REQUIRE(From(backlog, offset) == all.substr(offset - first));
      }
    }
  }
}

TEST_CASE("A full backlog has its whole size, and memory grows only with what is written") {
  Backlog backlog(1, uint64_t{1} << 40);
  CHECK(backlog.allocated_bytes() == 0);
  backlog.Append(std::string(100000, 'x'));
  CHECK(backlog.held_bytes() == 100000);
  CHECK(backlog.allocated_bytes() < 300000);
  Backlog small(1, 20000);
  for (int i = 0; i < 100; ++i) small.Append(std::string(777, 'x'));
  CHECK(small.held_bytes() == 20000);
}

TEST_CASE("A backlog covers what it holds and the byte that comes next") {
  Backlog backlog(101, 10);
  CHECK(backlog.Covers(101));
  CHECK_FALSE(backlog.Covers(100));
  CHECK_FALSE(backlog.Covers(102));
  backlog.Append("0123456789abcde");
  CHECK(backlog.first_offset() == 106);
  CHECK(backlog.Covers(106));
  CHECK(backlog.Covers(116));
  CHECK_FALSE(backlog.Covers(105));
  CHECK_FALSE(backlog.Covers(117));
  CHECK_FALSE(backlog.Covers(-1));
  CHECK_FALSE(backlog.Covers(INT64_MIN));
  CHECK(From(backlog, 116).empty());
  CHECK(From(backlog, 114) == "de");
}

}  // namespace
}  // namespace chestbox
