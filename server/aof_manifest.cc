#include "server/aof_manifest.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/config/config.h"
#include "server/save_file.h"

namespace chestbox {

namespace {

// One base, a few increments: a longer file is none of ours.
constexpr uintmax_t kManifestBytesMax = 1 << 20;

}  // namespace

AofManifest::AofManifest(const Config& config)
    : directory_(config.appenddirname), name_(config.appendfilename), rdb_(config.aof_use_rdb_preamble) {}

std::string AofManifest::ManifestPath() const { return fmt::format("{}/{}.manifest", directory_, name_); }

std::string AofManifest::BaseName(uint64_t sequence) const {
  return fmt::format("{}.{}.base.{}", name_, sequence, rdb_ ? "rdb" : "aof");
}

std::string AofManifest::BasePath(uint64_t sequence) const {
  return fmt::format("{}/{}", directory_, BaseName(sequence));
}

Result<std::vector<AofManifest::Line>> AofManifest::Read() const {
  std::vector<Line> lines;
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(ManifestPath(), error);
  if (error == std::errc::no_such_file_or_directory) return lines;
  if (error) return Error{fmt::format("Can't read {}: {}", ManifestPath(), error.message())};
  if (bytes > kManifestBytesMax) return Error{"Invalid AOF manifest file format"};
  std::ifstream in(ManifestPath());
  std::string text;
  while (std::getline(in, text)) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream words(text);
    Line line;
    std::string file_word;
    std::string seq_word;
    std::string type_word;
    std::string more;
    words >> file_word >> line.file >> seq_word >> line.sequence >> type_word >> line.type;
    const bool is_name = line.file.find('/') == std::string::npos;
    if (!words || file_word != "file" || seq_word != "seq" || type_word != "type" || !is_name || (words >> more)) {
      return Error{"Invalid AOF manifest file format"};
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<uint64_t> AofManifest::PrepareNext() const {
  if (mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) {
    return Error{fmt::format("Can't open or create append-only dir {}: {}", directory_, std::strerror(errno))};
  }
  auto lines = Read();
  if (!lines) return lines.error();
  uint64_t last = 0;
  for (const Line& line : *lines) {
    if (line.type == 'b') last = line.sequence;
  }
  return last + 1;
}

Result<void> AofManifest::SwitchTo(uint64_t sequence) const {
  auto lines = Read();
  if (!lines) return lines.error();
  SaveFile manifest;
  if (auto created = manifest.Create(ManifestPath()); !created) return created;
  const std::string base = BaseName(sequence);
  if (auto written = manifest.Write(fmt::format("file {} seq {} type b\n", base, sequence)); !written) return written;
  if (auto committed = manifest.Commit(); !committed) return committed;
  for (const Line& line : *lines) {
    if (line.file != base) unlink(fmt::format("{}/{}", directory_, line.file).c_str());
  }
  return {};
}

Result<std::vector<std::string>> AofManifest::Files() const {
  auto lines = Read();
  if (!lines) return lines.error();
  std::vector<std::string> files;
  for (const char type : {'b', 'i'}) {
    for (const Line& line : *lines) {
      if (line.type == type) files.push_back(fmt::format("{}/{}", directory_, line.file));
    }
  }
  return files;
}

}  // namespace chestbox
