// Any bytes at all as an object in the RDB format: nothing is read beyond them, what they say in pieces and whole is
// the same, and what was understood survives being written again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/unit/rdb/object_model.h"

namespace {

using chestbox::rdb::DecodeObject;
using chestbox::rdb::Trust;
using chestbox::rdb::testing::ObjectModel;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view object(reinterpret_cast<const char*>(data), size);
  ObjectModel in_pieces;
  const bool good = DecodeObject(object, Trust::kForeign, in_pieces);
  ObjectModel whole(true);
  Require(DecodeObject(object, Trust::kForeign, whole) == good, "whole as in pieces");
  ObjectModel own(true);
  const bool own_good = DecodeObject(object, Trust::kOwn, own);
  if (!good) return 0;
  Require(own_good, "what is good for all is good for us");
  const std::string text = in_pieces.Text();
  Require(whole.Text() == text && own.Text() == text, "the same text");
  const std::string written = in_pieces.Write();
  ObjectModel again;
  Require(DecodeObject(written, Trust::kForeign, again), "what is written can be read");
  Require(again.Text() == text, "and says the same");
  return 0;
}
