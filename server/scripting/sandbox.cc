#include "server/scripting/sandbox.h"

#include <ctime>
#include <lua.hpp>

extern "C" {
#include <lua-bitop.h>
#include <lua-cjson.h>
}

#include "protocol/check.h"

namespace chestbox {

namespace {

// Addresses as keys that scripts cannot make.
const char kGuardedKey = 0;  // in a guard's metatable: the real table
const char kGlobalsKey = 0;  // in the registry: the real table of globals
const char kGuardKey = 0;    // in the registry: the guard that scripts see as _G
const char kLibraryKey = 0;  // in the registry: the globals of libraries

void* Key(const char& key) { return const_cast<char*>(&key); }

void SetRegistry(lua_State* lua, const char& key) {  // takes the value from the stack
  lua_pushlightuserdata(lua, Key(key));
  lua_insert(lua, -2);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

void PushRegistry(lua_State* lua, const char& key) {
  lua_pushlightuserdata(lua, Key(key));
  lua_rawget(lua, LUA_REGISTRYINDEX);
}

// The __index of the globals: (table, name).
int RefuseUnknown(lua_State* lua) {
  if (lua_gettop(lua) != 2) return luaL_error(lua, "Wrong number of arguments to luaProtectedTableError");
  if (lua_isstring(lua, 2) == 0) {
    return luaL_error(lua, "Second argument to luaProtectedTableError must be a string or number");
  }
  return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", lua_tostring(lua, 2));
}

// The table on top refuses reads of what it has not.
void RefuseUnknownIn(lua_State* lua) {
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, RefuseUnknown);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
}

int Clock(lua_State* lua) {
  lua_pushnumber(lua, static_cast<lua_Number>(std::clock()) / CLOCKS_PER_SEC);
  return 1;
}

void OpenLibrary(lua_State* lua, const char* name, lua_CFunction open) {
  lua_pushcfunction(lua, open);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 0);
}

// The libraries' tables in the table on top, by name.
void OpenLibraries(lua_State* lua) {
  OpenLibrary(lua, "", luaopen_base);
  OpenLibrary(lua, LUA_TABLIBNAME, luaopen_table);
  OpenLibrary(lua, LUA_STRLIBNAME, luaopen_string);
  OpenLibrary(lua, LUA_MATHLIBNAME, luaopen_math);
  OpenLibrary(lua, "bit", luaopen_bit);
  lua_pushcfunction(lua, luaopen_cjson);
  lua_call(lua, 0, 1);
  lua_setfield(lua, -2, "cjson");
  PushStructLibrary(lua);
  lua_setfield(lua, -2, "struct");
  PushMsgpackLibrary(lua);
  lua_setfield(lua, -2, "cmsgpack");
  PushRedisApi(lua);
  lua_setfield(lua, -2, "redis");
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, Clock);
  lua_setfield(lua, -2, "clock");
  lua_setfield(lua, -2, "os");
  lua_getfield(lua, -1, "math");
  RegisterRandom(lua);
  lua_pop(lua, 1);
}

}  // namespace

int RefuseChange(lua_State* lua) { return luaL_error(lua, "Attempt to modify a readonly table"); }

void Guard(lua_State* lua) {
  lua_createtable(lua, 0, 0);
  lua_createtable(lua, 0, 4);  // its metatable; the stack: real, guard, metatable
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, RefuseChange);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_pushlightuserdata(lua, Key(kGuardedKey));
  lua_pushvalue(lua, -4);
  lua_rawset(lua, -3);
  lua_setmetatable(lua, -2);
  lua_replace(lua, -2);
}

bool PushGuarded(lua_State* lua, int index) {
  if (!lua_istable(lua, index) || lua_getmetatable(lua, index) == 0) return false;
  lua_pushlightuserdata(lua, Key(kGuardedKey));
  lua_rawget(lua, -2);
  lua_remove(lua, -2);
  if (!lua_isnil(lua, -1)) return true;
  lua_pop(lua, 1);
  return false;
}

bool IsGuarded(lua_State* lua, int index) {
  if (!PushGuarded(lua, index)) return false;
  lua_pop(lua, 1);
  return true;
}

void OpenSandbox(lua_State* lua) {
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  OpenLibraries(lua);
  RegisterBaseFunctions(lua);
  for (const char* name :
       {"string", "table", "math", "coroutine", "bit", "cjson", "struct", "cmsgpack", "redis", "os"}) {
    lua_getfield(lua, -1, name);
    CHECK(lua_istable(lua, -1));
    Guard(lua);
    lua_setfield(lua, -2, name);
  }
  // The methods of strings.
  lua_pushliteral(lua, "");
  CHECK(lua_getmetatable(lua, -1) != 0);
  lua_getfield(lua, -3, "string");
  lua_setfield(lua, -2, "__index");
  lua_pop(lua, 2);
  // Files; and what could change others' globals or run in the middle of a collection.
  for (const char* name : {"print", "dofile", "loadfile", "getfenv", "setfenv", "newproxy"}) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
  RefuseUnknownIn(lua);
  lua_pushvalue(lua, -1);
  SetRegistry(lua, kGlobalsKey);
  lua_pushvalue(lua, -1);
  Guard(lua);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, -3, "_G");
  SetRegistry(lua, kGuardKey);
  lua_pop(lua, 1);
  lua_createtable(lua, 0, 1);
  PushLibraryApi(lua);
  RefuseUnknownIn(lua);
  Guard(lua);
  lua_setfield(lua, -2, "redis");
  RefuseUnknownIn(lua);
  SetRegistry(lua, kLibraryKey);
  PushRegistry(lua, kGuardKey);
  lua_replace(lua, LUA_GLOBALSINDEX);
  CHECK(lua_gettop(lua) == 0);
}

void UseLibraryGlobals(lua_State* lua, bool on) {
  PushRegistry(lua, kGuardKey);
  CHECK(lua_getmetatable(lua, -1) != 0);
  PushRegistry(lua, on ? kLibraryKey : kGlobalsKey);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, -3, "__index");
  lua_pushlightuserdata(lua, Key(kGuardedKey));
  lua_insert(lua, -2);
  lua_rawset(lua, -3);
  lua_pop(lua, 2);
}

void SetProtectedGlobal(lua_State* lua, const char* name) {
  PushRegistry(lua, kGlobalsKey);
  lua_insert(lua, -2);
  lua_pushstring(lua, name);
  lua_insert(lua, -2);
  lua_rawset(lua, -3);
  lua_pop(lua, 1);
}

}  // namespace chestbox
