// Socket addresses as Redis prints them: "127.0.0.1:6379", "[::1]:6379".
#pragma once

#include <string>
#include <string_view>

namespace chestbox {

std::string PeerAddress(int descriptor);
std::string LocalAddress(int descriptor);
bool IsLoopback(std::string_view address);

}  // namespace chestbox
