#include "tools/dataset/import/array_source.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/row_parser.h"
#include "libs/graph/element_type.h"
#include "libs/graph/npy.h"
#include "libs/python_files/npz_reader.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/half.h"

namespace fairlead {
namespace {

constexpr size_t kRowsAtATime = 65536;

absl::Status Bad(const SourceArray& array, int64_t element,
                 const std::string& why) {
  const int64_t columns = array.columns();
  const int64_t row = columns == 0 ? 0 : element / columns;
  return absl::InvalidArgumentError(
      absl::StrCat(array.name, ": row ", row, ": ", why));
}

// NumPy says u2 of both; what is meant by bfloat16 is not read from here.
std::optional<ElementType> TypeOfDtype(const std::string& dtype) {
  for (const ElementType type :
       {ElementType::kBool, ElementType::kUint8, ElementType::kInt8,
        ElementType::kUint16, ElementType::kInt16, ElementType::kUint32,
        ElementType::kInt32, ElementType::kUint64, ElementType::kInt64,
        ElementType::kFloat16, ElementType::kFloat32, ElementType::kFloat64}) {
    if (NpyDtype(type) == dtype) return type;
  }
  return std::nullopt;
}

absl::StatusOr<ElementType> ExpectType(const std::string& dtype,
                                       const std::string& name) {
  const std::optional<ElementType> type = TypeOfDtype(dtype);
  if (type.has_value()) return *type;
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": is of dtype ", dtype, ", which is not read"));
}

bool IsText(absl::string_view path) {
  path = absl::StripSuffix(path, ".gz");
  for (const char* ending : {".csv", ".tsv", ".txt", ".edges"}) {
    if (absl::EndsWith(path, ending)) return true;
  }
  return false;
}

bool IsIdColumn(const std::string& name) {
  return name == "id" || name == "node" || name == "node_id";
}

// A table of text, row by row.
absl::StatusOr<SourceArray> ReadText(const std::string& path,
                                     TextNumbers text) {
  NumberTableOptions options;
  options.allow_non_finite = true;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<NumberTableReader> table,
                            NumberTableReader::Open(path, options));
  std::vector<ColumnKind> kinds(table->columns(), text == TextNumbers::kIntegers
                                                      ? ColumnKind::kInteger
                                                      : ColumnKind::kReal);
  std::optional<size_t> id_column;
  for (size_t i = 0; i < table->header().size(); ++i) {
    if (!IsIdColumn(table->header()[i]) || kinds.size() == 1) continue;
    if (id_column.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": two columns are ids, ", table->header()[*id_column], " and ",
          table->header()[i]));
    }
    id_column = i;
    kinds[i] = ColumnKind::kId;
  }
  const auto columns =
      static_cast<int64_t>(kinds.size() - (id_column.has_value() ? 1 : 0));
  SourceArray array;
  array.name = path;
  array.type = text == TextNumbers::kIntegers ? ElementType::kInt64
                                              : ElementType::kFloat32;
  const auto bytes = std::make_shared<std::vector<uint8_t>>();
  std::vector<int64_t> integers;
  std::vector<double> reals;
  int64_t rows = 0;
  if (id_column.has_value()) array.ids.emplace();
  const auto append = [&bytes](const auto value) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    bytes->insert(bytes->end(), begin, begin + sizeof(value));
  };
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const size_t read,
        table->ReadColumns(kRowsAtATime, kinds, &integers, &reals));
    if (read == 0) break;
    rows += static_cast<int64_t>(read);
    size_t next_integer = 0;
    size_t next_real = 0;
    for (size_t i = 0; i < read * kinds.size(); ++i) {
      if (id_column.has_value() && i % kinds.size() == *id_column) {
        array.ids->push_back(integers[next_integer++]);
      } else if (text == TextNumbers::kIntegers) {
        append(integers[next_integer++]);
      } else {
        append(static_cast<float>(reals[next_real++]));
      }
    }
  }
  array.shape = {rows};
  if (columns != 1) array.shape.push_back(columns);
  array.data = bytes->data();
  array.keep = bytes;
  return array;
}

