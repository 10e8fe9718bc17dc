// Lua's base functions that go past metatables, made to respect guards (sandbox.h); pcall, load and loadstring as Redis
// has them; and functions with known faults in the distribution's libraries. What is not here is Lua's own.
#include <climits>
#include <cstdint>
#include <lua.hpp>

#include "server/scripting/sandbox.h"

namespace chestbox {

namespace {

struct Text {
  std::string_view left;
  bool begun = false;  // something was handed out
  size_t bytes = 0;    // read so far
};

// Redis' longest string. Lua counts some lengths with an int, and twice.
constexpr size_t kCodeBytesMax = size_t{512} << 20;

// Binary code begins with LUA_SIGNATURE; behind a space it is text, and then an ordinary syntax error.
constexpr char kSpace[] = " ";

const char* ReadText(lua_State* lua, void* data, size_t* bytes) {
  Text& text = *static_cast<Text*>(data);
  text.bytes += text.left.size();
  if (text.bytes > kCodeBytesMax) luaL_error(lua, "chunk is too long");
  if (!text.begun) {
    text.begun = true;
    if (!text.left.empty() && text.left[0] == LUA_SIGNATURE[0]) {
      *bytes = 1;
      return kSpace;
    }
  }
  const std::string_view all = text.left;
  text.left = {};
  *bytes = all.size();
  return all.data();
}

// load's reader: the function at 1 gives the pieces; the one in use stays at 3.
const char* ReadPieces(lua_State* lua, void* data, size_t* bytes) {
  Text& text = *static_cast<Text*>(data);
  if (!text.left.empty()) return ReadText(lua, data, bytes);
  luaL_checkstack(lua, 2, "too many nested functions");
  lua_pushvalue(lua, 1);
  lua_call(lua, 0, 1);
  *bytes = 0;
  if (lua_isnil(lua, -1)) {
    lua_pop(lua, 1);
    return nullptr;
  }
  if (lua_isstring(lua, -1) == 0) luaL_error(lua, "reader function must return a string");
  lua_replace(lua, 3);
  size_t size = 0;
  const char* piece = lua_tolstring(lua, 3, &size);
  text.left = {piece, size};
  return ReadText(lua, data, bytes);
}

int Loaded(lua_State* lua, int status) {
  if (status == 0) return 1;
  lua_pushnil(lua);
  lua_insert(lua, -2);
  return 2;
}

// loadstring(text [, chunk name])
int LoadString(lua_State* lua) {
  size_t bytes = 0;
  const char* code = luaL_checklstring(lua, 1, &bytes);
  return Loaded(lua, LoadText(lua, {code, bytes}, luaL_optstring(lua, 2, code)));
}

// load(function [, chunk name])
int Load(lua_State* lua) {
  const char* name = luaL_optstring(lua, 2, "=(load)");
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  lua_settop(lua, 3);
  lua_pushstring(lua, name);  // see LoadText
  Text text;
  return Loaded(lua, lua_load(lua, ReadPieces, &text, name));
}

// unpack(list [, i [, j]]), whose own range check in Lua 5.1.5 can overflow.
int Unpack(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  const int64_t first = luaL_optint(lua, 2, 1);
  const int64_t last = lua_isnoneornil(lua, 3) ? static_cast<int64_t>(lua_objlen(lua, 1)) : luaL_checkint(lua, 3);
  if (first > last) return 0;
  const int64_t count = last - first + 1;
  if (count >= INT_MAX || lua_checkstack(lua, static_cast<int>(count)) == 0) {
    return luaL_error(lua, "too many results to unpack");
  }
  for (int64_t i = first; i <= last; ++i) lua_rawgeti(lua, 1, static_cast<int>(i));
  return static_cast<int>(count);
}

// bit.tohex(x [, n]), whose own writes past its buffer for the smallest n.
int ToHex(lua_State* lua) {
  lua_settop(lua, 2);
  const lua_Integer wanted = lua_isnil(lua, 2) ? 8 : luaL_checkinteger(lua, 2);
  lua_pushvalue(lua, lua_upvalueindex(1));  // bit.tobit
  lua_pushvalue(lua, 1);
  lua_call(lua, 1, 1);
  auto value = static_cast<uint32_t>(static_cast<int32_t>(lua_tonumber(lua, -1)));
  const char* digits = wanted < 0 ? "0123456789ABCDEF" : "0123456789abcdef";
  const size_t count = wanted > 8 || wanted < -8 ? 8 : static_cast<size_t>(wanted < 0 ? -wanted : wanted);
  char hex[8];
  for (size_t i = count; i > 0; value >>= 4) hex[--i] = digits[value & 15];
  lua_pushlstring(lua, hex, count);
  return 1;
}

// pcall: an error of ours, which is a table, arrives as its text.
int Pcall(lua_State* lua) {
  luaL_checkany(lua, 1);
  const int status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
  if (status != 0 && lua_istable(lua, -1)) {
    lua_getfield(lua, -1, "err");
    if (lua_isstring(lua, -1) != 0) {
      lua_replace(lua, -2);
    } else {
      lua_pop(lua, 1);
    }
  }
  if (lua_checkstack(lua, 1) == 0) {
    lua_settop(lua, 0);
    lua_pushboolean(lua, 0);
    lua_pushliteral(lua, "stack overflow");
    return 2;
  }
  lua_pushboolean(lua, status == 0 ? 1 : 0);
  lua_insert(lua, 1);
  return lua_gettop(lua);
}

int SetMetatable(lua_State* lua) {
  const int type = lua_type(lua, 2);
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (IsGuarded(lua, 1)) return RefuseChange(lua);
  if (luaL_getmetafield(lua, 1, "__metatable") != 0) return luaL_error(lua, "cannot change a protected metatable");
  lua_settop(lua, 2);
  lua_setmetatable(lua, 1);
  return 1;
}

// Of a guarded table and of strings: a guard of the metatable.
int GetMetatable(lua_State* lua) {
  luaL_checkany(lua, 1);
  const bool guarded = PushGuarded(lua, 1);
  if (guarded) lua_replace(lua, 1);
  if (lua_getmetatable(lua, 1) == 0) {
    lua_pushnil(lua);
    return 1;
  }
  if (guarded || lua_type(lua, 1) == LUA_TSTRING) {
    Guard(lua);
    return 1;
  }
  (void)luaL_getmetafield(lua, 1, "__metatable");  // in the place of the metatable, if it is there
  return 1;
}

int RawSet(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  luaL_checkany(lua, 3);
  lua_settop(lua, 3);
  if (IsGuarded(lua, 1)) return RefuseChange(lua);
  lua_rawset(lua, 1);
  return 1;
}

int RawGet(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  lua_settop(lua, 2);
  if (PushGuarded(lua, 1)) lua_replace(lua, 1);
  lua_rawget(lua, 1);
  return 1;
}

int Next(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 2);
  if (PushGuarded(lua, 1)) lua_replace(lua, 1);
  if (lua_next(lua, 1) != 0) return 2;
  lua_pushnil(lua);
  return 1;
}

// Upvalue: next.
int Pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

// table.insert(t, [position,] value), which does not ask metatables either.
int TableInsert(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  if (IsGuarded(lua, 1)) return RefuseChange(lua);
  int end = static_cast<int>(lua_objlen(lua, 1)) + 1;
  int position = end;
  switch (lua_gettop(lua)) {
    case 2:
      break;
    case 3:
      position = static_cast<int>(luaL_checkinteger(lua, 2));
      if (position > end) end = position;
      for (int i = end; i > position; --i) {
        lua_rawgeti(lua, 1, i - 1);
        lua_rawseti(lua, 1, i);
      }
      break;
    default:
      return luaL_error(lua, "wrong number of arguments to 'insert'");
  }
  lua_rawseti(lua, 1, position);
  return 0;
}

constexpr luaL_Reg kFunctions[] = {
    {"getmetatable", GetMetatable},
    {"load", Load},
    {"loadstring", LoadString},
    {"next", Next},
    {"pcall", Pcall},
    {"rawget", RawGet},
    {"rawset", RawSet},
    {"setmetatable", SetMetatable},
    {"unpack", Unpack},
};

}  // namespace

int LoadText(lua_State* lua, std::string_view code, const char* chunk_name) {
  Text text{code};
  lua_pushstring(lua, chunk_name);  // Lua's parser does not keep it from being collected
  const int status = lua_load(lua, ReadText, &text, chunk_name);
  lua_remove(lua, -2);
  return status;
}

void RegisterBaseFunctions(lua_State* lua) {
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(lua, function.func);
    lua_setfield(lua, -2, function.name);
  }
  lua_getfield(lua, -1, "next");
  lua_pushcclosure(lua, Pairs, 1);
  lua_setfield(lua, -2, "pairs");
  lua_getfield(lua, -1, "bit");
  lua_getfield(lua, -1, "tobit");
  lua_pushcclosure(lua, ToHex, 1);
  lua_setfield(lua, -2, "tohex");
  lua_pop(lua, 1);
  lua_getfield(lua, -1, "table");
  lua_pushcfunction(lua, TableInsert);
  lua_setfield(lua, -2, "insert");
  lua_pop(lua, 1);
}

}  // namespace chestbox
