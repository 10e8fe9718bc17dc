#include "shmclient/connection.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>

#include "shmclient/include/chestbox/chestbox.h"

namespace chestbox::shmclient {

namespace {

// One receive: the reply to a small command fits, a large one is not cut into too many pieces.
constexpr size_t kBufferBytes = 64 << 10;
// "$", 20 digits, CR LF: a longer header of a string is not one.
constexpr size_t kHeaderBytesMax = 24;
// No string of a server is longer; the length that a peer announces is not trusted further.
constexpr size_t kValueBytesMax = 4ULL << 30;

// The number in "$123\r" (without the LF), or nothing.
std::optional<int64_t> HeaderNumber(std::string_view line) {
  int64_t number = 0;
  if (line.size() < 3 || line.back() != '\r') return std::nullopt;
  const char* end = line.data() + line.size() - 1;
  const auto [stop, failed] = std::from_chars(line.data() + 1, end, number);
  if (failed != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

Connection::Connection() : reader_(redisReaderCreate()), buffer_(new char[kBufferBytes]) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

int Connection::Open(const Endpoint& endpoint, int timeout_ms) {
  Close();
  return Socket::Connect(endpoint, timeout_ms, &socket_, &error_);
}

void Connection::Close() { TakeSocket(); }

Socket Connection::TakeSocket() {
  begin_ = end_ = 0;
  broken_ = false;
  channel_.reset();
  // A reader that failed, or was left in the middle of a reply, is of no more use.
  if (reader_ == nullptr || reader_->err != 0 || reader_->pos != reader_->len || reader_->ridx != -1) {
    reader_.reset(redisReaderCreate());
  }
  return std::move(socket_);
}

int Connection::Fail(int code) {
  broken_ = true;
  return code;
}

int Connection::ProtocolError(const char* what) {
  error_ = std::string("protocol error: ") + what;
  return Fail(CHESTBOX_PROTOCOL);
}

int Connection::SendPieces(std::span<iovec> pieces) {
  const int code = channel_ != nullptr ? channel_->SendAll(pieces, socket_, &error_) : socket_.SendAll(pieces, &error_);
  return code == CHESTBOX_OK ? code : Fail(code);
}

int Connection::Send(std::span<const std::string_view> args) { return SendPieces(request_.Build(args)); }

void Connection::SetTimeout(int timeout_ms) {
  socket_.SetTimeout(timeout_ms);
  if (channel_ != nullptr) channel_->SetTimeout(timeout_ms);
}

// Descriptors come by the socket only.
int Connection::ReceiveSome(char* to, size_t capacity, size_t* received, std::vector<Socket>* descriptors) {
  return channel_ != nullptr ? channel_->Receive(to, capacity, received, socket_, &error_)
                             : socket_.Receive(to, capacity, received, &error_, descriptors);
}

int Connection::Receive(std::vector<Socket>* descriptors) {
  if (begin_ == end_) begin_ = end_ = 0;
  size_t received = 0;
  const int code = ReceiveSome(buffer_.get() + end_, kBufferBytes - end_, &received, descriptors);
  if (code != CHESTBOX_OK) return Fail(code);
  end_ += received;
  return CHESTBOX_OK;
}

int Connection::ReceiveReply(ReplyPtr* reply, std::vector<Socket>* descriptors, bool is_last) {
  if (reader_ == nullptr) return ProtocolError("no memory for a reader");
  for (;;) {
    void* object = nullptr;
    if ((begin_ < end_ && redisReaderFeed(reader_.get(), buffer_.get() + begin_, end_ - begin_) != REDIS_OK) ||
        redisReaderGetReply(reader_.get(), &object) != REDIS_OK) {
      const bool no_memory = reader_->err == REDIS_ERR_OOM;
      error_ = reader_->errstr;
      return Fail(no_memory ? CHESTBOX_OUT_OF_MEMORY : CHESTBOX_PROTOCOL);
    }
    begin_ = end_ = 0;
    if (object == nullptr) {
      if (const int code = Receive(descriptors); code != CHESTBOX_OK) return code;
      continue;
    }
    reply->reset(static_cast<redisReply*>(object));
    if (is_last && reader_->pos != reader_->len) return ProtocolError("bytes behind the reply");
    return CHESTBOX_OK;
  }
}

int Connection::Commands(std::span<const std::span<const std::string_view>> requests, ReplyPtr* replies) {
  std::string together;
  const auto send = [&] {
    iovec piece{together.data(), together.size()};
    const int code = SendPieces({&piece, 1});
    together.clear();
    return code;
  };
  for (const auto& args : requests) {
    for (const iovec& piece : request_.Build(args)) together.append(static_cast<char*>(piece.iov_base), piece.iov_len);
    if (together.size() < kBufferBytes) continue;
    if (const int code = send(); code != CHESTBOX_OK) return code;
  }
  if (!together.empty()) {
    if (const int code = send(); code != CHESTBOX_OK) return code;
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    const int code = ReceiveReply(&replies[i], nullptr, i + 1 == requests.size());
    if (code != CHESTBOX_OK) return code;
  }
  return CHESTBOX_OK;
}

int Connection::Command(std::span<const std::string_view> args, ReplyPtr* reply, std::vector<Socket>* descriptors) {
  if (const int code = Send(args); code != CHESTBOX_OK) return code;
  return ReceiveReply(reply, descriptors);
}

int Connection::ReceiveBody(size_t bytes, char* to) {
  const size_t wanted = bytes + 2;  // and CR LF
  char line_end[2] = {};
  size_t done = 0;
  const auto take = [&](const char* from, size_t count) {
    const size_t of_value = done < bytes ? std::min(count, bytes - done) : 0;
    if (to != nullptr && of_value > 0) std::memcpy(to + done, from, of_value);
    for (size_t i = of_value; i < count; ++i) line_end[done + i - bytes] = from[i];
    done += count;
  };
  while (done < wanted) {
    // Large values go straight to where they belong, without passing the buffer.
    if (begin_ == end_ && to != nullptr && done + kBufferBytes < bytes) {
      size_t received = 0;
      const int code = ReceiveSome(to + done, bytes - done, &received, nullptr);
      if (code != CHESTBOX_OK) return Fail(code);
      done += received;
      continue;
    }
    if (begin_ == end_) {
      if (const int code = Receive(nullptr); code != CHESTBOX_OK) return code;
    }
    const size_t count = std::min(end_ - begin_, wanted - done);
    take(buffer_.get() + begin_, count);
    begin_ += count;
  }
  if (line_end[0] != '\r' || line_end[1] != '\n') return ProtocolError("a string's end is missing");
  return begin_ == end_ ? CHESTBOX_OK : ProtocolError("bytes behind the reply");
}

int Connection::CommandForValue(std::initializer_list<std::string_view> args, ValuePlace& place, ReplyPtr* reply) {
  if (int code = Send({args.begin(), args.size()}); code != CHESTBOX_OK) return code;
  if (int code = Receive(nullptr); code != CHESTBOX_OK) return code;
  if (buffer_[begin_] != '$') return ReceiveReply(reply, nullptr);
  const char* line_end = nullptr;
  for (;;) {
    const size_t seen = std::min(end_ - begin_, kHeaderBytesMax);
    line_end = static_cast<const char*>(std::memchr(buffer_.get() + begin_, '\n', seen));
    if (line_end != nullptr) break;
    if (seen == kHeaderBytesMax) return ProtocolError("a string's length is too long");
    if (int code = Receive(nullptr); code != CHESTBOX_OK) return code;
  }
  const char* line = buffer_.get() + begin_;
  const auto number = HeaderNumber({line, static_cast<size_t>(line_end - line)});
  if (number == -1) return ReceiveReply(reply, nullptr);
  if (!number || *number < 0 || static_cast<size_t>(*number) > kValueBytesMax) {
    return ProtocolError("a string's length is not a number, or too large");
  }
  begin_ += static_cast<size_t>(line_end - line) + 1;
  const auto bytes = static_cast<size_t>(*number);
  return ReceiveBody(bytes, place.Room(bytes));
}

}  // namespace chestbox::shmclient
