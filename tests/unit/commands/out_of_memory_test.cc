// Every family's writes meet a full arena at every request for memory that they make. What is left is a sound value;
// what was reported is what happened; and nothing leaks.
#include <fmt/format.h>

#include <map>

#include "replay.h"
#include "session.h"
#include "tests/unit/server/faulty_memory.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

using Refusals = FaultyMemory::Refusals;
using Words = std::vector<std::string>;

// What is done before, and the write that meets the full arena.
struct Case {
  std::string name;
  std::vector<Words> before;
  Words write;
};

Words Split(std::string_view line) {
  Words words;
  while (!line.empty()) {
    const size_t space = std::min(line.find(' '), line.size());
    if (space != 0) words.emplace_back(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  return words;
}

std::string Long(char c) { return std::string(700, c); }  // has a block of its own in any collection

// `words`, and for each number the elements that `piece` makes of it.
template <class Piece>
Words With(std::string_view words, int from, int to, const Piece& piece) {
  Words all = Split(words);
  for (int i = from; i < to; ++i) {
    for (std::string& word : piece(i)) all.push_back(std::move(word));
  }
  return all;
}

Words Member(int i) {
  return {i % 5 == 0 ? Long(static_cast<char>('a' + i % 26)) + std::to_string(i)
                     : fmt::format("member:{:05}:{}", i * 7919 % 10007, std::string(i % 40, 'x'))};
}
Words Pair(int i) { return {Member(i)[0], Member(i + 1)[0]}; }
Words Scored(int i) { return {std::to_string(i * 7919 % 1013) + ".25", Member(i)[0]}; }
Words Rescored(int i) { return {std::to_string(i * 31 % 1013) + ".75", Member(i)[0]}; }
Words Integer(int i) { return {std::to_string(i * 1000003)}; }
Words KeyAndValue(int i) { return {"k" + std::to_string(i), Member(i)[0]}; }
Words Field(int i) { return {Member(i)[0]}; }

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, std::vector<Words> before, Words write) {
    cases.push_back({name, std::move(before), std::move(write)});
  };
  const Words large_hash = With("HSET h", 0, 40, Pair);
  const Words large_zset = With("ZADD z", 0, 60, Scored);
  const Words large_set = With("SADD s", 0, 40, Member);
  const Words large_list = With("RPUSH l", 0, 60, Member);
  const auto entries = [](std::string_view key, int from, int to) {
    std::vector<Words> commands;
    for (int i = from; i < to; ++i)
      commands.push_back({"XADD", std::string(key), std::to_string(i + 1) + "-1", "f", Member(i)[0]});
    return commands;
  };
  const auto joined = [](std::vector<Words> first, const std::vector<Words>& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
  };

  add("HSET of a new small hash", {}, With("HSET h", 1, 4, Pair));
  add("HSET of a new large hash", {}, large_hash);
  add("HSET into a small hash", {With("HSET h", 1, 4, Pair)}, With("HSET h", 2, 5, Pair));
  add("HSET that makes a small hash large", {With("HSET h", 1, 4, Pair)}, With("HSET h", 2, 30, Pair));
  add("HSET of old and new fields", {large_hash}, With("HSET h", 20, 70, [](int i) {
        return Words{Member(i)[0], Long('v')};
      }));
  add("HMSET", {large_hash}, With("HMSET h", 20, 50, [](int i) { return Words{Member(i)[0], "v"}; }));
  add("HSETNX", {large_hash}, {"HSETNX", "h", "new", Long('v')});
  add("HINCRBY", {large_hash}, Split("HINCRBY h counter 5"));
  add("HSETEX", {large_hash}, With("HSETEX h PXAT 9999999999999 FIELDS 30", 20, 50, [](int i) {
        return Words{Member(i)[0], "v"};
      }));
  add("HSETEX KEEPTTL", {large_hash}, With("HSETEX h KEEPTTL FIELDS 30", 20, 50, [](int i) {
        return Words{Member(i)[0], Long('w')};
      }));
  add("HPEXPIREAT", {large_hash}, With("HPEXPIREAT h 9999999999999 FIELDS 40", 0, 40, Field));
  add("HPEXPIREAT of a small hash", {With("HSET h", 1, 4, Pair)},
      With("HPEXPIREAT h 9999999999999 FIELDS 3", 1, 4, Field));
  add("HGETEX", {large_hash}, With("HGETEX h PXAT 9999999999999 FIELDS 40", 0, 40, Field));
  add("HPERSIST", {large_hash, With("HPEXPIREAT h 9999999999999 FIELDS 40", 0, 40, Field)},
      With("HPERSIST h FIELDS 40", 0, 40, Field));
  add("HDEL", {large_hash}, With("HDEL h", 0, 39, Field));
  add("HGETDEL", {large_hash}, With("HGETDEL h FIELDS 39", 0, 39, Field));

  add("SADD of a new large set", {}, large_set);
  add("SADD of integers", {}, With("SADD s", 0, 8, Integer));
  add("SADD that makes an integer set large", {With("SADD s", 0, 8, Integer)}, With("SADD s", 0, 30, Member));
  add("SADD into a large set", {large_set}, With("SADD s", 20, 90, Member));
  add("SREM", {large_set}, With("SREM s", 0, 39, Member));
  add("SMOVE", {large_set, With("SADD t", 100, 140, Member)}, {"SMOVE", "s", "t", Member(5)[0]});
  add("SUNIONSTORE", {large_set, With("SADD t", 20, 60, Member), Split("SET d x")}, Split("SUNIONSTORE d s t"));
  add("SINTERSTORE", {large_set, With("SADD t", 20, 60, Member)}, Split("SINTERSTORE s s t"));

  add("ZADD of a new small set", {}, With("ZADD z", 1, 4, Scored));
  add("ZADD of a new large set", {}, large_zset);
  add("ZADD into a large set", {large_zset}, With("ZADD z", 40, 130, Scored));
  add("ZADD of other scores", {large_zset}, With("ZADD z", 0, 60, Rescored));
  add("ZADD that makes a small set large", {With("ZADD z", 1, 4, Scored)}, With("ZADD z", 2, 30, Rescored));
  add("ZINCRBY", {large_zset}, {"ZINCRBY", "z", "400", Member(5)[0]});
  add("ZREM", {large_zset}, With("ZREM z", 0, 59, Member));
  add("ZREMRANGEBYRANK", {large_zset}, Split("ZREMRANGEBYRANK z 5 50"));
  add("ZUNIONSTORE", {large_zset, With("ZADD y", 30, 90, Rescored), Split("SET d x")}, Split("ZUNIONSTORE d 2 z y"));
  add("ZRANGESTORE", {large_zset}, Split("ZRANGESTORE z z 3 40"));
  add("GEOADD", {large_zset}, With("GEOADD z", 40, 90, [](int i) {
        return Words{std::to_string(i % 90), std::to_string(i % 80), Member(i)[0]};
      }));

  add("RPUSH of a new large list", {}, large_list);
  add("RPUSH into a small list", {With("RPUSH l", 1, 4, Member)}, With("RPUSH l", 4, 40, Member));
  add("RPUSH into a large list", {large_list}, With("RPUSH l", 60, 160, Member));
  add("LPUSH into a large list", {large_list}, With("LPUSH l", 60, 160, Member));
  add("LINSERT", {large_list}, {"LINSERT", "l", "BEFORE", Member(31)[0], Long('i')});
  add("LSET", {large_list}, {"LSET", "l", "31", Long('i')});
  add("LSET in a small list", {With("RPUSH l", 1, 4, Member)}, {"LSET", "l", "1", Long('i')});
  add("LREM", {large_list}, {"LREM", "l", "0", Member(30)[0]});
  add("LTRIM", {large_list}, Split("LTRIM l 10 12"));
  add("LMOVE", {large_list, With("RPUSH m", 1, 7, Member)}, Split("LMOVE l m LEFT RIGHT"));
  add("LMOVE within a list", {large_list}, Split("LMOVE l l LEFT RIGHT"));
  add("SORT STORE", {large_list, Split("SET d x")}, Split("SORT l ALPHA STORE d"));

  add("XADD of a new stream", {}, {"XADD", "x", "5-1", "f", Long('v')});
  add("XADD", entries("x", 0, 16), {"XADD", "x", "99-1", "f", Long('v')});
  add("XADD that opens a node and trims", entries("x", 0, 16), {"XADD", "x", "MAXLEN", "5", "99-1", "f", "v"});
  add("XDEL", entries("x", 0, 16), Split("XDEL x 1-1 2-1 3-1 4-1 5-1 9-1"));
  add("XTRIM", entries("x", 0, 16), Split("XTRIM x MAXLEN 3"));
  add("XGROUP CREATE MKSTREAM", {}, Split("XGROUP CREATE x g 0 MKSTREAM"));
  const auto with_group = joined(entries("x", 0, 90), {Split("XGROUP CREATE x g 0")});
  add("XGROUP CREATECONSUMER", with_group, Split("XGROUP CREATECONSUMER x g c"));
  add("XREADGROUP", with_group, Split("XREADGROUP GROUP g c COUNT 80 STREAMS x >"));
  const auto pending = joined(with_group, {Split("XREADGROUP GROUP g c COUNT 80 STREAMS x >")});
  add("XCLAIM", pending, Split("XCLAIM x g other 0 1-1 2-1 3-1 4-1 5-1 6-1 7-1 8-1 9-1"));
  add("XCLAIM FORCE", with_group, Split("XCLAIM x g other 0 1-1 2-1 3-1 4-1 5-1 6-1 7-1 8-1 9-1 FORCE"));
  add("XAUTOCLAIM", pending, Split("XAUTOCLAIM x g other 0 - COUNT 70"));
  add("XACK", pending, Split("XACK x g 1-1 2-1 3-1 50-1"));
  add("XGROUP DELCONSUMER", pending, Split("XGROUP DELCONSUMER x g c"));

  add("SET", {Split("SET k v PXAT 9999999999999")}, {"SET", "k", Long('v')});
  add("MSET", {With("MSET", 0, 4, KeyAndValue)}, With("MSET", 2, 12, [](int i) {
        return Words{"k" + std::to_string(i), Long('n')};
      }));
  add("MSETNX", {}, With("MSETNX", 2, 12, KeyAndValue));
  add("APPEND", {{"SET", "k", Long('v')}}, {"APPEND", "k", Long('w')});
  add("SETRANGE", {Split("SET k v")}, Split("SETRANGE k 3000 x"));
  add("SETBIT", {}, Split("SETBIT k 80000 1"));
  add("BITOP", {{"SET", "k", Long('v')}, Split("SADD d 1")}, Split("BITOP NOT d k"));
  add("PFADD", {}, With("PFADD p", 0, 300, Field));
  add("INCR", {Split("SET k v2 PXAT 9999999999999")}, Split("INCR other"));
  add("EXPIRE", {Split("SET k v")}, Split("PEXPIREAT k 9999999999999"));
  add("RENAME", {large_hash, Split("SET d x")}, Split("RENAME h d"));
  add("COPY of a hash", {large_hash}, Split("COPY h d"));
  add("COPY of a sorted set", {large_zset, Split("SET d x")}, Split("COPY z d REPLACE"));
  add("COPY of a list", {large_list}, Split("COPY l d"));
  add("COPY of a stream", pending, Split("COPY x d"));
  return cases;
}

