#ifndef FAIRLEAD_LIBS_SECURITY_IDENTITY_H_
#define FAIRLEAD_LIBS_SECURITY_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead::security {

// What a process is in the cluster. Values are bits of Roles.
enum class Role : unsigned {
  kNobody = 0,  // who may do nothing
  kRegistry = 1,
  kPool = 2,
  kGateway = 4,
  kTrainer = 8,
  kOperator = 16,  // a person, or a tool for one
};

// Who somebody is: what a certificate or a token says. A trainer works for a
// job, and what it makes is that job's.
struct Identity {
  Role role = Role::kNobody;
  std::string job;  // of a trainer; no other has one

  friend bool operator==(const Identity&, const Identity&) = default;
};

// "registry", "pool", "gateway", "operator" or "trainer/JOB", and "nobody".
std::string ToString(const Identity& identity);

// The inverse, but for "nobody". INVALID_ARGUMENT for other words, and for a
// job that is not 1 to 64 characters of [A-Za-z0-9._:-].
absl::StatusOr<Identity> ParseIdentity(absl::string_view text);

// The same as a certificate says it, in a URI among its subject alternative
// names: fairlead://role/trainer/JOB.
inline constexpr char kUriPrefix[] = "fairlead://role/";
std::string ToUri(const Identity& identity);

// Who the URIs of a certificate say that it is; others than ours do not matter.
// INVALID_ARGUMENT if none is ours, several are, or one that is no identity.
absl::StatusOr<Identity> IdentityOfUris(const std::vector<std::string>& uris);

}  // namespace fairlead::security

#endif  // FAIRLEAD_LIBS_SECURITY_IDENTITY_H_
