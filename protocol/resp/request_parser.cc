#include "protocol/resp/request_parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "protocol/resp/quoted_arguments.h"

namespace chestbox::resp {
namespace {

// More digits than this go the slow way, which knows about overflow. 10^15 is beyond every limit.
constexpr int kFastDigitsMax = 15;

// The number of a header line of plain digits that is here as a whole, with its two end bytes; *next is then behind it.
// -1 for anything unusual (incomplete, signs, leading zeros, huge): the slow way decides what that is.
inline int64_t FastLength(const char* digits, const char* end, const char** next) {
  const char* p = digits;
  const char* stop = end - digits > kFastDigitsMax ? digits + kFastDigitsMax : end;
  int64_t value = 0;
  while (p < stop && static_cast<unsigned char>(*p - '0') <= 9) value = value * 10 + (*p++ - '0');
  if (p == digits || end - p < 2 || *p != '\r' || (*digits == '0' && p - digits > 1)) return -1;
  *next = p + 2;
  return value;
}

// Redis' notion of an integer: no sign but '-', no leading zeros, no "-0", nothing around it, within 64 bits.
bool ParseInteger(std::string_view text, int64_t* value) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

RequestParser::Status RequestParser::Parse(char* data, size_t size) {
  if (phase_ == Phase::kDone) Reset();
  if (phase_ == Phase::kFailed) return Status::kError;
  if (phase_ == Phase::kStart) {
    if (size == 0) return Suspend(data, 1);
    phase_ = data[0] == '*' ? Phase::kCount : Phase::kInline;
  }
  if (phase_ == Phase::kInline) return ParseInline(data, size);
  if (phase_ == Phase::kCount) {
    const Status status = ParseCount(data, size);
    if (phase_ != Phase::kHeader) return status;
  }
  return ParseBulks(data, size);
}

RequestParser::Status RequestParser::ParseInline(char* data, size_t size) {
  size_t newline = 0;
  switch (FindLineEnd(data, size, '\n', &newline)) {
    case Line::kMissing:
      return Suspend(data, 1);
    case Line::kTooLong:
      return Fail("ERR Protocol error: too big inline request");
    case Line::kFound:
      break;
  }
  const size_t line_bytes = newline > 0 && data[newline - 1] == '\r' ? newline - 1 : newline;
  QuotedArgumentReader reader(data, data + line_bytes);
  while (true) {
    std::string_view argument;
    switch (reader.Next(&argument)) {
      case QuotedArgumentReader::Step::kArgument:
        AddArg(argument.data(), argument.size());
        break;
      case QuotedArgumentReader::Step::kUnbalanced:
        return Fail("ERR Protocol error: unbalanced quotes in request");
      case QuotedArgumentReader::Step::kEnd:
        pos_ = newline + 1;
        return Finish(data);
    }
  }
}

// "*<count>\r\n". On success the phase is kHeader, or kDone for a request without arguments.
RequestParser::Status RequestParser::ParseCount(const char* data, size_t size) {
  const char* next = nullptr;
  int64_t count = FastLength(data + 1, data + size, &next);
  if (count >= 0) {
    pos_ = static_cast<size_t>(next - data);
  } else {
    bool valid = false;
    const Status status = ReadLength(data, size, "ERR Protocol error: too big mbulk count string", &count, &valid);
    if (status != Status::kRequest) return status;
    if (!valid) return Fail("ERR Protocol error: invalid multibulk length");
  }
  if (count > static_cast<int64_t>(kArgsMax)) return Fail("ERR Protocol error: invalid multibulk length");
  if (!authenticated_ && count > static_cast<int64_t>(kUnauthenticatedArgsMax)) {
    return Fail("ERR Protocol error: unauthenticated multibulk length");
  }
  if (count <= 0) return Finish(data);
  args_expected_ = static_cast<size_t>(count);
  phase_ = Phase::kHeader;
  scan_ = pos_;
  return Status::kRequest;
}

// The hot loop: a few branches and a slice for each argument that is here as a whole. What it does not know (also where
// there is no room yet for slices) goes the slow way, one argument at a time.
RequestParser::Status RequestParser::ParseBulks(const char* data, size_t size) {
  const size_t fast_bytes_max =
      authenticated_ ? max_bulk_bytes_ : std::min(max_bulk_bytes_, kUnauthenticatedBulkBytesMax);
  while (true) {
    if (phase_ == Phase::kHeader) {
      // In locals, which stay in registers: a slice may alias anything.
      size_t pos = pos_;
      size_t count = arg_count_;
      const size_t room = std::min(slices_.size(), args_expected_);
      while (count < room && pos < size && data[pos] == '$') {
        const char* next = nullptr;
        const int64_t length = FastLength(data + pos + 1, data + size, &next);
        const auto bytes = static_cast<size_t>(length);
        if (length < 0 || bytes > fast_bytes_max) break;
        const auto body = static_cast<size_t>(next - data);
        if (size - body < bytes + 2) break;
        slices_[count++] = {next, bytes};
        pos = body + bytes + 2;
      }
      if (pos != pos_) pos_ = scan_ = pos;
      arg_count_ = count;
      if (count == args_expected_) return Finish(data);
      const Status status = ReadBulkHeader(data, size);
      if (status != Status::kRequest) return status;
    }
    const size_t available = size - pos_;
    if (available < bulk_bytes_ + 2) {
      phase_ = Phase::kBody;
      return Suspend(data, bulk_bytes_ + 2 - available);
    }
    phase_ = Phase::kHeader;
    AddArg(data + pos_, bulk_bytes_);
    pos_ += bulk_bytes_ + 2;
    if (arg_count_ == args_expected_) return Finish(data);
    scan_ = pos_;
  }
}

// "$<length>\r\n" of every kind that the hot loop does not know. kRequest here means: header read.
RequestParser::Status RequestParser::ReadBulkHeader(const char* data, size_t size) {
  int64_t length = 0;
  bool valid = false;
  const size_t start = pos_;
  const Status status = ReadLength(data, size, "ERR Protocol error: too big bulk count string", &length, &valid);
  if (status != Status::kRequest) return status;
  if (data[start] != '$') {
    const char got = data[start] == '\r' || data[start] == '\n' ? ' ' : data[start];
    return Fail(std::string("ERR Protocol error: expected '$', got '") + got + "'");
  }
  if (!valid || length < 0 || static_cast<size_t>(length) > max_bulk_bytes_) {
    return Fail("ERR Protocol error: invalid bulk length");
  }
  if (!authenticated_ && static_cast<size_t>(length) > kUnauthenticatedBulkBytesMax) {
    return Fail("ERR Protocol error: unauthenticated bulk length");
  }
  bulk_bytes_ = static_cast<size_t>(length);
  return Status::kRequest;
}

// A header line: any byte, a number up to '\r', one byte more. kRequest: pos_ is behind it.
RequestParser::Status RequestParser::ReadLength(const char* data, size_t size, const char* too_long, int64_t* length,
                                                bool* valid) {
  size_t end = 0;
  switch (FindLineEnd(data, size, '\r', &end)) {
    case Line::kMissing:
      return Suspend(data, 1);
    case Line::kTooLong:
      return Fail(too_long);
    case Line::kFound:
      break;
  }
  if (size - end < 2) return Suspend(data, 1);
  const size_t first = pos_ + 1;
  *valid = first < end && ParseInteger({data + first, end - first}, length);
  pos_ = end + 2;
  scan_ = pos_;
  return Status::kRequest;
}

// A NUL hides what follows it, as it does from Redis' strchr: such a line never ends, and is refused once it is too
// long.
RequestParser::Line RequestParser::FindLineEnd(const char* data, size_t size, char terminator, size_t* end) {
  const size_t window = std::min(size, pos_ + kInlineBytesMax + 1);
  if (scan_ < window && data[scan_] != '\0') {
    const char* from = data + scan_;
    const auto* hit = static_cast<const char*>(std::memchr(from, terminator, window - scan_));
    const size_t searched = hit != nullptr ? static_cast<size_t>(hit - from) : window - scan_;
    const auto* nul = static_cast<const char*>(std::memchr(from, '\0', searched));
    scan_ = nul != nullptr ? static_cast<size_t>(nul - data) : scan_ + searched;
    if (nul == nullptr && hit != nullptr) {
      *end = scan_;
      return Line::kFound;
    }
  }
  return size - pos_ > kInlineBytesMax ? Line::kTooLong : Line::kMissing;
}

// The buffer may move before the next call, so the arguments that this call completed are kept as offsets.
RequestParser::Status RequestParser::Suspend(const char* data, size_t bytes_wanted) {
  for (size_t i = pieces_.size(); i < arg_count_; ++i) {
    pieces_.push_back({static_cast<size_t>(slices_[i].data() - data), slices_[i].size()});
  }
  bytes_wanted_ = bytes_wanted;
  return Status::kNeedMore;
}

RequestParser::Status RequestParser::Finish(const char* data) {
  for (size_t i = 0; i < pieces_.size(); ++i) slices_[i] = {data + pieces_[i].offset, pieces_[i].bytes};
  phase_ = Phase::kDone;
  return Status::kRequest;
}

RequestParser::Status RequestParser::Fail(std::string_view message) {
  error_ = message;
  phase_ = Phase::kFailed;
  arg_count_ = 0;
  return Status::kError;
}

void RequestParser::AddArg(const char* data, size_t bytes) {
  if (arg_count_ == slices_.size()) slices_.resize(std::max<size_t>(16, slices_.size() * 2));
  slices_[arg_count_++] = {data, bytes};
}

void RequestParser::Reset() {
  if (slices_.size() > kKeptArgs) {
    slices_ = {};
    pieces_ = {};
  }
  pieces_.clear();
  arg_count_ = 0;
  args_expected_ = 0;
  pos_ = 0;
  scan_ = 0;
  bulk_bytes_ = 0;
  bytes_wanted_ = 0;
  if (phase_ == Phase::kFailed) error_.clear();
  phase_ = Phase::kStart;
}

}  // namespace chestbox::resp
