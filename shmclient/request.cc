#include "shmclient/request.h"

#include <charconv>

namespace chestbox::shmclient {

namespace {

// What a header takes at most: "$", 20 digits, CR LF.
constexpr size_t kHeaderBytesMax = 24;
// What an unusually long request left behind is given back.
constexpr size_t kKeptBytes = 64 << 10;

void AppendHeader(char type, size_t number, std::string* out) {
  char digits[kHeaderBytesMax];
  digits[0] = type;
  char* end = std::to_chars(digits + 1, digits + sizeof digits, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out->append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

std::span<iovec> Request::Build(std::span<const std::string_view> args) {
  text_.clear();
  pieces_.clear();
  size_t bytes = kHeaderBytesMax;
  for (std::string_view arg : args) bytes += kHeaderBytesMax + 2 + (arg.size() < kSentInPlaceBytes ? arg.size() : 0);
  if (text_.capacity() > kKeptBytes && bytes < kKeptBytes) std::string().swap(text_);
  text_.reserve(bytes);  // pieces point into it: it must not move any more

  size_t begin = 0;
  const auto close_piece = [&] {
    if (text_.size() > begin) pieces_.push_back({text_.data() + begin, text_.size() - begin});
    begin = text_.size();
  };
  AppendHeader('*', args.size(), &text_);
  for (std::string_view arg : args) {
    AppendHeader('$', arg.size(), &text_);
    if (arg.size() < kSentInPlaceBytes) {
      text_.append(arg);
    } else {
      close_piece();
      pieces_.push_back({const_cast<char*>(arg.data()), arg.size()});  // sendmsg does not write to it
    }
    text_.append("\r\n", 2);
  }
  close_piece();
  return pieces_;
}

}  // namespace chestbox::shmclient
