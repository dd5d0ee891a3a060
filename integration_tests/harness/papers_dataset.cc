#include "integration_tests/harness/papers_dataset.h"

#include <cstdint>

#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/random/philox.h"
#include "libs/type_names/type_names.h"

namespace fairlead::testing {
namespace {

// Edges of a type, with all that edges may have, listed both ways.
DatasetContents::Edges RandomEdges(const EdgeTypeName& name, int64_t num_src,
                                   int64_t num_dst, int count) {
  RandomStream random(11, static_cast<uint64_t>(count), 0);
  const auto below = [&random](int64_t bound) {
    return static_cast<int64_t>(random.Below(static_cast<uint64_t>(bound)));
  };
  DatasetContents::Edges edges;
  edges.name = name;
  edges.by_dst = true;
  edges.features.columns = 3;
  for (int i = 0; i < count; ++i) {
    edges.edges.emplace_back(below(num_src), below(num_dst));
    edges.weights.push_back(static_cast<float>(below(5)));
    edges.timestamps.push_back(below(100));
    for (int column = 0; column < 3; ++column) {
      edges.features.values.push_back(static_cast<float>(3 * i + column));
    }
  }
  return edges;
}

}  // namespace

DatasetContents PapersDataset() {
  DatasetContents contents;
  contents.name = "papers";
  contents.nodes.resize(2);
  DatasetContents::Nodes& papers = contents.nodes[0];
  papers.name = "paper";
  papers.num_nodes = kPapers;
  papers.feature_dim = 16;
  papers.train.emplace();
  for (int64_t i = 0; i < kPapers; ++i) {
    for (int64_t column = 0; column < 16; ++column) {
      papers.features.push_back(static_cast<float>(16 * i + column));
    }
    papers.labels.push_back(i % 7);
    papers.timestamps.push_back(40 + i % 60);
    if (i % 3 != 0) papers.train->push_back(i);
  }
  DatasetContents::Nodes& authors = contents.nodes[1];
  authors.name = "author";
  authors.num_nodes = kAuthors;
  authors.other_features.element_type = ElementType::kInt8;
  authors.other_features.columns = 5;
  authors.other_features.scale = {0.5F};
  for (int64_t i = 0; i < kAuthors; ++i) {
    for (int64_t column = 0; column < 5; ++column) {
      authors.other_features.bytes.push_back(static_cast<uint8_t>(i + column));
    }
    authors.timestamps.push_back(50);
  }
  contents.edges = {
      RandomEdges({"paper", "cites", "paper"}, kPapers, kPapers, 3000),
      RandomEdges({"author", "writes", "paper"}, kAuthors, kPapers, 1000),
      RandomEdges({"paper", "by", "author"}, kPapers, kAuthors, 1001),
      RandomEdges({"paper", "by_gigl_positive", "author"}, kPapers, kAuthors,
                  700),
      RandomEdges({"paper", "by_gigl_negative", "author"}, kPapers, kAuthors,
                  701)};
  return contents;
}

}  // namespace fairlead::testing
