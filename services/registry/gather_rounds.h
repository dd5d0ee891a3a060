#ifndef FAIRLEAD_SERVICES_REGISTRY_GATHER_ROUNDS_H_
#define FAIRLEAD_SERVICES_REGISTRY_GATHER_ROUNDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// The rounds of AllGather (parity GL-122 to GL-124): who has sent what. Part of
// RegistryState, and changed in the same way: Plan...() says what to write, and
// what was written is applied. Pure, thread-compatible.
//
// A complete round stays until the next one of its group is complete: then
// every rank has its answer, since it has asked again. What the originals keep
// for ever is thus one round a group, which goes with the last of its members.
class GatherRounds {
 public:
  static constexpr uint32_t kMaxWorldSize = 65536;
  static constexpr size_t kMaxValueBytes = 1 << 20;

  void Put(const v1::GatherRecord& record);
  // Of a key that Put() would have; others are ignored.
  void Delete(absl::string_view key);

  // The codes of RegistryService.AllGather but ABORTED. `member_name` is of
  // request.member_id().
  absl::StatusOr<std::vector<StoreWrite>> PlanValue(
      const v1::AllGatherRequest& request,
      const std::string& member_name) const;

  // What the end of a member does: rounds that it took part in and that are not
  // complete are broken; those that only it could still ask for go.
  std::vector<StoreWrite> PlanLeave(
      uint64_t member_id, absl::string_view member_name,
      const std::function<bool(uint64_t)>& is_member) const;

  // The answer to one who has sent a value: all values; UNAVAILABLE while some
  // are missing; ABORTED if the round was broken since.
  absl::StatusOr<v1::AllGatherResponse> Answer(const std::string& group,
                                               uint64_t round) const;

  // "1, 4, 5": the ranks that have sent nothing.
  std::string DescribeMissing(const std::string& group, uint64_t round) const;

  std::vector<std::string> Keys() const;

 private:
  using Group = std::string;
  using Round = std::map<uint32_t, v1::GatherRecord>;  // by rank

  static bool IsBroken(const Round& round) {
    return !round.begin()->second.broken_by().empty();
  }
  static bool IsComplete(const Round& round) {
    return !IsBroken(round) &&
           round.size() == round.begin()->second.world_size();
  }

  std::map<std::pair<Group, uint64_t>, Round> rounds_;  // none is empty
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_GATHER_ROUNDS_H_
