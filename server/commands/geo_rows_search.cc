// The rows of the commands that search for places.
#include "server/commands/families.h"
#include "server/commands/geo.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kGeoRadiusUnitArguments[] = {
    {.name = "m", .type = Type::kPureToken, .token = "M"},
    {.name = "km", .type = Type::kPureToken, .token = "KM"},
    {.name = "ft", .type = Type::kPureToken, .token = "FT"},
    {.name = "mi", .type = Type::kPureToken, .token = "MI"},
};
constexpr ArgumentSpec kGeoRadiusCountArguments[] = {
    {.name = "count", .type = Type::kInteger, .token = "COUNT"},
    {.name = "any", .type = Type::kPureToken, .token = "ANY", .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
};
constexpr ArgumentSpec kGeoRadiusOrderArguments[] = {
    {.name = "asc", .type = Type::kPureToken, .token = "ASC"},
    {.name = "desc", .type = Type::kPureToken, .token = "DESC"},
};
constexpr ArgumentSpec kGeoRadiusArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "longitude", .type = Type::kDouble},
    {.name = "latitude", .type = Type::kDouble},
    {.name = "radius", .type = Type::kDouble},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
    {.name = "withcoord", .type = Type::kPureToken, .token = "WITHCOORD", .flags = ArgumentSpec::kOptional},
    {.name = "withdist", .type = Type::kPureToken, .token = "WITHDIST", .flags = ArgumentSpec::kOptional},
    {.name = "withhash", .type = Type::kPureToken, .token = "WITHHASH", .flags = ArgumentSpec::kOptional},
    {.name = "count", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusCountArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
    {.name = "key", .type = Type::kKey, .token = "STORE", .flags = ArgumentSpec::kOptional, .key_spec = 1},
    {.name = "key", .type = Type::kKey, .token = "STOREDIST", .flags = ArgumentSpec::kOptional, .key_spec = 2},
};
constexpr ArgumentSpec kGeoRadiusRoArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "longitude", .type = Type::kDouble},
    {.name = "latitude", .type = Type::kDouble},
    {.name = "radius", .type = Type::kDouble},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
    {.name = "withcoord", .type = Type::kPureToken, .token = "WITHCOORD", .flags = ArgumentSpec::kOptional},
    {.name = "withdist", .type = Type::kPureToken, .token = "WITHDIST", .flags = ArgumentSpec::kOptional},
    {.name = "withhash", .type = Type::kPureToken, .token = "WITHHASH", .flags = ArgumentSpec::kOptional},
    {.name = "count", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusCountArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
};
constexpr ArgumentSpec kGeoRadiusByMemberCountArguments[] = {
    {.name = "count", .type = Type::kInteger, .token = "COUNT"},
    {.name = "any", .type = Type::kPureToken, .token = "ANY", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kGeoRadiusByMemberArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "member"},
    {.name = "radius", .type = Type::kDouble},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
    {.name = "withcoord", .type = Type::kPureToken, .token = "WITHCOORD", .flags = ArgumentSpec::kOptional},
    {.name = "withdist", .type = Type::kPureToken, .token = "WITHDIST", .flags = ArgumentSpec::kOptional},
    {.name = "withhash", .type = Type::kPureToken, .token = "WITHHASH", .flags = ArgumentSpec::kOptional},
    {.name = "count",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kOptional,
     .arguments = kGeoRadiusByMemberCountArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
    {.name = "key", .type = Type::kKey, .token = "STORE", .flags = ArgumentSpec::kOptional, .key_spec = 1},
    {.name = "key", .type = Type::kKey, .token = "STOREDIST", .flags = ArgumentSpec::kOptional, .key_spec = 2},
};
constexpr ArgumentSpec kGeoRadiusByMemberRoArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "member"},
    {.name = "radius", .type = Type::kDouble},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
    {.name = "withcoord", .type = Type::kPureToken, .token = "WITHCOORD", .flags = ArgumentSpec::kOptional},
    {.name = "withdist", .type = Type::kPureToken, .token = "WITHDIST", .flags = ArgumentSpec::kOptional},
    {.name = "withhash", .type = Type::kPureToken, .token = "WITHHASH", .flags = ArgumentSpec::kOptional},
    {.name = "count",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kOptional,
     .arguments = kGeoRadiusByMemberCountArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
};
constexpr ArgumentSpec kGeoSearchFromLongitudeLatitudeArguments[] = {
    {.name = "longitude", .type = Type::kDouble},
    {.name = "latitude", .type = Type::kDouble},
};
constexpr ArgumentSpec kGeoSearchFromArguments[] = {
    {.name = "member", .token = "FROMMEMBER"},
    {.name = "longitude_latitude",
     .type = Type::kBlock,
     .token = "FROMLONLAT",
     .arguments = kGeoSearchFromLongitudeLatitudeArguments},
};
constexpr ArgumentSpec kGeoSearchByCircleArguments[] = {
    {.name = "radius", .type = Type::kDouble, .token = "BYRADIUS"},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
};
constexpr ArgumentSpec kGeoSearchByBoxArguments[] = {
    {.name = "width", .type = Type::kDouble, .token = "BYBOX"},
    {.name = "height", .type = Type::kDouble},
    {.name = "unit", .type = Type::kOneOf, .arguments = kGeoRadiusUnitArguments},
};
constexpr ArgumentSpec kGeoSearchByArguments[] = {
    {.name = "circle", .type = Type::kBlock, .arguments = kGeoSearchByCircleArguments},
    {.name = "box", .type = Type::kBlock, .arguments = kGeoSearchByBoxArguments},
};
constexpr ArgumentSpec kGeoSearchArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "from", .type = Type::kOneOf, .arguments = kGeoSearchFromArguments},
    {.name = "by", .type = Type::kOneOf, .arguments = kGeoSearchByArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
    {.name = "count",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kOptional,
     .arguments = kGeoRadiusByMemberCountArguments},
    {.name = "withcoord", .type = Type::kPureToken, .token = "WITHCOORD", .flags = ArgumentSpec::kOptional},
    {.name = "withdist", .type = Type::kPureToken, .token = "WITHDIST", .flags = ArgumentSpec::kOptional},
    {.name = "withhash", .type = Type::kPureToken, .token = "WITHHASH", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kGeoSearchStoreArguments[] = {
    {.name = "destination", .type = Type::kKey, .key_spec = 0},
    {.name = "source", .type = Type::kKey, .key_spec = 1},
    {.name = "from", .type = Type::kOneOf, .arguments = kGeoSearchFromArguments},
    {.name = "by", .type = Type::kOneOf, .arguments = kGeoSearchByArguments},
    {.name = "order", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kGeoRadiusOrderArguments},
    {.name = "count",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kOptional,
     .arguments = kGeoRadiusByMemberCountArguments},
    {.name = "storedist", .type = Type::kPureToken, .token = "STOREDIST", .flags = ArgumentSpec::kOptional},
};

constexpr CommandSpec kCommands[] = {
    {.name = "georadius",
     .run = geo::GeoRadius,
     .arity = -6,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess},
              KeyBehind("STORE", 6, kKeyOW | kKeyUpdate),
              KeyBehind("STOREDIST", 6, kKeyOW | kKeyUpdate)},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                   "delimited by center and radius and M is the number of items inside the index.",
     .summary = "Finds members around a point, and may store them.",
     .arguments = kGeoRadiusArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"},
    {.name = "georadius_ro",
     .run = geo::GeoRadiusRo,
     .arity = -6,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "3.2.10",
     .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                   "delimited by center and radius and M is the number of items inside the index.",
     .summary = "Finds members around a point.",
     .arguments = kGeoRadiusRoArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument"},
    {.name = "georadiusbymember",
     .run = geo::GeoRadiusByMember,
     .arity = -5,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess},
              KeyBehind("STORE", 5, kKeyOW | kKeyUpdate),
              KeyBehind("STOREDIST", 5, kKeyOW | kKeyUpdate)},
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                   "delimited by center and radius and M is the number of items inside the index.",
     .summary = "Finds members around a member, and may store them.",
     .arguments = kGeoRadiusByMemberArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"},
    {.name = "georadiusbymember_ro",
     .run = geo::GeoRadiusByMemberRo,
     .arity = -5,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "3.2.10",
     .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                   "delimited by center and radius and M is the number of items inside the index.",
     .summary = "Finds members around a member.",
     .arguments = kGeoRadiusByMemberRoArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"},
    {.name = "geosearch",
     .run = geo::GeoSearch,
     .arity = -7,
     .flags = kReadOnly,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "6.2.0",
     .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the "
                   "shape provided as the filter and M is the number of items inside the shape",
     .summary = "Finds members in a circle or a box.",
     .arguments = kGeoSearchArguments},
    {.name = "geosearchstore",
     .run = geo::GeoSearchStore,
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .categories = kCatGeo,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}, {2, 2, 1, kKeyRO | kKeyAccess}},
     .group = "geo",
     .since = "6.2.0",
     .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the "
                   "shape provided as the filter and M is the number of items inside the shape",
     .summary = "Stores the members in a circle or a box.",
     .arguments = kGeoSearchStoreArguments},
};

}  // namespace

std::span<const CommandSpec> GeoSearchCommands() { return kCommands; }

}  // namespace chestbox
