// Times the hashing of JPEG files by the reference implementation of PDQ, for
// `brdo bench figures`.
//
//   pdq nn512|full ROUNDS FILE...
//
// nn512 is what the reference's command line does: CImg, here linked to libjpeg, a reduction to
// 512 by 512 by nearest neighbour, the hash. full is what Hasher-Matcher-Actioner does:
// libjpeg decodes to RGB as Pillow lets it, and the hash is of the full size.
// One line of JSON: the sum over all files of the least time of the rounds, on one core.
#define cimg_use_jpeg
#define cimg_display 0
#include <pdq/cpp/CImg.h>
#include <pdq/cpp/downscaling/downscaling.h>
#include <pdq/cpp/hashing/pdqhashing.h>
#include <pdq/cpp/io/pdqio.h>

#include <jpeglib.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace facebook::pdq::hashing;

namespace {

double milliseconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

struct Failure {
  jpeg_error_mgr manager;
  jmp_buf back;
};

bool hashFull(const char* path) {
  FILE* file = fopen(path, "rb");
  if (!file) return false;
  jpeg_decompress_struct decoder;
  Failure failure;
  decoder.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = [](j_common_ptr d) { longjmp(reinterpret_cast<Failure*>(d->err)->back, 1); };
  std::vector<unsigned char> pixels;
  std::vector<float> luma, other;
  if (setjmp(failure.back)) {
    jpeg_destroy_decompress(&decoder);
    fclose(file);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_stdio_src(&decoder, file);
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  const int width = decoder.output_width, height = decoder.output_height;
  pixels.resize(size_t(width) * height * 3);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = &pixels[size_t(decoder.output_scanline) * width * 3];
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  fclose(file);
  luma.resize(size_t(width) * height);
  other.resize(luma.size());
  fillFloatLumaFromRGB(&pixels[0], &pixels[1], &pixels[2], height, width, 3 * width, 3, luma.data());
  float buffer64x64[64][64], buffer16x64[16][64], buffer16x16[16][16];
  Hash256 hash;
  int quality = 0;
  pdqHash256FromFloatLuma(luma.data(), other.data(), height, width, buffer64x64, buffer16x64, buffer16x16, hash, quality);
  return true;
}

bool hashNearest(const char* path) {
  Hash256 hash;
  int quality = 0, size = 0;
  float hashing = 0, reading = 0;
  try {
    return pdqHash256FromFile(path, hash, quality, size, reading, hashing);
  } catch (...) {
    return false;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const bool full = !strcmp(arguments[1], "full");
  const int rounds = atoi(arguments[2]);
  double total = 0, bytes = 0;
  int files = 0;
  for (int i = 3; i < count; i++) {
    double least = 1e12;
    bool read = true;
    for (int k = 0; k < rounds && read; k++) {
      const double from = milliseconds();
      read = full ? hashFull(arguments[i]) : hashNearest(arguments[i]);
      least = std::min(least, milliseconds() - from);
    }
    if (!read) continue;
    files++;
    total += least;
    FILE* file = fopen(arguments[i], "rb");
    fseek(file, 0, SEEK_END);
    bytes += ftell(file);
    fclose(file);
  }
  printf("{\"mode\":\"%s\",\"files\":%d,\"images_per_s\":%g,\"mb_per_s\":%g}\n", full ? "reference, full size" : "reference, nn512", files,
         files / total * 1e3, bytes / 1e6 / total * 1e3);
}
