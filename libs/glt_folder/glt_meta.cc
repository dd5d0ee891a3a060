#include "libs/glt_folder/glt_meta.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/partition_book.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::StatusOr<const PickleValue*> Get(const PickleValue& meta,
                                       absl::string_view key,
                                       absl::string_view path) {
  const PickleValue* const value = meta.Find(key);
  if (value != nullptr) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": has no key \"", key,
      "\"; is it the META that GLT wrote beside node_pb and part0?"));
}

absl::Status ExpectSequence(const PickleValue& value, absl::string_view what) {
  if (value.kind() == PickleKind::kTuple || value.kind() == PickleKind::kList) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(what, " is of Python type ",
                                                 PickleKindName(value.kind()),
                                                 "; it must be list or tuple"));
}

// A name that becomes a part of a path.
absl::StatusOr<std::string> GetName(const PickleValue& value,
                                    absl::string_view what) {
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view name,
                            value.GetString(what));
  const auto is_control = [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  };
  if (name.empty() || name == "." || absl::StrContains(name, '/') ||
      absl::StrContains(name, "..") ||
      std::any_of(name.begin(), name.end(), is_control)) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " is \"", absl::CHexEscape(name.substr(0, 100)),
        "\", which cannot be the name of a file in the folder; rename the "
        "type, without \"/\", \"..\" and control characters"));
  }
  return std::string(name);
}

absl::Status AddNodeTypes(const PickleValue& types, const std::string& what,
                          GltMeta* meta) {
  FAIRLEAD_RETURN_IF_ERROR(ExpectSequence(types, what));
  std::set<std::string> known;
  for (size_t i = 0; i < types.size(); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        std::string name,
        GetName(types.item(i), absl::StrCat(what, "[", i, "]")));
    if (!known.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " has \"", name, "\" twice"));
    }
    meta->node_types.push_back(std::move(name));
  }
  return absl::OkStatus();
}

absl::StatusOr<GltEdgeType> GetEdgeType(const PickleValue& value,
                                        const std::string& what) {
  FAIRLEAD_RETURN_IF_ERROR(ExpectSequence(value, what));
  if (value.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " has ", value.size(),
        " parts; an edge type is a tuple (source type, relation, destination "
        "type)"));
  }
  GltEdgeType type;
  FAIRLEAD_ASSIGN_OR_RETURN(type.src,
                            GetName(value.item(0), absl::StrCat(what, "[0]")));
  FAIRLEAD_ASSIGN_OR_RETURN(type.relation,
                            GetName(value.item(1), absl::StrCat(what, "[1]")));
  FAIRLEAD_ASSIGN_OR_RETURN(type.dst,
                            GetName(value.item(2), absl::StrCat(what, "[2]")));
  return type;
}

absl::Status AddEdgeTypes(const PickleValue& types, const std::string& what,
                          GltMeta* meta) {
  FAIRLEAD_RETURN_IF_ERROR(ExpectSequence(types, what));
  const std::set<std::string> nodes(meta->node_types.begin(),
                                    meta->node_types.end());
  std::set<std::string> known;
  for (size_t i = 0; i < types.size(); ++i) {
    const std::string item = absl::StrCat(what, "[", i, "]");
    FAIRLEAD_ASSIGN_OR_RETURN(GltEdgeType type,
                              GetEdgeType(types.item(i), item));
    for (const std::string& end : {type.src, type.dst}) {
      if (nodes.contains(end)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          item, " is of the node type \"", end,
          "\", which node_types does not have; partition the graph again"));
    }
    // GLT joins the parts with "__" and escapes nothing.
    if (!known.insert(type.Name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, " has two types whose files are called \"", type.Name(),
          "\"; rename one, for they have overwritten each other's files"));
    }
    meta->edge_types.push_back(std::move(type));
  }
  return absl::OkStatus();
}

// None, an empty list, or no such key: there is one type of each anyway.
absl::Status ExpectNoTypes(const PickleValue& meta, absl::string_view key,
                           absl::string_view path) {
  const PickleValue* const types = meta.Find(key);
  if (types == nullptr || types->kind() == PickleKind::kNone) {
    return absl::OkStatus();
  }
  const std::string what = absl::StrCat(path, ": ", key);
  FAIRLEAD_RETURN_IF_ERROR(ExpectSequence(*types, what));
  if (types->size() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", types->size(),
                   " types, but data_cls is \"homo\"; partition again"));
}

absl::StatusOr<uint32_t> GetNumPartitions(const PickleValue& root,
                                          const std::string& path) {
  const std::string what = absl::StrCat(path, ": num_parts");
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* value,
                            Get(root, "num_parts", path));
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t num_parts, value->GetInt(what));
  if (num_parts < 1 || num_parts > int64_t{kMaxPartitions}) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " is ", num_parts, "; there must be 1 to ",
                     kMaxPartitions, " partitions"));
  }
  return static_cast<uint32_t>(num_parts);
}

}  // namespace

std::string GltEdgeType::Name() const {
  if (*this == GltEdgeType{}) return "";
  return absl::StrCat(src, "__", relation, "__", dst);
}

absl::StatusOr<GltMeta> ReadGltMeta(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes bytes, MapFile(path));
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument document,
                            ParsePickle(bytes, path));
  const PickleValue& root = document.root();
  FAIRLEAD_RETURN_IF_ERROR(
      root.Expect(PickleKind::kDict, absl::StrCat(path, ": the value")));
  GltMeta meta;
  FAIRLEAD_ASSIGN_OR_RETURN(meta.num_partitions, GetNumPartitions(root, path));
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* value,
                            Get(root, "data_cls", path));
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::string_view data_cls,
                            value->GetString(absl::StrCat(path, ": data_cls")));
  if (data_cls == "homo") {
    FAIRLEAD_RETURN_IF_ERROR(ExpectNoTypes(root, "node_types", path));
    FAIRLEAD_RETURN_IF_ERROR(ExpectNoTypes(root, "edge_types", path));
    meta.node_types = {""};
    meta.edge_types = {{}};
    return meta;
  }
  if (data_cls != "hetero") {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": data_cls is \"", absl::CHexEscape(data_cls.substr(0, 100)),
        "\"; it must be \"homo\" or \"hetero\""));
  }
  meta.heterogeneous = true;
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* nodes,
                            Get(root, "node_types", path));
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleValue* edges,
                            Get(root, "edge_types", path));
  FAIRLEAD_RETURN_IF_ERROR(
      AddNodeTypes(*nodes, absl::StrCat(path, ": node_types"), &meta));
  FAIRLEAD_RETURN_IF_ERROR(
      AddEdgeTypes(*edges, absl::StrCat(path, ": edge_types"), &meta));
  return meta;
}

}  // namespace fairlead
