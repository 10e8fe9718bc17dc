#include "shmclient/session.h"

#include <algorithm>
#include <charconv>

namespace chestbox::shmclient {

namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// `word` is in lower case.
bool Is(Args args, size_t index, std::string_view word) {
  return index < args.size() && std::equal(args[index].begin(), args[index].end(), word.begin(), word.end(),
                                           [](char a, char b) { return Lower(a) == b; });
}

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool HelloAuthenticates(Args args) {
  for (size_t i = 2; i < args.size(); ++i) {
    if (Is(args, i, "auth")) return true;
  }
  return false;
}

// Commands that answer with any other number of replies than one, or with replies that are not theirs.
constexpr std::string_view kRefused[] = {"subscribe",    "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe",
                                         "sunsubscribe", "monitor",    "sync",       "psync"};

}  // namespace

std::optional<std::string> Session::Refusal(Args args) {
  const std::string tail = " is not sent by chestbox_command_argv, which waits for exactly one reply in RESP2";
  for (std::string_view name : kRefused) {
    if (Is(args, 0, name)) return "ERR " + std::string(name) + tail;
  }
  if (Is(args, 0, "client") && Is(args, 1, "reply") && (Is(args, 2, "off") || Is(args, 2, "skip"))) {
    return "ERR client reply off or skip" + tail;
  }
  if (Is(args, 0, "hello") && args.size() > 1 && Number(args[1]).value_or(2) > 2) {
    return "NOPROTO hello 3" + tail;
  }
  return std::nullopt;
}

void Session::OnReply(Args args, const redisReply& reply) {
  if (args.empty()) return;
  if (IsStatus(reply, "QUEUED") && in_multi_) {
    OnQueued(args);
    return;
  }
  if (Is(args, 0, "exec")) {
    OnExec(reply);
    return;
  }
  if (IsError(reply)) return;
  if (Is(args, 0, "select") && args.size() == 2) {
    database_ = Number(args[1]).value_or(database_);
  } else if (Is(args, 0, "multi")) {
    in_multi_ = true;
  } else if (Is(args, 0, "discard")) {
    EndTransaction();
  } else if (Is(args, 0, "watch")) {
    watching_ = true;
  } else if (Is(args, 0, "unwatch")) {
    watching_ = false;
  } else if (Is(args, 0, "auth") || (Is(args, 0, "hello") && HelloAuthenticates(args))) {
    other_user_ = true;
  } else if (Is(args, 0, "client")) {
    OnClient(args, reply);
  } else if (Is(args, 0, "quit")) {
    EndTransaction();
    tracking_ = false;
    has_quit_ = true;
  } else if (Is(args, 0, "reset")) {
    EndTransaction();
    tracking_ = false;
    database_ = 0;
    other_user_ = true;  // the default user now, who may have to authenticate first
  }
}

void Session::OnQueued(Args args) {
  if (Is(args, 0, "select") && args.size() == 2) {
    if (const auto number = Number(args[1])) queued_selects_.push_back({queued_, *number});
  }
  // Not worth following to its reply in EXEC's: reads over the socket are always right.
  if (Is(args, 0, "client") && Is(args, 1, "tracking")) tracking_ = true;
  if (Is(args, 0, "auth") || Is(args, 0, "hello")) other_user_ = true;
  ++queued_;
}

void Session::OnExec(const redisReply& reply) {
  // An error other than EXECABORT ("EXEC without MULTI", wrong arguments) leaves things as they are.
  if (IsError(reply) && !Text(reply).starts_with("EXECABORT")) return;
  if (reply.type == REDIS_REPLY_ARRAY) {
    for (const QueuedSelect& select : queued_selects_) {
      if (select.index < reply.elements && !IsError(*reply.element[select.index])) database_ = select.database;
    }
  }
  EndTransaction();
}

void Session::EndTransaction() {
  in_multi_ = false;
  watching_ = false;
  queued_ = 0;
  queued_selects_.clear();
}

void Session::OnClient(Args args, const redisReply& reply) {
  if (Is(args, 1, "tracking") && IsStatus(reply, "OK")) tracking_ = !Is(args, 2, "off");
}

void Session::OnNewConnection() { *this = Session(database_); }

}  // namespace chestbox::shmclient
