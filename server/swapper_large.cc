// Swapper, the part that moves large collections in steps, so that no other client waits for one of a million elements.
//
// Out: the executor encodes a piece of it a turn, and gives up when somebody changes it; what is there then is written
// by the write thread as any other payload. In: a thread reads and decodes the payload, and the executor builds nodes
// from a piece of it a turn, which nothing links to before the last one.
#include <algorithm>
#include <utility>

#include "protocol/rdb/length_codec.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

// Each about half a millisecond.
constexpr size_t kElementsEncodedPerStep = 4096;
constexpr size_t kBytesEncodedPerStep = 1 << 20;
constexpr size_t kElementsBuiltPerStep = 512;
constexpr size_t kBytesBuiltPerStep = 256 << 10;

}  // namespace

size_t Swapper::Outgoing::bytes() const {
  return payload.size() + pinned_value.size() + (encoding != nullptr ? encoding->bytes() : 0);
}

// ---- Out ----

void Swapper::StartEncoding(Outgoing out) {
  stats_.bytes_in_flight += out.bytes_estimated;
  encodings_.push_back(std::move(out));
  if (encodings_.size() == 1) PostEncodeStep();
}

void Swapper::PostEncodeStep() {
  host_.Post([this] { EncodeStep(); });
}

// Any change would have made its entry another one, or not clean.
bool Swapper::IsUnchanged(const Outgoing& out) const {
  const shm::SlotRef ref = keys_.index(out.physical).Find(out.key, out.hash);
  return ref && (ref.entry & shm::kEntryLive) != 0 && (ref.entry & shm::kEntryClean) != 0;
}

void Swapper::EncodeStep() {
  Outgoing& out = encodings_.front();
  const bool wanted = !closed_ && IsUnchanged(out);
  if (wanted && !out.encoding->Step(kElementsEncodedPerStep, kBytesEncodedPerStep)) {
    PostEncodeStep();
    return;
  }
  stats_.bytes_in_flight -= std::exchange(out.bytes_estimated, 0);
  std::vector<Outgoing> batch;
  if (wanted) {
    batch.push_back(std::move(out));
  } else {
    outgoing_.erase(StateName(out.physical, out.key));
  }
  encodings_.pop_front();
  if (!encodings_.empty()) PostEncodeStep();
  if (wanted) {
    SendOut(std::move(batch));
  } else {
    Regulate();  // who waits for this memory has to get it elsewhere
  }
}

// ---- In ----

// Gathered in private memory.
void Swapper::StreamCollection(const LoadPtr& load, const RecordPtr& record) {
  streaming_bytes_ += record->payload_size;
  Ask(*streamer_, [this, load, record] {
    std::string payload;
    const Result<void> outcome = store_->ReadChunks(*record, [&](std::string_view chunk) -> Result<void> {
      payload.append(chunk);
      return {};
    });
    if (outcome) {
      TapeThere(load, record, std::move(payload));
      return;
    }
    host_.Post([this, load, record, outcome] { EndStream(load, record, outcome, [] {}); });
  });
}

// A record that came whole, but takes long to build.
void Swapper::DecodeApart(const LoadPtr& load, const RecordPtr& record) {
  streaming_bytes_ += record->payload_size;
  Ask(*streamer_, [this, load, record] { TapeThere(load, record, std::move(record->payload)); });
}

// On the streaming thread.
void Swapper::TapeThere(const LoadPtr& load, const RecordPtr& record, std::string payload) {
  auto tape = std::make_shared<rdb::ObjectTape>();
  const bool decoded = rdb::DecodeObject(payload, rdb::Trust::kOwn, *tape);
  std::string().swap(payload);
  host_.Post([this, load, record, tape, decoded] {
    if (!decoded) {
      EndStream(load, record, rdb::BadData(), [] {});
      return;
    }
    const auto type = static_cast<rdb::ObjectType>(record->attributes.type);
    buildings_.push_back({load, record, std::make_shared<StateBuild>(keys_, config_, type, std::move(*tape))});
    if (buildings_.size() == 1) PostBuildStep();
  });
}

void Swapper::PostBuildStep() {
  host_.Post([this] { BuildStep(); });
}

void Swapper::BuildStep() {
  const Building next = std::move(buildings_.front());
  buildings_.pop_front();
  const bool current = next.load->generation == generation_[next.load->physical];
  if (current && !next.build->Step(kElementsBuiltPerStep, kBytesBuiltPerStep)) {
    buildings_.push_back(next);
    PostBuildStep();
    return;
  }
  if (!buildings_.empty()) PostBuildStep();
  EndStream(next.load, next.record, {}, [&] {
    auto value = next.build->Finish();
    if (value) {
      LinkLoaded(next.load, next.record->attributes, *value);
    } else {
      CompleteLoad(next.load, value.error());
    }
  });
}

}  // namespace chestbox
