// SHA-1 (FIPS 180-4), for DEBUG DIGEST and other places where Redis uses it as a fingerprint. Not for security. Pure.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace chestbox {

using Sha1Digest = std::array<unsigned char, 20>;

inline void Sha1Block(const unsigned char* block, std::array<uint32_t, 5>* state) {
  uint32_t words[80];
  for (size_t i = 0; i < 16; ++i) {
    words[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 | uint32_t{block[4 * i + 2]} << 8 |
               uint32_t{block[4 * i + 3]};
  }
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = *state;
  for (size_t i = 0; i < 80; ++i) {
    uint32_t mixed = 0;
    if (i < 20) {
      mixed = ((b & c) | (~b & d)) + 0x5a827999;
    } else if (i < 40) {
      mixed = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (i < 60) {
      mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    } else {
      mixed = (b ^ c ^ d) + 0xca62c1d6;
    }
    const uint32_t next = std::rotl(a, 5) + mixed + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  (*state)[0] += a;
  (*state)[1] += b;
  (*state)[2] += c;
  (*state)[3] += d;
  (*state)[4] += e;
}

inline Sha1Digest Sha1(std::string_view bytes) {
  std::array<uint32_t, 5> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  while (bytes.size() >= 64) {
    Sha1Block(reinterpret_cast<const unsigned char*>(bytes.data()), &state);
    bytes.remove_prefix(64);
  }
  unsigned char tail[128] = {};
  if (!bytes.empty()) std::memcpy(tail, bytes.data(), bytes.size());
  tail[bytes.size()] = 0x80;
  const size_t tail_bytes = bytes.size() < 56 ? 64 : 128;
  for (size_t i = 0; i < 8; ++i) tail[tail_bytes - 1 - i] = static_cast<unsigned char>(bits >> (8 * i));
  Sha1Block(tail, &state);
  if (tail_bytes == 128) Sha1Block(tail + 64, &state);
  Sha1Digest digest;
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<unsigned char>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

// 40 hex digits, in lower case.
inline void FormatSha1(const Sha1Digest& digest, char* digits) {
  for (unsigned char byte : digest) {
    *digits++ = "0123456789abcdef"[byte >> 4];
    *digits++ = "0123456789abcdef"[byte & 15];
  }
}
inline std::string Sha1Hex(std::string_view bytes) {
  std::string digits(40, '0');
  FormatSha1(Sha1(bytes), digits.data());
  return digits;
}

}  // namespace chestbox
