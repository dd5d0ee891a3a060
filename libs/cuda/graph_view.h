#ifndef FAIRLEAD_LIBS_CUDA_GRAPH_VIEW_H_
#define FAIRLEAD_LIBS_CUDA_GRAPH_VIEW_H_

#include <cstdint>
#include <vector>

#include "libs/cuda/host_device.h"

namespace fairlead::cuda {

// A graph as pointers, to wherever it lies: what libs/graph has, for kernels.

// Numbers from 0 on, in 32 or in 64 bits each.
struct Numbers {
  const int64_t* wide = nullptr;
  const uint32_t* narrow = nullptr;
  int64_t size = 0;

  FAIRLEAD_HOST_DEVICE int64_t operator[](int64_t i) const {
    return narrow != nullptr ? int64_t{narrow[i]} : wide[i];
  }
};

// Which ids have rows, and which: [first, first + size), or an ascending list.
struct RowIds {
  int64_t first = 0;
  int64_t size = 0;
  const int64_t* list = nullptr;

  // The row of an id, or -1 for any number that is none of them.
  FAIRLEAD_HOST_DEVICE int64_t Row(int64_t id) const {
    if (list == nullptr) {
      const uint64_t row =
          static_cast<uint64_t>(id) - static_cast<uint64_t>(first);
      return row < static_cast<uint64_t>(size) ? static_cast<int64_t>(row) : -1;
    }
    int64_t begin = 0;
    int64_t end = size;
    while (begin < end) {
      const int64_t middle = begin + (end - begin) / 2;
      if (list[middle] < id) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin < size && list[begin] == id ? begin : -1;
  }
};

// The edges of one type, listed by the nodes at one of their ends.
struct EdgeList {
  Numbers indptr;    // rows + 1
  Numbers indices;   // ids at the other ends
  Numbers edge_ids;  // as many; none: first_edge_id + position
  int64_t first_edge_id = 0;

  FAIRLEAD_HOST_DEVICE int64_t EdgeId(int64_t position) const {
    return edge_ids.size == 0 ? first_edge_id + position : edge_ids[position];
  }
};

struct GraphView {
  struct EdgeType {
    EdgeList edges;    // no indptr: none can be drawn in the wanted direction
    int row_type = 0;  // index into node_types: by whom edges are listed
    int neighbor_type = 0;  // ... and of whom they list
  };
  std::vector<RowIds> node_types;
  std::vector<EdgeType> edge_types;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_GRAPH_VIEW_H_
