// Every row of every family is sane, and says what redis-server says of the command of that name.
#include <algorithm>
#include <map>
#include <set>

#include "protocol/resp/reply_parser.h"
#include "server/commands/families.h"
#include "tests/unit/config/redis_server.h"
#include "tests/unit/server/test_server.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

using resp::Reply;

std::unique_ptr<CommandTable> Table() {
  auto table = CommandTable::Create({});
  REQUIRE(table.ok());
  return std::move(*table);
}

std::vector<const CommandSpec*> EveryRow(const CommandTable& table) {
  std::vector<const CommandSpec*> rows;
  for (const CommandSpec* spec : table.All()) {
    rows.push_back(spec);
    for (const CommandSpec& sub : spec->subcommands) rows.push_back(&sub);
  }
  return rows;
}

bool IsLowerName(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
}

void CheckArguments(std::span<const ArgumentSpec> arguments, size_t key_ranges) {
  for (const ArgumentSpec& argument : arguments) {
    using Type = ArgumentSpec::Type;
    CHECK_FALSE(argument.name.empty());
    // Keys whose place Redis does not say (SORT's STORE) count, too.
    CHECK(argument.key_spec <= static_cast<int>(key_ranges));
    // A pattern may name keys, too (SORT BY).
    if (argument.type != Type::kPattern) CHECK((argument.type == Type::kKey) == (argument.key_spec >= 0));
    CHECK((argument.type == Type::kPureToken) <= !argument.token.empty());
    CHECK((argument.type == Type::kOneOf || argument.type == Type::kBlock) == !argument.arguments.empty());
    CheckArguments(argument.arguments, key_ranges);
  }
}

void CheckKeys(const CommandSpec& spec) {
  const auto arity = static_cast<size_t>(std::abs(spec.arity));
  for (const KeyRange& range : spec.keys) {
    if (range.first == 0) continue;
    if (spec.name == "pfmerge" && &range == &spec.keys[1]) continue;  // its sources may be missing
    CHECK(range.step >= 1);
    CHECK(range.flags != 0);
    if (range.flags == kKeyNotKey) continue;  // a shard channel: nothing is accessed, and it may be missing
    // Where the arguments say so: behind a keyword that may be missing, or behind a count that may not.
    const bool fixed = range.place == KeyRange::Place::kFixed;
    if (range.place == KeyRange::Place::kKeyword) CHECK_FALSE(range.keyword.empty());
    if (range.place != KeyRange::Place::kKeyword) CHECK(static_cast<size_t>(range.first) < arity);
    if (fixed && range.last >= 0) {
      CHECK(range.last >= range.first);
      CHECK(static_cast<size_t>(range.last) < arity);
    }
    const uint32_t access = range.flags & (kKeyRO | kKeyRW | kKeyOW | kKeyRM);
    CHECK(std::has_single_bit(access));
    // PFCOUNT keeps what it counted in the value.
    if ((spec.flags & kReadOnly) != 0 && spec.name != "pfcount") CHECK(access == kKeyRO);
  }
}

TEST_CASE("Every row is complete and consistent") {
  const std::set<std::string_view> kGroups = {
      "string", "bitmap",  "hyperloglog", "list",       "set",          "hash",      "sorted-set", "stream",
      "geo",    "generic", "server",      "connection", "transactions", "scripting", "pubsub",     "cluster"};
  const auto table = Table();
  std::set<std::string> names;
  for (const CommandSpec* spec : EveryRow(*table)) {
    const std::string name = table->FullName(*spec);
    INFO(name);
    CHECK(names.insert(name).second);
    CHECK(table->FindFull(name) == spec);
    CHECK(IsLowerName(spec->name));
    CHECK(spec->arity != 0);
    CHECK((spec->run != nullptr || !spec->subcommands.empty()));
    if (spec->run == nullptr) CHECK(spec->arity == -2);
    CHECK_FALSE(((spec->flags & kWrite) != 0 && (spec->flags & kReadOnly) != 0));
    if ((spec->flags & kDenyOom) != 0) CHECK((spec->flags & kWrite) != 0);
    CHECK(kGroups.contains(spec->group));
    CHECK(spec->summary.size() > 5);
    CHECK_FALSE(spec->since.empty());
    // Redis says none of these two.
    if (spec->name != "sync" && spec->name != "psync") CHECK_FALSE(spec->complexity.empty());
    CHECK(spec->deprecated_since.empty() == spec->replaced_by.empty());
    CheckKeys(*spec);
    CheckArguments(spec->arguments, spec->keys[0].first == 0 ? 0 : spec->keys[1].first == 0 ? 1 : 2);
  }
}

