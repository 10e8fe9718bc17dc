// Functions: the libraries that FUNCTION LOAD keeps and FCALL calls. They have an interpreter of their own, so that
// SCRIPT FLUSH leaves them alone.
//
// A library is text whose first line names it ("#!lua name=lib"); running it registers its functions. A call that
// returns an Error has changed nothing. Libraries are in private memory; a clean stop writes them into the store's
// metadata, a crash loses them. Executor thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/scripting/interpreter.h"

struct lua_Debug;

namespace chestbox {

struct Function {
  std::string name;
  std::optional<std::string> description;
  uint32_t flags = 0;  // script_flags.h
  int function = 0;    // Interpreter::PushFunction
};

struct Library {
  std::string name;
  std::string code;  // with its first line
  std::vector<Function> functions;
};

class Functions {
 public:
  explicit Functions(Scripts& scripts) : scripts_(scripts) {}

  // FUNCTION LOAD: the library's name.
  Result<std::string> Load(std::string_view code, bool replace);
  Result<void> Delete(std::string_view library);
  void Flush();
  // All libraries as a payload with a footer (rdb/dump.h), and back.
  std::string Dump() const;
  enum class RestorePolicy { kAppend, kReplace, kFlush };
  Result<void> Restore(std::string_view payload, RestorePolicy policy);

  // In any case; null: no such function.
  const Function* Find(std::string_view name) const;
  const std::map<std::string, Library, std::less<>>& libraries() const { return libraries_; }
  size_t size() const { return functions_.size(); }
  uint64_t text_bytes() const;
  uint64_t lua_bytes() const { return interpreter_ == nullptr ? 0 : interpreter_->allocated_bytes(); }
  Interpreter& interpreter();  // begins with its first use

  // redis.register_function, with its arguments on the stack. Null, or what is wrong with them.
  const char* Register(lua_State* lua);

 private:
  using Clock = std::chrono::steady_clock;
  struct Header {
    std::string name;
    size_t bytes;  // of the first line, without its end
  };

  static Result<Header> ParseHeader(std::string_view code);
  // Runs a library's code; it is not among the others yet.
  Result<Library> Make(const Header& header, std::string_view code);
  Result<std::vector<Library>> MakeAll(std::string_view payload);
  // Whether a function of the library has the name of one in a library that is not among `replaced`.
  Result<void> CheckNames(const Library& library, const std::vector<std::string>& replaced) const;
  void Link(Library library);
  void Unlink(std::string_view name);
  void Forget(const Library& library);
  const char* RegisterNamed(lua_State* lua, Function* function);
  static void OnInstructions(lua_State* lua, lua_Debug* frame);

  Scripts& scripts_;
  std::unique_ptr<Interpreter> interpreter_;
  std::map<std::string, Library, std::less<>> libraries_;
  std::map<std::string, const Function*, std::less<>> functions_;  // by name in lower case
  Library* loading_ = nullptr;
  Clock::time_point loading_since_;
};

}  // namespace chestbox
