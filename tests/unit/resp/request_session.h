// A client's bytes run through a RequestParser in pieces, the way a connection does it, with every rule of the parser's
// interface checked on the way. Shared by the unit tests and the fuzzer.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/request_parser.h"

namespace chestbox::resp::testing {

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

struct Session {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  size_t unread_bytes = 0;  // of a request that did not end

  bool operator==(const Session&) const = default;
};

// Each call of Parse gets a block of its own, exactly as large as the bytes: a sanitizer sees every read outside, and a
// slice that still pointed into an earlier block.
class SessionRunner {
 public:
  explicit SessionRunner(RequestParser& parser) : parser_(parser) {}

  // False once the parser failed.
  bool Receive(std::string_view piece) {
    unread_.append(piece);
    while (true) {
      auto block = std::make_unique<char[]>(unread_.size());
      if (!unread_.empty()) std::memcpy(block.get(), unread_.data(), unread_.size());
      const RequestParser::Status status = parser_.Parse(block.get(), unread_.size());
      Require(unread_.size() >= least_bytes_ || status == RequestParser::Status::kNeedMore,
              "bytes_wanted() is a lower bound");
      if (status == RequestParser::Status::kError) return Fail();
      if (status == RequestParser::Status::kNeedMore) return Wait();
      TakeRequest({block.get(), unread_.size()});
    }
  }

  Session Finish() {
    session_.unread_bytes = unread_.size();
    return session_;
  }

 private:
  bool Fail() {
    session_.error = parser_.error();
    Require(session_.error.starts_with("ERR Protocol error: "), "an error is worded");
    unread_.clear();
    return false;
  }

  bool Wait() {
    Require(parser_.bytes_wanted() > 0, "a parser that waits wants something");
    Require(parser_.in_request() == !unread_.empty(), "in_request() tells whether bytes of a request were seen");
    least_bytes_ = unread_.size() + parser_.bytes_wanted();
    return true;
  }

  void TakeRequest(std::string_view block) {
    Require(parser_.consumed() > 0 && parser_.consumed() <= block.size(), "consumed() lies within the bytes");
    std::vector<std::string>& request = session_.requests.emplace_back();
    for (std::string_view arg : parser_.args()) {
      Require(arg.data() >= block.data() && arg.data() + arg.size() <= block.data() + parser_.consumed(),
              "an argument is a slice of its request");
      request.emplace_back(arg);
    }
    unread_.erase(0, parser_.consumed());
    least_bytes_ = 0;
    parser_.Reset();
  }

  RequestParser& parser_;
  Session session_;
  std::string unread_;
  size_t least_bytes_ = 0;
};

struct SessionOptions {
  bool authenticated = true;
  size_t max_bulk_bytes = kBulkBytesMaxDefault;
};

// `cuts`: ascending positions in `input` where one piece ends and the next begins.
inline Session RunSession(std::string_view input, std::span<const size_t> cuts, const SessionOptions& options = {}) {
  RequestParser parser;
  parser.set_authenticated(options.authenticated);
  parser.set_max_bulk_bytes(options.max_bulk_bytes);
  SessionRunner runner(parser);
  size_t begin = 0;
  for (size_t cut : cuts) {
    if (!runner.Receive(input.substr(begin, cut - begin))) return runner.Finish();
    begin = cut;
  }
  runner.Receive(input.substr(begin));
  return runner.Finish();
}

inline Session RunWhole(std::string_view input, const SessionOptions& options = {}) {
  return RunSession(input, {}, options);
}

inline Session RunByteByByte(std::string_view input, const SessionOptions& options = {}) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < input.size(); ++i) cuts.push_back(i);
  return RunSession(input, cuts, options);
}

}  // namespace chestbox::resp::testing
