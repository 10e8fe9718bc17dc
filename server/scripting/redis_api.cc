// The table `redis` of scripts.
#include <fmt/format.h>

#include <lua.hpp>
#include <optional>
#include <span>
#include <string>

#include "server/acl/user.h"
#include "server/commands/sha1.h"
#include "server/log.h"
#include "server/scripting/functions.h"
#include "server/scripting/interpreter.h"
#include "server/scripting/sandbox.h"
#include "server/scripting/script_run.h"
#include "server/scripting/scripts.h"
#include "server/server.h"

namespace chestbox {

namespace {

// redis.set_repl's flags, by Redis' numbers. There is nothing to be replicated to yet.
constexpr int kReplNone = 0;
constexpr int kReplAof = 1;
constexpr int kReplReplica = 2;
constexpr int kReplAll = kReplAof | kReplReplica;

constexpr int kLogDebug = 0;
constexpr int kLogVerbose = 1;
constexpr int kLogNotice = 2;
constexpr int kLogWarning = 3;

Scripts& Running(lua_State* lua, const char* function) {
  Scripts& scripts = Interpreter::OwnerOf(lua);
  if (!scripts.running()) {
    lua_pushfstring(lua, "ERR %s can only be called inside a script invocation", function);
    RaiseError(lua, lua_tostring(lua, -1));
  }
  return scripts;
}

int Call(lua_State* lua) { return Running(lua, "redis.call/pcall").Call(lua) ? 1 : lua_error(lua); }
int Pcall(lua_State* lua) {
  (void)Running(lua, "redis.call/pcall").Call(lua);
  return 1;
}

// Less the CR and LF at both ends.
std::string_view WithoutLineEnds(std::string_view text) {
  const size_t first = text.find_first_not_of("\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of("\r\n") + 1 - first);
}

int ErrorReply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    PushError(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  std::string_view message = lua_tostring(lua, 1);  // up to a NUL, as Redis takes it
  if (message.starts_with('-')) message.remove_prefix(1);
  std::string_view code = "ERR";
  if (const size_t space = message.find(' '); space != std::string_view::npos) {
    code = message.substr(0, space);
    message.remove_prefix(space + 1);
  }
  message = WithoutLineEnds(message);
  lua_pushlstring(lua, code.data(), code.size());
  lua_pushliteral(lua, " ");
  lua_pushlstring(lua, message.data(), message.size());
  lua_concat(lua, 3);
  PushError(lua, lua_tostring(lua, -1));
  return 1;
}

int StatusReply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    PushError(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, 1);
  lua_setfield(lua, -2, "ok");
  return 1;
}

int Sha1HexOf(lua_State* lua) {
  if (lua_gettop(lua) != 1) RaiseError(lua, "ERR wrong number of arguments");
  size_t bytes = 0;
  const char* text = lua_tolstring(lua, 1, &bytes);
  char digits[40];
  FormatSha1(Sha1({text, text == nullptr ? 0 : bytes}), digits);
  lua_pushlstring(lua, digits, sizeof digits);
  return 1;
}

int SetResp(lua_State* lua) {
  Scripts& scripts = Running(lua, "redis.setresp");
  if (lua_gettop(lua) != 1) RaiseError(lua, "ERR redis.setresp() requires one argument.");
  const lua_Number protocol = lua_tonumber(lua, 1);
  if (!(protocol >= 2 && protocol < 4)) RaiseError(lua, "ERR RESP version must be 2 or 3.");
  scripts.set_protocol(static_cast<int>(protocol));
  return 0;
}

int SetRepl(lua_State* lua) {
  (void)Running(lua, "redis.set_repl");
  if (lua_gettop(lua) != 1) RaiseError(lua, "ERR redis.set_repl() requires two arguments.");
  const lua_Number flags = lua_tonumber(lua, 1);
  if (!(flags > -1 && flags < kReplAll + 1)) {
    RaiseError(lua, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  return 0;
}

int ReplicateCommands(lua_State* lua) {
  lua_pushboolean(lua, 1);
  return 1;
}

// There is no debugger: nothing is active.
int Breakpoint(lua_State* lua) {
  lua_pushboolean(lua, 0);
  return 1;
}
int Debug(lua_State*) { return 0; }

// Whether the script's caller may run this; nothing: there is no such command.
std::optional<bool> MayRun(Scripts& scripts, Args words) {
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* row = scripts.server().commands().FindLeaf(words, &parent, &unknown);
  if (row == nullptr) return std::nullopt;
  const User* user = scripts.run()->caller.user;
  return user == nullptr || !user->Check(*row, words);
}

int AclCheckCommand(lua_State* lua) {
  Scripts& scripts = Running(lua, "redis.acl_check_cmd");
  if (lua_gettop(lua) == 0) RaiseError(lua, "ERR Please specify at least one argument for this redis lib call");
  const std::vector<std::string_view>* words = scripts.Words(lua);
  if (words == nullptr) RaiseError(lua, "ERR Lua redis lib command arguments must be strings or integers");
  const std::optional<bool> may_run = MayRun(scripts, *words);
  if (!may_run) RaiseError(lua, "ERR Invalid command passed to redis.acl_check_cmd()");
  lua_pushboolean(lua, *may_run ? 1 : 0);
  return 1;
}

void WriteLog(int level, std::string_view message) {
  switch (level) {
    case kLogDebug:
      return LogDebug(message);
    case kLogVerbose:
      return LogVerbose(message);
    case kLogNotice:
      return LogNotice(message);
    default:
      return LogWarning(message);
  }
}

// redis.log(level, message, …)
int Log(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count < 2) RaiseError(lua, "ERR redis.log() requires two arguments or more.");
  if (lua_isnumber(lua, 1) == 0) RaiseError(lua, "ERR First argument must be a number (log level).");
  const lua_Number level = lua_tonumber(lua, 1);
  if (!(level > -1 && level < kLogWarning + 1)) RaiseError(lua, "ERR Invalid debug level.");
  luaL_Buffer message;
  luaL_buffinit(lua, &message);
  bool first = true;
  for (int i = 2; i <= count; ++i) {
    if (lua_isstring(lua, i) == 0) continue;
    if (!first) luaL_addchar(&message, ' ');
    first = false;
    lua_pushvalue(lua, i);
    luaL_addvalue(&message);
  }
  luaL_pushresult(&message);
  WriteLog(static_cast<int>(level), lua_tostring(lua, -1));
  return 0;
}

// In a library that is being loaded: redis.register_function(name, function) or {function_name = …, callback = …}.
int RegisterFunction(lua_State* lua) {
  if (const char* problem = Interpreter::OwnerOf(lua).functions().Register(lua); problem != nullptr) {
    lua_pushfstring(lua, "ERR %s", problem);
    RaiseError(lua, lua_tostring(lua, -1));
  }
  return 0;
}

constexpr luaL_Reg kFunctions[] = {{"acl_check_cmd", AclCheckCommand},
                                   {"breakpoint", Breakpoint},
                                   {"call", Call},
                                   {"debug", Debug},
                                   {"error_reply", ErrorReply},
                                   {"log", Log},
                                   {"pcall", Pcall},
                                   {"replicate_commands", ReplicateCommands},
                                   {"set_repl", SetRepl},
                                   {"setresp", SetResp},
                                   {"sha1hex", Sha1HexOf},
                                   {"status_reply", StatusReply}};

struct Constant {
  const char* name;
  int value;
};
constexpr Constant kLogLevels[] = {
    {"LOG_DEBUG", kLogDebug}, {"LOG_VERBOSE", kLogVerbose}, {"LOG_NOTICE", kLogNotice}, {"LOG_WARNING", kLogWarning}};
constexpr Constant kReplFlags[] = {{"REPL_NONE", kReplNone},
                                   {"REPL_AOF", kReplAof},
                                   {"REPL_SLAVE", kReplReplica},
                                   {"REPL_REPLICA", kReplReplica},
                                   {"REPL_ALL", kReplAll}};

// 0x00MMmmpp, as Redis counts.
int VersionNumber(const std::string& version) {
  int parts[3] = {};
  size_t part = 0;
  for (char c : version) {
    if (c == '.' && part < 2) {
      ++part;
    } else if (c >= '0' && c <= '9') {
      parts[part] = parts[part] * 10 + (c - '0');
    } else {
      break;
    }
  }
  return parts[0] << 16 | parts[1] << 8 | parts[2];
}

// Into the table on top.
void SetConstants(lua_State* lua, std::span<const Constant> constants) {
  for (const Constant& constant : constants) {
    lua_pushinteger(lua, constant.value);
    lua_setfield(lua, -2, constant.name);
  }
}

void SetVersion(lua_State* lua) {
  const std::string& version = Interpreter::OwnerOf(lua).server().config().redis_version;
  lua_pushstring(lua, version.c_str());
  lua_setfield(lua, -2, "REDIS_VERSION");
  lua_pushinteger(lua, VersionNumber(version));
  lua_setfield(lua, -2, "REDIS_VERSION_NUM");
}

}  // namespace

void PushRedisApi(lua_State* lua) {
  lua_createtable(lua, 0, 24);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(lua, function.func);
    lua_setfield(lua, -2, function.name);
  }
  SetConstants(lua, kLogLevels);
  SetConstants(lua, kReplFlags);
  SetVersion(lua);
}

void PushLibraryApi(lua_State* lua) {
  lua_createtable(lua, 0, 8);
  lua_pushcfunction(lua, RegisterFunction);
  lua_setfield(lua, -2, "register_function");
  lua_pushcfunction(lua, Log);
  lua_setfield(lua, -2, "log");
  SetConstants(lua, kLogLevels);
  SetVersion(lua);
}

}  // namespace chestbox
