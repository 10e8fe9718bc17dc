// Places on the globe as numbers that keep neighbours together: longitude and latitude are cut in halves in turn, and
// the choices are the bits of the hash, longitude's above latitude's (Morton order). A sorted set of such scores
// answers "what is around here" by a few ranges.
//
// Scores, decoded coordinates and distances are Redis' to the last bit: the range of latitudes is that of the web
// Mercator projection, a hash has 26 steps (52 bits, which a double holds), distances are great circles by the
// haversine formula on a sphere of Redis' radius. The order of operations on floating point numbers is part of the
// contract.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>

namespace chestbox::geo {

inline constexpr double kLongitudeMax = 180;
inline constexpr double kLatitudeMax = 85.05112878;
inline constexpr int kSteps = 26;

struct Point {
  double longitude = 0;
  double latitude = 0;
};

// The `steps` upper pairs of bits of a hash, aligned to the right.
struct Cell {
  uint64_t bits = 0;
  int steps = 0;

  bool operator==(const Cell&) const = default;
};

// The corners of a cell, or of the box around a search.
struct Box {
  Point min;
  Point max;
};

// False: a place too near to a pole, or none at all.
bool IsValid(const Point& point);

// The point is valid.
Cell CellOf(const Point& point, int steps);
Box BoxOf(const Cell& cell);
Cell Neighbour(const Cell& cell, int east, int north);

// A member's score, and back: to the middle of its cell.
uint64_t ScoreOf(const Point& point);
Point PointOf(double score);

// The usual text of eleven characters, over latitudes up to the poles.
void GeohashText(const Point& point, char (&text)[11]);

// Metres.
double Distance(const Point& a, const Point& b);
double LatitudeDistance(double a, double b);

}  // namespace chestbox::geo
