// The fourth program: plain hiredis over TCP. It knows nothing of ChestBox, reads the states that the steps left, and
// checks each one against its checksum and against what it must be.
//
//   demo_referee HOST:PORT
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "bench/demo/checksum.h"
#include "bench/demo/scores.h"
#include "bench/redis_client.h"

namespace demo {
namespace {

std::string Checked(bench::RedisClient& redis, const std::string& key) {
  const bench::Reply value = redis.Get(key);
  const bench::Reply sum = redis.Get(key + ":sum");
  if (!value || !sum) bench::Die("referee: " + key + " is missing");
  std::string bytes(value->str, value->len);
  if (Checksum(bytes) != std::string(sum->str, sum->len))
    bench::Die("referee: " + key + " does not match its checksum");
  std::printf("%s\t%zu\t%s\n", key.c_str(), bytes.size(), sum->str);
  return bytes;
}

void CheckTensor(const std::string& bytes) {
  if (bytes.size() != kTensorValues * sizeof(double)) bench::Die("referee: the tensor has the wrong size");
  for (size_t i = 0; i < kTensorValues; ++i) {
    double value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    if (!(value >= 0 && value <= 1)) bench::Die("referee: a value of the tensor is out of range");
  }
}

void CheckScores(const std::string& bytes) {
  Scores scores;
  if (bytes.size() != sizeof scores) bench::Die("referee: the scores have the wrong size");
  std::memcpy(scores.data(), bytes.data(), sizeof scores);
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    sum += scores[i];
    std::printf("label\t%s\t%.3f\n", kLabels[i], scores[i]);
  }
  if (std::abs(sum - 1) > 1e-9) bench::Die("referee: the scores do not add up to 1");
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  if (argc != 2) bench::Die("usage: demo_referee HOST:PORT");
  bench::RedisClient redis(argv[1]);
  demo::CheckTensor(demo::Checked(redis, "demo:tensor"));
  demo::CheckScores(demo::Checked(redis, "demo:scores"));
  if (!demo::Checked(redis, "demo:picture").starts_with("\xff\xd8\xff")) bench::Die("referee: the picture is no JPEG");
  return 0;
}
