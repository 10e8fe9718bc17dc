// Places by name: adding them, and asking where they are.
#include "server/commands/geo.h"

#include <fmt/format.h>

#include <cmath>

#include "server/commands/command_parser.h"
#include "server/commands/sorted_sets.h"

namespace chestbox::geo {

namespace {

using sorted_sets::AddMembers;
using sorted_sets::AddOptions;

}  // namespace

Result<Point> PointArguments(std::string_view longitude, std::string_view latitude) {
  auto x = sorted_sets::ScoreArgument(longitude);
  if (!x) return x.error();
  auto y = sorted_sets::ScoreArgument(latitude);
  if (!y) return y.error();
  const Point point{*x, *y};
  if (!IsValid(point)) return Error{fmt::format("ERR invalid longitude,latitude pair {:f},{:f}", *x, *y)};
  return point;
}

Result<double> UnitArgument(std::string_view unit) {
  if (EqualIgnoringCase(unit, "m")) return 1.0;
  if (EqualIgnoringCase(unit, "km")) return 1000.0;
  if (EqualIgnoringCase(unit, "ft")) return 0.3048;
  if (EqualIgnoringCase(unit, "mi")) return 1609.34;
  return Error{"ERR unsupported unit provided. please use M, KM, FT, MI"};
}

void ReplyDistance(double distance, ReplyWriter& reply) {
  constexpr double kScale = 10000;
  const auto scaled = static_cast<uint64_t>(std::llrint(distance * kScale));
  reply.Bulk(fmt::format("{}.{:04}", scaled / 10000, scaled % 10000));
}

void ReplyPoint(const Point& point, ReplyWriter& reply) {
  reply.Array(2);
  reply.HumanDouble(point.longitude);
  reply.HumanDouble(point.latitude);
}

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member …] -> how many are new (CH: or moved)
Result<void> GeoAdd(CommandContext& ctx, Args args, ReplyWriter& reply) {
  AddOptions options;
  bool count_changes = false;
  size_t at = 2;
  for (; at < args.size(); ++at) {
    if (EqualIgnoringCase(args[at], "nx")) {
      options.only_new = true;
    } else if (EqualIgnoringCase(args[at], "xx")) {
      options.only_existing = true;
    } else if (EqualIgnoringCase(args[at], "ch")) {
      count_changes = true;
    } else {
      break;
    }
  }
  const size_t rest = args.size() - at;
  if (rest % 3 != 0 || (options.only_new && options.only_existing)) return SyntaxError();
  std::vector<ScoredMember> members;
  members.reserve(rest / 3);
  for (; at < args.size(); at += 3) {
    auto point = PointArguments(args[at], args[at + 1]);
    if (!point) return point.error();
    members.push_back({args[at + 2], static_cast<double>(ScoreOf(*point))});
  }
  if (members.empty()) return SyntaxError();
  auto outcome = AddMembers(ctx, args[1], members, options);
  if (!outcome) return outcome.error();
  reply.Integer(outcome->added + (count_changes ? outcome->updated : 0));
  return {};
}

// GEODIST key member1 member2 [M | KM | FT | MI] -> the distance between them, or null
Result<void> GeoDist(CommandContext& ctx, Args args, ReplyWriter& reply) {
  double metres_per_unit = 1;
  if (args.size() == 5) {
    auto unit = UnitArgument(args[4]);
    if (!unit) return unit.error();
    metres_per_unit = *unit;
  } else if (args.size() > 5) {
    return SyntaxError();
  }
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  const std::optional<double> first = set->has_value() ? (*set)->Score(args[2]) : std::nullopt;
  const std::optional<double> second = first ? (*set)->Score(args[3]) : std::nullopt;
  if (second) {
    ReplyDistance(Distance(PointOf(*first), PointOf(*second)) / metres_per_unit, reply);
  } else {
    reply.Null();
  }
  return {};
}

// GEOHASH key [member …] -> their geohashes as texts, null for who is not there
Result<void> GeoHash(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Array(args.size() - 2);
  for (std::string_view member : args.subspan(2)) {
    const std::optional<double> score = set->has_value() ? (*set)->Score(member) : std::nullopt;
    if (!score) {
      reply.Null();
      continue;
    }
    char text[11];
    GeohashText(PointOf(*score), text);
    reply.Bulk({text, sizeof text});
  }
  return {};
}

// GEOPOS key [member …] -> [longitude, latitude] of each, null for who is not there
Result<void> GeoPos(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Array(args.size() - 2);
  for (std::string_view member : args.subspan(2)) {
    const std::optional<double> score = set->has_value() ? (*set)->Score(member) : std::nullopt;
    if (score) {
      ReplyPoint(PointOf(*score), reply);
    } else {
      reply.NullArray();
    }
  }
  return {};
}

}  // namespace chestbox::geo
