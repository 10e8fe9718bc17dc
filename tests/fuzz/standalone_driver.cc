// Runs a libFuzzer entry point without libFuzzer: with any compiler, deterministic from a seed, as an ordinary test.
//
//   fuzz_NAME [--iterations N] [--seed S] [--seconds_max T] [--bytes_max B] [FILE|FOLDER]...
//
// First every given file is run as it is (so a crash file is reproduced by naming it), then N mutations of them. It
// stops early after T seconds, so that a slow sanitizer build does not hold up the tests. When the target dies, the
// input at fault is left in ./crash-input. Coverage does not guide it: that is what the libFuzzer build is for
// (tests/fuzz/CMakeLists.txt).
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

struct Options {
  uint64_t iterations = 10'000;
  uint64_t seed = 1;
  uint64_t seconds_max = 60;
  size_t bytes_max = 4096;
  std::vector<std::string> inputs;
};

// What the target is working on, for the death callback.
const uint8_t* g_data = nullptr;
size_t g_size = 0;

void SaveCrashInput() {
  const int file = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  constexpr char kMessage[] = "the input at fault is in ./crash-input\n";
  const bool saved = write(file, g_data, g_size) == static_cast<ssize_t>(g_size);
  if (saved && write(STDERR_FILENO, kMessage, sizeof kMessage - 1) < 0) _exit(1);
  close(file);
}

void OnSignal(int number) {
  SaveCrashInput();
  signal(number, SIG_DFL);
  raise(number);
}

void SaveInputOnDeath() {
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(SaveCrashInput);
  signal(SIGABRT, OnSignal);
  if (__sanitizer_set_death_callback == nullptr) {
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(number, OnSignal);
  }
}

void RunOne(const std::string& input) {
  g_data = reinterpret_cast<const uint8_t*>(input.data());
  g_size = input.size();
  LLVMFuzzerTestOneInput(g_data, g_size);
}

class Mutator {
 public:
  Mutator(uint64_t seed, size_t bytes_max, const std::vector<std::string>& corpus)
      : random_(seed), bytes_max_(bytes_max), corpus_(corpus) {}

  std::string Next() {
    std::string input = AnyOfCorpus();
    for (uint64_t steps = 1 + Below(6); steps > 0; --steps) MutateOnce(&input);
    input.resize(std::min(input.size(), bytes_max_));
    return input;
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  size_t Position(const std::string& input) { return Below(input.size() + 1); }
  const std::string& AnyOfCorpus() { return corpus_[Below(corpus_.size())]; }

  std::string PieceOf(const std::string& text) {
    const size_t begin = Position(text);
    return text.substr(begin, Below(std::min<size_t>(text.size() - begin, 64) + 1));
  }

  // Numbers at the edges of what parsers hold them in.
  std::string Number() {
    static const char* const kNumbers[] = {"-1",
                                           "0",
                                           "1",
                                           "2",
                                           "9",
                                           "10",
                                           "11",
                                           "255",
                                           "256",
                                           "65535",
                                           "65536",
                                           "1048576",
                                           "1048577",
                                           "2147483647",
                                           "4294967296",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "18446744073709551615",
                                           "18446744073709551616",
                                           "007",
                                           "-0",
                                           "+1",
                                           "1e999"};
    return kNumbers[Below(std::size(kNumbers))];
  }

  void ReplaceNumber(std::string* input) {
    const size_t begin = input->find_first_of("0123456789", Position(*input));
    if (begin == std::string::npos) return;
    const size_t end = std::min(input->find_first_not_of("0123456789", begin), input->size());
    input->replace(begin, end - begin, Number());
  }

  void MutateOnce(std::string* input) {
    const size_t at = Position(*input);
    const bool inside = at < input->size();
    switch (Below(9)) {
      case 0:
        if (inside) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
        break;
      case 1:
        if (inside) (*input)[at] = static_cast<char>(Below(256));
        break;
      case 2:
        input->insert(at, 1, static_cast<char>(Below(256)));
        break;
      case 3:
        input->erase(at, 1 + Below(16));
        break;
      case 4:
        input->insert(at, PieceOf(*input));
        break;
      case 5:
        input->insert(at, PieceOf(AnyOfCorpus()));
        break;
      case 6:
        ReplaceNumber(input);
        break;
      case 7:
        input->append(AnyOfCorpus());
        break;
      case 8:
        if (Below(4) == 0) input->resize(at);
        break;
    }
  }

  std::mt19937_64 random_;
  size_t bytes_max_;
  const std::vector<std::string>& corpus_;
};

bool ReadCorpus(const std::vector<std::string>& paths, std::vector<std::string>* corpus) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!fs::exists(path)) {
      std::fprintf(stderr, "no such file or folder: %s\n", path.c_str());
      return false;
    }
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());  // the same order, so the same mutations, on every machine
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus->emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return true;
}

bool ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      options->inputs.push_back(name);
      continue;
    }
    if (i + 1 == argc) return false;
    const uint64_t value = std::strtoull(argv[++i], nullptr, 10);
    if (name == "--iterations")
      options->iterations = value;
    else if (name == "--seed")
      options->seed = value;
    else if (name == "--seconds_max")
      options->seconds_max = value;
    else if (name == "--bytes_max")
      options->bytes_max = value;
    else
      return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::vector<std::string> corpus;
  if (!ParseOptions(argc, argv, &options)) {
    std::fprintf(stderr, "usage: %s [--iterations N] [--seed S] [--seconds_max T] [--bytes_max B] [FILE|FOLDER]...\n",
                 argv[0]);
    return 2;
  }
  if (!ReadCorpus(options.inputs, &corpus)) return 2;
  SaveInputOnDeath();
  for (const std::string& input : corpus) RunOne(input);

  if (corpus.empty()) corpus.emplace_back();
  Mutator mutator(options.seed, options.bytes_max, corpus);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds_max);
  uint64_t done = 0;
  while (done < options.iterations && std::chrono::steady_clock::now() < end) {
    RunOne(mutator.Next());
    ++done;
  }
  std::printf("%zu files and %llu mutations (seed %llu) passed\n", corpus.size(), static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(options.seed));
  return 0;
}
