#include "test_server.h"

#include <stdlib.h>

#include <chrono>
#include <filesystem>

#include "server/dispatcher.h"
#include "server/log.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {

namespace {

// Dump files and append-only files are written to the working directory.
class WorkingDirectory {
 public:
  WorkingDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "chestbox-server-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    std::filesystem::current_path(path_);
  }
  ~WorkingDirectory() {
    std::error_code ignored;
    std::filesystem::current_path("/", ignored);
    std::filesystem::remove_all(path_, ignored);
  }

 private:
  std::filesystem::path path_;
} working_directory;

}  // namespace

void TestHost::Post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  posted_.notify_one();
}

void TestHost::RunPosted() {
  std::deque<std::function<void()>> queue;
  {
    std::lock_guard lock(mutex_);
    queue.swap(queue_);
  }
  for (auto& work : queue) work();
}

// Enough for a sanitized build on a machine whose cores are all busy.
constexpr std::chrono::seconds kPatience(120);

void TestHost::RunUntil(const std::function<bool()>& done) {
  RunPosted();
  while (!done()) {
    {
      std::unique_lock lock(mutex_);
      REQUIRE(posted_.wait_for(lock, kPatience, [this] { return !queue_.empty(); }));
    }
    RunPosted();
  }
}

void RecordedEffects::OnEffect(const Effect& effect) {
  std::string text = std::to_string(effect.database) + ":";
  for (std::string_view arg : effect.command) {
    text += ' ';
    text += arg;
  }
  effects_.push_back(std::move(text));
}

TestServer::TestServer(std::string_view config, const ServerParts& parts) {
  SetLogLevel(LogLevel::kWarning);  // a test's output tells what failed
  char pattern[] = "/tmp/chestbox-server-XXXXXX";
  REQUIRE(mkdtemp(pattern) != nullptr);
  directory_ = pattern;
  std::string text = "swap no\nenable-debug-command yes\n";
  text += config;
  auto loaded = settings_.LoadText(text + "\nswap-dir " + directory_ + "/swap\n");
  if (!loaded) FAIL(loaded.error().message);
  auto server = Server::Create(settings_, host_, parts);
  if (!server) FAIL(server.error().message);
  server_ = std::move(*server);
  server_->effects().Add(&effects_);
  client_ = &AddClient();
}

TestServer::~TestServer() {
  server_.reset();
  std::filesystem::remove_all(directory_);
}

std::string TestServer::RunAs(Client& client, std::initializer_list<std::string_view> args) {
  return RunArgs(client, std::vector<std::string_view>(args));
}

std::string TestServer::Do(std::string_view line) {
  std::vector<std::string_view> args;
  while (!line.empty()) {
    const size_t space = line.find(' ');
    if (space != 0) args.push_back(line.substr(0, space));
    line = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  }
  return RunArgs(*client_, args);
}

std::string TestServer::RunArgs(Client& client, const std::vector<std::string_view>& args) {
  client.output.Clear();
  const auto outcome = server_->dispatcher().Execute(client, args);
  if (outcome == Dispatcher::Outcome::kParked) {
    host_.RunUntil([&] { return !client.parked; });
  }
  return std::string(client.output.view());
}

void TestServer::AdvanceClock(int64_t ms) { keys().SetTime(keys().now_ms() + ms); }

}  // namespace chestbox::testing
