#include "shmclient/client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "protocol/shm/hash.h"
#include "shmclient/view_pin.h"

namespace chestbox::shmclient {

namespace {

// A writer that keeps changing a value in place undoes a freeze; then the server sends the value.
constexpr int kFreezesMax = 3;

// Memory from malloc for a view's own copy.
class OwnedPlace final : public ValuePlace {
 public:
  ~OwnedPlace() { std::free(bytes_); }
  char* Room(size_t bytes) override {
    size_ = bytes;
    bytes_ = static_cast<char*>(std::malloc(std::max<size_t>(bytes, 1)));
    return bytes_;
  }
  bool failed() const { return bytes_ == nullptr; }
  void MoveTo(chestbox_view* out) { *out = {std::exchange(bytes_, nullptr), size_, MakePin(ViewKind::kOwned)}; }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

class BufferPlace final : public ValuePlace {
 public:
  explicit BufferPlace(std::span<char> buffer) : buffer_(buffer) {}
  char* Room(size_t bytes) override {
    size_ = bytes;
    return fits() ? buffer_.data() : nullptr;
  }
  size_t size() const { return size_; }
  bool fits() const { return size_ <= buffer_.size(); }

 private:
  std::span<char> buffer_;
  size_t size_ = 0;
};

}  // namespace

// ---- Reading from memory ----

// A read that memory has answered.
int LocalClient::Answered(int code) {
  ++local_reads_;
  if (code == CHESTBOX_OK) [[likely]]
    return code;
  return FailWith(code);
}

int LocalClient::FailWith(int code) {
  return Fail(code, code == CHESTBOX_WRONGTYPE ? "WRONGTYPE Operation against a key holding the wrong kind of value"
                                               : chestbox_strerror(code));
}

int LocalClient::GetLocally(Attachment& local, std::string_view key, chestbox_view* out) {
  const uint64_t hash = shm::HashKey(key, local.hash_seed());
  const uint32_t small = small_.Next();
  char* small_bytes = small_.bytes(small);
  shm::PinnedString found;
  switch (
      shm::PinString(local.arena(), session_.database(), key, hash, WallClockMs, local.pins(), small_bytes, &found)) {
    case shm::ReadStatus::kFound:
      shm::LogHit(local.hit_log(), session_.database(), hash);
      break;
    case shm::ReadStatus::kMissing:
      shm::CountMiss(local.hit_log());
      return CHESTBOX_NOT_FOUND;
    case shm::ReadStatus::kWrongType:
      shm::LogHit(local.hit_log(), session_.database(), hash);
      return CHESTBOX_WRONGTYPE;
    case shm::ReadStatus::kNoPin:
      return CHESTBOX_NO_PIN;
    case shm::ReadStatus::kMutable:
      return kMustFreeze;
    case shm::ReadStatus::kTooSmall:
    case shm::ReadStatus::kRetry:
    case shm::ReadStatus::kAskServer:
      return kAskServer;
  }
  if (found.pin != shm::kNoPinSlot) {
    local.AddView();
    *out = {found.data, found.size, MakePin(ViewKind::kPinned, found.pin, local.number())};
    return CHESTBOX_OK;
  }
  if (small != SmallBuffers::kNone) [[likely]] {
    small_.Take(small);
    *out = {small_bytes, found.size, MakePin(ViewKind::kSmall, small)};
    return CHESTBOX_OK;
  }
  OwnedPlace place;
  if (place.Room(found.size) == nullptr) return CHESTBOX_OUT_OF_MEMORY;
  place.MoveTo(out);
  std::memcpy(const_cast<void*>(out->data), small_bytes, found.size);
  return CHESTBOX_OK;
}

int LocalClient::ReadLocally(const Attachment& local, std::string_view key, std::span<char> buffer, size_t* size) {
  const uint64_t hash = shm::HashKey(key, local.hash_seed());
  shm::ReadStamp stamp;
  size_t found_bytes = 0;  // of attempts that did not count, too
  switch (shm::ReadString(local.arena(), session_.database(), key, hash, WallClockMs, buffer, &found_bytes, &stamp)) {
    case shm::ReadStatus::kFound:
      shm::LogHit(local.hit_log(), session_.database(), hash);
      *size = found_bytes;
      return CHESTBOX_OK;
    case shm::ReadStatus::kTooSmall:
      shm::LogHit(local.hit_log(), session_.database(), hash);
      *size = found_bytes;
      return CHESTBOX_TOO_SMALL;
    case shm::ReadStatus::kMissing:
      shm::CountMiss(local.hit_log());
      return CHESTBOX_NOT_FOUND;
    case shm::ReadStatus::kWrongType:
      shm::LogHit(local.hit_log(), session_.database(), hash);
      return CHESTBOX_WRONGTYPE;
    default:
      return kAskServer;
  }
}

int LocalClient::Get(std::string_view key, chestbox_view* out) {
  if (Attachment* local = Local()) [[likely]] {
    const int code = GetLocally(*local, key, out);
    if (code <= 0) return Answered(code);
  }
  return GetWithServer(key, out);
}

int LocalClient::Read(std::string_view key, std::span<char> buffer, size_t* size) {
  *size = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const Attachment* local = Local()) [[likely]] {
      const int code = ReadLocally(*local, key, buffer, size);
      if (code <= 0) return Answered(code);
      break;
    }
    // It may come back with another run of the server, which is then read locally.
    if (const int code = EnsureConnected(); code != CHESTBOX_OK) return code;
  }
  return ReadFromServer(key, buffer, size);
}

