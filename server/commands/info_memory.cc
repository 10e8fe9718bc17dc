// INFO memory, persistence and chestbox.
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>

#include "server/arena/arena_allocator.h"
#include "server/arena/heap_stats.h"
#include "server/attach.h"
#include "server/background_save.h"
#include "server/commands/info.h"
#include "server/commands/info_text.h"
#include "server/persistence.h"
#include "server/replication/replication.h"
#include "server/scripting/functions.h"
#include "server/scripting/scripts.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox::info {

namespace {

// Of this process; the mapped arena counts as far as it was touched.
uint64_t ProcessResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total_pages = 0;
  unsigned long resident_pages = 0;
  const int found = std::fscanf(file, "%lu %lu", &total_pages, &resident_pages);
  std::fclose(file);
  return found == 2 ? uint64_t{resident_pages} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

uint64_t SystemBytes() {
  struct sysinfo info {};
  return sysinfo(&info) == 0 ? uint64_t{info.totalram} * info.mem_unit : 0;
}

std::string_view PolicyName(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::kVolatileLru:
      return "volatile-lru";
    case EvictionPolicy::kVolatileLfu:
      return "volatile-lfu";
    case EvictionPolicy::kVolatileRandom:
      return "volatile-random";
    case EvictionPolicy::kVolatileTtl:
      return "volatile-ttl";
    case EvictionPolicy::kAllKeysLru:
      return "allkeys-lru";
    case EvictionPolicy::kAllKeysLfu:
      return "allkeys-lfu";
    case EvictionPolicy::kAllKeysRandom:
      return "allkeys-random";
    case EvictionPolicy::kNoEviction:
      break;
  }
  return "noeviction";
}

uint64_t ClientBytes(const Server& server, bool replicas) {
  uint64_t bytes = 0;
  for (const auto& [id, client] : server.clients()) {
    if (client->is_replica != replicas) continue;
    bytes += sizeof(Client) + client->output.capacity();
    if (client->transport == nullptr) continue;
    bytes += client->transport->query_buffer_bytes() + client->transport->query_buffer_free();
  }
  return bytes;
}

void Human(std::string* text, std::string_view name, uint64_t bytes) { Line(text, name, HumanBytes(bytes)); }

// `rss` and what it is compared with: ratio and bytes too many.
void Fragmentation(std::string* text, std::string_view name, uint64_t larger, uint64_t smaller) {
  Ratio(text, fmt::format("{}_ratio", name), Quotient(larger, smaller));
  Line(text, fmt::format("{}_bytes", name), static_cast<int64_t>(larger) - static_cast<int64_t>(smaller));
}

}  // namespace

void AppendMemory(Server& server, std::string* text) {
  const uint64_t used = server.used_memory();
  const uint64_t peak = std::max(used, server.peak_memory());
  const uint64_t dataset = server.arena().allocated_bytes();
  const uint64_t overhead = used > dataset ? used - dataset : 0;
  const uint64_t rss = ProcessResidentBytes();
  const uint64_t system = SystemBytes();
  const HeapStats heap = ReadHeapStats();
  Line(text, "used_memory", used);
  Human(text, "used_memory_human", used);
  Line(text, "used_memory_rss", rss);
  Human(text, "used_memory_rss_human", rss);
  Line(text, "used_memory_peak", peak);
  Human(text, "used_memory_peak_human", peak);
  Percent(text, "used_memory_peak_perc", Quotient(used, peak) * 100);
  Line(text, "used_memory_overhead", overhead);
  Line(text, "used_memory_startup", server.startup_memory());
  Line(text, "used_memory_dataset", dataset);
  const uint64_t startup = server.startup_memory();
  Percent(text, "used_memory_dataset_perc",
          std::min(100.0, Quotient(dataset, used > startup ? used - startup : used) * 100));
  Line(text, "allocator_allocated", heap.allocated_bytes);
  Line(text, "allocator_active", heap.active_bytes);
  Line(text, "allocator_resident", heap.resident_bytes);
  Line(text, "total_system_memory", system);
  Human(text, "total_system_memory_human", system);
  const Scripts& scripts = server.scripts();
  Line(text, "used_memory_lua", scripts.lua_bytes());
  Line(text, "used_memory_vm_eval", scripts.lua_bytes());
  Human(text, "used_memory_lua_human", scripts.lua_bytes());
  Line(text, "used_memory_scripts_eval", scripts.text_bytes());
  Line(text, "number_of_cached_scripts", scripts.size());
  const Functions& functions = scripts.functions();
  Line(text, "number_of_functions", functions.size());
  Line(text, "number_of_libraries", functions.libraries().size());
  Line(text, "used_memory_vm_functions", functions.lua_bytes());
  Line(text, "used_memory_vm_total", scripts.lua_bytes() + functions.lua_bytes());
  Human(text, "used_memory_vm_total_human", scripts.lua_bytes() + functions.lua_bytes());
  Line(text, "used_memory_functions", functions.text_bytes());
  Line(text, "used_memory_scripts", scripts.text_bytes() + functions.text_bytes());
  Human(text, "used_memory_scripts_human", scripts.text_bytes() + functions.text_bytes());
  Line(text, "maxmemory", server.maxmemory());
  Human(text, "maxmemory_human", server.maxmemory());
  Line(text, "maxmemory_policy", PolicyName(server.config().maxmemory_policy));
  Fragmentation(text, "allocator_frag", heap.active_bytes, heap.allocated_bytes);
  Fragmentation(text, "allocator_rss", heap.resident_bytes, heap.active_bytes);
  Fragmentation(text, "rss_overhead", rss, heap.resident_bytes);
  Fragmentation(text, "mem_fragmentation", rss, used);
  Line(text, "mem_not_counted_for_evict", 0);
  const std::optional<Backlog>& backlog = server.replication().backlog();
  const uint64_t backlog_bytes = backlog ? backlog->allocated_bytes() : 0;
  Line(text, "mem_replication_backlog", backlog_bytes);
  Line(text, "mem_total_replication_buffers", backlog_bytes);  // what a replica has not got yet is among its client's
  Line(text, "mem_clients_slaves", ClientBytes(server, true));
  Line(text, "mem_clients_normal", ClientBytes(server, false));
  Zeros(text, {"mem_cluster_links", "mem_aof_buffer"});
  Line(text, "mem_allocator", AllocatorName());
  Line(text, "active_defrag_running", 0);
  Line(text, "lazyfree_pending_objects", server.keys().lazily_freed_pending());
  Line(text, "lazyfreed_objects", 0);
}

