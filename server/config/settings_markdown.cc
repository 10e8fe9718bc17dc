// The table of settings for docs/compatibility.md.
#include <fmt/format.h>

#include <climits>

#include "server/config/config_text.h"
#include "server/config/settings.h"
#include "server/config/settings_table.h"

namespace chestbox {
namespace {

std::string NumberKind(const NumberType& type) {
  auto limit = [&](int64_t value) {
    if (type.form == NumberForm::kOctal) return fmt::format("{:o}", value);
    if (type.form == NumberForm::kMemory) return FormatMemory(static_cast<uint64_t>(value));
    return fmt::format("{}", value);
  };
  std::string kind = "integer";
  if (type.form == NumberForm::kMemory) kind = "memory";
  if (type.form == NumberForm::kMemoryOrPercent) return "memory, or percent";
  if (type.form == NumberForm::kOctal) kind = "octal";
  bool is_open = type.max == LONG_MAX || type.max == INT_MAX || type.max == UINT_MAX || type.max == -1;
  if (type.min == INT_MIN) return kind;
  if (is_open) return fmt::format("{}, from {}", kind, limit(type.min));
  return fmt::format("{}, {}..{}", kind, limit(type.min), limit(type.max));
}

std::string Kind(const Setting& setting) {
  if (std::holds_alternative<BoolType>(setting.type)) return "yes, no";
  if (auto* type = std::get_if<NumberType>(&setting.type)) return NumberKind(*type);
  if (std::holds_alternative<StringType>(setting.type)) return "text";
  if (auto* type = std::get_if<EnumType>(&setting.type)) {
    std::string words;
    for (const EnumName& name : type->names) words += fmt::format("{}{}", words.empty() ? "" : ", ", name.name);
    return words;
  }
  return std::string(std::get<const SpecialType*>(setting.type)->kind);
}

std::string Default(const Setting& setting) {
  if (setting.name() == "dir") return "where the server starts";
  std::string value = FormatSetting(setting, DefaultConfig());
  auto* number = std::get_if<NumberType>(&setting.type);
  if (number != nullptr && number->form == NumberForm::kMemory) value = FormatMemory(*ParseMemory(value));
  return value.empty() ? "" : fmt::format("`{}`", value);
}

std::string Row(const Setting& setting) {
  std::string name = fmt::format("`{}`", setting.name());
  if (!setting.names.alias.empty()) name += fmt::format(", `{}`", setting.names.alias);
  std::string note(setting.note);
  if (setting.Has(kImmutable)) note = note.empty() ? "only at start" : note + "; only at start";
  return fmt::format("| {} | {} | {} | {} |\n", name, Kind(setting), Default(setting), note);
}

void AppendGroup(std::string& text, std::string_view title, uint32_t wanted) {
  text += fmt::format("\n### {}\n\n| setting | values | default | note |\n|---|---|---|---|\n", title);
  for (const Setting* setting : AllSettings()) {
    if (setting->Has(kHidden) || (setting->flags & (kStored | kNoEffect)) != wanted) continue;
    text += Row(*setting);
  }
}

}  // namespace

std::string SettingsMarkdown() {
  std::string text;
  AppendGroup(text, "Settings that act", 0);
  AppendGroup(text, "Kept for features to come, no effect yet", kStored);
  AppendGroup(text, "Accepted, no effect", kNoEffect);
  return text;
}

}  // namespace chestbox
