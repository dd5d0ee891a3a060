#include "libs/loader/receiving_options.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace fairlead {

absl::Status Validate(const ReceivingOptions& options) {
  if (options.num_servers == 0) {
    return absl::InvalidArgumentError("num_servers: must be at least 1, got 0");
  }
  if (options.prefetch_size < 1) {
    return absl::InvalidArgumentError(
        "prefetch_size: must be at least 1, got 0; with 0 no batch could come");
  }
  if (options.max_prefetch_size < 1) {
    return absl::InvalidArgumentError(
        "max_prefetch_size: must be at least 1, got 0; with 0 no batch could "
        "come");
  }
  if (options.credit_bytes < 1) {
    return absl::InvalidArgumentError(
        "credit_bytes: must be at least 1, got 0; with 0 no batch could come");
  }
  if (!options.active_mask.empty() &&
      options.active_mask.size() != options.num_servers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "active_mask: has ", options.active_mask.size(), " entries for ",
        options.num_servers, " servers; give one for each, or none"));
  }
  if (options.start_epoch == nullptr) {
    return absl::InvalidArgumentError("start_epoch: must be set");
  }
  return absl::OkStatus();
}

}  // namespace fairlead
