// Persistence: when RDB files are written and what became of them: SAVE, BGSAVE, the `save` rules and INFO's rdb_
// fields; BGREWRITEAOF; reading files again for DEBUG RELOAD and DEBUG LOADAOF. BackgroundSave does the writing.
//
// Nothing here is needed to keep states over a stop: the swap store does that. Executor thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/background_save.h"
#include "server/rdb_loader.h"

namespace chestbox {

class Server;

class Persistence {
 public:
  explicit Persistence(Server& server) : server_(server) {}

  // SAVE: everybody waits.
  Result<void> SaveNow();
  // BGSAVE: the reply. `in_exec`: it is only scheduled then, as in Redis.
  Result<std::string_view> StartSave(bool schedule, bool in_exec);
  // BGREWRITEAOF: the reply.
  Result<std::string_view> StartRewrite(bool in_exec);
  // FLUSHALL, after it: a save under way would write what nobody wants, and with `save` rules there is to be a file
  // without states.
  void OnFlushAll();
  // SHUTDOWN: nothing is written any more.
  void Stop();
  void Cron();

  // stop-writes-on-bgsave-error: the Error that writes get, if the last save failed.
  bool writes_are_denied() const;
  static Error WritesDenied();

  // DEBUG RELOAD: through the RDB file, which is written first with `save`.
  Result<void> Reload(bool save, const LoadOptions& options);
  // DEBUG LOADAOF: through the base of an append-only file, which is written anew first: no log holds what has changed
  // since the last one.
  Result<void> ReloadAof();

  uint64_t last_load_loaded() const { return last_load_.loaded; }
  uint64_t last_load_expired() const { return last_load_.expired; }
  bool rewriting() const { return rewriting_; }
  bool saving() const;
  bool rewrite_scheduled() const { return rewrite_scheduled_; }
  bool last_save_ok() const { return last_save_ok_; }
  int64_t last_save_took_s() const { return last_save_took_s_; }
  int64_t save_runs_s() const;  // -1: none runs
  uint64_t saves() const { return saves_; }
  bool last_rewrite_ok() const { return last_rewrite_ok_; }
  int64_t last_rewrite_took_s() const { return last_rewrite_took_s_; }
  int64_t rewrite_runs_s() const;
  uint64_t rewrites() const { return rewrites_; }
  uint64_t rewrites_failed() const { return rewrites_failed_; }  // in a row

 private:
  bool StartSaving();
  void FinishSave(uint64_t reported, const std::string& error);
  bool StartRewriting();
  SaveRequest BaseRequest(const std::string& path) const;
  void FinishRewrite(const std::string& error);
  int64_t NowSeconds() const;

  Server& server_;
  bool rewriting_ = false;
  bool save_scheduled_ = false;
  bool rewrite_scheduled_ = false;
  bool last_save_ok_ = true;
  int64_t last_try_s_ = 0;
  int64_t started_s_ = 0;
  int64_t last_save_took_s_ = -1;
  uint64_t saves_ = 0;
  bool last_rewrite_ok_ = true;
  int64_t last_rewrite_took_s_ = -1;
  uint64_t rewrites_ = 0;
  uint64_t rewrites_failed_ = 0;
  LoadCounts last_load_;
};

}  // namespace chestbox
