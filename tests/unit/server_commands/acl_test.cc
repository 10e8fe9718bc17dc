#include "server/acl/acl.h"

#include "server/acl/sha256.h"
#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {
namespace {

constexpr char kNoKey[] = "-NOPERM this user has no permissions to access one of the keys used as arguments";
constexpr char kWrongPass[] = "-WRONGPASS invalid username-password pair or user is disabled.";

std::string NoCommand(std::string_view name) {
  return "-NOPERM this user has no permissions to run the '" + std::string(name) + "' command";
}

// The user "u" that these rules make, or why they make none.
std::string Made(Session& s, std::string_view rules) {
  s.Do("acl deluser u");
  const std::string reply = s.Do("acl setuser u " + std::string(rules));
  if (reply != "+OK") return reply;
  std::string lines = s.Do("acl list");
  lines = lines.substr(lines.rfind("user u ") + 7);
  lines.pop_back();
  return lines;
}

// A client beside the session's own, over a connection.
class Visitor {
 public:
  explicit Visitor(Session& s) : s_(s), client_(s.server().server().AddClient(&transport_)) {}
  ~Visitor() { s_.server().server().RemoveClient(client_); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  std::string Do(std::initializer_list<std::string_view> words) {
    return Session::Text(s_.server().RunAs(client_, words));
  }
  bool closed() const { return transport_.closed || client_.close_after_reply; }
  Client& client() { return client_; }

 private:
  Session& s_;
  FakeTransport transport_{"127.0.0.1:5000", "127.0.0.1:6379"};
  Client& client_;
};

TEST_CASE("SHA-256 as the standard's examples have it, of every size around a block's end") {
  CHECK(Sha256::Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256::Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256::Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(Sha256::Hex(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (size_t size : {54, 55, 56, 57, 63, 64, 65}) CHECK(Sha256::Hex(std::string(size, 'x')).size() == 64);
}

TEST_CASE("There is one user at first, who may do everything") {
  Session s;
  CHECK(s.Do("acl whoami") == "default");
  CHECK(s.Do("acl users") == "[default]");
  CHECK(s.Do("acl list") == "[user default on nopass ~* &* +@all]");
  CHECK(s.Do("acl getuser default") ==
        "[flags, [on, nopass], passwords, [], commands, +@all, keys, ~*, channels, &*, selectors, []]");
  CHECK(s.Do("acl getuser nobody") == "nil");
}

// Each as redis-server 7.0.15 lists it.
TEST_CASE("Rules make users as in Redis") {
  Session s;
  CHECK(Made(s, "") == "off resetchannels -@all");
  CHECK(Made(s, "on >foo ~a ~b* &c") ==
        "on #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae ~a ~b* resetchannels &c -@all");
  CHECK(Made(s, "+@all -@string") == "off resetchannels +@all -@string");
  CHECK(Made(s, "-@all +get +set") == "off resetchannels -@all +get +set");
  CHECK(Made(s, "+get -get") == "off resetchannels -@all");
  CHECK(Made(s, "+get +@all") == "off resetchannels +@all");
  CHECK(Made(s, "+@hash -@slow +@hash") == "off resetchannels -@all +@hash");
  CHECK(Made(s, "+select|0") == "off resetchannels -@all +select|0");
  CHECK(Made(s, "+select|0 +select") == "off resetchannels -@all +select");
  CHECK(Made(s, "+select +select|0") == "off resetchannels -@all +select");
  CHECK(Made(s, "+config -config|get") == "off resetchannels -@all +config -config|get");
  CHECK(Made(s, "-config|get +config") == "off resetchannels -@all +config");
  CHECK(Made(s, "+@all ~* -get +@string -set") == "off ~* resetchannels +@all -set");
  CHECK(Made(s, "+GET +@STRING") == "off resetchannels -@all +@string");
  CHECK(Made(s, "%R~a %W~b %RW~c %r~d") == "off %R~a %W~b ~c %R~d resetchannels -@all");
  CHECK(Made(s, "%R~a %W~a") == "off ~a resetchannels -@all");
  CHECK(Made(s, "(+get ~x) (+set %W~y &z)") ==
        "off resetchannels -@all (~x resetchannels -@all +get) (%W~y resetchannels &z -@all +set)");
  CHECK(Made(s, "(+get) clearselectors") == "off resetchannels -@all");
  CHECK(Made(s, "nopass") == "off nopass resetchannels -@all");
  CHECK(Made(s, "nopass >x") ==
        "off #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 resetchannels -@all");
  CHECK(Made(s, ">x <x") == "off resetchannels -@all");
  CHECK(Made(s, "~a ~* &a &*") == "off ~* &* -@all");
  CHECK(Made(s, "allkeys allcommands allchannels on") == "on ~* &* +@all");
  CHECK(Made(s, "allkeys resetkeys ~b nocommands resetchannels") == "off ~b resetchannels -@all");
  CHECK(Made(s, "on ~x (~x) reset") == "off sanitize-payload resetchannels -@all");
  CHECK(Made(s, "skip-sanitize-payload") == "off skip-sanitize-payload resetchannels -@all");
}

TEST_CASE("Wrong rules are named, and nothing of the line is applied") {
  Session s;
  const auto fault = [](std::string_view rule, std::string_view reason) {
    return "-ERR Error in ACL SETUSER modifier '" + std::string(rule) + "': " + std::string(reason);
  };
  for (const char* rule : {"xyz", "%~x", "%X~x", "%", ")", "(on)", "((+get))", "+", "+select|"}) {
    CHECK(Made(s, rule) == fault(rule, "Syntax error"));
  }
  for (const char* rule : {"+nope", "+@nope", "-select|0", "+config|nope", "-config|nope", "+get|a|b"}) {
    CHECK(Made(s, rule) == fault(rule, "Unknown command or category name in ACL"));
  }
  CHECK(Made(s, "+config|get|x") == fault("+config|get|x", "Allowing first-arg of a subcommand is not supported"));
  CHECK(Made(s, "<x") == fault("<x", "The password you are trying to remove from the user does not exist"));
  CHECK(Made(s, "#abc").starts_with(fault("#abc", "The password hash must be exactly 64 characters")));
  CHECK(Made(s, "~* ~a").starts_with(fault("~a", "Adding a pattern after the * pattern")));
  CHECK(Made(s, "&* &a").starts_with(fault("&a", "Adding a pattern after the * pattern")));
  CHECK(Made(s, "(+get") == "-ERR Unmatched parenthesis in acl selector starting at '(+get'.");
  CHECK(s.Run({"acl", "setuser", "u", "~a b"}) == fault("~a b", "Syntax error"));
  CHECK(s.Run({"acl", "setuser", "a b"}) == "-ERR Usernames can't contain spaces or null characters");
  CHECK(s.Do("acl getuser u") == "nil");
  s.Do("acl setuser u ~a");
  CHECK(s.Do("acl setuser u on ~b +nope").starts_with("-ERR"));
  CHECK(s.Do("acl list") == "[user default on nopass ~* &* +@all, user u off ~a resetchannels -@all]");
}

TEST_CASE("Logging in takes a user who is on and one of its passwords") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u >one >two");
  CHECK(v.Do({"auth", "u", "one"}) == kWrongPass);
  s.Do("acl setuser u on +acl|whoami");
  for (const char* wrong : {"", "on", "three", "oneone"}) CHECK(v.Do({"auth", "u", wrong}) == kWrongPass);
  CHECK(v.Do({"auth", "nobody", "one"}) == kWrongPass);
  CHECK(v.Do({"acl", "whoami"}) == "default");
  CHECK(v.Do({"auth", "u", "two"}) == "+OK");
  CHECK(v.Do({"acl", "whoami"}) == "u");
  CHECK(v.Do({"get", "k"}) == NoCommand("get"));
  CHECK(v.Do({"auth", "default", "anything"}) == "+OK");
  CHECK(v.Do({"hello", "2", "auth", "u", "one"}).starts_with("[server"));
  CHECK(v.Do({"acl", "whoami"}) == "u");
  CHECK(v.Do({"reset"}) == "+RESET");
  CHECK(v.Do({"acl", "whoami"}) == "default");
  CHECK(s.Do("info stats").find("acl_access_denied_auth:6") != std::string::npos);
}

TEST_CASE("requirepass is the default user's password, and ACL SETUSER changes it as well") {
  Session s("requirepass one\n");
  Visitor v(s);
  CHECK(v.Do({"ping"}) == "-NOAUTH Authentication required.");
  CHECK(v.Do({"auth", "one"}) == "+OK");
  CHECK(v.Do({"config", "set", "requirepass", "two"}) == "+OK");
  Visitor w(s);
  CHECK(w.Do({"auth", "one"}) == kWrongPass);
  CHECK(w.Do({"auth", "two"}) == "+OK");
  CHECK(v.Do({"acl", "setuser", "default", "nopass"}) == "+OK");
  CHECK(Visitor(s).Do({"ping"}) == "+PONG");
  CHECK(v.Do({"acl", "setuser", "default", "off"}) == "+OK");
  CHECK(Visitor(s).Do({"ping"}) == "-NOAUTH Authentication required.");
}

TEST_CASE("Keys are checked by what the command does to them") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass +@all ~rw* %R~r* %W~w*");
  v.Do({"auth", "u", ""});
  CHECK(v.Do({"set", "rw1", "x"}) == "+OK");
  CHECK(v.Do({"get", "r"}) == "nil");
  CHECK(v.Do({"set", "r", "x"}) == kNoKey);
  CHECK(v.Do({"set", "w", "x"}) == "+OK");
  CHECK(v.Do({"set", "w", "x", "get"}) == kNoKey);
  CHECK(v.Do({"get", "w"}) == kNoKey);
  CHECK(v.Do({"exists", "w"}) == ":1");
  CHECK(v.Do({"copy", "r", "w"}) == ":0");
  CHECK(v.Do({"copy", "w", "r"}) == kNoKey);
  CHECK(v.Do({"mget", "r", "other"}) == kNoKey);
  CHECK(v.Do({"bitfield", "r", "get", "u4", "0"}) == "[:0]");
  CHECK(v.Do({"bitfield", "r", "set", "u4", "0", "1"}) == kNoKey);
  CHECK(v.Do({"eval", "return 1", "1", "r"}) == kNoKey);
  CHECK(v.Do({"eval_ro", "return 1", "1", "r"}) == ":1");
}

TEST_CASE("One selector has to allow all of a command") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass (+@all %R~r*) (+@all %W~w*)");
  v.Do({"auth", "u", ""});
  CHECK(v.Do({"ping"}) == "+PONG");
  CHECK(v.Do({"get", "r"}) == "nil");
  CHECK(v.Do({"lpush", "w", "1"}) == ":1");
  CHECK(v.Do({"copy", "r", "w"}) == kNoKey);
}

TEST_CASE("Commands, subcommands and first arguments are checked") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass ~* +@string -incr +config|get +select|1");
  v.Do({"auth", "u", ""});
  CHECK(v.Do({"append", "k", "1"}) == ":1");
  CHECK(v.Do({"incr", "k"}) == NoCommand("incr"));
  CHECK(v.Do({"config", "get", "port"}).starts_with("[port"));
  CHECK(v.Do({"config", "set", "port", "1"}) == NoCommand("config|set"));
  CHECK(v.Do({"select", "1"}) == "+OK");
  CHECK(v.Do({"select", "0"}) == NoCommand("select"));
  CHECK(v.Do({"nosuch"}).starts_with("-ERR unknown command"));
  CHECK(s.Do("info stats").find("acl_access_denied_cmd:3") != std::string::npos);
}

TEST_CASE("A queued command is checked when it is queued and again by EXEC") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass ~a +@all -del");
  v.Do({"auth", "u", ""});
  v.Do({"multi"});
  CHECK(v.Do({"set", "b", "1"}) == kNoKey);
  CHECK(v.Do({"exec"}) == "-EXECABORT Transaction discarded because of previous errors.");
  v.Do({"multi"});
  CHECK(v.Do({"set", "a", "1"}) == "+QUEUED");
  CHECK(v.Do({"incr", "a"}) == "+QUEUED");
  s.Do("acl setuser u -incr");
  CHECK(v.Do({"exec"}) ==
        "[+OK, -NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This "
        "command is no longer allowed for the following reason: no permission to execute the command or subcommand]");
}