std::vector<std::string_view> Views(const Words& words) { return {words.begin(), words.end()}; }

std::string RunOn(Session& session, const Words& words) {
  return session.server().RunArgs(session.server().client(), Views(words));
}

// The pending entries of a group: IDs, consumers and deliveries. How long ago is not the same for both servers.
std::string PendingOf(Session& session, const std::string& key) {
  const std::string reply = RunOn(session, {"XPENDING", key, "g", "-", "+", "1000"});
  std::string text;
  bool idle = true;
  for (size_t at = 0; at < reply.size();) {
    const size_t end = reply.find("\r\n", at) + 2;
    const bool number = reply[at] == ':';
    if (!number || !idle) text += reply.substr(at, end - at);
    if (number) idle = !idle;
    at = end;
  }
  return text + RunOn(session, {"XPENDING", key, "g"});
}

std::string StateOf(Session& session, const std::string& key) {
  std::string state = RunOn(session, {"TYPE", key}) + RunOn(session, {"DEBUG", "DIGEST-VALUE", key}) +
                      RunOn(session, {"PEXPIRETIME", key});
  if (key == "h") state += RunOn(session, With("HPEXPIRETIME h FIELDS 130", 0, 130, Field));
  if (key == "x") state += PendingOf(session, key);
  return state;
}

