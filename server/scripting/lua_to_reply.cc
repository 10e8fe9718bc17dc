#include <cmath>
#include <cstring>
#include <lua.hpp>

#include "server/scripting/conversions.h"

namespace chestbox {

namespace {

// A table may hold itself. Redis stops where Lua's own stack ends, some thousands deep; so many levels of ours fit into
// the thread's stack in every build.
constexpr int kReplyDepthMax = 1000;

// As a cast does it on x86, for numbers that do not fit as well.
int64_t CutOff(lua_Number number) {
  if (number >= -0x1p63 && number < 0x1p63) return static_cast<int64_t>(number);
  return INT64_MIN;
}

std::string_view StringAt(lua_State* lua, int index) {
  size_t bytes = 0;
  const char* text = lua_tolstring(lua, index, &bytes);
  return {text, bytes};
}

// The field's value on the stack, if it has this type; else nothing.
bool PushField(lua_State* lua, const char* name, int type) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  if (lua_type(lua, -1) == type) return true;
  lua_pop(lua, 1);
  return false;
}

// Each of these takes the value on top away.
class Writer {
 public:
  Writer(lua_State* lua, int script_protocol, resp::ReplyWriter& reply, OnErrorReply on_error, void* context)
      : lua_(lua), script_protocol_(script_protocol), reply_(reply), on_error_(on_error), context_(context) {}

  void Write() {
    if (depth_ == kReplyDepthMax || lua_checkstack(lua_, 4) == 0) {
      WriteError({.message = "ERR reached lua stack limit", .source = {}, .line = {}});
      lua_pop(lua_, 1);
      return;
    }
    ++depth_;
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING:
        reply_.Bulk(StringAt(lua_, -1));
        break;
      case LUA_TBOOLEAN:
        WriteBoolean(lua_toboolean(lua_, -1) != 0);
        break;
      case LUA_TNUMBER:
        reply_.Integer(CutOff(lua_tonumber(lua_, -1)));
        break;
      case LUA_TTABLE:
        if (!WriteSpecial()) WriteArray();
        break;
      default:
        reply_.Null();
    }
    --depth_;
    lua_pop(lua_, 1);
  }

 private:
  void WriteBoolean(bool value) {
    if (script_protocol_ != 2) {
      reply_.Bool(value);
    } else if (value) {
      reply_.Integer(1);
    } else {
      reply_.Null();
    }
  }

  void WriteError(const ScriptError& error) {
    on_error_(context_, error);
    reply_.Error(error.message);
  }

  // A table that means something by one field. The table stays.
  bool WriteSpecial() {
    if (IsErrorReply(lua_)) {
      WriteError(ErrorOnTop(lua_));
      return true;
    }
    if (PushField(lua_, "ok", LUA_TSTRING)) {
      reply_.SimpleString(lua_tostring(lua_, -1));
    } else if (PushField(lua_, "double", LUA_TNUMBER)) {
      reply_.Double(lua_tonumber(lua_, -1));
    } else if (PushField(lua_, "big_number", LUA_TSTRING)) {
      WriteBigNumber(StringAt(lua_, -1));
    } else if (WriteVerbatim()) {
      return true;
    } else if (PushField(lua_, "map", LUA_TTABLE)) {
      WriteMap();
    } else if (PushField(lua_, "set", LUA_TTABLE)) {
      WriteSet();
    } else {
      return false;
    }
    lua_pop(lua_, 1);
    return true;
  }

  void WriteBigNumber(std::string_view digits) {
    std::string number(digits);
    for (char& c : number) c = c == '\r' || c == '\n' ? ' ' : c;
    reply_.BigNumber(number);
  }

  bool WriteVerbatim() {
    if (!PushField(lua_, "verbatim_string", LUA_TTABLE)) return false;
    bool written = false;
    if (PushField(lua_, "format", LUA_TSTRING)) {
      std::string format(StringAt(lua_, -1));
      lua_pop(lua_, 1);
      format.resize(3, ' ');
      for (char& c : format) c = c == '\r' || c == '\n' ? ' ' : c;
      if (PushField(lua_, "string", LUA_TSTRING)) {
        reply_.Verbatim(format, StringAt(lua_, -1));
        lua_pop(lua_, 1);
        written = true;
      }
    }
    lua_pop(lua_, 1);
    return written;
  }

  void WriteMap() {
    const size_t mark = reply_.BeginDeferredMap();
    size_t pairs = 0;
    for (lua_pushnil(lua_); lua_next(lua_, -2) != 0; ++pairs) {
      lua_pushvalue(lua_, -2);
      Write();
      Write();
    }
    reply_.EndDeferredMap(mark, pairs);
  }

  void WriteSet() {
    const size_t mark = reply_.BeginDeferredSet();
    size_t count = 0;
    for (lua_pushnil(lua_); lua_next(lua_, -2) != 0; ++count) {
      lua_pop(lua_, 1);
      lua_pushvalue(lua_, -1);
      Write();
    }
    reply_.EndDeferredSet(mark, count);
  }

  void WriteArray() {
    const size_t mark = reply_.BeginDeferredArray(lua_objlen(lua_, -1));
    int count = 0;
    for (lua_rawgeti(lua_, -1, 1); !lua_isnil(lua_, -1); lua_rawgeti(lua_, -1, count + 1)) {
      Write();
      ++count;
    }
    lua_pop(lua_, 1);
    reply_.EndDeferredArray(mark, static_cast<size_t>(count));
  }

  lua_State* lua_;
  int script_protocol_;
  resp::ReplyWriter& reply_;
  OnErrorReply on_error_;
  void* context_;
  int depth_ = 0;
};

std::string RawFieldText(lua_State* lua, const char* name) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  std::string text;
  if (lua_isstring(lua, -1) != 0) text = lua_tostring(lua, -1);  // up to a NUL, as Redis takes it
  lua_pop(lua, 1);
  return text;
}

}  // namespace

bool IsErrorReply(lua_State* lua) {
  if (!lua_istable(lua, -1) || !PushField(lua, "err", LUA_TSTRING)) return false;
  lua_pop(lua, 1);
  return true;
}

ScriptError ErrorOnTop(lua_State* lua) {
  ScriptError error;
  if (!lua_istable(lua, -1)) {
    const std::string_view text = lua_isstring(lua, -1) != 0 ? StringAt(lua, -1) : "execution failure";
    error.message.append("ERR ").append(text);
    return error;
  }
  error.message = IsErrorReply(lua) ? RawFieldText(lua, "err") : "ERR unknown error";
  error.source = RawFieldText(lua, "source");
  error.line = RawFieldText(lua, "line");
  if (PushField(lua, "ignore_error_stats_update", LUA_TBOOLEAN)) {
    error.counted = lua_toboolean(lua, -1) != 0;
    lua_pop(lua, 1);
  }
  return error;
}

void ReplyWith(lua_State* lua, int script_protocol, resp::ReplyWriter& reply, OnErrorReply on_error, void* context) {
  Writer(lua, script_protocol, reply, on_error, context).Write();
}

}  // namespace chestbox
