// ChestBox for C++ programs: RAII over the C interface (chestbox.h, which says what each call does, costs and fails
// with).
//
//   auto client = chestbox::Client::Connect("/run/chestbox/chestbox.sock");
//   if (!client) { std::cerr << client.message() << '\n'; return 1; }
//   if (auto view = client->Get("tensor")) Use(view->bytes());
//
// Headers only: nothing here is part of the library's binary interface. A Client and its Views belong to one thread at
// a time, and a View must not outlive its Client. No function throws, but for std::bad_alloc where a string or vector
// is made.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chestbox/chestbox.h"

namespace chestbox {
// Named apart, so that programs which also link ChestBox' own sources keep both sets of names.
inline namespace client_api {

enum class Code : int {
  kOk = CHESTBOX_OK,
  kNotFound = CHESTBOX_NOT_FOUND,
  kWrongType = CHESTBOX_WRONGTYPE,
  kDisconnected = CHESTBOX_DISCONNECTED,
  kTimeout = CHESTBOX_TIMEOUT,
  kTooSmall = CHESTBOX_TOO_SMALL,
  kNoPin = CHESTBOX_NO_PIN,
  kInvalidArgument = CHESTBOX_INVALID_ARGUMENT,
  kOutOfMemory = CHESTBOX_OUT_OF_MEMORY,
  kProtocol = CHESTBOX_PROTOCOL,
  kServerError = CHESTBOX_SERVER_ERROR,
  kDenied = CHESTBOX_DENIED,
  kQueued = CHESTBOX_QUEUED,
};

inline const char* Message(Code code) { return chestbox_strerror(static_cast<int>(code)); }

// A value, or the code that says why there is none. Asking for the value of a failure is undefined, as with
// std::optional.
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Outcome(Code code, std::string message = {}) : code_(code), message_(std::move(message)) {}  // NOLINT

  explicit operator bool() const { return value_.has_value(); }
  Code code() const { return code_; }
  std::string message() const { return message_.empty() ? Message(code_) : message_; }

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
  std::optional<T> value_;
};

// A value where it lies, released at the end of its scope.
class View {
 public:
  View() = default;
  View(chestbox_client* client, const chestbox_view& view) : client_(client), view_(view) {}
  View(View&& other) noexcept : client_(other.client_), view_(std::exchange(other.view_, {})) {}
  View& operator=(View&& other) noexcept {
    if (this == &other) return *this;
    Release();
    client_ = other.client_;
    view_ = std::exchange(other.view_, {});
    return *this;
  }
  ~View() { Release(); }

  const void* data() const { return view_.data; }
  size_t size() const { return view_.size; }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(view_.data), view_.size}; }
  std::string_view text() const { return {static_cast<const char*>(view_.data), view_.size}; }
  // The value as an array of scalars; what is left over at the end is dropped. Values of more than 256 bytes are
  // aligned for it.
  template <class Scalar>
  std::span<const Scalar> as() const {
    return {static_cast<const Scalar*>(view_.data), view_.size / sizeof(Scalar)};
  }

  // After use: whether what was read through the view was right (chestbox_view_valid).
  bool valid() const { return client_ != nullptr && chestbox_view_valid(client_, &view_) != 0; }
  void Release() {
    if (view_.data != nullptr) chestbox_release(client_, &view_);
  }

 private:
  chestbox_client* client_ = nullptr;
  chestbox_view view_{};
};

struct ReplyDeleter {
  void operator()(redisReply* reply) const { chestbox_free_reply(reply); }
};
using ReplyPtr = std::unique_ptr<redisReply, ReplyDeleter>;  // hiredis/hiredis.h has its members

class Client {
 public:
  // `options` may be left out; see chestbox_default_options().
  static Outcome<Client> Connect(const std::string& unix_socket, const chestbox_options* options = nullptr) {
    return Open(unix_socket.c_str(), options);
  }
  // Over TCP, where nothing is shared: the same calls, the server's speed.
  static Outcome<Client> ConnectTcp(const std::string& host, int port,
                                    chestbox_options options = chestbox_default_options()) {
    options.tcp_host = host.c_str();
    options.tcp_port = port;
    return Open(nullptr, &options);
  }

  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) noexcept = default;

  Outcome<View> Get(std::string_view key) {
    chestbox_view view;
    const int code = chestbox_get(client_.get(), key.data(), key.size(), &view);
    if (code != CHESTBOX_OK) return static_cast<Code>(code);
    return View(client_.get(), view);
  }
  // Copies into `buffer`: the value's size, or kTooSmall.
  Outcome<size_t> Read(std::string_view key, std::span<std::byte> buffer) {
    size_t size = 0;
    const int code = chestbox_read(client_.get(), key.data(), key.size(), buffer.data(), buffer.size(), &size);
    if (code != CHESTBOX_OK) return static_cast<Code>(code);
    return size;
  }
  Outcome<std::string> ReadString(std::string_view key) {
    auto view = Get(key);
    if (!view) return view.code();
    return std::string(view->text());
  }
  // A time to live of 0: for ever.
  Code Set(std::string_view key, std::string_view value, std::chrono::milliseconds ttl = {}) {
    return static_cast<Code>(
        chestbox_set(client_.get(), key.data(), key.size(), value.data(), value.size(), ttl.count()));
  }
  Code Set(std::string_view key, std::span<const std::byte> value, std::chrono::milliseconds ttl = {}) {
    return static_cast<Code>(
        chestbox_set(client_.get(), key.data(), key.size(), value.data(), value.size(), ttl.count()));
  }
  // Any other command. Null: no reply, see last_code() and last_error().
  ReplyPtr Command(std::span<const std::string_view> args) {
    std::vector<const char*> argv;
    std::vector<size_t> sizes;
    for (std::string_view arg : args) {
      argv.push_back(arg.data());
      sizes.push_back(arg.size());
    }
    return ReplyPtr(chestbox_command_argv(client_.get(), static_cast<int>(argv.size()), argv.data(), sizes.data()));
  }
  ReplyPtr Command(std::initializer_list<std::string_view> args) {
    return Command(std::span<const std::string_view>(args.begin(), args.size()));
  }

  bool attached() const { return chestbox_attached(client_.get()) != 0; }
  std::string attach_error() const { return chestbox_attach_error(client_.get()); }
  std::string last_error() const { return chestbox_last_error(client_.get()); }
  Code last_code() const { return static_cast<Code>(chestbox_last_code(client_.get())); }
  chestbox_stats stats() const {
    chestbox_stats stats{};
    chestbox_get_stats(client_.get(), &stats, sizeof stats);
    return stats;
  }
  chestbox_client* handle() const { return client_.get(); }

 private:
  struct Closer {
    void operator()(chestbox_client* client) const { chestbox_close(client); }
  };
  explicit Client(chestbox_client* client) : client_(client) {}
  static Outcome<Client> Open(const char* unix_socket, const chestbox_options* options) {
    chestbox_client* client = nullptr;
    const int code = chestbox_connect(unix_socket, options, &client);
    if (code != CHESTBOX_OK) return {static_cast<Code>(code), chestbox_last_error(nullptr)};
    return Client(client);
  }

  std::unique_ptr<chestbox_client, Closer> client_;
};

}  // namespace client_api
}  // namespace chestbox
