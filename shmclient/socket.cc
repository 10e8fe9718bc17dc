#include "shmclient/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "shmclient/include/chestbox/chestbox.h"

namespace chestbox::shmclient {

namespace {

// An attach passes two descriptors; more than a few would be a mistake of the server, and the kernel closes what does
// not fit.
constexpr size_t kDescriptorsMax = 8;

int Failed(const std::string& what, std::string* error) {
  const int number = errno;
  // SO_SNDTIMEO and SO_RCVTIMEO report their end as EAGAIN, or EINPROGRESS while connecting.
  const bool timeout = number == EAGAIN || number == EWOULDBLOCK || number == EINPROGRESS || number == ETIMEDOUT;
  *error = what + ": " + (timeout ? "timed out" : std::strerror(number));
  return timeout ? CHESTBOX_TIMEOUT : CHESTBOX_DISCONNECTED;
}

int ConnectTo(Socket socket, const sockaddr* address, socklen_t bytes, const std::string& name, Socket* out,
              std::string* error) {
  while (connect(socket.descriptor(), address, bytes) != 0) {
    if (errno == EINTR) continue;
    // A connect that a signal interrupted goes on by itself, and asking again tells that it has ended.
    if (errno == EISCONN) break;
    return Failed(name, error);
  }
  *out = std::move(socket);
  return CHESTBOX_OK;
}

int ConnectUnix(const std::string& path, int timeout_ms, Socket* out, std::string* error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    *error = path + ": longer than a socket's path can be";
    return CHESTBOX_INVALID_ARGUMENT;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Failed("socket", error);
  socket.SetTimeout(timeout_ms);
  return ConnectTo(std::move(socket), reinterpret_cast<const sockaddr*>(&address), sizeof address, path, out, error);
}

int ConnectTcp(const Endpoint& endpoint, int timeout_ms, Socket* out, std::string* error) {
  const std::string port = std::to_string(endpoint.tcp_port);
  const std::string name = endpoint.tcp_host + ":" + port;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* addresses = nullptr;
  const int failed = getaddrinfo(endpoint.tcp_host.c_str(), port.c_str(), &hints, &addresses);
  if (failed != 0) {
    *error = name + ": " + gai_strerror(failed);
    return CHESTBOX_DISCONNECTED;
  }
  int code = CHESTBOX_DISCONNECTED;
  *error = name + ": no address";
  for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, address->ai_protocol));
    if (!socket.is_open()) {
      code = Failed("socket", error);
      continue;
    }
    const int on = 1;
    (void)setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(socket.descriptor(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    socket.SetTimeout(timeout_ms);
    code = ConnectTo(std::move(socket), address->ai_addr, address->ai_addrlen, name, out, error);
    if (code == CHESTBOX_OK) break;
  }
  freeaddrinfo(addresses);
  return code;
}

void TakeDescriptors(msghdr& message, std::vector<Socket>* descriptors) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
      descriptors->emplace_back(descriptor);
    }
  }
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void Socket::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

void Socket::SetTimeout(int timeout_ms) {
  timeval limit{};  // 0: none
  if (timeout_ms > 0) {
    limit.tv_sec = timeout_ms / 1000;
    limit.tv_usec = timeout_ms % 1000 * 1000L;
  }
  (void)setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  (void)setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

int Socket::Connect(const Endpoint& endpoint, int timeout_ms, Socket* out, std::string* error) {
  return endpoint.is_unix() ? ConnectUnix(endpoint.unix_socket, timeout_ms, out, error)
                            : ConnectTcp(endpoint, timeout_ms, out, error);
}

int Socket::SendAll(std::span<iovec> pieces, std::string* error) const {
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = std::min<size_t>(pieces.size(), IOV_MAX);
    const ssize_t sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return Failed("sending", error);
    }
    auto left = static_cast<size_t>(sent);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + left;
      pieces.front().iov_len -= left;
    }
  }
  return CHESTBOX_OK;
}

int Socket::Receive(char* to, size_t capacity, size_t* received, std::string* error,
                    std::vector<Socket>* descriptors) const {
  iovec bytes{to, capacity};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsMax * sizeof(int))];
  for (;;) {
    ssize_t count = -1;
    if (descriptors == nullptr) {
      count = recv(descriptor_, to, capacity, 0);
    } else {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      count = recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC);
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("receiving", error);
    if (descriptors != nullptr) TakeDescriptors(message, descriptors);
    if (count == 0) {
      *error = "the server closed the connection";
      return CHESTBOX_DISCONNECTED;
    }
    *received = static_cast<size_t>(count);
    return CHESTBOX_OK;
  }
}

bool Socket::IsIdle() const {
  char byte = 0;
  ssize_t count = -1;
  do {
    count = recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace chestbox::shmclient
