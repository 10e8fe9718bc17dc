// An object as the decoder tells it, as text that tests compare; and written again from what was told.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/rdb/object.h"

namespace chestbox::rdb::testing {

class ObjectModel : public ObjectSink {
 public:
  // Takes whole collections when they are offered.
  explicit ObjectModel(bool takes_whole = false) : takes_whole_(takes_whole) {}

  bool Begin(ObjectKind kind) override;
  bool String(std::string_view value) override;
  bool ListElement(std::string_view element) override;
  bool SetMember(std::string_view member) override;
  bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) override;
  bool SortedSetMember(std::string_view member, double score) override;
  bool StreamNode(const StreamId& master_id, std::string_view listpack, uint32_t entries) override;
  bool StreamEnd(const StreamInfo& info) override;
  bool Group(const StreamGroup& group) override;
  bool TakePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) override;
  bool TakeIntegers(std::string_view integer_set) override;

  // "hash f=v g=w@1800000000000", "list a b", "zset a=1.5", …; packed ones as if told one by one.
  std::string Text() const;
  bool taken_whole() const { return taken_whole_; }
  // The same object by the functions of object_writer.h and stream_codec.h.
  std::string Write() const;

 private:
  struct Item {
    std::string name;
    std::string value;
    int64_t expire_at_ms = kFieldNeverExpires;
    double score = 0;
  };
  struct Node {
    StreamId id;
    std::string listpack;
    uint32_t entries;
  };

  void WriteHash(std::string& out) const;
  void WriteStream(std::string& out) const;
  std::string StreamText() const;

  const bool takes_whole_;
  bool taken_whole_ = false;
  bool begun_ = false;
  ObjectKind kind_ = ObjectKind::kString;
  std::vector<Item> items_;
  std::vector<Node> nodes_;
  StreamInfo info_;
  std::vector<StreamGroup> groups_;
};

std::string FromHex(std::string_view hex);

// The text of a payload without footer, or "bad".
std::string Decoded(std::string_view object, bool takes_whole = false);

}  // namespace chestbox::rdb::testing
