#include "server/scripting/scripts.h"

#include <fmt/format.h>

#include <algorithm>
#include <lua.hpp>
#include <utility>

#include "protocol/resp/number_format.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sha1.h"
#include "server/dispatcher.h"
#include "server/log.h"
#include "server/scripting/conversions.h"
#include "server/scripting/functions.h"
#include "server/scripting/sandbox.h"
#include "server/scripting/script_flags.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr size_t kSha1Digits = 40;
// Of Lua's instructions: often enough for a threshold of milliseconds, seldom enough to cost nothing.
constexpr int kInstructionsPerCheck = 100000;
// What a script costs beside its text and its name.
constexpr uint64_t kScriptOverheadBytes = sizeof(std::string) + 64;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

bool TakesFunction(const CommandSpec& spec) { return spec.name.starts_with("fcall"); }
bool TakesSha1(const CommandSpec& spec) { return spec.name.starts_with("evalsha"); }

void OnInstructions(lua_State* lua, lua_Debug*) {
  if (!Interpreter::OwnerOf(lua).MustEnd()) return;
  // From now on at every line, so that a script that catches errors does not go on.
  (void)lua_sethook(lua, OnInstructions, LUA_MASKLINE, 0);
  RaiseError(lua, "ERR Script killed by user with SCRIPT KILL...");
}

void CountIfNew(void* dispatcher, const ScriptError& error) {
  if (!error.counted) static_cast<Dispatcher*>(dispatcher)->CountError(Error{error.message});
}

}  // namespace

Scripts::Scripts(Server& server)
    : server_(server),
      interpreter_(std::make_unique<Interpreter>(*this)),
      functions_(std::make_unique<Functions>(*this)) {
  client_.is_script = true;
  client_.authenticated = true;
}

Scripts::~Scripts() = default;

// ---- The cache ----

const Scripts::Script* Scripts::Find(std::string_view sha1) const {
  const auto found = scripts_.find(Lower(sha1));
  return found == scripts_.end() ? nullptr : &found->second;
}

bool Scripts::Knows(std::string_view sha1) const { return Find(sha1) != nullptr; }

Result<const Scripts::Script*> Scripts::Compile(const std::string& sha1, std::string_view text) {
  auto shebang = ParseShebang(text);
  if (!shebang) return shebang.error();
  // The end of the first line stays, so that lines keep their numbers.
  auto function = interpreter_->Compile(text.substr(shebang->bytes), "@user_script");
  if (!function) {
    return Error{fmt::format("ERR Error compiling script (new function): {}", function.error().message)};
  }
  text_bytes_ += text.size() + sha1.size() + kScriptOverheadBytes;
  return &scripts_.emplace(sha1, Script{*function, shebang->flags}).first->second;
}

Result<std::string> Scripts::Load(std::string_view text) {
  std::string sha1 = Sha1Hex(text);
  if (!scripts_.contains(sha1)) {
    if (auto compiled = Compile(sha1, text); !compiled) return compiled.error();
  }
  return sha1;
}

void Scripts::Flush() {
  scripts_.clear();
  text_bytes_ = 0;
  interpreter_ = std::make_unique<Interpreter>(*this);
}

uint64_t Scripts::FlagsOf(const CommandSpec& spec, Args args) const {
  if (TakesFunction(spec)) {
    const Function* function = functions_->Find(args[1]);
    return function == nullptr ? spec.flags : CommandFlagsFor(spec.flags, function->flags);
  }
  if (TakesSha1(spec)) {
    const Script* script = args[1].size() == kSha1Digits ? Find(args[1]) : nullptr;
    return script == nullptr ? spec.flags : CommandFlagsFor(spec.flags, script->flags);
  }
  auto shebang = ParseShebang(args[1]);
  return shebang ? CommandFlagsFor(spec.flags, shebang->flags) : spec.flags;
}

// ---- Running ----

namespace {

// How many of a call's arguments are keys.
Result<size_t> CountKeys(Args args, std::string_view not_a_number) {
  auto count = IntegerArgument(args[2], not_a_number);
  if (!count) return count.error();
  if (*count > static_cast<int64_t>(args.size()) - 3) {
    return Error{"ERR Number of keys can't be greater than number of args"};
  }
  if (*count < 0) return Error{"ERR Number of keys can't be negative"};
  return static_cast<size_t>(*count);
}

void PushArray(lua_State* lua, Args values) {
  lua_createtable(lua, static_cast<int>(values.size()), 0);
  int index = 0;
  for (std::string_view value : values) {
    lua_pushlstring(lua, value.data(), value.size());
    lua_rawseti(lua, -2, ++index);
  }
}

}  // namespace

