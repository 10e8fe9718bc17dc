#include "server/scripting/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <lua.hpp>
#include <utility>

#include "protocol/rdb/dump.h"
#include "protocol/rdb/payload_reader.h"
#include "protocol/rdb/string_codec.h"
#include "protocol/resp/quoted_arguments.h"
#include "server/commands/command_parser.h"
#include "server/scripting/conversions.h"
#include "server/scripting/sandbox.h"
#include "server/scripting/script_flags.h"
#include "server/scripting/scripts.h"

namespace chestbox {

namespace {

// In front of each library in a payload, as in an RDB file.
constexpr uint8_t kLibraryOpcode = 245;
// A library only registers functions; Redis' number.
constexpr auto kLoadTimeMax = std::chrono::milliseconds(500);
constexpr int kInstructionsPerCheck = 100000;
constexpr char kBadName[] =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string TextAt(lua_State* lua, int index) {
  size_t bytes = 0;
  const char* text = lua_tolstring(lua, index, &bytes);
  return {text, bytes};
}

// The flags in the array on top; false: one of them is unknown. Asks no metatables, so that nothing is raised here.
bool ReadFlags(lua_State* lua, uint32_t* flags) {
  for (int i = 1;; ++i) {
    lua_rawgeti(lua, -1, i);
    if (lua_isnil(lua, -1)) break;
    const uint32_t flag = lua_type(lua, -1) == LUA_TSTRING ? ScriptFlagNamed(Lower(TextAt(lua, -1))) : 0;
    lua_pop(lua, 1);
    if (flag == 0) return false;
    *flags |= flag;
  }
  lua_pop(lua, 1);
  return true;
}

}  // namespace

Interpreter& Functions::interpreter() {
  if (interpreter_ == nullptr) interpreter_ = std::make_unique<Interpreter>(scripts_);
  return *interpreter_;
}

const Function* Functions::Find(std::string_view name) const {
  const auto found = functions_.find(Lower(name));
  return found == functions_.end() ? nullptr : found->second;
}

uint64_t Functions::text_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [name, library] : libraries_) bytes += sizeof library + 2 * name.size() + library.code.size();
  for (const auto& [name, function] : functions_) bytes += sizeof *function + 2 * name.size();
  return bytes;
}

// ---- Loading ----

Result<Functions::Header> Functions::ParseHeader(std::string_view code) {
  constexpr std::string_view kNameOption = "name=";
  if (!code.starts_with("#!")) return Error{"ERR Missing library metadata"};
  const size_t end = code.find('\n');
  if (end == std::string_view::npos) return Error{"ERR Invalid library metadata"};
  const auto parts = resp::SplitQuotedArguments(code.substr(0, end));
  if (!parts || parts->empty()) return Error{"ERR Invalid library metadata"};
  std::optional<std::string> name;
  for (size_t i = 1; i < parts->size(); ++i) {
    const std::string& part = (*parts)[i];
    if (!EqualIgnoringCase(std::string_view(part).substr(0, kNameOption.size()), kNameOption)) {
      return Error{fmt::format("ERR Invalid metadata value given: {}", part)};
    }
    if (name) return Error{"ERR Invalid metadata value, name argument was given multiple times"};
    name = part.substr(kNameOption.size());
  }
  if (!name) return Error{"ERR Library name was not given"};
  if (!IsName(*name)) return Error{fmt::format("ERR {}", kBadName)};
  const std::string engine = parts->front().substr(2);
  if (!EqualIgnoringCase(engine, "lua")) return Error{fmt::format("ERR Engine '{}' not found", engine)};
  return Header{*name, end};
}

void Functions::OnInstructions(lua_State* lua, lua_Debug*) {
  if (Clock::now() - Interpreter::OwnerOf(lua).functions().loading_since_ < kLoadTimeMax) return;
  (void)lua_sethook(lua, OnInstructions, LUA_MASKLINE, 0);
  RaiseError(lua, "ERR FUNCTION LOAD timeout");
}

