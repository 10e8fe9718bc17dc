// What a cold GET is compared with: a read from RocksDB itself, of the same states (same keys, values, number), with
// Bloom filters, no compression, a block cache of 8 MiB and a closed write-ahead log; in this process, so without a
// server in between.
//
//   bench_raw_rocksdb_read fill FOLDER GROUP COUNT SIZE
//   bench_raw_rocksdb_read read FOLDER GROUP COUNT SIZE SECONDS    prints p50, p99, longest (ns) and how many there
//   were
//   bench_raw_rocksdb_read serve FOLDER GROUP COUNT SIZE SOCKET    answers GETs over a Unix socket, one client at a
//   time, until killed: the floor of what a cold GET can take
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>

#include "bench/redis_client.h"
#include "bench/states.h"
#include "bench/timing.h"

namespace bench {
namespace {

constexpr size_t kBlockCacheBytes = 8 << 20;

void Check(const rocksdb::Status& status) {
  if (!status.ok()) Die("rocksdb: " + status.ToString());
}

std::unique_ptr<rocksdb::DB> Open(const std::string& folder) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* database = nullptr;
  Check(rocksdb::DB::Open(options, folder, &database));
  return std::unique_ptr<rocksdb::DB>(database);
}

void Fill(rocksdb::DB& database, char group, uint64_t count, size_t size_bytes) {
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  std::string value;
  // In a scattered order, as states are swapped out: in order, RocksDB would be left with one sorted run. A stride that
  // shares no divisor with the number of states meets each of them once.
  uint64_t stride = static_cast<uint64_t>(static_cast<double>(count) * 0.618) + 1;
  while (std::gcd(stride, count) != 1) ++stride;
  for (uint64_t i = 0, number = 0; i < count; ++i, number = (number + stride) % count) {
    FillStateValue(group, number, value, size_bytes);
    Check(database.Put(write, StateKey(group, number), value));
  }
  Check(database.Flush({}));
}

void TimeReads(rocksdb::DB& database, char group, uint64_t count, size_t size_bytes, double seconds) {
  Random random(NowNs());
  Samples samples(1 << 20);
  std::string expected;
  std::string value;
  const auto end_ns = NowNs() + static_cast<uint64_t>(seconds * 1e9);
  while (NowNs() < end_ns) {
    const uint64_t number = random.Below(count);
    const std::string key = StateKey(group, number);
    const uint64_t began_ns = NowNs();
    Check(database.Get({}, key, &value));
    samples.Add(static_cast<double>(NowNs() - began_ns));
    FillStateValue(group, number, expected, size_bytes);
    if (value != expected) Die("wrong value of " + key);
  }
  std::printf("%.0f\t%.0f\t%.0f\t%zu\n", samples.Percentile(50), samples.Percentile(99), samples.Percentile(100),
              samples.count());
}

// One recv, one Get, one send a request; understands no more of RESP than that a GET's key is its last but one line.
void Serve(rocksdb::DB& database, const std::string& path) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener, 1) != 0) {
    Die("can't listen on " + path);
  }
  char request[4096];
  std::string reply;
  rocksdb::PinnableSlice value;
  while (true) {
    const int client = accept(listener, nullptr, nullptr);
    for (ssize_t got = 0; (got = recv(client, request, sizeof(request), 0)) > 0;) {
      const std::string_view text(request, static_cast<size_t>(got) - 2);
      const std::string_view key = text.substr(text.rfind('\n') + 1);
      Check(database.Get({}, database.DefaultColumnFamily(), rocksdb::Slice(key.data(), key.size()), &value));
      reply = "$" + std::to_string(value.size()) + "\r\n";
      reply.append(value.data(), value.size()).append("\r\n");
      value.Reset();
      if (send(client, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(client);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 6) bench::Die("usage: bench_raw_rocksdb_read fill|read|serve FOLDER GROUP COUNT SIZE [SECONDS|SOCKET]");
  const auto database = bench::Open(argv[2]);
  const uint64_t count = std::strtoull(argv[4], nullptr, 10);
  const uint64_t size_bytes = std::strtoull(argv[5], nullptr, 10);
  if (std::string(argv[1]) == "fill") {
    bench::Fill(*database, argv[3][0], count, size_bytes);
  } else if (std::string(argv[1]) == "serve" && argc > 6) {
    bench::Serve(*database, argv[6]);
  } else {
    bench::TimeReads(*database, argv[3][0], count, size_bytes, argc > 6 ? std::strtod(argv[6], nullptr) : 1);
  }
  return 0;
}
