#include "shmclient/small_buffers.h"

#include <catch2/catch.hpp>
#include <set>

#include "shmclient/view_pin.h"

namespace chestbox::shmclient {

TEST_CASE("Every small buffer is handed out once; then there is a spare one to fill, and none to take") {
  SmallBuffers buffers;
  std::set<char*> seen;
  for (uint32_t i = 0; i < SmallBuffers::kCount; ++i) {
    const uint32_t next = buffers.Next();
    REQUIRE(next != SmallBuffers::kNone);
    CHECK(seen.insert(buffers.bytes(next)).second);
    buffers.Take(next);
  }
  CHECK(buffers.Next() == SmallBuffers::kNone);
  CHECK(seen.insert(buffers.bytes(SmallBuffers::kNone)).second);
  buffers.GiveBack(17);
  CHECK(buffers.Next() == 17);
}

TEST_CASE("Giving back a buffer that does not exist changes nothing") {
  SmallBuffers buffers;
  buffers.Take(buffers.Next());
  buffers.GiveBack(SmallBuffers::kCount);
  buffers.GiveBack(SmallBuffers::kNone);
  CHECK(buffers.Next() == 1);
}

TEST_CASE("A pin says its kind, number and attachment") {
  const uint64_t pin = MakePin(ViewKind::kPinned, 1023, kAttachmentNumberMax);
  CHECK(PinKind(pin) == ViewKind::kPinned);
  CHECK(PinNumber(pin) == 1023);
  CHECK(PinAttachment(pin) == kAttachmentNumberMax);
  CHECK(PinKind(0) == ViewKind::kNone);
  CHECK(PinKind(MakePin(ViewKind::kOwned)) == ViewKind::kOwned);
}

}  // namespace chestbox::shmclient
