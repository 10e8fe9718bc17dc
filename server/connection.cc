#include "server/connection.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/acl/acl.h"
#include "server/blocked_clients.h"
#include "server/dispatcher.h"
#include "server/log.h"
#include "server/network.h"
#include "server/pubsub.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

// Redis' read size; a pipeline of small commands fits, an idle client costs no more.
constexpr size_t kReadBytes = 16 << 10;
// A buffer that grew past this for a large argument is given back when it is not needed any more.
constexpr size_t kBufferKeepBytes = 32 << 10;
constexpr int64_t kIdleShrinkMs = 2000;
// Reply memory kept between batches.
constexpr size_t kOutputKeepBytes = 64 << 10;
// Retired blocks are freed in batches: one fence and one scan of the pins a batch.
constexpr size_t kRetiredBlocksMax = 64;

}  // namespace

Connection::Connection(Network& network, int descriptor, bool is_unix_socket, std::string peer, std::string local)
    : network_(network),
      descriptor_(descriptor),
      is_unix_socket_(is_unix_socket),
      peer_(std::move(peer)),
      local_(std::move(local)),
      client_(&network.server().AddClient(this)) {}

Connection::~Connection() {
  if (descriptor_ < 0) return;
  if (channel_ != nullptr) network_.events().Remove(channel_->bell());
  close(descriptor_);
}

void Connection::Start() { SetInterest(EPOLLIN); }

// ---- Events ----

void Connection::SetInterest(uint32_t events) {
  if (closed_ || events == interest_) return;
  if (interest_ == 0) {
    network_.events().Add(descriptor_, events, this);
  } else if (events == 0) {
    network_.events().Remove(descriptor_);
  } else {
    network_.events().Change(descriptor_, events, this);
  }
  interest_ = events;
}

