#include "server/reply_hold.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <catch2/catch.hpp>

namespace chestbox {
namespace {

using Progress = ReplyHold::Progress;

struct Pair {
  Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0); }
  ~Pair() {
    close(ends[0]);
    close(ends[1]);
  }
  std::string Read() {
    std::string text(1 << 20, '\0');
    const ssize_t count = recv(ends[1], text.data(), text.size(), MSG_DONTWAIT);
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
  }
  int ends[2] = {-1, -1};
};

int FileWith(std::string_view bytes) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  REQUIRE(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
  REQUIRE(std::fflush(file) == 0);
  const int descriptor = dup(fileno(file));
  std::fclose(file);
  return descriptor;
}

TEST_CASE("What is ahead is sent in order, and replies are released behind the file") {
  Pair pair;
  ReplyHold hold;
  uint64_t sent = 0;
  CHECK(hold.Send(pair.ends[0], &sent) == Progress::kWaits);
  CHECK(hold.is_idle());
  hold.Add("+HELLO\r\n");
  CHECK_FALSE(hold.is_idle());
  CHECK(hold.Send(pair.ends[0], &sent) == Progress::kWaits);
  CHECK(hold.is_idle());
  hold.Add("\n");
  hold.Add("$4\r\n");
  int calls = 0;
  hold.AddFile(FileWith("fileand more"), 4, [&] { ++calls; });
  CHECK_FALSE(hold.is_idle());
  CHECK(hold.Send(pair.ends[0], &sent) == Progress::kReleased);
  CHECK(pair.Read() == "+HELLO\r\n\n$4\r\nfile");
  CHECK(sent == 17);
  CHECK(calls == 0);
  hold.TakeOnSent()();
  CHECK(calls == 1);
}

TEST_CASE("A large file goes in pieces, as the socket takes them") {
  std::string content(5 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 2654435761U >> 24);
  Pair pair;
  ReplyHold hold;
  hold.AddFile(FileWith(content), content.size(), [] {});
  std::string received;
  uint64_t sent = 0;
  Progress progress = Progress::kSocketFull;
  int turns = 0;
  while (progress == Progress::kSocketFull) {
    const uint64_t before = sent;
    progress = hold.Send(pair.ends[0], &sent);
    CHECK(sent - before <= 1 << 20);
    received += pair.Read();
    REQUIRE(++turns < 10000);
  }
  CHECK(progress == Progress::kReleased);
  for (std::string rest = pair.Read(); !rest.empty(); rest = pair.Read()) received += rest;
  CHECK(sent == content.size());
  CHECK(received == content);
}

TEST_CASE("A file that is shorter than was said, and a broken connection, are failures") {
  Pair pair;
  ReplyHold hold;
  uint64_t sent = 0;
  hold.AddFile(FileWith("abc"), 5, [] {});
  CHECK(hold.Send(pair.ends[0], &sent) == Progress::kFailed);
  ReplyHold other;
  other.Add("x");
  close(pair.ends[1]);
  pair.ends[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(other.Send(pair.ends[0], &sent) == Progress::kFailed);
}

}  // namespace
}  // namespace chestbox
