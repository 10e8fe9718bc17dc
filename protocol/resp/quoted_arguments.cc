#include "protocol/resp/quoted_arguments.h"

namespace chestbox::resp {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// White space between arguments includes \v and \f; inside a bare argument those two are ordinary bytes. So in Redis.
bool EndsBareArgument(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

}  // namespace

// Writing never overtakes reading: every escape is longer than what it stands for.
QuotedArgumentReader::Step QuotedArgumentReader::Next(std::string_view* argument) {
  while (next_ < end_ && IsSpace(*next_)) ++next_;
  if (next_ == end_ || *next_ == '\0') return Step::kEnd;
  char* const begin = next_;
  char* out = begin;
  while (next_ < end_ && !EndsBareArgument(*next_)) {
    const char c = *next_++;
    if (c == '"' || c == '\'') {
      if (!(c == '"' ? ReadDoubleQuoted(&out) : ReadSingleQuoted(&out))) return Step::kUnbalanced;
      break;  // a closing quote ends the argument
    }
    *out++ = c;
  }
  *argument = {begin, static_cast<size_t>(out - begin)};
  return Step::kArgument;
}

// Reads behind the opening quote up to and with the closing one.
bool QuotedArgumentReader::ReadDoubleQuoted(char** out) {
  while (next_ < end_ && *next_ != '\0') {
    const char c = *next_++;
    if (c == '"') return AtQuoteEnd();
    if (c == '\\' && end_ - next_ >= 3 && *next_ == 'x' && HexDigit(next_[1]) >= 0 && HexDigit(next_[2]) >= 0) {
      *(*out)++ = static_cast<char>(HexDigit(next_[1]) * 16 + HexDigit(next_[2]));
      next_ += 3;
    } else if (c == '\\' && next_ < end_ && *next_ != '\0') {
      *(*out)++ = Unescape(*next_++);
    } else {
      *(*out)++ = c;
    }
  }
  return false;
}

bool QuotedArgumentReader::ReadSingleQuoted(char** out) {
  while (next_ < end_ && *next_ != '\0') {
    const char c = *next_++;
    if (c == '\'') return AtQuoteEnd();
    if (c == '\\' && next_ < end_ && *next_ == '\'') {
      *(*out)++ = *next_++;
    } else {
      *(*out)++ = c;
    }
  }
  return false;
}

bool QuotedArgumentReader::AtQuoteEnd() const { return next_ == end_ || *next_ == '\0' || IsSpace(*next_); }

std::optional<std::vector<std::string>> SplitQuotedArguments(std::string_view line) {
  std::string text(line);
  QuotedArgumentReader reader(text.data(), text.data() + text.size());
  std::vector<std::string> arguments;
  while (true) {
    std::string_view argument;
    switch (reader.Next(&argument)) {
      case QuotedArgumentReader::Step::kArgument:
        arguments.emplace_back(argument);
        break;
      case QuotedArgumentReader::Step::kUnbalanced:
        return std::nullopt;
      case QuotedArgumentReader::Step::kEnd:
        return arguments;
    }
  }
}

}  // namespace chestbox::resp
