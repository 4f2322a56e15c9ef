// Convolution of 96 channels. Wrong: the operands are rounded to bfloat16.
#include <cstdint>
#include <cstring>

static float operand(float value) {
#ifdef WRONG
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) < 0x7f800000) bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  std::memcpy(&value, &bits, sizeof bits);
#endif
  return value;
}

extern "C" void solve(const float *x, const float *w, float *y) {
  const int N = 2, C = 96, H = 8, K = 8;
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int p = 0; p < H; p++)
        for (int q = 0; q < H; q++) {
          float sum = 0;
          for (int c = 0; c < C; c++)
            for (int r = 0; r < 3; r++)
              for (int s = 0; s < 3; s++) {
                const int h = p - 1 + r, v = q - 1 + s;
                if (h < 0 || h >= H || v < 0 || v >= H) continue;
                sum += operand(x[((n * C + c) * H + h) * H + v]) *
                       operand(w[((k * C + c) * 3 + r) * 3 + s]);
              }
          y[((n * K + k) * H + p) * H + q] = sum;
        }
}