std::map<std::string, std::string> StatesOf(Session& session) {
  std::map<std::string, std::string> states;
  for (const char* key : {"h", "s", "t", "z", "y", "l", "m", "x", "d", "k", "p", "other"})
    states[key] = StateOf(session, key);
  for (int i = 0; i < 12; ++i) states["k" + std::to_string(i)] = StateOf(session, "k" + std::to_string(i));
  return states;
}

class Lab {
 public:
  Lab() : faulty_(kConfig, FaultyMemory::Parts(&memory_)), replica_(kConfig) {
    Empty();
    empty_bytes_ = memory_->allocated_bytes();
  }

  // False: the write did not ask for so much memory.
  bool Try(const Case& each, uint64_t granted, Refusals refusals) {
    for (const Words& command : each.before) {
      RunOn(faulty_, command);
      RunOn(replica_, command);
    }
    std::string reply;
    {
      const Replay replay(faulty_);
      memory_->RefuseAfter(granted, refusals);
      reply = RunOn(faulty_, each.write);
      memory_->Relent();
      replay.RunOn(replica_);
      if (reply[0] == '-') CHECK(reply.substr(0, 4) == "-OOM");
    }
    const bool refused = memory_->refused() != 0;
    CHECK((StatesOf(faulty_) == StatesOf(replica_)));
    // The value is sound: the same write succeeds now, with the same outcome on both.
    {
      const Replay replay(faulty_);
      const std::string again = RunOn(faulty_, each.write);
      CHECK(again.substr(0, 4) != "-OOM");
      replay.RunOn(replica_);
    }
    CHECK((StatesOf(faulty_) == StatesOf(replica_)));
    Empty();
    CHECK(memory_->allocated_bytes() == empty_bytes_);
    return refused;
  }

