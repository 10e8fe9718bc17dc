#include "server/reply_hold.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "protocol/check.h"

namespace chestbox {

namespace {

// Of a file in one turn of the event loop, so that other clients are served meanwhile.
constexpr uint64_t kFileBytesPerTurn = 1 << 20;

bool IsFull() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

ReplyHold::~ReplyHold() {
  if (file_ >= 0) close(file_);
}

void ReplyHold::AddFile(int descriptor, uint64_t file_bytes, std::function<void()> on_sent) {
  CHECK(file_ < 0);
  file_ = descriptor;
  file_bytes_ = file_bytes;
  on_sent_ = std::move(on_sent);
}

ReplyHold::Progress ReplyHold::Send(int socket, uint64_t* sent_bytes) {
  while (sent_ < bytes_.size()) {
    const ssize_t sent = send(socket, bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return IsFull() ? Progress::kSocketFull : Progress::kFailed;
    sent_ += static_cast<size_t>(sent);
    *sent_bytes += static_cast<uint64_t>(sent);
  }
  if (file_ < 0) return Progress::kWaits;
  const uint64_t end = std::min(file_bytes_, file_sent_ + kFileBytesPerTurn);
  while (file_sent_ < end) {
    auto offset = static_cast<off_t>(file_sent_);
    const ssize_t sent = sendfile(socket, file_, &offset, end - file_sent_);
    if (sent < 0 && IsFull()) return Progress::kSocketFull;
    if (sent <= 0) return Progress::kFailed;
    file_sent_ += static_cast<uint64_t>(sent);
    *sent_bytes += static_cast<uint64_t>(sent);
  }
  return file_sent_ == file_bytes_ ? Progress::kReleased : Progress::kSocketFull;
}

}  // namespace chestbox
