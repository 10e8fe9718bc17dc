#include "swap/swap_store.h"

namespace chestbox::swap {
namespace {
constexpr std::string_view kValueGoneText = "ERR swap: the value was replaced or removed while it was read";
}  // namespace

bool IsValueGone(const Error& error) { return error.message == kValueGoneText; }

Error ValueGone() { return Error{std::string(kValueGoneText)}; }

}  // namespace chestbox::swap