Result<Library> Functions::Make(const Header& header, std::string_view code) {
  Library library{header.name, std::string(code), {}};
  lua_State* lua = interpreter().lua();
  // The end of the first line stays, so that lines keep their numbers.
  auto compiled = interpreter_->Compile(code.substr(header.bytes), "@user_function");
  if (!compiled) return Error{fmt::format("ERR Error compiling function: {}", compiled.error().message)};
  UseLibraryGlobals(lua, true);
  loading_ = &library;
  loading_since_ = Clock::now();
  (void)lua_sethook(lua, OnInstructions, LUA_MASKCOUNT, kInstructionsPerCheck);
  interpreter_->PushFunction(*compiled);
  const int status = lua_pcall(lua, 0, 0, 0);
  (void)lua_sethook(lua, nullptr, 0, 0);
  loading_ = nullptr;
  UseLibraryGlobals(lua, false);
  interpreter_->Forget(*compiled);
  std::string problem;
  if (status != 0) {
    problem = fmt::format("ERR Error registering functions: {}", ErrorOnTop(lua).message);
  } else if (library.functions.empty()) {
    problem = "ERR No functions registered";
  }
  lua_settop(lua, 0);
  if (problem.empty()) return library;
  Forget(library);
  return Error{problem};
}

const char* Functions::RegisterNamed(lua_State* lua, Function* function) {
  if (!lua_istable(lua, 1)) {
    return "calling redis.register_function with a single argument is only applicable to Lua table (representing named "
           "arguments).";
  }
  bool has_name = false;
  for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) != LUA_TSTRING) {
      return lua_type(lua, -2) == LUA_TNUMBER ? "unknown argument given to redis.register_function"
                                              : "named argument key given to redis.register_function is not a string";
    }
    const std::string_view key = lua_tostring(lua, -2);
    const bool is_text = lua_isstring(lua, -1) != 0;
    if (EqualIgnoringCase(key, "function_name")) {
      if (!is_text) return "function_name argument given to redis.register_function must be a string";
      function->name = TextAt(lua, -1);
      has_name = true;
    } else if (EqualIgnoringCase(key, "description")) {
      if (!is_text) return "description argument given to redis.register_function must be a string";
      function->description = TextAt(lua, -1);
    } else if (EqualIgnoringCase(key, "callback")) {
      if (!lua_isfunction(lua, -1)) return "callback argument given to redis.register_function must be a function";
      lua_pushvalue(lua, -1);
      interpreter_->Forget(std::exchange(function->function, luaL_ref(lua, LUA_REGISTRYINDEX)));
    } else if (EqualIgnoringCase(key, "flags")) {
      if (!lua_istable(lua, -1)) {
        return "flags argument to redis.register_function must be a table representing function flags";
      }
      if (!ReadFlags(lua, &function->flags)) return "unknown flag given";
    } else {
      return "unknown argument given to redis.register_function";
    }
  }
  if (!has_name) return "redis.register_function must get a function name argument";
  if (function->function == LUA_NOREF) return "redis.register_function must get a callback argument";
  return nullptr;
}

const char* Functions::Register(lua_State* lua) {
  if (loading_ == nullptr) return "redis.register_function can only be called on FUNCTION LOAD command";
  const int count = lua_gettop(lua);
  if (count < 1 || count > 2) return "wrong number of arguments to redis.register_function";
  Function function;
  function.function = LUA_NOREF;
  const char* problem = nullptr;
  if (count == 1) {
    problem = RegisterNamed(lua, &function);
  } else if (lua_isstring(lua, 1) == 0) {
    problem = "first argument to redis.register_function must be a string";
  } else if (!lua_isfunction(lua, 2)) {
    problem = "second argument to redis.register_function must be a function";
  } else {
    function.name = TextAt(lua, 1);
    function.function = luaL_ref(lua, LUA_REGISTRYINDEX);
  }
  std::vector<Function>& functions = loading_->functions;
  if (problem == nullptr && !IsName(function.name)) problem = kBadName;
  if (problem == nullptr && std::any_of(functions.begin(), functions.end(),
                                        [&](const Function& known) { return known.name == function.name; })) {
    problem = "Function already exists in the library";
  }
  if (problem != nullptr) {
    interpreter_->Forget(function.function);
  } else {
    functions.push_back(std::move(function));
  }
  return problem;
}

// ---- The libraries ----

void Functions::Forget(const Library& library) {
  for (const Function& function : library.functions) interpreter_->Forget(function.function);
}

