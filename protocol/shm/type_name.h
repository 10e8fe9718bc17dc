// What TYPE calls a type, on either side.
#pragma once

#include <string_view>

#include "protocol/shm/layout.h"

namespace chestbox::shm {

constexpr std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return "string";
    case ValueType::kList:
      return "list";
    case ValueType::kSet:
      return "set";
    case ValueType::kSortedSet:
      return "zset";
    case ValueType::kHash:
      return "hash";
    case ValueType::kStream:
      return "stream";
  }
  return {};  // of a type that this version does not know
}

}  // namespace chestbox::shm
