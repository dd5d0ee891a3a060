#ifndef FAIRLEAD_LIBS_DIST_GRAPH_FAKE_PARTITIONS_H_
#define FAIRLEAD_LIBS_DIST_GRAPH_FAKE_PARTITIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/graph/table.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/random/philox.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {

// Papers with float32 features and labels, authors with int8 features, scaled,
// and edges from these to those with features and ids of their own. Ids of
// papers are 0 to 299, those of authors and of edges have gaps.
inline DatasetContents PapersAndAuthors() {
  RandomStream random(1, 0, 0);
  DatasetContents contents;
  contents.name = "papers";
  DatasetContents::Nodes& papers = contents.nodes.emplace_back();
  papers.name = "paper";
  papers.num_nodes = 300;
  papers.feature_dim = 5;
  for (int64_t i = 0; i < papers.num_nodes; ++i) {
    for (int64_t c = 0; c < papers.feature_dim; ++c) {
      papers.features.push_back(static_cast<float>(100 * i + c));
    }
    papers.labels.push_back(i % 7);
  }
  papers.train = {{0, 5, 9}};
  DatasetContents::Nodes& authors = contents.nodes.emplace_back();
  authors.name = "author";
  authors.num_nodes = 100;
  authors.other_features = {.element_type = ElementType::kInt8,
                            .columns = 3,
                            .scale = {0.5F, 0.25F, 2}};
  for (int64_t i = 0; i < authors.num_nodes; ++i) {
    authors.ids.push_back(3 * i + 1);
    for (int c = 0; c < 3; ++c) {
      authors.other_features.bytes.push_back(
          static_cast<uint8_t>(random.Below(256)));
    }
  }
  DatasetContents::Edges& writes = contents.edges.emplace_back();
  writes.name = {"author", "writes", "paper"};
  writes.features.columns = 2;
  for (int64_t i = 0; i < 400; ++i) {
    writes.edges.emplace_back(3 * static_cast<int64_t>(random.Below(100)) + 1,
                              static_cast<int64_t>(random.Below(300)));
    writes.ids.push_back(2 * i + 3);
    for (int c = 0; c < 2; ++c) {
      writes.features.values.push_back(static_cast<float>(10 * i + c));
    }
  }
  return contents;
}

// Answers out of the other partitions' datasets.
class FakePartitions final : public RemotePartitions {
 public:
  // Runs an answer: now, later, or on another thread.
  using Run = std::function<void(std::function<void()>)>;

  explicit FakePartitions(const PartitionedDataset& parts, Run run = nullptr)
      : parts_(parts), run_(std::move(run)) {}

  void Fetch(const RemoteFetches& fetches,
             std::function<void(absl::Status)> done) override {
    for (const RowFetch& fetch : *fetches.rows) {
      ++num_fetches;
      num_ids += fetch.ids.size();
    }
    auto answer = [this, fetches, done = std::move(done)] {
      absl::Status status = failure;
      // The last first: nothing is said of the order.
      for (size_t i = fetches.rows->size(); i > 0 && status.ok(); --i) {
        status = Answer((*fetches.rows)[i - 1]);
      }
      done(status);
    };
    if (run_ == nullptr) {
      answer();
    } else {
      run_(std::move(answer));
    }
  }

  // What the partition of `fetch` would answer.
  absl::Status Answer(RowFetch& fetch) const {
    const RowStore* store = FindRows(
        parts_.partition(fetch.partition),
        {.of_edges = fetch.of_edges, .type = fetch.type, .kind = fetch.kind});
    if (store == nullptr) return absl::NotFoundError("has no such rows");
    std::vector<uint8_t> rows(fetch.ids.size() * fetch.row_bytes);
    FAIRLEAD_RETURN_IF_ERROR(store->Gather(fetch.ids, absl::MakeSpan(rows)));
    fetch.answer.assign(rows.begin(), rows.end());
    fetch.answer.resize(fetch.answer.size() - cut_bytes);
    return absl::OkStatus();
  }

  // Set while nothing is asked for.
  absl::Status failure;
  size_t cut_bytes = 0;  // off each answer
  // How many were asked for. REQUIRES one caller at a time.
  size_t num_fetches = 0;
  size_t num_ids = 0;

 private:
  const PartitionedDataset& parts_;
  const Run run_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_DIST_GRAPH_FAKE_PARTITIONS_H_
