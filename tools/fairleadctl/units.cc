#include "tools/fairleadctl/units.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

std::string Bytes(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.*f%s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

std::string Seconds(double seconds) {
  if (seconds >= 1) return absl::StrFormat("%.2fs", seconds);
  if (seconds >= 1e-3) return absl::StrFormat("%.1fms", seconds * 1e3);
  return absl::StrFormat("%.0fus", seconds * 1e6);
}

std::string Percent(double fraction) {
  return absl::StrFormat("%.0f%%", 100 * fraction);
}

std::string WeightOf(const v1::ChannelControl& control) {
  return absl::StrCat(control.weight() == 0 ? 1 : control.weight());
}

std::string RateOf(const v1::ChannelControl& control) {
  if (control.max_batches_per_second() == 0) return "any";
  return absl::StrCat(control.max_batches_per_second(), "/s");
}

}  // namespace fairlead
