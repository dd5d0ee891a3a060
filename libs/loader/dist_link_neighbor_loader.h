#ifndef FAIRLEAD_LIBS_LOADER_DIST_LINK_NEIGHBOR_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_LINK_NEIGHBOR_LOADER_H_

#include "libs/loader/dist_loader.h"
#include "libs/loader/loader_options.h"

namespace fairlead {

// The sampled neighbourhoods of the ends of edges, and of negatives: GLT's
// DistLinkNeighborLoader (parity 2.5). Batches have edge_label_index and
// edge_label, or with triplets src_index, dst_pos_index and dst_neg_index.
//
//   LinkNeighborLoaderOptions options;
//   options.fanout = {15, 10};
//   options.input_edges.edges = {.src = {0, 4}, .dst = {7, 1}};
//   options.negatives = v1::NEGATIVE_MODE_BINARY;
using DistLinkNeighborLoader = DistLoaderOf<LinkNeighborLoaderOptions>;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_LINK_NEIGHBOR_LOADER_H_
