#include "server/command_text.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "protocol/rdb/object.h"
#include "protocol/shm/stream_node.h"
#include "server/keyspace.h"

namespace chestbox {

namespace {

// Elements in one command (AOF_REWRITE_ITEMS_PER_CMD in Redis).
constexpr size_t kElementsPerCommand = 64;

void AppendHead(size_t words, std::string& out) { out += fmt::format("*{}\r\n", words); }

void AppendWord(std::string_view word, std::string& out) {
  out += fmt::format("${}\r\n", word.size());
  out.append(word);
  out += "\r\n";
}

std::string IdText(const StreamId& id) { return fmt::format("{}-{}", id.ms, id.seq); }

class CommandSink final : public rdb::ObjectSink {
 public:
  CommandSink(std::string_view key, std::string& out) : key_(key), out_(out) {}

  bool Begin(rdb::ObjectKind kind) override {
    constexpr std::string_view kNames[] = {"SET", "RPUSH", "SADD", "ZADD", "HMSET", "XADD"};
    name_ = kNames[static_cast<size_t>(kind)];
    return true;
  }
  bool String(std::string_view value) override {
    AppendCommand({name_, key_, value}, out_);
    return true;
  }
  bool ListElement(std::string_view element) override {
    words_.emplace_back(element);
    return EndElement();
  }
  bool SetMember(std::string_view member) override { return ListElement(member); }
  bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) override {
    words_.emplace_back(field);
    words_.emplace_back(value);
    if (expire_at_ms != rdb::kFieldNeverExpires) expiries_.emplace_back(field, expire_at_ms);
    return EndElement();
  }
  bool SortedSetMember(std::string_view member, double score) override {
    words_.push_back(fmt::format("{:.17g}", score));
    words_.emplace_back(member);
    return EndElement();
  }
  bool StreamNode(const StreamId& id, std::string_view listpack, uint32_t) override {
    const shm::StreamNodeReader node(listpack, id);
    shm::StreamEntry entry;
    for (bool more = node.First(&entry); more; more = node.Next(&entry)) {
      if (entry.deleted()) continue;
      words_ = {IdText(entry.id)};
      (void)node.ForEachField(entry, [&](const shm::PackedElement& field, const shm::PackedElement& value) {
        char digits[shm::kIntegerTextBytesMax];
        words_.emplace_back(TextOf(field, digits));
        words_.emplace_back(TextOf(value, digits));
      });
      EndCommand();
    }
    return true;
  }
  bool StreamEnd(const rdb::StreamInfo& info) override {
    // An entry that is trimmed at once makes the stream where there are none.
    if (info.length == 0) AppendCommand({"XADD", key_, "MAXLEN", "0", "0-1", "x", "y"}, out_);
    AppendCommand({"XSETID", key_, IdText(info.last_id), "ENTRIESADDED", std::to_string(info.entries_added),
                   "MAXDELETEDID", IdText(info.max_deleted_id)},
                  out_);
    return true;
  }
  bool Group(const rdb::StreamGroup& group) override {
    AppendCommand({"XGROUP", "CREATE", key_, group.name, IdText(group.last_id), "ENTRIESREAD",
                   std::to_string(group.entries_read)},
                  out_);
    for (const rdb::StreamConsumer& consumer : group.consumers) {
      AppendCommand({"XGROUP", "CREATECONSUMER", key_, group.name, consumer.name}, out_);
    }
    for (const rdb::StreamPending& pending : group.pending) {
      AppendCommand(
          {"XCLAIM", key_, group.name, group.consumers[pending.consumer].name, "0", IdText(pending.id), "TIME",
           std::to_string(pending.delivered_ms), "RETRYCOUNT", std::to_string(pending.deliveries), "JUSTID", "FORCE"},
          out_);
    }
    return true;
  }

  void Finish() {
    EndCommand();
    for (const auto& [field, expire_at_ms] : expiries_) {
      AppendCommand({"HPEXPIREAT", key_, std::to_string(expire_at_ms), "FIELDS", "1", field}, out_);
    }
  }

 private:
  bool EndElement() {
    if (++elements_ == kElementsPerCommand) EndCommand();
    return true;
  }
  void EndCommand() {
    elements_ = 0;
    if (words_.empty()) return;
    AppendHead(2 + words_.size(), out_);
    AppendWord(name_, out_);
    AppendWord(key_, out_);
    for (const std::string& word : words_) AppendWord(word, out_);
    words_.clear();
  }

  const std::string_view key_;
  std::string& out_;
  std::string_view name_;
  std::vector<std::string> words_;
  size_t elements_ = 0;
  std::vector<std::pair<std::string, int64_t>> expiries_;
};

}  // namespace

void AppendCommand(std::span<const std::string_view> words, std::string& out) {
  AppendHead(words.size(), out);
  for (std::string_view word : words) AppendWord(word, out);
}

bool AppendStateAsCommands(std::string_view key, std::string_view object, int64_t expire_at_ms, std::string& out) {
  CommandSink sink(key, out);
  if (!rdb::DecodeObject(object, rdb::Trust::kOwn, sink)) return false;
  sink.Finish();
  if (expire_at_ms != kNoExpiry) AppendCommand({"PEXPIREAT", key, std::to_string(expire_at_ms)}, out);
  return true;
}

}  // namespace chestbox
