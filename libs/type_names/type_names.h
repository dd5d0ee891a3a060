#ifndef FAIRLEAD_LIBS_TYPE_NAMES_TYPE_NAMES_H_
#define FAIRLEAD_LIBS_TYPE_NAMES_TYPE_NAMES_H_

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// The names of node and edge types, and the one text form that message keys,
// files and the command line use.

// A kind of edge. Ordered by (src, relation, dst).
struct EdgeTypeName {
  std::string src;
  std::string relation;
  std::string dst;

  auto operator<=>(const EdgeTypeName&) const = default;

  // "src__rel__dst" (parity 6.4), each part as EscapeTypeName has it, so that
  // there is one way to read it whatever the names are.
  std::string ToString() const;
};

// The reverse of ToString. INVALID_ARGUMENT unless there are three parts.
absl::StatusOr<EdgeTypeName> ParseEdgeTypeName(absl::string_view text);

// A name as it is, but "%XX" for a "%", a "/", a control character, and a "_"
// at either end or next to another "_". Fit for a file name.
std::string EscapeTypeName(absl::string_view name);

// The type of the same edges seen from their other end (parity 2.4, rule 7):
// (a, rel, b) becomes (b, rev_rel, a), and back; between nodes of one type it
// stays what it is.
EdgeTypeName ReverseEdgeType(const EdgeTypeName& name);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TYPE_NAMES_TYPE_NAMES_H_
