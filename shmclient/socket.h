// Socket: a blocking stream socket with time limits. Owns its descriptor. One thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chestbox::shmclient {

// Where a server listens: a path, or a host and a port when the path is empty.
struct Endpoint {
  std::string unix_socket;
  std::string tcp_host;
  int tcp_port = 0;

  bool is_unix() const { return !unix_socket.empty(); }
};

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { Close(); }

  // Below 0: no limit. `*error` gets words. 0 or a CHESTBOX_ code: DISCONNECTED, TIMEOUT, INVALID_ARGUMENT.
  static int Connect(const Endpoint& endpoint, int timeout_ms, Socket* out, std::string* error);

  bool is_open() const { return descriptor_ >= 0; }
  void Close();
  // How long one step of sending or receiving may take. Below 0: no limit.
  void SetTimeout(int timeout_ms);

  // Sends all pieces; changes them. 0 or a code (DISCONNECTED, TIMEOUT).
  int SendAll(std::span<iovec> pieces, std::string* error) const;
  // Receives some bytes, at least one unless it fails. With `descriptors`, appends those that came along.
  int Receive(char* to, size_t capacity, size_t* received, std::string* error,
              std::vector<Socket>* descriptors = nullptr) const;

  // Whether the peer still is there and has sent nothing unasked. A system call that does not block.
  bool IsIdle() const;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

}  // namespace chestbox::shmclient
