// docs/compatibility.md holds the table of settings between two markers. This test keeps it true; to bring it up to
// date:
//   CHESTBOX_UPDATE_DOCS=1 build/asan/bin/test_config
#include <cstdlib>
#include <fstream>

#include "tests/unit/config/settings_test_support.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

TEST_CASE("docs/compatibility.md lists every setting as the table has it") {
  const std::string path = CHESTBOX_SOURCE_DIR "/docs/compatibility.md";
  const std::string begin = "<!-- settings: begin -->\n";
  const std::string end = "\n<!-- settings: end -->";
  std::string text = ReadFile(path);
  size_t from = text.find(begin);
  size_t to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  from += begin.size();
  if (std::getenv("CHESTBOX_UPDATE_DOCS") != nullptr) {
    text.replace(from, to - from, SettingsMarkdown());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  CHECK(text.substr(from, to - from) == SettingsMarkdown());
}
