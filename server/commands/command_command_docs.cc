// What COMMAND DOCS says about a row.
#include <utility>

#include "server/commands/command_command.h"

namespace chestbox::command_command {

namespace {

std::string_view TypeName(ArgumentSpec::Type type) {
  switch (type) {
    case ArgumentSpec::Type::kKey:
      return "key";
    case ArgumentSpec::Type::kString:
      return "string";
    case ArgumentSpec::Type::kInteger:
      return "integer";
    case ArgumentSpec::Type::kDouble:
      return "double";
    case ArgumentSpec::Type::kPattern:
      return "pattern";
    case ArgumentSpec::Type::kUnixTime:
      return "unix-time";
    case ArgumentSpec::Type::kPureToken:
      return "pure-token";
    case ArgumentSpec::Type::kOneOf:
      return "oneof";
    case ArgumentSpec::Type::kBlock:
      return "block";
  }
  return "string";
}

// A map of texts, without the empty ones.
class Entries {
 public:
  explicit Entries(ReplyWriter& reply) : reply_(reply), mark_(reply.BeginDeferredMap()) {}
  void Text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    Name(name);
    reply_.Bulk(value);
  }
  // The caller writes the value.
  void Name(std::string_view name) {
    ++count_;
    reply_.Bulk(name);
  }
  void End() { reply_.EndDeferredMap(mark_, count_); }

 private:
  ReplyWriter& reply_;
  const size_t mark_;
  size_t count_ = 0;
};

void ReplyFlags(uint8_t flags, ReplyWriter& reply) {
  constexpr std::pair<uint8_t, std::string_view> kNames[] = {{ArgumentSpec::kOptional, "optional"},
                                                             {ArgumentSpec::kMultiple, "multiple"},
                                                             {ArgumentSpec::kMultipleToken, "multiple_token"}};
  const size_t mark = reply.BeginDeferredSet();
  size_t count = 0;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) == 0) continue;
    reply.SimpleString(name);
    ++count;
  }
  reply.EndDeferredSet(mark, count);
}

void ReplyArguments(std::span<const ArgumentSpec> arguments, ReplyWriter& reply) {
  reply.Array(arguments.size());
  for (const ArgumentSpec& argument : arguments) {
    Entries entries(reply);
    entries.Text("name", argument.name);
    entries.Text("type", TypeName(argument.type));
    if (argument.key_spec >= 0) {
      entries.Name("key_spec_index");
      reply.Integer(argument.key_spec);
    }
    entries.Text("token", argument.token);
    entries.Text("since", argument.since);
    entries.Text("deprecated_since", argument.deprecated_since);
    if (argument.flags != 0) {
      entries.Name("flags");
      ReplyFlags(argument.flags, reply);
    }
    if (argument.type == ArgumentSpec::Type::kOneOf || argument.type == ArgumentSpec::Type::kBlock) {
      entries.Name("arguments");
      ReplyArguments(argument.arguments, reply);
    }
    entries.End();
  }
}

}  // namespace

void ReplyDocs(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply) {
  Entries entries(reply);
  entries.Text("summary", spec.summary);
  entries.Text("since", spec.since);
  entries.Text("group", spec.group);
  entries.Text("complexity", spec.complexity);
  const bool deprecated = !spec.deprecated_since.empty();
  if (deprecated || spec.is_system) {
    entries.Name("doc_flags");
    reply.Set((deprecated ? 1U : 0U) + (spec.is_system ? 1U : 0U));
    if (deprecated) reply.SimpleString("deprecated");
    if (spec.is_system) reply.SimpleString("syscmd");
  }
  entries.Text("deprecated_since", spec.deprecated_since);
  entries.Text("replaced_by", spec.replaced_by);
  if (!spec.arguments.empty()) {
    entries.Name("arguments");
    ReplyArguments(spec.arguments, reply);
  }
  if (!spec.subcommands.empty()) {
    entries.Name("subcommands");
    reply.Map(spec.subcommands.size());
    for (const CommandSpec& sub : spec.subcommands) {
      reply.Bulk(table.FullName(sub));
      ReplyDocs(table, sub, reply);
    }
  }
  entries.End();
}

}  // namespace chestbox::command_command
