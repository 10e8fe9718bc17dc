// LocalClient's connecting: handshake, attach, what happens when the connection is lost, and after a fork.
#include <charconv>

#include "shmclient/client.h"
#include "shmclient/view_pin.h"

namespace chestbox::shmclient {

namespace {

// Error replies with which a server turns the whole connection away, whatever the command.
bool TurnsAway(std::string_view error) {
  return error.starts_with("NOAUTH") || error.starts_with("DENIED") || error.starts_with("ERR max number of clients");
}

// ATTACH's reply: arena id (a bulk string, because it may not fit a signed integer), mapped bytes, page bytes.
bool ParseTerms(const redisReply& reply, Attachment::Terms* terms) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) return false;
  const redisReply& id = *reply.element[0];
  if (id.type != REDIS_REPLY_STRING || reply.element[1]->type != REDIS_REPLY_INTEGER ||
      reply.element[2]->type != REDIS_REPLY_INTEGER) {
    return false;
  }
  const char* end = id.str + id.len;
  if (id.len > 0 && id.str[0] == '-') {  // printed as a signed number
    int64_t number = 0;
    const auto parsed = std::from_chars(id.str, end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
    terms->arena_id = static_cast<uint64_t>(number);
  } else {
    const auto parsed = std::from_chars(id.str, end, terms->arena_id);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
  }
  terms->mapped_bytes = static_cast<uint64_t>(reply.element[1]->integer);
  terms->page_bytes = static_cast<uint64_t>(reply.element[2]->integer);
  return true;
}

}  // namespace

LocalClient::LocalClient(Options options) : session_(options.database), options_(std::move(options)) {
  WatchForks();
  fork_generation_ = fork_generation.load(std::memory_order_relaxed);
}

LocalClient::~LocalClient() {
  // A child that closes what it inherited must unmap nothing: other things may lie there by now.
  if (fork_generation_ != fork_generation.load(std::memory_order_relaxed)) LeaveParent();
}

int LocalClient::Connect() { return EnsureConnected(); }

void LocalClient::UpdateLocal() {
  const bool allowed = session_.allows_local_reads() && session_.database() < shm::kDatabases;
  local_ = allowed ? attachment_.get() : nullptr;
}

int LocalClient::EnsureConnected() {
  if (fork_generation_ != fork_generation.load(std::memory_order_relaxed)) LeaveParent();
  const bool dead = attachment_ != nullptr && attachment_->server_is_dead();
  const bool other_rights = attachment_ != nullptr && attachment_->rights_changed();
  const bool detached = attachment_ != nullptr && attachment_->is_detached();
  // With a transaction under way the connection is kept, and its reads go to the server, which knows the rights.
  if (!dead && !detached && connection_.IsIdle() && (!other_rights || session_.has_state())) return CHESTBOX_OK;
  LoseConnection();
  if (lost_state_) {
    lost_state_ = false;
    return Fail(CHESTBOX_DISCONNECTED, "the connection was lost, and with it MULTI, WATCH or CLIENT TRACKING");
  }
  const int code = OpenConnection();
  if (code == CHESTBOX_OK) return code;
  LoseConnection();
  return code;
}

int LocalClient::OpenConnection() {
  session_.OnNewConnection();
  if (const int code = connection_.Open(options_.endpoint, options_.connect_timeout_ms); code != CHESTBOX_OK) {
    return Fail(code, connection_.error());
  }
  if (const int code = Handshake(); code != CHESTBOX_OK) return code;
  connection_.SetTimeout(options_.command_timeout_ms);
  ++stats_.connects;
  UpdateLocal();
  return CHESTBOX_OK;
}

int LocalClient::Expect(std::initializer_list<std::string_view> args) {
  ReplyPtr reply;
  if (const int code = connection_.Command(args, &reply); code != CHESTBOX_OK) return Fail(code, connection_.error());
  if (!IsError(*reply)) return CHESTBOX_OK;
  return Fail(TurnsAway(Text(*reply)) ? CHESTBOX_DENIED : CHESTBOX_SERVER_ERROR, Text(*reply));
}

int LocalClient::Authenticate() {
  if (!options_.authenticates) return CHESTBOX_OK;
  const int code =
      options_.user.empty() ? Expect({"AUTH", options_.password}) : Expect({"AUTH", options_.user, options_.password});
  // Whatever a server says to AUTH, it does not let this client in.
  return code == CHESTBOX_SERVER_ERROR ? Fail(CHESTBOX_DENIED, std::string(last_error_)) : code;
}

