#ifndef FAIRLEAD_SERVICES_REGISTRY_STORED_RECORDS_H_
#define FAIRLEAD_SERVICES_REGISTRY_STORED_RECORDS_H_

#include <cstdint>
#include <string>

#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// What the registry's records are called in its store, and how they are
// written there. (Rounds of AllGather: see gather_rounds.h.)

std::string MemberKey(uint64_t id);
std::string BackendKey(uint64_t id);
std::string ChannelKey(uint64_t id);

StoreWrite Put(const v1::MemberRecord& member);
StoreWrite Put(const v1::BackendRecord& backend);
StoreWrite Put(const v1::ChannelRecord& channel);
StoreWrite Put(const v1::IdCounters& ids);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_STORED_RECORDS_H_
