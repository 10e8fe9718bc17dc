// One row of the settings table: a setting's names, what values it takes, and where its value lives in Config. Reading,
// writing and printing a value all derive from the row. Rows are constants; the functions are pure but for `dir`, which
// changes the working directory when it is parsed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/result.h"
#include "server/config/config.h"

namespace chestbox {

enum SettingFlag : uint32_t {
  kImmutable = 1 << 0,      // CONFIG SET is refused
  kSensitive = 1 << 1,      // the value must not be logged
  kProtected = 1 << 2,      // CONFIG SET only as enable-protected-configs allows
  kHidden = 1 << 3,         // CONFIG GET needs the exact name
  kMultiArgument = 1 << 4,  // takes several words
  kStored = 1 << 5,         // kept for a feature that is not there yet
  kNoEffect = 1 << 6,       // accepted for Redis' sake
  kUnsetIfEmpty = 1 << 7,   // an empty text means "not set": CONFIG REWRITE drops the line
};

using Arguments = std::span<const std::string>;

// What is known about the text that a value comes from.
struct ParseContext {
  bool is_loading = false;  // a configuration file or command line, not CONFIG SET
  // The first `save` of a load replaces the default save points, each further one adds to them.
  bool save_was_seen = false;
};

// Checks return a reason for refusal, or nullptr.
struct BoolType {
  bool Config::*field = nullptr;  // nullptr: in Config::accepted, as for all types
  bool fallback = false;
  const char* (*check)(bool) = nullptr;
};

enum class NumberForm { kInteger, kMemory, kMemoryOrPercent, kOctal };

struct NumberType {
  int64_t Config::*field = nullptr;
  int64_t fallback = 0;
  int64_t min = 0;
  int64_t max = 0;
  NumberForm form = NumberForm::kInteger;
  bool is_unsigned = false;  // bounds and value are compared as unsigned 64-bit numbers
  const char* (*check)(int64_t) = nullptr;
  int64_t (*adjust)(int64_t) = nullptr;  // brings an accepted value into the useful range
};

struct StringType {
  std::string Config::*field = nullptr;
  std::string_view fallback = {};
  const char* (*check)(std::string_view) = nullptr;
};

// With kMultiArgument the values are bits that may be combined. Where two names have one value, the first is printed.
struct EnumName {
  std::string_view name;
  int value;
};

struct EnumType {
  std::span<const EnumName> names;
  int fallback = 0;
  int (*get)(const Config&) = nullptr;
  void (*set)(Config&, int) = nullptr;
  const char* (*check)(int) = nullptr;
};

// A line that CONFIG REWRITE writes. One that is not `forced` has its default value and is written only where the file
// already has a line for it.
struct RewriteLine {
  std::string text;
  bool forced = true;
};

struct SpecialType {
  Result<void> (*parse)(Arguments arguments, ParseContext& context, Config& config) = nullptr;
  std::string (*format)(const Config& config) = nullptr;
  std::vector<RewriteLine> (*lines)(std::string_view name, const Config& config) = nullptr;
  std::string_view kind;  // for the documentation: "list of addresses"
};

struct SettingNames {
  constexpr SettingNames(const char* name) : primary(name) {}  // NOLINT(google-explicit-constructor)
  constexpr SettingNames(const char* name, const char* other) : primary(name), alias(other) {}
  std::string_view primary;
  std::string_view alias;  // empty: none
};

struct Setting {
  SettingNames names;
  uint32_t flags = 0;
  std::variant<BoolType, NumberType, StringType, EnumType, const SpecialType*> type;
  std::string_view note = {};  // where it differs from Redis; for the documentation

  std::string_view name() const { return names.primary; }
  bool Has(SettingFlag flag) const { return (flags & flag) != 0; }
  constexpr Setting Note(std::string_view text) const {
    Setting noted = *this;
    noted.note = text;
    return noted;
  }
};

// Puts the value of `arguments` into `config`. An error's message is the reason alone, in Redis' words, and leaves
// `config` as it was. A setting without kMultiArgument must be given exactly one argument.
Result<void> ParseSetting(const Setting& setting, Arguments arguments, ParseContext& context, Config& config);

// The value as CONFIG GET prints it.
std::string FormatSetting(const Setting& setting, const Config& config);

// The lines that set the value in a file; none when it is not set at all.
std::vector<RewriteLine> RewriteLines(const Setting& setting, const Config& config);

// A Config with nothing but defaults, to compare with.
const Config& DefaultConfig();

// Constructors of rows. The first group keeps values in fields of Config.
constexpr Setting Bool(SettingNames names, bool Config::*field, uint32_t flags = 0) {
  return {names, flags, BoolType{.field = field}};
}
constexpr Setting Number(SettingNames names, uint32_t flags, NumberType type) { return {names, flags, type}; }
constexpr Setting Integer(SettingNames names, int64_t Config::*field, int64_t min, int64_t max, uint32_t flags = 0) {
  return {names, flags, NumberType{.field = field, .min = min, .max = max}};
}
// Redis holds these in unsigned variables, which shows in the message about a negative number.
constexpr Setting Unsigned(SettingNames names, int64_t Config::*field, int64_t min, int64_t max, uint32_t flags = 0) {
  return {names, flags, NumberType{.field = field, .min = min, .max = max, .is_unsigned = true}};
}
constexpr Setting UnsignedMemory(SettingNames names, int64_t Config::*field, int64_t min, int64_t max,
                                 uint32_t flags = 0) {
  return {names, flags,
          NumberType{.field = field, .min = min, .max = max, .form = NumberForm::kMemory, .is_unsigned = true}};
}
constexpr Setting String(SettingNames names, std::string Config::*field, uint32_t flags = 0,
                         const char* (*check)(std::string_view) = nullptr) {
  return {names, flags, StringType{.field = field, .check = check}};
}
template <auto kField>
constexpr Setting Enum(SettingNames names, std::span<const EnumName> values, uint32_t flags = 0) {
  return {names, flags,
          EnumType{.names = values,
                   .get = [](const Config& config) { return static_cast<int>(config.*kField); },
                   .set =
                       [](Config& config, int value) {
                         using Field = std::remove_reference_t<decltype(config.*kField)>;
                         config.*kField = static_cast<Field>(value);
                       }}};
}
constexpr Setting Special(SettingNames names, const SpecialType* type, uint32_t flags = 0) {
  return {names, flags, type};
}

// The second group has no field and no effect.
constexpr Setting AcceptedBool(SettingNames names, bool fallback, uint32_t flags = 0) {
  return {names, flags | kNoEffect, BoolType{.fallback = fallback}};
}
constexpr Setting AcceptedNumber(SettingNames names, uint32_t flags, NumberType type) {
  return {names, flags | kNoEffect, type};
}
constexpr Setting AcceptedInteger(SettingNames names, int64_t fallback, int64_t min, int64_t max, uint32_t flags = 0) {
  return {names, flags | kNoEffect, NumberType{.fallback = fallback, .min = min, .max = max}};
}
constexpr Setting AcceptedString(SettingNames names, std::string_view fallback, uint32_t flags = 0,
                                 const char* (*check)(std::string_view) = nullptr) {
  return {names, flags | kNoEffect, StringType{.fallback = fallback, .check = check}};
}
constexpr Setting AcceptedEnum(SettingNames names, std::span<const EnumName> values, int fallback, uint32_t flags = 0,
                               const char* (*check)(int) = nullptr) {
  return {names, flags | kNoEffect, EnumType{.names = values, .fallback = fallback, .check = check}};
}

}  // namespace chestbox
