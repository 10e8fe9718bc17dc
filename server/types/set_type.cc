#include "server/types/set_type.h"

#include <algorithm>
#include <cstring>

#include "protocol/canonical_integer.h"
#include "protocol/shm/hash_table.h"
#include "server/server.h"

namespace chestbox {

using shm::HashTable;
using shm::HashTableHead;
using shm::IntegerSetReader;
using shm::PackedReader;
using shm::PackedSplice;

namespace {

// An integer set larger than this costs more to change than a table, whatever the setting says (as in Redis).
constexpr int64_t kIntegerSetMembersMax = 1 << 30;

HashTableHead LoadHead(std::string_view bytes) {
  HashTableHead head;
  CHECK(shm::LoadTableHead(bytes, &head));
  return head;
}

void StoreHead(StateRef& state, const HashTableHead& head) {
  const std::string_view bytes = shm::TableHeadBytes(head);
  shm::RacyStore(state.Change(), bytes.data(), bytes.size());
}

shm::NewRow NewMember(std::string_view member) {
  shm::NewRow row;
  row.key = member;
  return row;
}

bool AllIntegers(std::span<const std::string_view> members, std::vector<int64_t>* integers) {
  for (std::string_view member : members) {
    const auto integer = ParseInteger(member);
    if (!integer) return false;
    integers->push_back(*integer);
  }
  std::sort(integers->begin(), integers->end());
  return true;
}

uint64_t LongestBytes(std::span<const std::string_view> members) {
  size_t longest = 0;
  for (std::string_view member : members) longest = std::max(longest, member.size());
  return longest;
}

// The table of these. 0 buckets: no memory, and nothing was kept.
HashTableHead MakeTable(shm::ArenaMemory& memory, std::span<const std::string_view> members) {
  HashTableHead head;
  if (!HashTable::Create(memory, 1, &head)) return {};
  HashTable table(memory, &head);
  for (std::string_view member : members) {
    if (table.Insert(table.Find(member), NewMember(member))) continue;
    (void)HashTable::FreeNodes(memory, &head, SIZE_MAX);
    return {};
  }
  return head;
}

std::string MakePacked(std::span<const std::string_view> members) {
  std::string elements;
  for (std::string_view member : members) shm::AppendElement(member, &elements);
  const std::string empty = shm::EmptyPacked();
  std::string block(empty.size() + elements.size(), '\0');
  const PackedSplice all{shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, elements, static_cast<int>(members.size())};
  shm::CopySpliced(empty.data(), all, block.data());
  return block;
}

int64_t IntegersMax(const Config& config) { return std::min(config.set_max_intset_entries, kIntegerSetMembersMax); }

bool PackedLimitsHold(const Config& config, uint64_t size, uint64_t longest_bytes) {
  return size <= static_cast<uint64_t>(config.set_max_listpack_entries) &&
         longest_bytes <= static_cast<uint64_t>(config.set_max_listpack_value_bytes);
}

}  // namespace

SetType::SetType(StateRef state, const Config& config)
    : state_(state), config_(&config), nodes_(state.keys().memory()) {}

shm::SetReader<const shm::DirectNodes> SetType::reader() const {
  return {state_.encoding(), state_.bytes(), nodes_, state_.keys().memory().header().hash_seed};
}

Result<std::optional<SetType>> SetType::Find(CommandContext& ctx, std::string_view key, Look look) {
  auto state = ctx.keys.FindState(ctx.db, key, look);
  if (!state) return std::optional<SetType>();
  if (state->type() != ValueType::kSet) return WrongType();
  return std::optional<SetType>(SetType(*state, ctx.server.config()));
}

bool SetType::Contains(std::string_view member) const {
  bool found = false;
  CHECK(reader().Contains(member, &found));
  return found;
}

std::string SetType::MemberAt(uint64_t index) const {
  shm::ElementDigits digits;
  shm::PackedElement element;
  element.kind = shm::PackedElement::Kind::kInteger;
  if (state_.encoding() == CollectionEncoding::kIntegerSet) {
    element.integer = IntegerSetReader(state_.bytes()).At(static_cast<uint32_t>(index));
  } else {
    const PackedReader packed(state_.bytes());
    CHECK(packed.Get(packed.Seek(static_cast<int64_t>(index)), &element));
  }
  return std::string(TextOf(element, digits.bytes));
}

std::string SetType::MemberOf(const shm::PackedRow& row) const {
  shm::ElementDigits digits;
  return std::string(*ElementText(nodes_, row.key, &digits));
}

// ---- Adding ----

Result<void> SetType::Store(CommandContext& ctx, std::string_view key, std::span<const std::string_view> members,
                            int64_t expire_at_ms) {
  const Config& config = ctx.server.config();
  const auto create = [&](CollectionEncoding encoding, std::string_view bytes) -> Result<void> {
    auto created = ctx.keys.CreateState(ctx.db, key, ValueType::kSet, encoding, bytes, expire_at_ms);
    return created ? Result<void>() : created.error();
  };
  std::vector<int64_t> integers;
  if (static_cast<int64_t>(members.size()) <= IntegersMax(config) && AllIntegers(members, &integers)) {
    return create(CollectionEncoding::kIntegerSet, shm::MakeIntegerSet(integers));
  }
  if (PackedLimitsHold(config, members.size(), LongestBytes(members))) {
    return create(CollectionEncoding::kPacked, MakePacked(members));
  }
  HashTableHead head = MakeTable(ctx.keys.memory(), members);
  if (head.buckets == 0) return OutOfMemory();
  const Result<void> created = create(CollectionEncoding::kTable, shm::TableHeadBytes(head));
  if (!created) (void)HashTable::FreeNodes(ctx.keys.memory(), &head, SIZE_MAX);
  return created;
}

Result<void> SetType::Add(CommandContext& ctx, std::string_view key, std::span<const std::string_view> members,
                          std::vector<std::string_view>* added) {
  auto found = Find(ctx, key, ctx.client.no_touch ? Look::kPeek : Look::kChange);
  if (!found) return found.error();
  size_t next = 0;
  if (!*found) {
    if (auto stored = Store(ctx, key, members.first(1)); !stored) return stored;
    added->push_back(members.front());
    next = 1;
    if (members.size() == 1) return {};
    found = Find(ctx, key, Look::kPeek);
    if (!found) return found.error();
  }
  for (std::string_view member : members.subspan(next)) {
    auto inserted = (*found)->Insert(member);
    if (!inserted) return inserted.error();
    if (*inserted) added->push_back(member);
  }
  return {};
}

Result<bool> SetType::Insert(std::string_view member) {
  const auto done = [](const Result<void>& outcome) -> Result<bool> {
    if (!outcome) return outcome.error();
    return true;
  };
  if (state_.encoding() == CollectionEncoding::kTable) {
    HashTableHead head = LoadHead(state_.bytes());
    HashTable table(state_.keys().memory(), &head);
    const shm::TablePlace place = table.Find(member);
    if (place.found) return false;
    (void)state_.Change();
    if (!table.Insert(place, NewMember(member))) return OutOfMemory();
    StoreHead(state_, head);
    return true;
  }
  if (Contains(member)) return false;
  if (state_.encoding() == CollectionEncoding::kIntegerSet) {
    const auto integer = ParseInteger(member);
    const bool stays = integer && static_cast<int64_t>(size()) < IntegersMax(*config_);
    if (stays) return done(InsertInteger(*integer));
  }
  uint64_t longest_bytes = member.size();
  if (state_.encoding() == CollectionEncoding::kIntegerSet) {
    longest_bytes = std::max<uint64_t>(longest_bytes, shm::kIntegerTextBytesMax - 1);
  }
  const bool packs = PackedLimitsHold(*config_, size() + 1, longest_bytes);
  if (packs && state_.encoding() == CollectionEncoding::kIntegerSet) {
    if (auto changed = ToPacked(); !changed) return changed.error();
  }
  if (packs) return done(InsertPacked(member));
  if (auto changed = ToTable(); !changed) return changed.error();
  return Insert(member);
}

Result<void> SetType::InsertInteger(int64_t value) {
  const IntegerSetReader integers(state_.bytes());
  if (shm::IntegerWidth(value) > integers.width()) {
    return state_.Replace(CollectionEncoding::kIntegerSet, shm::WidenedWith(integers, value));
  }
  const uint32_t index = integers.LowerBound(value);
  auto bytes = state_.Resize(shm::IntegerSetBytes(integers.width(), integers.size() + 1));
  if (!bytes) return bytes.error();
  shm::InsertInteger(*bytes, index, value);
  return {};
}

Result<void> SetType::InsertPacked(std::string_view member) {
  std::string element;
  shm::AppendElement(member, &element);
  const PackedReader packed(state_.bytes());
  const PackedSplice splice{packed.end(), packed.end(), element, 1};
  auto bytes = state_.Resize(packed.bytes() + element.size());
  if (!bytes) return bytes.error();
  shm::ApplySplice(*bytes, splice);
  return {};
}

Result<void> SetType::ToPacked() {
  std::vector<std::string> members;
  ForEach([&](std::string_view member) { members.emplace_back(member); });
  const std::vector<std::string_view> views(members.begin(), members.end());
  return state_.Replace(CollectionEncoding::kPacked, MakePacked(views));
}

Result<void> SetType::ToTable() {
  std::vector<std::string> members;
  ForEach([&](std::string_view member) { members.emplace_back(member); });
  const std::vector<std::string_view> views(members.begin(), members.end());
  shm::ArenaMemory& memory = state_.keys().memory();
  HashTableHead head = MakeTable(memory, views);
  if (head.buckets == 0) return OutOfMemory();
  auto replaced = state_.Replace(CollectionEncoding::kTable, shm::TableHeadBytes(head));
  if (!replaced) (void)HashTable::FreeNodes(memory, &head, SIZE_MAX);
  return replaced;
}

// ---- Removing ----

bool SetType::Erase(std::string_view member) {
  if (state_.encoding() == CollectionEncoding::kTable) {
    HashTableHead head = LoadHead(state_.bytes());
    HashTable table(state_.keys().memory(), &head);
    const shm::TablePlace place = table.Find(member);
    if (!place.found) return false;
    (void)state_.Change();
    table.Erase(place);
    StoreHead(state_, head);
    return true;
  }
  if (state_.encoding() == CollectionEncoding::kIntegerSet) {
    const auto integer = ParseInteger(member);
    const IntegerSetReader integers(state_.bytes());
    if (!integer || !integers.Contains(*integer)) return false;
    const uint64_t bytes = shm::IntegerSetBytes(integers.width(), integers.size() - 1);
    shm::EraseInteger(state_.Change(), integers.LowerBound(*integer));
    CHECK(state_.Resize(bytes).ok());
    return true;
  }
  const PackedReader packed(state_.bytes());
  const uint32_t position = packed.Find(packed.First(), member, 0);
  if (position == 0) return false;
  shm::PackedElement element;
  CHECK(packed.Get(position, &element));
  const PackedSplice splice{position, element.next, {}, -1};
  const auto bytes = static_cast<uint64_t>(packed.bytes() + splice.size_change());
  shm::ApplySplice(state_.Change(), splice);
  CHECK(state_.Resize(bytes).ok());
  return true;
}

}  // namespace chestbox
