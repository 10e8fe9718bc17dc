// In the steady state neither parsing a request nor writing a reply allocates. This program counts every operator new.
#include <cstdlib>
#include <new>
#include <string>

#include "protocol/resp/reply_writer.h"
#include "protocol/resp/request_parser.h"
#include "protocol/resp/request_writer.h"

#include <catch2/catch.hpp>

namespace {
size_t g_allocations = 0;
}

void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++g_allocations;
  return std::malloc(bytes > 0 ? bytes : 1);
}
void* operator new(size_t bytes) {
  void* memory = operator new(bytes, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace chestbox::resp {
namespace {

// Parses every request in `input`, the first time cut in two, and answers each.
size_t Serve(RequestParser& parser, ReplyBuffer& buffer, std::string& input) {
  ReplyWriter writer(buffer);
  buffer.Clear();
  size_t requests = 0;
  size_t begin = 0;
  parser.Parse(input.data(), input.size() / 2);
  while (parser.Parse(input.data() + begin, input.size() - begin) == RequestParser::Status::kRequest) {
    ++requests;
    for (std::string_view arg : parser.args()) writer.Bulk(arg);
    writer.Integer(12345);
    writer.Double(0.1);
    begin += parser.consumed();
    parser.Reset();
  }
  return requests;
}

TEST_CASE("Serving allocates nothing once the buffers have grown") {
  std::string many_arguments;
  AppendRequest(std::vector<std::string_view>(700, "argument"), &many_arguments);
  std::string input = many_arguments + FormatRequest({"SET", "key", "value"}) + "SET key \"quoted \\x41\"\r\n";
  const std::string pristine = input;
  RequestParser parser;
  ReplyBuffer buffer;
  REQUIRE(Serve(parser, buffer, input) == 3);
  const size_t capacity = buffer.capacity();

  size_t requests = 0;
  const size_t before = g_allocations;
  for (int round = 0; round < 10; ++round) {
    input.assign(pristine);  // inline arguments were unescaped in place
    requests += Serve(parser, buffer, input);
  }
  const size_t allocations = g_allocations - before;
  REQUIRE(requests == 30);
  REQUIRE(allocations == 0);
  REQUIRE(buffer.capacity() == capacity);
}

}  // namespace
}  // namespace chestbox::resp
