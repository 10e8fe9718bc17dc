// Scripts: EVAL and its kin. Keeps compiled scripts by the SHA-1 of their text, runs one at a time, and is what the
// redis.* functions of Lua call.
//
// A script is one command: one `now`, one write scope, nothing leaves memory, nobody else runs. What it writes is
// reported by its commands; the script itself is not. One that takes longer than busy-reply-threshold has the others
// served beside it, who get BUSY, and may be killed as long as it has written nothing.
//
// Executor thread only. See interpreter.h for the rule about Lua's errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/result.h"
#include "server/client.h"
#include "server/command.h"
#include "server/scripting/interpreter.h"
#include "server/scripting/script_run.h"

namespace chestbox {

class Functions;
struct ScriptError;

class Scripts {
 public:
  explicit Scripts(Server& server);
  ~Scripts();

  // EVAL script numkeys key … arg …, or EVALSHA.
  Result<void> Eval(CommandContext& ctx, Args args, ReplyWriter& reply);
  // FCALL function numkeys key … arg …
  Result<void> CallFunction(CommandContext& ctx, Args args, ReplyWriter& reply);
  // The script's SHA-1, in lower case.
  Result<std::string> Load(std::string_view text);
  bool Knows(std::string_view sha1) const;
  // Forgets all scripts and begins with a fresh interpreter.
  void Flush();
  // Ends the script that is running: SCRIPT KILL, or with `function` FUNCTION KILL, which do not end each other's.
  Result<void> Kill(bool function);
  // Flags of a row with kRunsScript, for this call of it.
  uint64_t FlagsOf(const CommandSpec& spec, Args args) const;
  // The Error that others get while a script takes long.
  Error Busy() const;

  // DEBUG SET-DISABLE-DENY-SCRIPTS.
  void set_allows_everything(bool on) { allows_everything_ = on; }
  bool allows_everything() const { return allows_everything_; }

  // ---- INFO ----
  size_t size() const { return scripts_.size(); }
  uint64_t text_bytes() const { return text_bytes_; }  // of the scripts and their bookkeeping
  uint64_t lua_bytes() const { return interpreter_->allocated_bytes(); }

  Functions& functions() { return *functions_; }
  const Functions& functions() const { return *functions_; }

  // What runs now; null: nothing.
  const ScriptRun* run() const { return run_; }
  bool running() const { return run_ != nullptr; }

  // ---- For Lua (redis_api.cc) ----
  // redis.call and redis.pcall: executes the arguments on the stack and pushes the result, which is an error if this
  // returns false.
  bool Call(lua_State* lua);
  // The arguments on the stack as words, which are valid while they stay there; null if one is neither string nor
  // number.
  const std::vector<std::string_view>* Words(lua_State* lua);
  void set_protocol(int protocol) { client_.reply.set_protocol(protocol); }
  // Now and then while a script runs. True: it has to end.
  bool MustEnd();
  Server& server() { return server_; }

 private:
  struct Script {
    int function;  // Interpreter::PushFunction
    uint32_t flags;
  };

  const Script* Find(std::string_view sha1) const;
  Result<const Script*> Compile(const std::string& sha1, std::string_view text);
  Result<void> Begin(ScriptRun* run, const CommandContext& ctx, uint32_t flags);
  Result<void> Run(ScriptRun& run, Interpreter& interpreter, int function, size_t keys, ReplyWriter& reply);
  Result<void> Finish(const ScriptRun& run, lua_State* lua, int status, ReplyWriter& reply);
  Error Failure(const ScriptRun& run, lua_State* lua);
  bool Execute(Args args);

  Server& server_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<Functions> functions_;
  std::unordered_map<std::string, Script> scripts_;  // by SHA-1 in lower case
  uint64_t text_bytes_ = 0;
  Client client_;             // executes the scripts' commands
  ScriptRun* run_ = nullptr;  // what runs now
  bool allows_everything_ = false;
  // Of the latest Call, kept here so that an error of Lua finds nothing to destroy on the stack.
  std::vector<std::string_view> words_;
  std::vector<char> numbers_;
  std::string failure_;
};

}  // namespace chestbox
