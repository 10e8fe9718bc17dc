// Copies of bytes that another process may be changing. The result means nothing until the version that covers the
// bytes was validated behind an acquire fence; then it is exact.
//
// Under TSan every byte is a relaxed atomic, so that TSan sees the protocol and not a false race. Otherwise this is a
// plain memcpy: the fences around it are compiler barriers too, a torn byte range is what validation is there to catch,
// and a loop of atomic words would only be slower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace chestbox::shm {

#if defined(__SANITIZE_THREAD__)
inline void RacyLoad(void* to, const void* from, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < bytes; ++i) out[i] = __atomic_load_n(in + i, __ATOMIC_RELAXED);
}
inline void RacyStore(void* to, const void* from, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < bytes; ++i) __atomic_store_n(out + i, in[i], __ATOMIC_RELAXED);
}
inline bool RacyEqual(const void* shared, std::string_view bytes) {
  const auto* in = static_cast<const unsigned char*>(shared);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (__atomic_load_n(in + i, __ATOMIC_RELAXED) != static_cast<unsigned char>(bytes[i])) return false;
  }
  return true;
}
inline void RacyFill(void* to, unsigned char byte, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < bytes; ++i) __atomic_store_n(out + i, byte, __ATOMIC_RELAXED);
}
// Within one block, by its writer; the two ranges may overlap.
inline void RacyMove(void* to, const void* from, size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  if (out <= in) {
    for (size_t i = 0; i < bytes; ++i) __atomic_store_n(out + i, in[i], __ATOMIC_RELAXED);
  } else {
    for (size_t i = bytes; i-- > 0;) __atomic_store_n(out + i, in[i], __ATOMIC_RELAXED);
  }
}
#else
// An empty buffer or key may have no address, which memcpy does not take even for 0 bytes.
inline void RacyLoad(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
inline void RacyStore(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
inline void RacyFill(void* to, unsigned char byte, size_t bytes) { std::memset(to, byte, bytes); }
// Within one block, by its writer; the two ranges may overlap.
inline void RacyMove(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memmove(to, from, bytes);
}
inline bool RacyEqual(const void* shared, std::string_view bytes) {
  return bytes.empty() || std::memcmp(shared, bytes.data(), bytes.size()) == 0;
}
#endif

// Single words of a block: aligned, never torn.
inline uint32_t RacyLoad32(const void* from) {
  return __atomic_load_n(static_cast<const uint32_t*>(from), __ATOMIC_RELAXED);
}
inline void RacyStore32(void* to, uint32_t value) {
  __atomic_store_n(static_cast<uint32_t*>(to), value, __ATOMIC_RELAXED);
}

// A hint to the processor between two attempts.
inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace chestbox::shm
