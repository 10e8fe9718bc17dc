#include "server/types/list_type.h"

#include <algorithm>
#include <string>

#include "protocol/shm/racy_copy.h"
#include "server/client.h"
#include "server/server.h"

namespace chestbox {

using shm::CountedPlace;
using shm::CountedTree;
using shm::CountedTreeHead;
using shm::kListRows;
using shm::kPackedBytesMax;
using shm::kPackedEmptyBytes;
using shm::kPackedHeaderBytes;
using shm::PackedReader;
using shm::PackedSplice;

namespace {

// Whatever list-max-listpack-size allows: a change of a packed list moves half of it on average.
constexpr uint64_t kPackedListBytesMax = 8 << 10;
// A tree becomes a packed list again when it is far enough below the limit.
constexpr uint64_t kPackedAgainBytesMax = 2 << 10;
// Encoding and size of an element, at most.
constexpr uint64_t kElementOverheadBytes = 10;

struct Limits {
  uint64_t bytes_max = kPackedListBytesMax;
  uint64_t elements_max = UINT64_MAX;

  // Positive: elements; -1 to -5: 4 KiB to 64 KiB.
  explicit Limits(const Config& config) {
    const int64_t setting = config.list_max_listpack_size;
    if (setting >= 0) {
      elements_max = std::max<uint64_t>(1, static_cast<uint64_t>(setting));
    } else if (setting == -1) {
      bytes_max = 4 << 10;
    }
  }
};

uint64_t EncodedBytesMax(std::span<const std::string_view> elements) {
  uint64_t bytes = 0;
  for (std::string_view text : elements) bytes += text.size() + kElementOverheadBytes;
  return bytes;
}

// In the order in which they stand in the list when they have been pushed to `end` one after the other.
std::string Encode(std::span<const std::string_view> elements, ListEnd end) {
  std::string encoded;
  encoded.reserve(EncodedBytesMax(elements));
  for (size_t i = 0; i < elements.size(); ++i) {
    shm::AppendElement(elements[end == ListEnd::kBack ? i : elements.size() - 1 - i], &encoded);
  }
  return encoded;
}

// All of them, or none and no trace.
bool PushEach(CountedTree& tree, std::span<const std::string_view> elements, ListEnd end) {
  static thread_local std::string row;
  for (size_t i = 0; i < elements.size(); ++i) {
    row.clear();
    if (tree.AddText(elements[i], &row)) {
      if (end == ListEnd::kFront ? tree.PushFront(row) : tree.PushBack(row)) continue;
      tree.DropTexts(row);
    }
    tree.EraseRange(end == ListEnd::kFront ? 0 : tree.rows() - i, i);
    return false;
  }
  return true;
}

Result<void> CheckBytes(std::span<const std::string_view> elements) {
  for (std::string_view text : elements) {
    if (text.size() > kPackedBytesMax) return Error{"ERR string exceeds maximum allowed size (proto-max-bulk-len)"};
  }
  return {};
}

std::optional<StateRef> FindState(CommandContext& ctx, std::string_view key, Look look) {
  if (!ctx.client.no_touch || look == Look::kPeek) return ctx.keys.FindState(ctx.db, key, look);
  std::optional<StateRef> state = ctx.keys.FindState(ctx.db, key, Look::kPeek);
  if (look == Look::kRead) ++(state ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  return state;
}

}  // namespace

// ---- Reading ----

Result<std::optional<ListType>> ListType::Find(CommandContext& ctx, std::string_view key, Look look) {
  std::optional<StateRef> state = FindState(ctx, key, look);
  if (!state) return std::optional<ListType>();
  if (state->type() != ValueType::kList) return WrongType();
  return std::optional<ListType>(ListType(ctx.keys, *state));
}

PackedElement ListType::At(uint64_t index) const {
  PackedElement element;
  CHECK(reader().At(index, &element));
  return element;
}

std::string_view ListType::Text(const PackedElement& element, char* digits) const {
  std::string_view text;
  CHECK(reader().Text(element, digits, &text));
  return text;
}

// ---- The value's bytes ----

CountedTreeHead ListType::LoadHead() const {
  CountedTreeHead head;
  CHECK(shm::LoadCountedHead(state_.bytes(), &head));
  return head;
}

void ListType::StoreHead(const CountedTreeHead& head) { shm::RacyStore(state_.Change(), &head, sizeof head); }

bool ListType::StaysPacked(CommandContext& ctx, int64_t bytes_change, uint64_t elements_added) const {
  const Limits limits(ctx.server.config());
  const PackedReader block(state_.bytes());
  return int64_t{block.bytes()} + bytes_change <= static_cast<int64_t>(limits.bytes_max) &&
         block.count() + elements_added <= limits.elements_max;
}

Result<void> ListType::SplicePacked(const PackedSplice& splice) {
  const auto bytes = static_cast<uint64_t>(int64_t{PackedReader(state_.bytes()).bytes()} + splice.size_change());
  if (splice.size_change() < 0) {
    // In place first: nothing can fail any more then, and what lies behind the block is of no harm.
    ApplySplice(state_.Change(), splice);
    (void)state_.Resize(bytes);
    return {};
  }
  auto room = state_.Resize(bytes);
  if (!room) return room.error();
  ApplySplice(*room, splice);
  return {};
}

Result<void> ListType::ToTree() {
  CountedTreeHead head;
  CountedTree tree(keys_->memory(), kListRows, &head);
  const PackedReader block(state_.bytes());
  bool done = true;
  PackedElement element;
  for (uint32_t position = block.First(); position != 0 && done;) {
    char digits[shm::kIntegerTextBytesMax];
    CHECK(block.Take(&position, &element));
    const std::string_view text = shm::TextOf(element, digits);
    done = PushEach(tree, {&text, 1}, ListEnd::kBack);
  }
  if (done && state_.Replace(CollectionEncoding::kTree, shm::BytesOf(head))) return {};
  CountedTree::FreeNodes(keys_->memory(), kListRows, &head, SIZE_MAX);
  return OutOfMemory();
}

// After erasing. Without memory the tree stays.
void ListType::ToPackedIfSmall() {
  CountedTreeHead head = LoadHead();
  if (head.height > 0 || head.rows == 0 || head.externals > 0) return;
  const char* leaf = keys_->memory().At(head.root);
  const PackedReader block({leaf, kListRows.leaf_bytes_max});
  if (block.bytes() > kPackedAgainBytesMax) return;
  if (!state_.Replace(CollectionEncoding::kPacked, {leaf, block.bytes()})) return;
  CountedTree::FreeNodes(keys_->memory(), kListRows, &head, SIZE_MAX);
}

// ---- Pushing ----

Result<uint64_t> ListType::Push(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements,
                                ListEnd end, bool must_exist) {
  auto found = Find(ctx, key, Look::kChange);
  if (!found) return found.error();
  if (!*found && must_exist) return uint64_t{0};
  if (auto fit = CheckBytes(elements); !fit) return fit.error();
  if (!*found) return Create(ctx, key, elements, end);
  if (auto pushed = (*found)->PushAll(ctx, elements, end); !pushed) return pushed.error();
  return (*found)->size();
}

Result<uint64_t> ListType::Create(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements,
                                  ListEnd end) {
  const Limits limits(ctx.server.config());
  if (EncodedBytesMax(elements) + kPackedEmptyBytes <= limits.bytes_max && elements.size() <= limits.elements_max) {
    const std::string encoded = Encode(elements, end);
    std::string block = shm::EmptyPacked();
    block.resize(block.size() + encoded.size());
    shm::ApplySplice(block.data(),
                     {kPackedHeaderBytes, kPackedHeaderBytes, encoded, static_cast<int>(elements.size())});
    auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kList, CollectionEncoding::kPacked, block, kNoExpiry);
    if (!state) return state.error();
    return elements.size();
  }
  CountedTreeHead head;
  CountedTree tree(ctx.keys.memory(), kListRows, &head);
  if (PushEach(tree, elements, end)) {
    auto state =
        ctx.keys.CreateState(ctx.db, key, ValueType::kList, CollectionEncoding::kTree, shm::BytesOf(head), kNoExpiry);
    if (state) return elements.size();
  }
  CountedTree::FreeNodes(ctx.keys.memory(), kListRows, &head, SIZE_MAX);
  return OutOfMemory();
}

Result<void> ListType::Store(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements) {
  auto created = Create(ctx, key, elements, ListEnd::kBack);
  if (!created) return created.error();
  return {};
}

Result<void> ListType::PushAll(CommandContext& ctx, std::span<const std::string_view> elements, ListEnd end) {
  if (!packed()) return PushToTree(elements, end);
  if (StaysPacked(ctx, static_cast<int64_t>(EncodedBytesMax(elements)), elements.size())) {
    const std::string encoded = Encode(elements, end);
    const PackedReader block(state_.bytes());
    const uint32_t at = end == ListEnd::kFront ? kPackedHeaderBytes : block.end();
    return SplicePacked({at, at, encoded, static_cast<int>(elements.size())});
  }
  if (auto converted = ToTree(); !converted) return converted;
  return PushToTree(elements, end);
}

Result<void> ListType::PushToTree(std::span<const std::string_view> elements, ListEnd end) {
  (void)state_.Change();
  CountedTreeHead head = LoadHead();
  CountedTree tree(keys_->memory(), kListRows, &head);
  const bool done = PushEach(tree, elements, end);
  StoreHead(head);  // also after a failure: nodes may have merged
  if (!done) return OutOfMemory();
  return {};
}

// ---- In the middle ----

Result<void> ListType::Insert(CommandContext& ctx, uint64_t index, std::string_view text) {
  if (auto fit = CheckBytes({&text, 1}); !fit) return fit;
  if (packed()) {
    if (StaysPacked(ctx, static_cast<int64_t>(text.size() + kElementOverheadBytes), 1)) {
      const PackedReader block(state_.bytes());
      const uint32_t found = block.Seek(static_cast<int64_t>(index));
      const uint32_t at = found == 0 ? block.end() : found;
      return SplicePacked({at, at, Encode({&text, 1}, ListEnd::kBack), 1});
    }
    if (auto converted = ToTree(); !converted) return converted;
  }
  (void)state_.Change();
  CountedTreeHead head = LoadHead();
  CountedTree tree(keys_->memory(), kListRows, &head);
  std::string row;
  if (!tree.AddText(text, &row)) return OutOfMemory();
  CountedPlace place;
  tree.SeekRank(index, &place);
  if (!tree.Insert(place, row)) {
    tree.DropTexts(row);
    return OutOfMemory();
  }
  StoreHead(head);
  return {};
}

Result<void> ListType::Set(CommandContext& ctx, uint64_t index, std::string_view text) {
  if (auto fit = CheckBytes({&text, 1}); !fit) return fit;
  if (packed()) {
    const PackedReader block(state_.bytes());
    const uint32_t from = block.Seek(static_cast<int64_t>(index));
    PackedElement old;
    CHECK(block.Get(from, &old));
    const auto added = static_cast<int64_t>(text.size() + kElementOverheadBytes);
    // A list beyond its limit (the setting was lowered) may still change where it stands.
    if (StaysPacked(ctx, added - int64_t{old.next - from}, 0)) {
      return SplicePacked({from, old.next, Encode({&text, 1}, ListEnd::kBack), 0});
    }
    if (auto converted = ToTree(); !converted) return converted;
  }
  (void)state_.Change();
  CountedTreeHead head = LoadHead();
  CountedTree tree(keys_->memory(), kListRows, &head);
  std::string row;
  if (!tree.AddText(text, &row)) return OutOfMemory();
  CountedPlace place;
  tree.SeekRank(index, &place);
  if (!tree.Replace(place, row)) {
    tree.DropTexts(row);
    return OutOfMemory();
  }
  StoreHead(head);
  return {};
}

// ---- Erasing ----

void ListType::Erase(uint64_t index, uint64_t count) {
  if (count == 0) return;
  if (packed()) {
    const PackedReader block(state_.bytes());
    const uint32_t from = block.Seek(static_cast<int64_t>(index));
    const uint32_t behind = block.Seek(static_cast<int64_t>(index + count));
    const uint32_t to = behind == 0 ? block.end() : behind;
    CHECK(SplicePacked({from, to, {}, -static_cast<int>(count)}));
    return;
  }
  (void)state_.Change();
  CountedTreeHead head = LoadHead();
  CountedTree tree(keys_->memory(), kListRows, &head);
  if (count == 1) {
    CountedPlace place;
    tree.SeekRank(index, &place);
    tree.Erase(place);
  } else {
    tree.EraseRange(index, count);
  }
  StoreHead(head);
  ToPackedIfSmall();
}

bool ListType::EraseKeyIfEmpty() {
  if (size() > 0) return false;
  EraseKey();
  return true;
}

}  // namespace chestbox
