// `rdbcompression yes`: objects with their long strings and blobs compressed, as Redis writes them.
#pragma once

#include <string>
#include <string_view>

namespace chestbox::rdb {

// `object` is one that AppendString and AppendBlob made (nothing in it is compressed yet). What can't be made smaller
// comes back as it was; so do streams' groups, which hold no long strings. Pure, any thread.
std::string CompressObject(std::string_view object);

}  // namespace chestbox::rdb
