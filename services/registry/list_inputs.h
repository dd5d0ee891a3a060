#ifndef FAIRLEAD_SERVICES_REGISTRY_LIST_INPUTS_H_
#define FAIRLEAD_SERVICES_REGISTRY_LIST_INPUTS_H_

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"

namespace fairlead {

struct PoolToList {
  std::string name;
  std::shared_ptr<v1::SamplerPoolService::Stub> stub;
};

// What pools say of their channels, by pool's name. One that does not answer is
// missing.
using PoolAnswers = std::map<std::string, v1::ListInputsResponse>;

// Asks all of them at a time, each once, until `deadline` and not for longer
// than two seconds.
PoolAnswers ListInputsOf(const std::vector<PoolToList>& pools,
                         std::chrono::system_clock::time_point deadline);

// Adds to what the registry knows of a channel what its pool says.
void AddFromPool(v1::ChannelDescription from_pool,
                 v1::ChannelDescription& channel);

// The same of many. A channel that its pool, which has answered, does not know
// is about to be made there: INITIALISING.
void AddFromPools(PoolAnswers answers,
                  std::vector<v1::ChannelDescription>& channels);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_LIST_INPUTS_H_
