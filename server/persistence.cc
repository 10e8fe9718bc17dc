#include "server/persistence.h"

#include <fmt/format.h>

#include "server/aof_manifest.h"
#include "server/background_save.h"
#include "server/log.h"
#include "server/server.h"

namespace chestbox {

namespace {

// How long after a failed save a rule tries again, as in Redis.
constexpr int64_t kRetryS = 5;

}  // namespace

int64_t Persistence::NowSeconds() const { return server_.keys().now_ms() / 1000; }

bool Persistence::saving() const { return server_.background_save().running() && !rewriting_; }

int64_t Persistence::save_runs_s() const { return saving() ? NowSeconds() - started_s_ : -1; }
int64_t Persistence::rewrite_runs_s() const { return rewriting_ ? NowSeconds() - started_s_ : -1; }

// ---- RDB ----

Result<void> Persistence::SaveNow() {
  if (saving()) return Error{"ERR Background save already in progress"};
  if (rewriting_) {
    server_.background_save().Cancel();
    rewrite_scheduled_ = true;  // again, once this is through
  }
  ++saves_;
  const uint64_t reported = server_.effects().reported();
  const auto saved = server_.background_save().SaveNow({.path = server_.config().dbfilename});
  if (!saved) {
    LogWarning(saved.error().message);
    return Error{"ERR"};
  }
  last_save_ok_ = true;
  server_.MarkSaved(reported, NowSeconds());
  LogNotice("DB saved on disk");
  return {};
}

bool Persistence::StartSaving() {
  save_scheduled_ = false;
  last_try_s_ = started_s_ = NowSeconds();
  ++saves_;
  const auto done = [this, reported = server_.effects().reported()](const std::string& error) {
    FinishSave(reported, error);
  };
  if (!server_.background_save().Start({.path = server_.config().dbfilename}, done)) return false;
  LogNotice("Background saving started");
  return true;
}

void Persistence::FinishSave(uint64_t reported, const std::string& error) {
  last_save_ok_ = error.empty();
  last_save_took_s_ = NowSeconds() - started_s_;
  if (last_save_ok_) {
    LogNotice("Background saving terminated with success");
    server_.MarkSaved(reported, NowSeconds());
  } else {
    LogWarning(fmt::format("Background saving error: {}", error));
  }
}

Result<std::string_view> Persistence::StartSave(bool schedule, bool in_exec) {
  if (saving()) return Error{"ERR Background save already in progress"};
  if (rewriting_ || in_exec) {
    if (!schedule && !in_exec) {
      return Error{
          "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to "
          "schedule a BGSAVE whenever possible."};
    }
    save_scheduled_ = true;
    return std::string_view("Background saving scheduled");
  }
  if (!StartSaving()) return Error{"ERR"};
  return std::string_view("Background saving started");
}

Result<void> Persistence::Reload(bool save, const LoadOptions& options) {
  server_.background_save().Cancel();
  if (save) {
    if (auto saved = SaveNow(); !saved) return saved;
  }
  auto loaded = LoadRdbFile(server_, server_.config().dbfilename, options);
  if (!loaded) {
    LogWarning(fmt::format("DEBUG RELOAD: {}", loaded.error().message));
    return Error{"ERR Error trying to load the RDB dump"};
  }
  last_load_ = *loaded;
  return {};
}

bool Persistence::writes_are_denied() const {
  return !last_save_ok_ && server_.config().stop_writes_on_bgsave_error && !server_.config().save_points.empty();
}

Error Persistence::WritesDenied() {
  return Error{
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
      "may modify the data set are disabled, because this instance is configured to report errors during writes if "
      "RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
      "RDB error."};
}

void Persistence::OnFlushAll() {
  if (saving()) {
    server_.background_save().Cancel();
    last_save_ok_ = true;  // nobody wanted that file any more
  }
  if (server_.config().save_points.empty()) return;
  if (auto saved = SaveNow(); !saved) LogWarning("FLUSHALL could not write the file without states");
}

void Persistence::Stop() {
  save_scheduled_ = rewrite_scheduled_ = false;
  server_.background_save().Cancel();
}

void Persistence::Cron() {
  if (server_.background_save().running()) return;
  const int64_t now_s = NowSeconds();
  if (rewrite_scheduled_) {
    (void)StartRewriting();
    return;
  }
  const bool may_try = last_save_ok_ || now_s - last_try_s_ > kRetryS;
  if (!may_try) return;
  bool due = save_scheduled_;
  for (const SavePoint& point : server_.config().save_points) {
    due = due || (server_.dirty() >= static_cast<uint64_t>(point.changes) && server_.dirty() != 0 &&
                  now_s - server_.last_save_s() > point.period_s);
  }
  if (due) (void)StartSaving();
}

// ---- AOF ----

Result<std::string_view> Persistence::StartRewrite(bool in_exec) {
  if (rewriting_) return Error{"ERR Background append only file rewriting already in progress"};
  if (saving() || in_exec) {
    rewrite_scheduled_ = true;
    return std::string_view("Background append only file rewriting scheduled");
  }
  if (!StartRewriting())
    return Error{"ERR Can't execute an AOF background rewriting. Please check the server logs for more information."};
  return std::string_view("Background append only file rewriting started");
}

SaveRequest Persistence::BaseRequest(const std::string& path) const {
  SaveRequest request{.path = path};
  if (server_.config().aof_use_rdb_preamble) {
    request.aux.emplace_back("aof-base", "1");
  } else {
    request.format = SaveRequest::Format::kCommands;
  }
  return request;
}

bool Persistence::StartRewriting() {
  rewrite_scheduled_ = false;
  const AofManifest files(server_.config());
  auto sequence = files.PrepareNext();
  if (!sequence) {
    last_rewrite_ok_ = false;
    LogWarning(sequence.error().message);
    return false;
  }
  const auto done = [this, base = *sequence, files](const std::string& error) {
    rewriting_ = false;
    std::string failed = error;
    if (failed.empty()) {
      if (auto switched = files.SwitchTo(base); !switched) failed = switched.error().message;
    }
    FinishRewrite(failed);
  };
  if (!server_.background_save().Start(BaseRequest(files.BasePath(*sequence)), done)) return false;
  rewriting_ = true;
  ++rewrites_;
  started_s_ = NowSeconds();
  LogNotice("Background append only file rewriting started");
  return true;
}

Result<void> Persistence::ReloadAof() {
  server_.background_save().Cancel();
  const AofManifest files(server_.config());
  auto sequence = files.PrepareNext();
  if (!sequence) return sequence.error();
  const std::string path = files.BasePath(*sequence);
  if (auto saved = server_.background_save().SaveNow(BaseRequest(path)); !saved) return saved;
  if (auto switched = files.SwitchTo(*sequence); !switched) return switched;
  if (!server_.config().aof_use_rdb_preamble) {
    const uint64_t dirty = server_.dirty();
    auto executed = LoadCommandFile(server_, path);
    // Its requests have changed nothing.
    server_.MarkSaved(server_.effects().reported() - dirty, server_.last_save_s());
    return executed;
  }
  auto loaded = LoadRdbFile(server_, path, {});
  if (!loaded) return loaded.error();
  last_load_ = *loaded;
  return {};
}

void Persistence::FinishRewrite(const std::string& error) {
  last_rewrite_ok_ = error.empty();
  rewrites_failed_ = last_rewrite_ok_ ? 0 : rewrites_failed_ + 1;
  last_rewrite_took_s_ = NowSeconds() - started_s_;
  if (error.empty()) {
    LogNotice("Background AOF rewrite finished successfully");
  } else {
    LogWarning(fmt::format("Background AOF rewrite failed: {}", error));
  }
}

}  // namespace chestbox
