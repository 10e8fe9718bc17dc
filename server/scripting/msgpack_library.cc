// cmsgpack.pack, unpack, unpack_one and unpack_limit: MessagePack as Redis' scripts have it. Tables whose keys are 1 to
// n are arrays, others maps; numbers without a fraction are integers; tables within 16 others are nil.
#include <cstdint>
#include <cstring>
#include <limits>
#include <lua.hpp>
#include <type_traits>

#include "server/scripting/sandbox.h"

namespace chestbox {

namespace {

constexpr int kDepthMax = 16;
constexpr int kPackedFirst = 2;  // stack index of …

// ---- Packing ----

// Bytes under construction, in a userdata of Lua's, so that an error leaves nothing behind.
class Bytes {
 public:
  // Leaves its memory at the stack's index `slot`, which is there.
  Bytes(lua_State* lua, int slot) : lua_(lua), slot_(slot) {}

  void Add(const void* bytes, size_t count) {
    if (capacity_ - size_ < count) Grow(count);
    if (count != 0) std::memcpy(data_ + size_, bytes, count);
    size_ += count;
  }
  void AddByte(unsigned value) {
    const auto byte = static_cast<unsigned char>(value);
    Add(&byte, 1);
  }
  // A head byte and `value` in big-endian order.
  template <class T>
  void AddNumber(unsigned head, T value) {
    AddByte(head);
    unsigned char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof value);
    for (size_t i = sizeof value; i > 0; --i) AddByte(bytes[i - 1]);
  }
  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void Grow(size_t count) {
    luaL_checkstack(lua_, 1, "no room to pack");
    capacity_ = (size_ + count) * 2;
    auto* larger = static_cast<char*>(lua_newuserdata(lua_, capacity_));
    if (size_ != 0) std::memcpy(larger, data_, size_);
    data_ = larger;
    lua_replace(lua_, slot_);
  }

  lua_State* lua_;
  int slot_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// The head of something of `count` parts: the short form up to `short_max`, then with 8 (if `head8`), 16 or 32 bits.
void AddHead(Bytes* out, size_t count, unsigned short_head, size_t short_max, unsigned head8, unsigned head16) {
  if (count <= short_max) {
    out->AddByte(short_head | static_cast<unsigned>(count));
  } else if (head8 != 0 && count <= 0xff) {
    out->AddNumber(head8, static_cast<uint8_t>(count));
  } else if (count <= 0xffff) {
    out->AddNumber(head16, static_cast<uint16_t>(count));
  } else {
    out->AddNumber(head16 + 1, static_cast<uint32_t>(count));
  }
}

void AddUnsigned(Bytes* out, uint64_t value) {
  if (value <= 0x7f) {
    out->AddByte(static_cast<unsigned>(value));
  } else if (value <= 0xff) {
    out->AddNumber(0xcc, static_cast<uint8_t>(value));
  } else if (value <= 0xffff) {
    out->AddNumber(0xcd, static_cast<uint16_t>(value));
  } else if (value <= 0xffffffff) {
    out->AddNumber(0xce, static_cast<uint32_t>(value));
  } else {
    out->AddNumber(0xcf, value);
  }
}

void AddNegative(Bytes* out, int64_t value) {
  if (value >= -32) {
    out->AddByte(static_cast<unsigned>(value) & 0xff);
  } else if (value >= INT8_MIN) {
    out->AddNumber(0xd0, static_cast<int8_t>(value));
  } else if (value >= INT16_MIN) {
    out->AddNumber(0xd1, static_cast<int16_t>(value));
  } else if (value >= INT32_MIN) {
    out->AddNumber(0xd2, static_cast<int32_t>(value));
  } else {
    out->AddNumber(0xd3, value);
  }
}

void AddNumber(Bytes* out, lua_Number number) {
  const bool fits = number >= -0x1p63 && number < 0x1p63;
  if (fits && static_cast<lua_Number>(static_cast<int64_t>(number)) == number) {
    const auto value = static_cast<int64_t>(number);
    if (value >= 0) {
      AddUnsigned(out, static_cast<uint64_t>(value));
    } else {
      AddNegative(out, value);
    }
    return;
  }
  const auto single = static_cast<float>(number);
  if (static_cast<lua_Number>(single) == number) {
    out->AddNumber(0xca, single);
  } else {
    out->AddNumber(0xcb, number);
  }
}

// Entries of the table on top; *is_array: their keys are 1 to n.
size_t CountEntries(lua_State* lua, bool* is_array) {
  size_t count = 0;
  lua_Number largest = 0;
  *is_array = true;
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; ++count) {
    lua_pop(lua, 1);
    const lua_Number key = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
    const bool is_index = key > 0 && key <= INT32_MAX && static_cast<lua_Number>(static_cast<int>(key)) == key;
    *is_array = *is_array && is_index;
    if (key > largest) largest = key;
  }
  *is_array = *is_array && largest == static_cast<lua_Number>(count);
  return count;
}

void AddValue(lua_State* lua, Bytes* out, int depth);

void AddTable(lua_State* lua, Bytes* out, int depth) {
  luaL_checkstack(lua, 4, "too many nested tables");
  bool is_array = false;
  const size_t count = CountEntries(lua, &is_array);
  if (is_array) {
    AddHead(out, count, 0x90, 15, 0, 0xdc);
    for (size_t i = 1; i <= count; ++i) {
      lua_rawgeti(lua, -1, static_cast<int>(i));
      AddValue(lua, out, depth + 1);
    }
    return;
  }
  AddHead(out, count, 0x80, 15, 0, 0xde);
  for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
    lua_pushvalue(lua, -2);
    AddValue(lua, out, depth + 1);
    AddValue(lua, out, depth + 1);
  }
}

