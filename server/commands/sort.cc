// SORT and SORT_RO: the elements of a list, set or sorted set in order, perhaps by other keys, perhaps with other keys'
// values in their place, perhaps stored as a list.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "server/acl/acl.h"
#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/hash_type.h"
#include "server/types/list_type.h"
#include "server/types/set_type.h"
#include "server/types/sorted_set_type.h"

namespace chestbox {

namespace {

struct SortOptions {
  bool descending = false;
  bool alphabetic = false;
  bool sorts = true;  // false: BY a pattern without '*'
  std::optional<std::string_view> by;
  std::vector<std::string_view> gets;
  int64_t offset = 0;
  int64_t count = -1;
  std::optional<std::string_view> target;
};

Result<SortOptions> ParseSort(Args args, bool may_store) {
  SortOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t left = args.size() - i - 1;
    const auto is = [&](std::string_view word) { return EqualIgnoringCase(args[i], word); };
    if (is("asc")) {
      options.descending = false;
    } else if (is("desc")) {
      options.descending = true;
    } else if (is("alpha")) {
      options.alphabetic = true;
    } else if (is("limit") && left >= 2) {
      auto offset = IntegerArgument(args[i + 1]);
      if (!offset) return offset.error();
      auto count = IntegerArgument(args[i + 2]);
      if (!count) return count.error();
      options.offset = *offset;
      options.count = *count;
      i += 2;
    } else if (may_store && is("store") && left >= 1) {
      options.target = args[++i];
    } else if (is("by") && left >= 1) {
      options.by = args[++i];
      options.sorts = options.by->find('*') != std::string_view::npos;
    } else if (is("get") && left >= 1) {
      options.gets.push_back(args[++i]);
    } else {
      return SyntaxError();
    }
  }
  return options;
}

// A pattern such as "weight_*" or "object_*->field": which key, and which field of it, it names for an element.
struct NamedKey {
  std::string key;
  std::string_view field;  // empty: the key's string itself
};

std::optional<NamedKey> NameFor(std::string_view pattern, std::string_view element) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  const size_t arrow = pattern.find("->", star + 1);
  const bool has_field = arrow != std::string_view::npos && arrow + 2 < pattern.size();
  const std::string_view behind = pattern.substr(star + 1, has_field ? arrow - star - 1 : std::string_view::npos);
  NamedKey named;
  named.key.append(pattern.substr(0, star)).append(element).append(behind);
  if (has_field) named.field = pattern.substr(arrow + 2);
  return named;
}

// What the pattern names for this element, "#" the element itself; nothing if it is not there or of another type.
std::optional<std::string> ValueFor(CommandContext& ctx, std::string_view pattern, const std::string& element) {
  if (pattern == "#") return element;
  const std::optional<NamedKey> named = NameFor(pattern, element);
  if (!named) return std::nullopt;
  // The dispatcher has seen to it that what is not in memory is not there.
  if (const Swapper* swapper = ctx.server.swapper(); swapper != nullptr && !swapper->InMemory(ctx.db, named->key)) {
    return std::nullopt;
  }
  if (named->field.empty()) {
    const auto state = OnlyString(ReadState(ctx, named->key));
    if (!state || !*state) return std::nullopt;
    return std::string((*state)->value);
  }
  const auto hash = HashType::Find(ctx, named->key, Look::kRead, HashType::Scope::kFields);
  shm::PackedRow row;
  if (!hash || !*hash || !(*hash)->Get(named->field, &row)) return std::nullopt;
  shm::ElementDigits digits;
  return std::string((*hash)->Text(row.value, &digits));
}

using Elements = std::vector<std::string>;

struct Range {
  uint64_t first = 0;
  uint64_t count = 0;
};

Range Limited(const SortOptions& options, uint64_t elements) {
  const auto size = static_cast<int64_t>(elements);
  const int64_t first = std::clamp<int64_t>(options.offset, 0, size);
  const int64_t count = options.count < 0 ? size - first : std::min(options.count, size - first);
  return {static_cast<uint64_t>(first), static_cast<uint64_t>(count)};
}

// The elements that are to be sorted; or, where nothing is, those that are asked for, in their order.
Result<Elements> ElementsOf(CommandContext& ctx, std::string_view key, const SortOptions& options, ValueType* type,
                            Look look) {
  Elements elements;
  auto state = ctx.keys.FindState(ctx.db, key, ctx.client.no_touch ? Look::kPeek : look);
  if (!state) return elements;
  *type = state->type();
  const auto wanted = [&](uint64_t size) { return options.sorts ? Range{0, size} : Limited(options, size); };
  if (*type == ValueType::kList) {
    const auto list = ListType::Find(ctx, key, Look::kPeek);
    const Range range = wanted((*list)->size());
    char digits[shm::kIntegerTextBytesMax];
    (*list)->ForEach(range.first, range.count, false, [&](const PackedElement& element) {
      elements.emplace_back((*list)->Text(element, digits));
      return true;
    });
  } else if (*type == ValueType::kSet) {
    const auto set = SetType::Find(ctx, key, Look::kPeek);
    (*set)->ForEach([&](std::string_view member) { elements.emplace_back(member); });
  } else if (*type == ValueType::kSortedSet) {
    const auto set = SortedSet::Find(ctx, key, Look::kPeek);
    const uint64_t size = (*set)->size();
    const Range range = wanted(size);
    const bool backwards = !options.sorts && options.descending;
    if (range.count == 0) return elements;
    const uint64_t rank = backwards ? size - 1 - range.first : range.first;
    (*set)->ForEach(rank, range.count, backwards, [&](const ScoredMember& member) {
      elements.emplace_back(member.member);
      return true;
    });
  } else {
    return WrongType();
  }
  return elements;
}

