// Splitting a line into arguments by Redis' quoting rules: inline commands, configuration files.
//
// Arguments are separated by white space. Within double quotes \xhh, \n, \r, \t, \b, \a and \<any> are escapes; within
// single quotes only \' is. A closing quote must be followed by white space or the end. A NUL ends the line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chestbox::resp {

// Hands out the arguments of [begin, end) one by one, unescaping them in place: an argument is a slice of that memory.
class QuotedArgumentReader {
 public:
  enum class Step { kArgument, kEnd, kUnbalanced };

  QuotedArgumentReader(char* begin, char* end) : next_(begin), end_(end) {}
  Step Next(std::string_view* argument);

 private:
  bool ReadDoubleQuoted(char** out);
  bool ReadSingleQuoted(char** out);
  bool AtQuoteEnd() const;

  char* next_;
  char* end_;
};

// All arguments of a line; nullopt when its quotes are unbalanced.
std::optional<std::vector<std::string>> SplitQuotedArguments(std::string_view line);

}  // namespace chestbox::resp
