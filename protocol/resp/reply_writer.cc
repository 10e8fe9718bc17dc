#include "protocol/resp/reply_writer.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "protocol/check.h"
#include "protocol/resp/number_format.h"

namespace chestbox::resp {
namespace {

constexpr size_t kDigitsMax = 20;                           // of a 64-bit number, with its sign
constexpr size_t kNumberLineBytesMax = 1 + kDigitsMax + 2;  // type, number, CR LF

// Writes "<type><number>\r\n" and returns its end. One digit is by far the most frequent.
template <typename Number>
char* WriteNumberLine(char* out, char type, Number number) {
  *out++ = type;
  if (number >= 0 && number <= 9) {
    *out++ = static_cast<char>('0' + number);
  } else {
    out = std::to_chars(out, out + kDigitsMax, number).ptr;
  }
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

// Room for a header and what follows it, filled and committed in one step each.
char* WriteBulk(ReplyBuffer* buffer, char type, size_t bytes) {
  char* const begin = buffer->Reserve(kNumberLineBytesMax + bytes + 2);
  char* const body = WriteNumberLine(begin, type, bytes);
  body[bytes] = '\r';
  body[bytes + 1] = '\n';
  buffer->Commit(static_cast<size_t>(body - begin) + bytes + 2);
  return body;
}

void CopyAsOneLine(char* out, std::string_view text) {
  std::transform(text.begin(), text.end(), out, [](char c) { return c == '\r' || c == '\n' ? ' ' : c; });
}

}  // namespace

void ReplyWriter::set_protocol(int protocol) {
  CHECK(protocol == 2 || protocol == 3);
  protocol_ = protocol;
}

void ReplyWriter::Line(char type, std::string_view text) {
  char* out = buffer_->Reserve(text.size() + 3);
  *out++ = type;
  CopyAsOneLine(out, text);
  out += text.size();
  *out++ = '\r';
  *out = '\n';
  buffer_->Commit(text.size() + 3);
}

void ReplyWriter::SimpleString(std::string_view text) { Line('+', text); }

void ReplyWriter::Error(std::string_view message) {
  const size_t last = message.find_last_not_of("\r\n");
  Line('-', message.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

void ReplyWriter::Integer(int64_t value) {
  char* const begin = buffer_->Reserve(kNumberLineBytesMax);
  buffer_->Commit(static_cast<size_t>(WriteNumberLine(begin, ':', value) - begin));
}

void ReplyWriter::Header(char type, size_t count) {
  char* const begin = buffer_->Reserve(kNumberLineBytesMax);
  buffer_->Commit(static_cast<size_t>(WriteNumberLine(begin, type, count) - begin));
}

void ReplyWriter::Bulk(std::string_view bytes) {
  char* const body = WriteBulk(buffer_, '$', bytes.size());
  if (!bytes.empty()) std::memcpy(body, bytes.data(), bytes.size());
}

void ReplyWriter::BulkInteger(int64_t value) {
  char digits[kDigitsMax];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  Bulk({digits, static_cast<size_t>(end - digits)});
}

char* ReplyWriter::BulkInPlace(size_t bytes) { return WriteBulk(buffer_, '$', bytes); }

void ReplyWriter::BulkHeader(size_t bytes) { Header('$', bytes); }

void ReplyWriter::Null() { Raw(protocol_ == 2 ? "$-1\r\n" : "_\r\n"); }

void ReplyWriter::NullArray() { Raw(protocol_ == 2 ? "*-1\r\n" : "_\r\n"); }

void ReplyWriter::Map(size_t pairs) { protocol_ == 2 ? Header('*', pairs * 2) : Header('%', pairs); }

void ReplyWriter::Set(size_t count) { Header(protocol_ == 2 ? '*' : '~', count); }

void ReplyWriter::Push(size_t count) { Header(protocol_ == 2 ? '*' : '>', count); }

void ReplyWriter::Attribute(size_t pairs) {
  CHECK(protocol_ == 3);
  Header('|', pairs);
}

void ReplyWriter::Double(double value) {
  char buffer[kDoubleBytesMax];
  const std::string_view text = FormatDouble(value, buffer);
  protocol_ == 2 ? Bulk(text) : Line(',', text);
}

void ReplyWriter::HumanDouble(long double value) {
  char buffer[kHumanDoubleBytesMax];
  const std::string_view text = FormatHumanDouble(value, buffer);
  protocol_ == 2 ? Bulk(text) : Line(',', text);
}

void ReplyWriter::BulkHumanDouble(long double value) {
  char buffer[kHumanDoubleBytesMax];
  Bulk(FormatHumanDouble(value, buffer));
}

void ReplyWriter::Bool(bool value) {
  if (protocol_ == 2) {
    Raw(value ? ":1\r\n" : ":0\r\n");
  } else {
    Raw(value ? "#t\r\n" : "#f\r\n");
  }
}

void ReplyWriter::BigNumber(std::string_view digits) { protocol_ == 2 ? Bulk(digits) : Line('(', digits); }

void ReplyWriter::Verbatim(std::string_view format, std::string_view text) {
  if (protocol_ == 2) return Bulk(text);
  CHECK(format.size() == 3);
  char* const body = WriteBulk(buffer_, '=', text.size() + 4);
  std::memcpy(body, format.data(), 3);
  body[3] = ':';
  if (!text.empty()) std::memcpy(body + 4, text.data(), text.size());
}

size_t ReplyWriter::BeginDeferredMap(size_t expected_pairs) {
  return protocol_ == 2 ? BeginDeferred('*', expected_pairs * 2) : BeginDeferred('%', expected_pairs);
}

void ReplyWriter::EndDeferredMap(size_t mark, size_t pairs) {
  protocol_ == 2 ? EndDeferred(mark, '*', pairs * 2) : EndDeferred(mark, '%', pairs);
}

size_t ReplyWriter::BeginDeferredSet(size_t expected) { return BeginDeferred(protocol_ == 2 ? '*' : '~', expected); }

void ReplyWriter::EndDeferredSet(size_t mark, size_t count) { EndDeferred(mark, protocol_ == 2 ? '*' : '~', count); }

// The placeholder is the header that the expected count would have.
size_t ReplyWriter::BeginDeferred(char type, size_t expected) {
  const size_t mark = buffer_->size();
  Header(type, expected);
  return mark;
}

void ReplyWriter::EndDeferred(size_t mark, char type, size_t count) {
  CHECK(mark < buffer_->size() && buffer_->data()[mark] == type);
  char header[kNumberLineBytesMax];
  const size_t header_bytes = static_cast<size_t>(WriteNumberLine(header, type, count) - header);

  const char* placeholder = buffer_->data() + mark;
  const auto* newline = static_cast<const char*>(std::memchr(placeholder, '\n', buffer_->size() - mark));
  CHECK(newline != nullptr);
  const size_t placeholder_bytes = static_cast<size_t>(newline + 1 - placeholder);

  if (header_bytes != placeholder_bytes) {
    const size_t elements_bytes = buffer_->size() - mark - placeholder_bytes;
    if (header_bytes > placeholder_bytes) buffer_->Reserve(header_bytes - placeholder_bytes);
    char* const at = buffer_->data() + mark;
    std::memmove(at + header_bytes, at + placeholder_bytes, elements_bytes);
    buffer_->SetSize(mark + header_bytes + elements_bytes);
  }
  std::memcpy(buffer_->data() + mark, header, header_bytes);
}

}  // namespace chestbox::resp
