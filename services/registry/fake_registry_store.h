#ifndef FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// A store whose medium is a map of the test's, and which fails when told to.
class FakeRegistryStore final : public RegistryStore {
 public:
  using Medium = std::map<std::string, std::string>;

  explicit FakeRegistryStore(Medium* medium) : medium_(medium) {}

  absl::StatusOr<Medium> Load() override { return *medium_; }

  absl::Status Commit(absl::Span<const StoreWrite> writes) override {
    if (!failure_.ok()) return failure_;
    for (const StoreWrite& write : writes) {
      if (write.value.has_value()) {
        (*medium_)[write.key] = *write.value;
      } else {
        medium_->erase(write.key);
      }
    }
    return absl::OkStatus();
  }

  // What every Commit says from now on.
  void FailWith(absl::Status failure) { failure_ = std::move(failure); }

 private:
  Medium* const medium_;
  absl::Status failure_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_
