// Pictures in memory, and JPEG by libjpeg-turbo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace demo {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<unsigned char> pixels;  // red, green, blue, row by row
};

// Both end the process with a message when they cannot.
Picture DecodeJpeg(std::string_view bytes);
std::string EncodeJpeg(const Picture& picture);

}  // namespace demo
