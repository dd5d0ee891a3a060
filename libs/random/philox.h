#ifndef FAIRLEAD_LIBS_RANDOM_PHILOX_H_
#define FAIRLEAD_LIBS_RANDOM_PHILOX_H_

#include <array>
#include <cstdint>

namespace fairlead {

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011): 128 bits that depend on a counter and a key and
// on nothing else, so any draw can be made again, anywhere, in any order.
using PhiloxBlock = std::array<uint32_t, 4>;

constexpr PhiloxBlock Philox4x32(PhiloxBlock counter, uint64_t key) {
  uint32_t key_0 = static_cast<uint32_t>(key);
  uint32_t key_1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product_0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product_1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product_1 >> 32) ^ counter[1] ^ key_0,
               static_cast<uint32_t>(product_1),
               static_cast<uint32_t>(product_0 >> 32) ^ counter[3] ^ key_1,
               static_cast<uint32_t>(product_0)};
    key_0 += 0x9E3779B9;
    key_1 += 0xBB67AE85;
  }
  return counter;
}

// What a draw is for. Draws for different purposes never meet.
enum class RandomPurpose : uint32_t {
  kShuffle = 1,
  kNeighbors = 2,
  kWalk = 3,
  kNegatives = 4,
  kPprNeighbors = 5,
};

// A key of its own for (seed, purpose, a, b): for example the epoch and the
// batch index. Equal arguments give equal keys, on every host and in every
// version: batches must stay reproducible.
constexpr uint64_t DeriveRandomKey(uint64_t seed, RandomPurpose purpose,
                                   uint64_t a, uint64_t b) {
  const PhiloxBlock first =
      Philox4x32({static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32),
                  static_cast<uint32_t>(purpose), 0},
                 seed);
  const uint64_t key = uint64_t{first[1]} << 32 | first[0];
  const PhiloxBlock second =
      Philox4x32({static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32),
                  first[2], first[3]},
                 key);
  return uint64_t{second[1]} << 32 | second[0];
}

// The random numbers of one place: `key` says for which purpose (see above),
// `place` and `lane` where, for example a node and a hop. Two streams that
// differ in any of the three are independent. Thread-compatible; a few
// registers, made where it is needed. All is constexpr, so that libs/cuda can
// call it in kernels.
class RandomStream {
 public:
  constexpr RandomStream(uint64_t key, uint64_t place, uint32_t lane)
      : key_(key), place_(place), lane_(lane) {}

  constexpr uint32_t Next32() {
    if (used_ == 4) {
      block_ = Philox4x32(
          {static_cast<uint32_t>(place_), static_cast<uint32_t>(place_ >> 32),
           lane_, blocks_made_++},
          key_);
      used_ = 0;
    }
    return block_[used_++];
  }

  constexpr uint64_t Next64() {
    const uint64_t low = Next32();
    return uint64_t{Next32()} << 32 | low;
  }

  // Uniform in [0, bound), without bias (Lemire 2019). REQUIRES bound >= 1.
  constexpr uint64_t Below(uint64_t bound) {
    if (bound <= UINT32_MAX) {
      return Below32(static_cast<uint32_t>(bound));
    }
    unsigned __int128 product =
        static_cast<unsigned __int128>(Next64()) * bound;
    if (static_cast<uint64_t>(product) < bound) {
      const uint64_t threshold = -bound % bound;
      while (static_cast<uint64_t>(product) < threshold) {
        product = static_cast<unsigned __int128>(Next64()) * bound;
      }
    }
    return static_cast<uint64_t>(product >> 64);
  }

 private:
  constexpr uint32_t Below32(uint32_t bound) {
    uint64_t product = uint64_t{Next32()} * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t threshold = -bound % bound;
      while (static_cast<uint32_t>(product) < threshold) {
        product = uint64_t{Next32()} * bound;
      }
    }
    return static_cast<uint32_t>(product >> 32);
  }

  const uint64_t key_;
  const uint64_t place_;
  const uint32_t lane_;
  uint32_t blocks_made_ = 0;
  int used_ = 4;
  PhiloxBlock block_{};
};

// SplitMix64's finaliser (Steele, Lea, Flood 2014): a cheap bijection that
// scatters neighbouring numbers.
constexpr uint64_t SplitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_RANDOM_PHILOX_H_