// Takes the value on top away.
void AddValue(lua_State* lua, Bytes* out, int depth) {
  switch (lua_type(lua, -1)) {
    case LUA_TSTRING: {
      size_t bytes = 0;
      const char* text = lua_tolstring(lua, -1, &bytes);
      AddHead(out, bytes, 0xa0, 31, 0xd9, 0xda);
      out->Add(text, bytes);
      break;
    }
    case LUA_TBOOLEAN:
      out->AddByte(lua_toboolean(lua, -1) != 0 ? 0xc3 : 0xc2);
      break;
    case LUA_TNUMBER:
      AddNumber(out, lua_tonumber(lua, -1));
      break;
    case LUA_TTABLE:
      if (depth == kDepthMax) {
        out->AddByte(0xc0);
      } else {
        AddTable(lua, out, depth);
      }
      break;
    default:
      out->AddByte(0xc0);
  }
  lua_pop(lua, 1);
}

// pack(value, …): all behind one another
int Pack(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
  luaL_checkstack(lua, 2, "Too many arguments for MessagePack pack.");
  lua_pushnil(lua);
  Bytes bytes(lua, count + 1);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(lua, i);
    AddValue(lua, &bytes, 0);
  }
  lua_pushlstring(lua, bytes.data(), bytes.size());
  return 1;
}

// ---- Unpacking ----

// Walks over packed bytes; raises what is wrong with them.
class Reader {
 public:
  Reader(lua_State* lua, const char* data, size_t size) : lua_(lua), at_(data), left_(size) {}
  size_t left() const { return left_; }

  void PushNext() {
    luaL_checkstack(lua_, 4, "too many return values at once; use unpack_one or unpack_limit instead.");
    const auto head = Take<uint8_t>();
    if (head <= 0x7f) {
      lua_pushinteger(lua_, head);
    } else if (head >= 0xe0) {
      lua_pushinteger(lua_, static_cast<int8_t>(head));
    } else if (head >= 0xc0) {
      PushLong(head);
    } else if (head >= 0xa0) {
      PushString(head & 0x1f);
    } else if (head >= 0x90) {
      PushArray(head & 0xf);
    } else {
      PushMap(head & 0xf);
    }
  }

 private:
  const char* Need(size_t bytes) {
    if (left_ < bytes) luaL_error(lua_, "Missing bytes in input.");
    const char* at = at_;
    at_ += bytes;
    left_ -= bytes;
    return at;
  }