TEST_CASE("A script may do what its caller may") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass ~a +@scripting +get +set +sort");
  v.Do({"auth", "u", ""});
  CHECK(v.Do({"eval", "return redis.call('set', 'a', '1')", "0"}) == "+OK");
  CHECK(v.Do({"eval", "return redis.pcall('incr', 'a')", "0"}) ==
        "-ERR The user executing the script can't run this command or subcommand");
  CHECK(v.Do({"eval", "return redis.pcall('get', 'b')", "0"}) ==
        "-ERR The user executing the script can't access at least one of the keys mentioned in the command arguments");
  CHECK(v.Do({"eval", "return redis.acl_check_cmd('get', 'a')", "0"}) == ":1");
  CHECK(v.Do({"eval", "return redis.acl_check_cmd('get', 'b')", "0"}) == "nil");
  CHECK(v.Do({"eval", "return redis.acl_check_cmd('nosuch')", "0"}).starts_with("-ERR Invalid command passed"));
  CHECK(v.Do({"eval", "return redis.pcall('sort', 'a', 'by', 'w_*')", "0"}) ==
        "-ERR BY option of SORT denied due to insufficient ACL permissions.");
  // Whoever comes next has rights of his own.
  CHECK(s.Do("eval return(redis.call('incr','a')) 0") == ":2");
}

