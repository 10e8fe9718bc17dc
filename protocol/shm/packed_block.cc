#include "protocol/shm/packed_block.h"

#include <charconv>

#include "protocol/canonical_integer.h"
#include "protocol/check.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

namespace {

constexpr uint8_t kString32 = 0xf0;
constexpr uint8_t kInteger16 = 0xf1;
constexpr uint8_t kInteger24 = 0xf2;
constexpr uint8_t kInteger32 = 0xf3;
constexpr uint8_t kInteger64 = 0xf4;
constexpr uint8_t kExternalElement = 0xf5;
constexpr uint8_t kExpiryElement = 0xf6;
constexpr uint8_t kScoreElement = 0xf7;
constexpr uint8_t kEnd = 0xff;
// A size takes at most five 7-bit groups.
constexpr uint32_t kBackBytesMax = 5;

uint8_t ByteAt(const char* data) { return static_cast<uint8_t>(*data); }

template <class T>
T LoadLittle(const char* data) {
  T value;
  std::memcpy(&value, data, sizeof value);  // little endian hosts only, as the whole arena
  return value;
}

template <class T>
void AppendLittle(T value, std::string* out) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out->append(bytes, sizeof value);
}

// Two strings of one size. The ends first: the members of a collection often begin alike, and a call of memcmp for each
// of them takes longer than all the rest of a search.
inline bool SameBytes(const char* a, const char* b, size_t bytes) {
  if (bytes >= sizeof(uint64_t)) {
    const size_t end = bytes - sizeof(uint64_t);
    if (LoadLittle<uint64_t>(a + end) != LoadLittle<uint64_t>(b + end)) return false;
    if (end <= sizeof(uint64_t)) return LoadLittle<uint64_t>(a) == LoadLittle<uint64_t>(b);
  }
  return std::memcmp(a, b, bytes) == 0;
}

uint32_t BackBytes(uint32_t size) {
  return size < 1U << 7 ? 1 : size < 1U << 14 ? 2 : size < 1U << 21 ? 3 : size < 1U << 28 ? 4 : 5;
}

// How many bytes encoding and data take, of which `available` can be seen. 0: malformed.
inline uint32_t ContentBytes(const char* data, uint64_t available) {
  const uint8_t first = ByteAt(data);
  uint64_t bytes = 0;
  if (first < 0x80) {
    bytes = 1;
  } else if (first < 0xc0) {
    bytes = 1 + (first & 0x3fU);
  } else if (first < 0xe0) {
    bytes = 2;
  } else if (first < 0xf0) {
    if (available < 2) return 0;
    bytes = 2 + (((first & 0xfU) << 8) | ByteAt(data + 1));
  } else {
    switch (first) {
      case kString32:
        if (available < 5) return 0;
        bytes = 5 + uint64_t{LoadLittle<uint32_t>(data + 1)};
        break;
      case kInteger16:
        bytes = 3;
        break;
      case kInteger24:
        bytes = 4;
        break;
      case kInteger32:
        bytes = 5;
        break;
      case kInteger64:
      case kExternalElement:
      case kExpiryElement:
      case kScoreElement:
        bytes = 9;
        break;
      default:
        return 0;
    }
  }
  return bytes <= available ? static_cast<uint32_t>(bytes) : 0;
}

// … with an encoding byte of its own.
void DecodeLarge(const char* data, uint32_t content_bytes, PackedElement* element) {
  using Kind = PackedElement::Kind;
  switch (ByteAt(data)) {
    case kString32:
      element->kind = Kind::kString;
      element->text = {data + 5, content_bytes - 5};
      break;
    case kInteger16:
      element->integer = LoadLittle<int16_t>(data + 1);
      break;
    case kInteger24: {
      const uint32_t bits =
          uint32_t{ByteAt(data + 1)} | uint32_t{ByteAt(data + 2)} << 8 | uint32_t{ByteAt(data + 3)} << 16;
      element->integer = bits >= 1U << 23 ? static_cast<int64_t>(bits) - (1 << 24) : bits;
      break;
    }
    case kInteger32:
      element->integer = LoadLittle<int32_t>(data + 1);
      break;
    case kInteger64:
      element->integer = LoadLittle<int64_t>(data + 1);
      break;
    case kExternalElement:
      element->kind = Kind::kExternal;
      element->link = LoadLittle<uint32_t>(data + 1);
      element->bytes = LoadLittle<uint32_t>(data + 5);
      break;
    case kExpiryElement:
      element->kind = Kind::kExpiry;
      element->integer = LoadLittle<int64_t>(data + 1);
      break;
    default:
      element->kind = Kind::kScore;
      element->score = LoadLittle<double>(data + 1);
  }
}