  // A number in big-endian order.
  template <class T>
  T Take() {
    const char* from = Need(sizeof(T));
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = from[sizeof bytes - 1 - i];
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  template <class T>
  void PushNumber() {
    lua_pushnumber(lua_, static_cast<lua_Number>(Take<T>()));
  }

  void PushLong(uint8_t head) {
    switch (head) {
      case 0xc0:
        return lua_pushnil(lua_);
      case 0xc2:
      case 0xc3:
        return lua_pushboolean(lua_, head & 1);
      case 0xca:
        return PushNumber<float>();
      case 0xcb:
        return PushNumber<double>();
      case 0xcc:
        return PushNumber<uint8_t>();
      case 0xcd:
        return PushNumber<uint16_t>();
      case 0xce:
        return PushNumber<uint32_t>();
      case 0xcf:
        return PushNumber<uint64_t>();
      case 0xd0:
        return PushNumber<int8_t>();
      case 0xd1:
        return PushNumber<int16_t>();
      case 0xd2:
        return PushNumber<int32_t>();
      case 0xd3:
        return PushNumber<int64_t>();
      case 0xd9:
        return PushString(Take<uint8_t>());
      case 0xda:
        return PushString(Take<uint16_t>());
      case 0xdb:
        return PushString(Take<uint32_t>());
      case 0xdc:
        return PushArray(Take<uint16_t>());
      case 0xdd:
        return PushArray(Take<uint32_t>());
      case 0xde:
        return PushMap(Take<uint16_t>());
      case 0xdf:
        return PushMap(Take<uint32_t>());
      default:
        luaL_error(lua_, "Bad data format in input.");
    }
  }

  void PushString(size_t bytes) {
    const char* at = Need(bytes);
    lua_pushlstring(lua_, at, bytes);
  }

  // Nothing is allocated by a length that the input merely claims.
  void PushArray(uint32_t count) {
    lua_newtable(lua_);
    for (uint32_t i = 1; i <= count; ++i) {
      lua_pushnumber(lua_, i);
      PushNext();
      lua_rawset(lua_, -3);
    }
  }
  void PushMap(uint32_t count) {
    lua_newtable(lua_);
    for (uint32_t i = 0; i < count; ++i) {
      PushNext();
      PushNext();
      lua_settable(lua_, -3);  // which refuses nil as a key
    }
  }

  lua_State* lua_;
  const char* at_;
  size_t left_;
};

// The values behind the string at 1, which is alone on the stack; with `stepwise`, where to go on in front of them.
int UnpackFrom(lua_State* lua, lua_Integer limit, lua_Integer offset, bool stepwise) {
  size_t bytes = 0;
  const char* data = luaL_checklstring(lua, 1, &bytes);
  if (offset < 0 || limit < 0) {
    return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.", static_cast<int>(offset),
                      static_cast<int>(limit));
  }
  if (static_cast<size_t>(offset) > bytes) {
    return luaL_error(lua, "Start offset %d greater than input length %d.", static_cast<int>(offset),
                      static_cast<int>(bytes));
  }
  Reader reader(lua, data + offset, bytes - static_cast<size_t>(offset));
  int count = 0;
  for (; reader.left() != 0 && count < limit; ++count) reader.PushNext();
  if (!stepwise) return count;
  luaL_checkstack(lua, 1, "too many values");
  lua_pushinteger(lua, reader.left() == 0 ? -1 : static_cast<lua_Integer>(bytes - reader.left()));
  lua_insert(lua, kPackedFirst);
  return count + 1;
}

// unpack(packed) -> all values
int Unpack(lua_State* lua) {
  lua_settop(lua, 1);
  return UnpackFrom(lua, std::numeric_limits<int>::max(), 0, false);
}

// unpack_one(packed [, offset]) -> where the next value begins, or -1 behind the last; the value
int UnpackOne(lua_State* lua) {
  const lua_Integer offset = luaL_optinteger(lua, 2, 0);
  lua_settop(lua, 1);
  return UnpackFrom(lua, 1, offset, true);
}

// unpack_limit(packed, limit [, offset]) -> the same with up to `limit` values
int UnpackLimit(lua_State* lua) {
  const lua_Integer limit = luaL_checkinteger(lua, 2);
  const lua_Integer offset = luaL_optinteger(lua, 3, 0);
  lua_settop(lua, 1);
  if (limit == 0 && offset == 0) return UnpackFrom(lua, std::numeric_limits<int>::max(), 0, false);  // as Redis does
  return UnpackFrom(lua, limit, offset, true);
}

constexpr luaL_Reg kFunctions[] = {
    {"pack", Pack}, {"unpack", Unpack}, {"unpack_one", UnpackOne}, {"unpack_limit", UnpackLimit}};

}  // namespace

void PushMsgpackLibrary(lua_State* lua) {
  lua_createtable(lua, 0, 6);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(lua, function.func);
    lua_setfield(lua, -2, function.name);
  }
  lua_pushliteral(lua, "cmsgpack");
  lua_setfield(lua, -2, "_NAME");
  lua_pushliteral(lua, "lua-cmsgpack 0.4.0");
  lua_setfield(lua, -2, "_VERSION");
}

}  // namespace chestbox
