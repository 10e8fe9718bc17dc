// Walking over the keyspace: which keys a call of SCAN visits. The dispatcher asks beforehand (CommandSpec::walk), so
// that the names of states that are not in memory are there when the call runs (Client::walked_names); such states have
// no name in memory.
//
// A SCAN cursor is the bit-reversed position where the walk goes on: small at first, and 0 both begins and ends.
// Positions do not move when the index grows or shrinks, so that a walk misses nothing that was there all along.
//
// Executor thread only.
#pragma once

#include <cstdint>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

// The positions that a SCAN from `from_position` covers: buckets until `count` keys were met, in memory or not, and ten
// buckets a key at most.
KeyWalk PlanScan(Keyspace& keys, uint32_t database, uint64_t from_position, uint64_t count);

}  // namespace chestbox
