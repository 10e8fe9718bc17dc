// A recording of what a decoder tells an ObjectSink, to be told to another sink later, a few pieces at a time: a thread
// decodes a large payload of our own, and the executor builds the state from it without stalling.
//
// Whole listpacks and integer sets are recorded as taken, so whoever listens later takes them. A tape is made by one
// thread and played by one, not at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/rdb/object.h"

namespace chestbox::rdb {

class ObjectTape final : public ObjectSink {
 public:
  ObjectTape() = default;
  ObjectTape(ObjectTape&&) = default;
  ObjectTape& operator=(ObjectTape&&) = default;

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

  enum class Played : uint8_t { kMore, kAll, kRefused };
  // Tells the next pieces: at most `pieces_max`, and no more once `bytes_max` have been told.
  Played Play(ObjectSink& sink, size_t pieces_max, size_t bytes_max);

  size_t bytes() const { return bytes_.size(); }

 private:
  enum class Piece : uint8_t {
    kBegin,
    kString,
    kListElement,
    kSetMember,
    kHashField,
    kSortedSetMember,
    kStreamNode,
    kStreamEnd,
    kGroup,
    kPacked,
    kIntegers,
  };

  void Start(Piece piece);
  template <class T>
  void Put(const T& value);
  void PutText(std::string_view text);
  template <class T>
  T Take();
  std::string_view TakeText();
  bool PlayOne(ObjectSink& sink);
  StreamGroup TakeGroup();

  std::string bytes_;
  size_t played_ = 0;
};

}  // namespace chestbox::rdb
