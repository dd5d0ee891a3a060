#ifndef FAIRLEAD_TOOLS_DATASET_WORDNET_H_
#define FAIRLEAD_TOOLS_DATASET_WORDNET_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/graph/dataset_writer.h"

namespace fairlead {

// WordNet 3.0 (Fellbaum 1998; wndb(5WN) for the files) as a heterogeneous,
// labelled graph.
//
//   nodes     synsets, in the order of data.noun, data.verb, data.adj, data.adv
//   edges     pointers, one type a pointer symbol: hypernym, hyponym, ...
//   features  the gloss and the synset's words as a bag of words, weighted by
//             inverse document frequency, hashed with signs into `feature_dim`
//             columns (Weinberger et al., ICML 2009) and scaled to length 1;
//             then one column for each of noun, verb, adjective, adverb
//   labels    the lexicographer file: 45 classes, such as noun.food
//   splits    60/20/20, at random by `seed`
struct WordNetOptions {
  std::string directory = "/usr/share/wordnet";
  int64_t feature_dim = 128;  // hashed columns
  uint64_t seed = 0;          // of the splits
};

// NOT_FOUND, naming the package, if the files are not there; INVALID_ARGUMENT,
// naming the line, if they cannot be read.
absl::StatusOr<DatasetContents> ReadWordNet(const WordNetOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_WORDNET_H_
