// struct.pack, struct.unpack and struct.size, as Redis' scripts have them (the library `struct` of Roberto
// Ierusalimschy).
//
//   > < !n   big endian, little endian, alignment of n bytes (a power of two)
//   x        padding          b B h H l L T   signed and unsigned integers of C's sizes
//   in In    integers of n bytes, 4 by default; up to 32
//   f d      float, double    s   string that ends with a NUL
//   cn       n bytes; c0: packed, the whole string; unpacked, as many as the number before it says
#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstring>
#include <lua.hpp>

#include "server/scripting/sandbox.h"

namespace chestbox {

namespace {

constexpr int kIntegerBytesMax = 32;
constexpr int kAlignmentDefault = 8;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A format, item by item.
class Format {
 public:
  struct Item {
    char option;
    size_t size;
    size_t padding;  // in front of it
  };

  Format(lua_State* lua, const char* text) : lua_(lua), at_(text) {}
  bool done() const { return *at_ == '\0'; }
  bool big_endian() const { return big_endian_; }

  // `position`: bytes so far.
  Item Next(size_t position) {
    Item item{*at_++, 0, 0};
    item.size = SizeOf(item.option);
    if (item.size != 0 && item.option != 'c') {
      const size_t alignment = std::min(item.size, static_cast<size_t>(alignment_));
      item.padding = (alignment - (position & (alignment - 1))) & (alignment - 1);
    }
    return item;
  }

  // An item that stands for no bytes.
  void Control(char option) {
    switch (option) {
      case ' ':
        return;
      case '>':
        big_endian_ = true;
        return;
      case '<':
        big_endian_ = false;
        return;
      case '!': {
        const int alignment = Number(kAlignmentDefault);
        if (alignment <= 0 || (alignment & (alignment - 1)) != 0) {
          luaL_error(lua_, "alignment %d is not a power of 2", alignment);
        }
        alignment_ = alignment;
        return;
      }
      default:
        luaL_argerror(lua_, 1, lua_pushfstring(lua_, "invalid format option '%c'", option));
    }
  }

 private:
  int Number(int otherwise) {
    if (!IsDigit(*at_)) return otherwise;
    int number = 0;
    for (; IsDigit(*at_); ++at_) {
      const int digit = *at_ - '0';
      if (number > (INT_MAX - digit) / 10) luaL_error(lua_, "integral size overflow");
      number = number * 10 + digit;
    }
    return number;
  }

  size_t SizeOf(char option) {
    switch (option) {
      case 'b':
      case 'B':
      case 'x':
        return 1;
      case 'h':
      case 'H':
        return sizeof(short);
      case 'l':
      case 'L':
        return sizeof(long);
      case 'T':
        return sizeof(size_t);
      case 'f':
        return sizeof(float);
      case 'd':
        return sizeof(double);
      case 'c':
        return static_cast<size_t>(Number(1));
      case 'i':
      case 'I': {
        const int size = Number(sizeof(int));
        if (size > kIntegerBytesMax) {
          luaL_error(lua_, "integral size %d is larger than limit of %d", size, kIntegerBytesMax);
        }
        return static_cast<size_t>(size);
      }
      default:
        return 0;
    }
  }

