// Times the decoding of JPEG files by libjpeg-turbo to an eighth of their size, in grey, for
// `brdo bench figures`: the least that library can do of a picture. The script beside it builds it.
//
//   turbo ROUNDS FILE...
//
// The inverse transform gives the mean of each block alone (scale 1/8), and the colours are not kept (JCS_GRAYSCALE);
// nothing is hashed. Files are read from memory, as ours are.
// One line of JSON: the sum over all files of the least time of the rounds, on one core.
#include <stdio.h>

#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <time.h>

static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

struct failure {
  struct jpeg_error_mgr manager; // first, so that one pointer is both
  jmp_buf back;
};

static void give_up(j_common_ptr decoder) { longjmp(((struct failure*)decoder->err)->back, 1); }

static int decode(const unsigned char* data, unsigned long size) {
  struct jpeg_decompress_struct decoder;
  struct failure failure;
  decoder.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = give_up;
  if (setjmp(failure.back)) {
    jpeg_destroy_decompress(&decoder);
    return 0;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, data, size);
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = JCS_GRAYSCALE;
  decoder.scale_num = 1;
  decoder.scale_denom = 8;
  jpeg_start_decompress(&decoder);
  JSAMPARRAY row = (*decoder.mem->alloc_sarray)((j_common_ptr)&decoder, JPOOL_IMAGE, decoder.output_width, 1);
  while (decoder.output_scanline < decoder.output_height) jpeg_read_scanlines(&decoder, row, 1);
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return 1;
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const int rounds = atoi(arguments[1]);
  double total = 0, bytes = 0;
  int files = 0;
  for (int i = 2; i < count; i++) {
    FILE* file = fopen(arguments[i], "rb");
    if (!file) continue;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    unsigned char* data = malloc(size > 0 ? size : 1);
    int read = data && size > 0 && fread(data, 1, size, file) == (size_t)size;
    fclose(file);
    double least = 1e12;
    for (int k = 0; k < rounds && read; k++) {
      const double from = milliseconds();
      read = decode(data, size);
      const double took = milliseconds() - from;
      if (took < least) least = took;
    }
    free(data);
    if (!read) continue;
    files++;
    total += least;
    bytes += size;
  }
  printf("{\"mode\":\"libjpeg-turbo, decoding alone, an eighth, grey\",\"files\":%d,\"images_per_s\":%g,\"mb_per_s\":%g}\n", files, files / total * 1e3,
         bytes / 1e6 / total * 1e3);
}
