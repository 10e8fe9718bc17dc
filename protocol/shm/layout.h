// The arena as bytes: what a server writes and every co-located client maps. Both sides compile this file; a change of
// anything here raises kLayoutVersion, and an attach with another version falls back to the socket.
//
// Invariants
// - Position independent: a link is a 32-bit number of a 16-byte granule from the arena's start; 0 is "nothing"
// (granule 0
//   is the header). No pointer is ever stored.
// - One writer (the server's executor thread). Readers map it read-only and validate everything (index_reader.h).
// - The file never shrinks; `file_bytes` bounds every link, so a torn link costs a retry and never a SIGBUS.
// - Granules that were never allocated, or were given back with PUNCH_HOLE, read as zeros.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace chestbox::shm {

using Link = uint32_t;

inline constexpr uint64_t kMagic = 0x3130'584f'4254'5343;  // "CSTBOX01"
inline constexpr uint32_t kLayoutVersion = 4;

inline constexpr uint64_t kGranuleBytes = 16;
// What 32-bit links reach. A larger maxmemory is refused.
inline constexpr uint64_t kReachBytes = kGranuleBytes << 32;

// The logical-to-physical map is one 8-byte word of 4-bit numbers, hence 16 databases.
inline constexpr uint32_t kDatabases = 16;

// A segment is one 4 KiB page: small enough that a split moves a few hundred entries (tens of microseconds).
inline constexpr uint32_t kEntriesPerBucket = 7;
inline constexpr uint32_t kBucketBits = 6;
inline constexpr uint32_t kBucketsPerSegment = 1U << kBucketBits;
// 2^24 segments hold about four thousand million keys. Depth and bucket bits together stay within the 32 hash bits that
// a swapped-out entry keeps, so that such an entry can be split without its key.
inline constexpr uint32_t kDirectoryDepthMax = 24;
static_assert(kDirectoryDepthMax + kBucketBits <= 32);

// A bucket chain longer than this is not followed by a reader, which asks the server instead: the bound that makes a
// torn cycle harmless. The writer may go on: keys of one hash cannot be separated by splitting.
inline constexpr uint32_t kReaderChainMax = 64;

// Values up to this size lie beside their key, are copied by readers and never pinned. Larger ones have a block of
// their own, aligned for any scalar, which a view may pin.
inline constexpr uint32_t kInlineValueBytesMax = 256;

// One cache line. Chained overflow buckets hang under the home bucket's version; their own version is unused.
struct alignas(64) Bucket {
  std::atomic<uint64_t> version;  // odd while a change is under way
  std::atomic<uint64_t> entries[kEntriesPerBucket];
};
static_assert(sizeof(Bucket) == 64);

struct Segment {
  Bucket buckets[kBucketsPerSegment];
};
static_assert(sizeof(Segment) == 4096);

// One physical database's index: extendible hashing on the low bits of the hash. Directory slot i holds the link of the
// segment for hashes that end in i, with the segment's local depth in the link's low 8 bits (a segment is 4 KiB
// aligned). A hash with local depth d lies in bucket (hash >> d) % 64, so that walking buckets in the order of the
// bit-reversed hash (a "position") is stable under splits: SCAN cursors and the swap store's key order are positions.
struct alignas(64) IndexHeader {
  std::atomic<uint64_t> epoch;     // odd during a split, merge, directory change, FLUSH or swap
  std::atomic<uint32_t> depth;     // global depth; the directory has 2^depth slots
  std::atomic<uint32_t> complete;  // 1: a key that is not here does not exist. 0: the server must be asked
};

// Where directory `database` begins. All are reserved, sparse, and committed as they grow.
inline constexpr uint64_t kDirectoryBytes = sizeof(Link) << kDirectoryDepthMax;
inline constexpr uint64_t kDirectoriesOffset = 1 << 16;
inline constexpr uint64_t kHeapOffset = kDirectoriesOffset + kDatabases * kDirectoryBytes;
constexpr uint64_t DirectoryOffset(uint32_t database) { return kDirectoriesOffset + database * kDirectoryBytes; }

struct ArenaHeader {
  // Written once, before the first client.
  uint64_t magic;
  uint32_t layout_version;
  uint32_t reserved;
  uint64_t arena_id;   // random; tells two runs of a server apart
  uint64_t hash_seed;  // HashKey's seed

