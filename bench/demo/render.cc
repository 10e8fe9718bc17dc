// Step 3: the tensor as a picture again, with a bar for each score, as JPEG: a state, and a file to look at.
//
//   demo_render STORE OUTPUT_FILE
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "bench/demo/checksum.h"
#include "bench/demo/picture.h"
#include "bench/demo/scores.h"
#include "bench/demo/state_access.h"
#include "bench/redis_client.h"

namespace demo {
namespace {

constexpr int kBarHeight = 8;
constexpr unsigned char kBarColour[kChannels] = {255, 176, 0};
constexpr unsigned char kGroundColour[kChannels] = {32, 32, 32};

Picture Render(const double* tensor, const Scores& scores) {
  const int bars = static_cast<int>(scores.size());
  Picture picture{kSide, kSide + bars * kBarHeight, {}};
  picture.pixels.resize(static_cast<size_t>(picture.width * picture.height * kChannels));
  for (size_t i = 0; i < kTensorValues; ++i) {
    picture.pixels[i] = static_cast<unsigned char>(std::clamp(tensor[i], 0.0, 1.0) * 255 + 0.5);
  }
  for (int row = 0; row < bars * kBarHeight; ++row) {
    const double score = scores[static_cast<size_t>(row / kBarHeight)];
    for (int x = 0; x < kSide; ++x) {
      const bool bar = row % kBarHeight != 0 && x < score * kSide;
      unsigned char* pixel = picture.pixels.data() + static_cast<size_t>((kSide + row) * kSide + x) * kChannels;
      std::memcpy(pixel, bar ? kBarColour : kGroundColour, kChannels);
    }
  }
  return picture;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  if (argc != 3) bench::Die("usage: demo_render STORE OUTPUT_FILE");
  const auto states = demo::StateAccess::Open(argv[1]);
  const auto tensor = states->Get("demo:tensor");
  const auto scored = states->Get("demo:scores");
  demo::Scores scores;
  if (tensor.size() != demo::kTensorValues * sizeof(double) || scored.size() != sizeof scores)
    bench::Die("a state has the wrong size");
  std::memcpy(scores.data(), scored.data(), sizeof scores);
  const std::string jpeg = demo::EncodeJpeg(demo::Render(reinterpret_cast<const double*>(tensor.data()), scores));
  states->Put("demo:picture", jpeg);
  states->Report("render");
  std::ofstream(argv[2], std::ios::binary) << jpeg;
  return 0;
}