TEST_CASE("SORT's patterns need the right to read every key") {
  Session s;
  Visitor v(s);
  s.Do("rpush l 2 1");
  s.Do("acl setuser u on nopass +sort ~l");
  v.Do({"auth", "u", ""});
  CHECK(v.Do({"sort", "l"}) == "[1, 2]");
  CHECK(v.Do({"sort", "l", "by", "nosort"}) == "[2, 1]");
  CHECK(v.Do({"sort", "l", "by", "w_*"}) == "-ERR BY option of SORT denied due to insufficient ACL permissions.");
  CHECK(v.Do({"sort", "l", "get", "#"}) == "-ERR GET option of SORT denied due to insufficient ACL permissions.");
  s.Do("acl setuser u %R~*");
  CHECK(v.Do({"sort", "l", "get", "#"}) == "[1, 2]");
}

TEST_CASE("Channels fit a pattern, patterns have to be listed") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass &news.* &chat (&other)");
  v.Do({"auth", "u", ""});
  for (const char* allowed : {"news.1", "chat", "other"}) CHECK(Acl::MayUseChannel(v.client(), allowed, false));
  for (const char* refused : {"new", "chat2", "news*"}) CHECK_FALSE(Acl::MayUseChannel(v.client(), refused, false));
  CHECK(Acl::MayUseChannel(v.client(), "news.*", true));
  CHECK_FALSE(Acl::MayUseChannel(v.client(), "news.1*", true));
}

