#include "protocol/resp/reply.h"

#include <cstddef>

namespace chestbox::resp {
namespace {

void AppendQuoted(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (c >= ' ' && c <= '~') {
      *out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out->append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  *out += '"';
}

std::string_view Name(Reply::Type type) {
  switch (type) {
    case Reply::Type::kNull:
      return "null";
    case Reply::Type::kSimpleString:
      return "simple";
    case Reply::Type::kError:
      return "error";
    case Reply::Type::kInteger:
      return "integer ";
    case Reply::Type::kBulk:
      return "bulk";
    case Reply::Type::kDouble:
      return "double";
    case Reply::Type::kBool:
      return "bool ";
    case Reply::Type::kBigNumber:
      return "bignumber";
    case Reply::Type::kVerbatim:
      return "verbatim";
    case Reply::Type::kArray:
      return "array";
    case Reply::Type::kMap:
      return "map";
    case Reply::Type::kSet:
      return "set";
    case Reply::Type::kPush:
      return "push";
  }
  return "?";
}

void AppendReply(const Reply& reply, std::string* out);

void AppendAll(const std::vector<Reply>& replies, char open, char close, std::string* out) {
  *out += open;
  for (size_t i = 0; i < replies.size(); ++i) {
    if (i > 0) *out += ", ";
    AppendReply(replies[i], out);
  }
  *out += close;
}

void AppendReply(const Reply& reply, std::string* out) {
  if (!reply.attributes.empty()) AppendAll(reply.attributes, '{', '}', out);
  *out += Name(reply.type);
  switch (reply.type) {
    case Reply::Type::kNull:
      break;
    case Reply::Type::kInteger:
    case Reply::Type::kBool:
      *out += std::to_string(reply.integer);
      break;
    case Reply::Type::kArray:
    case Reply::Type::kMap:
    case Reply::Type::kSet:
    case Reply::Type::kPush:
      AppendAll(reply.elements, '[', ']', out);
      break;
    case Reply::Type::kVerbatim:
      *out += '(' + reply.format + ')';
      [[fallthrough]];
    default:
      AppendQuoted(reply.text, out);
  }
}

}  // namespace

std::string DebugString(const Reply& reply) {
  std::string out;
  AppendReply(reply, &out);
  return out;
}

}  // namespace chestbox::resp
