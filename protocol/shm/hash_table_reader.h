// The hash table of a large collection, its layout and its read side. Rows are fields with values (hash), members
// (set), or members with scores (sorted set).
//
// Linear hashing with packed leaves: buckets 0 .. n-1; a bucket is the link of one leaf (0: empty), a packed block
// (packed_rows.h) of eight to sixteen rows on average. With L = floor(log2(n)), a hash belongs to bucket
// hash % 2^(L+1), or to hash % 2^L if that is not there yet. Growing splits one bucket, shrinking merges one, so that
// nothing ever stalls. The directory is one chunk of links while there are at most kTableChunkLinks buckets, then a
// root of links to chunks of that many.
//
// Invariants
// - A row lies in the bucket of its key's hash, and a key is there once.
// - A bucket covers an interval of positions (bit-reversed hashes, layout.h), whatever splits and merges do: walking
//   buckets in the order of positions misses no row that is there all along. Scan cursors are reversed positions.
// - Elements larger than kInlineElementBytesMax lie in blocks of their own.
// - The head (HashTableHead) is the collection's value; it is stored unaligned, and read and written whole.
// - Versions: encoding.h. Everything read is bounds-checked; a torn table reads as something, in bounded time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "protocol/shm/layout.h"
#include "protocol/shm/nodes.h"
#include "protocol/shm/packed_rows.h"

namespace chestbox::shm {

inline constexpr uint32_t kTableChunkLinks = 1024;
// Larger elements have a block of their own, so that changing a leaf moves little.
inline constexpr uint32_t kInlineElementBytesMax = 512;

struct HashTableHead {
  uint64_t rows = 0;
  uint64_t bytes = 0;             // of the leaves' contents and of elements in blocks of their own
  uint64_t expiring_rows = 0;     // rows with an expiry
  int64_t expire_at_ms_min = -1;  // no row expires earlier, unless a sweep is under way; -1: none does
  Link directory = 0;             // the only chunk, or the root
  uint32_t buckets = 0;           // n, at least 1 while the table lives
  uint32_t directory_links = 0;   // room in the only chunk, or in the root
  uint32_t leaf_rows_max = 0;     // no leaf has more rows (an upper bound, for fair random choice)
  uint64_t external_elements = 0;
  uint32_t row_elements = 1;  // 2: a value or a score follows the key
  // The upper half of the position from which a sweep of expired rows goes on; 0: none is under way. During one
  // expire_at_ms_min speaks for the rows before that position, and for those that came since it began.
  uint32_t sweep = 0;

