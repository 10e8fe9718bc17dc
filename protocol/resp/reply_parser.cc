#include "protocol/resp/reply_parser.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "protocol/check.h"

namespace chestbox::resp {
namespace {

template <typename Number>
bool ParseWhole(std::string_view text, Number* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A length or a count: digits without superfluous zeros.
bool ParseCount(std::string_view text, size_t* count) {
  return IsDigits(text) && (text.size() == 1 || text[0] != '0') && ParseWhole(text, count);
}

bool ParseDouble(std::string_view text, double* value) {
  const bool named = text == "inf" || text == "-inf" || text == "nan" || text == "-nan";
  return (named || text.find_first_not_of("0123456789+-.eE") == std::string_view::npos) && ParseWhole(text, value);
}

// What one line says as a whole; false when it is malformed.
bool ParseScalar(char type, std::string_view line, Reply* reply) {
  switch (type) {
    case '+':
    case '-':
      reply->text = line;
      return true;
    case ':':
      return ParseWhole(line, &reply->integer);
    case '_':
      return line.empty();
    case '#':
      reply->integer = line == "t";
      return line == "t" || line == "f";
    case ',':
      reply->text = line;
      return ParseDouble(line, &reply->number);
    case '(':
      reply->text = line;
      return IsDigits(line.starts_with('-') ? line.substr(1) : line);
    default:
      return false;
  }
}

Reply::Type TypeOf(char type) {
  switch (type) {
    case '+':
      return Reply::Type::kSimpleString;
    case '-':
    case '!':
      return Reply::Type::kError;
    case ':':
      return Reply::Type::kInteger;
    case '#':
      return Reply::Type::kBool;
    case ',':
      return Reply::Type::kDouble;
    case '(':
      return Reply::Type::kBigNumber;
    case '$':
      return Reply::Type::kBulk;
    case '=':
      return Reply::Type::kVerbatim;
    case '*':
      return Reply::Type::kArray;
    case '%':
    case '|':
      return Reply::Type::kMap;
    case '~':
      return Reply::Type::kSet;
    case '>':
      return Reply::Type::kPush;
    default:
      return Reply::Type::kNull;
  }
}

}  // namespace

ReplyParser::Status ReplyParser::Parse(std::string_view data) {
  consumed_ = 0;
  if (failed_) return Status::kError;
  if (has_reply_) Reset();
  while (true) {
    switch (in_string_ ? ParseBody(data.substr(consumed_)) : ParseLine(data.substr(consumed_))) {
      case Step::kMore:
        break;
      case Step::kWait:
        return Status::kNeedMore;
      case Step::kDone:
        has_reply_ = true;
        return Status::kReply;
      case Step::kFail:
        return Status::kError;
    }
  }
}

Reply ReplyParser::TakeReply() {
  CHECK(has_reply_);
  return std::move(reply_);
}

ReplyParser::Step ReplyParser::ParseLine(std::string_view data) {
  const std::string_view window = data.substr(0, limits_.line_bytes_max + 1);
  const size_t end = window.find('\r', scan_);
  if (end == std::string_view::npos) {
    scan_ = window.size();
    return window.size() > limits_.line_bytes_max ? Fail("line too long") : Step::kWait;
  }
  scan_ = end;
  if (data.size() - end < 2) return Step::kWait;
  const std::string_view line = data.substr(0, end);
  if (line.empty() || data[end + 1] != '\n' || line.find('\n') != std::string_view::npos) return Fail("malformed line");
  consumed_ += end + 2;
  scan_ = 0;
  return OpenLine(line[0], line.substr(1));
}

ReplyParser::Step ReplyParser::OpenLine(char type, std::string_view line) {
  switch (type) {
    case '$':
    case '!':
    case '=':
      return OpenString(type, line);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      return OpenAggregate(type, line);
    default:
      break;
  }
  Reply reply = BeginReply(TypeOf(type));
  if (!ParseScalar(type, line, &reply)) return Fail("malformed value");
  bytes_ += line.size();
  if (bytes_ > limits_.reply_bytes_max) return Fail("reply too large");
  return Complete(std::move(reply));
}

ReplyParser::Step ReplyParser::OpenString(char type, std::string_view line) {
  if (type == '$' && line == "-1") return Complete(BeginReply(Reply::Type::kNull));
  if (!ParseCount(line, &string_bytes_) || (type == '=' && string_bytes_ < 4)) return Fail("malformed string length");
  if (string_bytes_ > limits_.bulk_bytes_max) return Fail("string too long");
  if (string_bytes_ > limits_.reply_bytes_max - bytes_) return Fail("reply too large");
  bytes_ += string_bytes_;
  string_ = BeginReply(TypeOf(type));
  in_string_ = true;
  return Step::kMore;
}

ReplyParser::Step ReplyParser::ParseBody(std::string_view data) {
  const size_t taken = std::min(data.size(), string_bytes_ - string_.text.size());
  string_.text.append(data.substr(0, taken));
  consumed_ += taken;
  data.remove_prefix(taken);
  if (string_.text.size() < string_bytes_ || data.size() < 2) return Step::kWait;
  if (!data.starts_with("\r\n")) return Fail("string without its end");
  consumed_ += 2;
  in_string_ = false;
  if (string_.type == Reply::Type::kVerbatim) {
    if (string_.text[3] != ':') return Fail("malformed verbatim string");
    string_.format = string_.text.substr(0, 3);
    string_.text.erase(0, 4);
  }
  return Complete(std::move(string_));
}

ReplyParser::Step ReplyParser::OpenAggregate(char type, std::string_view line) {
  if (type == '*' && line == "-1") return Complete(BeginReply(Reply::Type::kNull));
  size_t count = 0;
  if (!ParseCount(line, &count)) return Fail("malformed element count");
  if (type == '>' && !frames_.empty()) return Fail("push inside a reply");
  const size_t per_count = type == '%' || type == '|' ? 2 : 1;
  if (count > (limits_.elements_max - elements_) / per_count) return Fail("too many elements");
  count *= per_count;
  elements_ += count;
  if (count == 0) return type == '|' ? Step::kMore : Complete(BeginReply(TypeOf(type)));
  if (frames_.size() >= limits_.depth_max) return Fail("nested too deeply");
  frames_.push_back({BeginReply(TypeOf(type)), count, type == '|'});
  return Step::kMore;
}

// Attributes belong to the value that begins after them.
Reply ReplyParser::BeginReply(Reply::Type type) {
  Reply reply;
  reply.type = type;
  reply.attributes = std::exchange(pending_attributes_, {});
  return reply;
}

// A value is whole: so may be the aggregate that it is in, and the one around that.
ReplyParser::Step ReplyParser::Complete(Reply reply) {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    frame.reply.elements.push_back(std::move(reply));
    if (--frame.remaining > 0) return Step::kMore;
    reply = std::move(frame.reply);
    const bool is_attribute = frame.is_attribute;
    frames_.pop_back();
    if (is_attribute) {
      pending_attributes_ = std::move(reply.attributes);
      std::move(reply.elements.begin(), reply.elements.end(), std::back_inserter(pending_attributes_));
      return Step::kMore;
    }
  }
  reply_ = std::move(reply);
  return Step::kDone;
}

ReplyParser::Step ReplyParser::Fail(std::string_view what) {
  failed_ = true;
  error_ = what;
  return Step::kFail;
}

void ReplyParser::Reset() { *this = ReplyParser(limits_); }

}  // namespace chestbox::resp
