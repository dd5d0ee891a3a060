#include "tools/dataset/wordnet.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/random_split.h"
#include "xxhash.h"

namespace fairlead {
namespace {

constexpr int64_t kLexicographerFiles = 45;
constexpr char kNodeType[] = "synset";

struct PartOfSpeech {
  const char* file;
  char letter;  // as pointers name it
};
constexpr PartOfSpeech kPartsOfSpeech[] = {{"data.noun", 'n'},
                                           {"data.verb", 'v'},
                                           {"data.adj", 'a'},
                                           {"data.adv", 'r'}};

// Pointer symbols, as wninput(5WN) names them.
constexpr struct {
  const char* symbol;
  const char* relation;
} kPointers[] = {
    {"!", "antonym"},
    {"@", "hypernym"},
    {"@i", "instance_hypernym"},
    {"~", "hyponym"},
    {"~i", "instance_hyponym"},
    {"#m", "member_holonym"},
    {"#s", "substance_holonym"},
    {"#p", "part_holonym"},
    {"%m", "member_meronym"},
    {"%s", "substance_meronym"},
    {"%p", "part_meronym"},
    {"=", "attribute"},
    {"+", "derivation"},
    {";c", "domain_topic"},
    {"-c", "topic_member"},
    {";r", "domain_region"},
    {"-r", "region_member"},
    {";u", "domain_usage"},
    {"-u", "usage_member"},
    {"*", "entailment"},
    {">", "cause"},
    {"^", "also_see"},
    {"$", "verb_group"},
    {"&", "similar"},
    {"<", "participle"},
    {"\\", "pertainym"},
};

// Satellite adjectives ('s') stand in data.adj like the others.
char FileLetter(char letter) { return letter == 's' ? 'a' : letter; }

struct Pointer {
  std::string relation;
  char letter = 'n';  // of the file that it points into
  int64_t offset = 0;
};

struct Synset {
  char letter = 'n';
  int64_t offset = 0;  // in its file: its name there
  int64_t lexicographer_file = 0;
  std::vector<Pointer> pointers;
  std::vector<std::string> tokens;  // of its words and its gloss
};

void AddTokens(absl::string_view text, std::vector<std::string>* tokens) {
  std::string token;
  const auto finish = [&token, tokens] {
    if (token.size() > 1) tokens->push_back(token);
    token.clear();
  };
  for (const char c : text) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      token += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else {
      finish();
    }
  }
  finish();
}

const std::map<std::string, std::string>& RelationBySymbol() {
  static const auto& relations = *[] {
    auto* map = new std::map<std::string, std::string>;
    for (const auto& pointer : kPointers) {
      (*map)[pointer.symbol] = pointer.relation;
    }
    return map;
  }();
  return relations;
}

// One line of a data file, wndb(5WN):
//   offset lex_file type word_count (word lex_id)* pointer_count
//   (symbol offset part_of_speech source/target)* [verb frames] | gloss
absl::StatusOr<Synset> ParseLine(const std::string& line, char letter) {
  const auto bad = [&line](const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " in the line of synset ", line.substr(0, 8)));
  };
  const std::pair<std::string, std::string> halves =
      absl::StrSplit(line, absl::MaxSplits('|', 1));
  const std::vector<std::string> fields =
      absl::StrSplit(halves.first, ' ', absl::SkipEmpty());
  Synset synset;
  synset.letter = letter;
  size_t next = 3;
  uint32_t words = 0;
  if (fields.size() < 5 || !absl::SimpleAtoi(fields[0], &synset.offset) ||
      !absl::SimpleAtoi(fields[1], &synset.lexicographer_file) ||
      synset.lexicographer_file < 0 ||
      synset.lexicographer_file >= kLexicographerFiles ||
      !absl::SimpleHexAtoi(fields[next++], &words)) {
    return bad("a bad beginning");
  }
  if (fields.size() < next + 2 * size_t{words} + 1) return bad("too few words");
  for (uint32_t i = 0; i < words; ++i, next += 2) {
    AddTokens(fields[next], &synset.tokens);
  }
  uint32_t pointers = 0;
  if (!absl::SimpleAtoi(fields[next++], &pointers) ||
      fields.size() < next + 4 * size_t{pointers}) {
    return bad("too few pointers");
  }
  for (uint32_t i = 0; i < pointers; ++i, next += 4) {
    Pointer pointer;
    const auto relation = RelationBySymbol().find(fields[next]);
    // A symbol of a later WordNet is an edge all the same.
    pointer.relation =
        relation == RelationBySymbol().end() ? "other" : relation->second;
    if (!absl::SimpleAtoi(fields[next + 1], &pointer.offset) ||
        fields[next + 2].size() != 1) {
      return bad("a bad pointer");
    }
    pointer.letter = FileLetter(fields[next + 2][0]);
    synset.pointers.push_back(std::move(pointer));
  }
  AddTokens(halves.second, &synset.tokens);
  return synset;
}

