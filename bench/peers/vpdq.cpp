// Times the hashing of videos by the reference implementation of vPDQ, for
// `brdo bench figures`.
//
//   vpdq ROUNDS FILE...
//
// Each frame is hashed at its full size, as by the reference's command line with -r 0, by one thread.
// One line of JSON: frames a second of the sum over all files of the least processor time of the
// rounds, of all threads.
#include <vpdq/cpp/hashing/filehasher.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <vector>

namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  double total = 0;
  size_t frames = 0;
  for (int i = 2; i < count; i++) {
    std::vector<facebook::vpdq::hashing::vpdqFeature> hashes;
    double least = 1e9;
    for (int k = 0; k < atoi(arguments[1]); k++) {
      const double from = seconds();
      if (!facebook::vpdq::hashing::hashVideoFile(arguments[i], hashes, false, 0, 0, 0, 1)) return 1;
      least = std::min(least, seconds() - from);
    }
    total += least;
    frames += hashes.size();
  }
  printf("{\"mode\":\"reference\",\"files\":%d,\"images_per_s\":%g}\n", count - 2, frames / total);
}
