// FakeServer: a Unix socket whose server says what the test wants, well-formed or not.
//
// Each connection is handed to the next of the `talks`, in order, on a thread of its own; the connection is closed when
// it returns.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chestbox::shmclient {

// The server's end of one connection.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {}
  ~Peer() { close(descriptor_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Receives until everything so far ends with `end`; what was received since the last call.
  std::string ReceiveUntil(std::string_view end) {
    std::string bytes;
    char piece[4096];
    while (!bytes.ends_with(end)) {
      const ssize_t count = recv(descriptor_, piece, sizeof piece, 0);
      if (count <= 0) break;
      bytes.append(piece, static_cast<size_t>(count));
    }
    return bytes;
  }
  void Send(std::string_view bytes) const { (void)send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Until the client has closed its end.
  void WaitForClose() const {
    char byte = 0;
    while (recv(descriptor_, &byte, 1, 0) > 0) {
    }
  }

 private:
  int descriptor_;
};

class FakeServer {
 public:
  using Talk = std::function<void(Peer&)>;

  explicit FakeServer(std::vector<Talk> talks) {
    char name[] = "/tmp/chestbox-fake-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    path_ = directory_ + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_, 8) == 0);
    thread_ = std::thread([this, talks = std::move(talks)] {
      for (const Talk& talk : talks) {
        const int descriptor = accept(listener_, nullptr, nullptr);
        if (descriptor < 0) return;
        Peer peer(descriptor);
        talk(peer);
      }
    });
  }
  ~FakeServer() {
    shutdown(listener_, SHUT_RDWR);  // ends an accept
    thread_.join();
    close(listener_);
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }

  const std::string& path() const { return path_; }

 private:
  std::string directory_;
  std::string path_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace chestbox::shmclient
