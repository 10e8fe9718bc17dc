// Every kind of command on states that are out of memory, on their way out, or being loaded: replies, and what is
// stored afterwards and after a restart, are those of a server that keeps everything in memory.
#include <algorithm>

#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

using Words = SwapLab::Words;

const Words kCommands[] = {
    {"set", "k", "new"},
    {"set", "k", "new", "keepttl"},
    {"set", "k", "new", "get"},
    {"set", "k", "new", "nx"},
    {"set", "k", "new", "xx", "pxat", "33177117421000"},
    {"getdel", "k"},
    {"getset", "k", "new"},
    {"getex", "k", "persist"},
    {"append", "k", "tail"},
    {"setrange", "k", "3", "xyz"},
    {"setrange", "k", "900000", "far"},
    {"setbit", "k", "7", "1"},
    {"incr", "k"},
    {"del", "k"},
    {"unlink", "k", "other", "none"},
    {"rename", "k", "other"},
    {"rename", "k", "new"},
    {"rename", "none", "k"},
    {"renamenx", "k", "other"},
    {"renamenx", "k", "new"},
    {"copy", "k", "new"},
    {"copy", "k", "other"},
    {"copy", "k", "other", "replace"},
    {"copy", "k", "other", "db", "1", "replace"},
    {"move", "k", "1"},
    {"move", "other", "1"},
    {"swapdb", "0", "1"},
    {"flushdb"},
    {"flushdb", "async"},
    {"flushall"},
    {"pexpireat", "k", "33177117421000"},
    {"pexpireat", "other", "33177117421000"},
    {"pexpireat", "k", "1"},
    {"persist", "k"},
    {"mset", "k", "1", "other", "2", "third", "3"},
    {"msetnx", "third", "1", "k", "2"},
    {"mget", "k", "none", "other", "k"},
    {"strlen", "k"},
    {"exists", "k", "other", "none", "k"},
    {"type", "k"},
    {"pexpiretime", "k"},
    {"getrange", "k", "1", "8"},
    {"touch", "k", "none"},
    {"lcs", "other", "none"},
    {"dbsize"},
};

// Two keys in database 0 (one expires) and one of the same name in database 1.
void Fill(const std::function<std::string(const Words&)>& run, size_t bytes) {
  run({"set", "k", ValueFor("k", bytes), "pxat", "33177117420000"});
  run({"set", "other", ValueFor("other", bytes)});
  run({"copy", "k", "k", "db", "2"});
  run({"copy", "other", "other", "db", "1"});
}

enum class Where { kInMemory, kOut, kLeaving, kLoading };

struct Outcome {
  std::string reply;
  std::vector<std::string> effects;
  std::map<std::string, std::string> dump;
  std::map<std::string, std::string> dump_after_restart;
};

Outcome Try(const Words& command, size_t bytes, Where where) {
  SwapLab lab;
  Fill([&](const Words& words) { return lab.Run(words); }, bytes);
  Client& reader = lab.AddClient();
  if (where == Where::kOut || where == Where::kLoading) lab.SwapOutAll();
  (void)lab.effects().Take();
  Outcome outcome;
  if (where == Where::kLeaving) {
    lab.gates().write.Close();
    for (const char* key : {"k", "other"}) REQUIRE(lab.swapper().SwapOutNow(0, key));
    REQUIRE(lab.swapper().SwapOutNow(1, "other"));
    lab.gates().write.AwaitCaller();
    REQUIRE(lab.Begin(lab.client(), command));  // nothing waits for a disk that is busy
    outcome.reply = lab.client().output.view();
    lab.gates().write.Open();
  } else if (where == Where::kLoading) {
    lab.gates().load.Close();
    REQUIRE_FALSE(lab.Begin(reader, {"mget", "k", "other"}));
    lab.gates().load.AwaitCaller();
    lab.Begin(lab.client(), command);
    lab.gates().load.Open();
    outcome.reply = lab.Finish(lab.client());
    (void)lab.Finish(reader);
  } else {
    outcome.reply = lab.Run(command);
  }
  outcome.effects = lab.effects().Take();
  lab.Settle();
  outcome.dump = lab.Dump();
  lab.SwapOutAll();
  REQUIRE(lab.Dump() == outcome.dump);
  lab.Restart();
  outcome.dump_after_restart = lab.Dump();
  return outcome;
}

