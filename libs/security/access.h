#ifndef FAIRLEAD_LIBS_SECURITY_ACCESS_H_
#define FAIRLEAD_LIBS_SECURITY_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/security/identity.h"

namespace fairlead::security {

// Whether `caller` may call `method` ("/fairlead.v1.RegistryService/Join") of a
// process that is `self`: one table of methods and roles, in access.cc. What a
// caller may do to which member, backend or channel is another question, which
// the services answer: see CheckSameJob.
//
// A process that a trainer runs (callees of a job, a sampler pool of its own)
// serves trainers of its own job, and nobody else.
//
// UNAUTHENTICATED for nobody, PERMISSION_DENIED for another role or job, and
// UNIMPLEMENTED for a method that has no row: what is not in the table cannot
// be called.
absl::Status CheckAccess(absl::string_view method, const Identity& caller,
                         const Identity& self);

// PERMISSION_DENIED, naming `what`, if `caller` is a trainer, and `what` is
// another job's. Other roles are of no job: what they may do is in the table.
absl::Status CheckSameJob(const Identity& caller, absl::string_view job,
                          absl::string_view what);

// Every method that has a row.
std::vector<std::string> MethodsWithAccess();

}  // namespace fairlead::security

#endif  // FAIRLEAD_LIBS_SECURITY_ACCESS_H_
