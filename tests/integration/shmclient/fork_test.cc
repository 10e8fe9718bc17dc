// A process that forks with a client in its hands.
#include <catch2/catch.hpp>
#include <string>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

TEST_CASE("A child goes on with its parent's client, and the parent notices nothing") {
  ServerProcess server;
  auto client = server.Connect();
  const std::string value = Pattern(100'000, 1);
  REQUIRE(client.Command({"SELECT", "1"}) != nullptr);
  REQUIRE(client.Set("large", value) == Code::kOk);
  REQUIRE(client.Set("small", "value") == Code::kOk);
  auto view = client.Get("large");
  auto small = client.Get("small");
  REQUIRE(view);
  REQUIRE(small);

  ChildProcess child([&](ChildProcess::Pipe& from_parent, ChildProcess::Pipe& to_parent) {
    if (view->valid()) return 1;
    auto own = client.Get("large");
    if (!own || own->text() != value || !client.attached()) return 2;
    if (small->text() != "value") return 3;
    view->Release();
    if (client.Set("of the child", "hello") != Code::kOk) return 4;
    to_parent.Send('r');
    (void)from_parent.Receive();
    if (own->text() != value || !own->valid()) return 5;
    own->Release();
    return client.stats().pinned_views == 0 ? 0 : 6;
  });
  const bool ready = child.Receive() == 'r';
  CHECK((view->text() == value));
  CHECK(view->valid());
  CHECK(client.stats().attaches == 1);
  if (ready) CHECK(*client.ReadString("of the child") == "hello");
  REQUIRE(client.Command({"DEL", "large"}) != nullptr);
  for (int i = 0; i < 50; ++i) REQUIRE(client.Set("filler" + std::to_string(i), Pattern(100'000, 2)) == Code::kOk);
  CHECK((view->text() == value));
  child.Send('g');
  CHECK(child.Wait() == 0);
  CHECK((view->text() == value));
  CHECK(view->valid());
}

TEST_CASE("A child may close its parent's client") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("large", Pattern(100'000, 1)) == Code::kOk);
  auto view = client.Get("large");
  REQUIRE(view);
  ChildProcess child([&](ChildProcess::Pipe&, ChildProcess::Pipe&) {
    view->Release();
    { const Client closed = std::move(client); }
    return 0;
  });
  CHECK(child.Wait() == 0);
  CHECK((view->text() == Pattern(100'000, 1)));
  CHECK(client.Set("key", "value") == Code::kOk);
}

}  // namespace chestbox::test
