#ifndef FAIRLEAD_LIBS_RPC_REGISTRY_ADDRESS_H_
#define FAIRLEAD_LIBS_RPC_REGISTRY_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"

namespace fairlead::rpc {

// Where the registry is: `given`, as CheckAddresses has it; or, if that is
// empty, on the host that $MASTER_ADDR names, at the port after $MASTER_PORT,
// which torch.distributed has for itself (parity GL-086). INVALID_ARGUMENT,
// naming what is wrong or missing.
absl::StatusOr<std::string> RegistryAddress(const std::string& given);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_REGISTRY_ADDRESS_H_