  lua_State* lua_;
  const char* at_;
  bool big_endian_ = false;
  int alignment_ = 1;
};

// As a cast does it on x86, for numbers that do not fit as well.
uint64_t IntegerOf(lua_Number number) {
  if (number >= 0x1p63 && number < 0x1p64) return static_cast<uint64_t>(number);
  if (number >= -0x1p63 && number < 0x1p63) return static_cast<uint64_t>(static_cast<int64_t>(number));
  return number > 0 ? 0 : uint64_t{1} << 63;
}

// `size` bytes in the format's order, from or to this machine's, which is little endian.
void AddBytes(luaL_Buffer* buffer, const void* bytes, size_t size, bool big_endian) {
  char ordered[kIntegerBytesMax] = {};
  std::memcpy(ordered, bytes, size);
  if (big_endian) std::reverse(ordered, ordered + size);
  luaL_addlstring(buffer, ordered, size);
}

void AddInteger(luaL_Buffer* buffer, lua_Number number, size_t size, bool big_endian) {
  const uint64_t value = IntegerOf(number);
  char bytes[kIntegerBytesMax] = {};
  std::memcpy(bytes, &value, sizeof value);
  AddBytes(buffer, bytes, size, big_endian);
}

// Returns the size of the string, which c0 and s leave open.
size_t AddString(lua_State* lua, luaL_Buffer* buffer, const Format::Item& item, int argument) {
  size_t bytes = 0;
  const char* text = luaL_checklstring(lua, argument, &bytes);
  const size_t size = item.size == 0 ? bytes : item.size;
  luaL_argcheck(lua, bytes >= size, argument, "string too short");
  luaL_addlstring(buffer, text, size);
  if (item.option != 's') return size;
  luaL_addchar(buffer, '\0');
  return size + 1;
}

int Pack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  int argument = 2;
  size_t position = 0;
  lua_pushnil(lua);  // between the arguments and what the buffer keeps on the stack
  luaL_Buffer buffer;
  luaL_buffinit(lua, &buffer);
  while (!format.done()) {
    Format::Item item = format.Next(position);
    for (size_t i = 0; i < item.padding; ++i) luaL_addchar(&buffer, '\0');
    switch (item.option) {
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'l':
      case 'L':
      case 'T':
      case 'i':
      case 'I':
        AddInteger(&buffer, luaL_checknumber(lua, argument++), item.size, format.big_endian());
        break;
      case 'x':
        luaL_addchar(&buffer, '\0');
        break;
      case 'f': {
        const auto number = static_cast<float>(luaL_checknumber(lua, argument++));
        AddBytes(&buffer, &number, sizeof number, format.big_endian());
        break;
      }
      case 'd': {
        const double number = luaL_checknumber(lua, argument++);
        AddBytes(&buffer, &number, sizeof number, format.big_endian());
        break;
      }
      case 'c':
      case 's':
        item.size = AddString(lua, &buffer, item, argument++);
        break;
      default:
        format.Control(item.option);
    }
    position += item.padding + item.size;
  }
  luaL_pushresult(&buffer);
  return 1;
}

// Reads `size` bytes in the format's order into a number of this machine's.
template <class T>
T Read(const char* bytes, size_t size, bool big_endian) {
  char ordered[kIntegerBytesMax] = {};
  std::memcpy(ordered, bytes, size);
  if (big_endian) std::reverse(ordered, ordered + size);
  T value;
  std::memcpy(&value, ordered, sizeof value);
  return value;
}

lua_Number ReadInteger(const char* bytes, const Format::Item& item, bool big_endian) {
  const auto value = Read<uint64_t>(bytes, item.size, big_endian);
  const bool is_signed = item.option >= 'a' && item.option <= 'z';
  if (!is_signed) return static_cast<lua_Number>(value);
  const size_t unused_bits = item.size >= sizeof value ? 0 : 64 - 8 * item.size;
  if (unused_bits == 64) return 0;
  return static_cast<lua_Number>(static_cast<int64_t>(value << unused_bits) >> unused_bits);
}

int Unpack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  size_t bytes = 0;
  const char* data = luaL_checklstring(lua, 2, &bytes);
  const lua_Integer start = luaL_optinteger(lua, 3, 1);
  luaL_argcheck(lua, start > 0, 3, "offset must be 1 or greater");
  auto position = static_cast<size_t>(start) - 1;
  int results = 0;
  const auto check = [&](size_t size) {
    luaL_argcheck(lua, size <= bytes && position <= bytes - size, 2, "data string too short");
  };
  while (!format.done()) {
    Format::Item item = format.Next(position);
    position += item.padding;
    check(item.size);
    luaL_checkstack(lua, 2, "too many results");
    const char* at = data + position;
    switch (item.option) {
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'l':
      case 'L':
      case 'T':
      case 'i':
      case 'I':
        lua_pushnumber(lua, ReadInteger(at, item, format.big_endian()));
        ++results;
        break;
      case 'x':
        break;
      case 'f':
        lua_pushnumber(lua, static_cast<lua_Number>(Read<float>(at, item.size, format.big_endian())));
        ++results;
        break;
      case 'd':
        lua_pushnumber(lua, Read<double>(at, item.size, format.big_endian()));
        ++results;
        break;
      case 'c':
        if (item.size == 0) {
          if (results == 0 || lua_isnumber(lua, -1) == 0) luaL_error(lua, "format 'c0' needs a previous size");
          item.size = static_cast<size_t>(IntegerOf(lua_tonumber(lua, -1)));
          lua_pop(lua, 1);
          --results;
          check(item.size);
        }
        lua_pushlstring(lua, at, item.size);
        ++results;
        break;
      case 's': {
        const void* end = std::memchr(at, '\0', bytes - position);
        if (end == nullptr) luaL_error(lua, "unfinished string in data");
        item.size = static_cast<size_t>(static_cast<const char*>(end) - at) + 1;
        lua_pushlstring(lua, at, item.size - 1);
        ++results;
        break;
      }
      default:
        format.Control(item.option);
    }
    position += item.size;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(position) + 1);
  return results + 1;
}

int Size(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  size_t position = 0;
  while (!format.done()) {
    const Format::Item item = format.Next(position);
    position += item.padding + item.size;
    if (item.option == 's') luaL_argerror(lua, 1, "option 's' has no fixed size");
    if (item.option == 'c' && item.size == 0) luaL_argerror(lua, 1, "option 'c0' has no fixed size");
    const bool is_word = IsDigit(item.option) || (item.option >= 'a' && item.option <= 'z') ||
                         (item.option >= 'A' && item.option <= 'Z');
    if (!is_word) format.Control(item.option);
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(position));
  return 1;
}

}  // namespace

void PushStructLibrary(lua_State* lua) {
  lua_createtable(lua, 0, 3);
  lua_pushcfunction(lua, Pack);
  lua_setfield(lua, -2, "pack");
  lua_pushcfunction(lua, Unpack);
  lua_setfield(lua, -2, "unpack");
  lua_pushcfunction(lua, Size);
  lua_setfield(lua, -2, "size");
}

}  // namespace chestbox
