#include <set>

#include "tests/unit/commands/session.h"
#include "tests/unit/config/redis_server.h"

namespace chestbox::testing {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = text.find("\r\n"); end != std::string::npos; begin = end + 2, end = text.find("\r\n", begin)) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

Texts Titles(const std::string& text) {
  Texts titles;
  for (const std::string& line : Lines(text)) {
    if (line.starts_with("# ")) titles.push_back(line.substr(2));
  }
  return titles;
}

std::set<std::string> FieldNames(const std::string& text) {
  std::set<std::string> names;
  for (const std::string& line : Lines(text)) {
    if (line.starts_with("cmdstat_") || line.starts_with("latency_percentiles") || line.starts_with("errorstat_"))
      continue;
    const size_t colon = line.find(':');
    if (!line.starts_with("#") && colon != std::string::npos) names.insert(line.substr(0, colon));
  }
  return names;
}

std::string Field(Session& s, std::string_view section, std::string_view name) {
  for (const std::string& line : Lines(s.Do("info " + std::string(section)))) {
    if (line.starts_with(std::string(name) + ":")) return line.substr(name.size() + 1);
  }
  return "(none)";
}

const Texts kDefault = {"Server", "Clients", "Memory",     "Persistence", "Stats",    "Replication",
                        "CPU",    "Modules", "Errorstats", "Cluster",     "Keyspace", "ChestBox"};

TEST_CASE("INFO has Redis' sections by default, all of them on demand, and one's own choice") {
  Session s;
  CHECK(Titles(s.Do("info")) == kDefault);
  CHECK(Titles(s.Do("info default")) == kDefault);
  Texts all = kDefault;
  all.insert(all.begin() + 8, "Commandstats");
  all.insert(all.begin() + 10, "Latencystats");
  CHECK(Titles(s.Do("info all")) == all);
  CHECK(Titles(s.Do("INFO EVERYTHING")) == all);
  CHECK(Titles(s.Do("info keyspace Server")) == Texts{"Server", "Keyspace"});
  CHECK(Titles(s.Do("info commandstats default commandstats")).size() == kDefault.size() + 1);
  CHECK(s.Do("info nosuch") == "");
}

TEST_CASE("INFO has every field that redis-server 7.0 has") {
  const auto redis = RedisServer::Start({});
  if (redis == nullptr) {
    WARN("no redis-server on this machine");
    return;
  }
  Session s;
  const std::set<std::string> ours = FieldNames(s.Do("info everything"));
  for (const std::string& name : FieldNames(redis->Run({"info", "everything"}).text)) {
    INFO(name);
    CHECK(ours.contains(name));
  }
}

TEST_CASE("INFO tells the two versions apart") {
  Session s("redis-version 6.2.14\n");
  CHECK(Field(s, "server", "redis_version") == "6.2.14");
  CHECK(Field(s, "server", "chestbox_version") == kChestboxVersion);
  CHECK(s.Do("hello").find("version, 6.2.14") != std::string::npos);
}

TEST_CASE("INFO counts commands, refusals and failures") {
  Session s;
  s.Do("set k v");
  s.Do("get k");
  s.Do("get nosuch");
  s.Do("get");
  s.Do("incr k");
  s.Do("client setname x");
  CHECK(Field(s, "commandstats", "cmdstat_get").starts_with("calls=2,usec="));
  CHECK(Field(s, "commandstats", "cmdstat_get").ends_with(",rejected_calls=1,failed_calls=0"));
  CHECK(Field(s, "commandstats", "cmdstat_incr").ends_with(",rejected_calls=0,failed_calls=1"));
  CHECK(Field(s, "commandstats", "cmdstat_client|setname").starts_with("calls=1,"));
  CHECK(Field(s, "errorstats", "errorstat_ERR") == "count=2");
  CHECK(Field(s, "stats", "keyspace_hits") == "1");
  CHECK(Field(s, "stats", "keyspace_misses") == "1");
  CHECK(Field(s, "stats", "total_error_replies") == "2");
  CHECK(Field(s, "latencystats", "latency_percentiles_usec_get").starts_with("p50="));
  CHECK(Field(s, "latencystats", "latency_percentiles_usec_get").find(",p99=") != std::string::npos);
  CHECK(s.Do("config resetstat") == "+OK");
  CHECK(Field(s, "commandstats", "cmdstat_config|resetstat").starts_with("calls=1,"));
  CHECK(Field(s, "stats", "total_commands_processed") == "2");
  CHECK(Field(s, "commandstats", "cmdstat_get") == "(none)");
  CHECK(Field(s, "errorstats", "errorstat_ERR") == "(none)");
  CHECK(Field(s, "stats", "keyspace_hits") == "0");
  CHECK(s.Do("config set latency-tracking no") == "+OK");
  CHECK(Lines(s.Do("info latencystats")) == Texts{"# Latencystats"});
}

TEST_CASE("INFO keyspace counts keys and what expires") {
  Session s;
  CHECK(Lines(s.Do("info keyspace")) == Texts{"# Keyspace"});
  s.Do("set a 1");
  s.Do("set b 1 px 10000");
  s.Do("select 9");
  s.Do("set c 1");
  const auto lines = Lines(s.Do("info keyspace"));
  REQUIRE(lines.size() == 3);
  const std::string_view first = lines[1];
  const std::string_view wanted = "db0:keys=2,expires=1,avg_ttl=";
  REQUIRE(first.substr(0, wanted.size()) == wanted);
  const int ttl_ms = std::stoi(std::string(first.substr(wanted.size())));
  CHECK(ttl_ms > 0);  // how much is left depends on how quick the test is
  CHECK(ttl_ms <= 10000);
  CHECK(lines[2] == "db9:keys=1,expires=0,avg_ttl=0");
}

TEST_CASE("INFO chestbox tells where states are") {
  Session s("swap yes\n");
  s.Do("set a 1");
  CHECK(Field(s, "chestbox", "swap_enabled") == "1");
  CHECK(Field(s, "chestbox", "swapped_out_keys") == "0");
  CHECK(s.Do("debug swapout a") == "+OK");
  s.server().host().RunUntil([&] { return Field(s, "chestbox", "swapped_out_keys") == "1"; });
  CHECK(s.Do("debug object a") == "-ERR the state is swapped out");
  CHECK(s.Do("get a") == "1");
  CHECK(Field(s, "chestbox", "swapped_in_total") == "1");
}

}  // namespace
}  // namespace chestbox::testing
