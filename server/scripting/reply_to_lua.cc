#include <charconv>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>

#include "protocol/check.h"
#include "server/scripting/conversions.h"
#include "server/scripting/interpreter.h"

namespace chestbox {

namespace {

// Walks over one reply. The bytes are our own writer's, so they are not checked. Trivial, for errors jump over it.
class Reader {
 public:
  Reader(lua_State* lua, std::string_view reply) : lua_(lua), left_(reply) {}

  void PushNext() {
    luaL_checkstack(lua_, 5, "reached lua stack limit");
    const char type = left_[0];
    left_.remove_prefix(1);
    const std::string_view line = Line();
    switch (type) {
      case ':':
        lua_pushnumber(lua_, static_cast<lua_Number>(Integer(line)));
        return;
      case '$':
        PushBulk(Integer(line));
        return;
      case '+':
        PushField("ok", line);
        return;
      case '-':
        PushError(lua_, line, true);
        return;
      case '*':
        PushArray(Integer(line));
        return;
      case '%':
        PushMap(Integer(line));
        return;
      case '~':
        PushSet(Integer(line));
        return;
      default:
        PushRest(type, line);
    }
  }

 private:
  std::string_view Line() {
    const size_t end = left_.find("\r\n");
    CHECK(end != std::string_view::npos);
    const std::string_view line = left_.substr(0, end);
    left_.remove_prefix(end + 2);
    return line;
  }
  static int64_t Integer(std::string_view text) {
    int64_t value = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::string_view Bytes(int64_t count) {
    const std::string_view bytes = left_.substr(0, static_cast<size_t>(count));
    left_.remove_prefix(static_cast<size_t>(count) + 2);
    return bytes;
  }

  void PushText(std::string_view text) { lua_pushlstring(lua_, text.data(), text.size()); }
  void PushField(const char* name, std::string_view text) {
    lua_createtable(lua_, 0, 1);
    PushText(text);
    lua_setfield(lua_, -2, name);
  }

  void PushBulk(int64_t bytes) {
    if (bytes < 0) {
      lua_pushboolean(lua_, 0);
    } else {
      PushText(Bytes(bytes));
    }
  }

  void PushArray(int64_t count) {
    if (count < 0) {
      lua_pushboolean(lua_, 0);
      return;
    }
    lua_createtable(lua_, static_cast<int>(count), 0);
    for (int i = 1; i <= count; ++i) {
      PushNext();
      lua_rawseti(lua_, -2, i);
    }
  }

  void PushMap(int64_t pairs) {
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, static_cast<int>(pairs));
    for (int64_t i = 0; i < pairs; ++i) {
      PushNext();
      PushNext();
      lua_rawset(lua_, -3);
    }
    lua_setfield(lua_, -2, "map");
  }

  void PushSet(int64_t count) {
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, static_cast<int>(count));
    for (int64_t i = 0; i < count; ++i) {
      PushNext();
      lua_pushboolean(lua_, 1);
      lua_rawset(lua_, -3);
    }
    lua_setfield(lua_, -2, "set");
  }

  // What only RESP3 has.
  void PushRest(char type, std::string_view line) {
    switch (type) {
      case '_':
        lua_pushnil(lua_);
        return;
      case '#':
        lua_pushboolean(lua_, line == "t" ? 1 : 0);
        return;
      case ',':
        lua_createtable(lua_, 0, 1);
        lua_pushnumber(lua_, std::strtod(line.data(), nullptr));  // ends at the line's CR
        lua_setfield(lua_, -2, "double");
        return;
      case '(':
        PushField("big_number", line);
        return;
      case '=':
        PushVerbatim(Bytes(Integer(line)));
        return;
      case '|':  // scripts do not see attributes
        for (int64_t i = 2 * Integer(line); i > 0; --i) {
          PushNext();
          lua_pop(lua_, 1);
        }
        PushNext();
        return;
      default:
        CHECK(false);
    }
  }

  void PushVerbatim(std::string_view bytes) {
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, 2);
    PushText(bytes.substr(4));
    lua_setfield(lua_, -2, "string");
    PushText(bytes.substr(0, 3));
    lua_setfield(lua_, -2, "format");
    lua_setfield(lua_, -2, "verbatim_string");
  }

  lua_State* lua_;
  std::string_view left_;
};

}  // namespace

void PushReply(lua_State* lua, std::string_view reply) { Reader(lua, reply).PushNext(); }

}  // namespace chestbox
