// Every limit of the RESP parsers and writers, each with its reason. A peer is never trusted: nothing is allocated by a
// length that a peer merely claims, and whatever a peer can make us hold has a bound here.
#pragma once

#include <cstddef>

namespace chestbox::resp {

// The longest inline command, and the longest header line ("*3", "$11") of a request. A line whose end is not among its
// first 64 KiB + 1 bytes is refused. Redis' own number: somebody typing into telnet needs no more.
inline constexpr size_t kInlineBytesMax = 64 * 1024;

// Arguments of one request. Redis accepted 1 Mi until 6.2 and accepts INT_MAX since 7.0; a slice is 16 bytes, so 1 Mi
// keeps what one connection can make the parser hold beyond its read buffer at 32 MiB.
inline constexpr size_t kArgsMax = 1024 * 1024;

// One argument, unless `proto-max-bulk-len` says otherwise: Redis' default, and the longest string that Redis stores.
inline constexpr size_t kBulkBytesMaxDefault = 512UL * 1024 * 1024;

// Before AUTH nobody may fill our memory: enough for HELLO 3 AUTH name password SETNAME name, and no more. Redis'
// numbers.
inline constexpr size_t kUnauthenticatedArgsMax = 10;
inline constexpr size_t kUnauthenticatedBulkBytesMax = 16 * 1024;

// From here on an argument is "big": a connection sizes its buffer for it exactly and reads no further than its end, so
// that 100 MB do not cost 200 MB. Redis' number.
inline constexpr size_t kBigBulkBytes = 32 * 1024;

// Slices that a parser keeps between requests (16 KiB); the vector of a request with more is given back after it.
inline constexpr size_t kKeptArgs = 1024;

// What a client-direction parser takes from a server. Depth: Redis nests about ten deep at most (COMMAND DOCS), scripts
// can do more; replies are freed recursively, so there is a bound. Elements are counted over the whole reply: each
// costs about 150 bytes of ours for as little as 3 of the peer's.
inline constexpr size_t kReplyDepthMax = 64;
inline constexpr size_t kReplyElementsMax = 16 * 1024 * 1024;
// All strings of one reply together: two of the longest.
inline constexpr size_t kReplyBytesMax = 1024UL * 1024 * 1024;
// A simple string, error or number. Errors quote their input, cut short; a script's error may quote a long line.
inline constexpr size_t kReplyLineBytesMax = 1024 * 1024;

}  // namespace chestbox::resp