void TryAll(size_t bytes) {
  for (const Words& command : kCommands) {
    std::string line;
    for (const std::string& word : command) line += word + " ";
    const Outcome expected = Try(command, bytes, Where::kInMemory);
    REQUIRE(expected.dump_after_restart == expected.dump);
    for (Where where : {Where::kOut, Where::kLeaving, Where::kLoading}) {
      CAPTURE(line, bytes, static_cast<int>(where));
      const Outcome outcome = Try(command, bytes, where);
      REQUIRE(outcome.reply == expected.reply);
      REQUIRE(outcome.effects == expected.effects);
      REQUIRE((outcome.dump == expected.dump));  // too long to print
      REQUIRE((outcome.dump_after_restart == expected.dump));
    }
  }
}

TEST_CASE("Commands on swapped-out, leaving and loading states do what they do in memory: small values") { TryAll(20); }
TEST_CASE("Commands on swapped-out, leaving and loading states do what they do in memory: values in blocks") {
  TryAll(3000);
}
TEST_CASE("Commands on swapped-out, leaving and loading states do what they do in memory: values in chunks") {
  TryAll(700000);
}

TEST_CASE("A large value is changed in place while the write thread is reading it") {
  SwapLab lab;
  std::string value = ValueFor("k", 5 << 20);
  lab.Run({"set", "k", value});
  for (int round = 0; round < 3; ++round) {
    lab.Run({"append", "k", "."});
    value += '.';
    lab.gates().write.Close();
    REQUIRE(lab.swapper().SwapOutNow(0, "k"));
    lab.gates().write.AwaitCaller();
    for (int i = 0; i < 20; ++i) {
      const auto offset = static_cast<size_t>(i * 262144 + round);
      REQUIRE(lab.Begin(lab.client(), {"setrange", "k", std::to_string(offset), "changed"}));
      value.replace(offset, 7, "changed");
      REQUIRE(lab.Begin(lab.client(), {"append", "k", "tail"}));
      value += "tail";
    }
    lab.gates().write.Open();
    lab.Settle();
    REQUIRE_FALSE(lab.IsOut(0, "k"));
    lab.SwapOutAll();
    REQUIRE(lab.Run({"get", "k"}) == Bulk(value));
  }
  lab.Restart();
  REQUIRE(lab.Run({"get", "k"}) == Bulk(value));
}

TEST_CASE("A value that a client looks at stays where it is while its state leaves, returns and is deleted") {
  SwapLab lab;
  const std::string value = ValueFor("k", 2 << 20);
  lab.Run({"set", "k", value});
  auto page = std::make_unique<shm::ClientPage>();
  lab.keys().AddClientPage(page.get());
  const uint64_t hash = lab.keys().HashOf("k");
  const uint64_t entry = lab.keys().index(0).Find("k", hash).entry;
  const shm::Link link = lab.keys().ValueLinkOf(entry);
  const char* bytes = lab.keys().memory().At(link);
  page->summary.store(1);
  page->slots[3].store(link);
  lab.SwapOutAll();
  REQUIRE(std::string_view(bytes, value.size()) == value);
  REQUIRE(lab.Run({"get", "k"}) == Bulk(value));
  lab.Run({"del", "k"});
  for (int i = 0; i < 20; ++i) lab.Run({"set", "filler" + std::to_string(i), ValueFor("x", 1 << 20)});
  REQUIRE(std::string_view(bytes, value.size()) == value);
  REQUIRE(lab.keys().retired_blocks() >= 1);
  page->slots[3].store(0);
  lab.keys().DrainRetired();
  REQUIRE(lab.keys().retired_blocks() == 0);
  lab.keys().RemoveClientPage(page.get());
}

TEST_CASE("A state that dies while it is loaded is reported once and is gone") {
  SwapLab lab;
  lab.Run({"set", "k", "v", "px", "1000"});
  lab.SwapOutAll();
  lab.gates().load.Close();
  REQUIRE_FALSE(lab.Begin(lab.client(), {"get", "k"}));
  lab.gates().load.AwaitCaller();
  (void)lab.effects().Take();
  lab.Cron(2000);  // finds it due in the store
  lab.gates().load.Open();
  REQUIRE(lab.Finish(lab.client()) == "$-1\r\n");
  lab.Cron(2000);
  lab.Settle();
  REQUIRE(lab.effects().Take() == std::vector<std::string>{"0: DEL k"});
  REQUIRE(lab.Do("dbsize") == ":0\r\n");
}