void Functions::Link(Library library) {
  const Library& linked = libraries_.insert_or_assign(library.name, std::move(library)).first->second;
  for (const Function& function : linked.functions) functions_[Lower(function.name)] = &function;
}

void Functions::Unlink(std::string_view name) {
  const auto found = libraries_.find(name);
  if (found == libraries_.end()) return;
  for (const Function& function : found->second.functions) functions_.erase(Lower(function.name));
  Forget(found->second);
  libraries_.erase(found);
}

Result<void> Functions::CheckNames(const Library& library, const std::vector<std::string>& replaced) const {
  for (const auto& [name, other] : libraries_) {
    if (std::find(replaced.begin(), replaced.end(), name) != replaced.end()) continue;
    for (const Function& function : library.functions) {
      const bool taken = std::any_of(other.functions.begin(), other.functions.end(), [&](const Function& known) {
        return EqualIgnoringCase(known.name, function.name);
      });
      if (taken) return Error{fmt::format("ERR Function {} already exists", function.name)};
    }
  }
  return {};
}

Result<std::string> Functions::Load(std::string_view code, bool replace) {
  auto header = ParseHeader(code);
  if (!header) return header.error();
  if (!replace && libraries_.contains(header->name)) {
    return Error{fmt::format("ERR Library '{}' already exists", header->name)};
  }
  auto library = Make(*header, code);
  if (!library) return library.error();
  if (auto free = CheckNames(*library, {header->name}); !free) {
    Forget(*library);
    return free.error();
  }
  Unlink(header->name);
  Link(std::move(*library));
  return header->name;
}

Result<void> Functions::Delete(std::string_view library) {
  if (!libraries_.contains(library)) return Error{"ERR Library not found"};
  Unlink(library);
  return {};
}

void Functions::Flush() {
  functions_.clear();
  libraries_.clear();
  interpreter_.reset();
}

// ---- Payloads ----

std::string Functions::Dump() const {
  std::string payload;
  for (const auto& [name, library] : libraries_) {
    payload.push_back(static_cast<char>(kLibraryOpcode));
    rdb::AppendString(library.code, payload);
  }
  rdb::AppendFooter(payload);
  return payload;
}

Result<std::vector<Library>> Functions::MakeAll(std::string_view payload) {
  std::vector<Library> made;
  const auto fail = [&](std::string message) {
    for (const Library& library : made) Forget(library);
    return Error{std::move(message)};
  };
  rdb::PayloadReader reader(payload, rdb::Trust::kForeign);
  while (!reader.done()) {
    uint8_t opcode = 0;
    rdb::StringPart code;
    if (!reader.Byte(&opcode) || opcode != kLibraryOpcode) return fail("ERR given type is not a function");
    if (!reader.String(&code)) return fail("ERR failed loading the given functions payload");
    auto header = ParseHeader(code.view());
    if (!header) return fail(header.error().message);
    auto library = Make(*header, code.view());
    if (!library) return fail(library.error().message);
    made.push_back(std::move(*library));
    for (size_t i = 0; i + 1 < made.size(); ++i) {
      if (made[i].name == header->name) return fail(fmt::format("ERR Library '{}' already exists", header->name));
    }
  }
  return made;
}

Result<void> Functions::Restore(std::string_view payload, RestorePolicy policy) {
  std::string_view body;
  if (!rdb::ParseDump(payload, &body)) return Error{"ERR DUMP payload version or checksum are wrong"};
  auto made = MakeAll(body);
  if (!made) return made.error();
  std::vector<std::string> replaced;
  Result<void> outcome;
  if (policy == RestorePolicy::kFlush) {
    for (const auto& [name, library] : libraries_) replaced.push_back(name);
  } else {
    for (const Library& library : *made) {
      if (!libraries_.contains(library.name)) continue;
      if (policy == RestorePolicy::kAppend && outcome) {
        outcome = Error{fmt::format("ERR Library {} already exists", library.name)};
      }
      replaced.push_back(library.name);
    }
  }
  for (const Library& library : *made) {
    if (outcome) outcome = CheckNames(library, replaced);
  }
  if (!outcome) {
    for (const Library& library : *made) Forget(library);
    return outcome;
  }
  for (const std::string& name : replaced) Unlink(name);
  for (Library& library : *made) Link(std::move(library));
  return {};
}

}  // namespace chestbox
