#include "server/geo/geohash.h"

#include <algorithm>
#include <cmath>

namespace chestbox::geo {

namespace {

constexpr double kEarthRadiusMetres = 6372797.560856;
constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180.0;
constexpr double kPoleLatitude = 90;
constexpr uint64_t kLatitudeBits = 0x5555'5555'5555'5555;
constexpr uint64_t kLongitudeBits = ~kLatitudeBits;
constexpr char kAlphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";

double Radians(double degrees) { return degrees * kRadiansPerDegree; }

// The bits of a 32-bit number, each with a zero above it, and back.
uint64_t Spread(uint64_t value) {
  value = (value | value << 16) & 0x0000'ffff'0000'ffff;
  value = (value | value << 8) & 0x00ff'00ff'00ff'00ff;
  value = (value | value << 4) & 0x0f0f'0f0f'0f0f'0f0f;
  value = (value | value << 2) & 0x3333'3333'3333'3333;
  return (value | value << 1) & kLatitudeBits;
}

uint32_t Gather(uint64_t value) {
  value &= kLatitudeBits;
  value = (value | value >> 1) & 0x3333'3333'3333'3333;
  value = (value | value >> 2) & 0x0f0f'0f0f'0f0f'0f0f;
  value = (value | value >> 4) & 0x00ff'00ff'00ff'00ff;
  value = (value | value >> 8) & 0x0000'ffff'0000'ffff;
  return static_cast<uint32_t>(value | value >> 16);
}

uint32_t Fraction(double value, double min, double max, int steps) {
  double offset = (value - min) / (max - min);
  offset *= static_cast<double>(uint64_t{1} << steps);
  return static_cast<uint32_t>(offset);
}

uint64_t Bits(const Point& point, double latitude_max, int steps) {
  const uint32_t latitude = Fraction(point.latitude, -latitude_max, latitude_max, steps);
  const uint32_t longitude = Fraction(point.longitude, -kLongitudeMax, kLongitudeMax, steps);
  return Spread(latitude) | Spread(longitude) << 1;
}

double Coordinate(uint32_t at, int steps, double max) {
  return -max + (at * 1.0 / static_cast<double>(uint64_t{1} << steps)) * (max - -max);
}

// One step up or down within the bits of one coordinate, around the globe.
uint64_t Step(uint64_t bits, uint64_t mask, int steps, int direction) {
  if (direction == 0) return bits & mask;
  const uint64_t used = ~uint64_t{0} >> (64 - steps * 2);
  // With the other coordinate's bits set, a carry runs through them.
  const uint64_t others = ~mask & used;
  const uint64_t unit = others + 1;
  const uint64_t own = bits & mask;
  const uint64_t moved = direction > 0 ? own + unit : (own | others) - unit;
  return moved & mask & used;
}

// A sorted set may have any scores: what is no hash becomes what Redis makes of it on x86-64.
uint64_t BitsOfScore(double score) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (score >= kTwoTo63 * 2) return 0;
  if (score >= 0) return static_cast<uint64_t>(score);
  if (score >= -kTwoTo63) return static_cast<uint64_t>(static_cast<int64_t>(score));
  return uint64_t{1} << 63;
}

}  // namespace

bool IsValid(const Point& point) {
  return point.longitude >= -kLongitudeMax && point.longitude <= kLongitudeMax && point.latitude >= -kLatitudeMax &&
         point.latitude <= kLatitudeMax;
}

Cell CellOf(const Point& point, int steps) { return {Bits(point, kLatitudeMax, steps), steps}; }

Box BoxOf(const Cell& cell) {
  const uint32_t latitude = Gather(cell.bits);
  const uint32_t longitude = Gather(cell.bits >> 1);
  return {{Coordinate(longitude, cell.steps, kLongitudeMax), Coordinate(latitude, cell.steps, kLatitudeMax)},
          {Coordinate(longitude + 1, cell.steps, kLongitudeMax), Coordinate(latitude + 1, cell.steps, kLatitudeMax)}};
}

Cell Neighbour(const Cell& cell, int east, int north) {
  return {Step(cell.bits, kLongitudeBits, cell.steps, east) | Step(cell.bits, kLatitudeBits, cell.steps, north),
          cell.steps};
}

uint64_t ScoreOf(const Point& point) { return Bits(point, kLatitudeMax, kSteps); }

Point PointOf(double score) {
  const Box box = BoxOf({BitsOfScore(score), kSteps});
  const double longitude = (box.min.longitude + box.max.longitude) / 2;
  const double latitude = (box.min.latitude + box.max.latitude) / 2;
  return {std::clamp(longitude, -kLongitudeMax, kLongitudeMax), std::clamp(latitude, -kLatitudeMax, kLatitudeMax)};
}

void GeohashText(const Point& point, char (&text)[11]) {
  const uint64_t bits = Bits(point, kPoleLatitude, kSteps);
  // Ten characters of five bits each; what is left of 52 bits makes no eleventh.
  for (int i = 0; i < 10; ++i) text[i] = kAlphabet[(bits >> (52 - (i + 1) * 5)) & 31];
  text[10] = kAlphabet[0];
}

double LatitudeDistance(double a, double b) { return kEarthRadiusMetres * std::fabs(Radians(b) - Radians(a)); }

double Distance(const Point& a, const Point& b) {
  const double v = std::sin((Radians(b.longitude) - Radians(a.longitude)) / 2);
  if (v == 0.0) return LatitudeDistance(a.latitude, b.latitude);
  const double latitude_a = Radians(a.latitude);
  const double latitude_b = Radians(b.latitude);
  const double u = std::sin((latitude_b - latitude_a) / 2);
  const double h = u * u + std::cos(latitude_a) * std::cos(latitude_b) * v * v;
  return 2.0 * kEarthRadiusMetres * std::asin(std::sqrt(h));
}

}  // namespace chestbox::geo
