// Walks a counted B+tree in memory and checks everything that its header promises.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "protocol/shm/counted_tree.h"
#include "test_arena.h"

namespace chestbox::shm {

// Small ones, so that a few hundred rows make deep trees.
inline constexpr CountedRows kSmallListRows{
    .elements_per_row = 1, .leaf_bytes_max = 128, .inline_bytes_max = 40, .fanout = 5, .separator_of = nullptr};
inline constexpr CountedRows kSmallScoredRows{
    .elements_per_row = 2, .leaf_bytes_max = 160, .inline_bytes_max = 40, .fanout = 6, .separator_of = ScoredSeparator};

struct CheckedTree {
  std::vector<std::string> elements;  // of all rows, as text; scores as their 17 digits
  std::string fault;                  // empty: none
};

CheckedTree CheckTree(const TestArena& arena, const CountedRows& rows, const CountedTreeHead& head);

}  // namespace chestbox::shm
