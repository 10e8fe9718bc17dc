// Searches for places in a circle or a box: GEOSEARCH, and GEORADIUS and its kin before it.
#include <fmt/format.h>

#include <algorithm>

#include "server/commands/command_parser.h"
#include "server/commands/geo.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"
#include "server/geo/search.h"

namespace chestbox::geo {

namespace {

using sorted_sets::OwnedMember;
using sorted_sets::ScoreArgument;

// What a command of the family takes.
struct Form {
  enum class Centre { kPoint, kMember, kOption };
  Centre centre = Centre::kOption;
  bool may_store = false;     // STORE and STOREDIST are options
  bool stores_first = false;  // GEOSEARCHSTORE: args[1] is the destination
};

enum class Order { kNone, kNearest, kFarthest };

struct Search {
  Area area;
  Order order = Order::kNone;
  int64_t count = 0;  // 0: all
  bool any = false;
  bool with_distance = false;
  bool with_hash = false;
  bool with_point = false;
  std::optional<std::string_view> destination;
  bool stores_distance = false;
  bool has_centre = false;
  bool from_member = false;
  bool has_shape = false;
};

struct Found {
  std::string member;
  double score = 0;
  double distance = 0;  // metres
  Point point;
};

using MaybeSet = std::optional<SortedSet>;

// The place of a member as the centre. Without a set there is nothing to find, and arguments are only checked.
Result<void> CentreOn(const MaybeSet& set, std::string_view member, Search* search) {
  if (!set) return {};
  const std::optional<double> score = set->Score(member);
  if (!score) return Error{"ERR could not decode requested zset member"};
  search->area.centre = PointOf(*score);
  return {};
}

Result<void> RadiusArguments(std::string_view radius, std::string_view unit, Area* area) {
  auto given = ScoreArgument(radius, "ERR need numeric radius");
  if (!given) return given.error();
  if (*given < 0) return Error{"ERR radius cannot be negative"};
  auto metres = UnitArgument(unit);
  if (!metres) return metres.error();
  area->shape = Area::Shape::kCircle;
  area->radius = *given;
  area->metres_per_unit = *metres;
  return {};
}

Result<void> BoxArguments(Args three, Area* area) {
  auto width = ScoreArgument(three[0], "ERR need numeric width");
  if (!width) return width.error();
  auto height = ScoreArgument(three[1], "ERR need numeric height");
  if (!height) return height.error();
  if (*height < 0 || *width < 0) return Error{"ERR height or width cannot be negative"};
  auto metres = UnitArgument(three[2]);
  if (!metres) return metres.error();
  area->shape = Area::Shape::kBox;
  area->width = *width;
  area->height = *height;
  area->metres_per_unit = *metres;
  return {};
}

// ---- Options ----

// One option without a value, or COUNT. False: it is none of these.
Result<bool> CommonOption(Args args, size_t* at, Search* search) {
  const std::string_view word = args[*at];
  if (EqualIgnoringCase(word, "withdist")) {
    search->with_distance = true;
  } else if (EqualIgnoringCase(word, "withhash")) {
    search->with_hash = true;
  } else if (EqualIgnoringCase(word, "withcoord")) {
    search->with_point = true;
  } else if (EqualIgnoringCase(word, "any")) {
    search->any = true;
  } else if (EqualIgnoringCase(word, "asc")) {
    search->order = Order::kNearest;
  } else if (EqualIgnoringCase(word, "desc")) {
    search->order = Order::kFarthest;
  } else if (EqualIgnoringCase(word, "count") && *at + 1 < args.size()) {
    auto count = IntegerArgument(args[*at + 1]);
    if (!count) return count.error();
    if (*count <= 0) return Error{"ERR COUNT must be > 0"};
    search->count = *count;
    ++*at;
  } else {
    return false;
  }
  ++*at;
  return true;
}

// STORE and STOREDIST of GEORADIUS.
bool StoreOption(Args args, size_t* at, Search* search) {
  const bool distance = EqualIgnoringCase(args[*at], "storedist");
  if (*at + 1 >= args.size() || !(distance || EqualIgnoringCase(args[*at], "store"))) return false;
  search->destination = args[*at + 1];
  search->stores_distance = distance;
  *at += 2;
  return true;
}

// Centre and shape of GEOSEARCH.
Result<bool> SearchOption(Args args, const Form& form, const MaybeSet& set, size_t* at, Search* search) {
  const std::string_view word = args[*at];
  const size_t values = args.size() - *at - 1;
  const bool circle = search->area.shape == Area::Shape::kCircle;
  Result<void> parsed;
  if (form.stores_first && EqualIgnoringCase(word, "storedist")) {
    search->stores_distance = true;
    *at += 1;
  } else if (values >= 1 && EqualIgnoringCase(word, "frommember") && (!search->has_centre || search->from_member)) {
    parsed = CentreOn(set, args[*at + 1], search);
    search->has_centre = search->from_member = true;
    *at += 2;
  } else if (values >= 2 && EqualIgnoringCase(word, "fromlonlat") && !search->from_member) {
    auto point = PointArguments(args[*at + 1], args[*at + 2]);
    if (!point) return point.error();
    search->area.centre = *point;
    search->has_centre = true;
    *at += 3;
  } else if (values >= 2 && EqualIgnoringCase(word, "byradius") && (!search->has_shape || circle)) {
    parsed = RadiusArguments(args[*at + 1], args[*at + 2], &search->area);
    search->has_shape = true;
    *at += 3;
  } else if (values >= 3 && EqualIgnoringCase(word, "bybox") && (!search->has_shape || !circle)) {
    parsed = BoxArguments(args.subspan(*at + 1, 3), &search->area);
    search->has_shape = true;
    *at += 4;
  } else {
    return false;
  }
  if (!parsed) return parsed.error();
  return true;
}

Result<void> CheckOptions(Args args, const Form& form, const Search& search) {
  if (search.destination && (search.with_distance || search.with_hash || search.with_point)) {
    return Error{fmt::format("ERR {} is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                             form.stores_first ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS")};
  }
  if (form.centre == Form::Centre::kOption && !search.has_centre) {
    return Error{fmt::format("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", args[0])};
  }
  if (form.centre == Form::Centre::kOption && !search.has_shape) {
    return Error{fmt::format("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", args[0])};
  }
  if (search.any && search.count == 0) return Error{"ERR the ANY argument requires COUNT argument"};
  return {};
}

Result<Search> Parse(Args args, const Form& form, const MaybeSet& set) {
  Search search;
  size_t at = form.stores_first ? 3 : 2;
  if (form.stores_first) search.destination = args[1];
  if (form.centre == Form::Centre::kPoint) {
    auto point = PointArguments(args[2], args[3]);
    if (!point) return point.error();
    search.area.centre = *point;
    if (auto radius = RadiusArguments(args[4], args[5], &search.area); !radius) return radius.error();
    at = 6;
  } else if (form.centre == Form::Centre::kMember) {
    // As Redis: without the key, not even the radius is looked at.
    if (set) {
      if (auto centre = CentreOn(set, args[2], &search); !centre) return centre.error();
      if (auto radius = RadiusArguments(args[3], args[4], &search.area); !radius) return radius.error();
    }
    at = 5;
  }
  while (at < args.size()) {
    auto common = CommonOption(args, &at, &search);
    if (!common) return common.error();
    if (*common || (form.may_store && StoreOption(args, &at, &search))) continue;
    if (form.centre != Form::Centre::kOption) return SyntaxError();
    auto own = SearchOption(args, form, set, &at, &search);
    if (!own) return own.error();
    if (!*own) return SyntaxError();
  }
  if (auto checked = CheckOptions(args, form, search); !checked) return checked.error();
  // The first of an unordered result are not the nearest, which is what COUNT asks for.
  if (search.count != 0 && search.order == Order::kNone && !search.any) search.order = Order::kNearest;
  return search;
}

// ---- Searching ----

std::vector<Found> FindPlaces(const SortedSet& set, const Search& search) {
  std::vector<Found> found;
  const size_t limit = search.any ? static_cast<size_t>(search.count) : 0;
  const auto enough = [&] { return limit != 0 && found.size() >= limit; };
  const Cover cover = CoverOf(search.area);
  for (size_t i = 0; i < cover.count && !enough(); ++i) {
    const ScoreSpan& span = cover.spans[i];
    const RankRange range = set.InScores({span.min, span.max, false, true});
    if (range.count() == 0) continue;
    set.ForEach(range.first, range.count(), false, [&](const ScoredMember& each) {
      const Point point = PointOf(each.score);
      if (const auto distance = DistanceWithin(search.area, point)) {
        found.push_back({std::string(each.member), each.score, *distance, point});
      }
      return !enough();
    });
  }
  if (search.order == Order::kNearest) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.distance < b.distance; });
  } else if (search.order == Order::kFarthest) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.distance > b.distance; });
  }
  if (search.count != 0 && found.size() > static_cast<size_t>(search.count)) {
    found.resize(static_cast<size_t>(search.count));
  }
  for (Found& each : found) each.distance /= search.area.metres_per_unit;
  return found;
}