absl::Status ReadFile(const std::string& directory, const PartOfSpeech& part,
                      std::vector<Synset>* synsets) {
  const std::string path = absl::StrCat(directory, "/", part.file);
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        path,
        ": is not there; install the package wordnet-base, or name its "
        "folder with --wordnet_dir"));
  }
  const size_t before = synsets->size();
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == ' ') continue;  // the licence at the top
    absl::StatusOr<Synset> synset = ParseLine(line, part.letter);
    if (!synset.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", synset.status().message()));
    }
    synsets->push_back(*std::move(synset));
  }
  if (synsets->size() == before) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": holds no synset; install the package wordnet-base again"));
  }
  return absl::OkStatus();
}

// How much a word tells: log(documents / documents that have it).
absl::flat_hash_map<std::string, float> InverseDocumentFrequency(
    const std::vector<Synset>& synsets) {
  absl::flat_hash_map<std::string, float> weight;
  for (const Synset& synset : synsets) {
    const absl::flat_hash_set<std::string> distinct(synset.tokens.begin(),
                                                    synset.tokens.end());
    for (const std::string& token : distinct) weight[token] += 1;
  }
  for (auto& [token, count] : weight) {
    count = std::log(static_cast<float>(synsets.size()) / count);
  }
  return weight;
}

void HashTokens(const Synset& synset,
                const absl::flat_hash_map<std::string, float>& weight,
                float* row, int64_t columns) {
  for (const std::string& token : synset.tokens) {
    const uint64_t hash = XXH3_64bits(token.data(), token.size());
    const float sign = hash >> 63 != 0 ? 1.0F : -1.0F;
    row[hash % static_cast<uint64_t>(columns)] += sign * weight.at(token);
  }
  float square = 0;
  for (int64_t i = 0; i < columns; ++i) square += row[i] * row[i];
  if (square == 0) return;
  const float scale = 1 / std::sqrt(square);
  for (int64_t i = 0; i < columns; ++i) row[i] *= scale;
}

}  // namespace

absl::StatusOr<DatasetContents> ReadWordNet(const WordNetOptions& options) {
  if (options.feature_dim < 1 || options.feature_dim > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("--feature_dim=", options.feature_dim,
                     ": must be between 1 and 65536"));
  }
  std::vector<Synset> synsets;
  for (const PartOfSpeech& part : kPartsOfSpeech) {
    FAIRLEAD_RETURN_IF_ERROR(ReadFile(options.directory, part, &synsets));
  }
  absl::flat_hash_map<std::pair<char, int64_t>, int64_t> id_of;
  for (size_t i = 0; i < synsets.size(); ++i) {
    id_of[{synsets[i].letter, synsets[i].offset}] = static_cast<int64_t>(i);
  }

  DatasetContents contents;
  contents.name = "wordnet-3.0";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = kNodeType;
  nodes.num_nodes = static_cast<int64_t>(synsets.size());
  nodes.num_classes = kLexicographerFiles;
  const auto parts = static_cast<int64_t>(std::size(kPartsOfSpeech));
  nodes.feature_dim = options.feature_dim + parts;
  nodes.features.assign(
      static_cast<size_t>(nodes.num_nodes * nodes.feature_dim), 0);
  std::map<std::string, std::vector<std::pair<int64_t, int64_t>>> edges;
  const auto weight = InverseDocumentFrequency(synsets);
  for (size_t i = 0; i < synsets.size(); ++i) {
    const Synset& synset = synsets[i];
    float* row =
        nodes.features.data() + i * static_cast<size_t>(nodes.feature_dim);
    HashTokens(synset, weight, row, options.feature_dim);
    for (int64_t part = 0; part < parts; ++part) {
      if (kPartsOfSpeech[part].letter == synset.letter) {
        row[options.feature_dim + part] = 1;
      }
    }
    nodes.labels.push_back(synset.lexicographer_file);
    for (const Pointer& pointer : synset.pointers) {
      const auto target = id_of.find({pointer.letter, pointer.offset});
      if (target == id_of.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("synset ", synset.offset, " points to ",
                         pointer.offset, ", which is in none of the files"));
      }
      edges[pointer.relation].emplace_back(static_cast<int64_t>(i),
                                           target->second);
    }
  }
  for (auto& [relation, pairs] : edges) {
    contents.edges.push_back(
        {{kNodeType, relation, kNodeType}, std::move(pairs)});
  }
  SplitAtRandom(options.seed, &nodes);
  return contents;
}

}  // namespace fairlead
