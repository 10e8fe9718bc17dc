// What is in chestbox_view::pin: how a view is to be released. Pure.
#pragma once

#include <cstdint>

namespace chestbox::shmclient {

enum class ViewKind : uint8_t {
  kNone = 0,    // empty, or released
  kPinned = 1,  // in shared memory: attachment and slot
  kSmall = 2,   // in a small buffer: its number
  kOwned = 3,   // in memory from malloc
};

// Attachments are counted with 30 bits: one a microsecond lasts for eighteen minutes, and reconnecting takes far
// longer.
inline constexpr uint32_t kAttachmentNumberMax = (1U << 30) - 1;

constexpr uint64_t MakePin(ViewKind kind, uint32_t number = 0, uint32_t attachment = 0) {
  return (static_cast<uint64_t>(kind) << 62) | (uint64_t{attachment} << 32) | number;
}
constexpr ViewKind PinKind(uint64_t pin) { return static_cast<ViewKind>(pin >> 62); }
constexpr uint32_t PinNumber(uint64_t pin) { return static_cast<uint32_t>(pin); }
constexpr uint32_t PinAttachment(uint64_t pin) { return static_cast<uint32_t>(pin >> 32) & kAttachmentNumberMax; }

}  // namespace chestbox::shmclient
