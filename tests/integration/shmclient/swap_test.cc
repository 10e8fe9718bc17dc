// States that are on disk look the same to a client.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

TEST_CASE("Swapped-out states come back right, by view and by copy") {
  ServerProcess server({"--maxmemory", "16mb"});
  auto client = server.Connect();
  constexpr int kValues = 512;
  constexpr size_t kBytes = 128 << 10;  // 64 MiB in all
  for (int i = 0; i < kValues; ++i) {
    REQUIRE(client.Set("value" + std::to_string(i), Pattern(kBytes, static_cast<unsigned>(i))) == Code::kOk);
    REQUIRE(client.Set("small" + std::to_string(i), "value of " + std::to_string(i)) == Code::kOk);
  }
  std::string copy(kBytes, '\0');
  for (int i = 0; i < kValues; ++i) {
    INFO("value " << i);
    const std::string value = Pattern(kBytes, static_cast<unsigned>(i));
    const std::string name = "value" + std::to_string(i);
    if (i % 2 == 0) {
      const auto view = client.Get(name);
      REQUIRE(view);
      CHECK((view->text() == value));
    } else {
      REQUIRE(client.Read(name, std::as_writable_bytes(std::span(copy))));
      CHECK((copy == value));
    }
    CHECK(*client.ReadString("small" + std::to_string(i)) == "value of " + std::to_string(i));
  }
  CHECK(client.Get("value" + std::to_string(kValues)).code() == Code::kNotFound);
  CHECK(client.attached());
}

TEST_CASE("A view holds while its state is swapped out behind it") {
  ServerProcess server({"--maxmemory", "16mb"});
  auto client = server.Connect();
  const std::string value = Pattern(1 << 20, 1);
  REQUIRE(client.Set("viewed", value) == Code::kOk);
  const auto view = client.Get("viewed");
  REQUIRE(view);
  for (int i = 0; i < 64; ++i) REQUIRE(client.Set("filler" + std::to_string(i), Pattern(1 << 20, 2)) == Code::kOk);
  CHECK((view->text() == value));
  CHECK((*client.ReadString("viewed") == value));
  CHECK(view->valid());
}

}  // namespace chestbox::test
