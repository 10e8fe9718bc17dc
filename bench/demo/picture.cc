#include "bench/demo/picture.h"

#include <turbojpeg.h>

#include "bench/redis_client.h"

namespace demo {
namespace {

constexpr int kQualityPercent = 90;

// turbojpeg 2.1 takes its input by a pointer to what it never changes.
const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

Picture DecodeJpeg(std::string_view bytes) {
  tjhandle decoder = tjInitDecompress();
  Picture picture;
  int subsampling = 0;
  int colours = 0;
  if (decoder == nullptr || tjDecompressHeader3(decoder, Bytes(bytes), bytes.size(), &picture.width, &picture.height,
                                                &subsampling, &colours) != 0) {
    bench::Die(std::string("jpeg: ") + tjGetErrorStr2(decoder));
  }
  picture.pixels.resize(static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3);
  if (tjDecompress2(decoder, Bytes(bytes), bytes.size(), picture.pixels.data(), picture.width, 0, picture.height,
                    TJPF_RGB, 0) != 0) {
    bench::Die(std::string("jpeg: ") + tjGetErrorStr2(decoder));
  }
  tjDestroy(decoder);
  return picture;
}

std::string EncodeJpeg(const Picture& picture) {
  tjhandle encoder = tjInitCompress();
  unsigned char* encoded = nullptr;
  unsigned long size = 0;
  if (encoder == nullptr || tjCompress2(encoder, picture.pixels.data(), picture.width, 0, picture.height, TJPF_RGB,
                                        &encoded, &size, TJSAMP_444, kQualityPercent, 0) != 0) {
    bench::Die(std::string("jpeg: ") + tjGetErrorStr2(encoder));
  }
  std::string bytes(reinterpret_cast<const char*>(encoded), size);
  tjFree(encoded);
  tjDestroy(encoder);
  return bytes;
}

}  // namespace demo
