// Migrator: sends dumped states to other servers (MIGRATE). On a thread of its own, one request after the other, so
// that the executor goes on meanwhile; it works on copies and never touches the keyspace.
//
// Executor thread, but for SendNow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/store_thread.h"

namespace chestbox {

class Host;

struct MigrationItem {
  std::string key;
  std::string payload;  // of DUMP
  int64_t ttl_ms = 0;   // 0: never ends
};

struct Migration {
  std::string host;
  std::string port;
  int64_t database = 0;    // there
  int64_t timeout_ms = 0;  // for each step: connecting, writing, reading a reply
  bool replace = false;
  bool authenticate = false;
  std::string username;  // empty: only the password
  std::string password;
  std::vector<MigrationItem> items;
};

struct MigrationOutcome {
  std::vector<bool> accepted;  // item by item
  std::string error;           // the reply, without its dash; empty: everything was accepted
};

class Migrator {
 public:
  explicit Migrator(Host& host);

  // `done` is called on the executor. Not at all if the server ends before.
  void Send(std::shared_ptr<const Migration> migration, std::function<void(const MigrationOutcome&)> done);
  // Waits for the end. Any thread.
  static MigrationOutcome SendNow(const Migration& migration);

 private:
  Host& host_;
  StoreThread thread_;
};

}  // namespace chestbox
