#ifndef FAIRLEAD_LIBS_PYTHON_FILES_TORCH_FILE_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_TORCH_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/zip_reader.h"

namespace fairlead {

struct TorchFileOptions {
  ZipOptions zip;
  // load_storage is ours to set.
  PickleOptions pickle;
};

// Reads what torch.save wrote (torch 1.6 and later): a value whose tensors
// point into the mapped file, which the document keeps.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument book,
//                             ReadTorchFile("node_pb.pt"));
//   FAIRLEAD_ASSIGN_OR_RETURN(const StridedArray* parts,
//                             book.root().GetArray("node_pb.pt"));
//
// NOT_FOUND if there is no file; DATA_LOSS if it is malformed;
// INVALID_ARGUMENT if its pickle would have run code, or if it is of the format
// before 1.6, TorchScript, or big-endian, each with what to do;
// RESOURCE_EXHAUSTED beyond limits. Sums of all storages are checked, so all of
// the file is read once.
absl::StatusOr<PickleDocument> ReadTorchFile(
    const std::string& path, const TorchFileOptions& options = {});

// The same for bytes in memory.
absl::StatusOr<PickleDocument> ParseTorchFile(
    const SharedBytes& bytes, const std::string& name,
    const TorchFileOptions& options = {});

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_TORCH_FILE_H_
