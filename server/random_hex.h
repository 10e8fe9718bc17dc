// Random identities: run_id, replication ids. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace chestbox {

uint64_t Random64();  // from the kernel
std::string RandomHex(size_t digits);

}  // namespace chestbox
