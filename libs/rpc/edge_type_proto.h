#ifndef FAIRLEAD_LIBS_RPC_EDGE_TYPE_PROTO_H_
#define FAIRLEAD_LIBS_RPC_EDGE_TYPE_PROTO_H_

#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// An edge type's name as the contracts put it, and back.

inline EdgeTypeName FromProto(const v1::EdgeType& type) {
  return {type.src(), type.relation(), type.dst()};
}

inline v1::EdgeType ToProto(const EdgeTypeName& name) {
  v1::EdgeType type;
  type.set_src(name.src);
  type.set_relation(name.relation);
  type.set_dst(name.dst);
  return type;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_RPC_EDGE_TYPE_PROTO_H_
