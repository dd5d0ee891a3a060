#ifndef FAIRLEAD_LIBS_TENSOR_MESH_EXAMPLES_EXAMPLE_MEMBER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_EXAMPLES_EXAMPLE_MEMBER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// Which member of a mesh this process is, as the flags --role, --rank,
// --workers, --servers, --shm_dir and --folder say; or, with
// --from_environment, StepMesh's environment (see mesh_environment.h).
struct ExampleMember {
  MeshConfig config;
  std::shared_ptr<MeshRendezvous> rendezvous;
};
absl::StatusOr<ExampleMember> ExampleMemberFromFlags();

// Whether --role=local: all of the example in this process, without a mesh.
bool IsLocalExample();
// --workers.
uint32_t ExampleWorkers();
uint32_t ExampleServers();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_EXAMPLES_EXAMPLE_MEMBER_H_
