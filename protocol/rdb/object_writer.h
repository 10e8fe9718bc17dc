// Writes objects as redis-server 7.0 restores them. A caller writes a type byte and then the parts of that type:
//   kString               one string
//   kList…Quicklist2      ListWriter
//   kSet                  count, members
//   kHash                 count, fields and values
//   kSortedSet            count, members and their scores
//   kHashExpiring         milliseconds of the earliest expiry, count, and for each field its expiry
//   (AppendFieldExpiry), itself
//                         and its value. Of Redis 7.4: 7.0 has no such hashes
//   kSetIntegers, kHashListpack, kSortedSetListpack   one blob
//   kStream2, kStream3    stream_codec.h
// with AppendLength of length_codec.h for counts and AppendString of string_codec.h for strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/rdb/object.h"

namespace chestbox::rdb {

void AppendType(ObjectType type, std::string& out);
// A string that is never written as an integer: listpacks and the like.
void AppendBlob(std::string_view bytes, std::string& out);
void AppendScore(double score, std::string& out);
void AppendMilliseconds(int64_t ms, std::string& out);
// `earliest_ms`: what the hash began with.
void AppendFieldExpiry(int64_t expire_at_ms, int64_t earliest_ms, std::string& out);

// What stands before the listpack of a list that is only one.
void AppendListOfOne(std::string& out);

// A list, element by element: listpacks of about 8 KiB, and plain nodes for large elements.
class ListWriter {
 public:
  void Element(std::string_view element);
  // The whole object, type byte included.
  void Finish(std::string& out);
  // Room for so many bytes, if the caller knows.
  void Reserve(size_t bytes) { nodes_.reserve(bytes); }
  size_t bytes() const { return nodes_.size(); }

 private:
  void EndListpack();

  std::string elements_;  // of the listpack that is being filled
  uint32_t count_ = 0;
  std::string nodes_;
  uint64_t nodes_count_ = 0;
};

}  // namespace chestbox::rdb
