#include "services/registry/check_name.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fairlead {
namespace {

constexpr size_t kMaxNameLength = 128;

}  // namespace

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kMaxNameLength &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) ||
               absl::string_view("._/:-").find(static_cast<char>(c)) !=
                   absl::string_view::npos;
      });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", name, "\" must be 1 to ", kMaxNameLength,
                   " characters of [A-Za-z0-9._/:-]"));
}

}  // namespace fairlead
