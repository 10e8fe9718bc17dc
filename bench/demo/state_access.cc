#include "bench/demo/state_access.h"

#include <chestbox/chestbox.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "bench/demo/checksum.h"
#include "bench/redis_client.h"
#include "bench/timing.h"

namespace demo {
namespace {

constexpr size_t kRepeats = 21;

class ChestboxAccess final : public StateAccess {
 public:
  explicit ChestboxAccess(const std::string& socket) {
    const int code = chestbox_connect(socket.c_str(), nullptr, &client_);
    if (code != CHESTBOX_OK) bench::Die(socket + ": " + chestbox_strerror(code) + ": " + chestbox_last_error(nullptr));
    if (chestbox_attached(client_) == 0) bench::Die(std::string("not attached: ") + chestbox_attach_error(client_));
  }
  ~ChestboxAccess() override { chestbox_close(client_); }

 protected:
  void Write(std::string_view key, std::string_view value) override {
    Check(chestbox_set(client_, key.data(), key.size(), value.data(), value.size(), 0));
  }
  std::string_view Read(std::string_view key) override {
    chestbox_view view;
    Check(chestbox_get(client_, key.data(), key.size(), &view));
    views_.push_back(view);
    return {static_cast<const char*>(view.data), view.size};
  }
  void Release() override {
    chestbox_release(client_, &views_.back());
    views_.pop_back();
  }
  bool CopiesReadOf(size_t size_bytes) const override { return size_bytes <= CHESTBOX_COPIED_BYTES_MAX; }

 private:
  void Check(int code) const {
    if (code != CHESTBOX_OK) bench::Die(std::string(chestbox_strerror(code)) + ": " + chestbox_last_error(client_));
  }

  chestbox_client* client_ = nullptr;
  std::vector<chestbox_view> views_;
};

class RedisAccess final : public StateAccess {
 public:
  explicit RedisAccess(const std::string& address) : client_(address) {}

 protected:
  void Write(std::string_view key, std::string_view value) override { client_.Set(key, value); }
  std::string_view Read(std::string_view key) override {
    bench::Reply reply = client_.Get(key);
    if (!reply) bench::Die("no such state: " + std::string(key));
    const std::string_view value(reply->str, reply->len);
    replies_.push_back(std::move(reply));
    return value;
  }
  void Release() override { replies_.pop_back(); }
  bool CopiesReadOf(size_t /*size_bytes*/) const override { return true; }

 private:
  bench::RedisClient client_;
  std::vector<bench::Reply> replies_;
};

}  // namespace

std::unique_ptr<StateAccess> StateAccess::Open(const std::string& store) {
  const size_t colon = store.find(':');
  const std::string kind = store.substr(0, colon);
  if (colon == std::string::npos || (kind != "chestbox" && kind != "redis")) bench::Die("no store: " + store);
  const uint64_t began_ns = bench::NowNs();
  std::unique_ptr<StateAccess> access;
  if (kind == "chestbox") {
    access = std::make_unique<ChestboxAccess>(store.substr(colon + 1));
  } else {
    access = std::make_unique<RedisAccess>(store.substr(colon + 1));
  }
  access->began_ns_ = began_ns;
  access->connect_ns_ = bench::NowNs() - began_ns;
  return access;
}

void StateAccess::Put(const std::string& key, std::string_view value) {
  const std::string checksum = Checksum(value);
  const uint64_t began_ns = bench::NowNs();
  Write(key, value);
  write_ns_ += bench::NowNs() - began_ns;
  written_bytes_ += value.size();
  copied_bytes_ += value.size();
  Write(key + ":sum", checksum);
}

std::string_view StateAccess::Get(const std::string& key) {
  const uint64_t began_ns = bench::NowNs();
  const std::string_view value = Read(key);
  const uint64_t first_ns = bench::NowNs();
  read_ns_ += first_ns - began_ns;
  read_bytes_ += value.size();
  if (CopiesReadOf(value.size())) copied_bytes_ += value.size();

  std::array<uint64_t, kRepeats> later_ns{};
  for (uint64_t& taken_ns : later_ns) {
    const uint64_t repeat_ns = bench::NowNs();
    Read(key);
    Release();
    taken_ns = bench::NowNs() - repeat_ns;
  }
  std::nth_element(later_ns.begin(), later_ns.begin() + kRepeats / 2, later_ns.end());
  read_again_ns_ += later_ns[kRepeats / 2];
  repeats_ns_ += bench::NowNs() - first_ns;
  return value;
}

void StateAccess::Report(const char* step) const {
  const uint64_t step_ns = bench::NowNs() - began_ns_ - repeats_ns_;
  const uint64_t numbers[] = {connect_ns_, read_ns_,       read_again_ns_, write_ns_,
                              read_bytes_, written_bytes_, copied_bytes_,  step_ns};
  std::printf("%s", step);
  for (const uint64_t number : numbers) std::printf("\t%llu", static_cast<unsigned long long>(number));
  std::printf("\n");
}

}  // namespace demo
