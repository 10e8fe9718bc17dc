// math.random and math.randomseed by a generator of our own, so that a seed gives the same numbers everywhere, and the
// same as in Redis: the 48-bit linear congruential generator of POSIX (lrand48).
#include <cmath>
#include <cstdint>
#include <lua.hpp>

#include "server/scripting/sandbox.h"

namespace chestbox {

namespace {

constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
constexpr uint64_t kMultiplier = 0x5deece66d;
constexpr uint64_t kIncrement = 0xb;
constexpr uint64_t kSeedLow = 0x330e;
constexpr uint64_t kInitial = 0x1234'abcd'0000 | kSeedLow;
constexpr uint64_t kNumberMax = (uint64_t{1} << 31) - 1;

uint64_t& StateOf(lua_State* lua) { return *static_cast<uint64_t*>(lua_touserdata(lua, lua_upvalueindex(1))); }

// random() in [0, 1), random(u) in 1..u, random(l, u) in l..u.
int Random(lua_State* lua) {
  uint64_t& state = StateOf(lua);
  state = (state * kMultiplier + kIncrement) & kMask;
  const lua_Number fraction = static_cast<lua_Number>((state >> 17) % kNumberMax) / static_cast<lua_Number>(kNumberMax);
  const int arguments = lua_gettop(lua);
  if (arguments == 0) {
    lua_pushnumber(lua, fraction);
    return 1;
  }
  if (arguments > 2) return luaL_error(lua, "wrong number of arguments");
  const int64_t low = arguments == 2 ? luaL_checkint(lua, 1) : 1;
  const int64_t high = luaL_checkint(lua, arguments);
  luaL_argcheck(lua, low <= high, arguments, "interval is empty");
  lua_pushnumber(lua, std::floor(fraction * static_cast<lua_Number>(high - low + 1)) + static_cast<lua_Number>(low));
  return 1;
}

int RandomSeed(lua_State* lua) {
  const auto seed = static_cast<uint32_t>(luaL_checkint(lua, 1));
  StateOf(lua) = uint64_t{seed} << 16 | kSeedLow;
  return 0;
}

}  // namespace

void RegisterRandom(lua_State* lua) {
  *static_cast<uint64_t*>(lua_newuserdata(lua, sizeof(uint64_t))) = kInitial;
  lua_pushvalue(lua, -1);
  lua_pushcclosure(lua, Random, 1);
  lua_setfield(lua, -3, "random");
  lua_pushcclosure(lua, RandomSeed, 1);
  lua_setfield(lua, -2, "randomseed");
}

}  // namespace chestbox
