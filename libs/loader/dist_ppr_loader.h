#ifndef FAIRLEAD_LIBS_LOADER_DIST_PPR_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_PPR_LOADER_H_

#include "libs/loader/dist_loader.h"
#include "libs/loader/loader_options.h"

namespace fairlead {

// The nodes that seeds rank highest by personalised PageRank: GiGL's loader
// with its PPR sampler (parity 2.9). Batches have no neighbourhoods, but pairs
// of a seed and a node, and what the node weighs: Data::ppr_edge_index,
// ppr_weight, HeteroData::ppr.
using DistPprLoader = DistLoaderOf<PprLoaderOptions>;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_PPR_LOADER_H_
