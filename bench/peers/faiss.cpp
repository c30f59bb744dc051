// Times the search of near hashes as Hasher-Matcher-Actioner does it: faiss'
// IndexBinaryMultiHash with 16 bands of 16 bits and one flip, which is exact up to a
// distance of 31; for `brdo bench figures`.
//
//   faiss N
//
// The hashes and how queries are made are those of `brdo bench match`. One line of JSON: the
// least mean of 100 queries, on one core.
#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <vector>

namespace {

uint64_t mixed(uint64_t state) {  // SplitMix64
  uint64_t z = state * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void hash(uint64_t number, uint64_t* code) {
  for (int i = 0; i < 4; i++) code[i] = mixed(4 * number + i + 1);
}

double nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

double least(const faiss::IndexBinary& index, const std::vector<uint64_t>& queries) {
  double best = 1e18;
  for (double begun = nanoseconds(); nanoseconds() - begun < 2e9;) {
    for (size_t from = 0; from + 400 <= queries.size(); from += 400) {
      const double start = nanoseconds();
      for (size_t q = from; q < from + 400; q += 4) {
        faiss::RangeSearchResult found(1);
        // Distances below the radius are found, so 32 for 31.
        index.range_search(1, reinterpret_cast<const uint8_t*>(&queries[q]), 32, &found);
      }
      best = std::min(best, (nanoseconds() - start) / 100);
    }
  }
  return best;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const uint64_t n = strtoull(arguments[1], nullptr, 10);
  omp_set_num_threads(1);
  faiss::IndexBinaryMultiHash index(256, 16, 16);
  index.own_fields = true;
  index.nflip = 1;
  std::vector<uint64_t> block;
  for (uint64_t number = 0; number < n;) {
    block.clear();
    for (; number < n && block.size() < 4 * 100000; number++) {
      block.resize(block.size() + 4);
      hash(number, &block[block.size() - 4]);
    }
    index.add(block.size() / 4, reinterpret_cast<const uint8_t*>(block.data()));
  }
  std::vector<uint64_t> hits, misses;
  for (uint64_t i = 0; i < 400; i++) {
    uint64_t code[4];
    hash(mixed(i + 7) % n, code);
    for (uint64_t flips = 0; flips < i % 32; flips++) {
      const uint64_t bit = mixed(1000 * i + flips) % 256;
      code[bit / 64] ^= uint64_t(1) << bit % 64;
    }
    hits.insert(hits.end(), code, code + 4);
    hash(n + 1 + i, code);
    misses.insert(misses.end(), code, code + 4);
  }
  const double hit = least(index, hits), miss = least(index, misses);
  printf("{\"kind\":\"faiss IndexBinaryMultiHash(16, 16)\",\"n\":%llu,\"ns_per_query\":%g,\"ns_per_hit\":%g,\"ns_per_miss\":%g}\n", (unsigned long long)n,
         (hit + miss) / 2, hit, miss);
}
