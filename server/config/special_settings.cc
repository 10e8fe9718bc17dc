#include "server/config/special_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "server/config/config_text.h"

namespace chestbox {
namespace {

// A single empty argument means "none" to most of these settings.
bool IsNone(Arguments arguments) { return arguments.empty() || (arguments.size() == 1 && arguments[0].empty()); }

// The usual line: name, value, and whether it differs from the default.
std::vector<RewriteLine> OneLine(std::string_view name, const std::string& value, const std::string& default_value) {
  return {RewriteLine{fmt::format("{} {}", name, value), value != default_value}};
}

// --- bind

// As many listening sockets as Redis can hold.
constexpr size_t kBindAddressesMax = 16;

Result<void> ParseBind(Arguments arguments, ParseContext&, Config& config) {
  if (arguments.size() > kBindAddressesMax) return Error{"Too many bind addresses specified."};
  if (IsNone(arguments)) arguments = {};
  config.bind.assign(arguments.begin(), arguments.end());
  return {};
}

std::string FormatBind(const Config& config) { return JoinWithSpaces(config.bind); }

std::vector<RewriteLine> BindLines(std::string_view name, const Config& config) {
  if (config.bind == DefaultConfig().bind) return {};
  return {RewriteLine{fmt::format("{} {}", name, config.bind.empty() ? "\"\"" : FormatBind(config))}};
}

// --- dir

Result<void> ParseDir(Arguments arguments, ParseContext&, Config& config) {
  if (::chdir(arguments[0].c_str()) != 0) return Error{std::strerror(errno)};
  config.dir = WorkingDirectory();
  return {};
}

std::string FormatDir(const Config& config) { return config.dir; }

std::vector<RewriteLine> DirLines(std::string_view name, const Config& config) {
  if (config.dir.empty()) return {};
  return {RewriteLine{fmt::format("{} {}", name, QuoteArgument(config.dir))}};
}

// --- save

Result<void> ParseSave(Arguments arguments, ParseContext& context, Config& config) {
  bool clears = IsNone(arguments) && !arguments.empty();
  if (IsNone(arguments)) arguments = {};
  const Error invalid{"Invalid save parameters"};
  if (arguments.size() % 2 != 0) return invalid;
  std::vector<SavePoint> points;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    std::optional<int64_t> period_s = ParseLooseInteger(arguments[i], 10);
    std::optional<int64_t> changes = ParseLooseInteger(arguments[i + 1], 10);
    if (!period_s || *period_s < 1 || !changes || *changes < 0) return invalid;
    points.push_back({*period_s, *changes});
  }
  bool adds = context.is_loading && context.save_was_seen && !clears;
  context.save_was_seen = true;
  if (!adds) config.save_points.clear();
  config.save_points.insert(config.save_points.end(), points.begin(), points.end());
  return {};
}

std::string FormatSave(const Config& config) {
  std::vector<std::string> pieces;
  for (const SavePoint& point : config.save_points)
    pieces.push_back(fmt::format("{} {}", point.period_s, point.changes));
  return JoinWithSpaces(pieces);
}

// Always written, because a file without `save` means the default save points.
std::vector<RewriteLine> SaveLines(std::string_view name, const Config& config) {
  if (config.save_points.empty()) return {RewriteLine{fmt::format("{} \"\"", name)}};
  std::vector<RewriteLine> lines;
  for (const SavePoint& point : config.save_points) {
    lines.push_back({fmt::format("{} {} {}", name, point.period_s, point.changes)});
  }
  return lines;
}

// --- replicaof

Result<void> ParseReplicaOf(Arguments arguments, ParseContext&, Config&) {
  if (arguments.size() != 2) return Error{"wrong number of arguments"};
  if (EqualsIgnoreCase(arguments[0], "no") && EqualsIgnoreCase(arguments[1], "one")) return {};
  return Error{"replication is not supported: this server can't be a replica"};
}

std::string FormatReplicaOf(const Config&) { return {}; }
std::vector<RewriteLine> ReplicaOfLines(std::string_view, const Config&) { return {}; }

// --- client-output-buffer-limit

std::optional<ClientClass> ClientClassByName(std::string_view name) {
  if (EqualsIgnoreCase(name, "normal")) return ClientClass::kNormal;
  if (EqualsIgnoreCase(name, "replica") || EqualsIgnoreCase(name, "slave")) return ClientClass::kReplica;
  if (EqualsIgnoreCase(name, "pubsub")) return ClientClass::kPubsub;
  return std::nullopt;
}

Result<void> ParseOutputBufferLimits(Arguments arguments, ParseContext&, Config& config) {
  if (arguments.size() % 4 != 0) return Error{"Wrong number of arguments in buffer limit configuration."};
  auto limits = config.client_output_buffer_limits;
  for (size_t i = 0; i < arguments.size(); i += 4) {
    std::optional<ClientClass> client_class = ClientClassByName(arguments[i]);
    if (!client_class) return Error{"Invalid client class specified in buffer limit configuration."};
    std::optional<uint64_t> hard = ParseMemory(arguments[i + 1]);
    std::optional<uint64_t> soft = ParseMemory(arguments[i + 2]);
    std::optional<int64_t> soft_s = ParseLooseInteger(arguments[i + 3], 10);
    if (!hard || !soft || !soft_s || *soft_s < 0) {
      return Error{"Error in hard, soft or soft_seconds setting in buffer limit configuration."};
    }
    limits[static_cast<size_t>(*client_class)] = {static_cast<int64_t>(*hard), static_cast<int64_t>(*soft), *soft_s};
  }
  config.client_output_buffer_limits = limits;
  return {};
}

// CONFIG GET has the old name of the second class, files have the new one: so it is in Redis.
constexpr std::string_view kClassNamesInReplies[] = {"normal", "slave", "pubsub"};
constexpr std::string_view kClassNamesInFiles[] = {"normal", "replica", "pubsub"};

std::string FormatOutputBufferLimits(const Config& config) {
  std::vector<std::string> pieces;
  for (size_t i = 0; i < kClientClassCount; ++i) {
    const OutputBufferLimit& limit = config.client_output_buffer_limits[i];
    pieces.push_back(fmt::format("{} {} {} {}", kClassNamesInReplies[i], static_cast<uint64_t>(limit.hard_bytes),
                                 static_cast<uint64_t>(limit.soft_bytes), limit.soft_s));
  }
  return JoinWithSpaces(pieces);
}

std::vector<RewriteLine> OutputBufferLimitLines(std::string_view name, const Config& config) {
  std::vector<RewriteLine> lines;
  for (size_t i = 0; i < kClientClassCount; ++i) {
    const OutputBufferLimit& limit = config.client_output_buffer_limits[i];
    lines.push_back({fmt::format("{} {} {} {} {}", name, kClassNamesInFiles[i],
                                 FormatMemory(static_cast<uint64_t>(limit.hard_bytes)),
                                 FormatMemory(static_cast<uint64_t>(limit.soft_bytes)), limit.soft_s),
                     limit != DefaultConfig().client_output_buffer_limits[i]});
  }
  return lines;
}

// --- notify-keyspace-events

// The letters in Redis' order of printing. 'A' stands for all of the first group.
constexpr std::string_view kEventClasses = "g$lshzxetdn";
constexpr std::string_view kEventModes = "KEm";

Result<void> ParseNotifyKeyspaceEvents(Arguments arguments, ParseContext&, Config& config) {
  const std::string& letters = arguments[0];
  if (letters.find_first_not_of("Ag$lshzxeKEtmdn") != std::string::npos) {
    return Error{"Invalid event class character. Use 'Ag$lshzxeKEtmdn'."};
  }
  auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  std::string classes;
  for (char letter : kEventClasses) {
    if (has(letter) || has('A')) classes += letter;
  }
  std::string canonical = classes == kEventClasses ? "A" : classes;
  for (char letter : kEventModes) {
    if (has(letter)) canonical += letter;
  }
  config.notify_keyspace_events = canonical;
  return {};
}

std::string FormatNotifyKeyspaceEvents(const Config& config) { return config.notify_keyspace_events; }

std::vector<RewriteLine> NotifyKeyspaceEventsLines(std::string_view name, const Config& config) {
  return OneLine(name, QuoteArgument(config.notify_keyspace_events), "\"\"");
}

// --- oom-score-adj-values

constexpr int64_t kOomScoreAdjMax = 2000;

Result<void> ParseOomScoreAdjValues(Arguments arguments, ParseContext&, Config& config) {
  auto values = config.oom_score_adj_values;
  if (arguments.size() != values.size()) return Error{"wrong number of arguments"};
  for (size_t i = 0; i < values.size(); ++i) {
    std::optional<int64_t> value = ParseLooseInteger(arguments[i], 10);
    if (!value || *value < -kOomScoreAdjMax || *value > kOomScoreAdjMax) {
      return Error{"Invalid oom-score-adj-values, elements must be between -2000 and 2000."};
    }
    values[i] = *value;
  }
  config.oom_score_adj_values = values;
  return {};
}

std::string FormatOomScoreAdjValues(const Config& config) {
  const auto& values = config.oom_score_adj_values;
  return fmt::format("{} {} {}", values[0], values[1], values[2]);
}

std::vector<RewriteLine> OomScoreAdjValuesLines(std::string_view name, const Config& config) {
  return OneLine(name, FormatOomScoreAdjValues(config), FormatOomScoreAdjValues(DefaultConfig()));
}

// --- latency-tracking-info-percentiles

std::optional<double> ParseDouble(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.front() == '\t') return std::nullopt;
  char* end = nullptr;
  errno = 0;
  double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || errno == ERANGE || std::isnan(value)) return std::nullopt;
  return value;
}

