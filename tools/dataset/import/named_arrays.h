#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_NAMED_ARRAYS_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_NAMED_ARRAYS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/dataset/import/array_source.h"

namespace fairlead {

// The arrays of an .npz file, or of a folder: .npy files by their names without
// the ending, .csv and .csv.gz likewise, the members of .npz files. Dashes and
// underscores are one: node-feat.csv.gz is node_feat.
class NamedArrays {
 public:
  // NOT_FOUND if there is no such path; INVALID_ARGUMENT if it is another kind
  // of file, or an .npz that cannot be read.
  static absl::StatusOr<NamedArrays> Open(const std::string& path);

  // Adds the arrays of a folder, if there is one.
  absl::Status AddFolder(const std::string& path);

  bool Has(const std::string& name) const { return places_.count(name) > 0; }

  // The one array of any of these names; nothing if there is none.
  // INVALID_ARGUMENT, naming both, if there are two; else as ReadArray.
  absl::StatusOr<std::optional<SourceArray>> Read(
      const std::vector<std::string>& names, TextNumbers text) const;

  // "edge_index, node_feat": for messages.
  std::string Names() const;

 private:
  struct Place {
    std::string path;
    std::string member;  // of an .npz
  };

  absl::Status AddNpz(const std::string& path);
  void Add(const std::string& name, Place place);

  std::map<std::string, std::vector<Place>> places_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_NAMED_ARRAYS_H_