TEST_CASE("Deleting a user closes its connections; its own caller gets the reply first") {
  Session s;
  Visitor u(s);
  Visitor v(s);
  Visitor other(s);
  s.Do("acl setuser u on nopass +acl");
  u.Do({"auth", "u", ""});
  v.Do({"auth", "u", ""});
  CHECK(s.Do("acl deluser nobody") == ":0");
  CHECK(s.Do("acl deluser default") == "-ERR The 'default' user cannot be removed");
  CHECK(u.Do({"acl", "deluser", "u"}) == ":1");
  CHECK(u.closed());
  CHECK(v.closed());
  CHECK_FALSE(other.closed());
  CHECK(v.client().user == s.server().server().acl().Find("default"));
}

TEST_CASE("Who may not read everything may not attach") {
  Session s;
  Visitor v(s);
  Acl& acl = s.server().server().acl();
  v.Do({"auth", "default", ""});
  CHECK(acl.MayAttach(v.client()));
  s.Do("acl setuser u on nopass");
  v.Do({"auth", "u", ""});
  for (const char* rules : {"reset ~* +get", "reset +@read ~a*", "reset +@read %W~*", "reset +@all -hget ~*"}) {
    CHECK(s.Do("acl setuser u " + std::string(rules)) == "+OK");
    CHECK_FALSE(acl.MayAttach(v.client()));
  }
  for (const char* rules : {"reset ~* +@all", "reset +@read %R~*", "reset ~* +@all -@dangerous", "reset (+@read ~*)"}) {
    CHECK(s.Do("acl setuser u " + std::string(rules)) == "+OK");
    CHECK(acl.MayAttach(v.client()));
  }
}

