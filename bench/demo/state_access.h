// How a step of the demo reaches its states: through ChestBox, or through a Redis server with hiredis. The steps are
// the same code for both. Every access is timed, and a read is repeated a few times to tell a process's first access
// from its later ones.
//
// Not for threads. Errors end the process with a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace demo {

// Bytes that may be read until the next Release or the end of the access.
class StateAccess {
 public:
  // `store` is chestbox:SOCKET, redis:SOCKET or redis:HOST:PORT.
  static std::unique_ptr<StateAccess> Open(const std::string& store);
  virtual ~StateAccess() = default;

  // Stores `value`, and beside it (under KEY:sum) the checksum that others can check it by.
  void Put(const std::string& key, std::string_view value);
  // The state, which must exist and is valid until this object ends. Checks nothing: a view costs the same at any size.
  std::string_view Get(const std::string& key);

  // One line for bench/demo/run.py: step, ns to connect, ns in reads (first access), ns in reads (median of later
  // ones), ns in writes, bytes of state read, bytes written, bytes of both that were copied or sent, ns of the whole
  // step.
  void Report(const char* step) const;

 protected:
  virtual void Write(std::string_view key, std::string_view value) = 0;
  // The same key may be read again; each result stays valid.
  virtual std::string_view Read(std::string_view key) = 0;
  virtual void Release() = 0;  // the result of the last Read
  virtual bool CopiesReadOf(size_t size_bytes) const = 0;

 private:
  uint64_t began_ns_ = 0;
  uint64_t connect_ns_ = 0;
  uint64_t read_ns_ = 0;
  uint64_t read_again_ns_ = 0;
  uint64_t repeats_ns_ = 0;  // not part of the step: only there to be measured
  uint64_t write_ns_ = 0;
  uint64_t read_bytes_ = 0;
  uint64_t written_bytes_ = 0;
  uint64_t copied_bytes_ = 0;
};

}  // namespace demo
