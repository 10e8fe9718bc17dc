// The handlers of the geo family; their rows are in geo_rows.cc and geo_rows_search.cc. Places are members of sorted
// sets (server/geo/geohash.h).
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <string_view>

#include "server/command.h"
#include "server/geo/geohash.h"

namespace chestbox::geo {

// geo.cc
Result<void> GeoAdd(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoDist(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoHash(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoPos(CommandContext& ctx, Args args, ReplyWriter& reply);

// geo_search.cc
Result<void> GeoRadius(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoRadiusRo(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoRadiusByMember(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoRadiusByMemberRo(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoSearch(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GeoSearchStore(CommandContext& ctx, Args args, ReplyWriter& reply);

// ---- Shared ----

Result<Point> PointArguments(std::string_view longitude, std::string_view latitude);
// Metres in one unit.
Result<double> UnitArgument(std::string_view unit);
// With four digits behind the point.
void ReplyDistance(double distance, ReplyWriter& reply);
void ReplyPoint(const Point& point, ReplyWriter& reply);

}  // namespace chestbox::geo
