// CommandParser: walks over the options of a command, so that a handler reads as its synopsis does.
//
//   CommandParser parser(args, 3);
//   while (!parser.done()) {
//     if (parser.Eat("replace")) { replace = true; }
//     else if (parser.EatWithValue("db", &database)) { … }
//     else return SyntaxError();
//   }
//
// Threads: none.
#pragma once

#include <algorithm>
#include <string_view>

#include "protocol/resp/request_parser.h"
#include "protocol/result.h"

namespace chestbox {

inline Error SyntaxError() { return Error{"ERR syntax error"}; }

// ASCII only, as Redis compares.
inline bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

class CommandParser {
 public:
  // Options begin at args[first].
  CommandParser(resp::Args args, size_t first) : args_(args), next_(first) {}

  bool done() const { return next_ >= args_.size(); }
  // The next argument, which is not consumed. Not to be called when done.
  std::string_view Peek() const { return args_[next_]; }

  // Consumes the next argument if it is `token`.
  bool Eat(std::string_view token) {
    if (done() || !EqualIgnoringCase(args_[next_], token)) return false;
    ++next_;
    return true;
  }

  // The same with the argument that follows; false if there is none.
  bool EatWithValue(std::string_view token, std::string_view* value) {
    if (next_ + 1 >= args_.size() || !EqualIgnoringCase(args_[next_], token)) return false;
    *value = args_[next_ + 1];
    next_ += 2;
    return true;
  }

 private:
  resp::Args args_;
  size_t next_;
};

}  // namespace chestbox