void Connection::OnEvents(uint32_t events) {
  if (closed_ || network_.is_stopped()) return;
  if (channel_ != nullptr) {
    ReadBesideChannel();
    return;
  }
  if (sending_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) OnWritable();
  if (!closed_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read();
}

// ---- Reading ----

void Connection::ResizeBuffer(size_t bytes) {
  std::unique_ptr<char[]> larger(bytes == 0 ? nullptr : new char[bytes]);
  if (filled_ > consumed_) std::memcpy(larger.get(), buffer_.get() + consumed_, filled_ - consumed_);
  filled_ -= consumed_;
  consumed_ = 0;
  buffer_ = std::move(larger);
  capacity_ = bytes;
}

// Sees to it that the next read has where to go: exactly what a large argument still needs, else a part of a read's
// worth.
void Connection::MakeRoom() {
  const size_t pending = filled_ - consumed_;
  if (pending == 0) filled_ = consumed_ = 0;
  const size_t wanted = parser_.in_big_bulk() ? parser_.bytes_wanted() : kReadBytes / 4;
  if (capacity_ - filled_ >= wanted) return;
  if (capacity_ - pending >= wanted) {
    std::memmove(buffer_.get(), buffer_.get() + consumed_, pending);
    consumed_ = 0;
    filled_ = pending;
    return;
  }
  ResizeBuffer(parser_.in_big_bulk() ? pending + wanted : std::max(kReadBytes, 2 * pending));
}

// A parked client's requests stay in the socket. Only when some come is it taken out of the set, since most are parked
// for a moment only; and altogether, since a hung-up socket is reported whatever is asked for.
void Connection::Read() {
  if (client_->parked) {
    SetInterest(sending_ ? uint32_t{EPOLLOUT} : 0);
    return;
  }
  MakeRoom();
  const ssize_t bytes = channel_ != nullptr
                            ? channel_->Receive(buffer_.get() + filled_, capacity_ - filled_)
                            : recv(descriptor_, buffer_.get() + filled_, capacity_ - filled_, MSG_DONTWAIT);
  if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (bytes <= 0) {
    Close();
    return;
  }
  filled_ += static_cast<size_t>(bytes);
  peak_bytes_ = std::max(peak_bytes_, filled_ - consumed_);
  Stats& stats = network_.server().stats();
  stats.net_input_bytes += static_cast<uint64_t>(bytes);
  ++stats.reads_processed;
  Process();
}

bool Connection::OverQueryLimit() {
  const int64_t limit = network_.config().client_query_buffer_limit_bytes;
  if (limit <= 0 || filled_ - consumed_ <= static_cast<size_t>(limit)) return false;
  ++network_.server().stats().client_query_buffer_limit_disconnections;
  LogWarning(fmt::format("Closing client that reached max query buffer length: id={} addr={}", client_->id, peer_));
  return true;
}

// Executes every complete request in the buffer; the replies go in one write, when Network sends them.
void Connection::Process() {
  Server& server = network_.server();
  bool first = true;
  processing_ = true;
  while (!client_->is_waiting() && !client_->close_after_reply && !closed_ && consumed_ < filled_ &&
         !protocol_failed_) {
    parser_.set_authenticated(client_->authenticated || !server.acl().login_required());
    parser_.set_max_bulk_bytes(static_cast<size_t>(network_.config().proto_max_bulk_bytes));
    const auto status = parser_.Parse(buffer_.get() + consumed_, filled_ - consumed_);
    if (status == resp::RequestParser::Status::kNeedMore) break;
    if (status == resp::RequestParser::Status::kError) {
      protocol_failed_ = true;
      client_->reply.Error(parser_.error());
      client_->close_after_reply = true;
      break;
    }
    const size_t request_bytes = parser_.consumed();
    (void)(first ? server.dispatcher().Execute(*client_, parser_.args())
                 : server.dispatcher().ExecuteNext(*client_, parser_.args()));
    first = false;
    if (closed_) break;
    consumed_ += request_bytes;
    parser_.Reset();
  }
  processing_ = false;
  if (closed_) return;
  if (OverQueryLimit()) {
    Close();
    return;
  }
  if (network_.serving_others()) {  // in the middle of a script: the turn's end is far, nothing is freed, nothing
                                    // leaves memory
    Send();
    return;
  }
  network_.SendLater(*this);
  // What came while this client's script ran and others were served was left in the socket, as for a parked client.
  if (!closed_ && !client_->parked) SetInterest(interest_ | EPOLLIN);
  Keyspace& keys = server.keys();
  if (keys.retired_blocks() > kRetiredBlocksMax || keys.retired_bytes() > (1U << 20)) keys.DrainRetired();
  if (server.swapper() != nullptr) server.swapper()->EndBatch();
}

void Connection::Resume() {
  if (closed_ || processing_) return;
  Process();
  if (!client_->parked) SetInterest(interest_ | EPOLLIN);
}

// ---- The channel ----

Result<void> Connection::OpenChannel(shm::Channel& rings) {
  if (has_channel()) return Error{"ERR channel: this connection has one already"};
  if (client_->is_replica) return Error{"ERR channel: a replica has none"};
  auto link = std::make_unique<ChannelLink>(rings);
  if (link->bell() < 0) return Error{fmt::format("ERR channel: eventfd: {}", std::strerror(errno))};
  if (!QueueDescriptors({link->bell()})) return Error{"ERR channel: its descriptor could not be passed"};
  next_channel_ = std::move(link);
  return {};
}

void Connection::StartChannel() {
  channel_ = std::move(next_channel_);
  channel_->BeginTurn();
  // Edge-triggered, and never read: the client has the same open file, and could make a read of it block.
  network_.events().Add(channel_->bell(), EPOLLIN | EPOLLET, channel_.get());
  network_.AddChannel(*this);
}

// A client that has gone, or that goes on writing where nobody reads any more.
void Connection::ReadBesideChannel() {
  char byte = 0;
  const ssize_t bytes = recv(descriptor_, &byte, 1, MSG_DONTWAIT);
  if (bytes >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) Close();
}

bool Connection::HasChannelWork() const {
  if (closed_ || processing_) return false;
  return (sending_ && channel_->HasRoom()) || (!client_->parked && channel_->HasRequests());
}

void Connection::PollChannel() {
  if (closed_) return;
  channel_->BeginTurn();
  if (processing_) return;  // in the middle of its own script, whose turn it is
  if (sending_ && channel_->HasRoom()) OnWritable();
  if (!closed_ && !client_->parked && channel_->HasRequests()) Read();
}

// ---- Sending ----

bool Connection::QueueDescriptors(const std::vector<int>& descriptors) {
  if (!is_unix_socket_ || !descriptors_.empty()) return false;
  descriptors_ = descriptors;
  return true;
}

// One send; with queued descriptors they travel with its first byte.
long Connection::SendSome() {
  const resp::ReplyBuffer& output = client_->output;
  if (channel_ != nullptr) return channel_->Send(output.data() + sent_, output.size() - sent_);
  iovec bytes{const_cast<char*>(output.data()) + sent_, output.size() - sent_};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  if (!descriptors_.empty()) {
    std::memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors_.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors_.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors_.data(), descriptors_.size() * sizeof(int));
    const long sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) descriptors_.clear();
    return sent;
  }
  return send(descriptor_, bytes.iov_base, bytes.iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// False: the replies wait.
bool Connection::SendWhatIsAhead() {
  uint64_t sent_bytes = 0;
  const ReplyHold::Progress progress = hold_->Send(descriptor_, &sent_bytes);
  if (sent_bytes != 0) CountSent(sent_bytes);
  if (progress == ReplyHold::Progress::kReleased) {
    const std::function<void()> on_sent = hold_->TakeOnSent();
    hold_.reset();
    on_sent();
    return !closed_;
  }
  if (progress == ReplyHold::Progress::kFailed || OverOutputLimit()) {
    Close();
  } else if (progress == ReplyHold::Progress::kSocketFull) {
    AwaitRoom();
  }
  return false;
}

void Connection::CountSent(uint64_t bytes) {
  Stats& stats = network_.server().stats();
  stats.net_output_bytes += bytes;
  if (client_->is_replica) stats.replication_output_bytes += bytes;
  ++stats.writes_processed;
}

void Connection::Send() {
  if (sending_ || closed_) {
    if (!closed_ && OverOutputLimit()) Close();
    return;
  }
  if (hold_ != nullptr && !SendWhatIsAhead()) return;
  resp::ReplyBuffer& output = client_->output;
  while (sent_ < output.size()) {
    const long sent = SendSome();
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (sent <= 0) {
      Close();
      return;
    }
    sent_ += static_cast<size_t>(sent);
    CountSent(static_cast<uint64_t>(sent));
  }
  if (sent_ == output.size()) {
    output.Clear();
    output.ReleaseAbove(kOutputKeepBytes);
    sent_ = 0;
    if (client_->close_after_reply && !client_->parked) {
      Close();
    } else if (next_channel_ != nullptr) {
      StartChannel();
    }
    return;
  }
  if (OverOutputLimit()) {
    Close();
    return;
  }
  AwaitRoom();
}

void Connection::AwaitRoom() {
  sending_ = true;
  if (channel_ == nullptr) SetInterest(interest_ | EPOLLOUT);
}

void Connection::OnWritable() {
  sending_ = false;
  // What was sent makes room, so that a client that reads slowly but reads does not grow this without end.
  if (sent_ > client_->output.size() / 2) {
    client_->output.DropFront(sent_);
    sent_ = 0;
  }
  Send();
  if (!sending_) SetInterest(interest_ & ~static_cast<uint32_t>(EPOLLOUT));
}

void Connection::Flush() {
  send_soon_ = false;
  if (!processing_) Send();
}

void Connection::FlushSoon() {
  if (closed_) return;
  if (OverOutputLimit()) {  // not only at the end of the turn: a script may publish without end
    Close();
    return;
  }
  if (std::exchange(send_soon_, true)) return;
  network_.SendLater(*this);
}

void Connection::HoldReplies() { hold_ = std::make_unique<ReplyHold>(); }

void Connection::SendAhead(std::string_view bytes, bool is_keepalive) {
  if (hold_ == nullptr || (is_keepalive && !hold_->is_idle())) return;
  hold_->Add(bytes);
  FlushSoon();
}

void Connection::SendFileAhead(int file_descriptor, uint64_t bytes, std::function<void()> on_sent) {
  hold_->AddFile(file_descriptor, bytes, std::move(on_sent));
  FlushSoon();
}

bool Connection::OverOutputLimit() {
  const Config& config = network_.config();
  const ClientClass kind = client_->is_replica      ? ClientClass::kReplica
                           : IsSubscriber(*client_) ? ClientClass::kPubsub
                                                    : ClientClass::kNormal;
  const OutputBufferLimit& limit = config.client_output_buffer_limits[static_cast<size_t>(kind)];
  const auto pending = static_cast<int64_t>(output_buffer_bytes());
  const int64_t now_ms = network_.server().keys().now_ms();
  // What a partial synchronization may send at once does not break the limit.
  const int64_t hard_bytes =
      client_->is_replica ? std::max(limit.hard_bytes, config.repl_backlog_size_bytes) : limit.hard_bytes;
  const bool hard = limit.hard_bytes > 0 && pending > hard_bytes;
  if (limit.soft_bytes <= 0 || pending <= limit.soft_bytes) {
    soft_limit_since_ms_ = 0;
  } else if (soft_limit_since_ms_ == 0) {
    soft_limit_since_ms_ = now_ms;
  }
  const bool soft = soft_limit_since_ms_ != 0 && now_ms - soft_limit_since_ms_ > limit.soft_s * 1000;
  if (!hard && !soft) return false;
  ++network_.server().stats().client_output_buffer_limit_disconnections;
  LogWarning(fmt::format("Client id={} addr={} closed for overcoming of output buffer limits.", client_->id, peer_));
  return true;
}

// ---- Upkeep and end ----

void Connection::Cron(int64_t now_ms) {
  if (closed_) return;
  const int64_t idle_ms = now_ms - client_->last_interaction_ms;
  const int64_t timeout_s = network_.config().timeout_s;
  // An attached client reads without our noticing, and the end of its connection would be the end of its pins.
  const bool may_be_idle =
      !client_->is_waiting() && client_->attached_page == 0 && !client_->is_replica && !IsSubscriber(*client_);
  if (timeout_s > 0 && idle_ms > timeout_s * 1000 && may_be_idle) {
    LogVerbose("Closing idle client");
    Close();
    return;
  }
  if (output_buffer_bytes() > 0 && OverOutputLimit()) {
    Close();
    return;
  }
  const size_t pending = filled_ - consumed_;
  const bool idle = idle_ms > kIdleShrinkMs && pending == 0;
  const bool oversized = capacity_ > kBufferKeepBytes && peak_bytes_ < capacity_ / 2 && !parser_.in_big_bulk();
  peak_bytes_ = pending;
  if (capacity_ != 0 && (idle || oversized)) ResizeBuffer(pending);
}

void Connection::CloseNow() { Close(); }

// The session goes away when everything that is using it now has unwound.
void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  client_->closing = true;
  network_.server().blocked().End(*client_);
  network_.server().pubsub().Forget(*client_);
  // The client has the bell too, so that closing it would not take it out of the set.
  if (channel_ != nullptr) network_.events().Remove(channel_->bell());
  close(std::exchange(descriptor_, -1));  // and with it out of the set
  network_.Post([this] { network_.Forget(*this); });
}

}  // namespace chestbox
