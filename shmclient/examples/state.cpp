// A state in shared memory, from C++.
//
//   example_state_cpp SOCKET        stores a state, looks at it where it lies, and shows that a view outlives its key
#include <chestbox/client.hpp>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " SOCKET\n";
    return 2;
  }
  auto client = chestbox::Client::Connect(argv[1]);
  if (!client) {
    std::cerr << "connect: " << client.message() << '\n';
    return 1;
  }
  if (client->Set("letter", std::string(1 << 20, 'a')) != chestbox::Code::kOk) {
    std::cerr << "set: " << client->last_error() << '\n';
    return 1;
  }
  const auto view = client->Get("letter");
  if (!view) {
    std::cerr << "get: " << view.message() << '\n';
    return 1;
  }
  client->Command({"DEL", "letter"});
  std::cout << view->size() << " bytes, still all of them 'a' after DEL: " << std::boolalpha
            << (view->text().find_first_not_of('a') == std::string_view::npos) << '\n';
  std::cout << "and for others it is gone: " << chestbox::Message(client->Get("letter").code()) << '\n';
  return 0;
}