TEST_CASE("ACL LOG tells what was refused, alike events once") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass ~a +set +multi +eval");
  v.Do({"auth", "u", ""});
  for (int i = 0; i < 3; ++i) v.Do({"get", "a"});
  v.Do({"set", "b", "1"});
  v.Do({"auth", "nobody", "x"});
  v.Do({"eval", "return redis.pcall('incr', 'a')", "0"});
  v.Do({"multi"});
  v.Do({"incr", "a"});
  const std::string log = s.Do("acl log");
  CHECK(log.starts_with("[[count, :1, reason, command, context, multi, object, incr, username, u, age-seconds, "));
  CHECK(log.find("reason, command, context, lua, object, incr, username, u") != std::string::npos);
  CHECK(log.find("reason, auth, context, toplevel, object, auth, username, nobody") != std::string::npos);
  CHECK(log.find("reason, key, context, toplevel, object, b, username, u") != std::string::npos);
  CHECK(log.find("[count, :3, reason, command, context, toplevel, object, get, username, u") != std::string::npos);
  CHECK(log.find("cmd=get user=u ") != std::string::npos);
  CHECK(s.Do("acl log 0") == "[]");
  CHECK(s.Do("acl log x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("acl log 1 2").starts_with("-ERR unknown subcommand or wrong number of arguments for 'log'"));
  CHECK(s.Do("acl log reset") == "+OK");
  CHECK(s.Do("acl log") == "[]");
  s.Do("config set acllog-max-len 2");
  for (const char* name : {"a", "b", "c"}) v.Do({"auth", name, "x"});
  CHECK(s.Do("acl log 10").find("username, a,") == std::string::npos);
}

TEST_CASE("DRYRUN, CAT and GENPASS") {
  Session s;
  s.Do("acl setuser u ~a* &c +get");
  CHECK(s.Do("acl dryrun u get a") == "+OK");
  CHECK(s.Do("acl dryrun u get b") == "This user has no permissions to access the 'b' key");
  CHECK(s.Do("acl dryrun u config get x") == "This user has no permissions to run the 'config|get' command");
  CHECK(s.Do("acl dryrun u get") == "-ERR wrong number of arguments for 'get' command");
  CHECK(s.Do("acl dryrun u nope a") == "-ERR Command 'nope' not found");
  CHECK(s.Do("acl dryrun v get a") == "-ERR User 'v' not found");
  CHECK(s.Do("acl cat").starts_with("[keyspace, read, write, "));
  CHECK(s.Do("acl cat nope") == "-ERR Unknown category 'nope'");
  CHECK(s.Do("acl cat TRANSACTION").find("multi") != std::string::npos);
  CHECK(s.Do("acl genpass").size() == 64);
  CHECK(s.Do("acl genpass 5").size() == 2);
  CHECK(s.Do("acl genpass 4096").size() == 1024);
  for (const char* wrong : {"acl genpass 0", "acl genpass -1", "acl genpass 4097"}) {
    CHECK(s.Do(wrong).starts_with("-ERR ACL GENPASS argument must be the number of bits"));
  }
  CHECK(s.Do("acl load").starts_with("-ERR This Redis instance is not configured to use an ACL file."));
}

TEST_CASE("Users come from the configuration") {
  Session s("user u on >x ~* +@all\nuser default on nopass ~* &* +@all -flushall\n");
  CHECK(s.Do("flushall") == NoCommand("flushall"));
  CHECK(s.Do("auth u x") == "+OK");
  CHECK(s.Do("flushall") == "+OK");
}

TEST_CASE("acl-pubsub-default says which channels a new user may use") {
  Session s("acl-pubsub-default allchannels\n");
  CHECK(Made(s, "") == "off &* -@all");
  CHECK(s.Do("config set acl-pubsub-default resetchannels") == "+OK");
  CHECK(Made(s, "") == "off resetchannels -@all");
}

TEST_CASE("CLIENT LIST and KILL know users") {
  Session s;
  Visitor v(s);
  s.Do("acl setuser u on nopass");
  v.Do({"auth", "u", ""});
  CHECK(s.Do("client list").find(" user=u ") != std::string::npos);
  CHECK(s.Do("client kill user nobody") == "-ERR No such user 'nobody'");
  CHECK(s.Do("client kill user u") == ":1");
  CHECK(v.closed());
}

}  // namespace
}  // namespace chestbox::testing