Result<void> ParseLatencyPercentiles(Arguments arguments, ParseContext&, Config& config) {
  if (IsNone(arguments)) arguments = {};
  std::vector<double> percentiles;
  for (const std::string& text : arguments) {
    std::optional<double> percentile = ParseDouble(text);
    if (!percentile) return Error{"Invalid latency-tracking-info-percentiles parameters"};
    if (*percentile < 0.0 || *percentile > 100.0) {
      return Error{"latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"};
    }
    percentiles.push_back(*percentile);
  }
  config.latency_tracking_info_percentiles = percentiles;
  return {};
}

std::string FormatLatencyPercentiles(const Config& config) {
  std::vector<std::string> pieces;
  for (double percentile : config.latency_tracking_info_percentiles) pieces.push_back(FormatDouble(percentile));
  return JoinWithSpaces(pieces);
}

std::vector<RewriteLine> LatencyPercentilesLines(std::string_view name, const Config& config) {
  std::string value = FormatLatencyPercentiles(config);
  return {RewriteLine{fmt::format("{} {}", name, value.empty() ? "\"\"" : value)}};
}

}  // namespace

std::string WorkingDirectory() {
  std::error_code error;
  std::filesystem::path path = std::filesystem::current_path(error);
  return error ? std::string() : path.string();
}

