#include "protocol/rdb/object_writer.h"

#include <cstring>

#include "protocol/rdb/length_codec.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::rdb {
namespace {

// Redis' own limit of a node, list-max-listpack-size -2.
constexpr size_t kListpackBytesMax = 8192;
// Larger elements have a node of their own, without a listpack around them.
constexpr size_t kListpackElementBytesMax = 1 << 20;
// How a node of a quicklist is kept.
constexpr uint64_t kPlainNode = 1;
constexpr uint64_t kPackedNode = 2;

template <class T>
void AppendLittle(T value, std::string& out) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

}  // namespace

void AppendType(ObjectType type, std::string& out) { out.push_back(static_cast<char>(type)); }

void AppendBlob(std::string_view bytes, std::string& out) {
  AppendLength(bytes.size(), out);
  out.append(bytes);
}

void AppendScore(double score, std::string& out) { AppendLittle(score, out); }
void AppendMilliseconds(int64_t ms, std::string& out) { AppendLittle(ms, out); }

void AppendFieldExpiry(int64_t expire_at_ms, int64_t earliest_ms, std::string& out) {
  AppendLength(expire_at_ms == kFieldNeverExpires ? 0 : static_cast<uint64_t>(expire_at_ms - earliest_ms) + 1, out);
}

void AppendListOfOne(std::string& out) {
  AppendLength(1, out);
  AppendLength(kPackedNode, out);
}

void ListWriter::Element(std::string_view element) {
  if (element.size() > kListpackElementBytesMax) {
    EndListpack();
    AppendLength(kPlainNode, nodes_);
    AppendBlob(element, nodes_);
    ++nodes_count_;
    return;
  }
  if (count_ != 0 && elements_.size() + element.size() > kListpackBytesMax) EndListpack();
  shm::AppendElement(element, &elements_);
  ++count_;
}

void ListWriter::EndListpack() {
  if (count_ == 0) return;
  AppendLength(kPackedNode, nodes_);
  AppendLength(elements_.size() + shm::kPackedEmptyBytes, nodes_);
  AppendLittle(static_cast<uint32_t>(elements_.size() + shm::kPackedEmptyBytes), nodes_);
  AppendLittle(static_cast<uint16_t>(count_ < shm::kPackedCountUnknown ? count_ : shm::kPackedCountUnknown), nodes_);
  nodes_.append(elements_);
  nodes_.push_back('\xff');
  ++nodes_count_;
  elements_.clear();
  count_ = 0;
}

void ListWriter::Finish(std::string& out) {
  EndListpack();
  AppendType(ObjectType::kListQuicklist2, out);
  AppendLength(nodes_count_, out);
  out.append(nodes_);
}

}  // namespace chestbox::rdb
