#ifndef FAIRLEAD_LIBS_LOADER_DIST_ABLP_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_ABLP_LOADER_H_

#include "libs/loader/dist_loader.h"
#include "libs/loader/loader_options.h"

namespace fairlead {

// The neighbourhoods of anchors and of the nodes that they are labelled with:
// GiGL's DistABLPLoader (parity 2.8). Batches have y_positive and y_negative.
//
//   AblpLoaderOptions options;
//   options.fanout = {10, 5};
//   options.input_nodes = InputNodes::Split("train", "user");
//   options.supervision_edge_type = {"user", "buys", "item"};
using DistAblpLoader = DistLoaderOf<AblpLoaderOptions>;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_ABLP_LOADER_H_
