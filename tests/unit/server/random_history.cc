#include "random_history.h"

namespace chestbox::testing {

namespace {

constexpr size_t kKeysOfAType = 3;
constexpr std::string_view kTypes = "slhSzx";

// ~s ~l ~h ~S ~z ~x: a key, mostly of that type (string, list, hash, set, sorted set, stream). ~k: any key. ~f: a field
// or member. ~v: a value. ~F ~V ~P ~Q: some fields, values, field-value pairs, score-member pairs. ~n: a small number.
// ~i: a position, perhaps from the end. ~d: a score. ~I: an ID that was given. ~J: a new ID.
constexpr std::string_view kTemplates[] = {
    "SET ~s ~v",
    "SET ~k ~v",
    "SET ~s ~v EX 100000",
    "APPEND ~s ~v",
    "INCR ~s",
    "SETRANGE ~s ~n ~v",
    "SETBIT ~s ~n 1",
    "GETDEL ~s",
    "MSET ~s ~v ~s ~v",
    "RPUSH ~l ~V",
    "RPUSH ~l ~V",
    "LPUSH ~l ~V",
    "LPUSHX ~l ~v",
    "LPOP ~l",
    "RPOP ~l ~n",
    "LINSERT ~l BEFORE ~v ~v",
    "LSET ~l ~i ~v",
    "LREM ~l ~i ~v",
    "LTRIM ~l ~i ~i",
    "LMOVE ~l ~l LEFT RIGHT",
    "RPOPLPUSH ~l ~l",
    "LMPOP 2 ~l ~l RIGHT COUNT 2",
    "SORT ~l ALPHA STORE ~l",
    "HSET ~h ~P",
    "HSET ~h ~P",
    "HMSET ~h ~P",
    "HSETNX ~h ~f ~v",
    "HDEL ~h ~F",
    "HINCRBY ~h ~f ~i",
    "HINCRBYFLOAT ~h ~f 1.5",
    "HPEXPIRE ~h 100000000 FIELDS 1 ~f",
    "HEXPIRE ~h 0 FIELDS 1 ~f",
    "HPERSIST ~h FIELDS 1 ~f",
    "HGETDEL ~h FIELDS 1 ~f",
    "HGETEX ~h EX 100000 FIELDS 1 ~f",
    "HSETEX ~h EX 100000 FIELDS 1 ~f ~v",
    "SADD ~S ~F",
    "SADD ~S ~F",
    "SADD ~S ~n ~n ~n",
    "SREM ~S ~F",
    "SMOVE ~S ~S ~f",
    "SINTERSTORE ~S ~S ~S",
    "SUNIONSTORE ~S ~S ~S",
    "SDIFFSTORE ~S ~S ~S",
    "ZADD ~z ~Q",
    "ZADD ~z ~Q",
    "ZADD ~z GT CH ~d ~f",
    "ZADD ~z NX ~d ~f",
    "ZADD ~z XX INCR ~d ~f",
    "ZINCRBY ~z ~d ~f",
    "ZREM ~z ~F",
    "ZREMRANGEBYRANK ~z ~i ~i",
    "ZREMRANGEBYSCORE ~z ~d ~d",
    "ZREMRANGEBYLEX ~z - [f1",
    "ZPOPMIN ~z",
    "ZPOPMAX ~z ~n",
    "ZMPOP 2 ~z ~z MIN COUNT 2",
    "ZUNIONSTORE ~z 2 ~z ~S WEIGHTS 2 1",
    "ZINTERSTORE ~z 2 ~z ~z AGGREGATE MAX",
    "ZDIFFSTORE ~z 2 ~z ~z",
    "ZRANGESTORE ~z ~z ~i ~i",
    "GEOADD ~z 13.36 38.11 ~f",
    "GEOSEARCHSTORE ~z ~z FROMLONLAT 15 37 BYRADIUS 300 km ASC",
    "XADD ~x ~J ~P",
    "XADD ~x ~J ~P",
    "XADD ~x MAXLEN 10 ~J ~P",
    "XDEL ~x ~I",
    "XTRIM ~x MAXLEN ~n",
    "XTRIM ~x MINID ~I",
    "XSETID ~x ~J",
    "XGROUP CREATE ~x ~f 0 MKSTREAM",
    "XGROUP CREATE ~x g $ MKSTREAM",
    "XGROUP SETID ~x g ~I",
    "XGROUP CREATECONSUMER ~x g ~f",
    "XGROUP DELCONSUMER ~x g ~f",
    "XGROUP DESTROY ~x ~f",
    "XREADGROUP GROUP g ~f COUNT ~n STREAMS ~x >",
    "XREADGROUP GROUP g ~f COUNT ~n NOACK STREAMS ~x >",
    "XACK ~x g ~I",
    "XCLAIM ~x g ~f 0 ~I",
    "XAUTOCLAIM ~x g ~f 0 0 COUNT 3",
    "PFADD ~s ~F",
    "PFMERGE ~s ~s ~s",
    "BITOP OR ~s ~s ~s",
    "BITFIELD ~s INCRBY u8 ~n 3",
    "DEL ~k",
    "UNLINK ~k ~k",
    "RENAME ~k ~k",
    "RENAMENX ~k ~k",
    "COPY ~k ~k REPLACE",
    "COPY ~k ~k DB 1 REPLACE",
    "MOVE ~k 1",
    "EXPIRE ~k 100000",
    "PEXPIRE ~k 0",
    "PERSIST ~k",
    "GETEX ~s PERSIST",
};
constexpr std::string_view kChanceTemplates[] = {
    "SPOP ~S",
    "SPOP ~S ~n",
    "XADD ~x * ~P",
};

constexpr std::string_view kScores[] = {"1", "-2.5", "3", "1e20", "inf", "-inf", "0.1", "3", "17"};

}  // namespace

std::vector<std::string> RandomHistory::Keys() {
  std::vector<std::string> keys;
  for (const char type : kTypes) {
    for (size_t i = 0; i < kKeysOfAType; ++i) keys.push_back(std::string(1, type) + std::to_string(i));
  }
  return keys;
}

std::string RandomHistory::Key(char type) {
  if (type == 'k' || Below(40) == 0) type = kTypes[Below(kTypes.size())];
  return std::string(1, type) + std::to_string(Below(kKeysOfAType));
}

std::string RandomHistory::Value() {
  switch (Below(8)) {
    case 0:
      return std::to_string(Below(100000));
    case 1:
      return std::string(Below(600), 'x');
    case 2:
      return std::string();
    default:
      return "v" + std::to_string(Below(12));
  }
}

void RandomHistory::Expand(std::string_view word, std::vector<std::string>* command) {
  const auto field = [&] { return Below(20) == 0 ? std::string(70 + Below(3), 'f') : "f" + std::to_string(Below(14)); };
  const auto score = [&] { return std::string(kScores[Below(std::size(kScores))]); };
  const size_t some = 1 + Below(Below(10) == 0 ? 20 : 4);
  const auto id = [&](uint64_t ms) { return std::to_string(ms) + "-" + std::to_string(Below(3)); };
  switch (word[1]) {
    case 'f':
      command->push_back(field());
      break;
    case 'v':
      command->push_back(Value());
      break;
    case 'F':
      for (size_t i = 0; i < some; ++i) command->push_back(field());
      break;
    case 'V':
      for (size_t i = 0; i < some; ++i) command->push_back(Value());
      break;
    case 'P':
      for (size_t i = 0; i < some; ++i) command->insert(command->end(), {field(), Value()});
      break;
    case 'Q':
      for (size_t i = 0; i < some; ++i) command->insert(command->end(), {score(), field()});
      break;
    case 'n':
      command->push_back(std::to_string(Below(12)));
      break;
    case 'i':
      command->push_back(std::to_string(static_cast<int>(Below(12)) - 6));
      break;
    case 'd':
      command->push_back(score());
      break;
    case 'I':
      command->push_back(id(stream_ms_ - Below(std::min<size_t>(stream_ms_, 12))));
      break;
    case 'J':
      stream_ms_ += Below(2);
      command->push_back(id(stream_ms_));
      break;
    default:
      command->push_back(Key(word[1]));
  }
}

std::vector<std::string> RandomHistory::Next() {
  const size_t count = std::size(kTemplates) + (with_chance_ ? std::size(kChanceTemplates) : 0);
  const size_t number = Below(count);
  std::string_view rest =
      number < std::size(kTemplates) ? kTemplates[number] : kChanceTemplates[number - std::size(kTemplates)];
  std::vector<std::string> command;
  while (!rest.empty()) {
    const size_t end = std::min(rest.size(), rest.find(' '));
    const std::string_view word = rest.substr(0, end);
    if (word[0] == '~') {
      Expand(word, &command);
    } else {
      command.emplace_back(word);
    }
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return command;
}

}  // namespace chestbox::testing