void AppendPersistence(Server& server, std::string* text) {
  // "cow": what a save costs in memory beyond the states themselves, as pages that are copied on write do in Redis.
  const BackgroundSave& save = server.background_save();
  const Persistence& files = server.persistence();
  Zeros(text, {"loading", "async_loading"});
  Line(text, "current_cow_peak", save.running() ? save.bytes_held_peak() : 0);
  Line(text, "current_cow_size", save.bytes_held());
  Line(text, "current_cow_size_age", 0);
  const double done = Quotient(save.keys_processed(), save.keys_total());
  Ratio(text, "current_fork_perc", 100 * done);
  Line(text, "current_save_keys_processed", save.keys_processed());
  Line(text, "current_save_keys_total", save.keys_total());
  Line(text, "rdb_changes_since_last_save", server.dirty());
  Line(text, "rdb_bgsave_in_progress", files.saving() ? 1 : 0);
  Line(text, "rdb_last_save_time", server.last_save_s());
  const bool failing = server.swapper() != nullptr && server.swapper()->failing();
  Line(text, "rdb_last_bgsave_status", failing || !files.last_save_ok() ? "err" : "ok");
  Line(text, "rdb_last_bgsave_time_sec", files.last_save_took_s());
  Line(text, "rdb_current_bgsave_time_sec", files.save_runs_s());
  Line(text, "rdb_saves", files.saves());
  Line(text, "rdb_last_cow_size", save.running() ? 0 : save.bytes_held_peak());
  Line(text, "rdb_last_load_keys_expired", files.last_load_expired());
  Line(text, "rdb_last_load_keys_loaded", files.last_load_loaded());
  Line(text, "aof_enabled", server.config().appendonly ? 1 : 0);
  Line(text, "aof_rewrite_in_progress", files.rewriting() ? 1 : 0);
  Line(text, "aof_rewrite_scheduled", files.rewrite_scheduled() ? 1 : 0);
  Line(text, "aof_last_rewrite_time_sec", files.last_rewrite_took_s());
  Line(text, "aof_current_rewrite_time_sec", files.rewrite_runs_s());
  Line(text, "aof_last_bgrewrite_status", files.last_rewrite_ok() ? "ok" : "err");
  Line(text, "aof_rewrites", files.rewrites());
  Line(text, "aof_rewrites_consecutive_failures", files.rewrites_failed());
  Line(text, "aof_last_write_status", "ok");
  Zeros(text, {"aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"});
}

void AppendChestbox(Server& server, std::string* text) {
  Line(text, "arena_bytes", server.arena_bytes());
  Line(text, "arena_allocated_bytes", server.arena().allocated_bytes());
  Line(text, "arena_retired_bytes", server.keys().retired_bytes());
  // The strongest way of keeping the arena read-only for clients that this server has: a descriptor opened read-only of
  // a memory file that other users may not open.
  Line(text, "protection", "other-uid");
  Line(text, "attached_clients", server.attach().attached_clients());
  Line(text, "pins", server.attach().pins());
  Line(text, "shared_memory_hits", server.keys().stats().local.hits);
  Line(text, "shared_memory_misses", server.keys().stats().local.misses);
  Line(text, "swap_enabled", server.swapper() != nullptr ? 1 : 0);
  if (server.swapper() == nullptr) return;
  const Swapper& swapper = *server.swapper();
  const SwapperStats stats = swapper.stats();
  const swap::StoreStats store = swapper.store_stats();
  uint64_t swapped_out_keys = 0;
  for (uint32_t physical = 0; physical < shm::kDatabases; ++physical) {
    swapped_out_keys += server.keys().index(physical).swapped_out();
  }
  Line(text, "index_complete", swapper.filling() ? 0 : 1);
  Line(text, "swapped_out_keys", swapped_out_keys);
  Line(text, "swapped_out_total", stats.swapped_out);
  Line(text, "swapped_in_total", stats.swapped_in);
  Line(text, "swap_loads_in_flight", stats.loads_in_flight);
  Line(text, "swap_bytes_in_flight", stats.bytes_in_flight);
  Line(text, "swap_write_errors", stats.write_errors);
  if (!stats.last_error.empty()) Line(text, "swap_last_error", stats.last_error);
  Line(text, "swap_records_read", store.records_read);
  Line(text, "swap_records_written", store.records_written);
  Line(text, "swap_bytes_read", store.payload_bytes_read);
  Line(text, "swap_bytes_written", store.payload_bytes_written);
  Line(text, "swap_disk_bytes", store.disk_bytes);
  Line(text, "swap_store_memory_bytes", store.memory_bytes);
  Line(text, "swap_purges_pending", store.purges_pending);
}

}  // namespace chestbox::info
