// A redis-server of the machine as referee: started on a Unix socket in a directory of its own, stopped at the end.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/reply.h"
#include "tests/unit/config/settings_test_support.h"

namespace chestbox {

class RedisServer {
 public:
  // nullptr where redis-server is not installed or does not come up.
  static std::unique_ptr<RedisServer> Start(std::initializer_list<const char*> options);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  resp::Reply Run(const std::vector<std::string_view>& words);

 private:
  RedisServer() = default;
  bool Connect();

  TemporaryDirectory directory_;
  pid_t pid_ = -1;
  int socket_ = -1;
};

}  // namespace chestbox