TEST_CASE("Swapped-out states expire without being touched, each with one DEL") {
  SwapLab lab;
  for (int i = 0; i < 1000; ++i) lab.Run({"set", "k" + std::to_string(i), "v", "px", "1000"});
  lab.Do("set stays v");
  lab.Do("select 3");
  lab.Do("set other v px 1000");
  lab.SwapOutAll();
  (void)lab.effects().Take();
  lab.Do("select 0");
  lab.Cron(2000);
  lab.host().RunUntil([&] { return lab.keys().Size(0) + lab.keys().Size(3) == 1; });
  std::vector<std::string> effects = lab.effects().Take();
  REQUIRE(effects.size() == 1001);
  std::sort(effects.begin(), effects.end());
  REQUIRE(std::unique(effects.begin(), effects.end()) == effects.end());
  REQUIRE(effects.back() == "3: DEL other");
  REQUIRE(lab.swapper().HasSwappedOut(0));
  REQUIRE(lab.keys().ExpiringSize(0) == 0);
  lab.Restart();
  REQUIRE(lab.Do("dbsize") == ":1\r\n");
  REQUIRE(lab.Do("get k5") == "$-1\r\n");
}

TEST_CASE("An expiry read from the store before its state was set anew does not delete the new state") {
  SwapLab lab;
  lab.Do("set k old px 1000");
  lab.SwapOutAll();
  lab.gates().due.Close();
  lab.Cron(2000);
  lab.gates().due.AwaitCaller();
  REQUIRE(lab.Do("get k") == "$-1\r\n");
  lab.Do("set k new px 1000000");
  REQUIRE(lab.swapper().SwapOutNow(0, "k"));
  lab.host().RunUntil([&] { return lab.IsOut(0, "k"); });
  lab.gates().due.Open();
  lab.host().RunUntil([&] { return lab.swapper().stats().erases_in_flight == 0; });
  lab.Cron(600);
  lab.Settle();
  REQUIRE(lab.Do("get k") == Bulk("new"));
  lab.Restart();
  REQUIRE(lab.Do("get k") == Bulk("new"));
}

// ---- Keys that share hash bits ----

uint64_t HashOfText(std::string_view key) {
  uint64_t hash = 1469598103934665603ULL;
  for (char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}
uint64_t OneHash(std::string_view, uint64_t) { return 0x1234'5678'9abc'def0; }
// The 48 bits that a swapped-out entry keeps are the same.
uint64_t SameKeptBits(std::string_view key, uint64_t) { return HashOfText(key) << 48 | 0x5678'9abc'def0; }

TEST_CASE("Keys whose hash bits are the same are told apart in memory, out of it, and after a restart") {
  const auto hash_of = GENERATE(&OneHash, &SameKeptBits);
  SwapLab lab({}, hash_of);
  std::map<std::string, std::string> model;
  for (int i = 0; i < 8; ++i) {
    const std::string key = "key" + std::to_string(i);
    model[key] = ValueFor(key, i % 2 == 0 ? 20 : 2000);
    lab.Run({"set", key, model[key]});
  }
  const auto check = [&] {
    for (int i = 0; i < 10; ++i) {
      const std::string key = "key" + std::to_string(i);
      CAPTURE(key);
      const auto found = model.find(key);
      REQUIRE(lab.Run({"get", key}) == (found == model.end() ? "$-1\r\n" : Bulk(found->second)));
    }
    REQUIRE(lab.Dump().size() == model.size());
  };
  check();
  lab.SwapOutAll();
  REQUIRE(lab.Run({"get", "missing"}) == "$-1\r\n");
  check();
  lab.SwapOutAll();
  REQUIRE(lab.Run({"del", "key3"}) == ":1\r\n");
  model.erase("key3");
  // Its record is still in the store for a moment, and others have entries with its bits.
  REQUIRE(lab.Run({"get", "key3"}) == "$-1\r\n");
  REQUIRE(lab.Run({"set", "key9", "new"}) == "+OK\r\n");
  model["key9"] = "new";
  REQUIRE(lab.Run({"rename", "key4", "key5"}) == "+OK\r\n");
  model["key5"] = std::exchange(model["key4"], "");
  model.erase("key4");
  check();
  lab.SwapOutAll();
  lab.Restart();
  check();
  // The same while the index is not complete.
  lab.Stop();
  lab.gates().scan.Close();
  lab.Start();
  REQUIRE(lab.Run({"del", "key0"}) == ":1\r\n");
  REQUIRE(lab.Run({"set", "key1", "other"}) == "+OK\r\n");
  REQUIRE(lab.Run({"get", "key3"}) == "$-1\r\n");
  model.erase("key0");
  model["key1"] = "other";
  lab.gates().scan.Open();
  lab.Settle();
  check();
  lab.Restart();
  check();
}

}  // namespace
}  // namespace chestbox::testing
