#include "server/config/setting.h"

#include <fmt/format.h>

#include <optional>

#include "protocol/check.h"
#include "server/config/config_text.h"

namespace chestbox {
namespace {

// The text of a setting without a field, where it was given one.
std::optional<std::string_view> AcceptedText(const Setting& setting, const Config& config) {
  auto found = config.accepted.find(setting.name());
  if (found == config.accepted.end()) return std::nullopt;
  return found->second;
}

void Accept(const Setting& setting, Config& config, std::string text) {
  config.accepted.insert_or_assign(std::string(setting.name()), std::move(text));
}

Result<void> Refuse(const char* reason) {
  if (reason == nullptr) return {};
  return Error{reason};
}

// --- yes or no

bool ReadBool(const Setting& setting, const BoolType& type, const Config& config) {
  if (type.field != nullptr) return config.*type.field;
  std::optional<std::string_view> text = AcceptedText(setting, config);
  return text ? *text == "yes" : type.fallback;
}

Result<void> ParseBool(const Setting& setting, const BoolType& type, const std::string& text, Config& config) {
  bool value = EqualsIgnoreCase(text, "yes");
  if (!value && !EqualsIgnoreCase(text, "no")) return Error{"argument must be 'yes' or 'no'"};
  if (type.check != nullptr) {
    if (Result<void> checked = Refuse(type.check(value)); !checked) return checked;
  }
  if (type.field != nullptr) {
    config.*type.field = value;
  } else {
    Accept(setting, config, value ? "yes" : "no");
  }
  return {};
}

// --- numbers; unsigned ones travel as the int64_t of the same bits

int64_t ReadNumber(const Setting& setting, const NumberType& type, const Config& config) {
  if (type.field != nullptr) return config.*type.field;
  std::optional<std::string_view> text = AcceptedText(setting, config);
  return text ? *ParseLooseInteger(*text, 10) : type.fallback;
}

// Percentages travel as negative numbers.
std::optional<int64_t> ParseNumberText(NumberForm form, std::string_view text) {
  switch (form) {
    case NumberForm::kInteger:
      return ParseInteger(text);
    case NumberForm::kOctal:
      return ParseLooseInteger(text, 8);
    case NumberForm::kMemory:
    case NumberForm::kMemoryOrPercent:
      break;
  }
  if (std::optional<uint64_t> bytes = ParseMemory(text)) return static_cast<int64_t>(*bytes);
  if (form == NumberForm::kMemoryOrPercent && text.ends_with('%')) {
    std::optional<int64_t> percent = ParseInteger(text.substr(0, text.size() - 1));
    if (percent && *percent >= 0) return -*percent;
  }
  return std::nullopt;
}

const char* NumberSyntaxError(NumberForm form) {
  switch (form) {
    case NumberForm::kInteger:
      return "argument couldn't be parsed into an integer";
    case NumberForm::kOctal:
      return "argument couldn't be parsed as an octal number";
    case NumberForm::kMemory:
      return "argument must be a memory value";
    case NumberForm::kMemoryOrPercent:
      return "argument must be a memory or percent value";
  }
  return "";
}

Result<void> CheckBounds(const NumberType& type, int64_t value) {
  if (type.is_unsigned) {
    auto number = static_cast<uint64_t>(value);
    auto min = static_cast<uint64_t>(type.min);
    auto max = static_cast<uint64_t>(type.max);
    if (number >= min && number <= max) return {};
    if (type.form == NumberForm::kOctal) {
      return Error{fmt::format("argument must be between {:o} and {:o} inclusive", min, max)};
    }
    return Error{fmt::format("argument must be between {} and {} inclusive", min, max)};
  }
  if (type.form == NumberForm::kMemoryOrPercent && value < 0) {
    if (value >= type.min) return {};
    return Error{fmt::format("percentage argument must be less or equal to {}", -type.min)};
  }
  if (value >= type.min && value <= type.max) return {};
  return Error{fmt::format("argument must be between {} and {} inclusive", type.min, type.max)};
}

Result<void> ParseNumber(const Setting& setting, const NumberType& type, const std::string& text, Config& config) {
  std::optional<int64_t> value = ParseNumberText(type.form, text);
  if (!value) return Error{NumberSyntaxError(type.form)};
  if (Result<void> bounds = CheckBounds(type, *value); !bounds) return bounds;
  if (type.check != nullptr) {
    if (Result<void> checked = Refuse(type.check(*value)); !checked) return checked;
  }
  if (type.adjust != nullptr) value = type.adjust(*value);
  if (type.field != nullptr) {
    config.*type.field = *value;
  } else {
    Accept(setting, config, fmt::format("{}", *value));
  }
  return {};
}

std::string FormatNumber(const NumberType& type, int64_t value) {
  switch (type.form) {
    case NumberForm::kMemoryOrPercent:
      if (value < 0) return fmt::format("{}%", -value);
      return fmt::format("{}", value);
    case NumberForm::kMemory:
      return fmt::format("{}", static_cast<uint64_t>(value));
    case NumberForm::kOctal:
      return fmt::format("{:o}", static_cast<uint64_t>(value));
    case NumberForm::kInteger:
      return fmt::format("{}", value);
  }
  return {};
}

std::string NumberInFile(const NumberType& type, int64_t value) {
  bool is_memory = type.form == NumberForm::kMemory || (type.form == NumberForm::kMemoryOrPercent && value >= 0);
  return is_memory ? FormatMemory(static_cast<uint64_t>(value)) : FormatNumber(type, value);
}

// --- texts

std::string_view ReadString(const Setting& setting, const StringType& type, const Config& config) {
  if (type.field != nullptr) return config.*type.field;
  return AcceptedText(setting, config).value_or(type.fallback);
}

Result<void> ParseString(const Setting& setting, const StringType& type, const std::string& text, Config& config) {
  if (type.check != nullptr) {
    if (Result<void> checked = Refuse(type.check(text)); !checked) return checked;
  }
  if (type.field != nullptr) {
    config.*type.field = text;
  } else {
    Accept(setting, config, text);
  }
  return {};
}

// --- one of several words, or bits

int ReadEnum(const Setting& setting, const EnumType& type, const Config& config) {
  if (type.get != nullptr) return type.get(config);
  std::optional<std::string_view> text = AcceptedText(setting, config);
  return text ? static_cast<int>(*ParseLooseInteger(*text, 10)) : type.fallback;
}

std::optional<int> EnumValue(const Setting& setting, const EnumType& type, Arguments words) {
  if (words.empty() || (!setting.Has(kMultiArgument) && words.size() != 1)) return std::nullopt;
  int bits = 0;
  for (const std::string& word : words) {
    const EnumName* found = nullptr;
    for (const EnumName& name : type.names) {
      if (EqualsIgnoreCase(word, name.name)) found = &name;
    }
    if (found == nullptr) return std::nullopt;
    bits |= found->value;
  }
  return bits;
}

Result<void> ParseEnum(const Setting& setting, const EnumType& type, Arguments words, Config& config) {
  std::optional<int> value = EnumValue(setting, type, words);
  if (!value) {
    std::string reason = "argument(s) must be one of the following: ";
    for (const EnumName& name : type.names) {
      if (&name != &type.names.front()) reason += ", ";
      reason += name.name;
    }
    return Error{reason};
  }
  if (type.check != nullptr) {
    if (Result<void> checked = Refuse(type.check(*value)); !checked) return checked;
  }
  if (type.set != nullptr) {
    type.set(config, *value);
  } else {
    Accept(setting, config, fmt::format("{}", *value));
  }
  return {};
}

std::string FormatEnum(const EnumType& type, int value) {
  std::string words;
  int rest = value;
  for (const EnumName& name : type.names) {
    if (name.value == value) return std::string(name.name);
    if (name.value != 0 && (rest & name.value) == name.value) {
      if (!words.empty()) words += ' ';
      words += name.name;
      rest &= ~name.value;
    }
  }
  CHECK(rest == 0);
  return words;
}

}  // namespace

Result<void> ParseSetting(const Setting& setting, Arguments arguments, ParseContext& context, Config& config) {
  CHECK(setting.Has(kMultiArgument) || arguments.size() == 1);
  if (auto* type = std::get_if<BoolType>(&setting.type)) return ParseBool(setting, *type, arguments[0], config);
  if (auto* type = std::get_if<NumberType>(&setting.type)) return ParseNumber(setting, *type, arguments[0], config);
  if (auto* type = std::get_if<StringType>(&setting.type)) return ParseString(setting, *type, arguments[0], config);
  if (auto* type = std::get_if<EnumType>(&setting.type)) return ParseEnum(setting, *type, arguments, config);
  return std::get<const SpecialType*>(setting.type)->parse(arguments, context, config);
}

std::string FormatSetting(const Setting& setting, const Config& config) {
  if (auto* type = std::get_if<BoolType>(&setting.type)) return ReadBool(setting, *type, config) ? "yes" : "no";
  if (auto* type = std::get_if<NumberType>(&setting.type)) {
    return FormatNumber(*type, ReadNumber(setting, *type, config));
  }
  if (auto* type = std::get_if<StringType>(&setting.type)) return std::string(ReadString(setting, *type, config));
  if (auto* type = std::get_if<EnumType>(&setting.type)) return FormatEnum(*type, ReadEnum(setting, *type, config));
  return std::get<const SpecialType*>(setting.type)->format(config);
}

std::vector<RewriteLine> RewriteLines(const Setting& setting, const Config& config) {
  if (auto* type = std::get_if<const SpecialType*>(&setting.type)) return (*type)->lines(setting.name(), config);
  std::string value = FormatSetting(setting, config);
  bool forced = value != FormatSetting(setting, DefaultConfig());
  if (std::holds_alternative<StringType>(setting.type)) {
    if (value.empty() && setting.Has(kUnsetIfEmpty)) return {};
    value = QuoteArgument(value);
  } else if (auto* type = std::get_if<NumberType>(&setting.type)) {
    value = NumberInFile(*type, ReadNumber(setting, *type, config));
  }
  return {RewriteLine{fmt::format("{} {}", setting.name(), value), forced}};
}

const Config& DefaultConfig() {
  static const Config defaults;
  return defaults;
}

}  // namespace chestbox
