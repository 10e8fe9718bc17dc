// Files and directories changed so that the change is on the disk when the call returns. Errors name the path.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox::swap {

// "ERR swap: <what> <path>: <reason>" for an errno value.
Error FileError(std::string_view what, const std::filesystem::path& path, int error_number);

Result<void> SyncDirectory(const std::filesystem::path& path);
Result<void> CreateDirectory(const std::filesystem::path& path);

// The whole file; nothing when it does not exist.
Result<std::optional<std::string>> ReadFile(const std::filesystem::path& path);
// Creates or replaces `path`, not atomically: for files that nobody takes seriously before a rename.
Result<void> WriteFile(const std::filesystem::path& path, std::string_view bytes);
// A rename within one directory.
Result<void> RenameFile(const std::filesystem::path& from, const std::filesystem::path& to);
// A missing one is fine, for both.
Result<void> RemoveFile(const std::filesystem::path& path);
Result<void> RemoveTree(const std::filesystem::path& path);

// A second name for the file, or a copy where the file system has no hard links.
Result<void> LinkOrCopyFile(const std::filesystem::path& from, const std::filesystem::path& to);
Result<void> CopyFile(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace chestbox::swap
