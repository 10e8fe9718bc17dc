// The globals of scripts, as Redis has them: libraries without what reaches the machine (files, modules, debug), and
// nothing of it can be changed by a script.
//
// Redis' Lua has a read-only flag on tables; the Lua of the distribution has not. Here a protected table is an empty
// one (a *guard*) whose metatable leads reads to the real table, which scripts never get, and refuses writes. Functions
// that go past metatables (rawset, next, setmetatable …) know guards. Executor thread only.
#pragma once

#include <string_view>

struct lua_State;

namespace chestbox {

// Into a new state; leaves nothing on its stack.
void OpenSandbox(lua_State* lua);
// Sets a global variable past the protection; takes the value from the stack.
void SetProtectedGlobal(lua_State* lua, const char* name);
// While a library of functions is loaded, its globals are nothing but the `redis` of libraries (register_function,
// log). The functions that it defines see the usual globals once this is off again.
void UseLibraryGlobals(lua_State* lua, bool on);
// Whether the value at `index` is a guard.
bool IsGuarded(lua_State* lua, int index);
// Replaces the table on top of the stack by a guard of it.
void Guard(lua_State* lua);

// luaL_loadbuffer for text only, and not without end: binary code and long enough texts could break the interpreter.
int LoadText(lua_State* lua, std::string_view code, const char* chunk_name);

// base_functions.cc: replaces functions of the libraries by ones that know guards, and those with known faults in the
// distribution's versions. With the real table of globals on top.
void RegisterBaseFunctions(lua_State* lua);
// Pushes the table behind the guard at `index` and returns true; or pushes nothing.
bool PushGuarded(lua_State* lua, int index);
int RefuseChange(lua_State* lua);  // raises "Attempt to modify a readonly table"

// The libraries that are ours; each pushes its table.
void PushStructLibrary(lua_State* lua);   // struct_library.cc
void PushMsgpackLibrary(lua_State* lua);  // msgpack_library.cc
void PushRedisApi(lua_State* lua);        // redis_api.cc
void PushLibraryApi(lua_State* lua);      // redis_api.cc: `redis` for libraries while they are loaded
// math.random and math.randomseed by Redis' generator (random.cc), into the table on top.
void RegisterRandom(lua_State* lua);

}  // namespace chestbox