// Decodes an element whose content is known to be there.
void Decode(const char* data, uint32_t content_bytes, PackedElement* element) {
  using Kind = PackedElement::Kind;
  const uint8_t first = ByteAt(data);
  element->kind = Kind::kInteger;
  if (first < 0x80) {
    element->integer = first;
  } else if (first < 0xc0) {
    element->kind = Kind::kString;
    element->text = {data + 1, content_bytes - 1};
  } else if (first < 0xe0) {
    const int32_t bits = ((first & 0x1f) << 8) | ByteAt(data + 1);
    element->integer = bits >= 1 << 12 ? bits - (1 << 13) : bits;
  } else if (first < 0xf0) {
    element->kind = Kind::kString;
    element->text = {data + 2, content_bytes - 2};
  } else {
    DecodeLarge(data, content_bytes, element);
  }
}

// Its own size at an element's end, so that the last group comes first.
void AppendBackBytes(uint32_t size, std::string* out) {
  const uint32_t groups = BackBytes(size);
  for (uint32_t i = groups; i-- > 0;) {
    const uint32_t group = (size >> (7 * i)) & 0x7f;
    out->push_back(static_cast<char>(i == groups - 1 ? group : group | 0x80));
  }
}

void Finish(size_t began, std::string* out) { AppendBackBytes(static_cast<uint32_t>(out->size() - began), out); }

void StoreHeaderOf(char* block, uint64_t bytes, uint64_t count) {
  const auto total = static_cast<uint32_t>(bytes);
  const auto number = static_cast<uint16_t>(count < kPackedCountUnknown ? count : kPackedCountUnknown);
  RacyStore(block, &total, sizeof total);
  RacyStore(block + 4, &number, sizeof number);
}

uint64_t CountAfter(const char* block, int change) {
  const auto count = LoadLittle<uint16_t>(block + 4);
  // Unknown stays unknown: whoever wants to know counts.
  if (count == kPackedCountUnknown) return count;
  return static_cast<uint64_t>(static_cast<int64_t>(count) + change);
}

}  // namespace

std::string_view TextOf(const PackedElement& element, char* digits) {
  if (element.kind == PackedElement::Kind::kString) return element.text;
  const auto [end, failed] = std::to_chars(digits, digits + kIntegerTextBytesMax, element.integer);
  return {digits, static_cast<size_t>(end - digits)};
}

// ---- Reading ----

uint32_t PackedReader::BytesOf(std::string_view block) {
  if (block.size() < kPackedEmptyBytes) return 0;
  const auto bytes = LoadLittle<uint32_t>(block.data());
  if (bytes < kPackedEmptyBytes || bytes > block.size() || bytes > kPackedBytesMax) return 0;
  return bytes;
}

uint32_t PackedReader::count() const {
  if (bytes_ == 0) return 0;
  const auto count = LoadLittle<uint16_t>(data_ + 4);
  if (count != kPackedCountUnknown) return count;
  return static_cast<uint32_t>(CountElements(*this, First(), end()));
}

bool PackedReader::Get(uint32_t position, PackedElement* element) const {
  if (!IsElement(position)) return false;
  const uint32_t available = bytes_ - 1 - position;
  const uint8_t first = ByteAt(data_ + position);
  if (first >= 0x80 && first < 0xc0) {
    // A short string, as most elements are: a byte, the text, a byte.
    const uint32_t size = first & 0x3fU;
    if (size + 2 > available) return false;
    element->kind = PackedElement::Kind::kString;
    element->text = {data_ + position + 1, size};
    element->next = position + size + 2;
    return true;
  }
  const uint32_t content = ContentBytes(data_ + position, available);
  if (content == 0) return false;
  const uint32_t next = position + content + BackBytes(content);
  if (next > bytes_ - 1) return false;
  Decode(data_ + position, content, element);
  element->next = next;
  return true;
}