template <typename T>
T At(const SourceArray& array, int64_t i) {
  T value;
  std::memcpy(&value, array.data + i * static_cast<int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

// An element of whatever type is a real; nullopt for uint64 and int64, which a
// double may not hold.
std::optional<double> RealAt(const SourceArray& array, int64_t i) {
  switch (array.type) {
    case ElementType::kBool:
    case ElementType::kUint8:
      return At<uint8_t>(array, i);
    case ElementType::kInt8:
      return At<int8_t>(array, i);
    case ElementType::kUint16:
      return At<uint16_t>(array, i);
    case ElementType::kInt16:
      return At<int16_t>(array, i);
    case ElementType::kUint32:
      return At<uint32_t>(array, i);
    case ElementType::kInt32:
      return At<int32_t>(array, i);
    case ElementType::kFloat16:
      return HalfToFloat(At<uint16_t>(array, i));
    case ElementType::kFloat32:
      return At<float>(array, i);
    case ElementType::kFloat64:
      return At<double>(array, i);
    default:
      return std::nullopt;
  }
}

}  // namespace

int64_t SourceArray::columns() const {
  int64_t columns = 1;
  for (size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
  return columns;
}

uint64_t SourceArray::bytes() const {
  return static_cast<uint64_t>(rows() * columns()) * ElementBytes(type);
}

absl::StatusOr<SourceArray> ReadArray(const std::string& path,
                                      TextNumbers text) {
  if (IsText(path)) return ReadText(path, text);
  if (!absl::EndsWith(path, ".npy")) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": must be .npy, or text in .csv, .tsv or .txt, perhaps .gz"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(NpyFile opened, NpyFile::Open(path));
  const auto file = std::make_shared<const NpyFile>(std::move(opened));
  SourceArray array;
  array.name = path;
  FAIRLEAD_ASSIGN_OR_RETURN(array.type, ExpectType(file->dtype(), path));
  array.shape = file->shape();
  array.data = file->data();
  array.keep = file;
  return array;
}

absl::StatusOr<SourceArray> ReadNpzArray(const std::string& path,
                                         const std::string& member) {
  FAIRLEAD_ASSIGN_OR_RETURN(const NpzReader npz, NpzReader::Open(path));
  FAIRLEAD_ASSIGN_OR_RETURN(NpzArray read, npz.Read(member));
  const auto kept = std::make_shared<const NpzArray>(std::move(read));
  SourceArray array;
  array.name = kept->name;
  FAIRLEAD_ASSIGN_OR_RETURN(array.type, ExpectType(kept->dtype, array.name));
  array.shape = kept->shape;
  array.data = kept->data.span.data();
  array.keep = kept;
  return array;
}

absl::StatusOr<std::vector<int64_t>> ToIntegers(const SourceArray& array,
                                                bool nan_is_unknown) {
  const int64_t count = array.rows() * array.columns();
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const std::optional<double> real = RealAt(array, i);
    if (!real.has_value()) {
      const auto value = At<int64_t>(array, i);
      if (array.type == ElementType::kUint64 && value < 0) {
        return Bad(array, i, "is too large for int64");
      }
      values.push_back(value);
      continue;
    }
    if (nan_is_unknown && std::isnan(*real)) {
      values.push_back(-1);
      continue;
    }
    // Beyond this, a double is not the number that was meant.
    if (std::trunc(*real) != *real || std::abs(*real) > 9007199254740992.0) {
      return Bad(array, i, absl::StrCat("is ", *real, ", which is no integer"));
    }
    values.push_back(static_cast<int64_t>(*real));
  }
  return values;
}

absl::StatusOr<std::vector<float>> ToWeights(const SourceArray& array) {
  const int64_t count = array.rows() * array.columns();
  std::vector<float> weights;
  weights.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const std::optional<double> real = RealAt(array, i);
    const auto weight = static_cast<float>(
        real.has_value() ? *real : static_cast<double>(At<int64_t>(array, i)));
    if (!std::isfinite(weight) || weight < 0) {
      return Bad(
          array, i,
          absl::StrCat("is ", weight, "; weights are 0 or more, and finite"));
    }
    weights.push_back(weight);
  }
  return weights;
}

}  // namespace fairlead
