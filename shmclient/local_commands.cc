#include "shmclient/local_commands.h"

#include <time.h>

#include <algorithm>
#include <memory>

namespace chestbox::shmclient {

namespace {

constexpr size_t kNameBytesMax = 32;
constexpr size_t kSlots = 256;  // several times the number of commands
// Replies larger than this are the server's to stream.
constexpr size_t kValuesBytesMax = 4 << 20;
// What a client keeps of its reply buffer between commands.
constexpr size_t kBufferBytesKept = 256 << 10;

uint32_t HashName(std::string_view name) {
  uint32_t hash = 2166136261U;  // FNV-1a
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash ^ (hash >> 15);
}

}  // namespace

int64_t WallClockMs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

bool EqualsWord(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

bool ReplyWrongType(LocalRead& read) {
  read.reply().Error("WRONGTYPE Operation against a key holding the wrong kind of value");
  return true;
}

LocalCommands::LocalCommands() : slots_(kSlots) {
  values_.bytes_max = kValuesBytesMax;
  for (const auto& family : {LocalStringCommands(), LocalKeyCommands(), LocalHashCommands(), LocalListCommands(),
                             LocalSetCommands(), LocalSortedSetCommands(), LocalStreamCommands()}) {
    for (const LocalCommand& command : family) {
      size_t slot = HashName(command.name) % kSlots;
      while (slots_[slot] != nullptr) slot = (slot + 1) % kSlots;
      slots_[slot] = &command;
    }
  }
}

const LocalCommand* LocalCommands::Find(std::string_view name) const {
  char lower[kNameBytesMax];
  if (name.size() > kNameBytesMax) return nullptr;
  for (size_t i = 0; i < name.size(); ++i) {
    lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  const std::string_view wanted(lower, name.size());
  for (size_t slot = HashName(wanted) % kSlots; slots_[slot] != nullptr; slot = (slot + 1) % kSlots) {
    if (slots_[slot]->name == wanted) return slots_[slot];
  }
  return nullptr;
}

ReplyPtr LocalCommands::Answer(const Attachment& local, uint32_t database, Args args) {
  const LocalCommand* command = args.empty() ? nullptr : Find(args[0]);
  if (command == nullptr || args.size() < command->args_min ||
      (command->args_max != 0 && args.size() > command->args_max)) {
    return nullptr;
  }
  if (nodes_ == nullptr || nodes_arena_ != local.number()) {
    nodes_ = std::make_unique<shm::CopiedNodes>(local.arena());
    nodes_arena_ = local.number();
  }
  buffer_.Clear();
  LocalRead read(local, database, command->touches, *nodes_, buffer_, values_);
  if (!command->answer(read, args)) return nullptr;
  ReplyPtr reply = replies_.Make(buffer_.view());
  buffer_.Clear();
  buffer_.ReleaseAbove(kBufferBytesKept);
  return reply;
}

}  // namespace chestbox::shmclient
