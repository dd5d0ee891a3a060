#ifndef FAIRLEAD_LIBS_LOADER_DIST_SUBGRAPH_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_SUBGRAPH_LOADER_H_

#include "libs/loader/dist_loader.h"
#include "libs/loader/loader_options.h"

namespace fairlead {

// The subgraphs that seed nodes, and with a fanout what is around them, induce:
// GLT's DistSubGraphLoader (parity 2.10). Batches have `mapping`, the local
// index of each input.
using DistSubGraphLoader = DistLoaderOf<SubGraphLoaderOptions>;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_SUBGRAPH_LOADER_H_
