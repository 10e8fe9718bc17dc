#include <fstream>

#include "tests/unit/commands/session.h"
#include "tests/unit/config/settings_test_support.h"

namespace chestbox::testing {
namespace {

TEST_CASE("COMMAND counts, lists and describes commands") {
  Session s;
  const size_t count = s.server().server().commands().size();
  CHECK(s.Do("command count") == ":" + std::to_string(count));
  CHECK(s.server().Do("command").starts_with("*" + std::to_string(count) + "\r\n*10\r\n"));
  CHECK(s.server().Do("command info").starts_with("*" + std::to_string(count) + "\r\n*10\r\n"));
  CHECK(s.server().Do("command docs").starts_with("*" + std::to_string(2 * count) + "\r\n"));
  CHECK(s.Do("command info get nosuch") ==
        "[[get, :2, [+readonly, +fast], :1, :1, :1, [+@read, +@string, +@fast], [], [[flags, [+RO, +access], "
        "begin_search, "
        "[type, index, spec, [index, :1]], find_keys, [type, range, spec, [lastkey, :0, keystep, :1, limit, :0]]]], "
        "[]], nil]");
  CHECK(s.Do("command info client|id") ==
        "[[client|id, :2, [+noscript, +loading, +stale], :0, :0, :0, [+@slow, +@connection], [], [], []]]");
  CHECK(s.Do("command docs nosuch") == "[]");
  CHECK(s.Do("command docs nosuch client|id") ==
        "[client|id, [summary, Returns the number of the connection., since, 5.0.0, group, connection, complexity, "
        "O(1)]]");
}

TEST_CASE("COMMAND LIST filters by category, pattern and module") {
  Session s;
  CHECK(s.Do("command list filterby pattern client|no*") == "[client|no-evict, client|no-touch]");
  CHECK(s.Do("command list filterby aclcat SCRIPTING") ==
        "[eval, evalsha, evalsha_ro, eval_ro, script|debug, script|exists, script|flush, script|help, script|kill, "
        "script|load, fcall, fcall_ro, function|delete, function|dump, function|flush, function|help, function|kill, "
        "function|list, function|load, function|restore, function|stats]");
  CHECK(s.Do("command list filterby aclcat nosuch") == "[]");
  CHECK(s.Do("command list filterby module x") == "[]");
  CHECK(s.Do("command list filterby foo x") == "-ERR syntax error");
  CHECK(s.Do("command list filterby pattern") == "-ERR syntax error");
  CHECK(s.Do("command list foo") == "-ERR syntax error");
  CHECK(s.Do("command list").find("client|list") != std::string::npos);
}

TEST_CASE("COMMAND GETKEYS finds keys and what is done to them") {
  Session s;
  CHECK(s.Do("command getkeys get k") == "[k]");
  CHECK(s.Do("command getkeys mset a 1 b 2") == "[a, b]");
  CHECK(s.Do("command getkeys object encoding k") == "[k]");
  CHECK(s.Do("command getkeys get") == "-ERR wrong number of arguments for 'command|getkeys' command");
  CHECK(s.Do("command getkeys get a b") == "-ERR Invalid number of arguments specified for command");
  CHECK(s.Do("command getkeys nosuch a") == "-ERR Invalid command specified");
  CHECK(s.Do("command getkeys client nosuch") == "-ERR Invalid command specified");
  CHECK(s.Do("command getkeys ping x") == "-ERR The command has no key arguments");
  CHECK(s.Do("command getkeys xread streams a b c") == "[a]");
  CHECK(s.Do("command getkeys eval script 0") == "[]");
  CHECK(s.Do("command getkeys xread count 1 stream a") == "-ERR Invalid arguments specified for command");
  CHECK(s.Do("command getkeys xread count 3 streams a") == "-ERR Invalid arguments specified for command");
  CHECK(s.Do("command getkeysandflags rename a b") == "[[a, [+RW, +access, +delete]], [b, [+OW, +update]]]");
  CHECK(s.Do("command getkeysandflags set k v") == "[[k, [+OW, +update]]]");
  CHECK(s.Do("command getkeysandflags set k v ex 10 get") == "[[k, [+RW, +access, +update]]]");
}

// To bring the page up to date: CHESTBOX_UPDATE_DOCS=1 build/asan/bin/test_server_commands
TEST_CASE("docs/compatibility.md lists every command as the table has it") {
  const std::string path = CHESTBOX_SOURCE_DIR "/docs/compatibility.md";
  const std::string begin = "<!-- commands: begin -->\n";
  const std::string end = "\n<!-- commands: end -->";
  auto table = CommandTable::Create({});
  REQUIRE(table.ok());
  const std::string wanted = CommandsMarkdown(**table);
  std::string text = ReadFile(path);
  size_t from = text.find(begin);
  const size_t to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  from += begin.size();
  if (std::getenv("CHESTBOX_UPDATE_DOCS") != nullptr) {
    text.replace(from, to - from, wanted);
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  CHECK(text.substr(from, to - from) == wanted);
}

}  // namespace
}  // namespace chestbox::testing
