#ifndef FAIRLEAD_LIBS_TENSOR_MESH_ELASTIC_MEMBER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_ELASTIC_MEMBER_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"

namespace fairlead::testing {

// What a member does that goes on when others are lost, and uses those who
// join: three micro-batches in flight, each of which every server that lives
// answers with its value times (rank + 1).

// Until `is_over`. Says "served by 0 1" when all of other servers than before
// have answered a request. DATA_LOSS if an answer is wrong.
absl::Status WorkUntil(MeshWorker& worker, size_t floats,
                       absl::FunctionRef<bool()> is_over,
                       const std::function<void(const std::string&)>& say);

absl::Status ServeUntil(MeshServer& server, float factor,
                        absl::FunctionRef<bool()> is_over);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_ELASTIC_MEMBER_H_