  // The hot line: read by every local read, written rarely (the clock once a millisecond at most).
  alignas(64) std::atomic<uint64_t> database_map;  // nibble i: the physical database behind logical database i
  std::atomic<uint64_t> file_bytes;                // readers bound every link by this
  std::atomic<int64_t> clock_ms;  // promise: no later command evaluates expiry at an earlier time (Unix ms)
  std::atomic<uint32_t>
      acl_epoch;  // raised when read rights change; a client that sees it change asks the server again
  std::atomic<uint32_t> reads_paused;  // 1: CLIENT PAUSE ALL, reads have to ask the server, which puts them off

  // 1 while the executor sleeps in epoll, or is about to: who has put bytes into a ring then rings the server's bell,
  // too (channel.h). Of a line of its own, since it changes with every sleep.
  alignas(64) std::atomic<uint32_t> executor_sleeps;
  std::atomic<uint32_t> channel_spin_us;  // how long a client of a channel looks for bytes before it sleeps

  // A robust, process-shared pthread mutex that the executor holds for life; its first word is a futex word that the
  // kernel marks FUTEX_OWNER_DIED whatever the cause of death. Readers look at that word only (server_liveness.h).
  alignas(64) std::byte executor_mutex[64];

  IndexHeader indexes[kDatabases];
};
static_assert(sizeof(ArenaHeader) <= 4096);

// ---- Entries: one 8-byte word, always loaded and stored whole ----
//   bits  0..31  live: link of the key block. Swapped out: hash bits 0..31 (keyless). Overflow: link of the next bucket
//   bits 32..47  hash bits 32..47
//   bits 48..51  type of the value (ValueType)
//   bits 56..63  flags
inline constexpr uint64_t kEntryLive = 1ULL << 63;
inline constexpr uint64_t kEntrySwapped = 1ULL << 62;
inline constexpr uint64_t kEntryExpires = 1ULL << 61;   // live: the block holds an expiry. Swapped: its record does
inline constexpr uint64_t kEntryMutable = 1ULL << 60;   // its value block is changed in place: copy it, never pin it
inline constexpr uint64_t kEntryExternal = 1ULL << 59;  // the value block is outside of the key block
inline constexpr uint64_t kEntryStored = 1ULL << 58;    // the swap store holds a record of this key (perhaps stale)
inline constexpr uint64_t kEntryClean = 1ULL << 57;     // … and that record equals the state
inline constexpr uint64_t kEntryOverflow = 1ULL << 56;  // in the last slot only: the chain goes on

enum class ValueType : uint8_t { kString = 0, kList = 1, kSet = 2, kSortedSet = 3, kHash = 4, kStream = 6 };

constexpr Link EntryLink(uint64_t entry) { return static_cast<Link>(entry); }
constexpr uint64_t EntryTag(uint64_t hash) { return hash & 0x0000'ffff'0000'0000; }
constexpr ValueType EntryType(uint64_t entry) { return static_cast<ValueType>((entry >> 48) & 0xf); }
constexpr uint64_t EntryTypeBits(ValueType type) { return static_cast<uint64_t>(type) << 48; }
constexpr bool EntryHasTagOf(uint64_t entry, uint64_t hash) { return ((entry ^ hash) & 0x0000'ffff'0000'0000) == 0; }
// The 48 hash bits that a swapped-out entry keeps.
constexpr uint64_t SwappedHash(uint64_t entry) { return entry & 0x0000'ffff'ffff'ffff; }
constexpr bool SwappedMatches(uint64_t entry, uint64_t hash) { return ((entry ^ hash) & 0x0000'ffff'ffff'ffff) == 0; }

constexpr uint32_t SegmentDepth(Link slot) { return slot & 0xff; }
constexpr Link SegmentLink(Link slot) { return slot & ~Link{0xff}; }
constexpr uint32_t BucketIndex(uint64_t hash, uint32_t depth) { return (hash >> depth) & (kBucketsPerSegment - 1); }

// The order of SCAN and of the swap store: bits reversed, so that a segment and a bucket are contiguous ranges.
constexpr uint64_t ReverseBits(uint64_t v) {
  v = __builtin_bswap64(v);
  v = ((v >> 4) & 0x0f0f'0f0f'0f0f'0f0f) | ((v & 0x0f0f'0f0f'0f0f'0f0f) << 4);
  v = ((v >> 2) & 0x3333'3333'3333'3333) | ((v & 0x3333'3333'3333'3333) << 2);
  return ((v >> 1) & 0x5555'5555'5555'5555) | ((v & 0x5555'5555'5555'5555) << 1);
}
constexpr uint64_t PositionOf(uint64_t hash) { return ReverseBits(hash); }

constexpr uint32_t PhysicalDatabase(uint64_t map, uint32_t logical) { return (map >> (4 * logical)) & 0xf; }

}  // namespace chestbox::shm
