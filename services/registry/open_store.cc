#include "services/registry/open_store.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/rpc/security.h"
#include "services/registry/etcd_store.h"
#include "services/registry/sqlite_store.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<RegistryStore>> OpenStore(
    absl::string_view spec, const std::shared_ptr<rpc::Security>& security) {
  absl::string_view rest = spec;
  const bool is_secure = absl::ConsumePrefix(&rest, "etcds://");
  if (is_secure || absl::ConsumePrefix(&rest, "etcd://")) {
    EtcdOptions options;
    const size_t slash = rest.find('/');
    options.endpoints =
        absl::StrSplit(rest.substr(0, slash), ',', absl::SkipEmpty());
    if (is_secure) {
      if (security == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(
            "store \"", spec, "\": needs --tls_cert, --tls_key and --tls_ca"));
      }
      options.security = security;
    }
    if (slash != absl::string_view::npos && slash + 1 < rest.size()) {
      options.prefix =
          absl::StrCat(absl::StripSuffix(rest.substr(slash), "/"), "/");
    }
    return OpenEtcdStore(std::move(options));
  }
  if (spec.empty() || absl::StrContains(spec, "://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("store \"", spec,
                     "\": is neither a file nor etcd; give, for example, "
                     "/var/lib/fairlead/registry.db, :memory: or "
                     "etcd://10.0.0.1:2379,10.0.0.2:2379/fairlead"));
  }
  return OpenSqliteStore(spec);
}

}  // namespace fairlead
