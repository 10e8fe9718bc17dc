// The rows of the commands on places.
#include "server/commands/families.h"
#include "server/commands/geo.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kGeoAddConditionArguments[] = {
    {.name = "nx", .type = Type::kPureToken, .token = "NX"},
    {.name = "xx", .type = Type::kPureToken, .token = "XX"},
};
constexpr ArgumentSpec kGeoAddLongitudeLatitudeMemberArguments[] = {
    {.name = "longitude", .type = Type::kDouble},
    {.name = "latitude", .type = Type::kDouble},
    {.name = "member"},
};
constexpr ArgumentSpec kGeoAddArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0",
     .arguments = kGeoAddConditionArguments},
    {.name = "change", .type = Type::kPureToken, .token = "CH", .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
    {.name = "longitude_latitude_member",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kMultiple,
     .arguments = kGeoAddLongitudeLatitudeMemberArguments},
};
constexpr ArgumentSpec kGeoDistUnitArguments[] = {
    {.name = "m", .type = Type::kPureToken, .token = "M"},
    {.name = "km", .type = Type::kPureToken, .token = "KM"},
    {.name = "ft", .type = Type::kPureToken, .token = "FT"},
    {.name = "mi", .type = Type::kPureToken, .token = "MI"},
};
constexpr ArgumentSpec kGeoDistArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "member1"},
    {.name = "member2"},
    {.name = "unit", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoDistUnitArguments},
};
constexpr ArgumentSpec kGeoHashArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "member", .flags = ArgumentSpec::kMultiple},
};

constexpr CommandSpec kCommands[] = {
    {.name = "geoadd",
     .run = geo::GeoAdd,
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
     .summary = "Adds members with their places on the globe.",
     .arguments = kGeoAddArguments},
    {.name = "geodist",
     .run = geo::GeoDist,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log(N))",
     .summary = "Returns the distance between two members.",
     .arguments = kGeoDistArguments},
    {.name = "geohash",
     .run = geo::GeoHash,
     .arity = -2,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log(N)) for each member requested, where N is the number of elements in the sorted set.",
     .summary = "Returns members' places as geohash texts.",
     .arguments = kGeoHashArguments},
    {.name = "geopos",
     .run = geo::GeoPos,
     .arity = -2,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(N) where N is the number of members requested.",
     .summary = "Returns members' longitudes and latitudes.",
     .arguments = kGeoHashArguments},
};

}  // namespace

std::span<const CommandSpec> GeoCommands() { return kCommands; }

}  // namespace chestbox
