// ReplyHold: while a connection's replies are held back, what it sends ahead of them: a few bytes, and at last a file
// (a replica's full synchronization). The file goes from the kernel's cache to the socket in pieces, never through our
// memory.
//
// Executor thread only; never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace chestbox {

class ReplyHold {
 public:
  enum class Progress {
    kWaits,       // all is sent, but the file is not known yet
    kReleased,    // all is sent, and the file was the last of it
    kSocketFull,  // go on when the socket is writable
    kFailed,      // the connection is broken, or the file shorter than was said
  };

  ReplyHold() = default;
  ~ReplyHold();
  ReplyHold(const ReplyHold&) = delete;
  ReplyHold& operator=(const ReplyHold&) = delete;

  void Add(std::string_view bytes) { bytes_ += bytes; }
  bool is_idle() const { return sent_ == bytes_.size() && file_ < 0; }
  // Behind those bytes: the first `file_bytes` of the descriptor, which is taken over. `on_sent` is called by nobody
  // here.
  void AddFile(int descriptor, uint64_t file_bytes, std::function<void()> on_sent);

  // Adds to *sent_bytes what the socket took.
  Progress Send(int socket, uint64_t* sent_bytes);
  std::function<void()> TakeOnSent() { return std::move(on_sent_); }

 private:
  std::string bytes_;
  size_t sent_ = 0;
  int file_ = -1;
  uint64_t file_sent_ = 0;
  uint64_t file_bytes_ = 0;
  std::function<void()> on_sent_;
};

}  // namespace chestbox
