// Interpreter: one Lua 5.1 with the globals that scripts find, closed against them (sandbox.h). It is thrown away by
// SCRIPT FLUSH, and a new one takes its place.
//
// Lua reports errors by longjmp. Rule for everything here that Lua may call: a frame that an error can jump over owns
// nothing; what a call needs lies on Lua's stack, or in members of objects that live longer.
//
// Memory: private heap (used_memory counts it, maxmemory does not bound it), as in Redis. Executor thread only.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocol/result.h"

struct lua_State;

namespace chestbox {

class Scripts;

class Interpreter {
 public:
  explicit Interpreter(Scripts& owner);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  lua_State* lua() { return lua_; }
  size_t allocated_bytes() const { return allocated_bytes_; }

  // Compiles text (never binary code) and keeps the function: PushFunction with the result pushes it. The Error is
  // Lua's own, without a code.
  Result<int> Compile(std::string_view code, const char* chunk_name);
  void PushFunction(int function);
  void Forget(int function);
  // The function to be given to lua_pcall for errors, which makes tables of them: {err, source, line}.
  void PushErrorHandler();
  // Every `kRunsPerCollection` runs, a part of a garbage collection.
  void CollectSometimes();

  // Whose interpreter (or coroutine of it) this is.
  static Scripts& OwnerOf(lua_State* lua);

 private:
  static void* Allocate(void* self, void* block, size_t old_bytes, size_t new_bytes);

  Scripts& owner_;
  size_t allocated_bytes_ = 0;
  lua_State* lua_ = nullptr;
  int error_handler_ = 0;
  int runs_ = 0;
};

// Pushes {err = "CODE text"}, as redis.pcall returns errors. `counted`: INFO's statistics have it already.
void PushError(lua_State* lua, std::string_view message, bool counted = false);
// The same, raised. Does not return.
[[noreturn]] void RaiseError(lua_State* lua, std::string_view message);

}  // namespace chestbox
