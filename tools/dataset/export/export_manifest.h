#ifndef FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_MANIFEST_H_
#define FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_MANIFEST_H_

namespace fairlead {

// What is in export.json. A part of export_files.
inline constexpr char kExportFile[] = "export.json";
inline constexpr char kExportFormat[] = "fairlead.export.v1";

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_MANIFEST_H_
