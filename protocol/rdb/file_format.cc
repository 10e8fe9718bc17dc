#include "protocol/rdb/file_format.h"

#include "protocol/rdb/dump.h"
#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/string_codec.h"

namespace chestbox::rdb {

namespace {

void AppendMark(FileMark mark, std::string& out) { out.push_back(static_cast<char>(mark)); }

}  // namespace

void AppendFileHeader(std::string& out) {
  out.append(kFileMagic);
  const std::string version = std::to_string(kVersion);
  out.append(4 - version.size(), '0');
  out.append(version);
}

void AppendAux(std::string_view name, std::string_view value, std::string& out) {
  AppendMark(FileMark::kAux, out);
  AppendString(name, out);
  AppendString(value, out);
}

void AppendFunction(std::string_view library_code, std::string& out) {
  AppendMark(FileMark::kFunction2, out);
  AppendString(library_code, out);
}

void AppendSelect(uint32_t database, std::string& out) {
  AppendMark(FileMark::kSelectDatabase, out);
  AppendLength(database, out);
}

void AppendDatabase(uint32_t database, uint64_t states, uint64_t expiring, std::string& out) {
  AppendSelect(database, out);
  AppendMark(FileMark::kResizeDatabase, out);
  AppendLength(states, out);
  AppendLength(expiring, out);
}

void AppendExpiry(int64_t expire_at_ms, std::string& out) {
  AppendMark(FileMark::kExpireMs, out);
  AppendMilliseconds(expire_at_ms, out);
}

void AppendIdle(uint64_t seconds, std::string& out) {
  AppendMark(FileMark::kIdle, out);
  AppendLength(seconds, out);
}

void AppendFrequency(uint8_t counter, std::string& out) {
  AppendMark(FileMark::kFrequency, out);
  out.push_back(static_cast<char>(counter));
}

void AppendKeyAndObject(std::string_view key, std::string_view object, std::string& out) {
  out.push_back(object[0]);
  AppendString(key, out);
  out.append(object.substr(1));
}

}  // namespace chestbox::rdb