void ReplyFound(const std::vector<Found>& found, const Search& search, ReplyWriter& reply) {
  const size_t extras = (search.with_distance ? 1U : 0U) + (search.with_hash ? 1U : 0U) + (search.with_point ? 1U : 0U);
  reply.Array(found.size());
  for (const Found& each : found) {
    if (extras != 0) reply.Array(extras + 1);
    reply.Bulk(each.member);
    if (search.with_distance) ReplyDistance(each.distance, reply);
    if (search.with_hash) reply.Integer(static_cast<int64_t>(each.score));
    if (search.with_point) ReplyPoint(each.point, reply);
  }
}

Result<void> Answer(CommandContext& ctx, Args args, const Form& form, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[form.stores_first ? 2 : 1], Look::kRead);
  if (!set) return set.error();
  auto search = Parse(args, form, *set);
  if (!search) return search.error();
  const std::vector<Found> found = set->has_value() ? FindPlaces(**set, *search) : std::vector<Found>{};
  if (!search->destination) {
    ReplyFound(found, *search, reply);
    return {};
  }
  std::vector<OwnedMember> members;
  members.reserve(found.size());
  for (const Found& each : found) {
    members.push_back({each.member, search->stores_distance ? each.distance : each.score});
  }
  if (auto stored = sorted_sets::StoreMembers(ctx, *search->destination, members); !stored) return stored;
  reply.Integer(static_cast<int64_t>(found.size()));
  return {};
}

}  // namespace

// GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT n [ANY]] [ASC | DESC]
// [STORE key] [STOREDIST key] -> members around a point, or how many were stored
Result<void> GeoRadius(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kPoint, true, false}, reply);
}

// GEORADIUS_RO: GEORADIUS without STORE and STOREDIST
Result<void> GeoRadiusRo(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kPoint, false, false}, reply);
}

// GEORADIUSBYMEMBER key member radius unit [options of GEORADIUS] -> members around a member
Result<void> GeoRadiusByMember(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kMember, true, false}, reply);
}

// GEORADIUSBYMEMBER_RO: GEORADIUSBYMEMBER without STORE and STOREDIST
Result<void> GeoRadiusByMemberRo(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kMember, false, false}, reply);
}

// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude, BYRADIUS radius unit | BYBOX width height unit,
// [ASC | DESC] [COUNT n [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH] -> members there
Result<void> GeoSearch(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kOption, false, false}, reply);
}

// GEOSEARCHSTORE destination source [options of GEOSEARCH] [STOREDIST] -> how many were stored
Result<void> GeoSearchStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {Form::Centre::kOption, false, true}, reply);
}

}  // namespace chestbox::geo