struct SortItem {
  std::string element;
  double number = 0;
  std::optional<std::string> text;  // BY, alphabetic
};

Result<double> NumberOf(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(number)) {  // what is behind a NUL doesn't count, as in Redis
    return Error{"ERR One or more scores can't be converted into double"};
  }
  return number;
}

int CompareTexts(const std::string& a, const std::string& b, bool bytewise) {
  return bytewise ? a.compare(b) : std::strcoll(a.c_str(), b.c_str());
}

int CompareItems(const SortItem& a, const SortItem& b, const SortOptions& options) {
  // What is stored is in the order of bytes, what is shown in that of the locale.
  const bool bytewise = options.target.has_value();
  if (!options.alphabetic) {
    if (a.number != b.number) return a.number < b.number ? -1 : 1;
    return a.element.compare(b.element);
  }
  if (!options.by) return CompareTexts(a.element, b.element, bytewise);
  if (!a.text || !b.text) return static_cast<int>(a.text.has_value()) - static_cast<int>(b.text.has_value());
  return CompareTexts(*a.text, *b.text, bytewise);
}

Result<void> Order(CommandContext& ctx, const SortOptions& options, Elements* elements) {
  std::vector<SortItem> items;
  items.reserve(elements->size());
  for (std::string& element : *elements) {
    SortItem item;
    std::optional<std::string> by;
    if (options.by) by = ValueFor(ctx, *options.by, element);
    if (options.alphabetic) {
      item.text = std::move(by);
    } else if (!options.by || by) {
      auto number = NumberOf(options.by ? *by : element);
      if (!number) return number.error();
      item.number = *number;
    }
    item.element = std::move(element);
    items.push_back(std::move(item));
  }
  std::stable_sort(items.begin(), items.end(), [&](const SortItem& a, const SortItem& b) {
    const int order = CompareItems(a, b, options);
    return options.descending ? order > 0 : order < 0;
  });
  for (size_t i = 0; i < items.size(); ++i) (*elements)[i] = std::move(items[i].element);
  return {};
}

// Puts the results at the target, in the place of whatever is there; none remove it.
Result<void> StoreSorted(CommandContext& ctx, std::string_view target, const Elements& results) {
  const bool existed = ctx.keys.Exists(ctx.db, target);
  if (results.empty()) {
    if (!existed) return {};
    ctx.keys.Erase(ctx.db, target);
    ctx.Effect({"DEL", target});
    return {};
  }
  const std::vector<std::string_view> views(results.begin(), results.end());
  if (auto stored = ListType::Store(ctx, target, views); !stored) return stored;
  if (existed) ctx.Effect({"DEL", target});
  constexpr size_t kEffectElementsMax = 1024;  // so that no effect is as large as a list
  for (size_t i = 0; i < views.size(); i += kEffectElementsMax) {
    std::vector<std::string_view> effect = {"RPUSH", target};
    const auto part = std::span(views).subspan(i, std::min(kEffectElementsMax, views.size() - i));
    effect.insert(effect.end(), part.begin(), part.end());
    ctx.Effect(effect);
  }
  return {};
}

Result<Elements> Sorted(CommandContext& ctx, std::string_view key, SortOptions& options) {
  ValueType type = ValueType::kList;
  auto elements = ElementsOf(ctx, key, options, &type, Look::kRead);
  if (!elements) return elements;
  if (type == ValueType::kSet && !options.sorts && (options.target || ctx.client.is_script)) {
    // A set has no order of its own that would be worth keeping, and scripts get the same one every time.
    options.sorts = true;
    options.alphabetic = true;
    options.by.reset();
  }
  if (options.sorts) {
    if (auto ordered = Order(ctx, options, &*elements); !ordered) return ordered.error();
  } else if (type != ValueType::kSet) {
    return elements;  // the range that was asked for
  }
  const Range range = Limited(options, elements->size());
  const auto first = elements->begin() + static_cast<std::ptrdiff_t>(range.first);
  return Elements(std::make_move_iterator(first),
                  std::make_move_iterator(first + static_cast<std::ptrdiff_t>(range.count)));
}

