// Values between Redis and Lua, by Redis' rules. Executor thread only.
//
//   RESP            Lua                              Lua                          RESP
//   integer         number                           number                       integer, cut off
//   bulk string     string                           string                       bulk string
//   simple string   {ok = text}                      true; false                  1; null (after setresp(3): boolean)
//   error           {err = text}                     {ok = …}, {err = …}          simple string, error
//   array           array, false in place of null    table                        array up to the first nil
//   RESP2 null      false                            {map = …}, {set = …}         map, set
//   RESP3 null      nil                              {double = …}, {big_number = …}, {verbatim_string = {…}}
//   boolean, map, set, double, big number, verbatim string: as on the right
#pragma once

#include <string>
#include <string_view>

#include "protocol/resp/reply_writer.h"

struct lua_State;

namespace chestbox {

// Pushes what one whole reply of ours says. `reply` lies where a Lua error leaves it.
void PushReply(lua_State* lua, std::string_view reply);

// An error as {err, source, line} tells it, or as a string does.
struct ScriptError {
  std::string message;  // with its code
  std::string source;   // empty: unknown
  std::string line;
  bool counted = false;
};
// Of the value on top, which stays.
ScriptError ErrorOnTop(lua_State* lua);
// Whether the value on top is an error reply: a table with a string `err`.
bool IsErrorReply(lua_State* lua);

// Replies with the value on top, and takes it away. `script_protocol`: what the script has set with redis.setresp.
// `on_error` is called for each error in it.
using OnErrorReply = void (*)(void* context, const ScriptError& error);
void ReplyWith(lua_State* lua, int script_protocol, resp::ReplyWriter& reply, OnErrorReply on_error, void* context);

}  // namespace chestbox
