// LocalClient: what is behind a chestbox_client. Reads from shared memory where it may, and talks to the server for
// everything else.
//
// Invariants
// - local_ is null unless a read may be answered from memory now; the hot path looks at nothing else of the session.
// - A connection is given up as soon as a request on it has failed; the next call makes a new one (EnsureConnected).
// - A view keeps its attachment, and that the attachment's connection, until it is released.
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shmclient/attachment.h"
#include "shmclient/connection.h"
#include "shmclient/fork_guard.h"
#include "shmclient/include/chestbox/chestbox.h"
#include "shmclient/local_commands.h"
#include "shmclient/session.h"
#include "shmclient/small_buffers.h"

namespace chestbox::shmclient {

struct Options {
  Endpoint endpoint;
  std::string user;
  std::string password;
  bool authenticates = false;
  std::string client_name;
  uint32_t database = 0;
  int connect_timeout_ms = 0;
  int command_timeout_ms = 0;
  bool attaches = true;
  bool uses_channel = true;
};

class LocalClient {
 public:
  explicit LocalClient(Options options);
  ~LocalClient();

  // The first connection. All of these return 0 or a CHESTBOX_ code, with last_error().
  int Connect();
  int Get(std::string_view key, chestbox_view* out);
  int Read(std::string_view key, std::span<char> buffer, size_t* size);
  int Set(std::string_view key, std::string_view value, int64_t ttl_ms);
  // Null: failed, see last_code().
  ReplyPtr Command(Args args);
  // All of them at once, each with its reply; none is answered from memory, so that they stay in order.
  int Commands(std::span<const Args> requests, ReplyPtr* replies);
  void Release(chestbox_view* view);
  bool ViewIsValid(const chestbox_view& view) const;

  bool attached() const { return Attached() != nullptr; }
  const std::string& attach_error() const { return attach_error_; }
  const std::string& last_error() const { return last_error_; }
  int last_code() const { return last_code_; }
  chestbox_stats stats() const;

  int Fail(int code, std::string_view text);
  // After std::bad_alloc out of any of these.
  int OutOfMemory() noexcept;

 private:
  // Outcomes of a local read that are not final.
  static constexpr int kAskServer = 1;
  static constexpr int kMustFreeze = 2;

  // What a local read goes to, or null: then EnsureConnected may find one.
  Attachment* Local() const {
    Attachment* local = Attached();
    return local == nullptr || local->reads_paused() ? nullptr : local;
  }
  Attachment* Attached() const {
    Attachment* local = local_;
    if (fork_generation_ != fork_generation.load(std::memory_order_relaxed)) [[unlikely]]
      return nullptr;
    if (local == nullptr || local->server_is_dead() || local->rights_changed() || local->is_detached()) [[unlikely]]
      return nullptr;
    return local;
  }
  int GetLocally(Attachment& local, std::string_view key, chestbox_view* out);
  int ReadLocally(const Attachment& local, std::string_view key, std::span<char> buffer, size_t* size);
  int GetWithServer(std::string_view key, chestbox_view* out);
  int GetFromServer(std::string_view key, chestbox_view* out);
  int ReadFromServer(std::string_view key, std::span<char> buffer, size_t* size);
  int FreezeAndGet(std::string_view key, chestbox_view* out);
  int CodeOf(const redisReply& reply);  // of a reply that is not the value asked for
  int FailConnection(int code);
  int Answered(int code);
  int FailWith(int code);

  int EnsureConnected();
  int OpenConnection();
  int Handshake();
  int Authenticate();
  int Attach();
  int OpenChannel();
  int Expect(std::initializer_list<std::string_view> args);  // OK, or the server's error
  void LoseConnection();
  void LeaveParent();
  void UpdateLocal();
  const Attachment* FindAttachment(uint32_t number) const;

  // Hot.
  Attachment* local_ = nullptr;
  uint32_t fork_generation_ = 0;
  uint64_t local_reads_ = 0;
  LocalCommands local_commands_;
  SmallBuffers small_;
  Session session_;

  const Options options_;
  Connection connection_;
  std::unique_ptr<Attachment> attachment_;            // of this connection
  std::vector<std::unique_ptr<Attachment>> retired_;  // of earlier ones, with views
  uint32_t next_attachment_ = 1;
  bool lost_state_ = false;  // to be told by the next call
  std::string attach_error_;
  std::string last_error_;
  int last_code_ = 0;
  chestbox_stats stats_{};
};

}  // namespace chestbox::shmclient
