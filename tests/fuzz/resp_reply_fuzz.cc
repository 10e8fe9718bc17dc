// Any bytes at all as a server's replies: no read outside the bytes, the same meaning however they are cut, within the
// limits; and a reply that was understood is the same after ReplyWriter wrote it and ReplyParser read it again.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/number_format.h"
#include "protocol/resp/reply_parser.h"
#include "protocol/resp/reply_writer.h"
#include "tests/unit/resp/request_session.h"

namespace {

using chestbox::resp::Reply;
using chestbox::resp::ReplyBuffer;
using chestbox::resp::ReplyLimits;
using chestbox::resp::ReplyParser;
using chestbox::resp::ReplyWriter;
using chestbox::resp::testing::Require;

struct Received {
  std::vector<Reply> replies;
  std::vector<std::string> words;  // each reply as text, and the error that ended it
};

// False once the parser failed. Each call gets a block of exactly the bytes, for the sanitizer to guard.
bool Receive(ReplyParser& parser, std::string* unread, Received* received) {
  while (true) {
    auto block = std::make_unique<char[]>(unread->size());
    if (!unread->empty()) std::memcpy(block.get(), unread->data(), unread->size());
    const ReplyParser::Status status = parser.Parse({block.get(), unread->size()});
    if (status == ReplyParser::Status::kError) {
      received->words.push_back(parser.error());
      return false;
    }
    Require(parser.consumed() <= unread->size(), "consumed() lies within the bytes");
    unread->erase(0, parser.consumed());
    if (status == ReplyParser::Status::kNeedMore) return true;
    received->replies.push_back(parser.TakeReply());
    received->words.push_back(chestbox::resp::DebugString(received->replies.back()));
  }
}

Received ReceiveAll(std::string_view input, const std::vector<size_t>& cuts, const ReplyLimits& limits) {
  ReplyParser parser(limits);
  Received received;
  std::string unread;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : input.size();
    unread.append(input.substr(begin, end - begin));
    begin = end;
    if (!Receive(parser, &unread, &received)) break;
  }
  return received;
}

Received CompareSplits(std::string_view input, const ReplyLimits& limits) {
  Received whole = ReceiveAll(input, {}, limits);
  std::vector<size_t> cuts(input.size());
  for (size_t i = 0; i < cuts.size(); ++i) cuts[i] = i + 1;
  Require(ReceiveAll(input, cuts, limits).words == whole.words, "byte by byte is as in one piece");
  std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>()(input)));
  for (int round = 0; round < 3; ++round) {
    cuts.resize(1 + random() % 6);
    for (size_t& cut : cuts) cut = random() % (input.size() + 1);
    std::sort(cuts.begin(), cuts.end());
    Require(ReceiveAll(input, cuts, limits).words == whole.words, "in pieces is as in one piece");
  }
  return whole;
}

// What the writer makes of a value by design: errors lose their line ends, doubles get 17 digits.
void Canonicalise(Reply* reply) {
  if (reply->type == Reply::Type::kError) {
    reply->text.erase(reply->text.find_last_not_of("\r\n") + 1);
    for (char& c : reply->text) c = c == '\r' || c == '\n' ? ' ' : c;
  } else if (reply->type == Reply::Type::kDouble) {
    char buffer[chestbox::resp::kDoubleBytesMax];
    reply->text = chestbox::resp::FormatDouble(reply->number, buffer);
  }
  for (Reply& element : reply->elements) Canonicalise(&element);
  for (Reply& attribute : reply->attributes) Canonicalise(&attribute);
}

void Write(const Reply& reply, ReplyWriter& writer);

void WriteAll(const std::vector<Reply>& replies, ReplyWriter& writer) {
  for (const Reply& reply : replies) Write(reply, writer);
}

void Write(const Reply& reply, ReplyWriter& writer) {
  if (!reply.attributes.empty() && writer.protocol() == 3) {
    writer.Attribute(reply.attributes.size() / 2);
    WriteAll(reply.attributes, writer);
  }
  const size_t count = reply.elements.size();
  const size_t guess = count % 3 == 0 ? count : 10;  // deferred headers that fit, and such that do not
  switch (reply.type) {
    case Reply::Type::kNull:
      return writer.Null();
    case Reply::Type::kSimpleString:
      return writer.SimpleString(reply.text);
    case Reply::Type::kError:
      return writer.Error(reply.text);
    case Reply::Type::kInteger:
      return writer.Integer(reply.integer);
    case Reply::Type::kBulk:
      return writer.Bulk(reply.text);
    case Reply::Type::kDouble:
      return writer.Double(reply.number);
    case Reply::Type::kBool:
      return writer.Bool(reply.integer != 0);
    case Reply::Type::kBigNumber:
      return writer.BigNumber(reply.text);
    case Reply::Type::kVerbatim:
      return writer.Verbatim(reply.format, reply.text);
    case Reply::Type::kPush:
      writer.Push(count);
      return WriteAll(reply.elements, writer);
    case Reply::Type::kArray: {
      const size_t mark = writer.BeginDeferredArray(guess);
      WriteAll(reply.elements, writer);
      return writer.EndDeferredArray(mark, count);
    }
    case Reply::Type::kSet: {
      const size_t mark = writer.BeginDeferredSet(guess);
      WriteAll(reply.elements, writer);
      return writer.EndDeferredSet(mark, count);
    }
    case Reply::Type::kMap: {
      const size_t mark = writer.BeginDeferredMap(guess);
      WriteAll(reply.elements, writer);
      return writer.EndDeferredMap(mark, count / 2);
    }
  }
}

void WriteAndReadBack(Reply reply) {
  Canonicalise(&reply);
  for (int protocol : {2, 3}) {
    ReplyBuffer buffer;
    ReplyWriter writer(buffer, protocol);
    Write(reply, writer);
    ReplyParser parser;
    Require(parser.Parse(buffer.view()) == ReplyParser::Status::kReply, "what we write is well-formed");
    Require(parser.consumed() == buffer.size(), "what we write is one reply");
    const std::string words = DebugString(parser.TakeReply());
    if (protocol == 3) Require(words == DebugString(reply), "a reply reads back as it was");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const ReplyLimits tight{
      .depth_max = 3, .elements_max = 8, .bulk_bytes_max = 16, .reply_bytes_max = 40, .line_bytes_max = 24};
  CompareSplits(input, tight);
  for (Reply& reply : CompareSplits(input, {}).replies) WriteAndReadBack(std::move(reply));
  return 0;
}
