// The hash of a key: XXH3 (64 bits) with the arena's random seed, so that nobody can choose keys that collide.
#pragma once

#include <cstdint>
#include <string_view>

namespace chestbox::shm {

uint64_t HashKey(std::string_view key, uint64_t seed);

}  // namespace chestbox::shm
