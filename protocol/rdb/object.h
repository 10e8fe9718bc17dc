// Objects in the RDB format: what DUMP and RESTORE carry (dump.h adds the footer) and what swap stores. A payload is a
// type byte and the object of that type. https://rdb.fnordig.de/file_format.html; the types since 2020 after what
// redis-server 7.0 to 7.4 writes.
//
// Decoding turns every encoding, up to RDB version 12, into one neutral form that an ObjectSink is told piece by piece.
//
// Invariants
// - Everything is checked before it is told: lengths, the insides of listpacks, ziplists, zipmaps, integer sets and
// stream
//   nodes, and that nothing is left over. What the payload says about counts never sizes an allocation.
// - Left to the sink: members of a set, hash or sorted set that come twice (the decoder looks for them only in what it
//   offers whole), because whoever builds finds them for nothing.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/stream_id.h"

namespace chestbox::rdb {

enum class ObjectType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSetText = 3,  // scores as text
  kHash = 4,
  kSortedSet = 5,  // scores as 8 bytes
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntegers = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,  // of ziplists
  kStream1 = 15,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kListQuicklist2 = 18,  // of listpacks and plain elements
  kStream2 = 19,         // since 7.0
  kSetListpack = 20,
  kStream3 = 21,          // since 7.2
  kHashExpiring0 = 22,    // fields with expiry, before the release of 7.4
  kHashListpackEx0 = 23,  // the same
  kHashExpiring = 24,
  kHashListpackEx = 25,
};

enum class ObjectKind : uint8_t { kString, kList, kSet, kSortedSet, kHash, kStream };

inline constexpr int64_t kFieldNeverExpires = -1;
// Redis keeps 46 bits of a field's expiry.
inline constexpr int64_t kFieldExpiryMax = (int64_t{1} << 46) - 1;

struct StreamInfo {
  uint64_t length = 0;  // entries that are not deleted
  StreamId last_id;
  StreamId first_id;
  StreamId max_deleted_id;
  uint64_t entries_added = 0;
};

struct StreamConsumer {
  std::string name;
  int64_t seen_ms = 0;
  int64_t active_ms = 0;  // -1: never
};

struct StreamPending {
  StreamId id;
  int64_t delivered_ms = 0;
  uint64_t deliveries = 0;
  uint32_t consumer = 0;  // position in the group's consumers
};

struct StreamGroup {
  std::string name;
  StreamId last_id;
  int64_t entries_read = -1;  // -1: not known
  std::vector<StreamConsumer> consumers;
  std::vector<StreamPending> pending;  // by id
};

// Who is told. False from any call ends the decoding; the sink knows why. Views are valid within the call.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;

  // First; exactly once.
  virtual bool Begin(ObjectKind kind) = 0;
  virtual bool String(std::string_view value) = 0;
  virtual bool ListElement(std::string_view element) = 0;
  virtual bool SetMember(std::string_view member) = 0;
  virtual bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) = 0;
  virtual bool SortedSetMember(std::string_view member, double score) = 0;  // never NaN

  // A stream: its nodes in order (sound listpacks of Redis' layout, entries in order), then
  // the rest. `entries`: those not deleted.
  virtual bool StreamNode(const StreamId& master_id, std::string_view listpack, uint32_t entries) = 0;
  virtual bool StreamEnd(const StreamInfo& info) = 0;
  virtual bool Group(const StreamGroup& group) = 0;

  // Offers, instead of single elements: the whole collection as one sound listpack (a list's elements, a set's members,
  // a hash's fields and values; of a sorted set members and scores, in order), or as one sound integer set in Redis'
  // layout. No member is there twice. True: taken; else the elements follow one by one.
  virtual bool TakePacked(ObjectKind, std::string_view /*listpack*/, uint32_t /*elements*/) { return false; }
  virtual bool TakeIntegers(std::string_view /*integer_set*/) { return false; }
};

// Where a payload comes from. One of our own is checked as far as no damage could do harm; what is offered whole is
// then not searched for members that come twice or out of order.
enum class Trust : uint8_t { kForeign, kOwn };

// False: bad data, or the sink said so.
[[nodiscard]] bool DecodeObject(std::string_view payload, Trust trust, ObjectSink& sink);

}  // namespace chestbox::rdb
