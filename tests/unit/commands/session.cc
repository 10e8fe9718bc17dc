#include "session.h"

#include "protocol/resp/reply_parser.h"

namespace chestbox::testing {

namespace {

std::string TextOf(const resp::Reply& reply) {
  using Type = resp::Reply::Type;
  switch (reply.type) {
    case Type::kNull:
      return "nil";
    case Type::kSimpleString:
      return "+" + reply.text;
    case Type::kError:
      return "-" + reply.text;
    case Type::kInteger:
      return ":" + std::to_string(reply.integer);
    case Type::kArray: {
      std::string text = "[";
      for (const resp::Reply& element : reply.elements) text += (text.size() > 1 ? ", " : "") + TextOf(element);
      return text + "]";
    }
    default:
      return reply.text;
  }
}

}  // namespace

std::string Session::Text(std::string_view bytes) {
  resp::ReplyParser parser;
  REQUIRE(parser.Parse(bytes) == resp::ReplyParser::Status::kReply);
  REQUIRE(parser.consumed() == bytes.size());
  return TextOf(parser.TakeReply());
}

}  // namespace chestbox::testing