// ---- Reading with the server's help ----

// A view of a value that the server changes in place: it stops doing so, and the view is made like any other.
// kAskServer if it cannot be; else it is settled.
int LocalClient::FreezeAndGet(std::string_view key, chestbox_view* out) {
  for (int attempt = 0; attempt < kFreezesMax; ++attempt) {
    ReplyPtr reply;
    const int failed = connection_.Command({"CHESTBOX", "FREEZE", key}, &reply);
    if (failed != CHESTBOX_OK) return FailConnection(failed);
    ++stats_.freezes;
    if (IsError(*reply)) return kAskServer;
    Attachment* local = Local();
    if (local == nullptr) return kAskServer;
    const int code = GetLocally(*local, key, out);
    if (code <= 0) return Answered(code);
    if (code == kAskServer) return code;
  }
  return kAskServer;
}

int LocalClient::GetWithServer(std::string_view key, chestbox_view* out) {
  if (const int failed = EnsureConnected(); failed != CHESTBOX_OK) return failed;
  if (Attachment* local = Local()) {
    int code = GetLocally(*local, key, out);
    if (code <= 0) return Answered(code);
    if (code == kMustFreeze) code = FreezeAndGet(key, out);
    if (code <= 0) return code;
  }
  return GetFromServer(key, out);
}

int LocalClient::GetFromServer(std::string_view key, chestbox_view* out) {
  ++stats_.server_reads;
  OwnedPlace place;
  ReplyPtr reply;
  const int failed = connection_.CommandForValue({"GET", key}, place, &reply);
  if (failed != CHESTBOX_OK) return FailConnection(failed);
  if (reply != nullptr) return CodeOf(*reply);
  if (place.failed()) return Fail(CHESTBOX_OUT_OF_MEMORY, "no memory for the value");
  place.MoveTo(out);
  return CHESTBOX_OK;
}

int LocalClient::ReadFromServer(std::string_view key, std::span<char> buffer, size_t* size) {
  if (const int failed = EnsureConnected(); failed != CHESTBOX_OK) return failed;
  ++stats_.server_reads;
  BufferPlace place(buffer);
  ReplyPtr reply;
  const int failed = connection_.CommandForValue({"GET", key}, place, &reply);
  if (failed != CHESTBOX_OK) return FailConnection(failed);
  if (reply != nullptr) return CodeOf(*reply);
  *size = place.size();
  return place.fits() ? CHESTBOX_OK : FailWith(CHESTBOX_TOO_SMALL);
}

int LocalClient::CodeOf(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_NIL) return FailWith(CHESTBOX_NOT_FOUND);
  if (IsError(reply)) {
    return Fail(Text(reply).starts_with("WRONGTYPE") ? CHESTBOX_WRONGTYPE : CHESTBOX_SERVER_ERROR, Text(reply));
  }
  if (IsStatus(reply, "QUEUED")) return FailWith(CHESTBOX_QUEUED);
  return Fail(CHESTBOX_PROTOCOL, "the server's reply is of another type than the command's");
}

// ---- Everything else ----

int LocalClient::Set(std::string_view key, std::string_view value, int64_t ttl_ms) {
  if (ttl_ms < 0) return Fail(CHESTBOX_INVALID_ARGUMENT, "a time to live below 0");
  if (const int failed = EnsureConnected(); failed != CHESTBOX_OK) return failed;
  ++stats_.commands;
  ReplyPtr reply;
  const int failed = ttl_ms == 0 ? connection_.Command({"SET", key, value}, &reply)
                                 : connection_.Command({"SET", key, value, "PX", std::to_string(ttl_ms)}, &reply);
  if (failed != CHESTBOX_OK) return FailConnection(failed);
  const std::string_view queued_set[] = {"SET"};
  session_.OnReply(queued_set, *reply);
  return IsStatus(*reply, "OK") ? CHESTBOX_OK : CodeOf(*reply);
}

