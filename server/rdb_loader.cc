#include "server/rdb_loader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "protocol/rdb/file_reader.h"
#include "protocol/rdb/object.h"
#include "protocol/resp/request_parser.h"
#include "server/command_table.h"
#include "server/commands/command_parser.h"
#include "server/config/config.h"
#include "server/scripting/functions.h"
#include "server/scripting/scripts.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/field_expiries.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

using rdb::FileReader;

class InputFile {
 public:
  ~InputFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Result<void> Open(const std::string& path) {
    path_ = path;
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (descriptor_ < 0 || fstat(descriptor_, &info) != 0) return Failed();
    if (!S_ISREG(info.st_mode)) return Error{path + " is no file"};
    size_ = static_cast<uint64_t>(info.st_size);
    return {};
  }
  Result<FileReader> Reader() {
    if (lseek(descriptor_, 0, SEEK_SET) != 0) return Failed();
    return FileReader([this](char* to, size_t size) { return Read(to, size); }, size_);
  }
  Result<size_t> Read(char* to, size_t size) {
    while (true) {
      const ssize_t got = read(descriptor_, to, size);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return Failed();
    }
  }

 private:
  Error Failed() const { return Error{fmt::format("{}: {}", path_, std::strerror(errno))}; }

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// Takes everything: to find out whether an object is sound.
class CheckingSink final : public rdb::ObjectSink {
 public:
  bool Begin(rdb::ObjectKind) override { return true; }
  bool String(std::string_view) override { return true; }
  bool ListElement(std::string_view) override { return true; }
  bool SetMember(std::string_view) override { return true; }
  bool HashField(std::string_view, std::string_view, int64_t) override { return true; }
  bool SortedSetMember(std::string_view, double) override { return true; }
  bool StreamNode(const StreamId&, std::string_view, uint32_t) override { return true; }
  bool StreamEnd(const rdb::StreamInfo&) override { return true; }
  bool Group(const rdb::StreamGroup&) override { return true; }
  bool TakePacked(rdb::ObjectKind, std::string_view, uint32_t) override { return true; }
  bool TakeIntegers(std::string_view) override { return true; }
};

class RdbLoad {
 public:
  RdbLoad(Server& server, const LoadOptions& options) : server_(server), options_(options) {}

  Result<void> Check(FileReader reader) {
    while (true) {
      auto item = reader.Next();
      if (!item) return item.error();
      if (*item == FileReader::Item::kEnd) return {};
      if (*item != FileReader::Item::kState) continue;
      const FileReader::State& state = reader.state();
      if (state.database >= static_cast<uint64_t>(server_.config().databases)) {
        return Error{fmt::format("the file has states of database {}, but there are only {} databases", state.database,
                                 server_.config().databases)};
      }
      CheckingSink sink;
      if (!rdb::DecodeObject(state.object, rdb::Trust::kForeign, sink)) {
        return Error{fmt::format("the value of '{}' is damaged", state.key)};
      }
    }
  }

  Result<void> Load(FileReader reader) {
    if (options_.flush) {
      for (uint32_t database = 0; database < shm::kDatabases; ++database) server_.keys().Flush(database, true);
      server_.scripts().functions().Flush();
    }
    while (true) {
      auto item = reader.Next();
      if (!item) return item.error();
      Result<void> loaded;
      if (*item == FileReader::Item::kEnd) return {};
      if (*item == FileReader::Item::kFunction) {
        auto name = server_.scripts().functions().Load(reader.text(), options_.replace);
        if (!name) loaded = name.error();
      } else if (*item == FileReader::Item::kState) {
        loaded = LoadState(reader.state());
      }
      if (!loaded) return loaded;
    }
  }

  const LoadCounts& counts() const { return counts_; }