Result<void> Scripts::Eval(CommandContext& ctx, Args args, ReplyWriter& reply) {
  static constexpr char kNoScriptError[] = "NOSCRIPT No matching script. Please use EVAL.";
  const bool by_sha1 = TakesSha1(*ctx.spec);
  if (by_sha1 && args[1].size() != kSha1Digits) return Error{kNoScriptError};
  auto keys = CountKeys(args, kNotAnInteger);
  if (!keys) return keys.error();
  const std::string sha1 = by_sha1 ? Lower(args[1]) : Sha1Hex(args[1]);
  const auto known = scripts_.find(sha1);
  const Script* script = known == scripts_.end() ? nullptr : &known->second;
  if (script == nullptr) {
    if (by_sha1) return Error{kNoScriptError};
    auto compiled = Compile(sha1, args[1]);
    if (!compiled) return compiled.error();
    script = *compiled;
  }
  ScriptRun run{.caller = ctx.client, .name = sha1, .command = args};
  if (auto ready = Begin(&run, ctx, script->flags); !ready) return ready;
  return Run(run, *interpreter_, script->function, *keys, reply);
}

Result<void> Scripts::CallFunction(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const Function* function = functions_->Find(args[1]);
  if (function == nullptr) return Error{"ERR Function not found"};
  auto keys = CountKeys(args, "ERR Bad number of keys provided");
  if (!keys) return keys.error();
  ScriptRun run{.caller = ctx.client, .name = function->name, .is_function = true, .command = args};
  if (auto ready = Begin(&run, ctx, function->flags); !ready) return ready;
  return Run(run, functions_->interpreter(), function->function, *keys, reply);
}

Result<void> Scripts::Begin(ScriptRun* run, const CommandContext& ctx, uint32_t flags) {
  run->read_only = (ctx.spec->flags & kReadOnly) != 0;
  run->short_of_memory = server_.dispatcher().ShortOfMemory();
  client_.db = ctx.db;
  client_.reply.set_protocol(2);
  if ((flags & kScriptUndeclared) != 0) return {};
  if ((flags & kScriptNoWrites) == 0) {
    if (run->read_only) return Error{"ERR Can not execute a script with write flag using *_ro command."};
    if (run->short_of_memory && (flags & kScriptAllowOom) == 0) {
      return Error{"OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"};
    }
  }
  run->read_only = run->read_only || (flags & kScriptNoWrites) != 0;
  run->allow_oom = (flags & kScriptAllowOom) != 0;
  return {};
}

// Keys and arguments are globals of a script, and a function's parameters.
Result<void> Scripts::Run(ScriptRun& run, Interpreter& interpreter, int function, size_t keys, ReplyWriter& reply) {
  lua_State* lua = interpreter.lua();
  run_ = &run;
  const bool limited = server_.config().busy_reply_threshold_ms > 0;
  if (limited) (void)lua_sethook(lua, OnInstructions, LUA_MASKCOUNT, kInstructionsPerCheck);
  interpreter.PushErrorHandler();
  interpreter.PushFunction(function);
  PushArray(lua, run.command.subspan(3, keys));
  if (!run.is_function) SetProtectedGlobal(lua, "KEYS");
  PushArray(lua, run.command.subspan(3 + keys));
  if (!run.is_function) SetProtectedGlobal(lua, "ARGV");
  const int status = lua_pcall(lua, run.is_function ? 2 : 0, 1, 1);
  if (limited) (void)lua_sethook(lua, nullptr, 0, 0);
  interpreter.CollectSometimes();
  Result<void> outcome = Finish(run, lua, status, reply);
  lua_settop(lua, 0);
  run_ = nullptr;
  return outcome;
}

// With what the script has returned, or its error, on top.
Result<void> Scripts::Finish(const ScriptRun& run, lua_State* lua, int status, ReplyWriter& reply) {
  if (status != 0) return Failure(run, lua);
  if (IsErrorReply(lua)) {
    const ScriptError error = ErrorOnTop(lua);
    if (error.counted) server_.dispatcher().set_error_is_counted();
    return Error{error.message};
  }
  ReplyWith(lua, client_.reply.protocol(), reply, CountIfNew, &server_.dispatcher());
  return {};
}

