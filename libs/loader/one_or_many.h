#ifndef FAIRLEAD_LIBS_LOADER_ONE_OR_MANY_H_
#define FAIRLEAD_LIBS_LOADER_ONE_OR_MANY_H_

#include <initializer_list>
#include <utility>
#include <vector>

namespace fairlead {

// A value, or a list of them, where GLT and GiGL take either.
template <typename T>
class OneOrMany {
 public:
  OneOrMany() = default;
  OneOrMany(T value) { values_.push_back(std::move(value)); }       // NOLINT
  OneOrMany(std::initializer_list<T> values) : values_(values) {}   // NOLINT
  OneOrMany(std::vector<T> values) : values_(std::move(values)) {}  // NOLINT
  const std::vector<T>& values() const { return values_; }

 private:
  std::vector<T> values_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_ONE_OR_MANY_H_