uint32_t PackedReader::Next(uint32_t position) const {
  if (!IsElement(position)) return 0;
  const uint32_t content = ContentBytes(data_ + position, bytes_ - 1 - position);
  if (content == 0) return 0;
  const uint32_t next = position + content + BackBytes(content);
  return IsElement(next) ? next : 0;
}

uint32_t PackedReader::Before(uint32_t position) const {
  if (position <= kPackedHeaderBytes || position > bytes_ - 1) return 0;
  uint32_t size = 0;
  for (uint32_t i = 0; i < kBackBytesMax; ++i) {
    if (position - i <= kPackedHeaderBytes) return 0;
    const uint8_t group = ByteAt(data_ + position - 1 - i);
    size |= uint32_t{group & 0x7fU} << (7 * i);
    if ((group & 0x80) != 0) continue;
    const uint64_t whole = uint64_t{size} + i + 1;
    if (size == 0 || whole > position - kPackedHeaderBytes) return 0;
    return position - static_cast<uint32_t>(whole);
  }
  return 0;
}

uint32_t PackedReader::Seek(int64_t index) const {
  if (bytes_ == 0) return 0;
  const auto known = LoadLittle<uint16_t>(data_ + 4);
  bool from_end = index < 0;
  int64_t steps = from_end ? -(index + 1) : index;
  if (known != kPackedCountUnknown) {
    if (steps >= known) return 0;
    if (steps > known / 2) {
      from_end = !from_end;
      steps = known - 1 - steps;
    }
  }
  uint32_t position = from_end ? Last() : First();
  for (; steps > 0 && position != 0; --steps) position = from_end ? Previous(position) : Next(position);
  return position;
}

uint32_t PackedReader::Find(uint32_t position, std::string_view text, uint32_t skip) const {
  const std::optional<int64_t> integer = ParseInteger(text);
  // Short strings are often as long as the one before. Stepping by its length instead of by what is read lets the
  // processor look at several elements at a time. One for those that are skipped, one for the others.
  struct Stride {
    uint8_t first = 0;
    uint32_t bytes = 0;
  } strides[2];
  uint32_t skipped = 0;
  while (IsElement(position)) {
    const char* data = data_ + position;
    const uint32_t available = bytes_ - 1 - position;
    const uint8_t first = ByteAt(data);
    const bool asked = skipped == 0;
    skipped = asked ? skip : skipped - 1;
    if (first >= 0x80 && first < 0xc0) {
      Stride& stride = strides[asked ? 1 : 0];
      if (first != stride.first) [[unlikely]]
        stride = {first, 2 + (first & 0x3fU)};
      if (stride.bytes - 1 > available) return 0;
      // A string of another size is passed over without a look at its bytes.
      if (asked && stride.bytes - 2 == text.size() && SameBytes(data + 1, text.data(), text.size())) return position;
      position += stride.bytes;
      continue;
    }
    const uint32_t content = ContentBytes(data, available);
    if (content == 0) return 0;
    if (asked) {
      PackedElement element;
      Decode(data, content, &element);
      if (element.kind == PackedElement::Kind::kString
              ? element.text == text
              : element.kind == PackedElement::Kind::kInteger && integer == element.integer) {
        return position;
      }
    }
    position += content + BackBytes(content);
  }
  return 0;
}

bool PackedReader::IsSound(uint32_t* elements) const {
  if (bytes_ == 0 || ByteAt(data_ + bytes_ - 1) != kEnd) return false;
  uint32_t found = 0;
  uint32_t previous = 0;
  for (uint32_t position = kPackedHeaderBytes; position != bytes_ - 1;) {
    PackedElement element;
    if (!Get(position, &element)) return false;
    if (element.kind != PackedElement::Kind::kString && element.kind != PackedElement::Kind::kInteger) return false;
    if (Before(position) != previous) return false;
    previous = position;
    position = element.next;
    ++found;
  }
  if (Before(bytes_ - 1) != previous) return false;
  const auto count = LoadLittle<uint16_t>(data_ + 4);
  *elements = found;
  return count == kPackedCountUnknown || count == found;
}

