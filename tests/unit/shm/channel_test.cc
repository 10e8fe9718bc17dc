// The rings of a channel: what one side writes the other reads, in order, whatever the sizes; positions that make no
// sense are told; and of two that go to sleep, one always sees the other's bytes.
#include "protocol/shm/channel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "protocol/shm/adaptive_spin.h"

namespace chestbox::shm {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kStressBytes = 4 << 20;
#else
constexpr uint64_t kStressBytes = 256 << 20;
#endif
constexpr int64_t kLimitNs = 20'000;

char ByteAt(uint64_t position) { return static_cast<char>((position * 0x9e37'79b9'7f4a'7c15) >> 56); }

size_t Room(const RingWriter& writer) {
  size_t bytes = 0;
  REQUIRE(writer.Room(&bytes));
  return bytes;
}
size_t Available(const RingReader& reader) {
  size_t bytes = 0;
  REQUIRE(reader.Available(&bytes));
  return bytes;
}

struct Both {
  std::unique_ptr<Ring> ring = std::make_unique<Ring>();
  RingWriter writer{ring.get()};
  RingReader reader{ring.get()};
};

}  // namespace

TEST_CASE("A ring gives back what was put in, also around its end") {
  Both both;
  std::mt19937 random(3);
  uint64_t written = 0;
  uint64_t read = 0;
  std::string piece;
  while (read < 20 * kRingBytes) {
    piece.resize(std::min<size_t>(Room(both.writer), random() % (kRingBytes / 2)));
    for (char& byte : piece) byte = ByteAt(written++);
    both.writer.Write(piece.data(), piece.size());
    both.writer.Publish();
    piece.resize(std::min<size_t>(Available(both.reader), random() % kRingBytes));
    both.reader.Read(piece.data(), piece.size());
    for (const char byte : piece) REQUIRE(byte == ByteAt(read++));
  }
}

TEST_CASE("A full ring has no room, and an empty one nothing to read") {
  Both both;
  CHECK(Available(both.reader) == 0);
  CHECK(Room(both.writer) == kRingBytes);
  const std::string all(kRingBytes, 'x');
  both.writer.Write(all.data(), all.size());
  CHECK(Available(both.reader) == 0);  // not published yet
  both.writer.Publish();
  CHECK(Room(both.writer) == 0);
  CHECK(Available(both.reader) == kRingBytes);
  std::string some(100, 0);
  both.reader.Read(some.data(), some.size());
  CHECK(Room(both.writer) == 100);
}

TEST_CASE("Positions further than one ring away, either way, are nonsense") {
  Both both;
  const std::string some(1000, 'x');
  both.writer.Write(some.data(), some.size());
  both.writer.Publish();
  size_t bytes = 0;
  for (const uint64_t position : {uint64_t{kRingBytes} + 1, ~uint64_t{0}, uint64_t{1} << 63}) {
    both.ring->written.store(position);
    CHECK_FALSE(both.reader.Available(&bytes));
  }
  for (const uint64_t position : {uint64_t{1001}, 1000 - uint64_t{kRingBytes} - 1, uint64_t{1} << 63}) {
    both.ring->read.store(position);
    CHECK_FALSE(both.writer.Room(&bytes));
  }
  // Behind what the other side has acknowledged.
  both.ring->written.store(1000);
  std::string out(1000, 0);
  both.reader.Read(out.data(), out.size());
  both.ring->written.store(999);
  CHECK_FALSE(both.reader.Available(&bytes));
  both.ring->read.store(1001);
  CHECK_FALSE(both.writer.Room(&bytes));
}

TEST_CASE("Two threads that sleep when they have nothing to do lose no byte and no wake-up") {
  auto channel = std::make_unique<Channel>();
  // The reader sleeps as a client does; the writer wakes it as the server does. std::atomic's wait is the futex.
  std::thread reader_thread([&] {
    RingReader reader(&channel->replies);
    std::string piece(kRingBytes, 0);
    for (uint64_t read = 0; read < kStressBytes;) {
      size_t bytes = 0;
      if (!reader.Available(&bytes)) std::abort();
      if (bytes == 0) {
        channel->client_sleeps.store(kForReplies, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (!reader.Available(&bytes)) std::abort();
        if (bytes == 0) channel->client_sleeps.wait(kForReplies, std::memory_order_relaxed);
        channel->client_sleeps.store(kAwake, std::memory_order_relaxed);
        continue;
      }
      reader.Read(piece.data(), bytes);
      for (size_t i = 0; i < bytes; ++i) {
        if (piece[i] != ByteAt(read++)) std::abort();
      }
    }
  });
  RingWriter writer(&channel->replies);
  std::mt19937 random(5);
  std::string piece;
  for (uint64_t written = 0; written < kStressBytes;) {
    size_t room = 0;
    REQUIRE(writer.Room(&room));
    piece.resize(std::min<uint64_t>({room, 1 + random() % 20'000, kStressBytes - written}));
    if (piece.empty()) {
      std::this_thread::yield();
      continue;
    }
    for (char& byte : piece) byte = ByteAt(written++);
    writer.Write(piece.data(), piece.size());
    writer.Publish();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (channel->client_sleeps.load(std::memory_order_relaxed) == kForReplies) {
      channel->client_sleeps.store(kAwake, std::memory_order_relaxed);
      channel->client_sleeps.notify_one();
    }
  }
  reader_thread.join();
}

TEST_CASE("Nobody spins before there was traffic, on one processor, or when the setting says so") {
  AdaptiveSpin spin(4);
  CHECK(spin.NanosecondsToSpin(kLimitNs) == 0);
  spin.OnSlept(30'000, kLimitNs);
  CHECK(spin.NanosecondsToSpin(kLimitNs) == kLimitNs);
  CHECK(spin.NanosecondsToSpin(0) == 0);
  AdaptiveSpin alone(1);
  alone.OnSlept(30'000, kLimitNs);
  CHECK(alone.NanosecondsToSpin(kLimitNs) == 0);
}

TEST_CASE("Spins in vain end spinning, one that finds something brings it back") {
  AdaptiveSpin spin(2);
  spin.OnSlept(30'000, kLimitNs);
  int vain = 0;
  for (; spin.NanosecondsToSpin(kLimitNs) > 0; ++vain) spin.OnSlept(1'000'000, kLimitNs);
  CHECK(vain < 10);
  spin.OnSlept(1'000'000, kLimitNs);
  CHECK(spin.NanosecondsToSpin(kLimitNs) == 0);
  spin.OnSlept(10'000, kLimitNs);
  CHECK(spin.NanosecondsToSpin(kLimitNs) == kLimitNs);
  spin.OnInterrupted();
  CHECK(spin.NanosecondsToSpin(kLimitNs) == kLimitNs / 2);
  spin.OnFound(kLimitNs);
  CHECK(spin.NanosecondsToSpin(kLimitNs) == kLimitNs);
}

}  // namespace chestbox::shm
