#include "server/scripting/interpreter.h"

#include <fmt/format.h>

#include <cstdlib>
#include <lua.hpp>
#include <string>
#include <utility>

#include "protocol/check.h"
#include "server/log.h"
#include "server/scripting/sandbox.h"

namespace chestbox {

namespace {

constexpr int kRunsPerCollection = 50;  // Redis' number

int Panic(lua_State* lua) {
  const char* text = lua_tostring(lua, -1);
  LogWarning(fmt::format("Lua failed outside of a script: {}", text == nullptr ? "no message" : text));
  std::abort();
}

// Where an error happened, as Redis tells it: in the nearest frame that is not C.
int OnError(lua_State* lua) {
  if (!lua_istable(lua, 1)) {
    const char* text = lua_tostring(lua, 1);
    lua_createtable(lua, 0, 3);
    lua_pushfstring(lua, "ERR %s", text != nullptr ? text : luaL_typename(lua, 1));
    lua_setfield(lua, -2, "err");
    lua_replace(lua, 1);
  }
  lua_settop(lua, 1);
  lua_Debug frame{};
  bool found = lua_getstack(lua, 1, &frame) != 0 && lua_getinfo(lua, "Sl", &frame) != 0;
  if (found && frame.what[0] == 'C') {
    found = lua_getstack(lua, 2, &frame) != 0 && lua_getinfo(lua, "Sl", &frame) != 0;
  }
  if (found && !IsGuarded(lua, 1)) {
    lua_pushstring(lua, frame.source);
    lua_setfield(lua, 1, "source");
    lua_pushinteger(lua, frame.currentline);
    lua_setfield(lua, 1, "line");
  }
  return 1;
}

}  // namespace

Interpreter::Interpreter(Scripts& owner) : owner_(owner), lua_(lua_newstate(Allocate, this)) {
  CHECK(lua_ != nullptr);
  lua_atpanic(lua_, Panic);
  OpenSandbox(lua_);
  lua_pushcfunction(lua_, OnError);
  error_handler_ = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

Interpreter::~Interpreter() { lua_close(lua_); }

void* Interpreter::Allocate(void* self, void* block, size_t old_bytes, size_t new_bytes) {
  auto& interpreter = *static_cast<Interpreter*>(self);
  if (new_bytes == 0) {
    interpreter.allocated_bytes_ -= old_bytes;
    std::free(block);
    return nullptr;
  }
  void* moved = std::realloc(block, new_bytes);
  if (moved != nullptr) interpreter.allocated_bytes_ += new_bytes - old_bytes;
  return moved;
}

Scripts& Interpreter::OwnerOf(lua_State* lua) {
  void* self = nullptr;
  (void)lua_getallocf(lua, &self);
  return static_cast<Interpreter*>(self)->owner_;
}

Result<int> Interpreter::Compile(std::string_view code, const char* chunk_name) {
  if (LoadText(lua_, code, chunk_name) != 0) {
    Error error{lua_tostring(lua_, -1)};
    lua_pop(lua_, 1);
    return error;
  }
  return luaL_ref(lua_, LUA_REGISTRYINDEX);
}

void Interpreter::Forget(int function) { luaL_unref(lua_, LUA_REGISTRYINDEX, function); }
void Interpreter::PushFunction(int function) { lua_rawgeti(lua_, LUA_REGISTRYINDEX, function); }
void Interpreter::PushErrorHandler() { lua_rawgeti(lua_, LUA_REGISTRYINDEX, error_handler_); }

void Interpreter::CollectSometimes() {
  if (++runs_ < kRunsPerCollection) return;
  runs_ = 0;
  (void)lua_gc(lua_, LUA_GCSTEP, kRunsPerCollection);
}

void PushError(lua_State* lua, std::string_view message, bool counted) {
  luaL_checkstack(lua, 3, "no room for an error");
  while (!message.empty() && (message.back() == '\r' || message.back() == '\n')) message.remove_suffix(1);
  lua_createtable(lua, 0, 4);  // with room for where it happened
  lua_pushlstring(lua, message.data(), message.size());
  lua_setfield(lua, -2, "err");
  if (!counted) return;
  lua_pushboolean(lua, 1);
  lua_setfield(lua, -2, "ignore_error_stats_update");
}

void RaiseError(lua_State* lua, std::string_view message) {
  PushError(lua, message);
  (void)lua_error(lua);
  std::abort();  // not reached: lua_error does not return
}

}  // namespace chestbox
