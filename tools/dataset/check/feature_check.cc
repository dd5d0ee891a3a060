#include "tools/dataset/check/feature_check.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "libs/graph/table.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/node_check.h"

namespace fairlead {
namespace {

// A file of rows, if its dtype and shape are such.
std::optional<Table> MapTable(const std::string& file,
                              std::optional<ElementType> element_type,
                              ArrayFiles* files, Findings* findings) {
  const NpyFile* mapped = files->Map(file);
  if (mapped == nullptr) return std::nullopt;
  if (!element_type.has_value()) {
    for (const ElementType type :
         {ElementType::kFloat32, ElementType::kFloat16, ElementType::kInt8,
          ElementType::kUint8, ElementType::kInt64}) {
      if (NpyDtype(type) == mapped->dtype()) element_type = type;
    }
  }
  if (!element_type.has_value() || NpyDtype(*element_type) != mapped->dtype() ||
      mapped->shape().size() != 2) {
    findings->Error(
        "features.kind", files->Name(file), std::nullopt,
        absl::StrCat("is ", mapped->dtype(), " of ", mapped->shape().size(),
                     " dimensions; features have two, [rows, columns], and "
                     "are float32, float16, int8, uint8, int64, or bfloat16 "
                     "in u2 with \"dtype\": \"bfloat16\" in dataset.json"));
    return std::nullopt;
  }
  return Table{*element_type, mapped->shape()[0], mapped->shape()[1],
               mapped->data()};
}

// Whether all bits of the exponent are set: NaN or infinite.
template <typename Bits>
bool AnyNotFinite(const uint8_t* row, int64_t columns, Bits exponent) {
  bool found = false;
  for (int64_t column = 0; column < columns; ++column) {
    Bits bits;
    std::memcpy(&bits, row + column * static_cast<int64_t>(sizeof(Bits)),
                sizeof(Bits));
    found = found || (bits & exponent) == exponent;
  }
  return found;
}

void CheckFinite(const Table& table, const std::string& name,
                 Findings* findings) {
  for (int64_t row = 0; row < table.rows; ++row) {
    bool bad = false;
    switch (table.element_type) {
      case ElementType::kFloat32:
        bad = AnyNotFinite<uint32_t>(table.Row(row), table.columns, 0x7F800000);
        break;
      case ElementType::kFloat16:
        bad = AnyNotFinite<uint16_t>(table.Row(row), table.columns, 0x7C00);
        break;
      case ElementType::kBFloat16:
        bad = AnyNotFinite<uint16_t>(table.Row(row), table.columns, 0x7F80);
        break;
      default:
        return;
    }
    if (bad) {
      findings->Warning("features.not_finite", name, row,
                        "has a value that is NaN or infinite");
    }
  }
}

void CheckScale(const FeaturesManifest& manifest, const Table& table,
                ArrayFiles* files, Findings* findings) {
  const NpyFile* scale = files->Vector(manifest.scale, "f4", -1, "columns");
  if (scale == nullptr) return;
  const std::string name = files->Name(manifest.scale);
  if (table.element_type != ElementType::kInt8 &&
      table.element_type != ElementType::kUint8) {
    findings->Error("features.scale", files->Name(manifest.file), std::nullopt,
                    absl::StrCat("is ", ElementTypeName(table.element_type),
                                 "; \"scale\" is for int8 and uint8"));
  }
  if (scale->shape()[0] != 1 && scale->shape()[0] != table.columns) {
    findings->Error(
        "features.scale", name, std::nullopt,
        absl::StrCat("has ", scale->shape()[0], " entries for ", table.columns,
                     " columns; it needs one for each, or one"));
  }
  for (int64_t i = 0; i < scale->shape()[0]; ++i) {
    if (std::isfinite(scale->As<float>()[static_cast<size_t>(i)])) continue;
    findings->Warning("features.not_finite", name, i, "is NaN or infinite");
  }
}

void CheckCached(const FeaturesManifest& manifest, const Table& table,
                 const IdSpace* owned, const std::string& of, ArrayFiles* files,
                 Findings* findings) {
  const std::optional<Table> cached =
      MapTable(manifest.cached, manifest.element_type, files, findings);
  if (!cached.has_value()) return;
  const std::string name = files->Name(manifest.cached);
  if (cached->element_type != table.element_type ||
      cached->columns != table.columns) {
    findings->Error("features.cached", name, std::nullopt,
                    absl::StrCat("has rows of another kind than ",
                                 files->Name(manifest.file)));
  }
  CheckFinite(*cached, name, findings);
  const std::optional<IdSpace> ids =
      CheckIdFile({.file = manifest.cached_ids}, cached->rows,
                  absl::StrCat("cached features of ", of), files, findings);
  if (!ids.has_value() || owned == nullptr) return;
  for (int64_t row = 0; row < ids->size(); ++row) {
    if (owned->Row(ids->Id(row)) < 0) continue;
    findings->Warning("features.cached_own", files->Name(manifest.cached_ids),
                      row,
                      absl::StrCat("is ", ids->Id(row),
                                   ", whose row this partition has anyway"));
  }
}

}  // namespace

void CheckFeatures(const FeaturesManifest& manifest,
                   const std::optional<IdSpace>& by_default,
                   const CheckedBooks* books, const std::string& of,
                   CheckedPartition* partition, Findings* findings) {
  ArrayFiles* files = &partition->files;
  const std::string name = files->Name(manifest.file);
  const std::optional<Table> table =
      MapTable(manifest.file, manifest.element_type, files, findings);
  if (!table.has_value()) return;
  CheckFinite(*table, name, findings);
  if (!manifest.scale.empty()) CheckScale(manifest, *table, files, findings);
  std::optional<IdSpace> ids = by_default;
  if (manifest.ids.has_value()) {
    ids = CheckIdFile(*manifest.ids, table->rows,
                      absl::StrCat("features of ", of), files, findings);
  }
  if (ids.has_value() && ids->size() != table->rows) {
    findings->Error("features.rows", name, std::nullopt,
                    absl::StrCat("has ", table->rows, " rows, but ", of,
                                 " has ", ids->size()));
    ids.reset();
  }
  if (ids.has_value() && books != nullptr && books->features != nullptr) {
    const bool listed = manifest.ids.has_value() && !manifest.ids->file.empty();
    ForEachForeign(
        *books->features, partition->index, ids->size(),
        [&ids](int64_t row) { return ids->Id(row); },
        [&](int64_t row, int64_t id, uint32_t owner) {
          findings->Error(
              "features.foreign",
              listed ? files->Name(manifest.ids->file) : name, row,
              absl::StrCat("is of ", of, " ", id, ", whose features are ",
                           OwnerText(owner), " by the book ", books->name));
        });
  }
  if (!manifest.cached.empty()) {
    CheckCached(manifest, *table, ids.has_value() ? &*ids : nullptr, of, files,
                findings);
  }
}

}  // namespace fairlead
