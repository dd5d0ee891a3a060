#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_FORMAT_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_FORMAT_H_

// What who reads a manifest and who writes one must agree on. A part of
// dataset_manifest.
namespace fairlead {

inline constexpr char kDatasetFormat[] = "fairlead.dataset.v1";
inline constexpr char kPartitionsFormat[] = "fairlead.partitions.v1";
inline constexpr char kManifestFile[] = "dataset.json";

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_MANIFEST_FORMAT_H_
