// Step 1: a photograph (JPEG) becomes a tensor of 224 x 224 x 3 doubles in 0..1.
//
//   demo_resize STORE PHOTOGRAPH
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <vector>

#include "bench/demo/checksum.h"
#include "bench/demo/picture.h"
#include "bench/demo/state_access.h"
#include "bench/redis_client.h"

namespace demo {
namespace {

std::string FileContent(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) bench::Die(std::string("cannot open ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The mean of the pixels of a box: each tensor value stands for the same part of the picture's centre square.
std::vector<double> ToTensor(const Picture& picture) {
  const int square = std::min(picture.width, picture.height);
  const int left = (picture.width - square) / 2;
  const int top = (picture.height - square) / 2;
  const auto bound = [square](int i) { return i * square / kSide; };
  std::vector<double> tensor(kTensorValues);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      double sums[kChannels] = {};
      const int bottom = std::max(bound(y + 1), bound(y) + 1);
      const int right = std::max(bound(x + 1), bound(x) + 1);
      for (int row = bound(y); row < bottom; ++row) {
        for (int column = bound(x); column < right; ++column) {
          const size_t pixel = static_cast<size_t>((top + row) * picture.width + left + column) * kChannels;
          for (size_t c = 0; c < kChannels; ++c) sums[c] += picture.pixels[pixel + c];
        }
      }
      const double pixels = (bottom - bound(y)) * (right - bound(x));
      for (size_t c = 0; c < kChannels; ++c)
        tensor[static_cast<size_t>(y * kSide + x) * kChannels + c] = sums[c] / pixels / 255;
    }
  }
  return tensor;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  if (argc != 3) bench::Die("usage: demo_resize STORE PHOTOGRAPH");
  const auto states = demo::StateAccess::Open(argv[1]);
  const std::vector<double> tensor = demo::ToTensor(demo::DecodeJpeg(demo::FileContent(argv[2])));
  states->Put("demo:tensor", {reinterpret_cast<const char*>(tensor.data()), tensor.size() * sizeof(double)});
  states->Report("resize");
  return 0;
}