 private:
  static constexpr char kConfig[] =
      "hash-max-listpack-entries 6\nset-max-listpack-entries 6\nset-max-intset-entries 8\nzset-max-listpack-entries 6\n"
      "list-max-listpack-size 6\nstream-node-max-entries 4\n";

  void Empty() {
    faulty_.Do("FLUSHALL SYNC");
    replica_.Do("FLUSHALL SYNC");
    for (Session* session : {&faulty_, &replica_}) {
      while (session->server().keys().FreeStep()) {
      }
      session->server().keys().DrainRetired();
    }
  }

  FaultyMemory* memory_ = nullptr;
  Session faulty_;
  Session replica_;
  uint64_t empty_bytes_ = 0;
};

void TryAll(Refusals refusals) {
  Lab lab;
  for (const Case& each : Cases()) {
    uint64_t granted = 0;
    for (;; ++granted) {
      INFO(each.name << ", " << granted << " requests granted");
      if (!lab.Try(each, granted, refusals)) break;
    }
  }
}

}  // namespace

TEST_CASE("A write that meets a full arena at any point leaves what it reports") { TryAll(Refusals::kAllBehind); }

TEST_CASE("A write that is refused one block at any point leaves what it reports") { TryAll(Refusals::kOne); }

}  // namespace chestbox::testing
