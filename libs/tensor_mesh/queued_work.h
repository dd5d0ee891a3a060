#ifndef FAIRLEAD_LIBS_TENSOR_MESH_QUEUED_WORK_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_QUEUED_WORK_H_

namespace fairlead::torch_mesh {

// Waits for what is queued on the calling thread's current CUDA stream: say,
// copies from a GPU into pinned tensors that are about to be sent (`need_event`
// of parity SM-02, SM-06). Nothing to wait for where libtorch finds no CUDA.
//
// The one place that knows of CUDA; it needs no toolkit to be built.
void AwaitQueuedWork();

}  // namespace fairlead::torch_mesh

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_QUEUED_WORK_H_
