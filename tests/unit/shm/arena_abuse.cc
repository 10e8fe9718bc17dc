#include "arena_abuse.h"

#include <array>
#include <cstring>

#include "protocol/check.h"
#include "protocol/shm/read_set.h"

namespace chestbox::shm {

namespace {
constexpr uint64_t kHeapBytes = 512 << 10;
constexpr int kKeys = 900;
constexpr uint64_t kHashSeed = 42;  // of TestArena
}  // namespace

ArenaAbuse::ArenaAbuse() : arena_(kHeapBytes), store_(arena_), page_(std::make_unique<ClientPage>()) {
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key:" + std::to_string(i);
    const size_t bytes = i % 50 == 0 ? 1000 : static_cast<size_t>(i % 40);
    CHECK(store_.Put(static_cast<uint32_t>(i % 3 == 0), key, std::string(bytes, 'v'), i % 5 == 0 ? 1000000 : -1));
    if (i % 7 == 0) store_.SwapOut(static_cast<uint32_t>(i % 3 == 0), key);
    if (i % 11 == 0) keys_.push_back(key);
  }
  keys_.insert(keys_.end(), {"", "missing", std::string(5000, 'k')});
  store_.Finish();
  parts_.push_back({0, std::string(arena_.base(), 4096)});
  for (uint32_t database : {0, 1}) {
    parts_.push_back({DirectoryOffset(database), std::string(arena_.base() + DirectoryOffset(database), 4096)});
  }
  parts_.push_back({kHeapOffset, std::string(arena_.base() + kHeapOffset, kHeapBytes)});
  for (const Part& part : parts_) bytes_ += part.pristine.size();
}

char* ArenaAbuse::At(uint64_t position) {
  for (const Part& part : parts_) {
    if (position < part.pristine.size()) return arena_.base() + part.offset + position;
    position -= part.pristine.size();
  }
  return arena_.base() + arena_.view().mapped_bytes - 1;
}

void ArenaAbuse::Restore() {
  for (const Part& part : parts_) std::memcpy(arena_.base() + part.offset, part.pristine.data(), part.pristine.size());
}

// Every byte that a read has returned must be there to be read.
void ArenaAbuse::Touch(const char* data, size_t bytes) {
  const char* begin = arena_.base();
  CHECK(data >= begin && data + bytes <= begin + arena_.view().mapped_bytes);
  for (size_t i = 0; i < bytes; i += 512) touched_ += static_cast<unsigned char>(data[i]);
  if (bytes != 0) touched_ += static_cast<unsigned char>(data[bytes - 1]);
}

void ArenaAbuse::ReadEverything() {
  const auto now = [] { return int64_t{500}; };
  PinTable pins(page_.get());
  std::array<char, 2048> buffer;
  std::array<char, kInlineValueBytesMax> small;
  SetStorage storage{.bytes = {}, .used_bytes = 0, .bytes_max = 64 << 10};
  for (uint32_t database : {0, 1, 15}) {
    std::vector<SetMember> members;
    for (const std::string& key : keys_) {
      const uint64_t hash = HashKey(key, kHashSeed);
      size_t size = 0;
      ReadStamp stamp;
      if (ReadString(arena_.view(), database, key, hash, now, buffer, &size, &stamp) == ReadStatus::kFound) {
        CHECK(size <= buffer.size());
      }
      PinnedString view;
      if (PinString(arena_.view(), database, key, hash, now, pins, small.data(), &view) == ReadStatus::kFound) {
        if (view.pin == kNoPinSlot) {
          CHECK(view.data == small.data() && view.size <= small.size());
        } else {
          Touch(view.data, view.size);
          pins.Release(view.pin);
        }
      }
      SetMember member;
      member.key = key;
      member.hash = hash;
      members.push_back(member);
    }
    for (SetWants wants : {SetWants::kStrings, SetWants::kExistence}) {
      (void)ReadSet(arena_.view(), database, members, wants, now, &storage);
      CHECK(storage.bytes.size() <= storage.bytes_max);
    }
  }
}

}  // namespace chestbox::shm