TEST_CASE("Commands are found in any case, subcommands too") {
  const auto table = Table();
  for (const char* name : {"get", "GET", "gEt"}) CHECK(table->Find(name) == table->Find("get"));
  REQUIRE(table->Find("get") != nullptr);
  for (const char* name : {"", "ge", "gett", "get ", "g%t", "GE\x54\x80", "get|x"}) CHECK(table->Find(name) == nullptr);
  CHECK(table->FindFull("client|list") == table->FindFull("CLIENT|LIST"));
  CHECK(table->FindFull("client|nosuch") == nullptr);
  CHECK(table->FindFull("get|list") == nullptr);
  // '@' differs from '`', and '_' from DEL, only in the bit that tells cases apart.
  const std::pair<std::string, std::string> renames[] = {{"get", "a@"}, {"set", "a_"}};
  auto renamed = CommandTable::Create(renames);
  REQUIRE(renamed.ok());
  CHECK((*renamed)->Find("a`") == nullptr);
  CHECK((*renamed)->Find("a\x7f") == nullptr);
  CHECK((*renamed)->Find("A@") == table->Find("get"));
}

TEST_CASE("A name cannot be renamed to another command's, nor one that does not exist") {
  const std::pair<std::string, std::string> taken[] = {{"get", "set"}};
  CHECK(CommandTable::Create(taken).error().message == "Target command name already exists: 'set'");
  const std::pair<std::string, std::string> missing[] = {{"nosuch", "x"}};
  CHECK(CommandTable::Create(missing).error().message == "No such command in rename-command: 'nosuch'");
  const std::pair<std::string, std::string> chain[] = {{"get", "old"}, {"set", "get"}, {"old", ""}};
  auto table = CommandTable::Create(chain);
  REQUIRE(table.ok());
  CHECK((*table)->Find("get") == Table()->Find("set"));
  CHECK((*table)->size() == Table()->size() - 1);
}

// ---- Against redis-server ----

// Where we mean to differ: the reply's part, the command.
const std::set<std::string> kExceptions = {
    "complexity append",        // ours grows strings with room ahead, whatever their size
    "complexity memory|usage",  // nothing is sampled
    "arguments migrate",        // 7.0 shows the token "" as nothing at all
    "keys sort",
    "keys sort_ro",  // Redis calls places unknown that are known to be behind STORE, or in the data
    // WITHSCORE came with 7.2.
    "arity zrank",
    "arity zrevrank",
    "arguments zrank",
    "arguments zrevrank",
};
// Not of Redis, or of 7.2 while the referee is 7.0.
const std::set<std::string> kOurs = {"chestbox", "client|no-touch", "client|setinfo", "cluster|myshardid"};

// Elements that mean a set have no order in Redis.
std::string Canonical(const Reply& reply) {
  if (reply.type != Reply::Type::kSet && reply.type != Reply::Type::kArray) return DebugString(reply);
  std::vector<std::string> elements;
  for (const Reply& element : reply.elements) elements.push_back(Canonical(element));
  if (reply.type == Reply::Type::kSet) std::sort(elements.begin(), elements.end());
  std::string text = "[";
  for (const std::string& element : elements) text += element + " ";
  return text + "]";
}

std::map<std::string, const Reply*> AsMap(const Reply& reply) {
  REQUIRE(reply.type == Reply::Type::kMap);
  std::map<std::string, const Reply*> map;
  for (size_t i = 0; i < reply.elements.size(); i += 2) map[reply.elements[i].text] = &reply.elements[i + 1];
  return map;
}

