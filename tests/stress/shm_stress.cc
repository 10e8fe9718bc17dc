// The stress test of shared memory: one process writes at full speed, several read and check everything they see, and a
// parent kills (SIGKILL), freezes (SIGSTOP) and replaces readers at random; at last it kills the writer too.
//
//   shm_stress [SECONDS [SEED]]
//
// It fails when a reader has seen a torn value, a missing key that is always there, half of a command of several keys,
// another database, a value going back in time, or an arena whose server is dead; when a process crashes; when memory
// does not come back after everything was erased; or when a kind of read or write has never succeeded (then nothing was
// tested).
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <random>
#include <thread>
#include <utility>

#include "protocol/check.h"
#include "server/arena/arena_allocator.h"
#include "tests/stress/control.h"
#include "tests/stress/reader.h"
#include "tests/stress/workload.h"

namespace chestbox::shm::stress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr uint64_t kReachBytes = kHeapOffset + (8ULL << 30);
constexpr milliseconds kPatience{20'000};

template <class Condition>
bool WaitFor(Condition&& condition, milliseconds patience = kPatience) {
  const auto end = steady_clock::now() + patience;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

// ---- The processes ----

void SendDescriptor(int socket, int descriptor) {
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  CHECK(sendmsg(socket, &message, 0) == 1);
}

int ReceiveDescriptor(int socket) {
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  if (recvmsg(socket, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == nullptr) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
  return descriptor;
}

// The server. Its exit code: 0 when every byte came back.
int RunWriter(Control& control, int socket, uint64_t seed) {
  auto arena = ArenaAllocator::Create(kReachBytes, 1, kHashSeed);
  if (!arena) {
    std::fprintf(stderr, "the arena: %s\n", arena.error().message.c_str());
    return 1;
  }
  ArenaAllocator& memory = **arena;
  memory.file().HoldExecutorMutex();
  int code = 0;
  {
    StressWriter writer(memory, control, seed);
    const uint64_t baseline_bytes = memory.allocated_bytes();
    control.baseline_resident_bytes = memory.resident_bytes();
    writer.Command();
    SendDescriptor(socket, memory.file().read_only_descriptor());
    control.writer_ready.store(1, std::memory_order_release);
    for (uint64_t i = 0; control.writer_stop.load(std::memory_order_relaxed) == 0; ++i) {
      writer.Command();
      if (i % 1024 == 0) control.peak_resident_bytes = std::max(control.peak_resident_bytes, memory.resident_bytes());
    }
    writer.EraseAll();
    if (memory.allocated_bytes() != baseline_bytes) {
      std::fprintf(stderr, "%llu bytes are still out (%llu at the start)\n",
                   static_cast<unsigned long long>(memory.allocated_bytes()),
                   static_cast<unsigned long long>(baseline_bytes));
      code = 1;
    }
    memory.FlushCache();
    // Freed extents are punched by a helper thread, and the last of them when it has been idle for a while: wait for
    // the end.
    uint64_t resident_bytes = 0;
    int polls_unchanged = 0;
    (void)WaitFor([&] {
      polls_unchanged =
          memory.resident_bytes() == std::exchange(resident_bytes, memory.resident_bytes()) ? polls_unchanged + 1 : 0;
      return polls_unchanged > 1200;
    });
    // Slabs that are not quite empty may stay (measured: 0.1 MiB), and nothing else.
    if (resident_bytes > control.baseline_resident_bytes + control.peak_resident_bytes / 16 + (256 << 10)) {
      std::fprintf(stderr, "%llu bytes are still resident (%llu at the start)\n",
                   static_cast<unsigned long long>(resident_bytes),
                   static_cast<unsigned long long>(control.baseline_resident_bytes));
      code = 1;
    }
    control.final_resident_bytes = memory.resident_bytes();
  }
  memory.file().ReleaseExecutorMutex();
  return code;
}

int RunReader(Control& control, ClientSlot& client, int descriptor, uint64_t seed) {
  void* mapping = mmap(nullptr, kReachBytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  CHECK(mapping != MAP_FAILED);
  StressReader({static_cast<const char*>(mapping), kReachBytes}, control, client, seed).Run();
  return 0;
}

class Processes {
 public:
  Processes(Control& control, uint64_t seed) : control_(control), random_(seed) {}
  ~Processes() {
    for (pid_t pid : readers_) Kill(pid);
    Kill(writer_);
    if (descriptor_ >= 0) close(descriptor_);
  }

  bool Start() {
    int sockets[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    writer_ = Fork([&] { return RunWriter(control_, sockets[1], random_()); });
    close(sockets[1]);
    descriptor_ = ReceiveDescriptor(sockets[0]);
    close(sockets[0]);
    if (descriptor_ < 0) return false;
    if (!WaitFor([&] { return control_.writer_ready.load(std::memory_order_acquire) != 0; })) return false;
    for (int i = 0; i < kReaders; ++i) StartReader(i);
    return true;
  }

  void StartReader(int i) {
    const uint64_t seed = random_();
    readers_[i] = Fork([&, seed] { return RunReader(control_, control_.clients[i], descriptor_, seed); });
  }

  // One act against a random reader. False: the writer did not let go of a dead one.
  bool Disturb() {
    const int i = static_cast<int>(random_() % kReaders);
    ClientSlot& client = control_.clients[i];
    const bool freeze = random_() % 2 == 0;
    const bool kill_it = random_() % 2 == 0;
    if (freeze) {
      kill(readers_[i], SIGSTOP);
      std::this_thread::sleep_for(milliseconds(random_() % 100));
      ++frozen_;
      if (!kill_it) kill(readers_[i], SIGCONT);
    }
    if (!kill_it) return true;
    Kill(readers_[i]);
    ++killed_;
    client.detach.store(1, std::memory_order_release);
    if (!WaitFor([&] { return client.detach.load(std::memory_order_acquire) == 0; })) return false;
    StartReader(i);
    return true;
  }

  bool StopReaders() {
    control_.readers_stop.store(1);
    bool good = true;
    for (pid_t& pid : readers_) good = Wait(pid, "a reader") && good;
    return good;
  }
  bool StopWriter() {
    control_.writer_stop.store(1);
    return Wait(writer_, "the writer");
  }
  // The readers end when they have seen that it is dead.
  bool KillWriter() {
    Kill(writer_);
    control_.writer_killed.store(1, std::memory_order_release);
    bool good = true;
    for (pid_t& pid : readers_) good = Wait(pid, "a reader of a dead server") && good;
    return good;
  }

  int killed() const { return killed_; }
  int frozen() const { return frozen_; }
  // A process that ended though nobody killed it.
  bool AllAlive() {
    for (pid_t& pid : readers_) {
      if (Ended(pid, "a reader")) return false;
    }
    return !Ended(writer_, "the writer");
  }

 private:
  static bool Ended(pid_t& pid, const char* who) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == 0) return false;
    std::fprintf(stderr, "%s died: status %d\n", who, status);
    pid = -1;
    return true;
  }

  static pid_t Fork(const std::function<int()>& run) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) _exit(run());
    return pid;
  }
  static void Kill(pid_t& pid) {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = -1;
  }
  static bool Wait(pid_t& pid, const char* who) {
    int status = 0;
    kill(pid, SIGCONT);
    const bool ended = WaitFor([&] { return waitpid(pid, &status, WNOHANG) == pid; }, 3 * kPatience);
    if (!ended) {
      std::fprintf(stderr, "%s does not end\n", who);
      return false;
    }
    pid = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    std::fprintf(stderr, "%s ended with status %d\n", who, status);
    return false;
  }

  Control& control_;
  std::mt19937_64 random_;
  pid_t writer_ = -1;
  std::array<pid_t, kReaders> readers_{};
  int descriptor_ = -1;
  int killed_ = 0;
  int frozen_ = 0;
};

// ---- The two parts of the test ----

Control& NewControl() {
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return *new (memory) Control{};
}

bool ReportWrongs(const Control& control) {
  bool good = true;
  for (const ClientSlot& client : control.clients) {
    if (client.wrong.load() == 0) continue;
    std::fprintf(stderr, "%llu wrong reads, the first: %s\n", static_cast<unsigned long long>(client.wrong.load()),
                 client.first_wrong);
    good = false;
  }
  return good;
}

bool ReportCounts(const Control& control, const Processes& processes) {
  bool good = true;
  for (size_t kind = 0; kind < kWriteKinds; ++kind) {
    std::printf("%-16s %10llu written\n", kWriteNames[kind],
                static_cast<unsigned long long>(control.written[kind].load()));
    good = good && control.written[kind].load() > 0;
  }
  for (size_t kind = 0; kind < kReadKinds; ++kind) {
    uint64_t answered = 0;
    uint64_t asked = 0;
    for (const ClientSlot& client : control.clients) {
      answered += client.answered[kind].load();
      asked += client.asked[kind].load();
    }
    std::printf("%-16s %10llu read, %llu left to the server\n", kReadNames[kind],
                static_cast<unsigned long long>(answered), static_cast<unsigned long long>(asked));
    good = good && answered > 0;
  }
  std::printf("%d readers killed, %d frozen; resident %.1f MiB at the start, %.1f at most, %.1f at the end\n",
              processes.killed(), processes.frozen(), static_cast<double>(control.baseline_resident_bytes) / (1 << 20),
              static_cast<double>(control.peak_resident_bytes) / (1 << 20),
              static_cast<double>(control.final_resident_bytes) / (1 << 20));
  if (!good) std::fprintf(stderr, "some kind of read or write was never done\n");
  return good;
}

bool RunDisturbed(int seconds, uint64_t seed) {
  Control& control = NewControl();
  Processes processes(control, seed);
  if (!processes.Start()) return false;
  std::mt19937_64 random(seed);
  const auto end = steady_clock::now() + std::chrono::seconds(seconds);
  bool good = true;
  while (good && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(20 + random() % 180));
    good = processes.AllAlive() && processes.Disturb();
    if (!good) std::fprintf(stderr, "a process died, or the writer hangs\n");
  }
  good = processes.StopReaders() && good;
  good = processes.StopWriter() && good;
  good = ReportWrongs(control) && good;
  return ReportCounts(control, processes) && good;
}

bool RunServerDeath(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 5; ++round) {
    Control& control = NewControl();
    Processes processes(control, random());
    if (!processes.Start()) return false;
    std::this_thread::sleep_for(milliseconds(20 + random() % 100));
    const bool ended = processes.KillWriter();
    if (!ReportWrongs(control) || !ended) return false;
  }
  std::printf("5 servers killed, each noticed by the next read of every reader\n");
  return true;
}

}  // namespace
}  // namespace chestbox::shm::stress

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 10;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::printf("%d seconds, seed %llu\n", seconds, static_cast<unsigned long long>(seed));
  const bool good = chestbox::shm::stress::RunDisturbed(seconds, seed) && chestbox::shm::stress::RunServerDeath(seed);
  std::puts(good ? "passed" : "FAILED");
  return good ? 0 : 1;
}
