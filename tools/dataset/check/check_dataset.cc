#include "tools/dataset/check/check_dataset.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/partition_book.h"
#include "tools/dataset/check/across_check.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/edge_check.h"
#include "tools/dataset/check/node_check.h"

namespace fairlead {
namespace {

constexpr char kManifest[] = "dataset.json";

std::string NameText(const std::string& name) { return name; }
std::string NameText(const EdgeTypeName& name) { return name.ToString(); }

class DatasetCheck {
 public:
  DatasetCheck(const std::string& directory, const CheckOptions& options)
      : directory_(directory),
        options_(options),
        findings_(options.most_per_kind) {}

  Findings Run() {
    absl::StatusOr<DatasetFolder> folder = ReadDatasetFolder(directory_);
    if (!folder.ok()) {
      Refuse(kManifest, folder.status());
      return std::move(findings_);
    }
    if (folder->whole.has_value()) {
      AddPartition("", *std::move(folder->whole));
    } else {
      partitions_ = *std::move(folder->partitions);
      OpenBooks();
      for (const std::string& name : partitions_.partitions) {
        absl::StatusOr<DatasetManifest> manifest =
            ReadManifest(absl::StrCat(directory_, "/", name));
        if (manifest.ok()) {
          AddPartition(name, *std::move(manifest));
        } else {
          Refuse(absl::StrCat(name, "/", kManifest), manifest.status());
          ++next_;
          all_read_ = false;
        }
      }
    }
    CheckAll();
    return std::move(findings_);
  }

 private:
  void Refuse(const std::string& file, const absl::Status& status) {
    findings_.Error("manifest", file, std::nullopt,
                    std::string(status.message()));
  }

  // Books that cannot be opened are as none, after the error.
  std::shared_ptr<const PartitionBook> OpenBook(PartitionBookManifest manifest,
                                                const std::string& of) {
    if (!manifest.table.empty()) {
      manifest.table = absl::StrCat(directory_, "/", manifest.table);
    }
    absl::StatusOr<std::unique_ptr<const PartitionBook>> book =
        PartitionBook::Open(manifest);
    if (book.ok()) return *std::move(book);
    findings_.Error("book", kManifest, std::nullopt,
                    absl::StrCat("the book of ", of, ": ",
                                 std::string(book.status().message())));
    return nullptr;
  }

  CheckedBooks OpenBooksOf(const PartitionsManifest::Books& books,
                           const std::string& of) {
    CheckedBooks opened;
    opened.ids = OpenBook(books.ids, of);
    opened.name = books.ids.table.empty() ? kManifest : books.ids.table;
    opened.features =
        books.features.has_value() ? OpenBook(*books.features, of) : opened.ids;
    return opened;
  }

  void OpenBooks() {
    for (const PartitionsManifest::NodeBooks& type : partitions_.node_types) {
      CheckOnce(type.name, &graph_.node_books, kManifest);
      graph_.node_books[type.name] = OpenBooksOf(type.books, type.name);
    }
    for (const PartitionsManifest::EdgeBooks& type : partitions_.edge_types) {
      CheckOnce(type.name, &graph_.edge_books, kManifest);
      graph_.edge_books[type.name] =
          OpenBooksOf(type.books, type.name.ToString());
    }
  }

  template <typename Name, typename Seen>
  void CheckOnce(const Name& name, const Seen* seen, const std::string& file) {
    if (seen->count(name) == 0) return;
    findings_.Error("types", file, std::nullopt,
                    absl::StrCat("type ", NameText(name), " is there twice"));
  }

  void AddPartition(const std::string& folder, DatasetManifest manifest) {
    graph_.partitions.push_back(std::make_unique<CheckedPartition>(
        next_++, directory_, folder, std::move(manifest), &findings_));
    CheckTypes(*graph_.partitions.back());
  }

  // Whether the types fit each other, and those that there are books for.
  void CheckTypes(const CheckedPartition& partition) {
    const std::string file = partition.files.Name(kManifest);
    std::set<std::string> nodes;
    std::set<EdgeTypeName> edges;
    for (const NodeTypeManifest& type : partition.manifest.node_types) {
      CheckOnce(type.name, &nodes, file);
      nodes.insert(type.name);
    }
    if (nodes.empty()) {
      findings_.Error("types", file, std::nullopt, "has no node types");
    }
    for (const EdgeTypeManifest& type : partition.manifest.edge_types) {
      CheckOnce(type.name, &edges, file);
      edges.insert(type.name);
      for (const std::string& end : {type.name.src, type.name.dst}) {
        if (nodes.count(end) > 0) continue;
        findings_.Error("types", file, std::nullopt,
                        absl::StrCat("edge type ", type.name.ToString(),
                                     " names node type ", end,
                                     ", which is not among node_types"));
      }
    }
    if (partitions_.partitions.empty()) return;
    CheckSame(nodes, graph_.node_books, file);
    CheckSame(edges, graph_.edge_books, file);
  }

  template <typename Types, typename Books>
  void CheckSame(const Types& types, const Books& books,
                 const std::string& file) {
    for (const auto& name : types) {
      if (books.count(name) > 0) continue;
      findings_.Error("types", file, std::nullopt,
                      absl::StrCat("has type ", NameText(name), ", which ",
                                   kManifest, " of the whole has no book for"));
    }
    for (const auto& [name, book] : books) {
      if (types.count(name) > 0) continue;
      findings_.Error("types", file, std::nullopt,
                      absl::StrCat("lacks type ", NameText(name), ", which ",
                                   kManifest, " of the whole has a book for"));
    }
  }

  void CheckAll() {
    const size_t total = 4 * graph_.partitions.size() + 2;
    for (const auto& partition : graph_.partitions) {
      CheckNodeIds(graph_, partition.get(), &findings_);
      Step(total);
    }
    // Which nodes there are is not known unless all partitions are.
    if (all_read_) CheckAllNodes(&graph_, &findings_);
    Step(total);
    for (const auto& partition : graph_.partitions) {
      CheckNodeData(graph_, partition.get(), &findings_);
      Step(total);
    }
    for (const auto& partition : graph_.partitions) {
      CheckEdges(&graph_, partition.get(), &findings_);
      Step(total);
    }
    if (all_read_) CheckAllEdges(graph_, &findings_);
    Step(total);
    for (const auto& partition : graph_.partitions) {
      if (findings_.errors() == 0) LoadIt(*partition);
      Step(total);
    }
  }

  // Last: whoever serves it has the last word.
  void LoadIt(const CheckedPartition& partition) {
    Dataset::LoadOptions options;
    options.partition = partition.index;
    const absl::Status status = Dataset::Load(directory_, options).status();
    if (status.ok()) return;
    findings_.Error("load", partition.files.Name(kManifest), std::nullopt,
                    std::string(status.message()));
  }

  void Step(size_t total) {
    ++steps_;
    if (options_.progress) options_.progress(steps_, total);
  }

  const std::string directory_;
  const CheckOptions& options_;
  PartitionsManifest partitions_;  // empty where there is one whole
  Findings findings_;
  CheckedGraph graph_;
  uint32_t next_ = 0;
  bool all_read_ = true;
  uint64_t steps_ = 0;
};

}  // namespace

Findings CheckDataset(const std::string& directory,
                      const CheckOptions& options) {
  return DatasetCheck(directory, options).Run();
}

}  // namespace fairlead