// Key ranges have free-text notes in Redis.
Reply WithoutNotes(Reply reply) {
  for (Reply& range : reply.elements) {
    for (size_t i = 0; i < range.elements.size(); i += 2) {
      if (range.elements[i].text != "notes") continue;
      range.elements.erase(range.elements.begin() + static_cast<std::ptrdiff_t>(i),
                           range.elements.begin() + static_cast<std::ptrdiff_t>(i) + 2);
      break;
    }
  }
  return reply;
}

void CompareInfo(const Reply& theirs, const Reply& ours) {
  constexpr const char* kParts[] = {"name", "arity",      "flags", "first key", "last key",
                                    "step", "categories", "tips",  "keys"};
  REQUIRE(ours.elements.size() == 10);
  const std::string name = ours.elements[0].text;
  INFO(name);
  REQUIRE(theirs.elements.size() == 10);
  for (size_t i = 0; i < std::size(kParts); ++i) {
    INFO(kParts[i]);
    if (kExceptions.contains(std::string(kParts[i]) + " " + name)) continue;
    CHECK(Canonical(WithoutNotes(ours.elements[i])) == Canonical(WithoutNotes(theirs.elements[i])));
  }
  for (const Reply& sub : ours.elements[9].elements) {
    const std::string sub_name = sub.elements.at(0).text;
    if (kOurs.contains(sub_name)) continue;
    const auto& subs = theirs.elements[9].elements;
    const auto found =
        std::find_if(subs.begin(), subs.end(), [&](const Reply& x) { return x.elements.at(0).text == sub_name; });
    INFO(sub_name);
    REQUIRE(found != subs.end());
    CompareInfo(*found, sub);
  }
}

void CompareDocs(const std::string& name, const Reply& theirs, const Reply& ours) {
  const auto their_map = AsMap(theirs);
  const auto our_map = AsMap(ours);
  INFO(name);
  // Summaries are in our own words, and what changed since which version of Redis is told in its documentation.
  for (const char* part :
       {"since", "group", "complexity", "doc_flags", "deprecated_since", "replaced_by", "arguments"}) {
    if (kExceptions.contains(std::string(part) + " " + name)) continue;
    INFO(part);
    REQUIRE(our_map.contains(part) == their_map.contains(part));
    if (our_map.contains(part)) CHECK(Canonical(*our_map.at(part)) == Canonical(*their_map.at(part)));
  }
  if (!our_map.contains("subcommands")) return;
  const auto their_subs = AsMap(*their_map.at("subcommands"));
  for (const auto& [sub_name, docs] : AsMap(*our_map.at("subcommands"))) {
    if (!kOurs.contains(sub_name)) CompareDocs(sub_name, *their_subs.at(sub_name), *docs);
  }
}

Reply Ask(TestServer& server, std::initializer_list<std::string_view> args) {
  const std::string bytes = server.Run(args);
  resp::ReplyParser parser;
  REQUIRE(parser.Parse(bytes) == resp::ReplyParser::Status::kReply);
  return parser.TakeReply();
}

TEST_CASE("COMMAND INFO and DOCS say of every command what redis-server says") {
  const auto redis = RedisServer::Start({});
  if (redis == nullptr) {
    WARN("no redis-server on this machine");
    return;
  }
  TestServer server;
  Ask(server, {"hello", "3"});
  redis->Run({"hello", "3"});
  const auto table = Table();
  for (const CommandSpec* spec : table->All()) {
    if (kOurs.contains(std::string(spec->name))) continue;
    const Reply their_info = redis->Run({"command", "info", spec->name}).elements.at(0);
    if (their_info.is_null()) {
      INFO(spec->name);
      CHECK(spec->since > "7.0.15");  // of a later Redis than the one that can be asked
      continue;
    }
    CompareInfo(their_info, Ask(server, {"command", "info", spec->name}).elements.at(0));
    const Reply their_docs = redis->Run({"command", "docs", spec->name});
    const Reply our_docs = Ask(server, {"command", "docs", spec->name});
    REQUIRE(their_docs.elements.size() == 2);
    REQUIRE(our_docs.elements.size() == 2);
    CompareDocs(std::string(spec->name), their_docs.elements[1], our_docs.elements[1]);
  }
}

}  // namespace
}  // namespace chestbox::testing
