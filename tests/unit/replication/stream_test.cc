#include "server/replication/stream.h"

#include <string>

#include <catch2/catch.hpp>

namespace chestbox {
namespace {

// The stream as a replica reads it: a command a line.
class Reader {
 public:
  ReplicationStream stream{[this](std::string_view bytes) { bytes_ += bytes; }};

  void Add(uint32_t database, std::initializer_list<std::string_view> command) {
    stream.Add(database, {command.begin(), command.size()});
  }
  std::string Take() {
    std::string text;
    size_t at = 0;
    const auto number = [&] {
      const size_t end = bytes_.find("\r\n", at);
      const size_t value = std::stoul(bytes_.substr(at + 1, end - at - 1));
      at = end + 2;
      return value;
    };
    while (at < bytes_.size()) {
      REQUIRE(bytes_[at] == '*');
      for (size_t words = number(); words != 0; --words) {
        REQUIRE(bytes_[at] == '$');
        const size_t size = number();
        text += bytes_.substr(at, size) + (words == 1 ? "\n" : " ");
        REQUIRE(bytes_.substr(at + size, 2) == "\r\n");
        at += size + 2;
      }
    }
    bytes_.clear();
    return text;
  }

 private:
  std::string bytes_;
};

TEST_CASE("A database is selected where it changes") {
  Reader reader;
  reader.Add(0, {"SET", "a", ""});
  reader.Add(0, {"SET", "b", std::string_view("\r\n\0", 3)});
  reader.Add(12, {"DEL", "a"});
  constexpr char kExpected[] = "SELECT 0\nSET a \nSET b \r\n\0\nSELECT 12\nDEL a\n";
  CHECK(reader.Take() == std::string(kExpected, sizeof kExpected - 1));
  reader.Add(12, {"DEL", "b"});
  reader.stream.ForgetDatabase();
  reader.Add(12, {"DEL", "c"});
  CHECK(reader.Take() == "DEL b\nSELECT 12\nDEL c\n");
}

TEST_CASE("Several effects of one unit are a transaction, a single one is not") {
  Reader reader;
  reader.stream.Begin();
  reader.Add(1, {"INCR", "a"});
  CHECK(reader.Take().empty());
  reader.stream.End(true);
  CHECK(reader.Take() == "SELECT 1\nINCR a\n");
  reader.stream.Begin();
  reader.Add(1, {"INCR", "a"});
  reader.Add(2, {"INCR", "b"});
  reader.Add(2, {"INCR", "c"});
  reader.stream.End(true);
  CHECK(reader.Take() == "MULTI\nINCR a\nSELECT 2\nINCR b\nINCR c\nEXEC\n");
  reader.stream.Begin();
  reader.Add(3, {"INCR", "a"});
  reader.Add(3, {"INCR", "b"});
  reader.stream.End(true);
  CHECK(reader.Take() == "SELECT 3\nMULTI\nINCR a\nINCR b\nEXEC\n");
  reader.stream.Begin();
  reader.stream.End(true);
  CHECK(reader.Take().empty());
}

TEST_CASE("What belongs to nothing that must be seen whole gets no brackets") {
  Reader reader;
  reader.stream.Begin();
  reader.Add(0, {"DEL", "a"});
  reader.Add(0, {"DEL", "b"});
  reader.stream.End(false);
  reader.Add(0, {"DEL", "c"});
  static constexpr std::string_view kPing[] = {"PING"};
  reader.stream.AddBeside(kPing);
  CHECK(reader.Take() == "SELECT 0\nDEL a\nDEL b\nDEL c\nPING\n");
}

}  // namespace
}  // namespace chestbox
