// Request: one command as the pieces that go into one sendmsg. Short arguments are copied beside the protocol's bytes,
// long ones are sent from where they lie, so that setting 100 MiB copies nothing in this process.
//
// Reused from command to command, so that it allocates seldom. The arguments must outlive the sending. One thread.
#pragma once

#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chestbox::shmclient {

// Below this a copy costs less than a piece more for the kernel to walk.
inline constexpr size_t kSentInPlaceBytes = 4096;

class Request {
 public:
  // The pieces hold until the next call.
  std::span<iovec> Build(std::span<const std::string_view> args);

 private:
  std::string text_;
  std::vector<iovec> pieces_;
};

}  // namespace chestbox::shmclient
