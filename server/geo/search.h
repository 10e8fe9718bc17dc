// A search for places in a circle or a box: which ranges of scores may hold them, and whether one does.
//
// A box of the globe is covered by the cell of its centre and that cell's eight neighbours, at a size at which those
// nine are sure to cover it. The cells, their order and what is left out are Redis', because the order of a result
// without ASC or DESC, and what COUNT … ANY finds first, follow from them.
//
// Pure functions, any thread.
#pragma once

#include <array>
#include <optional>

#include "server/geo/geohash.h"

namespace chestbox::geo {

struct Area {
  enum class Shape { kCircle, kBox };
  Shape shape = Shape::kCircle;
  Point centre;
  double metres_per_unit = 1;
  // In units.
  double radius = 0;
  double width = 0;
  double height = 0;
};

// Scores [min, max).
struct ScoreSpan {
  double min = 0;
  double max = 0;
};

// Up to nine spans, in the order in which they are to be searched.
struct Cover {
  std::array<ScoreSpan, 9> spans;
  size_t count = 0;
};
Cover CoverOf(const Area& area);

// Metres from the centre; nothing if the point is outside.
std::optional<double> DistanceWithin(const Area& area, const Point& point);

}  // namespace chestbox::geo