const SpecialType kBindType = {ParseBind, FormatBind, BindLines, "addresses"};
const SpecialType kDirType = {ParseDir, FormatDir, DirLines, "directory"};
const SpecialType kSaveType = {ParseSave, FormatSave, SaveLines, "pairs of seconds and changes"};
const SpecialType kReplicaOfType = {ParseReplicaOf, FormatReplicaOf, ReplicaOfLines, "host and port"};
const SpecialType kOutputBufferLimitType = {ParseOutputBufferLimits, FormatOutputBufferLimits, OutputBufferLimitLines,
                                            "class, hard, soft, seconds; up to 3 times"};
const SpecialType kNotifyKeyspaceEventsType = {ParseNotifyKeyspaceEvents, FormatNotifyKeyspaceEvents,
                                               NotifyKeyspaceEventsLines, "letters of Ag$lshzxeKEtmdn"};
const SpecialType kOomScoreAdjValuesType = {ParseOomScoreAdjValues, FormatOomScoreAdjValues, OomScoreAdjValuesLines,
                                            "3 integers, -2000..2000"};
const SpecialType kLatencyPercentilesType = {ParseLatencyPercentiles, FormatLatencyPercentiles, LatencyPercentilesLines,
                                             "numbers, 0..100"};

}  // namespace chestbox
