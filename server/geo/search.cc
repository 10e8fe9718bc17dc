#include "server/geo/search.h"

#include <algorithm>
#include <cmath>

namespace chestbox::geo {

namespace {

constexpr double kEarthRadiusMetres = 6372797.560856;
constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180.0;
// Half the side of the projected globe.
constexpr double kMercatorMax = 20037726.37;
// Beyond these latitudes cells are narrow, so that larger ones are needed.
constexpr double kHighLatitude = 66;
constexpr double kPolarLatitude = 80;

double Radians(double degrees) { return degrees * kRadiansPerDegree; }
double Degrees(double radians) { return radians / kRadiansPerDegree; }

// The finest cells whose neighbourhood is about sure to cover a circle of `metres`.
int StepsFor(double metres, double latitude) {
  if (metres == 0) return kSteps;
  int steps = 1;
  for (; metres < kMercatorMax; metres *= 2) ++steps;
  steps -= 2;
  if (std::fabs(latitude) > kHighLatitude) --steps;
  if (std::fabs(latitude) > kPolarLatitude) --steps;
  return std::clamp(steps, 1, kSteps);
}

// Meridians converge: the side that is nearer to the equator is as wide as the area there.
Box BoundsOf(const Area& area) {
  const bool circle = area.shape == Area::Shape::kCircle;
  const double height = area.metres_per_unit * (circle ? area.radius : area.height / 2);
  const double width = area.metres_per_unit * (circle ? area.radius : area.width / 2);
  const double longitude = area.centre.longitude;
  const double latitude = area.centre.latitude;
  const double up = Degrees(height / kEarthRadiusMetres);
  const double edge = latitude < 0 ? latitude - up : latitude + up;
  const double across = Degrees(width / kEarthRadiusMetres / std::cos(Radians(edge)));
  return {{longitude - across, latitude - up}, {longitude + across, latitude + up}};
}

double ReachMetres(const Area& area) {
  const double units = area.shape == Area::Shape::kCircle
                           ? area.radius
                           : std::sqrt((area.width / 2) * (area.width / 2) + (area.height / 2) * (area.height / 2));
  return units * area.metres_per_unit;
}

bool NeighboursReach(const Cell& centre, const Box& bounds) {
  return !(BoxOf(Neighbour(centre, 0, 1)).max.latitude < bounds.max.latitude) &&
         !(BoxOf(Neighbour(centre, 0, -1)).min.latitude > bounds.min.latitude) &&
         !(BoxOf(Neighbour(centre, 1, 0)).max.longitude < bounds.max.longitude) &&
         !(BoxOf(Neighbour(centre, -1, 0)).min.longitude > bounds.min.longitude);
}

ScoreSpan SpanOf(const Cell& cell) {
  const int shift = (kSteps - cell.steps) * 2;
  return {static_cast<double>(cell.bits << shift), static_cast<double>((cell.bits + 1) << shift)};
}

}  // namespace

Cover CoverOf(const Area& area) {
  // Towards the east and the north: the centre first, then sides, then corners.
  static constexpr int kDirections[9][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                            {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  const Box bounds = BoundsOf(area);
  int steps = StepsFor(ReachMetres(area), area.centre.latitude);
  Cell centre = CellOf(area.centre, steps);
  if (steps > 1 && !NeighboursReach(centre, bounds)) centre = CellOf(area.centre, --steps);
  const Box box = BoxOf(centre);
  const bool excludes = steps >= 2;
  Cover cover;
  std::optional<Cell> previous;
  for (size_t i = 0; i < 9; ++i) {
    const auto [east, north] = kDirections[i];
    Cell cell = Neighbour(centre, east, north);
    // The area ends within the centre's cell on this side.
    const bool useless = (north < 0 && box.min.latitude < bounds.min.latitude) ||
                         (north > 0 && box.max.latitude > bounds.max.latitude) ||
                         (east < 0 && box.min.longitude < bounds.min.longitude) ||
                         (east > 0 && box.max.longitude > bounds.max.longitude);
    if (excludes && useless) continue;
    // Cells of half the globe are each other's neighbours on both sides. The very first is never compared with.
    if (previous && *previous == cell) continue;
    if (i > 0) previous = cell;
    cover.spans[cover.count++] = SpanOf(cell);
  }
  return cover;
}

std::optional<double> DistanceWithin(const Area& area, const Point& point) {
  const Point& centre = area.centre;
  if (area.shape == Area::Shape::kCircle) {
    const double distance = Distance(centre, point);
    if (distance > area.radius * area.metres_per_unit) return std::nullopt;
    return distance;
  }
  if (LatitudeDistance(point.latitude, centre.latitude) > area.height * area.metres_per_unit / 2) return std::nullopt;
  const Point beside{centre.longitude, point.latitude};
  if (Distance(point, beside) > area.width * area.metres_per_unit / 2) return std::nullopt;
  return Distance(centre, point);
}

}  // namespace chestbox::geo
