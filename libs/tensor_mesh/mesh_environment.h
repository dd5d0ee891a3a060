#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_ENVIRONMENT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_ENVIRONMENT_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/tensor_mesh/mesh_config.h"

namespace fairlead {

// What StepMesh's environment says of a member (parity 6.2):
//
//   DMLC_ROLE             worker or server; the registry stands for a scheduler
//   DMLC_NUM_WORKER, DMLC_NUM_SERVER    nodes
//   DMLC_GROUP_SIZE       processes a node, 1; if more, process i of a node
//                         exchanges with process i of each node
//   DMLC_NODE_RANK        0
//   STEPMESH_GPU, DMLC_RANK_OFFSET      0
//   DMLC_INSTANCE_ID      within its node; STEPMESH_GPU + DMLC_RANK_OFFSET
//   DMLC_PS_ROOT_URI, DMLC_PS_ROOT_PORT the registry
//   DMLC_INTERFACE        the network interface whose address is offered
//   DMLC_LOCAL            1: shared memory only
//   DMLC_ENABLE_RDMA      0 or unset; there is no such transport
//   STEPMESH_BAKCEND (sic), STEPMESH_BACKEND    CPU
//   STEPMESH_SPLIT_QP_LAG, STEPMESH_MEM_SYNC, STEPMESH_BIND_CPU_CORE,
//   STEPMESH_CPU_CORES_PER_SOCKET, STEPMESH_CPU_CORES_PER_GPU,
//   STEPMESH_CPU_START_OFFSET           numbers, of no effect: no thread is
//                         bound to a core (see taskset(1))
struct MeshEnvironment {
  MeshConfig config;
  std::string registry;  // host:port; empty if it is not named
};

// `getenv` as in <cstdlib>. INVALID_ARGUMENT names the variable; UNIMPLEMENTED
// for RDMA and GPU.
absl::StatusOr<MeshEnvironment> MeshEnvironmentOf(
    absl::FunctionRef<const char*(const char*)> getenv);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_ENVIRONMENT_H_