  // No row expires earlier; -1: none does.
  int64_t earliest_expiry_ms() const {
    if (expiring_rows == 0) return -1;
    return sweep != 0 ? 0 : expire_at_ms_min;
  }
};
static_assert(sizeof(HashTableHead) == 64);
static_assert(std::is_trivially_copyable_v<HashTableHead>);

inline bool LoadTableHead(std::string_view bytes, HashTableHead* head) {
  if (bytes.size() < sizeof *head) return false;
  std::memcpy(head, bytes.data(), sizeof *head);
  return head->buckets != 0 && (head->row_elements == 1 || head->row_elements == 2);
}
inline std::string_view TableHeadBytes(const HashTableHead& head) {
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

// How many low bits of a hash choose the bucket: bucket `b` holds the hashes that end in these bits of `b`.
constexpr uint32_t BucketDepth(uint32_t buckets, uint32_t bucket) {
  const auto level = static_cast<uint32_t>(std::bit_width(buckets)) - 1;
  const uint32_t split = buckets - (1U << level);
  const uint64_t full = uint64_t{1} << level;
  return bucket >= full || bucket < split ? level + 1 : level;
}
constexpr uint32_t BucketOf(uint32_t buckets, uint64_t hash) {
  const auto level = static_cast<uint32_t>(std::bit_width(buckets)) - 1;
  const uint64_t wide = hash & ((uint64_t{2} << level) - 1);
  return static_cast<uint32_t>(wide < buckets ? wide : hash & ((uint64_t{1} << level) - 1));
}
// The first position behind the bucket's interval that `position` lies in; 0: it was the last one.
constexpr uint64_t PositionAfterBucket(uint64_t position, uint32_t depth) {
  if (depth == 0) return 0;
  const uint64_t width = uint64_t{1} << (64 - depth);
  return (position & ~(width - 1)) + width;
}

enum class Looked : uint8_t {
  kFound,
  kMissing,
  kTorn,  // validation is going to fail, or there is too much to copy
};

template <class Nodes>
class HashTableReader {
 public:
  // `head` is the collection's value. `nodes` outlives this.
  HashTableReader(Nodes& nodes, std::string_view head) : nodes_(&nodes), valid_(LoadTableHead(head, &head_)) {}
  HashTableReader(Nodes& nodes, const HashTableHead& head) : nodes_(&nodes), head_(head), valid_(head.buckets != 0) {}

  bool valid() const { return valid_; }
  uint64_t rows() const { return head_.rows; }
  const HashTableHead& head() const { return head_; }

  // `hash` is HashKey(key, header.hash_seed). A found row's views are into its leaf (Nodes' life).
  Looked Find(std::string_view key, uint64_t hash, PackedRow* row) const {
    if (!valid_) return Looked::kTorn;
    std::string_view leaf;
    if (!LoadLeaf(BucketOf(head_.buckets, hash), &leaf)) return Looked::kTorn;
    if (leaf.empty()) return Looked::kMissing;
    const PackedReader block(leaf);
    uint32_t position = FindRow(*nodes_, block, head_.row_elements, expiries(), external(), key);
    if (position == 0) return block.valid() ? Looked::kMissing : Looked::kTorn;
    return TakeRow(block, &position, head_.row_elements, row) ? Looked::kFound : Looked::kTorn;
  }

  // Visits the rows of the bucket that `position` lies in; `*next` is where to go on, 0 after the last one. Start at 0.
  // visit(const PackedRow&). False: torn.
  template <class Visit>
  bool VisitPosition(uint64_t position, uint64_t* next, Visit&& visit) const {
    if (!valid_) return false;
    const uint32_t bucket = BucketOf(head_.buckets, ReverseBits(position));
    *next = PositionAfterBucket(position, BucketDepth(head_.buckets, bucket));
    std::string_view leaf;
    return LoadLeaf(bucket, &leaf) && VisitLeaf(leaf, visit);
  }

  // Visits all rows, bucket by bucket. visit(const PackedRow&) returns false to stop. False: torn.
  template <class Visit>
  bool ForEach(Visit&& visit) const {
    if (!valid_) return false;
    bool go_on = true;
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < head_.buckets && go_on; ++bucket) {
      std::string_view leaf;
      if (!LoadLeaf(bucket, &leaf)) return false;
      // More rows than the head counts: torn, and it must end.
      const auto visit_one = [&](const PackedRow& row) {
        if (go_on && ++seen <= head_.rows) go_on = visit(row);
      };
      if (!VisitLeaf(leaf, visit_one) || seen > head_.rows) return false;
    }
    return true;
  }

  // One row, each with the same probability. `random()` gives uniform uint64_t. kMissing: there is none.
  template <class Random>
  Looked RandomRow(Random&& random, PackedRow* row) const {
    if (!valid_) return Looked::kTorn;
    if (head_.rows == 0) return Looked::kMissing;
    const uint64_t rows_max = head_.leaf_rows_max == 0 ? 1 : head_.leaf_rows_max;
    for (int attempt = 0; attempt < kRandomAttemptsMax; ++attempt) {
      const auto bucket = static_cast<uint32_t>(random() % head_.buckets);
      std::string_view leaf;
      if (!LoadLeaf(bucket, &leaf)) return Looked::kTorn;
      if (leaf.empty()) continue;
      const PackedReader block(leaf);
      // A row index that the leaf does not have rejects the leaf, so that full leaves weigh more.
      const uint64_t index = random() % rows_max;
      if (index >= CountRows(block, head_.row_elements, expiries())) continue;
      uint32_t position = block.First();
      for (uint64_t i = 0;; ++i) {
        if (!TakeRow(block, &position, head_.row_elements, row)) return Looked::kTorn;
        if (i == index) return Looked::kFound;
      }
    }
    return Looked::kTorn;
  }

  // The bucket's leaf; an empty view if it has none. False: torn.
  bool LoadLeaf(uint32_t bucket, std::string_view* leaf) const {
    Link link = 0;
    if (!LoadBucket(bucket, &link)) return false;
    *leaf = {};
    if (link == 0) return true;
    uint64_t bytes = 0;
    const char* node = nodes_->Node(link, kPackedEmptyBytes, &bytes);
    if (node == nullptr) return false;
    *leaf = {node, bytes};
    return true;
  }

 private:
  // Empty leaves cost an attempt each; a table is never so thin that this many fail.
  static constexpr int kRandomAttemptsMax = 100'000;

  bool expiries() const { return head_.expiring_rows != 0; }
  bool external() const { return head_.external_elements != 0; }

  bool LoadBucket(uint32_t bucket, Link* link) const {
    Link chunk = head_.directory;
    if (head_.buckets > kTableChunkLinks && !LoadLink(head_.directory, bucket / kTableChunkLinks, &chunk)) return false;
    return LoadLink(chunk, bucket % kTableChunkLinks, link);
  }
  // Link number `index` of an array in a block: of a client's copy, only the granule around it.
  bool LoadLink(Link array, uint32_t index, Link* link) const {
    constexpr uint32_t kLinksPerGranule = kGranuleBytes / sizeof(Link);
    if (array == 0) return false;
    const char* granule = nodes_->Bytes(array + index / kLinksPerGranule, kGranuleBytes);
    if (granule == nullptr) return false;
    *link = RacyLoad32(granule + (index % kLinksPerGranule) * sizeof(Link));
    return true;
  }

  template <class Visit>
  bool VisitLeaf(std::string_view leaf, Visit&& visit) const {
    if (leaf.empty()) return true;
    const PackedReader block(leaf);
    PackedRow row;
    for (uint32_t position = block.First(); position != 0;) {
      if (!TakeRow(block, &position, head_.row_elements, &row)) return false;
      visit(static_cast<const PackedRow&>(row));
    }
    return block.valid();
  }

  Nodes* nodes_;
  HashTableHead head_;
  bool valid_;
};

}  // namespace chestbox::shm
