// Any bytes at all as a client's requests: no read outside the bytes, the same meaning however they are cut, and what
// was parsed survives being sent again.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/quoted_arguments.h"
#include "protocol/resp/request_writer.h"
#include "tests/unit/resp/request_session.h"

namespace {

using chestbox::resp::testing::Require;
using chestbox::resp::testing::RunByteByByte;
using chestbox::resp::testing::RunSession;
using chestbox::resp::testing::RunWhole;
using chestbox::resp::testing::Session;
using chestbox::resp::testing::SessionOptions;

constexpr size_t kByteByByteMax = 300;  // every byte costs a copy of all before it

void CompareSplits(std::string_view input, const SessionOptions& options) {
  const Session whole = RunWhole(input, options);
  if (input.size() <= kByteByByteMax)
    Require(RunByteByByte(input, options) == whole, "byte by byte is as in one piece");
  std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>()(input)));
  for (int round = 0; round < 3; ++round) {
    std::vector<size_t> cuts(1 + random() % 6);
    for (size_t& cut : cuts) cut = random() % (input.size() + 1);
    std::sort(cuts.begin(), cuts.end());
    Require(RunSession(input, cuts, options) == whole, "in pieces is as in one piece");
  }
}

void SendAgain(std::string_view input) {
  Session first = RunWhole(input);
  std::erase_if(first.requests, [](const auto& request) { return request.empty(); });
  std::string bytes;
  for (const auto& request : first.requests) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    chestbox::resp::AppendRequest(args, &bytes);
  }
  const Session second = RunWhole(bytes);
  Require(second.error.empty() && second.unread_bytes == 0, "what we write is well-formed");
  Require(second.requests == first.requests, "a request survives being sent again");
}

// Every byte in quotes, and back.
void QuoteAndSplit(std::string_view input) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string line = "\"";
  for (char c : input) {
    const auto byte = static_cast<unsigned char>(c);
    line.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  const auto arguments = chestbox::resp::SplitQuotedArguments(line + "\" end");
  Require(arguments && arguments->size() == 2 && arguments->front() == input, "quoted bytes come back");
  Require(!chestbox::resp::SplitQuotedArguments(line), "an open quote is no line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CompareSplits(input, {});
  CompareSplits(input, {.authenticated = false, .max_bulk_bytes = 20'000});
  CompareSplits(input, {.max_bulk_bytes = 16});
  SendAgain(input);
  QuoteAndSplit(input);
  if (auto arguments = chestbox::resp::SplitQuotedArguments(input))
    Require(arguments->size() <= size, "arguments take bytes");
  return 0;
}
