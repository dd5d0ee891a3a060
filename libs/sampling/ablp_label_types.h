#ifndef FAIRLEAD_LIBS_SAMPLING_ABLP_LABEL_TYPES_H_
#define FAIRLEAD_LIBS_SAMPLING_ABLP_LABEL_TYPES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// Labels of anchors are edges of types of their own (parity 2.8). They are
// named outward, (anchor, relation, label), whichever way they are stored: in a
// dataset by source as they are named; in one by destination (edge_dir "in")
// turned round, (label, relation, anchor), so that an anchor's labels are in
// its row there too. Both give the same answers (G10, C-16).

// What G appends to the relation of a supervision edge type.
inline constexpr absl::string_view kPositiveLabelSuffix = "_gigl_positive";
inline constexpr absl::string_view kNegativeLabelSuffix = "_gigl_negative";

// How the labels of anchors are read.
struct LabelSide {
  EdgeDir direction = EdgeDir::kOut;  // in which an anchor's row is
  int label_type = 0;                 // node type of the labels
  EdgeTypeName outward_name;          // (anchor, relation, label)
};

// By the rows of `out`, where edges of the type start at nodes of the anchors'
// type and are listed so; else by those of `in`, where they end there and are
// listed so. (So edges between nodes of one type that only `in` lists are taken
// to be turned round.) INVALID_ARGUMENT, saying what is missing, if neither is.
// REQUIRES types of the dataset.
absl::StatusOr<LabelSide> FindLabelSide(const Dataset& dataset, int edge_type,
                                        int anchor_type);

// The edge type that has the labels of a supervision edge type, which is named
// outward: that with `suffix` appended to the relation, as it is or turned
// round, whichever can be read. NOT_FOUND if there is neither; INVALID_ARGUMENT
// if neither can be read.
absl::StatusOr<int> FindLabelEdgeType(const Dataset& dataset,
                                      const EdgeTypeName& supervision,
                                      absl::string_view suffix);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_ABLP_LABEL_TYPES_H_
