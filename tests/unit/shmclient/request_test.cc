#include "shmclient/request.h"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>

#include "protocol/resp/request_writer.h"

namespace chestbox::shmclient {

namespace {

std::string Joined(std::span<const iovec> pieces) {
  std::string text;
  for (const iovec& piece : pieces) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return text;
}

}  // namespace

TEST_CASE("A request's pieces are the protocol's bytes, whatever the sizes of its arguments") {
  Request request;
  const std::string sizes[] = {"", "a", std::string(kSentInPlaceBytes - 1, 'b'), std::string(kSentInPlaceBytes, 'c'),
                               std::string(1 << 20, 'd')};
  for (const std::string& first : sizes) {
    for (const std::string& second : sizes) {
      const std::string_view args[] = {"SET", first, second};
      std::string expected;
      resp::AppendRequest(args, &expected);
      CHECK(Joined(request.Build(args)) == expected);
    }
  }
}

TEST_CASE("A long argument is sent from where it lies, a short request in one piece") {
  Request request;
  const std::string value(1 << 20, 'v');
  const std::string_view args[] = {"SET", "key", value};
  const auto pieces = request.Build(args);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[1].iov_base == value.data());
  CHECK(pieces[1].iov_len == value.size());
  const std::string_view ping[] = {"PING"};
  CHECK(request.Build(ping).size() == 1);
}

}  // namespace chestbox::shmclient
