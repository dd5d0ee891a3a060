#ifndef FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_

#include "libs/loader/dist_loader.h"
#include "libs/loader/loader_options.h"

namespace fairlead {

// The sampled neighbourhoods of seed nodes: GLT's DistNeighborLoader (parity
// GL-050 to GL-060). See example_trainer.cc.
using DistNeighborLoader = DistLoaderOf<NeighborLoaderOptions>;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_