// BY and GET read keys that the elements name, so no list of keys could be checked.
Result<void> CheckPatterns(const CommandContext& ctx, const SortOptions& options) {
  const bool by_keys = options.by && options.sorts;
  if ((!by_keys && options.gets.empty()) || Acl::MayReadEveryKey(ctx.client, *ctx.spec, ctx.args)) return {};
  return Error{
      fmt::format("ERR {} option of SORT denied due to insufficient ACL permissions.", by_keys ? "BY" : "GET")};
}

Result<void> SortInto(CommandContext& ctx, Args args, bool may_store, ReplyWriter& reply) {
  auto options = ParseSort(args, may_store);
  if (!options) return options.error();
  if (auto allowed = CheckPatterns(ctx, *options); !allowed) return allowed;
  auto elements = Sorted(ctx, args[1], *options);
  if (!elements) return elements.error();
  if (options->gets.empty()) options->gets.push_back("#");
  const size_t mark = reply.size();
  Elements results;
  if (!options->target) reply.Array(elements->size() * options->gets.size());
  for (const std::string& element : *elements) {
    for (std::string_view pattern : options->gets) {
      std::optional<std::string> value = ValueFor(ctx, pattern, element);
      if (options->target) {
        results.push_back(std::move(value).value_or(""));
      } else if (value) {
        reply.Bulk(*value);
      } else {
        reply.Null();
      }
    }
  }
  if (!options->target) return {};
  reply.Truncate(mark);
  if (auto stored = StoreSorted(ctx, *options->target, results); !stored) return stored;
  reply.Integer(static_cast<int64_t>(results.size()));
  return {};
}

// The keys that BY and GET name for the elements, which must be in memory, too.
void VisitNamedKeys(CommandContext& ctx, Args args, const std::function<void(std::string_view key)>& visit) {
  const auto options = ParseSort(args, true);
  if (!options) return;
  std::vector<std::string_view> patterns = options->gets;
  if (options->by && options->sorts) patterns.push_back(*options->by);
  std::erase_if(patterns, [](std::string_view pattern) { return pattern.find('*') == std::string_view::npos; });
  if (options->target) visit(*options->target);
  if (patterns.empty()) return;
  ValueType type = ValueType::kList;
  const auto elements = ElementsOf(ctx, args[1], *options, &type, Look::kPeek);
  if (!elements) return;
  for (const std::string& element : *elements) {
    for (std::string_view pattern : patterns) visit(NameFor(pattern, element)->key);
  }
}

// SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE target] -> the elements, or how
// many were stored
Result<void> Sort(CommandContext& ctx, Args args, ReplyWriter& reply) { return SortInto(ctx, args, true, reply); }

// SORT_RO: the same without STORE
Result<void> SortReadOnly(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SortInto(ctx, args, false, reply);
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kLimitArguments[] = {{.name = "offset", .type = Type::kInteger},
                                            {.name = "count", .type = Type::kInteger}};
constexpr ArgumentSpec kOrderArguments[] = {{.name = "asc", .type = Type::kPureToken, .token = "ASC"},
                                            {.name = "desc", .type = Type::kPureToken, .token = "DESC"}};
constexpr ArgumentSpec kArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "pattern", .type = Type::kPattern, .token = "BY", .flags = ArgumentSpec::kOptional, .key_spec = 1},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kLimitArguments},
    {.name = "pattern",
     .type = Type::kPattern,
     .token = "GET",
     .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple | ArgumentSpec::kMultipleToken,
     .key_spec = 1},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kOrderArguments},
    {.name = "sorting", .type = Type::kPureToken, .token = "ALPHA", .flags = ArgumentSpec::kOptional},
    {.name = "destination", .type = Type::kKey, .token = "STORE", .flags = ArgumentSpec::kOptional, .key_spec = 2},
};
constexpr std::string_view kComplexity =
    "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned "
    "elements. When the elements are not sorted, complexity is O(N).";

constexpr CommandSpec kCommands[] = {
    {.name = "sort",
     .run = Sort,
     .arity = -2,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatSet | kCatSortedSet | kCatList | kCatDangerous,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}, KeyBehind("STORE", 2, kKeyOW | kKeyUpdate)},
     .named_keys = VisitNamedKeys,
     .group = "generic",
     .since = "1.0.0",
     .complexity = kComplexity,
     .summary = "Sorts the elements of a list, a set or a sorted set, and perhaps stores them.",
     .arguments = kArguments},
    {.name = "sort_ro",
     .run = SortReadOnly,
     .arity = -2,
     .flags = kReadOnly | kMovableKeys,
     .categories = kCatSet | kCatSortedSet | kCatList | kCatDangerous,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .named_keys = VisitNamedKeys,
     .group = "generic",
     .since = "7.0.0",
     .complexity = kComplexity,
     .summary = "Sorts the elements of a list, a set or a sorted set.",
     .arguments = std::span(kArguments).first(std::size(kArguments) - 1)},
};

}  // namespace

std::span<const CommandSpec> SortCommands() { return kCommands; }

}  // namespace chestbox
