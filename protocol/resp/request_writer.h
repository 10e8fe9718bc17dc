// Requests as a client sends them: an array of bulk strings. Pure functions; out of memory throws as std::string does.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace chestbox::resp {

// Appends one request to `out`, which may hold others already (a pipeline).
inline void AppendRequest(std::span<const std::string_view> args, std::string* out) {
  out->append("*").append(std::to_string(args.size())).append("\r\n");
  for (std::string_view arg : args)
    out->append("$").append(std::to_string(arg.size())).append("\r\n").append(arg).append("\r\n");
}

inline std::string FormatRequest(std::initializer_list<std::string_view> args) {
  std::string out;
  AppendRequest({args.begin(), args.size()}, &out);
  return out;
}

}  // namespace chestbox::resp
