// DecodeObject: lists, sets, sorted sets and hashes; streams are in stream_codec.cc.
#include <algorithm>
#include <cmath>

#include "protocol/rdb/object.h"
#include "protocol/rdb/payload_reader.h"
#include "protocol/rdb/stream_codec.h"
#include "protocol/rdb/ziplist.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::rdb {
namespace {

constexpr uint64_t kPlainNode = 1;
constexpr uint64_t kPackedNode = 2;

// ---- Listpacks, ziplists and zipmaps, element by element ----

enum class PackedFormat { kListpack, kZiplist, kZipmap };

// A listpack that is sound and takes all of `blob`.
bool IsSoundListpack(std::string_view blob, uint32_t* elements) {
  const shm::PackedReader block(blob);
  return block.bytes() == blob.size() && block.IsSound(elements);
}

bool VisitListpack(std::string_view blob, const ElementVisitor& visit) {
  const shm::PackedReader block(blob);
  uint32_t at = block.First();
  shm::PackedElement element;
  char digits[shm::kIntegerTextBytesMax];
  while (at != 0) {
    if (!block.Take(&at, &element) || !visit(TextOf(element, digits))) return false;
  }
  return true;
}

bool VisitPacked(PackedFormat format, std::string_view blob, const ElementVisitor& visit) {
  switch (format) {
    case PackedFormat::kZiplist:
      return VisitZiplist(blob, visit);
    case PackedFormat::kZipmap:
      return VisitZipmap(blob, visit);
    case PackedFormat::kListpack:
      break;
  }
  uint32_t elements = 0;
  return IsSoundListpack(blob, &elements) && VisitListpack(blob, visit);
}

// Gives elements in groups of `size`. False: one was left over, or the visitor said so.
template <class Visit>
bool VisitGroups(PackedFormat format, std::string_view blob, size_t size, const Visit& visit) {
  std::string group[3];
  size_t filled = 0;
  const bool sound = VisitPacked(format, blob, [&](std::string_view element) {
    group[filled++] = element;
    if (filled < size) return true;
    filled = 0;
    return visit(group[0], group[1], group[2]);
  });
  return sound && filled == 0;
}

// Whether the first elements of all groups of `size` differ. For listpacks small enough to be taken whole.
bool AllDiffer(std::string_view listpack, uint32_t elements, uint32_t size) {
  std::vector<std::string> names;
  names.reserve(elements / size);
  uint32_t number = 0;
  const bool walked = VisitListpack(listpack, [&](std::string_view element) {
    if (number++ % size == 0) names.emplace_back(element);
    return true;
  });
  std::sort(names.begin(), names.end());
  return walked && std::adjacent_find(names.begin(), names.end()) == names.end();
}

// Scores that are numbers, ascending; equal ones by member.
bool IsSortedByScore(std::string_view listpack) {
  bool first = true;
  double previous = 0;
  std::string previous_member;
  return VisitGroups(PackedFormat::kListpack, listpack, 2,
                     [&](const std::string& member, const std::string& text, const std::string&) {
                       double score = 0;
                       if (!ParseScore(text, &score)) return false;
                       const bool sorted = first || previous < score || (previous == score && previous_member < member);
                       first = false;
                       previous = score;
                       previous_member = member;
                       return sorted;
                     });
}

// Larger listpacks are not worth the question: no collection is kept in one.
constexpr uint32_t kOfferedElementsMax = 1 << 16;

bool Offer(ObjectKind kind, std::string_view listpack, const PayloadReader& in, ObjectSink& sink) {
  uint32_t elements = 0;
  if (!IsSoundListpack(listpack, &elements) || elements == 0 || elements > kOfferedElementsMax) return false;
  const uint32_t size = kind == ObjectKind::kHash || kind == ObjectKind::kSortedSet ? 2 : 1;
  if (elements % size != 0) return false;
  if (kind == ObjectKind::kSortedSet && !IsSortedByScore(listpack)) return false;
  if (kind != ObjectKind::kList && !in.is_own() && !AllDiffer(listpack, elements, size)) return false;
  return sink.TakePacked(kind, listpack, elements);
}

// ---- Packed objects ----

bool TellList(PackedFormat format, std::string_view blob, uint64_t* elements, ObjectSink& sink) {
  return VisitPacked(format, blob, [&](std::string_view element) {
    ++*elements;
    return sink.ListElement(element);
  });
}

bool TellSortedSet(PackedFormat format, std::string_view blob, uint64_t* elements, ObjectSink& sink) {
  return VisitGroups(format, blob, 2, [&](const std::string& member, const std::string& text, const std::string&) {
    double score = 0;
    ++*elements;
    return ParseScore(text, &score) && sink.SortedSetMember(member, score);
  });
}

bool TellHash(PackedFormat format, std::string_view blob, uint64_t* elements, ObjectSink& sink) {
  return VisitGroups(format, blob, 2, [&](const std::string& field, const std::string& value, const std::string&) {
    ++*elements;
    return sink.HashField(field, value, kFieldNeverExpires);
  });
}

bool TellSet(std::string_view listpack, uint64_t* elements, ObjectSink& sink) {
  return VisitPacked(PackedFormat::kListpack, listpack, [&](std::string_view member) {
    ++*elements;
    return sink.SetMember(member);
  });
}

// An object that is one packed block.
bool DecodePacked(ObjectKind kind, PackedFormat format, PayloadReader& in, ObjectSink& sink) {
  StringPart blob;
  if (!in.String(&blob) || !in.done() || !sink.Begin(kind)) return false;
  if (format == PackedFormat::kListpack && Offer(kind, blob.view(), in, sink)) return true;
  uint64_t elements = 0;
  bool sound = false;
  switch (kind) {
    case ObjectKind::kList:
      sound = TellList(format, blob.view(), &elements, sink);
      break;
    case ObjectKind::kHash:
      sound = TellHash(format, blob.view(), &elements, sink);
      break;
    case ObjectKind::kSortedSet:
      sound = TellSortedSet(format, blob.view(), &elements, sink);
      break;
    default:
      sound = TellSet(blob.view(), &elements, sink);
      break;
  }
  return sound && elements != 0;  // an empty collection is no state
}

bool DecodeIntegers(PayloadReader& in, ObjectSink& sink) {
  StringPart blob;
  if (!in.String(&blob) || !in.done() || !sink.Begin(ObjectKind::kSet)) return false;
  if (!shm::IsSoundIntegerSet(blob.view())) return false;
  if (sink.TakeIntegers(blob.view())) return true;
  const shm::IntegerSetReader set(blob.view());
  for (uint32_t i = 0; i < set.size(); ++i) {
    if (!sink.SetMember(std::to_string(set.At(i)))) return false;
  }
  return true;
}

// Field, value, expiry (0: never) in one listpack; the release of 7.4 writes the earliest expiry before it.
bool DecodeListpackEx(bool has_earliest, PayloadReader& in, ObjectSink& sink) {
  int64_t earliest_ms = 0;
  if (has_earliest && !in.Milliseconds(&earliest_ms)) return false;
  StringPart blob;
  if (!in.String(&blob) || !in.done() || !sink.Begin(ObjectKind::kHash)) return false;
  uint64_t elements = 0;
  const bool sound = VisitGroups(
      PackedFormat::kListpack, blob.view(), 3,
      [&](const std::string& field, const std::string& value, const std::string& expiry) {
        double ms = 0;
        ++elements;
        if (!ParseScore(expiry, &ms) || ms < 0 || ms > static_cast<double>(kFieldExpiryMax) || ms != std::floor(ms))
          return false;
        return sink.HashField(field, value, ms == 0 ? kFieldNeverExpires : static_cast<int64_t>(ms));
      });
  return sound && elements != 0;
}

// ---- Objects of single strings ----

bool DecodeString(PayloadReader& in, ObjectSink& sink) {
  StringPart value;
  return in.String(&value) && in.done() && sink.Begin(ObjectKind::kString) && sink.String(value.view());
}

bool DecodeList(PayloadReader& in, ObjectSink& sink) {
  uint64_t count = 0;
  if (!sink.Begin(ObjectKind::kList) || !in.Count(1, &count) || count == 0) return false;
  for (; count > 0; --count) {
    StringPart element;
    if (!in.String(&element) || !sink.ListElement(element.view())) return false;
  }
  return in.done();
}

bool DecodeQuicklist(bool has_containers, PayloadReader& in, ObjectSink& sink) {
  uint64_t nodes = 0;
  if (!sink.Begin(ObjectKind::kList) || !in.Count(1, &nodes) || nodes == 0) return false;
  const bool single = nodes == 1;
  uint64_t elements = 0;
  for (; nodes > 0; --nodes) {
    uint64_t container = kPackedNode;
    StringPart node;
    if (has_containers && !in.Length(&container)) return false;
    if (!in.String(&node)) return false;
    if (container == kPlainNode) {
      ++elements;
      if (!sink.ListElement(node.view())) return false;
    } else if (container == kPackedNode) {
      const PackedFormat format = has_containers ? PackedFormat::kListpack : PackedFormat::kZiplist;
      if (single && has_containers && in.done() && Offer(ObjectKind::kList, node.view(), in, sink)) return true;
      if (!TellList(format, node.view(), &elements, sink)) return false;
    } else {
      return false;
    }
  }
  return in.done() && elements != 0;
}

bool DecodeSet(PayloadReader& in, ObjectSink& sink) {
  uint64_t count = 0;
  if (!sink.Begin(ObjectKind::kSet) || !in.Count(1, &count) || count == 0) return false;
  for (; count > 0; --count) {
    StringPart member;
    if (!in.String(&member) || !sink.SetMember(member.view())) return false;
  }
  return in.done();
}

bool DecodeSortedSet(bool scores_are_text, PayloadReader& in, ObjectSink& sink) {
  uint64_t count = 0;
  if (!sink.Begin(ObjectKind::kSortedSet) || !in.Count(2, &count) || count == 0) return false;
  for (; count > 0; --count) {
    StringPart member;
    double score = 0;
    if (!in.String(&member) || !(scores_are_text ? in.TextDouble(&score) : in.Double(&score))) return false;
    if (std::isnan(score) || !sink.SortedSetMember(member.view(), score)) return false;
  }
  return in.done();
}

bool DecodeHash(PayloadReader& in, ObjectSink& sink) {
  uint64_t count = 0;
  if (!sink.Begin(ObjectKind::kHash) || !in.Count(2, &count) || count == 0) return false;
  for (; count > 0; --count) {
    StringPart field;
    StringPart value;
    if (!in.String(&field) || !in.String(&value)) return false;
    if (!sink.HashField(field.view(), value.view(), kFieldNeverExpires)) return false;
  }
  return in.done();
}

// Each field after its expiry: 0 for never, else the time itself, or, once 7.4 was released, one more than the time
// since the earliest.
bool DecodeExpiringHash(bool has_earliest, PayloadReader& in, ObjectSink& sink) {
  int64_t earliest_ms = 0;
  uint64_t count = 0;
  if (!sink.Begin(ObjectKind::kHash) || (has_earliest && !in.Milliseconds(&earliest_ms))) return false;
  if (earliest_ms < 0 || earliest_ms > kFieldExpiryMax || !in.Count(3, &count) || count == 0) return false;
  for (; count > 0; --count) {
    uint64_t expiry = 0;
    StringPart field;
    StringPart value;
    if (!in.Length(&expiry) || expiry > kFieldExpiryMax || !in.String(&field) || !in.String(&value)) return false;
    int64_t expire_at_ms = kFieldNeverExpires;
    if (expiry != 0) expire_at_ms = static_cast<int64_t>(expiry) + (has_earliest ? earliest_ms - 1 : 0);
    if (expire_at_ms > kFieldExpiryMax || !sink.HashField(field.view(), value.view(), expire_at_ms)) return false;
  }
  return in.done();
}

bool DecodeBody(ObjectType type, PayloadReader& in, ObjectSink& sink) {
  switch (type) {
    case ObjectType::kString:
      return DecodeString(in, sink);
    case ObjectType::kList:
      return DecodeList(in, sink);
    case ObjectType::kSet:
      return DecodeSet(in, sink);
    case ObjectType::kSortedSetText:
    case ObjectType::kSortedSet:
      return DecodeSortedSet(type == ObjectType::kSortedSetText, in, sink);
    case ObjectType::kHash:
      return DecodeHash(in, sink);
    case ObjectType::kHashZipmap:
      return DecodePacked(ObjectKind::kHash, PackedFormat::kZipmap, in, sink);
    case ObjectType::kListZiplist:
      return DecodePacked(ObjectKind::kList, PackedFormat::kZiplist, in, sink);
    case ObjectType::kSetIntegers:
      return DecodeIntegers(in, sink);
    case ObjectType::kSortedSetZiplist:
      return DecodePacked(ObjectKind::kSortedSet, PackedFormat::kZiplist, in, sink);
    case ObjectType::kHashZiplist:
      return DecodePacked(ObjectKind::kHash, PackedFormat::kZiplist, in, sink);
    case ObjectType::kListQuicklist:
    case ObjectType::kListQuicklist2:
      return DecodeQuicklist(type == ObjectType::kListQuicklist2, in, sink);
    case ObjectType::kStream1:
    case ObjectType::kStream2:
    case ObjectType::kStream3:
      return DecodeStream(type, in, sink) && in.done();
    case ObjectType::kHashListpack:
      return DecodePacked(ObjectKind::kHash, PackedFormat::kListpack, in, sink);
    case ObjectType::kSortedSetListpack:
      return DecodePacked(ObjectKind::kSortedSet, PackedFormat::kListpack, in, sink);
    case ObjectType::kSetListpack:
      return DecodePacked(ObjectKind::kSet, PackedFormat::kListpack, in, sink);
    case ObjectType::kHashExpiring0:
    case ObjectType::kHashExpiring:
      return DecodeExpiringHash(type == ObjectType::kHashExpiring, in, sink);
    case ObjectType::kHashListpackEx0:
    case ObjectType::kHashListpackEx:
      return DecodeListpackEx(type == ObjectType::kHashListpackEx, in, sink);
  }
  return false;  // modules' types, and what came later
}

}  // namespace

bool DecodeObject(std::string_view payload, Trust trust, ObjectSink& sink) {
  PayloadReader in(payload, trust);
  uint8_t type = 0;
  return in.Byte(&type) && DecodeBody(static_cast<ObjectType>(type), in, sink);
}

}  // namespace chestbox::rdb
