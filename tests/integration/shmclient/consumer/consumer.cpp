// As consumer.c, in C++.
#include <chestbox/client.hpp>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  auto client = chestbox::Client::Connect(argc == 2 ? argv[1] : "");
  if (!client) {
    std::printf("%s\n", client.message().c_str());
    return 1;
  }
  if (client->Set("key", std::string(1000, 'c')) != chestbox::Code::kOk) return 1;
  const auto view = client->Get("key");
  if (!view) return 1;
  std::printf("%zu bytes, attached %d\n", view->size(), client->attached() ? 1 : 0);
  return 0;
}
