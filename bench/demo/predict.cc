// Step 2: what the picture looks like, from the tensor where it lies. A convolution with fixed weights and a classifier
// over the histogram of its responses: real arithmetic over the whole tensor, but nothing that was ever trained. Its
// labels say what is in the numbers (edges, light, colour), not what is in the picture.
//
//   demo_predict STORE
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "bench/demo/checksum.h"
#include "bench/demo/scores.h"
#include "bench/demo/state_access.h"
#include "bench/redis_client.h"

namespace demo {
namespace {

constexpr size_t kFilters = 4;
constexpr size_t kBins = 8;
constexpr int kTap = 3;

// Edges that lie, stand, and run along the diagonals (Sobel's weights, and the same turned by 45 degrees).
constexpr double kWeights[kFilters][kTap * kTap] = {{-1, -2, -1, 0, 0, 0, 1, 2, 1},
                                                    {-1, 0, 1, -2, 0, 2, -1, 0, 1},
                                                    {0, 1, 2, -1, 0, 1, -2, -1, 0},
                                                    {2, 1, 0, 1, 0, -1, 0, -1, -2}};

using Histogram = std::array<double, kBins>;

double Luminance(const double* pixel) { return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]; }

// For each filter the share of pixels whose response has a given strength.
std::array<Histogram, kFilters> Responses(const double* tensor) {
  std::array<Histogram, kFilters> histograms{};
  for (int y = 1; y + 1 < kSide; ++y) {
    for (int x = 1; x + 1 < kSide; ++x) {
      double around[kTap * kTap];
      for (int i = 0; i < kTap * kTap; ++i) {
        around[i] = Luminance(tensor + static_cast<size_t>((y + i / kTap - 1) * kSide + x + i % kTap - 1) * kChannels);
      }
      for (size_t f = 0; f < kFilters; ++f) {
        double response = 0;
        for (int i = 0; i < kTap * kTap; ++i) response += kWeights[f][i] * around[i];
        const auto bin = static_cast<size_t>(std::min<double>(kBins - 1, std::abs(response) * 2 * kBins));
        histograms[f][bin] += 1.0 / ((kSide - 2) * (kSide - 2));
      }
    }
  }
  return histograms;
}

double Strength(const Histogram& histogram) {
  double strength = 0;
  for (size_t bin = 0; bin < kBins; ++bin) strength += histogram[bin] * static_cast<double>(bin);
  return strength;
}

Scores Classify(const double* tensor) {
  const auto histograms = Responses(tensor);
  double light = 0;
  double warmth = 0;
  for (size_t i = 0; i < kTensorValues; i += kChannels) {
    light += Luminance(tensor + i) / (kSide * kSide);
    warmth += (tensor[i] - tensor[i + 2]) / (kSide * kSide);
  }
  const double straight = Strength(histograms[0]) + Strength(histograms[1]);
  const double slanted = Strength(histograms[2]) + Strength(histograms[3]);
  const double detail = (straight + slanted) / kFilters;
  // Fixed weights, one line a label, in the order of kLabels.
  Scores scores = {4 * light - 2, 2 - 4 * light,           8 * warmth, -8 * warmth, detail - 1,
                   1 - detail,    2 * (straight - slanted)};
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score);
  for (double& score : scores) score /= sum;
  return scores;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  if (argc != 2) bench::Die("usage: demo_predict STORE");
  const auto states = demo::StateAccess::Open(argv[1]);
  const auto tensor = states->Get("demo:tensor");
  if (tensor.size() != demo::kTensorValues * sizeof(double)) bench::Die("the tensor has the wrong size");
  const demo::Scores scores = demo::Classify(reinterpret_cast<const double*>(tensor.data()));
  states->Put("demo:scores", {reinterpret_cast<const char*>(scores.data()), sizeof scores});
  states->Report("predict");
  return 0;
}
