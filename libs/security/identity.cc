#include "libs/security/identity.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead::security {
namespace {

constexpr std::pair<Role, absl::string_view> kNames[] = {
    {Role::kRegistry, "registry"}, {Role::kPool, "pool"},
    {Role::kGateway, "gateway"},   {Role::kTrainer, "trainer"},
    {Role::kOperator, "operator"},
};

constexpr size_t kMaxJob = 64;

bool IsJob(absl::string_view job) {
  return !job.empty() && job.size() <= kMaxJob &&
         std::all_of(job.begin(), job.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("._:-").find(c) != absl::string_view::npos;
         });
}

}  // namespace

std::string ToString(const Identity& identity) {
  for (const auto& [role, name] : kNames) {
    if (role != identity.role) continue;
    return role == Role::kTrainer ? absl::StrCat(name, "/", identity.job)
                                  : std::string(name);
  }
  return "nobody";
}

absl::StatusOr<Identity> ParseIdentity(absl::string_view text) {
  for (const auto& [role, name] : kNames) {
    absl::string_view rest = text;
    if (!absl::ConsumePrefix(&rest, name)) continue;
    if (role != Role::kTrainer && rest.empty()) {
      return Identity{.role = role, .job = {}};
    }
    if (role == Role::kTrainer && absl::ConsumePrefix(&rest, "/") &&
        IsJob(rest)) {
      return Identity{.role = role, .job = std::string(rest)};
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\": is none of registry, pool, gateway, operator and "
                   "trainer/JOB, where JOB is 1 to ",
                   kMaxJob, " characters of [A-Za-z0-9._:-]"));
}

std::string ToUri(const Identity& identity) {
  return absl::StrCat(kUriPrefix, ToString(identity));
}

absl::StatusOr<Identity> IdentityOfUris(const std::vector<std::string>& uris) {
  std::vector<absl::string_view> words;
  for (const std::string& uri : uris) {
    absl::string_view rest = uri;
    if (absl::ConsumePrefix(&rest, kUriPrefix)) words.push_back(rest);
  }
  if (words.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        words.empty() ? "none" : "more than one",
        " of the certificate's subject alternative names is of the form URI:",
        kUriPrefix, "pool; `tools/dev certs` shows how to make one"));
  }
  return ParseIdentity(words[0]);
}

}  // namespace fairlead::security
