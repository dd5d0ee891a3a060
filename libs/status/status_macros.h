#ifndef FAIRLEAD_LIBS_STATUS_STATUS_MACROS_H_
#define FAIRLEAD_LIBS_STATUS_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Early return on error, for functions that return absl::Status or
// absl::StatusOr. (The packaged Abseil has no such macros.)
//
//   FAIRLEAD_RETURN_IF_ERROR(Check(options));
//   FAIRLEAD_ASSIGN_OR_RETURN(const Csr csr, LoadCsr(path));

#define FAIRLEAD_RETURN_IF_ERROR(expr)                 \
  do {                                                 \
    absl::Status fairlead_status = (expr);             \
    if (!fairlead_status.ok()) return fairlead_status; \
  } while (false)

#define FAIRLEAD_ASSIGN_OR_RETURN(lhs, expr) \
  FAIRLEAD_ASSIGN_OR_RETURN_IMPL(            \
      FAIRLEAD_STATUS_CONCAT(fairlead_statusor_, __LINE__), lhs, expr)

#define FAIRLEAD_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                   \
  if (!statusor.ok()) return std::move(statusor).status();  \
  lhs = *std::move(statusor)

#define FAIRLEAD_STATUS_CONCAT(a, b) FAIRLEAD_STATUS_CONCAT_IMPL(a, b)
#define FAIRLEAD_STATUS_CONCAT_IMPL(a, b) a##b

#endif  // FAIRLEAD_LIBS_STATUS_STATUS_MACROS_H_