int LocalClient::Handshake() {
  if (const int code = Authenticate(); code != CHESTBOX_OK) return code;
  // Next the command that tells whether the server admits this client at all, so that the first real command need not.
  if (const int code = Attach(); code != CHESTBOX_OK) return code;
  if (!options_.client_name.empty()) {
    if (const int code = Expect({"CLIENT", "SETNAME", options_.client_name}); code != CHESTBOX_OK) return code;
  }
  if (session_.database() == 0) return CHESTBOX_OK;
  return Expect({"SELECT", std::to_string(session_.database())});
}

// A refusal is not a failure: attach_error() has its text, and everything goes over the socket.
int LocalClient::Attach() {
  if (!options_.attaches || !options_.endpoint.is_unix()) {
    attach_error_ = options_.attaches ? "only a Unix socket passes descriptors" : "not asked for: no_attach";
    const int code = Expect({"PING"});
    return code == CHESTBOX_SERVER_ERROR ? CHESTBOX_OK : code;  // a user who may not PING, a server that loads
  }
  const std::string version = std::to_string(shm::kLayoutVersion);
  const std::string_view args[] = {"CHESTBOX", "ATTACH", version};
  std::vector<Socket> files;
  ReplyPtr reply;
  if (const int code = connection_.Command(args, &reply, &files); code != CHESTBOX_OK) {
    return Fail(code, connection_.error());
  }
  if (IsError(*reply)) {
    attach_error_.assign(Text(*reply));
    return TurnsAway(Text(*reply)) ? Fail(CHESTBOX_DENIED, Text(*reply)) : CHESTBOX_OK;
  }
  Attachment::Terms terms;
  if (!ParseTerms(*reply, &terms) || files.size() != 2) {
    attach_error_ = "the server's answer to ATTACH makes no sense";
    return CHESTBOX_OK;
  }
  attachment_ = Attachment::Map(terms, files[0], files[1], next_attachment_, &attach_error_);
  if (attachment_ == nullptr) return CHESTBOX_OK;
  next_attachment_ = next_attachment_ == kAttachmentNumberMax ? 1 : next_attachment_ + 1;
  attach_error_.clear();
  ++stats_.attaches;
  return options_.uses_channel ? OpenChannel() : CHESTBOX_OK;
}

// A refusal is no failure here either: commands go over the socket then.
int LocalClient::OpenChannel() {
  const std::string_view args[] = {"CHESTBOX", "CHANNEL"};
  std::vector<Socket> files;
  ReplyPtr reply;
  if (const int code = connection_.Command(args, &reply, &files); code != CHESTBOX_OK) {
    return Fail(code, connection_.error());
  }
  if (IsError(*reply)) return CHESTBOX_OK;
  if (files.size() != 1) return Fail(CHESTBOX_PROTOCOL, "the channel's descriptor is missing");
  connection_.UseChannel(std::make_unique<Channel>(*attachment_, std::move(files[0])));
  connection_.SetTimeout(options_.connect_timeout_ms);
  ++stats_.channels;
  return CHESTBOX_OK;
}

int LocalClient::FailConnection(int code) {
  Fail(code, connection_.error());
  // The call that fails here tells the loss of MULTI, WATCH and tracking as well.
  LoseConnection();
  lost_state_ = false;
  return code;
}

void LocalClient::LoseConnection() {
  lost_state_ = lost_state_ || session_.has_state();
  session_.OnNewConnection();
  local_ = nullptr;
  Socket socket = connection_.TakeSocket();
  if (attach_error_.empty()) attach_error_ = "the connection was lost";
  if (attachment_ == nullptr) return;
  if (attachment_->views() > 0) {
    attachment_->KeepOpen(std::move(socket));
    retired_.push_back(std::move(attachment_));
  }
  attachment_.reset();
}

// In a child process. The mappings are not here (MADV_DONTFORK), so nothing may be unmapped; the descriptors are
// copies, and closing them ends nothing of the parent's.
void LocalClient::LeaveParent() {
  fork_generation_ = fork_generation.load(std::memory_order_relaxed);
  if (attachment_ != nullptr) attachment_->Abandon();
  for (const auto& old : retired_) old->Abandon();
  retired_.clear();
  local_ = nullptr;
  attachment_.reset();
  LoseConnection();
}

}  // namespace chestbox::shmclient
