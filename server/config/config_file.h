// Reading redis.conf. It fills a Config; who owns it and what happens on a change is settings.h's business.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/config/setting.h"

namespace chestbox {

// The bytes of the file at `path`, or of all files that match it where it has wildcards (none is fine then). The error
// is a whole line.
Result<std::string> ReadConfigFile(const std::string& path);

// Puts every line of `text` into `config`, following `include`s. Errors are whole texts that name the line, in Redis'
// form. Paths are relative to the working directory, which a `dir` line before them may have changed.
Result<void> LoadConfigText(std::string_view text, ParseContext& context, Config& config);

}  // namespace chestbox