 private:
  Result<void> LoadState(const FileReader::State& state) {
    Keyspace& keys = server_.keys();
    if (state.expire_at_ms != -1 && state.expire_at_ms <= keys.now_ms()) {
      ++counts_.expired;
      return {};
    }
    Swapper* swapper = server_.swapper();
    if (swapper != nullptr && !swapper->InMemory(state.database, state.key)) {
      if (auto loaded = swapper->LoadNow(state.database, state.key); !loaded) return loaded;
    }
    if (!options_.replace && keys.Exists(state.database, state.key)) {
      return Error{fmt::format("the key '{}' of database {} is there already", state.key, state.database)};
    }
    auto value = DecodeState(keys, server_.config(), state.object, rdb::Trust::kForeign);
    if (!value) return value.error();
    const int64_t expire_at_ms = state.expire_at_ms == -1 ? kNoExpiry : state.expire_at_ms;
    if (auto set = keys.SetState(state.database, state.key, *value, expire_at_ms); !set) {
      keys.Discard(*value);
      return set;
    }
    if (state.frequency >= 0 && keys.lfu()) {
      keys.SetAccess(state.database, state.key, keys.AccessOfFrequency(static_cast<uint32_t>(state.frequency)));
    } else if (state.idle_s >= 0 && !keys.lfu()) {
      keys.SetAccess(state.database, state.key, keys.AccessOfIdle(state.idle_s));
    }
    if (value->type == ValueType::kHash) {
      server_.field_expiries().Note(state.database, state.key, keys.now_ms());  // looks whether any field expires
    }
    ++counts_.loaded;
    return {};
  }

  Server& server_;
  const LoadOptions options_;
  LoadCounts counts_;
};

// Executes the requests of a file that make states; MULTI and EXEC around them mean nothing here.
class CommandLoad {
 public:
  CommandLoad(Server& server, Client& client) : server_(server), client_(client) {}

  Result<void> Run(const FileReader::ReadBytes& read) {
    constexpr size_t kReadBytes = 64 * 1024;
    std::string buffer;
    size_t at = 0;
    while (true) {
      const auto status = parser_.Parse(buffer.data() + at, buffer.size() - at);
      if (status == resp::RequestParser::Status::kError) return Error{"the file is damaged: " + parser_.error()};
      if (status == resp::RequestParser::Status::kRequest) {
        if (auto executed = Execute(parser_.args()); !executed) return executed;
        at += parser_.consumed();
        parser_.Reset();
        continue;
      }
      buffer.erase(0, at);
      at = 0;
      const size_t kept = buffer.size();
      buffer.resize(kept + kReadBytes);
      auto got = read(buffer.data() + kept, kReadBytes);
      if (!got) return got.error();
      buffer.resize(kept + *got);
      if (*got == 0 && kept == 0) return {};
      if (*got == 0) return Error{"the file is cut off"};
    }
  }

 private:
  Result<void> Execute(Args args) {
    if (args.empty() || EqualIgnoringCase(args[0], "multi") || EqualIgnoringCase(args[0], "exec")) return {};
    const CommandSpec* parent = nullptr;
    Error unknown;
    const CommandSpec* spec = server_.commands().FindLeaf(args, &parent, &unknown);
    if (spec == nullptr) return unknown;
    if ((spec->flags & kWrite) == 0 && spec->name != "select") {
      return Error{fmt::format("the file has a request that is no write: {}", args[0])};
    }
    if (!ArityFits(*spec, args.size())) return Error{fmt::format("the file has half a request: {}", args[0])};
    CommandContext ctx{server_, client_, server_.keys(), client_.db, server_.keys().now_ms(), args, spec};
    const size_t mark = client_.output.size();
    auto executed = spec->run(ctx, args, client_.reply);
    client_.reply.Truncate(mark);
    return executed;
  }

  Server& server_;
  Client& client_;
  resp::RequestParser parser_;
};

}  // namespace

Result<LoadCounts> LoadRdbFile(Server& server, const std::string& path, const LoadOptions& options) {
  InputFile file;
  if (auto opened = file.Open(path); !opened) return opened.error();
  RdbLoad load(server, options);
  for (const bool checks : {true, false}) {
    auto reader = file.Reader();
    if (!reader) return reader.error();
    const auto done = checks ? load.Check(std::move(*reader)) : load.Load(std::move(*reader));
    if (!done) return done.error();
  }
  return load.counts();
}

Result<void> LoadCommandFile(Server& server, const std::string& path) {
  InputFile file;
  if (auto opened = file.Open(path); !opened) return opened;
  for (uint32_t database = 0; database < shm::kDatabases; ++database) server.keys().Flush(database, true);
  server.scripts().functions().Flush();
  Client& client = server.AddClient(nullptr);
  const auto executed = CommandLoad(server, client).Run([&](char* to, size_t size) { return file.Read(to, size); });
  server.RemoveClient(client);
  return executed;
}

}  // namespace chestbox
