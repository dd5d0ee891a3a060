#include "libs/sampling/ablp_label_types.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

absl::StatusOr<LabelSide> FindLabelSide(const Dataset& dataset, int edge_type,
                                        int anchor_type) {
  const EdgeType& type = dataset.edge_types()[static_cast<size_t>(edge_type)];
  const EdgeTypeName& name = type.name;
  if (type.src_type == anchor_type && type.out.has_value()) {
    return LabelSide{EdgeDir::kOut, type.dst_type, name};
  }
  if (type.dst_type == anchor_type && type.in.has_value()) {
    return LabelSide{
        EdgeDir::kIn, type.src_type, {name.dst, name.relation, name.src}};
  }
  const std::string& anchor =
      dataset.node_types()[static_cast<size_t>(anchor_type)].name;
  if (type.src_type != anchor_type && type.dst_type != anchor_type) {
    return absl::InvalidArgumentError(
        absl::StrCat("label edge type ", name.ToString(),
                     ": has no end of the anchors' type ", anchor));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("label edge type ", name.ToString(), ": is listed by ",
                   type.out.has_value() ? name.src : name.dst,
                   " alone, and the labels of anchors of type ", anchor,
                   " are asked for; list it by ", anchor, ", too"));
}

absl::StatusOr<int> FindLabelEdgeType(const Dataset& dataset,
                                      const EdgeTypeName& supervision,
                                      absl::string_view suffix) {
  const std::string relation = absl::StrCat(supervision.relation, suffix);
  FAIRLEAD_ASSIGN_OR_RETURN(const int anchor_type,
                            dataset.FindNodeType(supervision.src));
  absl::Status status = absl::NotFoundError(absl::StrCat(
      "dataset ", dataset.name(), ": has no labels for edges of type ",
      supervision.ToString(), ", which would be edges of type ",
      EdgeTypeName{supervision.src, relation, supervision.dst}.ToString()));
  for (const EdgeTypeName& name :
       {EdgeTypeName{supervision.src, relation, supervision.dst},
        EdgeTypeName{supervision.dst, relation, supervision.src}}) {
    const absl::StatusOr<int> edge_type = dataset.FindEdgeType(name);
    if (!edge_type.ok()) continue;
    const absl::StatusOr<LabelSide> side =
        FindLabelSide(dataset, *edge_type, anchor_type);
    if (side.ok()) return *edge_type;
    status = side.status();
  }
  return status;
}

}  // namespace fairlead