Error Scripts::Failure(const ScriptRun& run, lua_State* lua) {
  constexpr size_t kMessageBytesMax = 100;
  const ScriptError error = ErrorOnTop(lua);
  if (!lua_istable(lua, -1)) {  // not even the error handler could run
    const std::string_view message = std::string_view(error.message).substr(4, kMessageBytesMax);
    return Error{fmt::format("ERR Error running script {}, {}", run.name, message)};
  }
  if (error.counted) server_.dispatcher().set_error_is_counted();
  if (error.source.empty() || error.line.empty()) return Error{error.message};
  return Error{fmt::format("{} script: {}, on {}:{}.", error.message, run.name, error.source, error.line)};
}

// ---- One that takes long ----

bool Scripts::MustEnd() {
  ScriptRun& run = *run_;
  if (!run.busy) {
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - run.began).count();
    if (elapsed < server_.config().busy_reply_threshold_ms) return false;
    LogWarning(
        fmt::format("Slow script detected: still in execution after {} milliseconds. You can try killing the script "
                    "using the {} command. Script name is: {}.",
                    elapsed, run.is_function ? "FUNCTION KILL" : "SCRIPT KILL", run.name));
    run.busy = true;
  }
  if (!run.killed && !server_.dispatcher().ServeBesideScript(run.caller)) run.killed = true;  // SHUTDOWN
  return run.killed;
}

Result<void> Scripts::Kill(bool function) {
  if (run_ == nullptr) return Error{"NOTBUSY No scripts in execution right now."};
  if (run_->wrote) {
    return Error{
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
        "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."};
  }
  if (function != run_->is_function) return Busy();
  LogWarning("Lua script killed by user with SCRIPT KILL.");
  run_->killed = true;
  return {};
}

Error Scripts::Busy() const {
  return Error{fmt::format("BUSY Redis is busy running a script. You can only call {} KILL or SHUTDOWN NOSAVE.",
                           run_ != nullptr && run_->is_function ? "FUNCTION" : "SCRIPT")};
}

// ---- For Lua ----

const std::vector<std::string_view>* Scripts::Words(lua_State* lua) {
  const int count = lua_gettop(lua);
  words_.clear();
  numbers_.resize(static_cast<size_t>(count) * resp::kDoubleBytesMax);  // once, for words point into it
  for (int i = 1; i <= count; ++i) {
    if (lua_type(lua, i) == LUA_TNUMBER) {  // Lua's own conversion loses digits
      char* buffer = numbers_.data() + static_cast<size_t>(i - 1) * resp::kDoubleBytesMax;
      const std::string_view text = resp::FormatDouble(lua_tonumber(lua, i), buffer);
      words_.push_back(text);
      continue;
    }
    size_t bytes = 0;
    const char* text = lua_tolstring(lua, i, &bytes);
    if (text == nullptr) return nullptr;
    words_.emplace_back(text, bytes);
  }
  return &words_;
}

// Into client_.reply, or failure_ if this returns false.
bool Scripts::Execute(Args args) {
  const Result<void> outcome = server_.dispatcher().RunScripted(*run_, client_, args);
  if (!outcome) failure_ = outcome.error().message;
  return outcome.ok();
}

bool Scripts::Call(lua_State* lua) {
  if (lua_gettop(lua) == 0) {
    PushError(lua, "ERR Please specify at least one argument for this redis lib call");
    return false;
  }
  client_.output.Clear();
  const std::vector<std::string_view>* words = Words(lua);
  const bool done = words != nullptr && Execute(*words);
  lua_settop(lua, 0);  // there may be too many of them to push one more
  if (words == nullptr) {
    PushError(lua, "ERR Lua redis lib command arguments must be strings or integers");
    return false;
  }
  if (!done) {
    PushError(lua, failure_, true);
    return false;
  }
  PushReply(lua, client_.output.view());
  const bool failed = client_.output.view().starts_with('-');
  constexpr size_t kKeptBytes = 64 << 10;
  client_.output.Clear();
  client_.output.ReleaseAbove(kKeptBytes);
  return !failed;
}

}  // namespace chestbox