ReplyPtr LocalClient::Command(Args args) {
  if (const Attachment* local = Local()) {
    if (ReplyPtr answered = local_commands_.Answer(*local, session_.database(), args)) {
      ++stats_.local_commands;
      return answered;
    }
  }
  ReplyPtr reply;
  if (const auto refusal = Session::Refusal(args)) {
    reply = ErrorReply(*refusal);
    if (reply == nullptr) Fail(CHESTBOX_OUT_OF_MEMORY, "no memory for a reply");
    return reply;
  }
  if (EnsureConnected() != CHESTBOX_OK) return nullptr;
  ++stats_.commands;
  if (const int failed = connection_.Command(args, &reply); failed != CHESTBOX_OK) {
    FailConnection(failed);
    return nullptr;
  }
  session_.OnReply(args, *reply);
  // At once: the next command must not meet the connection while the server is about to end it.
  if (session_.has_quit()) LoseConnection();
  UpdateLocal();
  return reply;
}

int LocalClient::Commands(std::span<const Args> requests, ReplyPtr* replies) {
  for (const Args& args : requests) {
    if (const auto refusal = Session::Refusal(args)) return Fail(CHESTBOX_INVALID_ARGUMENT, *refusal);
  }
  if (const int failed = EnsureConnected(); failed != CHESTBOX_OK) return failed;
  stats_.commands += requests.size();
  if (const int failed = connection_.Commands(requests, replies); failed != CHESTBOX_OK) return FailConnection(failed);
  for (size_t i = 0; i < requests.size(); ++i) session_.OnReply(requests[i], *replies[i]);
  if (session_.has_quit()) LoseConnection();
  UpdateLocal();
  return CHESTBOX_OK;
}

void LocalClient::Release(chestbox_view* view) {
  const uint64_t pin = view->pin;
  const void* data = view->data;
  *view = {};
  if (fork_generation_ != fork_generation.load(std::memory_order_relaxed)) [[unlikely]]
    LeaveParent();
  switch (PinKind(pin)) {
    case ViewKind::kNone:
      return;
    case ViewKind::kSmall:
      small_.GiveBack(PinNumber(pin));
      return;
    case ViewKind::kOwned:
      std::free(const_cast<void*>(data));
      return;
    case ViewKind::kPinned:
      break;
  }
  if (attachment_ != nullptr && attachment_->number() == PinAttachment(pin)) [[likely]] {
    (void)attachment_->EndView(PinNumber(pin));
    return;
  }
  for (auto old = retired_.begin(); old != retired_.end(); ++old) {
    if ((*old)->number() != PinAttachment(pin)) continue;
    if ((*old)->EndView(PinNumber(pin)) && (*old)->views() == 0) retired_.erase(old);
    return;
  }
}

const Attachment* LocalClient::FindAttachment(uint32_t number) const {
  if (attachment_ != nullptr && attachment_->number() == number) return attachment_.get();
  for (const auto& old : retired_) {
    if (old->number() == number) return old.get();
  }
  return nullptr;
}

bool LocalClient::ViewIsValid(const chestbox_view& view) const {
  if (PinKind(view.pin) != ViewKind::kPinned) return view.data != nullptr;
  if (fork_generation_ != fork_generation.load(std::memory_order_relaxed)) return false;
  const Attachment* attachment = FindAttachment(PinAttachment(view.pin));
  // Pairs with the server's fence in Detach: if any byte that was read through the view was written after the pins had
  // ended, the word says so.
  std::atomic_thread_fence(std::memory_order_acquire);
  // A server that died without detaching anybody writes nothing any more.
  return attachment != nullptr && !attachment->is_detached();
}

chestbox_stats LocalClient::stats() const {
  chestbox_stats stats = stats_;
  stats.local_reads = local_reads_;
  stats.pinned_views = attachment_ == nullptr ? 0 : attachment_->views();
  for (const auto& old : retired_) stats.pinned_views += old->views();
  return stats;
}

int LocalClient::OutOfMemory() noexcept {
  connection_.Break();  // perhaps in the middle of a reply
  last_code_ = CHESTBOX_OUT_OF_MEMORY;
  last_error_.clear();
  return CHESTBOX_OUT_OF_MEMORY;
}

int LocalClient::Fail(int code, std::string_view text) {
  last_code_ = code;
  last_error_.assign(text);
  return code;
}

}  // namespace chestbox::shmclient