// ---- Writing ----

void AppendInteger(int64_t value, std::string* out) {
  const size_t began = out->size();
  if (value >= 0 && value < 128) {
    out->push_back(static_cast<char>(value));
  } else if (value >= -4096 && value < 4096) {
    const uint32_t bits = static_cast<uint32_t>(value) & 0x1fff;
    out->push_back(static_cast<char>(0xc0 | (bits >> 8)));
    out->push_back(static_cast<char>(bits & 0xff));
  } else if (value >= INT16_MIN && value <= INT16_MAX) {
    out->push_back(static_cast<char>(kInteger16));
    AppendLittle(static_cast<int16_t>(value), out);
  } else if (value >= -(1 << 23) && value < 1 << 23) {
    out->push_back(static_cast<char>(kInteger24));
    const auto bits = static_cast<uint32_t>(value);
    for (int shift = 0; shift < 24; shift += 8) out->push_back(static_cast<char>(bits >> shift));
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    out->push_back(static_cast<char>(kInteger32));
    AppendLittle(static_cast<int32_t>(value), out);
  } else {
    out->push_back(static_cast<char>(kInteger64));
    AppendLittle(value, out);
  }
  Finish(began, out);
}

void AppendElement(std::string_view text, std::string* out) {
  if (const auto integer = ParseInteger(text)) {
    AppendInteger(*integer, out);
    return;
  }
  CHECK(text.size() <= kPackedBytesMax);
  const size_t began = out->size();
  if (text.size() < 64) {
    out->push_back(static_cast<char>(0x80 | text.size()));
  } else if (text.size() < 4096) {
    out->push_back(static_cast<char>(0xe0 | (text.size() >> 8)));
    out->push_back(static_cast<char>(text.size() & 0xff));
  } else {
    out->push_back(static_cast<char>(kString32));
    AppendLittle(static_cast<uint32_t>(text.size()), out);
  }
  out->append(text);
  Finish(began, out);
}

void AppendScore(double score, std::string* out) {
  const size_t began = out->size();
  out->push_back(static_cast<char>(kScoreElement));
  AppendLittle(score, out);
  Finish(began, out);
}

void AppendExpiry(int64_t expire_at_ms, std::string* out) {
  const size_t began = out->size();
  out->push_back(static_cast<char>(kExpiryElement));
  AppendLittle(expire_at_ms, out);
  Finish(began, out);
}

void AppendExternal(Link link, uint32_t bytes, std::string* out) {
  const size_t began = out->size();
  out->push_back(static_cast<char>(kExternalElement));
  AppendLittle(link, out);
  AppendLittle(bytes, out);
  Finish(began, out);
}

void InitPacked(char* block) {
  StoreHeaderOf(block, kPackedEmptyBytes, 0);
  RacyFill(block + kPackedHeaderBytes, kEnd, 1);
}

std::string EmptyPacked() {
  std::string block(kPackedEmptyBytes, '\0');
  InitPacked(block.data());
  return block;
}

void ApplySplice(char* block, const PackedSplice& splice) {
  const auto bytes = LoadLittle<uint32_t>(block);
  RacyMove(block + splice.from + splice.elements.size(), block + splice.to, bytes - splice.to);
  RacyStore(block + splice.from, splice.elements.data(), splice.elements.size());
  StoreHeaderOf(block, static_cast<uint64_t>(int64_t{bytes} + splice.size_change()),
                CountAfter(block, splice.count_change));
}

void CopySpliced(const char* block, const PackedSplice& splice, char* to) {
  const auto bytes = LoadLittle<uint32_t>(block);
  RacyStore(to, block, splice.from);
  RacyStore(to + splice.from, splice.elements.data(), splice.elements.size());
  RacyStore(to + splice.from + splice.elements.size(), block + splice.to, bytes - splice.to);
  StoreHeaderOf(to, static_cast<uint64_t>(int64_t{bytes} + splice.size_change()),
                CountAfter(block, splice.count_change));
}

int CountElements(const PackedReader& block, uint32_t from, uint32_t to) {
  int count = 0;
  for (uint32_t position = from; position != 0 && position < to; position = block.Next(position)) ++count;
  return count;
}

}  // namespace chestbox::shm
