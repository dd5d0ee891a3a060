#ifndef FAIRLEAD_SERVICES_REGISTRY_CHECK_NAME_H_
#define FAIRLEAD_SERVICES_REGISTRY_CHECK_NAME_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// INVALID_ARGUMENT, naming the request's field, unless `name` is 1 to 128
// characters of [A-Za-z0-9._/:-].
absl::Status CheckName(absl::string_view field, absl::string_view name);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_CHECK_NAME_H_
